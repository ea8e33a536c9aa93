/** Many updates at once: their order, what ends them, and what is told of them. */
import { describe, expect, it } from "@effect/vitest"
import {
  ConnectionLost,
  InternalError,
  InvalidPatch,
  NotAuthorized,
  SiteNotFound,
  TooManyRequests,
  UpdateUser,
  type UpdateUserError,
  UpdateUsers,
  type User,
  UserId,
  UserNotFound,
  UserStore,
} from "@webflow-users/core"
import { Deferred, Effect, Exit, Fiber, Layer, Stream } from "effect"
import { TestClock } from "effect/testing"

const siteId = "580e63e98c9a982ac9b8b741"
const idOf = (index: number): UserId => UserId.make(`6287ec36a841b25637c6${(0x4000 + index).toString(16)}`)
const userOf = (index: number, name = "Ada"): User => ({ id: idOf(index), accessGroups: [], data: { name } })

const changeOf = (index: number, name = `Name ${index}`): UpdateUsers.Update => ({
  user: idOf(index),
  patch: { data: { name } },
})

type Update = (userId: string, name: string) => Effect.Effect<User, UpdateUserError>

/** A store whose updates do what a test says. */
const storeOf = (update: Update, rest: Partial<UserStore.UserStore["Service"]> = {}) =>
  UpdateUser.layer.pipe(
    Layer.provideMerge(
      Layer.succeed(UserStore.UserStore, {
        update: (_, userId, { data }) => update(userId, String(data["name"])),
        get: () => Effect.fail(new UserNotFound()),
        findByEmail: () => Effect.fail(new UserNotFound()),
        list: () => Effect.die("not asked for"),
        declaration: () => Effect.succeed({}),
        accessGroups: () => Effect.die("not asked for"),
        ...rest,
      }),
    ),
  )

const succeed: Update = (userId, name) => Effect.succeed({ id: UserId.make(userId), accessGroups: [], data: { name } })

/** Has its connection lost after a minute. */
const lost: Update = () => Effect.delay(Effect.fail(new ConnectionLost({ cause: "reset" })), "1 minute")

/** Waits for a turn that does not come, until it is told not to. */
const waiting: Update = () =>
  Effect.gen(function* () {
    yield* (yield* UserStore.Ending) ?? Effect.never
    return yield* new TooManyRequests({ retryAfter: 60 })
  })

/** Says what was there, as a store of one's own does. */
const updating =
  (replaced: User | undefined): Update =>
  (userId, name) =>
    Effect.gen(function* () {
      const heard = yield* UserStore.OnReplaced
      if (replaced !== undefined) heard(replaced)
      return yield* succeed(userId, name)
    })

const findByEmail: UserStore.UserStore["Service"]["findByEmail"] = (_, email) =>
  email === "ada@example.com" ? Effect.succeed(userOf(1)) : Effect.fail(new UserNotFound())

const collect = (
  updates: Stream.Stream<UpdateUsers.Update, unknown>,
  update: Update,
  options: UpdateUsers.Options = {},
) => {
  const outcomes: Array<UpdateUsers.Outcome> = []
  return UpdateUsers.updateUsers(siteId, updates, options).pipe(
    Stream.runForEach((outcome) => Effect.sync(() => outcomes.push(outcome))),
    Effect.exit,
    Effect.map((exit) => ({ exit, outcomes })),
    Effect.provide(storeOf(update)),
  )
}

const changes = (count: number) => Stream.fromIterable(Array.from({ length: count }, (_, index) => changeOf(index)))
/** Moves the clock on, second by second, so that whatever can begin has begun before the next. */
const pass = (seconds: number) =>
  Effect.forEach(
    Array.from({ length: seconds }),
    () =>
      Effect.andThen(
        Effect.forEach(Array.from({ length: 50 }), () => Effect.yieldNow),
        TestClock.adjust("1 second"),
      ),
    { discard: true },
  )
const errorIn = <A, E>(exit: Exit.Exit<A, E>) => Exit.findErrorOption(exit)

