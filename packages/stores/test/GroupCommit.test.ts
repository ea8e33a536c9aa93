/** Updates that wait together are committed together; what one of them does must not become the others' affair. */
import { describe, it } from "@effect/vitest"
import { NewUsers, parseSiteId, type SiteId, UserEvents, UserId, UserPatch, UserStore } from "@webflow-users/core"
import * as SqlUsers from "@webflow-users/core/UserStore/Sql"
import { Sqlite } from "@webflow-users/stores"
import { Effect, Exit, Fiber, Latch, Layer, Option, References, Scope, type Tracer } from "effect"
import { SqlClient } from "effect/sql"
import { expect } from "vitest"
import { spansOf } from "./spans.ts"

const siteId = parseSiteId("580e63e98c9a982ac9b8b741") as SiteId
const users = Array.from({ length: 6 }, (_, index) => ({
  id: UserId.make(`6287ec36a841b25637c6500${index}`),
  accessGroups: [],
  data: { name: "Before", email: `member${index}@example.com` },
}))

const patch = (body: unknown) => UserPatch.UserPatch.from(body)
const rename = patch({ data: { name: "After" } })
const refused = patch({ data: { email: "other@example.com" } })

const store = SqlUsers.layer.pipe(Layer.provideMerge(Sqlite.layer(":memory:")))

const seeded = Effect.gen(function* () {
  yield* (yield* NewUsers).add(siteId, () => users)
  return yield* UserStore.UserStore
})

const names = Effect.gen(function* () {
  const { users: found } = yield* (yield* UserStore.UserStore).list(siteId, { offset: 0, limit: 10, sort: "Email" })
  return found.map((user) => user.data.name)
})

/** From now on the user's row can be written, and the event's cannot. */
const noEventOf = (sql: SqlClient.SqlClient, id: UserId) =>
  sql`CREATE TRIGGER no_event BEFORE INSERT ON user_events WHEN NEW.user_id = ${sql.literal(`'${id}'`)}
    BEGIN SELECT RAISE(FAIL, 'disk full'); END`

/** The name of the span that it is within in the end. */
const rootOf = (span: Tracer.AnySpan): string =>
  span._tag === "ExternalSpan" ? "" : Option.match(span.parent, { onNone: () => span.name, onSome: rootOf })

