import { describe, expect, it } from "@effect/vitest"
import { RateLimits } from "@webflow-users/core"
import { Array, Effect } from "effect"
import { TestClock } from "effect/testing"

const { layerMemory } = RateLimits.RateLimits
const take = (id: string, rate?: number) => RateLimits.RateLimits.use((limits) => limits.take({ id, rate }))
const takeTimes = (times: number, id: string, rate: number) => Effect.all(Array.replicate(take(id, rate), times))
/** Some minute's start, and so many milliseconds. */
const at = (millis: number) => TestClock.setTime(Date.parse("2026-03-01T12:00:00.000Z") + millis)
const taken = (limit: number, remaining: number) => ({ limit, remaining })
const over = (limit: number, retryAfter: number) => ({ limit, remaining: 0, retryAfter })

describe("the rate of a token", () => {
  it.effect("is so many requests, and then none", () =>
    Effect.gen(function* () {
      yield* at(0)
      expect(yield* takeTimes(4, "a", 3)).toStrictEqual([taken(3, 2), taken(3, 1), taken(3, 0), over(3, 60)])
    }).pipe(Effect.provide(layerMemory)),
  )

  it.effect("where there is none is not counted", () =>
    Effect.gen(function* () {
      expect(yield* take("a")).toBeUndefined()
      expect(yield* take("a", 1)).toStrictEqual(taken(1, 0))
      expect(yield* take("a")).toBeUndefined()
    }).pipe(Effect.provide(layerMemory)),
  )

  it.effect("is each token's own", () =>
    Effect.gen(function* () {
      yield* at(0)
      expect(yield* takeTimes(2, "a", 1)).toStrictEqual([taken(1, 0), over(1, 60)])
      expect(yield* takeTimes(2, "b", 2)).toStrictEqual([taken(2, 1), taken(2, 0)])
    }).pipe(Effect.provide(layerMemory)),
  )

  it.effect("begins anew with the clock's minute, whenever the first request came", () =>
    Effect.gen(function* () {
      yield* at(59_999)
      expect(yield* takeTimes(2, "a", 1)).toStrictEqual([taken(1, 0), over(1, 1)])
      yield* at(60_000)
      expect(yield* takeTimes(2, "a", 1)).toStrictEqual([taken(1, 0), over(1, 60)])
    }).pipe(Effect.provide(layerMemory)),
  )

  it.effect("does not count what it refuses: a caller who keeps asking is let in no later", () =>
    Effect.gen(function* () {
      yield* at(0)
      yield* takeTimes(1000, "a", 2)
      yield* at(60_000)
      expect(yield* take("a", 2)).toStrictEqual(taken(2, 1))
    }).pipe(Effect.provide(layerMemory)),
  )

  it.effect.each([0, 1, 999, 1000, 1001, 30_000, 58_999, 59_000, 59_001, 59_999])(
    "at %i ms of a minute says truly how long to wait",
    (millis) =>
      Effect.gen(function* () {
        yield* at(millis)
        yield* take("a", 1)
        const { retryAfter = 0 } = (yield* take("a", 1)) ?? {}
        expect([Number.isInteger(retryAfter), retryAfter >= 1, retryAfter <= 60]).toStrictEqual([true, true, true])
        // One second earlier is too early, also where that is the very moment of the refusal.
        yield* at(millis + (retryAfter - 1) * 1000)
        expect(yield* take("a", 1)).toStrictEqual(over(1, 1))
        yield* at(millis + retryAfter * 1000)
        expect(yield* take("a", 1)).toStrictEqual(taken(1, 0))
      }).pipe(Effect.provide(layerMemory)),
  )

  it.effect("keeps nobody out for longer where the clock is set back", () =>
    Effect.gen(function* () {
      yield* at(86_400_000)
      yield* takeTimes(2, "a", 1)
      yield* at(10_500)
      expect(yield* takeTimes(2, "a", 1)).toStrictEqual([taken(1, 0), over(1, 50)])
    }).pipe(Effect.provide(layerMemory)),
  )
})
