/**
 * Ends what takes too long. One timer for all that is under way: with a timer and a fiber of its own for each, to watch a request
 * costs as much as to send it.
 */
import { Clock, Context, Duration, Effect, type Fiber, Scheduler } from "effect"
import * as Bag from "./Bag.ts"
import * as Monotonic from "./Monotonic.ts"

/**
 * Calls `end` after so many milliseconds, more than none, by the clock of the fiber that waits. What it gives leaves the watch; it
 * may be called whenever, and more than once.
 */
export type Watch = (fiber: Fiber.Fiber<unknown, unknown>, millis: number, end: () => void) => () => void

/** Watches, with one timer for all that wait by the same clock. */
export const make = (): Watch => {
  let alarm: Alarm | undefined
  return (fiber, millis, end) => {
    const clock = fiber.getRef(Clock.Clock)
    if (alarm?.clock !== clock) alarm = new Alarm(clock, fiber.getRef(Scheduler.Scheduler))
    return alarm.watch(millis, end)
  }
}

interface Watched {
  readonly at: number
  readonly end: () => void
}

class Alarm {
  readonly clock: Clock.Clock
  /** With a context that is made once: what a fiber looks up in one is kept with it. */
  readonly #run: (timer: Effect.Effect<void>) => Fiber.Fiber<void>
  readonly #watched = Bag.make<Watched>()
  #ringsAt = Number.POSITIVE_INFINITY
  #timer: Fiber.Fiber<void> | undefined

  constructor(clock: Clock.Clock, scheduler: Scheduler.Scheduler) {
    this.clock = clock
    this.#run = Effect.runForkWith(Context.make(Scheduler.Scheduler, scheduler))
  }

  watch(millis: number, end: () => void): () => void {
    const one = { at: Monotonic.millisOf(this.clock) + millis, end: () => leave() && end() }
    const goes = this.#watched.add(one)
    const leave = (): boolean => {
      const isThere = goes()
      // A timer that nobody needs would keep the program from its end.
      if (isThere && this.#watched.size() === 0) this.#silence()
      return isThere
    }
    if (one.at < this.#ringsAt) this.#setTo(one.at)
    return leave
  }

  #silence() {
    this.#timer?.interruptUnsafe()
    this.#timer = undefined
    this.#ringsAt = Number.POSITIVE_INFINITY
  }

  #setTo(at: number) {
    this.#silence()
    this.#ringsAt = at
    const left = Duration.millis(Math.ceil(at - Monotonic.millisOf(this.clock)))
    // No child of the fiber that waits: it ends before others that are watched.
    this.#timer = this.#run(Effect.andThen(this.clock.sleep(left), this.#ring))
  }

  readonly #ring = Effect.sync(() => {
    this.#timer = undefined
    this.#ringsAt = Number.POSITIVE_INFINITY
    const now = Monotonic.millisOf(this.clock)
    // Who is ended may take others along, and they are not ended as well.
    for (const { at, end } of this.#watched.values()) if (at <= now) end()
    const next = this.#watched.values().reduce((least, { at }) => Math.min(least, at), Number.POSITIVE_INFINITY)
    if (next < this.#ringsAt) this.#setTo(next)
  })
}
