/** A clock that nobody sets, for how long things take: whoever waits is neither held back by a clock that was set nor let go. */
import { Clock, Effect } from "effect"

/** Milliseconds since some moment. */
export const millisOf = (clock: Clock.Clock): number => Number(clock.monotonicTimeNanosUnsafe()) / 1_000_000

/** The same, now. */
export const millis: Effect.Effect<number> = Clock.clockWith((clock) => Effect.sync(() => millisOf(clock)))
