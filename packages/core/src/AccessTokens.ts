/**
 * Bearer tokens: who may call the proxy, for which site, to do what. A store keeps their SHA-256, never a token.
 */
import { Clock, Context, Data, DateTime, Duration, Effect, Layer, Result } from "effect"
import { Digest, Mac, SecureRandom } from "effect/crypto"
import { Hex } from "effect/encoding"
import { type AccessToken, AccessTokenStore, type StoredToken } from "./AccessTokenStore.ts"
import * as ObjectId from "./ObjectId.ts"
import { isRate, maxRate } from "./RateLimits.ts"
import {
  MissingScopes,
  NotAuthorized,
  SiteForbidden,
  type StoreUnavailable,
  type TokenProblem,
} from "./UpdateUserError.ts"
import { traced } from "./Traced.ts"
import type { SiteId } from "./User.ts"
import type { Scope } from "./wire/Routes.ts"
import { fieldNameProblem, maxFields, maxGroups, slugProblem } from "./wire/UpdateUserBody.ts"

/** What a token is given beside its site and scopes; what is left out does not limit it. */
export interface Grants extends Pick<AccessToken, "rate" | "label" | "fields" | "groups"> {
  /** From when on it is refused. */
  readonly expiresOn?: DateTime.Utc | undefined
}

/** The longest label, in characters [ours]. */
export const maxLabelLength = 100

/** What is wrong with a label, if anything: it stands in lists, logs and records. */
export const labelProblem = (label: string): string | undefined => {
  if (label.trim() === "") return "must not be empty"
  if ([...label].length > maxLabelLength) return `must be at most ${maxLabelLength} characters long`
  return /[\p{Cc}\u2028\u2029]/u.test(label) || !label.isWellFormed() ? "must have no control characters" : undefined
}

/** What is wrong with the name of a field that a token may change, if anything. */
export const fieldProblem = (key: string): string | undefined =>
  key === "email" || key === "password" ? "can be changed by no update" : fieldNameProblem(key)

/** What is wrong with what a token is to be given, if anything: the first problem, and what it is about. */
export const grantsProblem = ({ rate, label, fields = [], groups = [] }: Grants): string | undefined => {
  if (rate !== undefined && !isRate(rate)) return `A rate is a whole number from 1 to ${maxRate}`
  const wrongLabel = label === undefined ? undefined : labelProblem(label)
  if (wrongLabel !== undefined) return `The label ${wrongLabel}`
  if (fields.length > maxFields) return `A token names at most ${maxFields} fields`
  if (groups.length > maxGroups) return `A token names at most ${maxGroups} groups`
  return fields.map(fieldProblem).find(Boolean) ?? groups.map(slugProblem).find(Boolean)
}

/** A token that no secret makes good again, so that it cannot be rotated [ours]. */
export class TokenExpired extends Data.TaggedError("TokenExpired")<{ readonly message: string }> {
  readonly code = "token_expired"
}

/** Issues tokens, recognises them, and takes them back. */
export class AccessTokens extends Context.Service<
  AccessTokens,
  {
    /** Issues a token. It is given here once and cannot be had again. */
    readonly create: (
      siteId: SiteId | "all",
      scopes: ReadonlyArray<Scope>,
      grants?: Grants,
    ) => Effect.Effect<AccessToken & { readonly token: string }, StoreUnavailable>
    /**
     * The token a caller presented, if it was issued, and neither revoked nor expired since. `hash` is its SHA-256, in hexadecimal,
     * for who has that already: made of this very token, by whoever calls. It is what is compared, and not made again: with the hash of
     * another secret, or one that came with the request, any token of that id would pass.
     */
    readonly verify: (token: string, hash?: string) => Effect.Effect<AccessToken, NotAuthorized | StoreUnavailable>
    readonly list: Effect.Effect<ReadonlyArray<AccessToken>, StoreUnavailable>
    /**
     * Gives a token a new secret, and nothing else: id and grants stay. The old secret is refused from now on, or, with
     * `grace`, after so long; one that was in its own grace already is over. Nothing where there is no such token, `TokenExpired` where it has ended.
     */
    readonly rotate: (
      id: string,
      options?: { readonly grace?: Duration.Input | undefined },
    ) => Effect.Effect<(AccessToken & { readonly token: string }) | undefined, StoreUnavailable | TokenExpired>
    readonly revoke: (id: string) => Effect.Effect<boolean, StoreUnavailable>
  }
