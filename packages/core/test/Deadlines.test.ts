/** What takes too long is ended, each at its own time, by one timer, in the fiber that waits. */
import { describe, expect, it } from "@effect/vitest"
import { TimedOut, Transport, Unreachable } from "@webflow-users/core"
import { Clock, Duration, Effect, Exit, Fiber } from "effect"
import { TestClock } from "effect/testing"

const answer: Transport.TransportResponse = { status: 200, header: () => undefined, text: "" }
const late = () => new TimedOut({ cause: "late" })
const lateExit = Exit.fail(late())

/** Requests that are under way, by their names, which stand where the address does. */
const served = (begun: (name: string, done: Transport.Done) => void = () => {}) => {
  const underWay = new Map<string, Transport.Done>()
  const cancelled: Array<string> = []
  const transport = Transport.of(({ url }, done) => {
    underWay.set(url, done)
    begun(url, done)
    return () => {
      cancelled.push(url)
      // As some clients do whose connection is taken from them.
      if (url !== "silent") done(Exit.fail(new Unreachable({ cause: "cancelled" })))
    }
  })
  const send = (url: string, seconds?: number) =>
    transport.send({
      method: "GET",
      url,
      headers: {},
      ...(seconds !== undefined && { patience: { millis: seconds * 1_000, late } }),
    })
  const finish = (url: string, exit: Exit.Exit<Transport.TransportResponse, Transport.TransportError>) =>
    Effect.sync(() => underWay.get(url)?.(exit))
  return { send, finish, underWay, cancelled }
}

const begun = <A, E>(effect: Effect.Effect<A, E>) => Effect.forkChild(effect, { startImmediately: true })

/** The clock of this test, with what sleeps by it now. */
const watchedClock = Effect.map(Clock.Clock, (clock) => {
  const sleeping = new Set<number>()
  const watched: Clock.Clock = Object.assign(Object.create(clock) as Clock.Clock, {
    sleep: (duration: Duration.Duration) =>
      Effect.suspend(() => {
        const millis = Duration.toMillis(duration)
        sleeping.add(millis)
        return Effect.ensuring(
          clock.sleep(duration),
          Effect.sync(() => sleeping.delete(millis)),
        )
      }),
  })
  return { sleeping, within: Effect.provideService(Clock.Clock, watched) }
})

