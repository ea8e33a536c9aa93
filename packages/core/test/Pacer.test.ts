import { describe, expect, it } from "@effect/vitest"
import { Pacer, Pacers } from "@webflow-users/core"
import { Clock, Deferred, Duration, Effect, Fiber, FiberSet, Random, References } from "effect"
import { TestClock } from "effect/testing"
import fc from "fast-check"
import { type Answer, answer, type Counting, countings, serve } from "./limited-server.ts"

const fresh: Pacer.Turn = { hasBegun: false }
const begun: Pacer.Turn = { hasBegun: true }

const pacerOf = (options?: Pacer.Options) => Effect.map(Pacers.make(options), (of) => of("token"))
const ok = (headers: Readonly<Record<string, string>> = {}) =>
  Effect.map(Clock.currentTimeMillis, (now) => answer(200, headers, now))
const limited = (remaining: number, limit = 3) =>
  ok({ "x-ratelimit-limit": String(limit), "x-ratelimit-remaining": String(remaining) })
const refusal = (headers: Readonly<Record<string, string>>) =>
  Effect.map(Clock.currentTimeMillis, (now) => answer(429, headers, now))

/** Lets the clock run until everything has come to its end, and gives what came of it. */
const settled = <A, E>(fiber: Fiber.Fiber<A, E>) => Effect.andThen(TestClock.adjust("1 day"), Fiber.join(fiber))

describe("the pacer and a server that says what it allows", () => {
  const cases = Object.entries(countings).flatMap(([name, counting]) => [
    { name: `60 a minute, ${name}`, counting, limits: { limit: 60, window: 60_000 }, requests: 600, delay: 60 },
    { name: `200 a second, ${name}`, counting, limits: { limit: 200, window: 1_000 }, requests: 3_000, delay: 2 },
  ])
  it.effect.each(cases)("$name: at the floor, and none refused", ({ counting, limits, requests, delay }) =>
    Effect.gen(function* () {
      // Somewhere within one of the clock's windows.
      yield* TestClock.adjust(12_345)
      const start = yield* Clock.currentTimeMillis
      let asked = 0
      // No two answers take the same time.
      const server = serve(counting, limits, () => delay * (0.5 + ((asked += 7) % 10) / 10))
      const pacer = yield* pacerOf({ window: limits.window })
      const all = yield* Effect.forkChild(
        Effect.all(
          Array.from({ length: requests }, () => pacer.paced(server.send, fresh)),
          { concurrency: "unbounded" },
        ),
      )
      const answers = yield* settled(all)
      const took = Math.max(...answers.map(({ at }) => at)) - start
      const floor = (Math.ceil(requests / limits.limit) - 1) * limits.window
      expect(server.seen).toMatchObject({ accepted: requests, refused: 0 })
      expect(took / floor).toBeLessThanOrEqual(1.02)
    }),
  )

  it.effect.each([1_000, 60_000])("with a clock a thousandth slower, a window of %i ms: none refused", (window) =>
    Effect.gen(function* () {
      // What is as old as the window counts still, and nothing is on its way for so long that it would make up for it.
      const slow: Counting = (arrivals, now) => {
        const counted = arrivals.filter((time) => time >= now - window * 1.001)
        return { counted: counted.length, resetAt: (counted[0] ?? now) + window }
      }
      const server = serve(slow, { limit: 3, window }, () => 0)
      const pacer = yield* pacerOf({ window })
      const all = yield* Effect.forkChild(
        Effect.all(
          Array.from({ length: 30 }, () => pacer.paced(server.send, fresh)),
          { concurrency: "unbounded" },
        ),
      )
      yield* settled(all)
      expect(server.seen).toMatchObject({ accepted: 30, refused: 0 })
    }),
  )

  it.effect("whatever its limit, the delays and the arrivals: no request too many, and none left behind", () =>
    Effect.promise(() =>
      fc.assert(
        fc.asyncProperty(
          fc.record({
            counting: fc.constantFrom(...Object.values(countings)),
            limit: fc.integer({ min: 1, max: 12 }),
            window: fc.integer({ min: 50, max: 5_000 }),
            delays: fc.array(fc.integer({ min: 0, max: 900 }), { minLength: 1, maxLength: 20 }),
            arrivals: fc.array(fc.integer({ min: 0, max: 9_000 }), { minLength: 1, maxLength: 60 }),
            offset: fc.integer({ min: 0, max: 5_000 }),
          }),
          ({ counting, limit, window, delays, arrivals, offset }) =>
            Effect.gen(function* () {
              yield* TestClock.adjust(offset)
              let index = 0
              const server = serve(counting, { limit, window }, () => delays[(index += 1) % delays.length] ?? 0)
              const pacer = yield* pacerOf({ window })
              const all = yield* Effect.forkChild(
                Effect.all(
                  arrivals.map((at, place) =>
                    Effect.delay(pacer.paced(server.send, { hasBegun: place % 3 === 0 }), at),
                  ),
                  { concurrency: "unbounded" },
                ),
              )
              yield* settled(all)
              expect(server.seen).toMatchObject({ accepted: arrivals.length, refused: 0 })
            }).pipe(Effect.scoped, Effect.provide(TestClock.layer()), Effect.runPromise),
        ),
        { numRuns: 300 },
      ),
    ),
  )

  it.effect("learns a limit that changes, and never goes beyond the one it was told", () =>
    Effect.gen(function* () {
      for (const [own, most] of [
        [undefined, 4],
        [2, 2],
        [9, 4],
      ] as const) {
        const pacer = yield* pacerOf({ limit: own })
        yield* pacer.paced(limited(4, 5), fresh)
        yield* TestClock.adjust("2 minutes")
        yield* pacer.paced(limited(3, 4), fresh)
        yield* TestClock.adjust("2 minutes")
        const gate = yield* Deferred.make<void>()
        let sent = 0
        const held = Effect.sync(() => (sent += 1)).pipe(
          Effect.andThen(Deferred.await(gate)),
          Effect.andThen(limited(0, 4)),
        )
        const fibers = yield* Effect.forEach(Array.from({ length: 20 }), () =>
          Effect.forkChild(pacer.paced(held, fresh)),
        )
        yield* Effect.yieldNow
        expect([own, sent]).toStrictEqual([own, most])
        yield* Effect.forEach(fibers, Fiber.interrupt)
      }
    }),
  )

  it.effect("leaves to others with the same token what they have taken", () =>
    Effect.gen(function* () {
      const pacer = yield* pacerOf()
      // Of ten, others have sent seven.
      yield* pacer.paced(limited(2, 10), fresh)
      let sent = 0
      const send = Effect.suspend(() => limited(Math.max(0, 2 - (sent += 1)), 10))
      const all = yield* Effect.forkChild(
        Effect.all(
          Array.from({ length: 4 }, () => pacer.paced(send, fresh)),
          { concurrency: "unbounded" },
        ),
      )
      yield* Effect.yieldNow
      expect(sent).toBe(2)
      yield* settled(all)
      expect(sent).toBe(4)
    }),
  )
})

