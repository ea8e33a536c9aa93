/**
 * Who calls, what they may do, and how often. Either callers hold this proxy's own tokens, or, in front of another server,
 * each brings that server's token and it is passed on.
 */
import {
  AccessTokens,
  type Actor,
  type MissingScopes,
  type NotAuthorized,
  RateLimits,
  type SiteForbidden,
  type SiteId,
  type StoreUnavailable,
  type UpdateUserError,
  UpstreamInvalidResponse,
} from "@webflow-users/core"
import type { Routes } from "@webflow-users/core/wire"
import { Context, Effect, Layer, Redacted } from "effect"

export interface Caller {
  /** As whom updates are recorded. */
  readonly actor: Omit<Actor, "address">
  /** Whether they may do this to a site's users. */
  readonly authorize: (siteId: SiteId, scope: Routes.Scope) => Effect.Effect<void, MissingScopes | SiteForbidden>
  /** Counts a request, and gives what they may still ask; nothing where this proxy does not limit them. */
  readonly take: Effect.Effect<RateLimits.Allowance | undefined, StoreUnavailable>
  /** The token that is passed on; nothing where this proxy has the server's token itself, or the store. */
  readonly passedOn?: Redacted.Redacted
}

/** Recognises callers by their bearer token. */
export class Callers extends Context.Service<
  Callers,
  {
    readonly identify: (bearer: string) => Effect.Effect<Caller, NotAuthorized | StoreUnavailable>
    /** What a failure of the store is to a caller. */
    readonly explain: (error: UpdateUserError) => UpdateUserError
  }
>()("@webflow-users/http-proxy/Callers") {
  /** Callers hold tokens that were issued here. */
  static readonly tokens = Layer.effect(
    Callers,
    Effect.gen(function* () {
      const tokens = yield* AccessTokens.AccessTokens
      const limits = yield* RateLimits.RateLimits
      return Callers.of({
        identify: (bearer) =>
          Effect.map(tokens.verify(bearer), (token) => ({
            actor: { actor: `token:${token.id}` },
            authorize: (siteId, scope) => Effect.fromResult(AccessTokens.authorize(token, { siteId, scope })),
            take: limits.take(token),
          })),
        explain: refusedBehind,
      })
    }),
  )

  /** Callers bring the token of the server behind this one, which judges it. */
  static readonly passthrough = Layer.succeed(
    Callers,
    Callers.of({
      identify: (bearer) =>
        Effect.succeed({
          actor: { actor: "passthrough" },
          authorize: () => Effect.void,
          take: Effect.succeed(undefined),
          passedOn: Redacted.make(bearer),
        }),
      explain: (error) => error,
    }),
  )
}

/** The caller's token is good and allows it: it is this proxy's that the server behind does not take, or not for this. */
const refusedBehind = (error: UpdateUserError): UpdateUserError => {
  if (error._tag !== "NotAuthorized" && error._tag !== "MissingScopes" && error._tag !== "SiteForbidden") return error
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
