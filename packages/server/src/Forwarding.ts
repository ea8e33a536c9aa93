/** What is special about answering from another server: whose token goes there, what is told of it, what is logged. */
import { type UpdateUserError, Webflow } from "@webflow-users/core"
import * as Upstream from "@webflow-users/core/UserStore/Upstream"
import { RateLimitHeaders } from "@webflow-users/core/wire"
import { Context, Effect, type Redacted } from "effect"

/**
 * Whether a request ends when its caller hangs up. A store of one's own does what it has begun; another server is asked no
 * longer than somebody waits for its answer.
 */
export const EndsWithCaller = Context.Reference<boolean>("@webflow-users/server/EndsWithCaller", {
  defaultValue: () => false,
})

/** What to ask with: the caller's own token. Hears what an answer tells of what this token may still ask. */
export const passingOn = <R>(
  context: Context.Context<R>,
  token: Redacted.Redacted,
  hear: (limits: Readonly<Record<string, string>>) => void,
): Context.Context<R> =>
  Context.add(Context.add(context, Upstream.CallerToken, token), Upstream.OnAnswer, ({ header }) =>
    hear(RateLimitHeaders.write(RateLimitHeaders.read(header))),
  )

/**
 * Which failures the operator has to hear of, who sees no answers: of the store, or of the server behind. `words` are this
 * project's own; those of a server may repeat anything, and are not logged.
 */
const logged = {
  InvalidId: undefined,
  InvalidPatch: undefined,
  BadRequest: undefined,
  BodyTooLarge: undefined,
  NotAuthorized: undefined,
  MissingScopes: undefined,
  SiteForbidden: undefined,
  ChangeForbidden: undefined,
  UsersNotEnabled: "facts",
  SiteNotFound: undefined,
  UserNotFound: undefined,
  RouteNotFound: undefined,
  MethodNotAllowed: undefined,
  TooManyRequests: undefined,
  InternalError: "facts",
  StoreUnavailable: "words",
  Overloaded: undefined,
  UnsendableRequest: "words",
  Unreachable: "words",
  ConnectionLost: "words",
  TimedOut: "words",
  TlsFailed: "words",
  UpstreamInvalidResponse: "words",
  UnexpectedResponse: "facts",
  UserAccountsRemoved: "words",
} as const satisfies Record<UpdateUserError["_tag"], "facts" | "words" | undefined>

/** Logs it, and nothing of what was asked. A cause is handed to the logger as it is: which of its words are told, that decides. */
export const logFailure = (error: UpdateUserError): Effect.Effect<void> => {
  if (error._tag === "StoreUnavailable") {
    return Effect.annotateLogs(Effect.logError("The store is unavailable"), { cause: error.cause })
  }
  const told = logged[error._tag]
  if (told === undefined) return Effect.void
  const { _tag: failure, status, attempts = 1, requestId } = error
  return Effect.logWarning(told === "words" ? error.message : "The server behind failed").pipe(
    Effect.annotateLogs({
      failure,
      status,
      attempts,
      ...(requestId !== undefined && { upstreamRequestId: requestId }),
      ...("cause" in error && { cause: error.cause }),
    }),
  )
}

/** What there is to say at the start about the server at an address; nothing of most. */
export const warning = (address: string): string | undefined =>
  Webflow.isWebflow(address)
    ? `The store is Webflow's own server, which no longer answers. ${Webflow.removed}`
    : undefined
