/** An update and what is to be told of it are kept together or not at all; to ask what is due writes nothing. */
import { mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { DatabaseSync } from "node:sqlite"
import { describe, expect, it } from "@effect/vitest"
import { type NewUsers, UserEvents, UserStore, type WebhookOutbox, Webhooks } from "@webflow-users/core"
import * as SqlUsers from "@webflow-users/core/UserStore/Sql"
import * as SqlWebhooks from "@webflow-users/core/Webhooks/Sql"
import { Sqlite, StoreAddress } from "@webflow-users/stores"
import { Effect, Exit, Fiber, Layer, type Scope } from "effect"
import { SqlClient } from "effect/sql"
import { database, outsider } from "../../../test/postgres.ts"
import * as Postgres from "../src/Postgres.ts"
import * as PostgresAddress from "../src/PostgresAddress.ts"
import { ada, backlog, claim, dueIds, hook, seed, siteId, update, users } from "./webhooks.ts"

type Services = UserStore.UserStore | UserEvents | NewUsers | Webhooks | WebhookOutbox | SqlClient.SqlClient

const on = <E, R>(driver: Layer.Layer<SqlClient.SqlClient, E, R>) =>
  Layer.merge(SqlUsers.layer, SqlWebhooks.layer).pipe(Layer.provideMerge(driver))

const stores: ReadonlyArray<{
  readonly name: string
  readonly layer: Layer.Layer<Services, unknown, Scope.Scope>
}> = [
  { name: "SQLite", layer: on(Sqlite.layer(":memory:")) },
  {
    name: "PostgreSQL",
    layer: on(
      Layer.unwrap(
        Effect.map(database(), (address) =>
          Postgres.layer(address, PostgresAddress.parse(address) as PostgresAddress.PostgresAddress),
        ),
      ),
    ),
  },
]

/** Lets no delivery of a user be written, as a full disk would. */
const refuseDeliveriesOf = (userId: string) =>
  Effect.gen(function* () {
    const sql = yield* SqlClient.SqlClient
    const refused = sql.literal(`'${userId}'`)
    yield* sql.onDialectOrElse({
      pg: () => sql`ALTER TABLE webhook_deliveries ADD CHECK (user_id <> ${refused})`,
      orElse: () => sql`CREATE TRIGGER no_delivery BEFORE INSERT ON webhook_deliveries WHEN NEW.user_id = ${refused}
        BEGIN SELECT RAISE(FAIL, 'disk full'); END`,
    })
  })

const namesAndEvents = Effect.gen(function* () {
  const store = yield* UserStore.UserStore
  const events = yield* UserEvents
  return yield* Effect.forEach(users, ({ id }) =>
    Effect.all([
      Effect.map(store.get(siteId, id), (user) => user.data.name),
      Effect.map(events.ofUser(siteId, id), (all) => all.length),
    ]),
  )
})

describe.each(stores)("on $name", ({ layer }) => {
  it.effect("an update whose delivery cannot be kept is not made, and the others beside it are", () =>
    Effect.gen(function* () {
      yield* seed
      const webhook = yield* hook()
      yield* refuseDeliveriesOf(users[2]!.id)
      const exits = yield* Effect.forEach(users, (user) => Effect.exit(update(user, "After")), {
        concurrency: "unbounded",
      })
      expect(exits.map(Exit.isSuccess)).toStrictEqual([true, true, false, true, true, true])
      const expected = users.map((_, index) => (index === 2 ? ["Before", 0] : ["After", 1]))
      expect(yield* namesAndEvents).toStrictEqual(expected)
      expect(yield* backlog).toStrictEqual({ pending: 5, parked: 0 })
      expect(yield* claim(webhook)).toHaveLength(5)
    }).pipe(Effect.provide(layer)),
  )

  it.effect("an update that cannot be kept leaves nothing to be told", () =>
    Effect.gen(function* () {
      yield* seed
      yield* hook()
      const sql = yield* SqlClient.SqlClient
      const name = "%Never%"
      yield* sql.onDialectOrElse({
        pg: () => sql`ALTER TABLE users ADD CHECK (document NOT LIKE ${sql.literal(`'${name}'`)})`,
        orElse:
          () => sql`CREATE TRIGGER no_user BEFORE UPDATE ON users WHEN NEW.document LIKE ${sql.literal(`'${name}'`)}
          BEGIN SELECT RAISE(FAIL, 'disk full'); END`,
      })
      expect(Exit.isFailure(yield* Effect.exit(update(ada, "Never")))).toBe(true)
      expect([yield* backlog, yield* dueIds]).toStrictEqual([{ pending: 0, parked: 0 }, []])
    }).pipe(Effect.provide(layer)),
  )

  it.effect("an event that cannot be read is parked, without what it holds, and holds up nobody", () =>
    Effect.gen(function* () {
      yield* seed
      const webhook = yield* hook()
      const sql = yield* SqlClient.SqlClient
      yield* Effect.forEach(users, (user) => update(user, "x"))
      yield* sql`UPDATE user_events SET after_user = 'hush' WHERE user_id = ${ada.id}`
      expect((yield* claim(webhook)).map(({ user }) => user.id)).toStrictEqual(users.slice(1).map(({ id }) => id))
      const { deliveries } = yield* Webhooks
      const [first] = yield* deliveries(webhook.id, 1)
      expect(first).toMatchObject({ userId: ada.id, state: "parked", attempts: 0 })
      expect(first?.lastFailure?.reason).toBe("What the event says of the user cannot be read")
    }).pipe(Effect.provide(layer)),
  )

  it.effect("a webhook that is removed while its site is updated fails no update", () =>
    Effect.gen(function* () {
      yield* seed
      const sql = yield* SqlClient.SqlClient
      const webhooks = yield* Effect.forEach(users, () => hook())
      const exits = yield* Effect.forEach(
        users.flatMap((user, index) => [
          Effect.asVoid(update(user, "After")),
          Effect.asVoid(sql`DELETE FROM webhooks WHERE id = ${webhooks[index]!.id}`),
          Effect.asVoid(update(user, "Once more")),
        ]),
        (one) => Effect.exit<void, unknown, UserStore.UserStore>(one),
        { concurrency: "unbounded" },
      )
      expect(exits.filter(Exit.isFailure)).toStrictEqual([])
      // What is left of them is nobody's, never due, and not counted.
      yield* sql`INSERT INTO webhook_deliveries (webhook_id, sequence, user_id, due_at)
        VALUES (${webhooks[0]!.id}, 1000, ${ada.id}, '')`
      expect(yield* dueIds).toStrictEqual([])
      expect(yield* backlog).toStrictEqual({ pending: 0, parked: 0 })
    }).pipe(Effect.provide(layer)),
  )
})

it.live("what another worker is about to claim on PostgreSQL is passed over, and not waited for", () =>
  Effect.gen(function* () {
    const address = yield* database()
    yield* Effect.gen(function* () {
      yield* seed
      const webhook = yield* hook()
      yield* Effect.forEach(users, (user) => update(user, "x"))
      const client = yield* outsider(address)
      yield* Effect.promise(() => client.query("BEGIN"))
      yield* Effect.promise(() =>
        client.query(`SELECT 1 FROM webhook_deliveries WHERE user_id = '${ada.id}' FOR UPDATE`),
      )
      expect((yield* claim(webhook)).map(({ user }) => user.id)).toStrictEqual(users.slice(1).map(({ id }) => id))
      yield* Effect.promise(() => client.query("ROLLBACK"))
      expect((yield* claim(webhook)).map(({ user }) => user.id)).toStrictEqual([ada.id])
    }).pipe(Effect.provide(StoreAddress.layerWithWebhooks(address)))
  }),
)

it.live("to ask a SQLite file what is due takes no write lock, with something due or not", () =>
  Effect.gen(function* () {
    const folder = yield* Effect.acquireRelease(
      Effect.sync(() => mkdtempSync(join(tmpdir(), "webflow-users-webhooks-"))),
      (made) => Effect.sync(() => rmSync(made, { recursive: true })),
    )
    const path = join(folder, "users.db")
    yield* Effect.gen(function* () {
      yield* seed
      const { id } = yield* hook()
      const writer = yield* Effect.acquireRelease(
        Effect.sync(() => new DatabaseSync(path)),
        (opened) => Effect.sync(() => opened.close()),
      )
      const whileItWrites = <A, E, R>(asking: Effect.Effect<A, E, R>) =>
        Effect.acquireUseRelease(
          Effect.sync(() => writer.exec("BEGIN IMMEDIATE")),
          () => asking,
          () => Effect.sync(() => writer.exec("ROLLBACK")),
        )
      expect(yield* whileItWrites(dueIds)).toStrictEqual([])
      yield* update(ada, "x")
      expect(yield* whileItWrites(dueIds)).toStrictEqual([id])
      expect(yield* whileItWrites(backlog)).toStrictEqual({ pending: 1, parked: 0 })
      // Who wants to claim waits, and does not hold the connection while it does: who reads goes on.
      const store = yield* UserStore.UserStore
      const webhook = (yield* (yield* Webhooks).find(id))!
      writer.exec("BEGIN IMMEDIATE")
      const claiming = yield* Effect.forkChild(claim(webhook))
      yield* Effect.yieldNow
      for (let read = 0; read < 20; read += 1) {
        yield* Effect.yieldNow
        expect((yield* store.get(siteId, ada.id)).data.name).toBe("x")
      }
      expect(claiming.pollUnsafe()).toBe(undefined)
      writer.exec("ROLLBACK")
      expect(yield* Fiber.join(claiming)).toHaveLength(1)
    }).pipe(Effect.provide(StoreAddress.layerWithWebhooks(`file:${path}`)))
  }),
)

it.effect("memory, and another's server, keep no webhooks, and it is said what would", () =>
  Effect.gen(function* () {
    for (const address of ["memory:", "https://users.example.com/v2"]) {
      const error = yield* Effect.flip(Layer.build(StoreAddress.layerWithWebhooks(address)))
      expect(error.message).toMatch(/^Webhooks need a store of your own on a disk, such as file:.*keeps none$/)
    }
  }),
)