describe("many updates", () => {
  it.effect("have an outcome each, whatever became of the others", () =>
    Effect.gen(function* () {
      const bad: Update = (userId, name) =>
        userId === idOf(3) ? Effect.fail(new UserNotFound()) : succeed(userId, name)
      const { exit, outcomes } = yield* collect(changes(10), bad)
      expect(exit._tag).toBe("Success")
      expect(outcomes.map(({ _tag }) => _tag).filter((tag) => tag === "Updated")).toHaveLength(9)
      expect(outcomes.filter(({ _tag }) => _tag === "Failed").map(({ update }) => update.user)).toEqual([idOf(3)])
    }),
  )

  it.effect("are under way together, as many as allowed, and those of one user follow each other in their order", () =>
    Effect.gen(function* () {
      const seen: Array<string> = []
      let [underWay, most] = [0, 0]
      const slow: Update = (_, name) =>
        Effect.gen(function* () {
          underWay += 1
          most = Math.max(most, underWay)
          yield* Effect.sleep(name === "first" ? "10 seconds" : "1 second")
          underWay -= 1
          seen.push(name)
          return userOf(0, name)
        })
      const many = [changeOf(1, "first"), changeOf(1, "second"), ...[2, 3, 4, 5].map((index) => changeOf(index))]
      const fiber = yield* Effect.forkChild(
        collect(Stream.fromIterable([...many, changeOf(1, "last")]), slow, { concurrency: 4 }),
      )
      yield* pass(60)
      const { outcomes } = yield* Fiber.join(fiber)
      expect(outcomes).toHaveLength(7)
      expect(most).toBe(3)
      expect(seen.filter((name) => !name.startsWith("Name"))).toEqual(["first", "second", "last"])
    }),
  )

  it.effect("that have begun come to their end when they are to end, and nothing more is begun", () =>
    Effect.gen(function* () {
      const ending = yield* Deferred.make<void>()
      const begun: Array<string> = []
      const slow: Update = (userId, name) =>
        Effect.suspend(() => {
          begun.push(userId)
          return Effect.delay(succeed(userId, name), "1 minute")
        })
      // A source that never ends of itself, and waits where it is.
      const endless = Stream.concat(changes(3), Stream.never)
      const fiber = yield* Effect.forkChild(collect(endless, slow, { concurrency: 5, ending: Deferred.await(ending) }))
      yield* pass(10)
      expect(begun).toHaveLength(3)
      yield* Deferred.succeed(ending, undefined)
      yield* pass(10)
      expect(fiber.pollUnsafe()).toBeUndefined()
      yield* pass(60)
      const { exit, outcomes } = yield* Fiber.join(fiber)
      expect(exit._tag).toBe("Success")
      expect(outcomes).toHaveLength(3)
    }),
  )

  it.effect.each([0, 1, 2])("of %i seconds are not begun once who hears of one says that it is enough", (seconds) =>
    Effect.gen(function* () {
      const ending = yield* Deferred.make<void>()
      const begun: Array<string> = []
      const slow: Update = (userId, name) => {
        begun.push(userId)
        return seconds === 0 ? succeed(userId, name) : Effect.delay(succeed(userId, name), `${seconds} seconds`)
      }
      let heard = 0
      const making = UpdateUsers.updateUsers(siteId, changes(20), { concurrency: 1, ending: Deferred.await(ending) })
      const fiber = yield* Stream.runForEach(making, () =>
        (heard += 1) < 3 ? Effect.void : Deferred.succeed(ending, undefined),
      ).pipe(Effect.provide(storeOf(slow)), Effect.forkChild)
      yield* pass(10)
      yield* Fiber.join(fiber)
      expect(begun).toHaveLength(3)
    }),
  )

  it.effect("that met something passing when they were to end are left", () =>
    Effect.gen(function* () {
      const ending = yield* Deferred.make<void>()
      const fiber = yield* Effect.forkChild(collect(changes(3), lost, { ending: Deferred.await(ending) }))
      yield* pass(10)
      yield* Deferred.succeed(ending, undefined)
      yield* pass(60)
      const { exit, outcomes } = yield* Fiber.join(fiber)
      expect(exit._tag).toBe("Success")
      expect(outcomes).toEqual([])
    }),
  )

  it.effect("are told by a store, which waits for turns, that they are to end", () =>
    Effect.gen(function* () {
      const ending = yield* Deferred.make<void>()
      const fiber = yield* Effect.forkChild(collect(changes(3), waiting, { ending: Deferred.await(ending) }))
      yield* pass(10)
      yield* Deferred.succeed(ending, undefined)
      const { exit, outcomes } = yield* Fiber.join(fiber)
      expect(exit._tag).toBe("Success")
      expect(outcomes).toEqual([])
    }),
  )

  it.effect("stop where everybody would fail, and what is under way comes to its end", () =>
    Effect.gen(function* () {
      const revoked: Update = (userId, name) =>
        userId === idOf(4)
          ? Effect.delay(Effect.fail(new NotAuthorized()), "1 second")
          : Effect.delay(succeed(userId, name), "10 seconds")
      const fiber = yield* Effect.forkChild(collect(changes(100), revoked, { concurrency: 5 }))
      yield* pass(60)
      const { exit, outcomes } = yield* Fiber.join(fiber)
      expect(errorIn(exit)).toMatchObject({ value: { _tag: "NotAuthorized" } })
      expect(outcomes.map(({ update }) => update.user)).toEqual([0, 1, 2, 3].map(idOf))
    }),
  )

  it.effect("stop after twenty in a row that failed because of the server, and not before", () =>
    Effect.gen(function* () {
      let calls = 0
      const down: Update = (userId, name) =>
        Effect.suspend(() => ((calls += 1) === 19 ? succeed(userId, name) : Effect.fail(new InternalError())))
      const { exit, outcomes } = yield* collect(changes(100), down, { concurrency: 1 })
      expect(errorIn(exit)).toMatchObject({ value: { _tag: "InternalError" } })
      expect(outcomes.map(({ _tag }) => _tag)).toEqual([
        ...Array.from({ length: 18 }, () => "Failed"),
        "Updated",
        ...Array.from({ length: 20 }, () => "Failed"),
      ])
    }),
  )

  it.effect("do not stop for any number that are wrong themselves", () =>
    Effect.gen(function* () {
      const { exit, outcomes } = yield* collect(changes(50), () => Effect.fail(new InvalidPatch()))
      expect(exit._tag).toBe("Success")
      expect(outcomes).toHaveLength(50)
    }),
  )

  it.effect("come to their end when there is no more to be had of them, and then tell why", () =>
    Effect.gen(function* () {
      const broken = Stream.concat(changes(2), Stream.fail("the file is broken"))
      const fiber = yield* Effect.forkChild(
        collect(broken, (userId, name) => Effect.delay(succeed(userId, name), "1 second")),
      )
      yield* pass(10)
      const { exit, outcomes } = yield* Fiber.join(fiber)
      expect(errorIn(exit)).toMatchObject({ value: "the file is broken" })
      expect(outcomes).toHaveLength(2)
    }),
  )

  it.effect("begin no faster than they are let", () =>
    Effect.gen(function* () {
      const fiber = yield* Effect.forkChild(collect(changes(121), succeed, { rate: 60 }))
      yield* pass(119)
      expect(fiber.pollUnsafe()).toBeUndefined()
      yield* pass(2)
      expect((yield* Fiber.join(fiber)).outcomes).toHaveLength(121)
    }),
  )

  it.effect("of one user wait for the one before, also where one before that has ended", () =>
    Effect.gen(function* () {
      const seen: Array<string> = []
      const slow: Update = (_, name) =>
        Effect.gen(function* () {
          seen.push(`${name} begins`)
          yield* Effect.sleep(name === "second" ? "10 seconds" : "1 second")
          seen.push(`${name} ends`)
          return userOf(1, name)
        })
      const names = ["first", "second", "third", "fourth"]
      const fiber = yield* Effect.forkChild(
        collect(Stream.fromIterable(names.map((name) => changeOf(1, name))), slow, { concurrency: 3 }),
      )
      yield* pass(20)
      yield* Fiber.join(fiber)
      expect(seen).toEqual(names.flatMap((name) => [`${name} begins`, `${name} ends`]))
    }),
  )

  it.effect("are told of as they end, one that takes long after those that do not", () =>
    Effect.gen(function* () {
      const slow: Update = (userId, name) =>
        Effect.delay(succeed(userId, name), userId === idOf(0) ? "10 seconds" : "1 second")
      const fiber = yield* Effect.forkChild(collect(changes(3), slow))
      yield* pass(20)
      const { outcomes } = yield* Fiber.join(fiber)
      expect(outcomes.at(-1)?.update.user).toBe(idOf(0))
    }),
  )

  it.effect(
    "that turn out to be wrong when they were to end are told of, and the first reason to stop is the reason",
    () =>
      Effect.gen(function* () {
        const failing: Update = (userId) => {
          if (userId === idOf(0)) return Effect.delay(Effect.fail(new NotAuthorized()), "1 second")
          return Effect.delay(Effect.fail(userId === idOf(1) ? new UserNotFound() : new SiteNotFound()), "10 seconds")
        }
        const fiber = yield* Effect.forkChild(collect(changes(3), failing))
        yield* pass(20)
        const { exit, outcomes } = yield* Fiber.join(fiber)
        expect(errorIn(exit)).toMatchObject({ value: { _tag: "NotAuthorized" } })
        expect(outcomes.map(({ update }) => update.user)).toEqual([idOf(1)])
      }),
  )

  it.effect("go on where a server fails again and again, but not only that", () =>
    Effect.gen(function* () {
      let calls = 0
      const flaky: Update = () =>
        Effect.suspend(() => Effect.fail((calls += 1) % 20 === 0 ? new InvalidPatch() : new InternalError()))
      const { exit, outcomes } = yield* collect(changes(100), flaky, { concurrency: 1 })
      expect(exit._tag).toBe("Success")
      expect(outcomes).toHaveLength(100)
    }),
  )

  it.effect("are of a site", () =>
    Effect.gen(function* () {
      const updates = UpdateUsers.updateUsers("site", changes(1))
      const error = yield* Effect.flip(Effect.provide(Stream.runDrain(updates), storeOf(succeed)))
      expect(error).toMatchObject({ _tag: "InvalidId", details: [{ param: "site_id" }] })
    }),
  )

  it("that failed are final where they would fail again", () => {
    const all = [new InvalidPatch(), new UserNotFound(), new NotAuthorized(), new SiteNotFound()]
    expect(all.map(UpdateUsers.isFinal)).toEqual(all.map(() => true))
    const passing = [
      new TooManyRequests({ retryAfter: 1 }),
      new InternalError(),
      new ConnectionLost({ cause: "reset" }),
    ]
    expect(passing.map(UpdateUsers.isFinal)).toEqual(passing.map(() => false))
  })

  it.effect("find their users by e-mail address, in the order in which they come", () =>
    Effect.gen(function* () {
      const seen: Array<string> = []
      const update: Update = (userId, name) => {
        seen.push(`${userId} ${name}`)
        return succeed(userId, name)
      }
      const mixed = [
        { user: "ada@example.com", patch: { data: { name: "first" } } },
        changeOf(1, "second"),
        { user: "nobody@example.com", patch: { data: { name: "third" } } },
      ]
      const outcomes = yield* UpdateUsers.updateUsers(siteId, Stream.fromIterable(mixed)).pipe(
        Stream.runCollect,
        Effect.provide(storeOf(update, { findByEmail })),
      )
      expect(seen).toEqual([`${idOf(1)} first`, `${idOf(1)} second`])
      expect(outcomes.find(({ _tag }) => _tag === "Failed")).toMatchObject({
        update: { user: "nobody@example.com" },
        error: { _tag: "UserNotFound" },
      })
    }),
  )

  it.effect(
    "tell what was there: as the store saw it, as planned where it did not, and as planned where it was made before",
    () =>
      Effect.gen(function* () {
        const planned = userOf(1, "Planned")
        const beforeOf = (replaced: User | undefined) =>
          Effect.map(
            collect(Stream.make({ ...changeOf(1, "New"), planned }), updating(replaced)),
            ({ outcomes: [outcome] }) => outcome?._tag === "Updated" && outcome.before?.data.name,
          )
        expect(yield* beforeOf(userOf(1, "Seen"))).toBe("Seen")
        expect(yield* beforeOf(undefined)).toBe("Planned")
        expect(yield* beforeOf(userOf(1, "New"))).toBe("Planned")
        const unplanned = collect(Stream.make(changeOf(1, "New")), updating(userOf(1, "New")))
        expect((yield* unplanned).outcomes).toMatchObject([{ before: { data: { name: "New" } } }])
      }),
  )
})
