/**
 * A span for what happens with each request. `Effect.fn` makes one too, and looks where in the program it was called, whether
 * or not anybody traces: a good part of what such a call costs.
 */
import { Effect, References } from "effect"

/** Makes a span around an effect, where spans are made at all. */
export const traced =
  (name: string) =>
  <A, E, R>(self: Effect.Effect<A, E, R>): Effect.Effect<A, E, R> =>
    Effect.flatMap(References.TracerEnabled, (isEnabled) =>
      isEnabled ? Effect.withSpan(self, name, { captureStackTrace: false }) : self,
    )