>()("@webflow-users/core/AccessTokens") {
  static readonly layer = Layer.effect(
    AccessTokens,
    Effect.gen(function* () {
      const store = yield* AccessTokenStore
      const digest = yield* Digest.Digest
      const random = yield* SecureRandom.SecureRandom
      const sha256 = (token: string) => digest.digestHex(Digest.sha256, encoder.encode(token))

      const make = Effect.fnUntraced(function* (id: string) {
        const token = `wfu_${id}_${Hex.encode(yield* random.randomBytes(32))}`
        return { token, hash: yield* sha256(token) }
      })

      return AccessTokens.of({
        create: Effect.fn("AccessTokens.create")(function* (siteId, scopes, { expiresOn, ...grants } = {}) {
          const problem = grantsProblem(grants)
          if (problem !== undefined) return yield* Effect.die(new RangeError(problem))
          const id = yield* ObjectId.make
          const issued: AccessToken = {
            id,
            siteId,
            scopes,
            createdOn: DateTime.formatIso(yield* DateTime.now),
            ...Object.fromEntries(Object.entries(grants).filter(([, value]) => value !== undefined)),
            ...(expiresOn !== undefined && { expiresOn: DateTime.formatIso(expiresOn) }),
          }
          const { token, hash } = yield* make(id)
          yield* store.add({ ...issued, hash })
          return { ...issued, token }
        }),
        // Each request goes through it: in few steps.
        verify: (token, hash) => {
          const id = tokenPattern.exec(token)?.[1]
          if (id === undefined) return verified(refuse("malformed"))
          const judged = (presented: string) =>
            Effect.flatMap(store.find(id), (stored) =>
              Effect.clockWith((clock) => judge(stored, presented, clock.currentTimeMillisUnsafe())),
            )
          return verified(hash === undefined ? Effect.flatMap(sha256(token), judged) : judged(hash))
        },
        list: Effect.map(store.list, (tokens) => tokens.map(describe)),
        rotate: Effect.fn("AccessTokens.rotate")(function* (id, { grace } = {}) {
          const { expiresOn } = (yield* store.find(id)) ?? {}
          if (isOver(expiresOn, yield* Clock.currentTimeMillis)) {
            return yield* new TokenExpired({ message: `The token has expired on ${expiresOn}, with any secret` })
          }
          const { token, hash } = yield* make(id)
          const until = grace === undefined ? undefined : DateTime.addDuration(yield* DateTime.now, grace)
          const rotated = yield* store.replaceHash(id, hash, until && DateTime.formatIso(until))
          return rotated && { ...describe(rotated), token }
        }),
        revoke: store.remove,
      })
    }),
  )
}

/** Whether a token may do something with a site's users. */
export const authorize = (
  token: AccessToken,
  request: { readonly siteId: SiteId; readonly scope: Scope },
): Result.Result<AccessToken, MissingScopes | SiteForbidden> => {
  if (!token.scopes.includes(request.scope)) return Result.fail(MissingScopes.of([request.scope]))
  return token.siteId === "all" || token.siteId === request.siteId
    ? Result.succeed(token)
    : Result.fail(new SiteForbidden())
}

/** What there is to say of a stored token to who presents one with its id and this hash. */
const judge = (stored: StoredToken | undefined, presented: string, now: number) => {
  if (stored === undefined) return refuse("unknown")
  const { hash, previousHash, previousUntil } = stored
  const isPrevious = previousHash !== undefined && sameHash(previousHash, presented) && !isOver(previousUntil, now)
  if (!sameHash(hash, presented) && !isPrevious) return refuse("wrong_secret")
  // Told to who has the secret only, and to them as to all others.
  return isOver(stored.expiresOn, now) ? refuse("expired") : Effect.succeed(describe(stored))
}

const verified = traced("AccessTokens.verify")

const refuse = (reason: TokenProblem) => Effect.fail(new NotAuthorized({ reason }))

const tokenPattern = /^wfu_([0-9a-f]{24})_[0-9a-f]{64}$/

const describe = ({ hash: _, previousHash: _previous, ...token }: StoredToken): AccessToken => token

/** Whether a moment has come; one that cannot be read has. */
const isOver = (moment: string | undefined, now: number): boolean => moment !== undefined && !(Date.parse(moment) > now)

/** Whether a token has expired, at a moment in milliseconds since 1970. */
export const isExpired = ({ expiresOn }: Pick<AccessToken, "expiresOn">, now: number): boolean => isOver(expiresOn, now)

const encoder = new TextEncoder()

/** In a time that tells nothing of where two hashes differ. */
const sameHash = (left: string, right: string): boolean =>
  Mac.timingSafeEqual(encoder.encode(left), encoder.encode(right))
