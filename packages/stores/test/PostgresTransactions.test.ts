/** Updates within a transaction of who makes them, and the one that PostgreSQL makes of a statement when the connection is lost. */
import { connect, createServer, type AddressInfo } from "node:net"
import { describe, expect, it } from "@effect/vitest"
import { NewUsers, parseSiteId, type SiteId, type User, UserEvents } from "@webflow-users/core"
import { UserId, UserPatch, UserStore } from "@webflow-users/core"
import * as SqlUsers from "@webflow-users/core/UserStore/Sql"
import { StoreAddress } from "@webflow-users/stores"
import { Deferred, Effect, Fiber, Layer } from "effect"
import { SqlClient } from "effect/sql"
import { database } from "../../../test/postgres.ts"
import * as Postgres from "../src/Postgres.ts"
import * as PostgresAddress from "../src/PostgresAddress.ts"

const siteId = parseSiteId("580e63e98c9a982ac9b8b741") as SiteId
const member = (index: number): User => ({
  id: UserId.make(`6287ec36a841b25637c6500${index}`),
  lastUpdated: "2022-05-20T13:46:12.093Z",
  accessGroups: [],
  data: { email: `member${index}@example.com` },
})
const [ada, bob] = [member(1), member(2)] as const
const all = { concurrency: "unbounded" } as const

const seed = NewUsers.use((newUsers) => newUsers.add(siteId, () => [ada, bob]))
const rename = ({ id }: User, name: string) =>
  UserStore.UserStore.use((found) => found.update(siteId, id, UserPatch.UserPatch.from({ data: { name } })))
const get = ({ id }: User) => UserStore.UserStore.use((found) => found.get(siteId, id))
const namesOf = ({ id }: User) =>
  Effect.map(
    UserEvents.use((events) => events.ofUser(siteId, id)),
    (events) => events.map(({ after }) => after.data.name),
  )

/** The store, and the connections it works on. */
const opened = (address: string) =>
  SqlUsers.layer.pipe(
    Layer.provideMerge(Postgres.layer(address, PostgresAddress.parse(address) as PostgresAddress.PostgresAddress)),
  )

/** On a database of its own, with the users in it. */
const onDatabase = <A, E>(
  test: Effect.Effect<A, E, UserStore.UserStore | UserEvents | NewUsers | SqlClient.SqlClient>,
) => Effect.flatMap(database(), (address) => Effect.provide(Effect.andThen(seed, test), opened(address)))

describe("an update within its caller's transaction", () => {
  it.live("is gone when that is taken back, and nobody else's with it", () =>
    onDatabase(
      Effect.gen(function* () {
        const sql = yield* SqlClient.SqlClient
        const made = yield* Deferred.make<void>()
        const other = yield* Deferred.make<void>()
        const ours = yield* sql
          .withTransaction(
            Effect.gen(function* () {
              expect((yield* rename(ada, "Taken back")).data.name).toBe("Taken back")
              expect((yield* get(ada)).data.name).toBe("Taken back")
              yield* Deferred.succeed(made, undefined)
              yield* Deferred.await(other)
              return yield* Effect.fail("taken back")
            }),
          )
          .pipe(Effect.flip, Effect.forkChild)
        yield* Deferred.await(made)
        yield* rename(bob, "Kept")
        yield* Deferred.succeed(other, undefined)
        expect(yield* Fiber.join(ours)).toBe("taken back")
        expect([yield* get(ada), yield* namesOf(ada)]).toStrictEqual([ada, []])
        expect([(yield* get(bob)).data.name, yield* namesOf(bob)]).toStrictEqual(["Kept", ["Kept"]])
      }),
    ),
  )

  it.live("is taken back with it also where others' come at the same time", () =>
    onDatabase(
      Effect.gen(function* () {
        const sql = yield* SqlClient.SqlClient
        const takenBack = Effect.flip(sql.withTransaction(Effect.andThen(rename(ada, "Taken back"), Effect.fail("no"))))
        yield* Effect.all([rename(bob, "Kept"), takenBack, rename(bob, "Kept too")], all)
        expect([yield* namesOf(ada), yield* namesOf(bob)]).toStrictEqual([[], ["Kept", "Kept too"]])
      }),
    ),
  )

  it.live("goes by what that has locked and written, and is there when it is committed", () =>
    onDatabase(
      Effect.gen(function* () {
        const sql = yield* SqlClient.SqlClient
        const locked = sql`SELECT 1 FROM users WHERE id = ${ada.id} FOR UPDATE`
        yield* sql.withTransaction(Effect.all([locked, rename(ada, "first"), rename(ada, "second")]))
        yield* rename(ada, "third")
        expect(yield* namesOf(ada)).toStrictEqual(["first", "second", "third"])
      }),
    ),
  )
})

it.live("updates of one user that come together within a transaction go by each other, in their order", () =>
  onDatabase(
    Effect.gen(function* () {
      const sql = yield* SqlClient.SqlClient
      const names = Array.from({ length: 30 }, (_, index) => `${index}`)
      yield* sql.withTransaction(Effect.forEach(names, (name) => rename(ada, name), all))
      const events = yield* UserEvents.use((found) => found.ofUser(siteId, ada.id))
      expect(events.map(({ after }) => after.data.name)).toStrictEqual(names)
      expect(events.map(({ before }) => before)).toStrictEqual([ada, ...events.slice(0, -1).map(({ after }) => after)])
    }),
  ),
)

/** The same database, behind a line that is cut when it answers a message with this text in it, once. */
const cutBehind = (address: string, text: string) =>
  Effect.gen(function* () {
    const url = new URL(address)
    const { hostname, port } = url
    let isCut = false
    const server = createServer((client) => {
      const behind = connect(Number(port), hostname)
      let isAsked = false
      client.on("data", (data) => {
        isAsked ||= !isCut && data.includes(text)
        behind.write(data)
      })
      behind.on("data", (data) => {
        if (!isAsked) return void client.write(data)
        isCut = true
        client.destroy()
        behind.destroy()
      })
      for (const [one, other] of [
        [client, behind],
        [behind, client],
      ] as const) {
        one.on("error", () => {}).on("close", () => other.destroy())
      }
    })
    yield* Effect.acquireRelease(
      Effect.promise(() => new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve))),
      () => Effect.promise(() => new Promise((resolve) => server.close(resolve))),
    )
    url.hostname = "127.0.0.1"
    url.port = String((server.address() as AddressInfo).port)
    url.searchParams.set("sslmode", "disable")
    return url.href
  })

it.live("updates whose connection is lost when they are committed fail, and are not made once more", () =>
  Effect.gen(function* () {
    const address = yield* database()
    const behind = yield* cutBehind(address, "Perhaps")
    yield* Effect.gen(function* () {
      yield* seed
      const errors = yield* Effect.all([Effect.flip(rename(ada, "Perhaps")), Effect.flip(rename(bob, "Perhaps"))], all)
      expect(errors).toMatchObject([{ _tag: "StoreUnavailable" }, { _tag: "StoreUnavailable" }])
      expect(yield* Effect.all([namesOf(ada), namesOf(bob)])).toStrictEqual([["Perhaps"], ["Perhaps"]])
      // The store goes on.
      yield* rename(ada, "Again")
      expect(yield* namesOf(ada)).toStrictEqual(["Perhaps", "Again"])
    }).pipe(Effect.provide(StoreAddress.layerOwned(behind)))
  }),
)
