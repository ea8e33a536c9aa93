/**
 * Trying again, the one layer of it. An update replaces what it names, so to send it twice is safe.
 *
 * - Errors that may pass are tried again after a while that doubles each time, or after as long as the server asks. A 429
 *   is no failure: the pacer holds everyone until the server takes requests again, and only the deadline ends it.
 * - Over all calls, at most one retry for ten of them, and ten to begin with: a server that fails is not sent a multiple
 *   of what it cannot serve. AWS's SDKs do so in their standard mode.
 */
import { Duration, Effect, Schedule } from "effect"
import * as Monotonic from "../../Monotonic.ts"
import { TooManyRequests, type UpdateUserError } from "../../UpdateUserError.ts"

export interface Options {
  /** How often a request that fails is sent at the most. Waiting after a 429 is no failure; 1 does not wait for it either. */
  readonly attempts?: number | undefined
  /** How long a call may take, with all its retries. */
  readonly deadline?: Duration.Input | undefined
  /**
   * Whether the deadline counts the wait for the first turn too: then it counts from when a call is asked for, and otherwise
   * from when it is first sent, since who updates thousands waits for their turn by intent.
   */
  readonly countsWaiting?: boolean | undefined
  /** The longest that a server can ask to wait by `Retry-After`. */
  readonly maxRetryAfter?: Duration.Input | undefined
}

export const defaults = { attempts: 4, deadline: "5 minutes", maxRetryAfter: "2 minutes" } as const

/** What has become of a call so far, for the requests that it sends. */
export interface Progress {
  /** Whether anything was sent for it. */
  readonly hasBegun: () => boolean
  /** Notes that a request is sent. */
  readonly begin: (now: number) => void
  /** How long it may still take, in milliseconds; nothing where that is not known before it begins. */
  readonly left: (now: number) => number | undefined
  /** Ends it, because it would have to wait too long: with what went wrong when it was last sent, if something did. */
  readonly giveUp: (retryAfter: number) => Effect.Effect<never, UpdateUserError>
}

/** Runs a call, as often as it takes. What it does is done anew each time, from the first request on. */
export type Retry = <A, R>(
  call: (progress: Progress) => Effect.Effect<A, UpdateUserError, R>,
) => Effect.Effect<A, UpdateUserError, R>

const reserve = 10
const retriesPerCall = 0.1
const maxSaved = 100
const longestBackoff = Duration.seconds(20)

export const make = (options: Options = {}): Retry => {
  const attempts = options.attempts ?? defaults.attempts
  const deadline = Duration.toMillis(options.deadline ?? defaults.deadline)
  const maxWait = Duration.toMillis(options.maxRetryAfter ?? defaults.maxRetryAfter)
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
    Effect.flatMap(Monotonic.millis, (askedAt) => {
      saved = Math.min(saved + retriesPerCall, maxSaved)
      let since = options.countsWaiting === true ? askedAt : undefined
      let last: UpdateUserError | undefined
      let isOver = false
      let isSent = false
      let tries = 0
      let failures = 0
      const left = (now: number) => (since === undefined ? undefined : since + deadline - now)
      const progress: Progress = {
        hasBegun: () => tries > 0,
        left,
        begin: (now) => {
          since ??= now
          if (!isSent) tries += 1
          isSent = true
        },
        giveUp: (retryAfter) => {
          isOver = true
          return Effect.fail(last ?? new TooManyRequests({ retryAfter }))
        },
      }

      const mayTryAgain = (error: UpdateUserError, wait: number, now: number): boolean => {
        last = error
        if (attempts === 1 || isOver || !error.isRetryable || wait > (left(now) ?? 0)) return false
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
          Schedule.while(backoff, ({ input, duration }) =>
            Effect.map(Monotonic.millis, (now) => mayTryAgain(input, Duration.toMillis(duration), now)),
          ),
        ),
        Effect.mapError((error) => (tries > 1 ? Object.assign(error, { attempts: tries }) : error)),
      )
    })
}