describe("a request's patience", () => {
  it.effect("leaves alone what is in time, and what has none or one without end", () =>
    Effect.gen(function* () {
      const { send, finish, cancelled } = served()
      const waiting = [
        yield* begun(send("one", 2)),
        yield* begun(send("failing", 2)),
        yield* begun(send("none")),
        yield* begun(send("endless", Number.POSITIVE_INFINITY)),
      ]
      yield* TestClock.adjust("1999 millis")
      const wrong = Exit.fail(new Unreachable({ cause: "wrong" }))
      yield* finish("one", Exit.succeed(answer))
      yield* finish("failing", wrong)
      yield* TestClock.adjust("1 day")
      yield* finish("none", Exit.succeed(answer))
      yield* finish("endless", Exit.succeed(answer))
      const good = Exit.succeed(answer)
      expect(yield* Effect.forEach(waiting, Fiber.await)).toEqual([good, wrong, good, good])
      expect(cancelled).toEqual([])
    }),
  )

  it.effect("ends each at its own time, whichever came first, and those of one time together", () =>
    Effect.gen(function* () {
      const { send, cancelled } = served()
      const running = yield* Effect.forEach([5, 2, 8, 5], (seconds) => begun(send(String(seconds), seconds)))
      const seen: Array<ReadonlyArray<string>> = []
      for (let second = 1; second <= 8; second += 1) {
        yield* TestClock.adjust("1 second")
        seen.push([...cancelled])
      }
      const [two, five] = [["2"], ["2", "5", "5"]]
      expect(seen).toEqual([[], two, two, two, five, five, five, [...five, "8"]])
      const exits = yield* Effect.forEach(running, Fiber.await)
      expect(exits).toEqual(exits.map(() => lateExit))
    }),
  )

  it.effect("cancels the exchange before whoever waited hears of it, and ignores an answer that comes later", () =>
    Effect.gen(function* () {
      const { send, finish, cancelled } = served()
      const heard: Array<string> = []
      const waiting = yield* begun(Effect.tapError(send("slow", 3), () => Effect.sync(() => heard.push(...cancelled))))
      yield* TestClock.adjust("3 seconds")
      yield* finish("slow", Exit.succeed(answer))
      expect(yield* Fiber.await(waiting)).toEqual(lateExit)
      expect([heard, cancelled]).toEqual([["slow"], ["slow"]])
    }),
  )

  it.effect("that is over before it begins sends nothing", () =>
    Effect.gen(function* () {
      const { send, underWay } = served()
      expect(yield* Effect.exit(send("never", 0))).toEqual(lateExit)
      expect(yield* Effect.exit(send("never", -1))).toEqual(lateExit)
      expect(underWay.size).toBe(0)
    }),
  )

  it.effect("keeps no timer for what has ended, however it did, and begins anew for what comes later", () =>
    Effect.gen(function* () {
      const { sleeping, within } = yield* watchedClock
      const { send, finish, cancelled } = served((name, done) => {
        if (name === "at once") done(Exit.succeed(answer))
        if (name === "broken") throw new Error("broken")
      })
      const counts: Array<number> = []
      const count = Effect.sync(() => counts.push(sleeping.size))
      yield* Effect.gen(function* () {
        const first = yield* begun(send("first", 3))
        const silent = yield* begun(send("silent", 2))
        const third = yield* begun(send("third", 9))
        yield* count
        yield* finish("first", Exit.succeed(answer))
        yield* finish("third", Exit.fail(new Unreachable({ cause: "gone" })))
        yield* count
        yield* Fiber.interrupt(silent)
        yield* count
        expect(yield* send("at once", 3)).toBe(answer)
        expect(Exit.hasDies(yield* Effect.exit(send("broken", 3)))).toBe(true)
        yield* count
        yield* Effect.forEach([first, third], Fiber.await)
        const last = yield* begun(send("last", 3))
        yield* count
        yield* TestClock.adjust("2999 millis")
        expect(last.pollUnsafe()).toBeUndefined()
        yield* TestClock.adjust("1 millis")
        expect(yield* Fiber.await(last)).toEqual(lateExit)
        yield* count
      }).pipe(within)
      expect(counts).toEqual([1, 1, 0, 0, 1, 0])
      expect(cancelled).toEqual(["silent", "last"])
    }),
  )

  it.effect("is not touched by what breaks when it is ended, nor by who is ended together with others", () =>
    Effect.gen(function* () {
      const transport = Transport.of(({ url }) => () => {
        if (url === "broken") throw new Error("broken")
      })
      const send = (url: string) =>
        transport.send({ method: "GET", url, headers: {}, patience: { millis: 1_000, late } })
      const broken = yield* begun(send("broken"))
      const fine = yield* begun(send("fine"))
      const both = yield* begun(Effect.all([send("this"), send("that")], { concurrency: 2 }))
      yield* TestClock.adjust("1 second")
      expect(Exit.hasDies(yield* Fiber.await(broken))).toBe(true)
      expect(yield* Fiber.await(fine)).toEqual(lateExit)
      expect(yield* Fiber.await(both)).toEqual(lateExit)
    }),
  )

  it.effect("is told by the clock of whoever waits", () =>
    Effect.gen(function* () {
      const { send } = served()
      const other = yield* TestClock.make()
      const here = yield* begun(send("here", 2))
      const there = yield* begun(Effect.provideService(send("there", 1), Clock.Clock, other))
      yield* TestClock.adjust("1 second")
      expect([here.pollUnsafe(), there.pollUnsafe()]).toEqual([undefined, undefined])
      yield* other.adjust("1 second")
      expect(yield* Fiber.await(there)).toEqual(lateExit)
      expect(here.pollUnsafe()).toBeUndefined()
      yield* TestClock.adjust("1 second")
      expect(yield* Fiber.await(here)).toEqual(lateExit)
    }),
  )
})

describe("an exchange", () => {
  it.effect("is cancelled with whoever waits for it, and first", () =>
    Effect.gen(function* () {
      const { send, cancelled } = served()
      const waiting = Effect.onInterrupt(send("what was under way", 3), () =>
        Effect.sync(() => cancelled.push("who waited")),
      )
      const running = yield* begun(waiting)
      yield* Fiber.interrupt(running)
      expect(cancelled).toEqual(["what was under way", "who waited"])
    }),
  )

  it.effect("that is done is not cancelled", () =>
    Effect.gen(function* () {
      const { send, finish, cancelled } = served()
      const running = yield* begun(Effect.andThen(send("done", 3), Effect.never))
      yield* finish("done", Exit.succeed(answer))
      yield* TestClock.adjust("3 seconds")
      yield* Fiber.interrupt(running)
      expect(cancelled).toEqual([])
    }),
  )
})

describe("an effect that has to be in time", () => {
  it.effect("is left alone where it is, and ended where it is not", () =>
    Effect.gen(function* () {
      let ended = 0
      const hanging = Effect.onInterrupt(Effect.never, () => Effect.sync(() => (ended += 1)))
      const patience = { millis: 2_000, late }
      const slow = Effect.delay(Effect.succeed("slow"), "9 seconds")
      const running = yield* Effect.forEach(
        [
          Transport.inTime(Effect.succeed("at once"), patience),
          Transport.inTime(hanging, patience),
          Transport.inTime(slow, undefined),
          Transport.inTime(slow, { millis: Number.POSITIVE_INFINITY, late }),
        ],
        begun,
      )
      yield* TestClock.adjust("9 seconds")
      const exits = yield* Effect.forEach(running, Fiber.await)
      expect(exits).toEqual([Exit.succeed("at once"), lateExit, Exit.succeed("slow"), Exit.succeed("slow")])
      expect(ended).toBe(1)
    }),
  )
})