describe("the pacer and a server that says nothing of limits", () => {
  it.effect("asks it alone at first, and then without limit", () =>
    Effect.gen(function* () {
      const pacer = yield* pacerOf()
      const gate = yield* Deferred.make<void>()
      let sent = 0
      const held = Effect.sync(() => (sent += 1)).pipe(Effect.andThen(Deferred.await(gate)), Effect.andThen(ok()))
      const all = yield* Effect.forEach(Array.from({ length: 100 }), () => Effect.forkChild(pacer.paced(held, fresh)))
      yield* Effect.yieldNow
      expect(sent).toBe(1)
      yield* Deferred.succeed(gate, undefined)
      yield* Effect.forEach(all, Fiber.join)
      expect(sent).toBe(100)
      const second = yield* Deferred.make<void>()
      const more = Effect.sync(() => (sent += 1)).pipe(Effect.andThen(Deferred.await(second)), Effect.andThen(ok()))
      yield* Effect.forEach(Array.from({ length: 100 }), () => Effect.forkChild(pacer.paced(more, fresh)))
      yield* Effect.yieldNow
      expect(sent).toBe(200)
    }),
  )

  it.effect("holds to the limit it was given", () =>
    Effect.gen(function* () {
      const pacer = yield* pacerOf({ limit: 5, window: "10 seconds" })
      const all = yield* Effect.forkChild(
        Effect.all(
          Array.from({ length: 15 }, () => pacer.paced(ok(), fresh)),
          { concurrency: "unbounded" },
        ),
      )
      const times = (yield* settled(all)).map(({ at }) => at)
      expect(new Set(times).size).toBe(3)
      expect(times[14]).toBeGreaterThan(20_000)
      expect(times[14]).toBeLessThan(20_400)
    }),
  )

  it.effect("asks it by more and more at once when the first is not answered for long, or has failed", () =>
    Effect.gen(function* () {
      for (const [first, waits] of [
        [Effect.never, [1, 3, 7]],
        [Effect.fail("lost"), [4, 8, 16]],
      ] as const) {
        const pacer = yield* pacerOf()
        const probe = yield* Effect.forkChild(Effect.exit(pacer.paced(first, fresh)))
        let sent = 0
        const held = Effect.andThen(
          Effect.sync(() => (sent += 1)),
          Effect.never,
        )
        const others = yield* Effect.forEach(Array.from({ length: 20 }), () =>
          Effect.forkChild(pacer.paced(held, fresh)),
        )
        for (const expected of waits) {
          yield* TestClock.adjust("5 seconds")
          expect(sent).toBe(expected)
        }
        yield* Effect.forEach([probe, ...others], Fiber.interrupt)
      }
    }),
  )

  it.effect("goes on when the first request is not answered for long, fails, or is given up", () =>
    Effect.gen(function* () {
      for (const [first, after] of [
        [Effect.never, 5_000],
        [Effect.fail("lost"), 0],
      ] as const) {
        const pacer = yield* pacerOf()
        const start = yield* Clock.currentTimeMillis
        const probe = yield* Effect.forkChild(Effect.exit(pacer.paced(first, fresh)))
        const next = yield* Effect.forkChild(pacer.paced(ok(), fresh))
        yield* TestClock.adjust("1 minute")
        expect((yield* Fiber.join(next)).at - start).toBe(after)
        yield* Fiber.interrupt(probe)
      }
      const pacer = yield* pacerOf()
      const probe = yield* Effect.forkChild(pacer.paced(Effect.never, fresh))
      const next = yield* Effect.forkChild(pacer.paced(ok(), fresh))
      yield* Effect.yieldNow
      yield* Fiber.interrupt(probe)
      yield* Fiber.join(next)
    }),
  )
})

