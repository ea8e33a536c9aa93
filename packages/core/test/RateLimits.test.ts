import { describe, expect, it } from "@effect/vitest"
import { AccessTokenStore, RateLimits } from "@webflow-users/core"
import { StoreAddress } from "@webflow-users/stores"
import { Array, Context, Effect, Exit, Fiber, Layer } from "effect"
import { TestClock } from "effect/testing"
import type pg from "pg"
import { database, outsider } from "../../../test/postgres.ts"

/** The clock that minutes are counted by, set by the test. */
class Time extends Context.Service<Time, (millis: number) => Effect.Effect<void>>()("test/Time") {}

const testClock = Layer.succeed(Time, (millis) => TestClock.setTime(millis))

const query = (client: pg.Client, text: string) => Effect.promise(() => client.query<Record<string, unknown>>(text))

/** A database whose `clock_timestamp()` is the test's: what stands before pg_catalog in the path is found first. */
const stopped = Effect.gen(function* () {
  const address = yield* database()
  const client = yield* outsider(address)
  yield* query(
    client,
    `CREATE SCHEMA fake;
     CREATE TABLE fake.clock (now timestamptz NOT NULL);
     INSERT INTO fake.clock VALUES (to_timestamp(0));
     CREATE FUNCTION fake.clock_timestamp() RETURNS timestamptz VOLATILE LANGUAGE sql AS 'SELECT now FROM fake.clock';
     DO $$ BEGIN EXECUTE format('ALTER DATABASE %I SET search_path = public, fake, pg_catalog', current_database()); END $$`,
  )
  const at = (millis: number) =>
    Effect.asVoid(query(client, `UPDATE fake.clock SET now = to_timestamp(${millis / 1000})`))
  return { address, client, at }
})

const kinds = {
  "in memory": Layer.merge(RateLimits.RateLimits.layerMemory, testClock),
  "in PostgreSQL": Layer.unwrap(
    Effect.map(stopped, ({ address, at }) => Layer.merge(StoreAddress.layerOwned(address), Layer.succeed(Time, at))),
  ),
} satisfies Record<string, Layer.Layer<RateLimits.RateLimits | Time, unknown, never>>

const take = (id: string, rate?: number) => RateLimits.RateLimits.use((limits) => limits.take({ id, rate }))
const takeTimes = (times: number, id: string, rate: number) => Effect.all(Array.replicate(take(id, rate), times))
const start = Date.parse("2026-03-01T12:00:00.000Z")
/** Some minute's start, and so many milliseconds. */
const at = (millis: number) => Time.use((set) => set(start + millis))
const taken = (limit: number, remaining: number) => ({ limit, remaining })
const over = (limit: number, retryAfter: number) => ({ limit, remaining: 0, retryAfter })

