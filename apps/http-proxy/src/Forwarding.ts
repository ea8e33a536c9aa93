/** What is special about answering from another server: whose token goes there, what is told of it, what is logged. */
import { type UpdateUserError, Webflow } from "@webflow-users/core"
import * as Upstream from "@webflow-users/core/UserStore/Upstream"
import { Context, Effect, type Redacted } from "effect"

/**
 * Whether a request ends when its caller hangs up. A store of one's own does what it has begun; another server is asked no
 * longer than somebody waits for its answer.
 */
export const EndsWithCaller = Context.Reference<boolean>("@webflow-users/http-proxy/EndsWithCaller", {
  defaultValue: () => false,
})

const limitHeaders = ["X-RateLimit-Limit", "X-RateLimit-Remaining"] as const

/** Asks with the caller's own token. Gives what came of it, and the headers that tell what this token may still ask. */
export const passingOn = <A, E, R>(token: Redacted.Redacted, asking: Effect.Effect<A, E, R>) =>
  Effect.suspend(() => {
    const told: Record<string, string> = {}
    return asking.pipe(
      Effect.provideService(Upstream.CallerToken, token),
      Effect.provideService(Upstream.OnAnswer, ({ header }) => {
        for (const name of limitHeaders) {
          const value = header(name.toLowerCase())
          if (value !== undefined && /^\d{1,9}$/.test(value)) told[name] = value
        }
      }),
      Effect.map((result) => [result, told] as const),
    )
  })

/** Tells the operator, who sees no answers, that the server behind fails. Nothing of what was asked is in it. */
export const logFailure = (error: UpdateUserError): Effect.Effect<void> => {
  switch (error._tag) {
    case "UnsendableRequest":
    case "Unreachable":
    case "ConnectionLost":
    case "TimedOut":
    case "TlsFailed":
    case "UpstreamInvalidResponse":
    case "UserAccountsRemoved": {
      const { _tag: failure, status, attempts = 1, requestId } = error
      return Effect.logWarning(error.message, {
        failure,
        status,
        attempts,
        ...(requestId !== undefined && { requestId }),
        ...("cause" in error && { cause: reason(error.cause) }),
      })
    }
    default:
      return Effect.void
  }
}

/** The code or the words of what a client said, which name an address and nothing that was sent to it. */
const reason = (cause: unknown): string => (cause instanceof Error ? cause.message : String(cause))

/** What there is to say at the start about the server at an address; nothing of most. */
export const warning = (address: string): string | undefined =>
  Webflow.isWebflow(address)
    ? `The store is Webflow's own server, which no longer answers. ${Webflow.removed}`
    : undefined