describe("a request that is given up", () => {
  const patient: Pacer.Turn = { hasBegun: false, maxWait: Duration.hours(1) }
  // Where it can be given up: each so many steps it lets others go on, and one of these times they give it up.
  const moments = [3, 4, 5, 6, 7].flatMap((steps) => [0, 1, 2, 3, 4, 5, 6, 7, 8].map((time) => ({ steps, time })))

  it.effect.each([
    ["where it may go at once", false],
    ["after it has waited", true],
  ] as const)("%s is under way no longer, whatever it had come to", ([, hasToWait]) =>
    Effect.gen(function* () {
      const came: Array<string> = []
      for (const { steps, time } of moments) {
        const pacer = yield* pacerOf()
        const gate = yield* Deferred.make<void>()
        const first = hasToWait ? pacer.paced(Effect.andThen(Deferred.await(gate), ok()), fresh) : Effect.void
        const before = yield* Effect.forkChild(first, { startImmediately: true })
        let state = "not sent"
        const send = Effect.tap(
          Effect.suspend(() => {
            state = "sent"
            return ok()
          }),
          () => Effect.sync(() => (state = "answered")),
        )
        const paced = Effect.provideService(pacer.paced(send, patient), References.MaxOpsBeforeYield, steps)
        const one = yield* Effect.forkChild(paced, { startImmediately: true })
        // Until it waits.
        if (hasToWait) yield* Effect.repeat(Effect.yieldNow, { times: 20 })
        yield* Deferred.succeed(gate, undefined)
        for (let taken = 0; taken < time; taken += 1) yield* Effect.yieldNow
        yield* Fiber.interrupt(one)
        yield* Fiber.join(before)
        came.push(state)
        expect([steps, time, state, pacer.isIdle()]).toStrictEqual([steps, time, state, true])
      }
      expect(new Set(came)).toStrictEqual(new Set(["not sent", "sent", "answered"]))
    }),
  )

  it.effect("when its turn has come and it is not sent yet does not count against the limit", () =>
    Effect.gen(function* () {
      for (let time = 0; time < 9; time += 1) {
        const pacer = yield* pacerOf({ limit: 2 })
        const gate = yield* Deferred.make<void>()
        const paced = pacer.paced(Effect.andThen(Deferred.await(gate), ok()), fresh)
        const before = yield* Effect.forkChild(paced, { startImmediately: true })
        const unsent = pacer.paced(Effect.die("sent"), patient)
        // Three steps at a time are too few for it to come to sending.
        const one = yield* Effect.forkChild(Effect.provideService(unsent, References.MaxOpsBeforeYield, 3), {
          startImmediately: true,
        })
        yield* Effect.repeat(Effect.yieldNow, { times: 20 })
        yield* Deferred.succeed(gate, undefined)
        for (let taken = 0; taken < time; taken += 1) yield* Effect.yieldNow
        yield* Fiber.interrupt(one)
        yield* Fiber.join(before)
        yield* pacer.paced(ok(), { hasBegun: false, maxWait: Duration.zero })
      }
    }),
  )
})

