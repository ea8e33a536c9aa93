/** Tokens in the database that also holds the users; the tables come with `UserStore/Sql`'s. */
import { Effect, Layer, Option, Schema } from "effect"
import { SqlClient } from "effect/sql"
import { type AccessToken, AccessTokenStore, type StoredToken } from "../AccessTokenStore.ts"
import * as AtOnce from "../AtOnce.ts"
import { storeErrors } from "../StoreErrors.ts"
import type { Scope } from "../wire/Routes.ts"

interface TokenRow {
  readonly id: string
  /** A site's id, or the word `all`, which is none. */
  readonly site_id: string
  readonly scopes: string
  readonly hash: string
  readonly created_on: string
  readonly rate: number | null
  readonly label: string | null
  readonly expires_on: string | null
  /** A JSON list of names; absent where anything is allowed. */
  readonly allowed_fields: string | null
  readonly allowed_groups: string | null
  readonly previous_hash: string | null
  readonly previous_until: string | null
}

/** The tokens of a database that `UserStore/Sql` has made ready. */
export const layer: Layer.Layer<AccessTokenStore, never, SqlClient.SqlClient> = Layer.effect(
  AccessTokenStore,
  Effect.gen(function* () {
    const sql = yield* SqlClient.SqlClient
    const columns = sql.literal(`id, site_id, scopes, hash, created_on, rate, label, expires_on,
      allowed_fields, allowed_groups, previous_hash, previous_until`)
    return AccessTokenStore.of({
      add: (token) =>
        sql`INSERT INTO access_tokens (${columns})
          VALUES (${token.id}, ${token.siteId}, ${writeScopes(token)}, ${token.hash}, ${token.createdOn},
            ${token.rate ?? null}, ${token.label ?? null}, ${token.expiresOn ?? null},
            ${listed(token.fields)}, ${listed(token.groups)},
            ${token.previousHash ?? null}, ${token.previousUntil ?? null})`.pipe(Effect.asVoid, storeErrors),
      find: AtOnce.reading(
        sql,
        sql<TokenRow>`SELECT ${columns} FROM access_tokens WHERE id = ${"id"}`,
        ([row]) => row && toToken(row),
      ),
      list: sql<TokenRow>`SELECT ${columns} FROM access_tokens ORDER BY created_on, id`.pipe(
        Effect.map((rows) => rows.map(toToken)),
        storeErrors,
      ),
      replaceHash: (id, hash, previousUntil) =>
        sql<TokenRow>`UPDATE access_tokens SET hash = ${hash},
          previous_hash = ${previousUntil === undefined ? null : sql("hash")}, previous_until = ${previousUntil ?? null}
          WHERE id = ${id} RETURNING ${columns}`.pipe(
          Effect.map(([row]) => row && toToken(row)),
          storeErrors,
        ),
      remove: (id) =>
        sql`DELETE FROM access_tokens WHERE id = ${id} RETURNING id`.pipe(
          Effect.map((rows) => rows.length > 0),
          storeErrors,
        ),
    })
  }),
)

/** Made with each request: property by property, since objects that are spread into each other take several times as long. */
const toToken = (row: TokenRow): StoredToken => {
  const token: Writable<StoredToken> = {
    id: row.id,
    siteId: row.site_id as AccessToken["siteId"],
    scopes: readScopes(row),
    hash: row.hash,
    createdOn: row.created_on,
  }
  if (row.rate !== null) token.rate = row.rate
  if (row.label !== null) token.label = row.label
  if (row.expires_on !== null) token.expiresOn = row.expires_on
  if (row.allowed_fields !== null) token.fields = readList(row.allowed_fields)
  if (row.allowed_groups !== null) token.groups = readList(row.allowed_groups)
  if (row.previous_hash !== null) token.previousHash = row.previous_hash
  if (row.previous_until !== null) token.previousUntil = row.previous_until
  return token
}

type Writable<A> = { -readonly [Key in keyof A]: A[Key] }

/**
 * Stands before each scope of a token with an end or lists. A program that does not know of those knows no such scope either,
 * and refuses the token, where it would otherwise take it for one without them.
 */
const limited = "limited:"

const writeScopes = ({ scopes, expiresOn, fields, groups }: StoredToken): string => {
  const isLimited = expiresOn !== undefined || fields !== undefined || groups !== undefined
  return scopes.map((scope) => (isLimited ? limited + scope : scope)).join(" ")
}

/** Where the limits are lost, as by a copy that an older program made, the scopes are none that anybody knows. */
const readScopes = (row: TokenRow): ReadonlyArray<Scope> => {
  const isLimited = row.expires_on !== null || row.allowed_fields !== null || row.allowed_groups !== null
  const scopes = row.scopes.split(" ").filter((scope) => scope !== "")
  return (isLimited ? scopes.map(withoutLimited) : scopes) as ReadonlyArray<Scope>
}

const withoutLimited = (scope: string): string => (scope.startsWith(limited) ? scope.slice(limited.length) : scope)

const decodeList = Schema.decodeUnknownOption(Schema.fromJsonString(Schema.Array(Schema.String)))

/** A list that cannot be read allows nothing that it was to allow: the token is not to be used. */
const readList = (text: string): ReadonlyArray<string> =>
  Option.getOrThrowWith(decodeList(text), () => new Error("A token's allow-list in the database cannot be read"))

const listed = (names: ReadonlyArray<string> | undefined): string | null =>
  names === undefined ? null : JSON.stringify(names)
