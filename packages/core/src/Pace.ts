/** Lets so many begin in a minute: evenly, and what a clock's steps leave behind within a tenth of a second. */
import { Effect } from "effect"
import * as Monotonic from "./Monotonic.ts"

/** Waits until the next one may begin. */
export const make = (rate: number): Effect.Effect<void> => {
  const each = 60_000 / rate
  const slack = Math.max(0, 100 - each)
  let due = Number.NEGATIVE_INFINITY
  return Effect.flatMap(Monotonic.millis, (now) => {
    const at = Math.max(due, now - slack)
    due = at + each
    return at > now ? Effect.sleep(at - now) : Effect.void
  })
}