describe("a 429", () => {
  /** When the next request is sent after one 429 with these headers. */
  const nextAfter = Effect.fnUntraced(function* (
    headers: Readonly<Record<string, string>>,
    options: Pacer.Options = {},
    times = 1,
  ) {
    const pacer = yield* pacerOf(options)
    const others = yield* Effect.forEach(Array.from({ length: times }), () =>
      Effect.forkChild(pacer.paced(refusal(headers), fresh)),
    )
    for (const other of others) yield* settled(other)
    const start = yield* Clock.currentTimeMillis
    yield* pacer.paced(refusal(headers), fresh)
    return (yield* settled(yield* Effect.forkChild(pacer.paced(ok(), fresh)))).at - start
  })

  it.effect.each<[string, Pacer.Options, number]>([
    ["17", {}, 17_000],
    ["0.25", {}, 250],
    ["0", {}, 0],
    ["3600", {}, 120_000],
    ["999999999999", { maxPause: "30 seconds" }, 30_000],
  ])("with Retry-After: %s pauses for as long, if it is not too long", ([retryAfter, options, expected]) =>
    Effect.gen(function* () {
      expect(yield* nextAfter({ "retry-after": retryAfter }, options)).toBe(expected)
    }),
  )

  it.effect("with a date pauses until then", () =>
    Effect.gen(function* () {
      yield* TestClock.setTime(Date.parse("2026-11-25T00:00:00Z"))
      const pacer = yield* pacerOf()
      yield* pacer.paced(refusal({ "retry-after": "Wed, 25 Nov 2026 00:00:42 GMT" }), fresh)
      const next = yield* Effect.forkChild(pacer.paced(ok(), fresh))
      expect((yield* settled(next)).at).toBe(Date.parse("2026-11-25T00:00:42Z"))
    }),
  )

  it.effect("without one pauses for a second, then for twice as long each time, and a little more", () =>
    Effect.gen(function* () {
      const middle = { nextDoubleUnsafe: () => 0.5, nextIntUnsafe: () => 0 }
      const pauses = yield* Effect.all([nextAfter({}), nextAfter({}, {}, 1), nextAfter({}, {}, 3)]).pipe(
        Effect.provideService(Random.Random, middle),
      )
      expect(pauses).toStrictEqual([2_500, 2_500, 10_000])
      expect(yield* nextAfter({}, {}, 50).pipe(Effect.provideService(Random.Random, middle))).toBe(120_000)
    }),
  )

  it.effect("after an answer begins with a second again", () =>
    Effect.gen(function* () {
      const pacer = yield* pacerOf()
      for (const answering of [refusal({}), refusal({}), ok(), refusal({})]) {
        yield* settled(yield* Effect.forkChild(pacer.paced(answering, fresh)))
      }
      const start = yield* Clock.currentTimeMillis
      const next = yield* Effect.forkChild(pacer.paced(ok(), fresh))
      expect((yield* settled(next)).at - start).toBeLessThan(2_000)
    }),
  )

  it.effect("with a shorter pause than one before does not shorten that", () =>
    Effect.gen(function* () {
      const pacer = yield* pacerOf()
      yield* pacer.paced(ok(), fresh)
      const gate = yield* Deferred.make<void>()
      const late = Effect.andThen(Deferred.await(gate), refusal({ "retry-after": "1" }))
      const other = yield* Effect.forkChild(pacer.paced(late, fresh))
      yield* Effect.yieldNow
      yield* pacer.paced(refusal({ "retry-after": "30" }), fresh)
      yield* Deferred.succeed(gate, undefined)
      yield* Fiber.join(other)
      expect((yield* settled(yield* Effect.forkChild(pacer.paced(ok(), fresh)))).at).toBe(30_000)
    }),
  )

  it.effect("pauses everyone with this token and nobody else, and then lets one go first", () =>
    Effect.gen(function* () {
      const of = yield* Pacers.make()
      const [paused, other] = [of("a"), of("b")]
      yield* paused.paced(ok(), fresh)
      yield* paused.paced(refusal({ "retry-after": "30" }), fresh)
      const sent: Array<number> = []
      const slowly = Effect.gen(function* () {
        sent.push(yield* Clock.currentTimeMillis)
        yield* Effect.sleep("1 second")
        return yield* ok()
      })
      yield* Effect.forEach(Array.from({ length: 3 }), () => Effect.forkChild(paused.paced(slowly, fresh)))
      yield* other.paced(ok(), fresh)
      yield* TestClock.adjust("1 minute")
      expect(sent).toStrictEqual([30_000, 31_000, 31_000])
      expect(of("a")).toBe(paused)
    }),
  )
})