describe.each(Object.entries(kinds))("the rate of a token, counted %s", (_, layer) => {
  it.effect("is so many requests, and then none", () =>
    Effect.gen(function* () {
      yield* at(0)
      expect(yield* takeTimes(4, "a", 3)).toStrictEqual([taken(3, 2), taken(3, 1), taken(3, 0), over(3, 60)])
    }).pipe(Effect.provide(layer)),
  )

  it.effect("where there is none is not counted", () =>
    Effect.gen(function* () {
      yield* at(0)
      expect(yield* take("a")).toBeUndefined()
      expect(yield* take("a", 1)).toStrictEqual(taken(1, 0))
      expect(yield* take("a")).toBeUndefined()
    }).pipe(Effect.provide(layer)),
  )

  it.effect("is each token's own", () =>
    Effect.gen(function* () {
      yield* at(0)
      expect(yield* takeTimes(2, "a", 1)).toStrictEqual([taken(1, 0), over(1, 60)])
      expect(yield* takeTimes(2, "b", 2)).toStrictEqual([taken(2, 1), taken(2, 0)])
    }).pipe(Effect.provide(layer)),
  )

  it.effect("begins anew with the clock's minute, whenever the first request came", () =>
    Effect.gen(function* () {
      yield* at(59_999)
      expect(yield* takeTimes(2, "a", 1)).toStrictEqual([taken(1, 0), over(1, 1)])
      yield* at(60_000)
      expect(yield* takeTimes(2, "a", 1)).toStrictEqual([taken(1, 0), over(1, 60)])
    }).pipe(Effect.provide(layer)),
  )

  it.effect("does not count what it refuses: a caller who keeps asking is let in no later", () =>
    Effect.gen(function* () {
      yield* at(0)
      yield* takeTimes(1000, "a", 2)
      yield* at(60_000)
      expect(yield* take("a", 2)).toStrictEqual(taken(2, 1))
    }).pipe(Effect.provide(layer)),
  )

  it.effect.each([0, 1, 999, 1000, 1001, 30_000, 58_999, 59_000, 59_001, 59_999])(
    "at %i ms of a minute says truly how long to wait",
    (millis) =>
      Effect.gen(function* () {
        yield* at(millis)
        yield* take("a", 1)
        const { retryAfter = 0 } = (yield* take("a", 1)) ?? {}
        expect([Number.isInteger(retryAfter), retryAfter >= 1, retryAfter <= 60]).toStrictEqual([true, true, true])
        // One second earlier is too early, also where that is the very moment of the refusal.
        yield* at(millis + (retryAfter - 1) * 1000)
        expect(yield* take("a", 1)).toStrictEqual(over(1, 1))
        yield* at(millis + retryAfter * 1000)
        expect(yield* take("a", 1)).toStrictEqual(taken(1, 0))
      }).pipe(Effect.provide(layer)),
  )

  it.effect("is exact when many come at once, those of several tokens together", () =>
    Effect.gen(function* () {
      yield* at(0)
      const asked = Array.range(0, 199).map((index) => (index % 2 === 0 ? take("a", 70) : take("b", 30)))
      const allowances = yield* Effect.all(asked, { concurrency: "unbounded" })
      const remaining = (limit: number) =>
        allowances.flatMap((one) => (one?.limit === limit && one.retryAfter === undefined ? [one.remaining] : []))
      expect(remaining(70)).toStrictEqual(Array.range(0, 69).toReversed())
      expect(remaining(30)).toStrictEqual(Array.range(0, 29).toReversed())
      expect(allowances.filter((one) => one?.retryAfter === 60)).toHaveLength(100)
    }).pipe(Effect.provide(layer)),
  )

  it.effect("keeps nobody out for longer where the clock is set back", () =>
    Effect.gen(function* () {
      yield* at(86_400_000)
      yield* takeTimes(2, "a", 1)
      yield* at(10_500)
      expect(yield* takeTimes(2, "a", 1)).toStrictEqual([taken(1, 0), over(1, 50)])
    }).pipe(Effect.provide(layer)),
  )
})