describe("updates that come together", () => {
  it.effect("a refused one leaves the others be", () =>
    Effect.gen(function* () {
      const { update } = yield* seeded
      const exits = yield* Effect.forEach(
        users,
        (user, index) => Effect.exit(update(siteId, user.id, index === 2 ? refused : rename)),
        { concurrency: "unbounded" },
      )
      expect(exits.map(Exit.isSuccess)).toEqual([true, true, false, true, true, true])
      expect(yield* names).toEqual(["After", "After", "Before", "After", "After", "After"])
    }).pipe(Effect.provide(store)),
  )

  it.effect(
    "one of a user or a site that is not there leaves the others be, also where it is the first of its site",
    () =>
      Effect.gen(function* () {
        const { update } = yield* seeded
        const [someone, someoneElse] = [users[0]!.id, users[1]!.id]
        const nobody = UserId.make("6287ec36a841b25637c65fff")
        const elsewhere = parseSiteId("580e63e98c9a982ac9b8b742") as SiteId
        const asked: ReadonlyArray<[SiteId, UserId]> = [
          [siteId, nobody],
          [elsewhere, someone],
          [siteId, someone],
          [siteId, nobody],
          [elsewhere, someone],
          [siteId, someoneElse],
        ]
        const answers = yield* Effect.forEach(
          asked,
          ([site, user]) =>
            Effect.match(update(site, user, rename), { onSuccess: ({ id }) => id, onFailure: (e) => e._tag }),
          { concurrency: "unbounded" },
        )
        const [user, site] = ["UserNotFound", "SiteNotFound"]
        expect(answers).toEqual([user, site, someone, user, site, someoneElse])
      }).pipe(Effect.provide(store)),
  )

  it.effect("one that breaks is the only one that breaks, and is not half done", () =>
    Effect.gen(function* () {
      const { update } = yield* seeded
      const sql = yield* SqlClient.SqlClient
      yield* noEventOf(sql, users[3]!.id)
      const exits = yield* Effect.forEach(users, (user) => Effect.exit(update(siteId, user.id, rename)), {
        concurrency: "unbounded",
      })
      expect(exits.map(Exit.isSuccess)).toEqual([true, true, true, false, true, true])
      expect(yield* Effect.flip(exits[3]!)).toMatchObject({ _tag: "StoreUnavailable" })
      expect(yield* names).toEqual(["After", "After", "After", "Before", "After", "After"])
      const events = yield* UserEvents
      const counts = yield* Effect.forEach(users, (user) =>
        Effect.map(events.ofUser(siteId, user.id), (all) => all.length),
      )
      expect(counts).toEqual([1, 1, 1, 0, 1, 1])
    }).pipe(Effect.provide(store)),
  )

  it.effect("where one breaks, each is tried within the span of its own caller, also the one that breaks", () =>
    Effect.gen(function* () {
      const { update } = yield* seeded
      yield* noEventOf(yield* SqlClient.SqlClient, users[1]!.id)
      const all = Effect.forEach(
        users.slice(0, 3),
        ({ id, data }) => Effect.exit(update(siteId, id, rename).pipe(Effect.withSpan(data.email))),
        { concurrency: "unbounded" },
      )
      const roots = (yield* spansOf(all)).filter(({ name }) => name === "sql.transaction").map(rootOf)
      expect(roots).toEqual([0, 0, 1, 2].map((index) => users[index]!.data.email))
    }).pipe(Effect.provide(store)),
  )

  it.effect("a document that cannot be read is a defect of its own update only", () =>
    Effect.gen(function* () {
      const { update } = yield* seeded
      const sql = yield* SqlClient.SqlClient
      yield* sql`UPDATE users SET document = 'secret' WHERE id = ${users[1]!.id}`
      const exits = yield* Effect.forEach(users, (user) => Effect.exit(update(siteId, user.id, rename)), {
        concurrency: "unbounded",
      })
      expect(exits.map(Exit.isSuccess)).toEqual([true, false, true, true, true, true])
      expect(JSON.stringify(exits[1])).not.toContain("secret")
    }).pipe(Effect.provide(store)),
  )

  it.effect("one that is given up while it waits is not done later", () =>
    Effect.gen(function* () {
      const { update } = yield* seeded
      const sql = yield* SqlClient.SqlClient
      const [first, second, third] = users
      // While somebody else has the connection, the first one to come leads and waits for it, the second for its turn.
      const waiting = yield* Effect.scoped(
        Effect.gen(function* () {
          yield* sql.reserve
          yield* Effect.forkDetach(update(siteId, first!.id, rename))
          yield* Effect.yieldNow
          const fiber = yield* Effect.forkDetach(update(siteId, second!.id, rename))
          yield* Effect.yieldNow
          yield* Fiber.interrupt(fiber)
          return fiber
        }),
      )
      expect(Exit.hasInterrupts(yield* Fiber.await(waiting))).toBe(true)
      yield* update(siteId, third!.id, rename)
      expect((yield* names).slice(0, 3)).toEqual(["After", "Before", "After"])
    }).pipe(Effect.provide(store)),
  )

  it.effect("one that is given up at any step holds up nobody who comes after", () =>
    Effect.gen(function* () {
      const { update } = yield* seeded
      const [first, second] = users
      // A fiber that has taken many steps lets others go, whatever it is about to do, and can be interrupted there.
      for (let steps = 2; steps < 20; steps++) {
        for (let turns = 0; turns < 12; turns++) {
          const few = Effect.provideService(References.MaxOpsBeforeYield, steps)
          const givenUp = yield* Effect.forkDetach(few(update(siteId, first!.id, rename)))
          yield* Effect.repeat(Effect.yieldNow, { times: turns })
          yield* Fiber.interrupt(givenUp)
          const next = yield* Effect.forkChild(update(siteId, second!.id, rename))
          yield* Effect.repeat(Effect.yieldNow, { times: 200, until: () => next.pollUnsafe() !== undefined })
          expect(next.pollUnsafe(), `given up after ${turns} turns of ${steps} steps`).toMatchObject({
            _tag: "Success",
          })
        }
      }
    }).pipe(Effect.provide(store)),
  )

  it.effect("one that is given up at any step before its group begins is not done", () =>
    Effect.gen(function* () {
      const { update } = yield* seeded
      const [first, second] = users
      for (let steps = 2; steps < 20; steps++) {
        const few = Effect.provideService(References.MaxOpsBeforeYield, steps)
        // No group begins before this step of the program is over, however far the fiber has come.
        const givenUp = yield* Effect.forkDetach(few(update(siteId, first!.id, rename)), { startImmediately: true })
        yield* Fiber.interrupt(givenUp)
        yield* update(siteId, second!.id, rename)
        expect((yield* names).slice(0, 2), `of ${steps} steps`).toEqual(["Before", "After"])
      }
    }).pipe(Effect.provide(store)),
  )

  it.effect("what has begun is finished when the store is closed, and what comes later is told that it is", () =>
    Effect.gen(function* () {
      const scope = yield* Scope.make()
      const services = yield* Layer.buildWithScope(store, scope)
      const { update } = yield* Effect.provideContext(seeded, services)
      const under = yield* Effect.forkChild(update(siteId, users[0]!.id, rename))
      yield* Effect.yieldNow
      yield* Scope.close(scope, Exit.void)
      expect((yield* Fiber.join(under)).data.name).toBe("After")
      const late = yield* Effect.forkChild(Effect.flip(update(siteId, users[1]!.id, rename)))
      yield* Effect.repeat(Effect.yieldNow, { times: 200, until: () => late.pollUnsafe() !== undefined })
      expect(late.pollUnsafe()).toMatchObject({ _tag: "Success", value: { _tag: "StoreUnavailable" } })
    }),
  )

  it.effect("a group goes by the clock of its first, also when that one has given up", () =>
    Effect.gen(function* () {
      const { update } = yield* seeded
      const sql = yield* SqlClient.SqlClient
      const [hasBegun, isOver] = [yield* Latch.make(), yield* Latch.make()]
      const other = yield* Effect.forkChild(sql.withTransaction(Effect.andThen(hasBegun.open, isOver.await)))
      yield* hasBegun.await
      const [first, second] = yield* Effect.forEach(users.slice(0, 2), ({ id }) =>
        Effect.forkChild(update(siteId, id, rename)),
      )
      // By then it is this group's turn to wait for the transaction.
      yield* Effect.repeat(Effect.yieldNow, { times: 20 })
      yield* Fiber.interrupt(first!)
      yield* isOver.open
      yield* Fiber.joinAll([other, second!])
      const events = yield* (yield* UserEvents).ofUser(siteId, users[1]!.id)
      expect(events.map(({ at }) => at)).toEqual(["1970-01-01T00:00:00.000Z"])
    }).pipe(Effect.provide(store)),
  )

  it.effect("they are made in one step where nobody wants to see the steps", () => {
    let transactions = 0
    const counted = Layer.effect(
      SqlClient.SqlClient,
      Effect.map(SqlClient.SqlClient, (sql) => {
        const uncounted = sql.withTransaction
        const withTransaction: typeof sql.withTransaction = (effect) => {
          transactions += 1
          return uncounted(effect)
        }
        return Object.assign(sql, { withTransaction })
      }),
    ).pipe(Layer.provide(Sqlite.layer(":memory:")))
    return Effect.gen(function* () {
      const { update } = yield* seeded
      transactions = 0
      const [half, others] = [users.slice(0, 3), users.slice(3)]
      yield* Effect.forEach(half, (user) => update(siteId, user.id, rename), { concurrency: "unbounded" })
      // These come again when they are answered, before the group has come to an end.
      yield* Effect.forEach(others, (user) => update(siteId, user.id, rename))
      expect([transactions, (yield* names).includes("Before")]).toEqual([0, false])
    }).pipe(Effect.provide(SqlUsers.layer.pipe(Layer.provideMerge(counted))))
  })

  it.effect("a group is traced with the first of its own, however soon it follows another", () =>
    Effect.gen(function* () {
      const { update } = yield* seeded
      // The second comes when the first is answered, before its group has come to an end.
      const inTurn = Effect.forEach(["first", "second"], (name, index) =>
        update(siteId, users[index]!.id, rename).pipe(Effect.withSpan(name)),
      )
      const spans = yield* spansOf(inTurn)
      expect(spans.filter(({ name }) => name === "sql.transaction").map(rootOf)).toEqual(["first", "second"])
    }).pipe(Effect.provide(store)),
  )

  it.effect(
    "they are committed in one transaction, also where it can be seen, which is within the span of the first",
    () =>
      Effect.gen(function* () {
        const { update } = yield* seeded
        const all = Effect.forEach(
          users,
          (user) => update(siteId, user.id, rename).pipe(Effect.withSpan(user.data.email)),
          { concurrency: "unbounded" },
        )
        const spans = yield* spansOf(all)
        expect(spans.filter(({ name }) => name === "sql.transaction").map(rootOf)).toEqual([users[0]!.data.email])
        expect(spans.filter(({ name }) => name === "sqlite")).not.toHaveLength(0)
      }).pipe(Effect.provide(store)),
  )

  it.effect("one within its caller's own transaction is in it, and comes to nothing with it", () =>
    Effect.gen(function* () {
      const { update } = yield* seeded
      const sql = yield* SqlClient.SqlClient
      const hasBegun = yield* Latch.make()
      const isWaitedFor = yield* Latch.make()
      const within = Effect.gen(function* () {
        yield* hasBegun.open
        yield* isWaitedFor.await
        yield* update(siteId, users[0]!.id, rename)
        expect((yield* names)[0]).toBe("After")
        return yield* Effect.fail("given up")
      })
      const giving = yield* Effect.forkChild(Effect.flip(sql.withTransaction(within)))
      yield* hasBegun.await
      const waiting = yield* Effect.forkChild(update(siteId, users[1]!.id, rename))
      yield* Effect.yieldNow
      yield* isWaitedFor.open
      expect(yield* Fiber.join(giving)).toBe("given up")
      yield* Fiber.join(waiting)
      expect((yield* names).slice(0, 2)).toEqual(["Before", "After"])
    }).pipe(Effect.provide(store)),
  )
})
