/**
 * Bearer tokens: who may call the proxy, for which site, to do what. A store keeps their SHA-256, never a token.
 */
import { Context, DateTime, Effect, Layer, Result } from "effect"
import { Digest, Mac, SecureRandom } from "effect/crypto"
import { Hex } from "effect/encoding"
import { type AccessToken, AccessTokenStore, type StoredToken } from "./AccessTokenStore.ts"
import * as ObjectId from "./ObjectId.ts"
import { isRate, maxRate } from "./RateLimits.ts"
import { MissingScopes, NotAuthorized, SiteForbidden, type StoreUnavailable } from "./UpdateUserError.ts"
import type { SiteId } from "./User.ts"
import type { Scope } from "./wire/Routes.ts"

/** Issues tokens, recognises them, and takes them back. */
export class AccessTokens extends Context.Service<
  AccessTokens,
  {
    /** Issues a token. It is given here once and cannot be had again. */
    readonly create: (
      siteId: SiteId,
      scopes: ReadonlyArray<Scope>,
      options?: {
        /** How many requests a minute it may make, 1 to 100000; as many as it likes unless said. */
        readonly rate?: number | undefined
      },
    ) => Effect.Effect<AccessToken & { readonly token: string }, StoreUnavailable>
    /** The token a caller presented, if it was issued and not revoked. */
    readonly verify: (token: string) => Effect.Effect<AccessToken, NotAuthorized | StoreUnavailable>
    readonly list: Effect.Effect<ReadonlyArray<AccessToken>, StoreUnavailable>
    readonly revoke: (id: string) => Effect.Effect<boolean, StoreUnavailable>
  }
>()("@webflow-users/core/AccessTokens") {
  static readonly layer = Layer.effect(
    AccessTokens,
    Effect.gen(function* () {
      const store = yield* AccessTokenStore
      const digest = yield* Digest.Digest
      const random = yield* SecureRandom.SecureRandom
      const sha256 = (token: string) => digest.digestHex(Digest.sha256, new TextEncoder().encode(token))

      return AccessTokens.of({
        create: Effect.fn("AccessTokens.create")(function* (siteId, scopes, { rate } = {}) {
          if (rate !== undefined && !isRate(rate)) {
            return yield* Effect.die(new RangeError(`A rate is a whole number from 1 to ${maxRate}`))
          }
          const id = yield* ObjectId.make
          const token = `wfu_${id}_${Hex.encode(yield* random.randomBytes(32))}`
          const createdOn = DateTime.formatIso(yield* DateTime.now)
          const issued: AccessToken = { id, siteId, scopes, createdOn, ...(rate !== undefined && { rate }) }
          yield* store.add({ ...issued, hash: yield* sha256(token) })
          return { ...issued, token }
        }),
        verify: Effect.fn("AccessTokens.verify")(function* (token) {
          const id = tokenPattern.exec(token)?.[1]
          if (id === undefined) return yield* new NotAuthorized()
          const presented = yield* sha256(token)
          const stored = yield* store.find(id)
          if (stored === undefined || !sameHash(stored.hash, presented)) return yield* new NotAuthorized()
          return describe(stored)
        }),
        list: Effect.map(store.list, (tokens) => tokens.map(describe)),
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
  return token.siteId === request.siteId ? Result.succeed(token) : Result.fail(new SiteForbidden())
}

const tokenPattern = /^wfu_([0-9a-f]{24})_[0-9a-f]{64}$/

const describe = ({ hash: _, ...token }: StoredToken): AccessToken => token

/** In a time that tells nothing of where two hashes differ. */
const sameHash = (left: string, right: string): boolean => {
  const encoder = new TextEncoder()
  return Mac.timingSafeEqual(encoder.encode(left), encoder.encode(right))
}