describe("rates that several processes share", () => {
  const all = { concurrency: "unbounded" } as const

  it.effect("are exact over all of them, however many come at once", () =>
    Effect.gen(function* () {
      const { address, at: set } = yield* stopped
      yield* set(start)
      const replica = takeAt(Effect.all(Array.replicate(take("a", 100), 60), all), address)
      const allowances = (yield* Effect.all(Array.replicate(replica, 4), all)).flat()
      const passed = allowances.flatMap((one) => (one?.retryAfter === undefined ? [one?.remaining] : []))
      expect(passed.toSorted((a, b) => Number(b) - Number(a))).toStrictEqual(Array.range(0, 99).toReversed())
      expect(allowances).toHaveLength(240)
    }),
  )

  it.effect("never wait in a circle for each other's tokens", () =>
    Effect.gen(function* () {
      const { address, at: set } = yield* stopped
      yield* set(start)
      const ids = Array.range(0, 49).map((index) => `token-${index}`)
      const rounds = (order: ReadonlyArray<string>) =>
        Effect.forEach(Array.range(0, 9), () => Effect.forEach(order, (id) => take(id, 1000), all))
      const outcomes = yield* Effect.all(
        [ids, ids.toReversed(), ids, ids.toReversed()].map((order) => Effect.exit(takeAt(rounds(order), address))),
        all,
      )
      expect(outcomes.every(Exit.isSuccess)).toBe(true)
      expect((yield* takeAt(take("token-7", 1000), address))?.remaining).toBe(1000 - 41)
    }),
  )

  it.effect("count a request in the minute in which its turn comes", () =>
    Effect.gen(function* () {
      const { address, at: set, client } = yield* stopped
      yield* set(start + 59_000)
      yield* takeAt(takeTimes(2, "a", 2), address)
      const holder = yield* outsider(address)
      yield* query(holder, "BEGIN; SELECT 1 FROM rate_counts FOR UPDATE")
      const waiting = yield* Effect.forkChild(takeAt(take("a", 2), address))
      const waits = query(
        client,
        "SELECT 1 FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()",
      )
      yield* Effect.repeat(waits, { until: ({ rowCount }) => rowCount === 1 })
      yield* set(start + 60_000)
      yield* query(holder, "COMMIT")
      expect(yield* Fiber.join(waiting)).toStrictEqual(taken(2, 1))
    }),
  )

  it.effect("take one connection at a time, however long somebody else holds a count", () =>
    Effect.gen(function* () {
      const { address, at: set, client } = yield* stopped
      yield* set(start)
      const waits = Effect.map(
        query(client, "SELECT 1 FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()"),
        ({ rowCount }) => rowCount,
      )
      const allowances = yield* Effect.gen(function* () {
        yield* take("a", 9)
        const holder = yield* outsider(address)
        yield* query(holder, "BEGIN; SELECT 1 FROM rate_counts FOR UPDATE")
        const fibers = [yield* Effect.forkChild(take("a", 9), { startImmediately: true })]
        yield* Effect.repeat(waits, { until: (count) => count === 1 })
        for (let index = 0; index < 4; index += 1) {
          fibers.push(yield* Effect.forkChild(take("a", 9), { startImmediately: true }))
          // What is asked of the same database after it has come back: it would have been sent by then.
          yield* AccessTokenStore.use((tokens) => tokens.list)
        }
        expect(yield* waits).toBe(1)
        yield* query(holder, "COMMIT")
        return yield* Effect.forEach(fibers, (fiber) => Fiber.join(fiber))
      }).pipe(Effect.provide(Layer.fresh(StoreAddress.layerOwned(address))))
      expect(allowances).toStrictEqual([7, 6, 5, 4, 3].map((remaining) => taken(9, remaining)))
    }),
  )

  it.effect("leave nothing of minutes that are over, but what somebody holds just now", () =>
    Effect.gen(function* () {
      const { address, at: set, client } = yield* stopped
      yield* set(start)
      yield* takeAt(
        Effect.forEach(["a", "b", "c"], (id) => take(id, 9), all),
        address,
      )
      const holder = yield* outsider(address)
      yield* query(holder, "BEGIN; SELECT 1 FROM rate_counts WHERE token_id = 'b' FOR UPDATE")
      yield* set(start + 60_000)
      yield* takeAt(take("d", 9), address)
      const left = Effect.map(query(client, "SELECT token_id FROM rate_counts ORDER BY 1"), ({ rows }) =>
        rows.map((row) => row["token_id"]),
      )
      expect(yield* left).toStrictEqual(["b", "d"])
      yield* query(holder, "COMMIT")
      yield* set(start + 120_000)
      yield* takeAt(take("e", 9), address)
      expect(yield* left).toStrictEqual(["e"])
    }),
  )

  it.effect("are counted in a table that waits for no disk, and fail as the store does where it is away", () =>
    Effect.gen(function* () {
      const { address, client } = yield* stopped
      yield* takeAt(take("a", 1), address)
      const { rows } = yield* query(client, "SELECT relpersistence FROM pg_class WHERE relname = 'rate_counts'")
      expect(rows).toStrictEqual([{ relpersistence: "u" }])
      yield* query(client, "ALTER TABLE rate_counts RENAME TO gone")
      const failures = yield* takeAt(Effect.all(Array.replicate(Effect.flip(take("a", 1)), 3), all), address)
      expect(failures.map(({ _tag, status }) => [_tag, status])).toStrictEqual(
        Array.replicate(["StoreUnavailable", 503], 3),
      )
    }),
  )

  it.effect("are counted where the tokens are, wherever the users are", () =>
    Effect.gen(function* () {
      const { address, at: set, client } = yield* stopped
      yield* set(start)
      const served = StoreAddress.layerWithTokens("http://127.0.0.1:1/v2", { tokenStore: address })
      expect(yield* Effect.provide(take("a", 5), served)).toStrictEqual(taken(5, 4))
      const { rows } = yield* query(client, "SELECT token_id, asked FROM rate_counts")
      expect(rows).toStrictEqual([{ token_id: "a", asked: "1" }])
    }),
  )

  it.effect("are asked for by who stays, also where the one who asks for all gives up", () =>
    Effect.gen(function* () {
      const { address, at: set } = yield* stopped
      yield* set(start)
      const [first, second] = yield* takeAt(
        Effect.gen(function* () {
          const leader = yield* Effect.forkChild(take("a", 5), { startImmediately: true })
          const follower = yield* Effect.forkChild(take("a", 5), { startImmediately: true })
          yield* Fiber.interrupt(leader)
          return [yield* Fiber.await(leader), yield* Fiber.join(follower)] as const
        }),
        address,
      )
      expect([Exit.isFailure(first), second]).toStrictEqual([true, taken(5, 3)])
    }),
  )
})

/** Runs it in a store of its own, as a process would. */
const takeAt = <A, E>(taking: Effect.Effect<A, E, RateLimits.RateLimits>, address: string) =>
  Effect.provide(taking, Layer.fresh(StoreAddress.layerOwned(address)))
