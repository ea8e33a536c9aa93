/**
 * A span for what happens with each request, where somebody traces. `Effect.withSpan` makes one where nobody does too, which nobody
 * can see, and `Effect.fn` looks besides where in the program it was called: a good part of what such a call costs.
 */
import { Effect, type Fiber } from "effect"

/** Whether spans that a fiber makes are heard of: they are made at all, and a tracer is there. */
export const isHeard = ({ cache }: Fiber.Fiber<unknown, unknown>): boolean =>
  cache.tracerEnabled && cache.tracer !== undefined

/** Makes a span around an effect, where spans are made at all and a tracer is there to hear of them. */
export const traced =
  (name: string) =>
  <A, E, R>(self: Effect.Effect<A, E, R>): Effect.Effect<A, E, R> =>
    withFiber(name, () => self)

/** The same around what is made for the fiber that runs it, which takes no step of its own where nobody traces. */
export const withFiber = <A, E, R>(
  name: string,
  make: (fiber: Fiber.Fiber<unknown, unknown>) => Effect.Effect<A, E, R>,
): Effect.Effect<A, E, R> =>
  Effect.withFiber((fiber) =>
    isHeard(fiber) ? Effect.withSpan(Effect.withFiber(make), name, { captureStackTrace: false }) : make(fiber),
  )
