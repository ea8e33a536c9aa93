/**
 * Who calls, what they may do, and how often. Either callers hold this proxy's own tokens, or, in front of another server,
 * each brings that server's token and it is passed on.
 */
import { hash } from "node:crypto"
import {
  AccessTokens,
  type Actor,
  type MissingScopes,
  NotAuthorized,
  RateLimits,
  type SiteForbidden,
  type SiteId,
  type StoreUnavailable,
  type TooManyRequests,
  type UpdateGrant,
  type UpdateUserError,
  UpstreamInvalidResponse,
} from "@webflow-users/core"
import type { Routes } from "@webflow-users/core/wire"
import { Context, Effect, Layer, Redacted, Result } from "effect"
import { FailedAuthentications } from "./FailedAuthentications.ts"

export interface Caller {
  /** As whom updates are recorded. */
  readonly actor: Omit<Actor, "address">
  /** What of users they may change. */
  readonly grant: UpdateGrant.UpdateGrant
  /** Why they may not do this to a site's users; nothing where they may. */
  readonly refusal: (siteId: SiteId, scope: Routes.Scope) => MissingScopes | SiteForbidden | undefined
  /** Counts a request, and gives what they may still ask; nothing where this proxy does not limit them. */
  readonly take: Effect.Effect<RateLimits.Allowance | undefined, StoreUnavailable>
  /** What a failure of the store is to them, where it is another one. */
  readonly explain?: (error: UpdateUserError) => UpdateUserError
  /** The token that is passed on; nothing where this proxy has the server's token itself, or the store. */
  readonly passedOn?: Redacted.Redacted
}

/** Recognises callers by their bearer token. */
export class Callers extends Context.Service<
  Callers,
  {
    /** `bearer` is what they present, if they present something, and `address` from where they ask. */
    readonly identify: (
      bearer: string | undefined,
      address: string,
    ) => Effect.Effect<Caller, NotAuthorized | TooManyRequests | StoreUnavailable>
  }
>()("@webflow-users/server/Callers") {
  /** Callers hold tokens that were issued here. */
  static readonly tokens = Layer.effect(
    Callers,
    Effect.gen(function* () {
      const tokens = yield* AccessTokens.AccessTokens
      const limits = yield* RateLimits.RateLimits
      const { guard } = yield* FailedAuthentications
      // One hash, for who tells good tokens from others and for who verifies them.
      const found = (bearer: string | undefined, address: string) => {
        const presented = hash("sha256", bearer ?? "")
        return guard(
          { hash: presented, address },
          bearer === undefined ? withoutToken : tokens.verify(bearer, presented),
        )
      }
      const identified = (bearer: string | undefined, address: string) =>
        Effect.map(found(bearer, address), (token): Caller => ({
          actor: { actor: `token:${token.id}`, ...(token.label !== undefined && { label: token.label }) },
          grant: { fields: token.fields, groups: token.groups },
          refusal: (siteId, scope) => {
            const authorized = AccessTokens.authorize(token, { siteId, scope })
            return Result.isFailure(authorized) ? authorized.failure : undefined
          },
          take: limits.take(token),
          explain: refusedBehind(token),
        }))
      // Requests that come together begin in one step of the program. Nothing can become of a token within it, so that it is looked up for
      // the first of them.
      let latest: { readonly bearer: string | undefined; readonly address: string; readonly caller: Caller } | undefined
      let step = 0
      const isOver = () => {
        latest = undefined
        step += 1
      }
      return Callers.of({
        identify: (bearer, address) =>
          Effect.suspend(() => {
            if (latest !== undefined && latest.bearer === bearer && latest.address === address) {
              return Effect.succeed(latest.caller)
            }
            if (latest === undefined) queueMicrotask(isOver)
            const began = step
            return Effect.map(identified(bearer, address), (caller) => {
              // What was waited for may have been read before it was taken back.
              if (began === step) latest = { bearer, address, caller }
              return caller
            })
          }),
      })
    }),
  )

  /** Callers bring the token of the server behind this one, which judges it. */
  static readonly passthrough = Layer.sync(Callers, () => {
    const known = new Map<string, Effect.Effect<Caller>>()
    return Callers.of({
      identify: (bearer) => {
        if (bearer === undefined) return withoutToken
        const found = known.get(bearer)
        if (found !== undefined) return found
        if (known.size >= maxKnown) known.clear()
        const made = Effect.succeed(passedOn(bearer))
        known.set(bearer, made)
        return made
      },
    })
  })
}

/** The token that a request presents by this header, if it presents one. */
export const bearerOf = (authorization = ""): string | undefined => /^Bearer +(\S+)$/i.exec(authorization)?.[1]

/** The most tokens whose callers are kept in mind: to make what redacts a token for each request costs much of the collector's time. */
const maxKnown = 1_000

/** Who brings another server's token, which that server judges. */
const passedOn = (token: string): Caller => ({
  actor: { actor: "passthrough" },
  grant: {},
  refusal: () => undefined,
  take: Effect.succeed(undefined),
  passedOn: Redacted.make(token),
})

const withoutToken = Effect.suspend(() => Effect.fail(new NotAuthorized({ reason: "no_token" })))

/** The caller's token is good and allows it: it is this proxy's that the server behind does not take, or not for this. */
const refusedBehind =
  ({ fields, groups }: UpdateGrant.UpdateGrant) =>
  (error: UpdateUserError): UpdateUserError => {
    // Who has no allow-list of their own is refused by one of that server's.
    const isOwn = error._tag === "ChangeForbidden" && (fields !== undefined || groups !== undefined)
    if (isOwn || !["NotAuthorized", "MissingScopes", "SiteForbidden", "ChangeForbidden"].includes(error._tag))
      return error
    const { status, requestId } = error
    return new UpstreamInvalidResponse({
      status,
      message: "The server behind this one does not accept this one's token",
      ...(requestId !== undefined && { requestId }),
    })
  }

/** The ways to let callers in. */
export const ways = ["tokens", "passthrough"] as const
export type Way = (typeof ways)[number]
