/** Many updates without a stream: who takes the next change, when, and what becomes of it where something breaks. */
import { describe, expect, it } from "@effect/vitest"
import { UpdateUser, UpdateUsers, type User, UserId, UserNotFound, UserStore } from "@webflow-users/core"
import { Cause, Deferred, Effect, Exit, Fiber, Layer } from "effect"
import { TestClock } from "effect/testing"

const siteId = "580e63e98c9a982ac9b8b741"
const idOf = (index: number): UserId => UserId.make(`6287ec36a841b25637c6${(0x4000 + index).toString(16)}`)
const changeOf = (index: number): UpdateUsers.Update => ({ user: idOf(index), patch: { data: { name: "New" } } })

type Update = (userId: UserId) => Effect.Effect<User>
const made: Update = (id) => Effect.succeed({ id, accessGroups: [], data: { name: "New" } })

const storeOf = (update: Update) =>
  UpdateUser.layer.pipe(
    Layer.provideMerge(
      Layer.succeed(UserStore.UserStore, {
        update: (_, userId) => update(userId),
        get: () => Effect.fail(new UserNotFound()),
        findByEmail: (_, email) =>
          Effect.delay(Effect.succeed({ id: idOf(Number(email[0])), accessGroups: [], data: {} }), "1 second"),
        list: () => Effect.die("not asked for"),
        declaration: () => Effect.succeed({}),
        accessGroups: () => Effect.die("not asked for"),
      }),
    ),
  )

/** Gives so many changes in each portion, and counts how often it is asked. */
const sourceOf = (portions: ReadonlyArray<number>) => {
  let [index, asked] = [0, 0]
  const next = Effect.sync(() => {
    const size = portions[asked]
    asked += 1
    return size === undefined ? undefined : Array.from({ length: size }, () => changeOf(index++))
  })
  return { next, asked: () => asked }
}
const settle = Effect.forEach(Array.from({ length: 50 }), () => Effect.yieldNow, { discard: true })