describe("who waits", () => {
  /** A pacer with no room for a minute. */
  const full = Effect.gen(function* () {
    const pacer = yield* pacerOf()
    yield* pacer.paced(limited(0, 1), fresh)
    return pacer
  })

  it.effect("goes in the order of arrival, what has begun before what has not", () =>
    Effect.gen(function* () {
      const pacer = yield* full
      const order: Array<string> = []
      const named = (name: string) =>
        Effect.andThen(
          Effect.sync(() => order.push(name)),
          limited(0, 1),
        )
      for (const [name, turn] of [
        ["fresh 1", fresh],
        ["begun 1", begun],
        ["fresh 2", fresh],
        ["begun 2", begun],
      ] as const) {
        yield* Effect.forkChild(pacer.paced(named(name), turn))
        yield* Effect.yieldNow
      }
      yield* TestClock.adjust("5 minutes")
      expect(order).toStrictEqual(["begun 1", "begun 2", "fresh 1", "fresh 2"])
    }),
  )

  it.effect("is refused at once where it would take too long, and told how long", () =>
    Effect.gen(function* () {
      const pacer = yield* full
      const asking = (seconds: number) => pacer.paced(limited(0, 1), { ...fresh, maxWait: Duration.seconds(seconds) })
      expect(yield* Effect.flip(asking(60))).toMatchObject({ _tag: "TooLate", retryAfter: 61 })
      yield* Effect.forkChild(asking(61))
      yield* Effect.yieldNow
      expect(yield* Effect.flip(asking(120))).toMatchObject({ retryAfter: 121 })
      yield* pacer.paced(limited(0, 1), begun).pipe(Effect.forkChild)
      yield* Effect.yieldNow
      expect(yield* Effect.flip(asking(180))).toMatchObject({ retryAfter: 181 })
      yield* TestClock.adjust("10 minutes")
      const roomy = yield* pacerOf()
      yield* roomy.paced(limited(4, 5), fresh)
      yield* roomy.paced(refusal({ "retry-after": "7" }), fresh)
      const impatient = { ...fresh, maxWait: Duration.seconds(6) }
      expect(yield* Effect.flip(roomy.paced(ok(), impatient))).toMatchObject({ retryAfter: 7 })
      const unlimited = yield* pacerOf()
      yield* unlimited.paced(refusal({ "retry-after": "7" }), fresh)
      const turn = { ...begun, maxWait: Duration.seconds(6) }
      expect(yield* Effect.flip(unlimited.paced(ok(), turn))).toMatchObject({ retryAfter: 7 })
    }),
  )

  it.effect("is refused when it turns out that it takes too long", () =>
    Effect.gen(function* () {
      const pacer = yield* pacerOf()
      yield* pacer.paced(ok(), fresh)
      const gate = yield* Deferred.make<void>()
      const late = Effect.andThen(Deferred.await(gate), refusal({ "retry-after": "100" }))
      const other = yield* Effect.forkChild(pacer.paced(late, fresh))
      yield* Effect.yieldNow
      yield* pacer.paced(refusal({ "retry-after": "10" }), fresh)
      const turn = { ...fresh, maxWait: Duration.seconds(30) }
      const waiting = yield* Effect.forkChild(Effect.flip(pacer.paced(Effect.die("sent"), turn)))
      yield* TestClock.adjust("5 seconds")
      yield* Deferred.succeed(gate, undefined)
      yield* Fiber.join(other)
      yield* TestClock.adjust("25 seconds")
      expect(yield* Fiber.join(waiting)).toMatchObject({ _tag: "TooLate", retryAfter: 75 })
    }),
  )

  it.effect("after a pause waits for the one that goes first, also beside one that hangs, but not for ever", () =>
    Effect.gen(function* () {
      const pacer = yield* pacerOf()
      yield* pacer.paced(ok(), fresh)
      yield* Effect.forkChild(pacer.paced(Effect.never, fresh))
      yield* TestClock.adjust("20 seconds")
      yield* pacer.paced(refusal({ "retry-after": "10" }), fresh)
      const all = yield* Effect.forkChild(
        Effect.all([pacer.paced(ok(), fresh), pacer.paced(ok(), fresh)], { concurrency: 2 }),
      )
      expect((yield* settled(all)).map(({ at }) => at)).toStrictEqual([35_000, 35_000])
    }),
  )

  it.effect("does not wait for those behind", () =>
    Effect.gen(function* () {
      const pacer = yield* full
      yield* Effect.forkChild(pacer.paced(limited(0, 1), fresh))
      yield* Effect.yieldNow
      const turn = { ...begun, maxWait: Duration.seconds(62) }
      const first = yield* Effect.forkChild(pacer.paced(limited(0, 1), turn))
      expect((yield* settled(first)).at).toBeLessThan(62_000)
    }),
  )

  it.effect("is not overtaken by who comes when there is room", () =>
    Effect.gen(function* () {
      const pacer = yield* pacerOf({ limit: 3 })
      yield* Effect.forEach([1, 2, 3], () => pacer.paced(ok(), fresh))
      const order: Array<string> = []
      const named = (name: string) =>
        Effect.andThen(
          Effect.sync(() => order.push(name)),
          ok(),
        )
      const twice = Effect.andThen(pacer.paced(named("first"), fresh), pacer.paced(named("third"), fresh))
      yield* Effect.forkChild(twice)
      yield* Effect.forkChild(pacer.paced(named("second"), fresh))
      yield* TestClock.adjust("61 seconds")
      expect(order).toStrictEqual(["first", "second", "third"])
    }),
  )

  it.effect("goes with all the others, however many they are", () =>
    Effect.gen(function* () {
      const pacer = yield* pacerOf()
      yield* pacer.paced(refusal({ "retry-after": "1" }), fresh)
      const all = yield* Effect.forkChild(
        Effect.all(
          Array.from({ length: 20_000 }, () => pacer.paced(ok(), fresh)),
          { concurrency: "unbounded", discard: true },
        ),
      )
      yield* settled(all)
    }),
  )

  it.effect.each([3, 4, 5, 6, 7, 8, 9, 10, 11, 12])(
    "and is given up at any moment leaves its turn to others, where fibers take turns after %i steps",
    (steps) =>
      Effect.gen(function* () {
        const pacer = yield* pacerOf({ limit: 1, window: 1 })
        for (let moment = 0; moment < 20; moment += 1) {
          const first = yield* Effect.forkChild(pacer.paced(ok(), fresh))
          const second = yield* Effect.forkChild(pacer.paced(ok(), fresh))
          for (let turn = 0; turn < moment; turn += 1) yield* Effect.yieldNow
          yield* Fiber.interrupt(first)
          yield* TestClock.adjust("1 second")
          yield* Fiber.join(second)
        }
      }).pipe(Effect.provideService(References.MaxOpsBeforeYield, steps)),
  )

  it.effect("and is given up is forgotten, whether before its turn or in it", () =>
    Effect.gen(function* () {
      const pacer = yield* full
      const given = yield* Effect.forkChild(pacer.paced(Effect.die("sent"), fresh))
      const next = yield* Effect.forkChild(pacer.paced(limited(0, 1), fresh))
      yield* Effect.yieldNow
      yield* Fiber.interrupt(given)
      yield* TestClock.adjust("61 seconds")
      yield* Fiber.join(next)
      yield* TestClock.adjust("61 seconds")
      const sending = yield* Effect.forkChild(pacer.paced(Effect.never, fresh))
      const last = yield* Effect.forkChild(pacer.paced(limited(0, 1), fresh))
      yield* Effect.yieldNow
      const start = yield* Clock.currentTimeMillis
      yield* Fiber.interrupt(sending)
      // The server may have counted it.
      expect((yield* settled(last)).at - start).toBeGreaterThanOrEqual(60_000)
    }),
  )
})

