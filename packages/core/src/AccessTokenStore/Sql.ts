/** Tokens in the database that also holds the users; the tables come with `UserStore/Sql`'s. */
import { Effect, Layer } from "effect"
import { SqlClient, type SqlError } from "effect/sql"
import { AccessTokenStore, type StoredToken } from "../AccessTokenStore.ts"
import { StoreUnavailable } from "../UpdateUserError.ts"
import type { SiteId } from "../User.ts"
import type { Scope } from "../wire/Routes.ts"

interface TokenRow {
  readonly id: string
  readonly site_id: string
  readonly scopes: string
  readonly hash: string
  readonly created_on: string
  readonly rate: number | null
}

/** The tokens of a database that `UserStore/Sql` has made ready. */
export const layer: Layer.Layer<AccessTokenStore, never, SqlClient.SqlClient> = Layer.effect(
  AccessTokenStore,
  Effect.gen(function* () {
    const sql = yield* SqlClient.SqlClient
    return AccessTokenStore.of({
      add: (token) =>
        sql`INSERT INTO access_tokens (id, site_id, scopes, hash, created_on, rate)
          VALUES (${token.id}, ${token.siteId}, ${token.scopes.join(" ")}, ${token.hash}, ${token.createdOn},
            ${token.rate ?? null})`.pipe(Effect.asVoid, storeErrors),
      find: (id) =>
        sql<TokenRow>`SELECT * FROM access_tokens WHERE id = ${id}`.pipe(
          Effect.map(([row]) => row && toToken(row)),
          storeErrors,
        ),
      list: sql<TokenRow>`SELECT * FROM access_tokens ORDER BY created_on, id`.pipe(
        Effect.map((rows) => rows.map(toToken)),
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

const toToken = (row: TokenRow): StoredToken => ({
  id: row.id,
  siteId: row.site_id as SiteId,
  scopes: row.scopes.split(" ").filter((scope) => scope !== "") as ReadonlyArray<Scope>,
  hash: row.hash,
  createdOn: row.created_on,
  ...(row.rate !== null && { rate: row.rate }),
})

const storeErrors = Effect.mapError((cause: SqlError.SqlError) => new StoreUnavailable({ cause }))