describe("updates that are carried out", () => {
  it.effect("are begun no faster than their outcomes are taken", () =>
    Effect.gen(function* () {
      const outcomes: Array<UpdateUsers.Outcome> = []
      const source = sourceOf([1, 1, 1, 1, 1, 1, 1])
      const taken = yield* Deferred.make<void>()
      const handOn = (outcome: UpdateUsers.Outcome) => {
        outcomes.push(outcome)
        return Deferred.await(taken)
      }
      const running = yield* UpdateUsers.carryOut(siteId, source.next, handOn, { concurrency: 3 }).pipe(
        Effect.provide(storeOf(made)),
        Effect.forkChild,
      )
      yield* settle
      expect(outcomes).toHaveLength(3)
      expect(source.asked()).toBe(3)
      yield* Deferred.succeed(taken, undefined)
      yield* Fiber.join(running)
      expect(outcomes).toHaveLength(7)
    }),
  )

  it.effect("may be any number at once, and come in portions of any size", () =>
    Effect.gen(function* () {
      let [underWay, most, told] = [0, 0, 0]
      const slow: Update = (userId) =>
        Effect.suspend(() => {
          most = Math.max(most, (underWay += 1))
          return Effect.delay(made(userId), "1 second")
        })
      const source = sourceOf([2, 0, 5, 0, 0, 1])
      const running = yield* UpdateUsers.carryOut(siteId, source.next, () => Effect.sync(() => (told += 1)), {
        concurrency: Number.POSITIVE_INFINITY,
      }).pipe(Effect.provide(storeOf(slow)), Effect.forkChild)
      yield* settle
      yield* TestClock.adjust("1 second")
      yield* Fiber.join(running)
      expect({ most, told }).toEqual({ most: 8, told: 8 })
    }),
  )

  it.effect("are made in the order in which they came, also where a user has to be found first", () =>
    Effect.gen(function* () {
      const seen: Array<string> = []
      const slow: Update = (userId) => {
        seen.push(userId)
        return Effect.delay(made(userId), "100 millis")
      }
      const changes = [changeOf(0), { ...changeOf(1), user: "1@example.com" }, changeOf(1), changeOf(2)]
      const portions = [changes, undefined]
      const running = yield* UpdateUsers.carryOut(
        siteId,
        Effect.sync(() => portions.shift()),
        () => Effect.void,
      ).pipe(Effect.provide(storeOf(slow)), Effect.forkChild)
      yield* settle
      yield* TestClock.adjust("200 millis")
      yield* settle
      expect(seen).toEqual([idOf(0)])
      yield* TestClock.adjust("2 seconds")
      yield* Fiber.join(running)
      expect(seen.filter((userId) => userId !== idOf(2))).toEqual([idOf(0), idOf(1), idOf(1)])
    }),
  )

  it.effect("end with the defect of one, or of who hears of one, when those under way have come to their end", () =>
    Effect.gen(function* () {
      for (const where of ["update", "outcome"]) {
        const done: Array<UserId> = []
        const told: Array<UserId> = []
        const dies: Update = (userId) =>
          userId === idOf(2) && where === "update"
            ? Effect.delay(Effect.die("a defect"), "1 second")
            : Effect.delay(
                Effect.tap(made(userId), () => Effect.sync(() => done.push(userId))),
                userId === idOf(2) ? "1 second" : "2 seconds",
              )
        const hear = ({ update }: UpdateUsers.Outcome) => {
          if (update.user === idOf(2)) return Effect.die("a defect")
          return Effect.sync(() => told.push(update.user as UserId))
        }
        const running = yield* UpdateUsers.carryOut(siteId, sourceOf([8]).next, hear, { concurrency: 4 }).pipe(
          Effect.provide(storeOf(dies)),
          Effect.forkChild,
        )
        yield* settle
        yield* TestClock.adjust("5 seconds")
        const exit = yield* Fiber.await(running)
        expect(Exit.isFailure(exit) && Cause.squash(exit.cause)).toBe("a defect")
        expect(done.filter((userId) => userId !== idOf(2))).toEqual([idOf(0), idOf(1), idOf(3)])
        expect(told).toEqual([idOf(0), idOf(1), idOf(3)])
      }
    }),
  )

  it.effect("are broken off when they are interrupted, those too that wait for their turn or for more", () =>
    Effect.gen(function* () {
      let [begun, brokenOff] = [0, 0]
      const hangs: Update = () =>
        Effect.suspend(() => {
          begun += 1
          return Effect.onInterrupt(Effect.never, () => Effect.sync(() => (brokenOff += 1)))
        })
      const portions = [[changeOf(0), changeOf(0), changeOf(1)]]
      const next = Effect.suspend(() => {
        const portion = portions.shift()
        return portion === undefined ? Effect.never : Effect.succeed(portion)
      })
      const running = yield* UpdateUsers.carryOut(siteId, next, () => Effect.void).pipe(
        Effect.provide(storeOf(hangs)),
        Effect.forkChild,
      )
      yield* settle
      yield* Fiber.interrupt(running)
      expect({ begun, brokenOff }).toEqual({ begun: 2, brokenOff: 2 })
    }),
  )

  it.effect("that wait for their time are not begun when they are to end", () =>
    Effect.gen(function* () {
      let told = 0
      const ending = yield* Deferred.make<void>()
      const options = { rate: 1, ending: Deferred.await(ending) }
      const running = yield* UpdateUsers.carryOut(
        siteId,
        sourceOf([5]).next,
        () => Effect.sync(() => (told += 1)),
        options,
      ).pipe(Effect.provide(storeOf(made)), Effect.forkChild)
      yield* settle
      yield* TestClock.adjust("1 minute")
      yield* settle
      yield* Deferred.succeed(ending, undefined)
      yield* Fiber.join(running)
      expect(told).toBe(2)
    }),
  )

  it.effect("may be thousands a minute, evenly", () =>
    Effect.gen(function* () {
      let told = 0
      const running = yield* UpdateUsers.carryOut(
        siteId,
        sourceOf([1_000]).next,
        () => Effect.sync(() => (told += 1)),
        { rate: 6_000 },
      ).pipe(Effect.provide(storeOf(made)), Effect.forkChild)
      yield* settle
      const counts: Array<number> = []
      for (let second = 0; second < 10; second += 1) {
        yield* TestClock.adjust("1 second")
        yield* settle
        counts.push(told)
      }
      yield* Fiber.join(running)
      expect(
        counts.map((count, second) => count - 100 * (second + 1)).every((ahead) => ahead >= 0 && ahead <= 10),
      ).toBe(true)
    }),
  )
})