describe("whatever goes wrong", () => {
  /** How many of a kind of request are under way at once at the most, and that all come to an end. */
  const mostAtOnce = Effect.fnUntraced(function* (
    pacer: Pacer.Pacer,
    count: number,
    answering: Effect.Effect<Answer, string>,
  ) {
    let [underWay, most] = [0, 0]
    const send = Effect.suspend(() => {
      underWay += 1
      most = Math.max(most, underWay)
      return Effect.ensuring(
        answering,
        Effect.sync(() => (underWay -= 1)),
      )
    })
    const all = yield* Effect.forkChild(
      Effect.all(
        Array.from({ length: count }, () => Effect.exit(pacer.paced(send, fresh))),
        { concurrency: "unbounded", discard: true },
      ),
    )
    yield* settled(all)
    return most
  })

  it.effect.each<[string, Effect.Effect<Answer, string>]>([
    ["are slow", Effect.delay(ok(), "8 seconds")],
    ["fail", Effect.fail("lost")],
    ["fail late", Effect.delay(Effect.fail("lost"), "8 seconds")],
    ["are 502s", Effect.map(Clock.currentTimeMillis, (at) => answer(502, {}, at))],
  ])("no more than its own limit is under way where answers %s", ([_, answering]) =>
    Effect.gen(function* () {
      const pacer = yield* pacerOf({ limit: 10 })
      expect(yield* mostAtOnce(pacer, 100, answering)).toBeLessThanOrEqual(10)
    }),
  )

  it.effect("no more than was learned is under way after a 429, where the answer after it is slow", () =>
    Effect.gen(function* () {
      const pacer = yield* pacerOf()
      yield* pacer.paced(limited(9, 10), fresh)
      yield* pacer.paced(refusal({ "retry-after": "1" }), fresh)
      expect(yield* mostAtOnce(pacer, 100, Effect.delay(ok(), "8 seconds"))).toBeLessThanOrEqual(10)
    }),
  )

  const bad: ReadonlyArray<[string, Effect.Effect<Answer, string>]> = [
    ["is slow", Effect.delay(ok(), "8 seconds")],
    ["is a 502 that says nothing", Effect.map(Clock.currentTimeMillis, (at) => answer(502, {}, at))],
    ["fails", Effect.fail("lost")],
    ["is given up", Effect.interrupt],
  ]
  it.effect.each(bad)("a server that says its limit refuses nearly nobody where the first answer %s", ([_, first]) =>
    Effect.gen(function* () {
      const server = serve(countings["a sliding window"], { limit: 60, window: 60_000 }, () => 100)
      const pacer = yield* pacerOf()
      const probe = yield* Effect.forkChild(Effect.exit(pacer.paced(Effect.andThen(server.send, first), fresh)))
      const all = yield* Effect.forkChild(
        Effect.all(
          Array.from({ length: 600 }, () => pacer.paced(server.send, fresh)),
          { concurrency: "unbounded" },
        ),
      )
      yield* settled(all)
      yield* Fiber.interrupt(probe)
      expect(server.seen).toMatchObject({ refused: 0, accepted: 601 })
    }),
  )

  it.effect("a limit beyond all measure is read, and holds nobody up", () =>
    Effect.gen(function* () {
      const pacer = yield* pacerOf()
      yield* pacer.paced(limited(0, 999_999_999), fresh)
      const turn = { ...fresh, maxWait: Duration.seconds(10) }
      expect(yield* Effect.flip(pacer.paced(ok(), turn))).toMatchObject({ _tag: "TooLate", retryAfter: 61 })
    }),
  )

  it.effect("an own limit is what is sent from here, whatever others with the same token send", () =>
    Effect.gen(function* () {
      const pacer = yield* pacerOf({ limit: 30 })
      let mine = 0
      // The other half of what the server allows is always taken.
      const send = Effect.suspend(() => limited(60 - 30 - ((mine += 1) % 30), 60))
      const all = yield* Effect.forkChild(
        Effect.all(
          Array.from({ length: 90 }, () => pacer.paced(send, fresh)),
          { concurrency: "unbounded" },
        ),
      )
      const last = Math.max(...(yield* settled(all)).map(({ at }) => at))
      expect(last).toBeGreaterThan(120_000)
      expect(last).toBeLessThan(125_000)
    }),
  )

  it.effect("several 429s at once are one, where none says how long", () =>
    Effect.gen(function* () {
      const pacer = yield* pacerOf()
      yield* pacer.paced(ok(), fresh)
      const gate = yield* Deferred.make<void>()
      const late = Effect.andThen(Deferred.await(gate), refusal({}))
      const burst = yield* Effect.forEach(Array.from({ length: 20 }), () => Effect.forkChild(pacer.paced(late, fresh)))
      yield* Effect.yieldNow
      yield* Deferred.succeed(gate, undefined)
      yield* Effect.forEach(burst, Fiber.join)
      const start = yield* Clock.currentTimeMillis
      const next = yield* Effect.forkChild(pacer.paced(ok(), fresh))
      expect((yield* settled(next)).at - start).toBeLessThan(2_000)
    }),
  )

  it.effect("a server that refuses and says no limit is approached slowly", () =>
    Effect.gen(function* () {
      const { send, seen } = serve(countings["windows of the clock"], { limit: 60, window: 60_000 }, () => 50)
      const silent = Effect.map(send, ({ status, at, header }) =>
        answer(status, status === 429 ? { "retry-after": header("retry-after") ?? "" } : {}, at),
      )
      const pacer = yield* pacerOf()
      const until: Effect.Effect<void, Pacer.TooLate> = Effect.flatMap(pacer.paced(silent, begun), ({ status }) =>
        status === 429 ? until : Effect.void,
      )
      const all = yield* Effect.forkChild(
        Effect.all(
          Array.from({ length: 600 }, () => until),
          { concurrency: "unbounded", discard: true },
        ),
      )
      yield* settled(all)
      expect(seen.accepted).toBe(600)
      // All that go at once before anything is known, and then a few a window.
      expect(seen.refused - 541).toBeLessThan(200)
    }),
  )

  it.effect("waiting ends where it has to", () =>
    Effect.gen(function* () {
      const pacer = yield* pacerOf()
      yield* pacer.paced(limited(0, 1), fresh)
      const ending = yield* Deferred.make<void>()
      const turn = { ...fresh, ending: Deferred.await(ending) }
      const waiting = yield* Effect.forkChild(Effect.flip(pacer.paced(Effect.die("sent"), turn)))
      yield* TestClock.adjust("1 second")
      yield* Deferred.succeed(ending, undefined)
      expect(yield* Fiber.join(waiting)).toMatchObject({ _tag: "TooLate" })
    }),
  )
})

