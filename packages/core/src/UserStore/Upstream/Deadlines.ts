/**
 * Ends what takes too long. One timer for all that is under way: with a timer and a fiber of its own for each, to watch a request
 * costs as much as to send it.
 */
import { Clock, Effect, Fiber, FiberSet, type Scope } from "effect"
import * as Monotonic from "../../Monotonic.ts"

/** Gives an effect so many milliseconds, and what comes in its place when it is interrupted after them. */
export type Within = <A, E, R, E2>(
  effect: Effect.Effect<A, E, R>,
  millis: number,
  late: Effect.Effect<never, E2>,
) => Effect.Effect<A, E | E2, R>

interface Watched {
  readonly at: number
  readonly end: () => void
}

/** Watches for as long as the scope is open. */
export const make: Effect.Effect<Within, never, Scope.Scope> = Effect.gen(function* () {
  const clock = yield* Clock.Clock
  const run = yield* FiberSet.runtime(yield* FiberSet.make<void>())()
  const watched = new Set<Watched>()
  let alarm: { readonly at: number; readonly fiber: Fiber.Fiber<void> } | undefined

  const ringsAt = () => alarm?.at ?? Number.POSITIVE_INFINITY
  const silence = () => {
    alarm?.fiber.interruptUnsafe()
    alarm = undefined
  }
  const setAlarm = (at: number) => {
    silence()
    alarm = { at, fiber: run(Effect.delay(ring, Math.max(0, Math.ceil(at - Monotonic.millisOf(clock))))) }
  }
  const ring = Effect.sync(() => {
    alarm = undefined
    const now = Monotonic.millisOf(clock)
    let next = Number.POSITIVE_INFINITY
    for (const one of watched) {
      if (one.at <= now) one.end()
      else next = Math.min(next, one.at)
    }
    if (next < ringsAt()) setAlarm(next)
  })
  const watch = (one: Watched) => {
    watched.add(one)
    if (one.at < ringsAt()) setAlarm(one.at)
  }
  const leave = (one: Watched) => {
    watched.delete(one)
    // A timer that nobody needs would keep the program from its end.
    if (watched.size === 0) silence()
  }

  return <A, E, R, E2>(effect: Effect.Effect<A, E, R>, millis: number, late: Effect.Effect<never, E2>) =>
    millis === Number.POSITIVE_INFINITY
      ? effect
      : Effect.flatMap(Effect.forkChild(effect, { startImmediately: true }), (fiber) =>
          Effect.callback<A, E | E2>((resume) => {
            const one: Watched = {
              at: Monotonic.millisOf(clock) + millis,
              end: () => {
                leave(one)
                resume(Effect.andThen(Fiber.interrupt(fiber), late))
              },
            }
            watch(one)
            fiber.addObserver((exit) => {
              leave(one)
              resume(exit)
            })
            return Effect.suspend(() => {
              leave(one)
              return Fiber.interrupt(fiber)
            })
          }),
        )
})
