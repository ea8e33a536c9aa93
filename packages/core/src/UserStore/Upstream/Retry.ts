/**
 * Trying again, the one layer of it. An update replaces what it names, so to send it twice is safe.
 *
 * - Errors that may pass are tried again after a while that doubles each time, or after as long as the server asks. A 429
 *   is no failure: the pacer holds everyone until the server takes requests again, and only the deadline ends it.
 * - Over all calls, at most one retry for ten of them, and ten to begin with: a server that fails is not sent a multiple
 *   of what it cannot serve. AWS's SDKs do so in their standard mode.
 */
import { type Clock, Duration, Effect, Schedule } from "effect"
import * as Monotonic from "../../Monotonic.ts"
import * as Pacer from "../../Pacer.ts"
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

export const defaults = { attempts: 4, deadline: "5 minutes", maxRetryAfter: Pacer.defaults.maxPause } as const

/** What has become of a call so far, for the requests that it sends. */
export interface Progress {
  /** Whether anything was sent for it. */
  readonly hasBegun: () => boolean
  /** Notes that a request is sent. Gives how long the call may still take, in milliseconds. */
  readonly begin: (now: number) => number
  /** How long it may still take, in milliseconds; nothing where that is not known before it begins. */
  readonly left: (now: number) => number | undefined
  /** Ends it, because it would have to wait too long: with what went wrong when it was last sent, if something did. */
  readonly giveUp: (retryAfter: number) => Effect.Effect<never, UpdateUserError>
}

/** What is particular to one call. */
export interface Call {
  /** When it ends, nothing is tried again. */
  readonly ending: Effect.Effect<void> | undefined
  /** In place of the attempts that calls have otherwise. */
  readonly attempts: number | undefined
}

/** Runs a call that is made now, as often as it takes. What it does is done anew each time, from the first request on. */
export type Retry = <A, R>(
  clock: Clock.Clock,
  particular: Call,
  call: (progress: Progress) => Effect.Effect<A, UpdateUserError, R>,
) => Effect.Effect<A, UpdateUserError, R>

const reserve = 10
const retriesPerCall = 0.1
const maxSaved = 100
const longestBackoff = 20_000
/** After a 429 it is the pacer that waits, where what has begun goes first. */
const longestAfterLimit = 2_000

export const make = (options: Options = {}): Retry => {
  const standardAttempts = options.attempts ?? defaults.attempts
  const deadline = Duration.toMillis(options.deadline ?? defaults.deadline)
  const maxWait = Duration.toMillis(options.maxRetryAfter ?? defaults.maxRetryAfter)
  const countsWaiting = options.countsWaiting === true
  let saved = reserve

  const waitBefore = (error: UpdateUserError, backoff: number): number =>
    error._tag === "TooManyRequests"
      ? Math.min(backoff, longestAfterLimit)
      : Math.max(Math.min(backoff, longestBackoff), Math.min((error.retryAfter ?? 0) * 1000, maxWait))

  /** What the server asks for. Who may not be kept waiting is told of a longer time than would be waited. */
  const asked = ({ retryAfter = 0 }: UpdateUserError): number =>
    Math.min(retryAfter * 1000, countsWaiting ? Number.POSITIVE_INFINITY : maxWait)

  return (clock, { ending, attempts = standardAttempts }, call) => {
    saved = Math.min(saved + retriesPerCall, maxSaved)
    let since = countsWaiting ? Monotonic.millisOf(clock) : undefined
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
        return since + deadline - now
      },
      giveUp: (retryAfter) => {
        isOver = true
        return Effect.fail(last ?? new TooManyRequests({ retryAfter }))
      },
    }

    const mayTryAgain = (error: UpdateUserError, wait: number, now: number): boolean => {
      last = error
      if (attempts === 1 || isOver || !error.isRetryable) return false
      if (Math.max(wait, asked(error)) > (left(now) ?? 0)) return false
      if (error._tag === "TooManyRequests") return true
      failures += 1
      if (failures >= attempts || saved < 1) return false
      saved -= 1
      return true
    }
    // The waiting is done here and not by the schedule, so that it can end.
    const waited = (error: UpdateUserError, backoff: number) =>
      Effect.flatMap(Monotonic.millis, (now) => {
        const wait = waitBefore(error, backoff)
        if (!mayTryAgain(error, wait, now)) return Effect.succeed(false)
        const slept = Effect.as(Effect.sleep(wait), true)
        return ending === undefined ? slept : Effect.raceFirst(slept, Effect.as(ending, false))
      })
    /** What is needed where something failed, and is made only there. */
    const again = (failure: UpdateUserError) => {
      const once = Effect.suspend(() => {
        isSent = false
        return call(progress)
      })
      let first: UpdateUserError | undefined = failure
      const schedule = Schedule.exponential("200 millis").pipe(
        Schedule.jittered,
        Schedule.setInputType<UpdateUserError>(),
        Schedule.while(({ input, duration }) => waited(input, Duration.toMillis(duration))),
        Schedule.modifyDelay(() => Effect.succeed(Duration.zero)),
      )
      return Effect.suspend(() => {
        if (first === undefined) return once
        const failed = Effect.fail(first)
        first = undefined
        return failed
      }).pipe(
        Effect.retry(schedule),
        Effect.mapError((error) => (tries > 1 ? Object.assign(error, { attempts: tries }) : error)),
      )
    }
    return call(progress).pipe(Effect.catch(again))
  }
}