describe("after a 429", () => {
  it.effect("one may go when the server said, though others have taken all that it allows", () =>
    Effect.gen(function* () {
      const pacer = yield* pacerOf()
      const headers = { "x-ratelimit-limit": "60", "x-ratelimit-remaining": "0", "retry-after": "3" }
      yield* pacer.paced(refusal(headers), fresh)
      const turn = { ...begun, maxWait: Duration.seconds(10) }
      const next = yield* Effect.forkChild(pacer.paced(limited(59, 60), turn))
      expect((yield* settled(next)).at).toBe(3_000)
    }),
  )

  it.effect.each<[string, Readonly<Record<string, string>>]>([
    ["says no limit", {}],
    ["says its limit", { "x-ratelimit-limit": "600", "x-ratelimit-remaining": "500" }],
  ])("answers to what was sent before let nobody go with the first one, where the server %s", ([_, headers]) =>
    Effect.gen(function* () {
      const pacer = yield* pacerOf()
      yield* pacer.paced(ok(headers), fresh)
      const gate = yield* Deferred.make<void>()
      const before = Effect.andThen(Deferred.await(gate), ok(headers))
      const sentBefore = yield* Effect.forEach(Array.from({ length: 50 }), () =>
        Effect.forkChild(pacer.paced(before, fresh)),
      )
      yield* Effect.yieldNow
      yield* pacer.paced(refusal({ ...headers, "retry-after": "30" }), fresh)
      yield* Deferred.succeed(gate, undefined)
      yield* Effect.forEach(sentBefore, Fiber.join)
      let sent = 0
      const held = Effect.andThen(
        Effect.sync(() => (sent += 1)),
        Effect.never,
      )
      const after = yield* Effect.forEach(Array.from({ length: 100 }), () => Effect.forkChild(pacer.paced(held, fresh)))
      yield* TestClock.adjust("31 seconds")
      expect(sent).toBe(1)
      yield* Effect.forEach(after, Fiber.interrupt)
    }),
  )

  it.effect("no time is spent on waiting for one that hangs beside a part of one more", () =>
    Effect.gen(function* () {
      let alarms = 0
      const means = {
        clock: yield* Clock.Clock,
        random: yield* Random.Random,
        run: (effect: Effect.Effect<void>) => {
          alarms += 1
          return run(effect)
        },
      }
      const run = yield* FiberSet.runtime(yield* FiberSet.make<void>())()
      const pacer = Pacer.of({}, means)
      yield* pacer.paced(refusal({ "retry-after": "0" }), fresh)
      yield* pacer.paced(ok(), fresh)
      yield* pacer.paced(ok(), fresh)
      const hanging = yield* Effect.forEach([1, 2, 3], () => Effect.forkChild(pacer.paced(Effect.never, fresh)))
      yield* TestClock.adjust("5 seconds")
      expect(alarms).toBeLessThan(5)
      yield* Effect.forEach(hanging, Fiber.interrupt)
    }),
  )
})

