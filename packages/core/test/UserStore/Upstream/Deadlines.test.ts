/** What takes too long is ended, each at its own time, by one timer. */
import { describe, expect, it } from "@effect/vitest"
import { Effect, Exit, Fiber } from "effect"
import { TestClock } from "effect/testing"
import * as Deadlines from "../../../src/UserStore/Upstream/Deadlines.ts"

const late = Effect.fail("late" as const)
const after = (seconds: number) => Effect.delay(Effect.succeed(seconds), seconds * 1000)

describe("a deadline", () => {
  it.effect("leaves alone what is in time, and what has none", () =>
    Effect.gen(function* () {
      const within = yield* Deadlines.make
      expect(yield* within(Effect.succeed(1), 1_000, late)).toBe(1)
      expect(yield* Effect.exit(within(Effect.fail("wrong"), 1_000, late))).toEqual(Exit.fail("wrong"))
      const running = yield* Effect.forkChild(
        Effect.all([within(after(1), 2_000, late), within(after(9), Number.POSITIVE_INFINITY, late)], {
          concurrency: "unbounded",
        }),
      )
      yield* TestClock.adjust("9 seconds")
      expect(yield* Fiber.join(running)).toEqual([1, 9])
    }),
  )

  it.effect("ends each at its own time, whichever came first, and those of one time together", () =>
    Effect.gen(function* () {
      const within = yield* Deadlines.make
      const ended: Array<number> = []
      const hanging = (seconds: number) =>
        within(
          Effect.onInterrupt(Effect.never, () => Effect.sync(() => ended.push(seconds))),
          seconds * 1000,
          late,
        )
      const running = yield* Effect.forEach([5, 2, 8, 5], (seconds) => Effect.forkChild(hanging(seconds)))
      yield* Effect.yieldNow
      const seen: Array<ReadonlyArray<number>> = []
      for (let second = 1; second <= 8; second += 1) {
        yield* TestClock.adjust("1 second")
        seen.push([...ended])
      }
      expect(seen).toEqual([[], [2], [2], [2], [2, 5, 5], [2, 5, 5], [2, 5, 5], [2, 5, 5, 8]])
      const exits = yield* Effect.forEach(running, Fiber.await)
      expect(exits).toEqual(exits.map(() => Exit.fail("late")))
    }),
  )

  it.effect("keeps no timer for what has ended, and begins anew for what comes later", () =>
    Effect.gen(function* () {
      const within = yield* Deadlines.make
      const first = yield* Effect.forkChild(within(after(2), 3_000, late))
      yield* TestClock.adjust("2 seconds")
      expect(yield* Fiber.join(first)).toBe(2)
      const second = yield* Effect.forkChild(within(Effect.never, 3_000, late))
      yield* TestClock.adjust("2 seconds")
      expect(second.pollUnsafe()).toBeUndefined()
      yield* TestClock.adjust("1 second")
      expect(yield* Fiber.await(second)).toEqual(Exit.fail("late"))
    }),
  )

  it.effect("ends what is under way with whoever waits for it, and first", () =>
    Effect.gen(function* () {
      const within = yield* Deadlines.make
      const ended: Array<string> = []
      const ends = (name: string) => () => Effect.sync(() => ended.push(name))
      const hanging = within(Effect.onInterrupt(Effect.never, ends("what was under way")), 3_000, late)
      const running = yield* Effect.forkChild(Effect.onInterrupt(hanging, ends("who waited")))
      yield* Effect.yieldNow
      yield* Fiber.interrupt(running)
      expect(ended).toEqual(["what was under way", "who waited"])
    }),
  )
})
