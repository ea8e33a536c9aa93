/** How often PostgreSQL is asked for updates that come together, and what of them waits for what. Counted, by no clock. */
import { describe, expect, it } from "@effect/vitest"
import { NewUsers, parseSiteId, type SiteId, type User, UserEvents } from "@webflow-users/core"
import { UserId, UserPatch, UserStore } from "@webflow-users/core"
import { StoreAddress } from "@webflow-users/stores"
import { Clock, Effect, Exit, Fiber, References } from "effect"
import { TestClock } from "effect/testing"
import type pg from "pg"
import { database, outsider } from "../../../test/postgres.ts"
import { spansOf } from "./spans.ts"

const siteId = parseSiteId("580e63e98c9a982ac9b8b741") as SiteId
const users = Array.from({ length: 1000 }, (_, index): User => {
  const id = UserId.make(`6287ec36a841b25637${(0xc64000 + index).toString(16)}`)
  return { id, lastUpdated: "2022-05-20T13:46:12.093Z", accessGroups: [], data: { email: `m${index}@example.com` } }
})
const [ada, bob, ...others] = users as [User, User, ...Array<User>]
const all = { concurrency: "unbounded" } as const

const seed = NewUsers.use((newUsers) => newUsers.add(siteId, () => users))
const rename = ({ id }: User, name: string) =>
  UserStore.UserStore.use((found) => found.update(siteId, id, UserPatch.UserPatch.from({ data: { name } })))
/** Refused of a user who has another address: an update does not change it. */
const sendBack = ({ id }: User, email: string) =>
  UserStore.UserStore.use((found) => found.update(siteId, id, UserPatch.UserPatch.from({ data: { email } })))
const join = ({ id }: User, group: string) =>
  UserStore.UserStore.use((found) => found.update(siteId, id, UserPatch.UserPatch.from({ accessGroups: [group] })))
const eventsOf = ({ id }: User) => UserEvents.use((events) => events.ofUser(siteId, id))
const namesOf = (user: User) => Effect.map(eventsOf(user), (events) => events.map(({ after }) => after.data.name))

/** A database with the users, and two others on it. */
const withStore = <A, E>(
  test: (other: pg.Client, watcher: pg.Client) => Effect.Effect<A, E, UserStore.UserStore | UserEvents | NewUsers>,
) =>
  Effect.gen(function* () {
    const address = yield* database()
    const other = yield* outsider(address)
    const watcher = yield* outsider(address)
    yield* Effect.andThen(seed, test(other, watcher)).pipe(Effect.provide(StoreAddress.layerOwned(address)))
  })

const query = (client: pg.Client, text: string) =>
  Effect.map(
    Effect.promise(() => client.query<Record<string, unknown>>(text)),
    ({ rows }) => rows,
  )

/** The transactions that have written events, also where nobody has said when they begin. */
const transactions = (client: pg.Client) =>
  Effect.map(query(client, "SELECT count(DISTINCT xmin::text) AS many FROM user_events"), ([row]) =>
    Number(row?.["many"]),
  )

const hold = (client: pg.Client, { id }: User) =>
  query(client, `BEGIN; SELECT 1 FROM users WHERE id = '${id}' FOR UPDATE`)

const waitsForLocks = `SELECT 1 FROM pg_stat_activity
  WHERE application_name = 'webflow-users' AND datname = current_database() AND wait_event_type = 'Lock'`
const untilOursWaits = (client: pg.Client) =>
  Effect.repeat(query(client, waitsForLocks), { until: (rows) => rows.length > 0 })

/** What an effect asks the database: the statements that were sent, and the transactions that were begun and committed for them. */
const asked = <A, E, R>(effect: Effect.Effect<A, E, R>) =>
  Effect.gen(function* () {
    const spans = yield* spansOf(effect)
    return {
      statements: spans.filter((span) => span.attributes.has("db.query.text")).length,
      transactions: spans.filter(({ name }) => name === "sql.transaction").length,
    }
  })