it.effect.each<[string, number, number]>([
  ["a limit that was lowered", 5, 3],
  ["a limit, whatever is said to remain", 60, 9_999],
])("holds to %s", ([_, limit, remaining]) =>
  Effect.gen(function* () {
    const pacer = yield* pacerOf()
    yield* pacer.paced(limited(59, 60), fresh)
    yield* pacer.paced(limited(remaining, limit), fresh)
    let sent = 0
    const held = Effect.andThen(
      Effect.sync(() => (sent += 1)),
      Effect.never,
    )
    const all = yield* Effect.forEach(Array.from({ length: 100 }), () => Effect.forkChild(pacer.paced(held, fresh)))
    yield* Effect.yieldNow
    expect(sent).toBeLessThanOrEqual(limit)
    yield* Effect.forEach(all, Fiber.interrupt)
  }),
)

describe("what a server says it has left", () => {
  /** How many more go at once. */
  const more = Effect.fnUntraced(function* (pacer: Pacer.Pacer) {
    let sent = 0
    const held = Effect.andThen(
      Effect.sync(() => (sent += 1)),
      Effect.never,
    )
    const all = yield* Effect.forEach(Array.from({ length: 20 }), () => Effect.forkChild(pacer.paced(held, fresh)))
    yield* Effect.yieldNow
    const atOnce = sent
    yield* Effect.forEach(all, Fiber.interrupt)
    return atOnce
  })
  /** A request that is answered when it is told to be. */
  const slow = Effect.fnUntraced(function* (pacer: Pacer.Pacer, remaining: number) {
    const gate = yield* Deferred.make<void>()
    const fiber = yield* Effect.forkChild(
      pacer.paced(Effect.andThen(Deferred.await(gate), limited(remaining, 10)), fresh),
    )
    yield* Effect.yieldNow
    return Effect.andThen(Deferred.succeed(gate, undefined), Fiber.join(fiber))
  })

  it.effect("is less than it said before, where others have taken of it", () =>
    Effect.gen(function* () {
      const pacer = yield* pacerOf()
      yield* pacer.paced(limited(9, 10), fresh)
      yield* pacer.paced(limited(2, 10), fresh)
      expect(yield* more(pacer)).toBe(2)
    }),
  )

  it.effect("counts what was sent after a request that it counted late, and nobody is taken for others", () =>
    Effect.gen(function* () {
      const pacer = yield* pacerOf()
      yield* pacer.paced(limited(9, 10), fresh)
      const answered = yield* slow(pacer, 7)
      yield* pacer.paced(limited(8, 10), fresh)
      yield* answered
      expect(yield* more(pacer)).toBe(7)
    }),
  )

  it.effect("counts others once, though two answers tell of them", () =>
    Effect.gen(function* () {
      const pacer = yield* pacerOf()
      yield* pacer.paced(limited(9, 10), fresh)
      const answered = yield* slow(pacer, 4)
      yield* pacer.paced(limited(4, 10), fresh)
      yield* answered
      expect(yield* more(pacer)).toBe(4)
    }),
  )

  it.effect("is not known from a failure that does not say it: two go then", () =>
    Effect.gen(function* () {
      const pacer = yield* pacerOf()
      yield* pacer.paced(
        Effect.map(Clock.currentTimeMillis, (at) => answer(502, {}, at)),
        fresh,
      )
      expect(yield* more(pacer)).toBe(2)
    }),
  )
})

it.effect("keeps a bounded number of tokens in mind, the ones used last", () =>
  Effect.gen(function* () {
    const of = yield* Pacers.make()
    const [first, second] = [of("first"), of("second")]
    for (let index = 0; index < 998; index += 1) of(`other ${index}`)
    expect(of("first")).toBe(first)
    of("one too many")
    expect(of("first")).toBe(first)
    expect(of("second")).not.toBe(second)
  }),
)
