/** Servers that limit requests, as values: they answer within the test's clock, and count what they are asked. */
import type { Pacer } from "@webflow-users/core"
import { Clock, Effect } from "effect"

export interface Answer extends Pacer.Told {
  /** When it was answered, in milliseconds. */
  readonly at: number
}

export const answer = (status: number, headers: Readonly<Record<string, string>>, at: number): Answer => ({
  status,
  at,
  header: (name) => headers[name],
})

export interface Limits {
  readonly limit: number
  /** In milliseconds. */
  readonly window: number
}

/**
 * What counts against the limit when a request arrives: the requests of the last window; those since the window began, one
 * after the other from the first request on; or those of the clock's own windows.
 */
export const countings = {
  "a sliding window": (arrivals: ReadonlyArray<number>, now: number, window: number) => {
    const counted = arrivals.filter((time) => time > now - window)
    return { counted: counted.length, resetAt: (counted[0] ?? now) + window }
  },
  "windows that begin with a request": (arrivals: ReadonlyArray<number>, now: number, window: number) => {
    let [begin, counted] = [Number.NEGATIVE_INFINITY, 0]
    for (const time of arrivals) {
      if (time >= begin + window) [begin, counted] = [time, 0]
      counted += 1
    }
    return now >= begin + window ? { counted: 0, resetAt: now + window } : { counted, resetAt: begin + window }
  },
  "windows of the clock": (arrivals: ReadonlyArray<number>, now: number, window: number) => {
    const begin = Math.floor(now / window) * window
    return { counted: arrivals.filter((time) => time >= begin).length, resetAt: begin + window }
  },
} as const
export type Counting = (
  arrivals: ReadonlyArray<number>,
  now: number,
  window: number,
) => { readonly counted: number; readonly resetAt: number }

/** Answers after a while, and refuses what is too much. `delay` gives the milliseconds to the server and back. */
export const serve = (counting: Counting, { limit, window }: Limits, delay: () => number) => {
  const arrivals: Array<number> = []
  const seen = { accepted: 0, refused: 0, underWay: 0, most: 0 }
  const send = Effect.gen(function* () {
    seen.underWay += 1
    seen.most = Math.max(seen.most, seen.underWay)
    yield* Effect.sleep(delay())
    const arrived = yield* Clock.currentTimeMillis
    const { counted, resetAt } = counting(arrivals, arrived, window)
    const isRefused = counted >= limit
    if (isRefused) seen.refused += 1
    else {
      seen.accepted += 1
      arrivals.push(arrived)
    }
    yield* Effect.sleep(delay())
    seen.underWay -= 1
    const headers = {
      "x-ratelimit-limit": String(limit),
      "x-ratelimit-remaining": String(Math.max(0, limit - counted - 1)),
      ...(isRefused && { "retry-after": String(Math.ceil((resetAt - arrived) / 1000)) }),
    }
    return answer(isRefused ? 429 : 200, headers, yield* Clock.currentTimeMillis)
  })
  return { send, seen, arrivals }
}
