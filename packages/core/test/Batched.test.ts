/** Calls that are answered together, whoever of their callers gives up. */
import { expect, it } from "@effect/vitest"
import { Effect, Fiber, References } from "effect"
import { batched } from "../src/Batched.ts"

const double = batched((inputs: ReadonlyArray<number>) => Effect.succeed(inputs.map((input) => 2 * input)))

it.effect("a call that is given up at any step holds up nobody who comes after", () =>
  Effect.gen(function* () {
    // A fiber that has taken many steps lets others go, whatever it is about to do, and can be interrupted there.
    for (let steps = 2; steps < 12; steps++) {
      for (let turns = 0; turns < 8; turns++) {
        const givenUp = yield* Effect.forkDetach(Effect.provideService(double(1), References.MaxOpsBeforeYield, steps))
        yield* Effect.repeat(Effect.yieldNow, { times: turns })
        yield* Fiber.interrupt(givenUp)
        const next = yield* Effect.forkChild(double(2))
        yield* Effect.repeat(Effect.yieldNow, { times: 50, until: () => next.pollUnsafe() !== undefined })
        expect(next.pollUnsafe(), `given up after ${turns} turns of ${steps} steps`).toMatchObject({ value: 4 })
      }
    }
  }),
)
