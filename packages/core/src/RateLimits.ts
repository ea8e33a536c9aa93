/**
 * How often a token may ask: a number of requests a minute, as Webflow's limits were. Windows are the clock's own minutes,
 * so that everybody's begin and end together and what was counted in the last one can be forgotten at once.
 */
import { Clock, Context, Effect, Layer } from "effect"
import type { AccessToken } from "./AccessTokenStore.ts"
import type { StoreUnavailable } from "./UpdateUserError.ts"

/** The highest rate a token can have, in requests a minute [ours]. */
export const maxRate = 100_000

/** Whether a number can be a rate: whole, from 1 to `maxRate`. */
export const isRate = (rate: number): boolean => Number.isInteger(rate) && rate >= 1 && rate <= maxRate

/** What a token may ask in this minute, the present request counted. */
export interface Allowance {
  readonly limit: number
  /** How many more requests. */
  readonly remaining: number
  /** There where the present request is one too many: after how many seconds the next one is not. */
  readonly retryAfter?: number
}

/**
 * Port: counts the requests of tokens. A request too many is a value and no failure, because the answer to it has to tell
 * the allowance as every other does.
 */
export class RateLimits extends Context.Service<
  RateLimits,
  {
    /** Counts a request of a token, and gives what it may ask; nothing for a token without a rate. */
    readonly take: (token: Pick<AccessToken, "id" | "rate">) => Effect.Effect<Allowance | undefined, StoreUnavailable>
  }
>()("@webflow-users/core/RateLimits") {
  /** Counts in this process: each of several replicas would allow the whole rate. `RateLimits/Sql` is for those. */
  static readonly layerMemory: Layer.Layer<RateLimits> = Layer.sync(RateLimits, () => {
    const counts = new Map<string, number>()
    let minute = Number.NaN
    const count = (id: string, limit: number, now: number): Allowance => {
      const current = Math.floor(now / minuteMillis)
      // Another minute, not only a later one: a clock that was set back must keep nobody out until it is there again.
      if (current !== minute) {
        counts.clear()
        minute = current
      }
      const taken = counts.get(id) ?? 0
      if (taken >= limit) {
        // Rounded up: who waits for so long comes into the next minute.
        return { limit, remaining: 0, retryAfter: Math.ceil(((minute + 1) * minuteMillis - now) / 1000) }
      }
      counts.set(id, taken + 1)
      return { limit, remaining: limit - taken - 1 }
    }
    return {
      take: ({ id, rate }) =>
        rate === undefined
          ? Effect.succeed(undefined)
          : // The clock is read and the request counted in one step, so that no other fiber turns the minute in between.
            Clock.clockWith((clock) => Effect.sync(() => count(id, rate, clock.currentTimeMillisUnsafe()))),
    }
  })
}

const minuteMillis = 60_000