describe("updates that come together on PostgreSQL", () => {
  it.live("are read with one statement and written with one, a thousand in few transactions", () =>
    withStore((other) =>
      Effect.gen(function* () {
        const seen = yield* asked(Effect.forEach(users, (user) => rename(user, "Ours"), all))
        // At most 256 go together; who comes first may go before the rest has come.
        const batches = yield* transactions(other)
        expect(batches).toBeLessThanOrEqual(6)
        expect(seen).toStrictEqual({ statements: 2 * batches, transactions: 0 })
        expect(yield* query(other, "SELECT 1 FROM user_events")).toHaveLength(users.length)
      }),
    ),
  )

  // Of rows that say what becomes of one user, PostgreSQL takes the one its plan comes to first: few are looked up, many joined.
  it.live.each([3, 64])("are written once where %i are of one user, each with its event, in their order", (many) =>
    withStore((other) =>
      Effect.gen(function* () {
        yield* query(other, "ANALYZE users")
        const names = Array.from({ length: many }, (_, index) => `Name ${index}`)
        const seen = yield* asked(Effect.forEach(names, (name) => rename(ada, name), all))
        expect(seen).toStrictEqual({ statements: 2, transactions: 0 })
        expect(yield* transactions(other)).toBe(1)
        const events = yield* eventsOf(ada)
        expect(events.map(({ after }) => after.data.name)).toStrictEqual(names)
        const befores = [ada, ...events.slice(0, -1).map(({ after }) => after)]
        expect(events.map(({ before }) => before)).toStrictEqual(befores)
        const store = yield* UserStore.UserStore
        expect(yield* store.get(siteId, ada.id)).toStrictEqual(events.at(-1)?.after)
      }),
    ),
  )

  it.live("go past a batch that waits for a row, and on one connection if they are of its users", () =>
    withStore((other, watcher) =>
      Effect.gen(function* () {
        yield* hold(other, ada)
        const first = yield* Effect.forkChild(rename(ada, "first"))
        yield* untilOursWaits(watcher)
        const second = yield* Effect.forkChild(rename(ada, "second"))
        const givenUp = yield* Effect.forkChild(rename(ada, "given up"))
        yield* Effect.forEach(others.slice(0, 32), (user) => rename(user, "Ours"), all)
        expect(yield* query(watcher, waitsForLocks)).toHaveLength(1)
        yield* Fiber.interrupt(givenUp)
        yield* query(other, "ROLLBACK")
        yield* Fiber.join(first)
        yield* Fiber.join(second)
        expect(yield* namesOf(ada)).toStrictEqual(["first", "second"])
      }),
    ),
  )

  it.effect("go past one that waits for long, however few they are", () =>
    withStore((other, watcher) =>
      Effect.gen(function* () {
        yield* hold(other, ada)
        const held = yield* Effect.forkChild(rename(ada, "held"))
        yield* untilOursWaits(watcher)
        yield* TestClock.adjust("100 millis")
        // Also where somebody has set the clock back meanwhile.
        const setBack = { currentTimeMillis: Effect.succeed(0), currentTimeMillisUnsafe: () => 0 }
        const clock: Clock.Clock = Object.assign(Object.create(yield* Clock.Clock), setBack)
        const renamed = Effect.provideService(rename(bob, "Ours"), Clock.Clock, clock)
        expect((yield* renamed).data.name).toBe("Ours")
        expect(yield* query(watcher, waitsForLocks)).toHaveLength(1)
        yield* query(other, "ROLLBACK")
        expect((yield* Fiber.join(held)).data.name).toBe("held")
      }),
    ),
  )

  it.live("go by what somebody else has made of a user between reading and writing, and fail nobody else", () =>
    withStore((other, watcher) =>
      Effect.gen(function* () {
        yield* query(
          other,
          `BEGIN; UPDATE users SET document = replace(document, 'm0@', 'new@') WHERE id = '${ada.id}'`,
        )
        const ours = yield* Effect.forkChild(
          asked(
            Effect.all(
              [
                rename(bob, "Ours"),
                rename(ada, "first"),
                sendBack(ada, "new@example.com"),
                rename(ada, "third"),
              ] as const,
              all,
            ),
          ),
        )
        // Everybody has been decided by what was there.
        yield* untilOursWaits(watcher)
        yield* query(other, "COMMIT")
        const seen = yield* Fiber.join(ours)
        // Read and written, and once more for her alone, now under a lock.
        expect(seen).toStrictEqual({ statements: 4, transactions: 1 })
        const found = { ...ada, data: { email: "new@example.com" } }
        const events = yield* eventsOf(ada)
        expect(events.map(({ before }) => before)).toStrictEqual([found, events[0]?.after, events[1]?.after])
        expect(events.map(({ after }) => after.data)).toStrictEqual(
          ["first", "first", "third"].map((name) => ({ email: "new@example.com", name })),
        )
        expect(yield* namesOf(bob)).toStrictEqual(["Ours"])
        expect(yield* transactions(watcher)).toBe(2)
      }),
    ),
  )

  it.live("lock first for a while after somebody was faster, so that nobody is overtaken again and again", () =>
    withStore((other, watcher) =>
      Effect.gen(function* () {
        const ours = asked(rename(bob, "Ours"))
        expect(yield* ours).toStrictEqual({ statements: 2, transactions: 0 })
        yield* query(other, `BEGIN; UPDATE users SET document = document WHERE id = '${ada.id}'`)
        const overtaken = yield* Effect.forkChild(rename(ada, "Ours"))
        yield* untilOursWaits(watcher)
        yield* query(other, "COMMIT")
        yield* Fiber.join(overtaken)
        const next = yield* Effect.replicateEffect(ours, 17)
        const locked = { statements: 2, transactions: 1 }
        expect(next).toStrictEqual([...next.slice(1).map(() => locked), { statements: 2, transactions: 0 }])
      }),
    ),
  )

  it.live("leave nothing of what was decided for a user who is gone by then", () =>
    withStore((other, watcher) =>
      Effect.gen(function* () {
        yield* query(other, `BEGIN; DELETE FROM users WHERE id = '${ada.id}'`)
        const ours = yield* Effect.forkChild(
          Effect.all([Effect.flip(join(ada, "gold")), join(bob, "silver")] as const, all),
        )
        yield* untilOursWaits(watcher)
        yield* query(other, "COMMIT")
        expect((yield* Fiber.join(ours))[0]).toMatchObject({ _tag: "UserNotFound" })
        expect(yield* query(watcher, "SELECT user_id FROM user_events")).toStrictEqual([{ user_id: bob.id }])
        expect(yield* query(watcher, "SELECT slug FROM access_groups")).toStrictEqual([{ slug: "silver" }])
      }),
    ),
  )

  it.live("go on whoever gives up before them, at whatever step", () =>
    withStore(() =>
      Effect.gen(function* () {
        // A fiber that has taken many steps lets others go, whatever it is about to do, and can be interrupted there.
        for (let steps = 2; steps < 40; steps++) {
          for (let turns = 0; turns < 10; turns++) {
            // The batch before has come to its end, so that this one begins the next.
            yield* Effect.repeat(Effect.yieldNow, { times: 10 })
            const few = Effect.provideService(References.MaxOpsBeforeYield, steps)
            const givenUp = yield* Effect.forkDetach(few(rename(ada, "given up")))
            yield* Effect.repeat(Effect.yieldNow, { times: turns })
            yield* Fiber.interrupt(givenUp)
            expect((yield* rename(bob, `${turns} of ${steps}`)).data.name).toBe(`${turns} of ${steps}`)
          }
        }
      }),
    ),
  )

  it.live("fail alone: what one update's own rules refuse, and a document that cannot be read", () =>
    withStore((other) =>
      Effect.gen(function* () {
        const store = yield* UserStore.UserStore
        yield* query(other, `UPDATE users SET document = 'secret' WHERE id = '${bob.id}'`)
        const body = (user: User) =>
          user === ada ? { data: { name: "Ours", email: "other@example.com" } } : { data: { name: "Ours" } }
        const change = (user: User) => store.update(siteId, user.id, UserPatch.UserPatch.from(body(user)))
        const [three, four] = others
        const exits = yield* Effect.forEach([ada, bob, three!, four!], (user) => Effect.exit(change(user)), all)
        expect(exits.map(Exit.isSuccess)).toStrictEqual([false, false, true, true])
        expect(JSON.stringify(exits)).not.toContain("secret")
        expect(yield* transactions(other)).toBe(1)
      }),
    ),
  )
})
