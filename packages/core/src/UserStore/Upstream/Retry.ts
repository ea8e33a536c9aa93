/**
 * Trying again, the one layer of it. An update replaces what it names, so to send it twice is safe.
 *
 * - Errors that may pass are tried again after a while that doubles each time, or after as long as the server asks. A 429
 *   is no failure: the pacer holds everyone until the server takes requests again, and only the deadline ends it.
 * - Over all calls, at most one retry for ten of them, and ten to begin with: a server that fails is not sent a multiple
 *   of what it cannot serve. AWS's SDKs do so in their standard mode.
 */
import { Duration, Effect, Schedule } from "effect"
import type { UpdateUserError } from "../../UpdateUserError.ts"

export interface Options {
  /** How often a request that fails is sent at the most, 4 times unless said otherwise. Waiting after a 429 is no failure. */
  readonly attempts?: number | undefined
  /** How long a call may take from when it is first sent, with all its retries: 5 minutes unless said otherwise. */
  readonly deadline?: Duration.Input | undefined
  /** The longest that a server can ask to wait by `Retry-After`, 2 minutes unless said otherwise. */
  readonly maxRetryAfter?: Duration.Input | undefined
}

/** What has become of a call so far. Its requests go through `sending`. */
export interface Progress {
  /** Notes that a request is sent. Gives how long the call may still take, in milliseconds. */
  readonly begin: (now: number) => number
  /** How long it may still take; `undefined` before it began. */
  readonly left: (now: number) => number | undefined
}

/** Runs a call, as often as it takes. What it does is done anew each time, from the first request on. */
export type Retry = <A, R>(
  call: (progress: Progress) => Effect.Effect<A, UpdateUserError, R>,
) => Effect.Effect<A, UpdateUserError, R>

const reserve = 10
const retriesPerCall = 0.1
const maxSaved = 100
const longestBackoff = Duration.seconds(20)

/** `false` tries once. */
export const make = (options: Options | false = {}): Retry => {
  const { attempts = 4, deadline: longest = "5 minutes", maxRetryAfter = "2 minutes" } = options || { attempts: 1 }
  const deadline = Duration.toMillis(longest)
  const maxWait = Duration.toMillis(maxRetryAfter)
  let saved = reserve

  const askedWait = ({ retryAfter = 0 }: UpdateUserError) => Math.min(retryAfter * 1000, maxWait)
  const backoff = Schedule.exponential("200 millis").pipe(
    Schedule.jittered,
    Schedule.setInputType<UpdateUserError>(),
    Schedule.modifyDelay(({ input, duration }) =>
      Effect.succeed(Duration.max(Duration.min(duration, longestBackoff), Duration.millis(askedWait(input)))),
    ),
  )

  return (call) =>
    Effect.suspend(() => {
      saved = Math.min(saved + retriesPerCall, maxSaved)
      let begunAt: number | undefined
      let isSent = false
      let tries = 0
      let failures = 0
      const left = (now: number) => (begunAt === undefined ? undefined : begunAt + deadline - now)
      const progress: Progress = {
        left,
        begin: (now) => {
          begunAt ??= now
          if (!isSent) tries += 1
          isSent = true
          return begunAt + deadline - now
        },
      }

      const mayTryAgain = (error: UpdateUserError, wait: number, now: number): boolean => {
        const remaining = left(now)
        if (options === false || !error.isRetryable || remaining === undefined || wait > remaining) return false
        if (error._tag === "TooManyRequests") return true
        failures += 1
        if (failures >= attempts || saved < 1) return false
        saved -= 1
        return true
      }

      return Effect.suspend(() => {
        isSent = false
        return call(progress)
      }).pipe(
        Effect.retry(
          Schedule.while(backoff, ({ input, duration, now }) =>
            Effect.sync(() => mayTryAgain(input, Duration.toMillis(duration), now)),
          ),
        ),
        Effect.mapError((error) => (tries > 1 ? Object.assign(error, { attempts: tries }) : error)),
      )
    })
}
