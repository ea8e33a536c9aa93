/**
 * Pages of lists that others add to: read on from where the page before ended, or from the nearer end, by what was known of the list when it
 * was read last.
 */
import { DatabaseSync } from "node:sqlite"
import { describe, expect, it } from "@effect/vitest"
import {
  NewUsers,
  parseSiteId,
  type SiteId,
  type User,
  UserId,
  UserPatch,
  type UserSort,
  UserStore,
  userSorts,
} from "@webflow-users/core"
import * as SqlUsers from "@webflow-users/core/UserStore/Sql"
import { Sqlite, StoreAddress } from "@webflow-users/stores"
import { Context, Effect, Layer } from "effect"
import { SqlClient } from "effect/sql"
import { TestClock } from "effect/testing"
import { database } from "../../../test/postgres.ts"
import { file, open, siteId } from "./archives.ts"

const otherSiteId = parseSiteId("580e63e98c9a982ac9b8b742") as SiteId
const users = Array.from({ length: 60 }, (_, index): User => {
  const day = String(1 + ((index * 7) % 28)).padStart(2, "0")
  return {
    id: UserId.make(`6287ec36a841b25600012${String((index * 37) % 60).padStart(3, "0")}`),
    createdOn: `2024-01-${day}T00:00:00.000Z`,
    status: index % 3 === 0 ? "invited" : "verified",
    accessGroups: [],
    data: { name: "Some One", email: `member${index}@example.com` },
  }
})

describe.each([
  ["SQLite", file],
  ["PostgreSQL", database()],
] as const)("pages on %s", (_, made) => {
  it.live("are what a list in memory has there, also where another program has made it longer", () =>
    Effect.gen(function* () {
      const address = yield* made
      const [mine, others] = [yield* open(address), yield* open(address)]
      const memory = yield* Layer.build(StoreAddress.layerOwned("memory:"))
      const add = Effect.fnUntraced(function* (some: ReadonlyArray<User>) {
        for (const store of [others, memory]) yield* Context.get(store, NewUsers).add(siteId, () => some)
      })
      const page = Effect.fnUntraced(function* (offset: number, limit: number, sort: (typeof userSorts)[number]) {
        const [found, wanted] = yield* Effect.forEach([mine, memory], (store) =>
          Context.get(store, UserStore.UserStore).list(siteId, { offset, limit, sort }),
        )
        expect(found, `${limit} from ${offset} by ${sort}`).toStrictEqual(wanted)
      })
      const pages = Effect.fnUntraced(function* (length: number, limits: ReadonlyArray<number>) {
        for (const sort of userSorts) {
          for (const limit of limits) {
            for (let offset = 0; offset <= length + limit; offset += limit) yield* page(offset, limit, sort)
          }
        }
      })
      yield* add(users.slice(0, 25))
      yield* pages(25, [1, 7, 10, 25, 100])
      yield* add(users.slice(25))
      // Behind the middle of what there was, and before the middle of what there is.
      yield* page(20, 10, "-Status")
      // Where pages ended before, others have come in between.
      for (const sort of userSorts) yield* page(14, 7, sort)
      yield* pages(60, [9, 60])
    }),
  )
})

describe("a page behind another is not read from where that one ended", () => {
  const ends = Effect.gen(function* () {
    const address = yield* file
    const store = yield* open(address)
    const { add } = Context.get(store, NewUsers)
    yield* add(siteId, () => users.slice(0, 20))
    const { list, update } = Context.get(store, UserStore.UserStore)
    const idsAt = (offset: number, sort: UserSort, site = siteId) =>
      Effect.map(list(site, { offset, limit: 10, sort }), (page) => page.users.map(({ id }) => id))
    return { address, add, update, idsAt }
  })

  it.effect("in the other direction, or on another site", () =>
    Effect.gen(function* () {
      const { add, idsAt } = yield* ends
      yield* add(otherSiteId, () => users.slice(20, 40))
      const pagesOf = Effect.fnUntraced(function* (sort: UserSort, site: SiteId) {
        return [yield* idsAt(0, sort, site), yield* idsAt(10, sort, site)]
      })
      const up = yield* pagesOf("CreatedOn", siteId)
      const [down] = [yield* idsAt(0, "-CreatedOn")]
      yield* idsAt(0, "CreatedOn")
      expect([down, yield* idsAt(10, "-CreatedOn")].flat().toReversed()).toStrictEqual(up.flat())
      const others = yield* pagesOf("CreatedOn", otherSiteId)
      yield* idsAt(0, "CreatedOn")
      expect(yield* idsAt(10, "CreatedOn", otherSiteId)).toStrictEqual(others[1])
      expect(new Set(others.flat())).toHaveLength(20)
    }),
  )

  it.effect("within a transaction, which may come to nothing", () =>
    Effect.gen(function* () {
      const { add } = yield* NewUsers
      const { list } = yield* UserStore.UserStore
      const sql = yield* SqlClient.SqlClient
      yield* add(siteId, () => users.slice(0, 20))
      const idsAt = (offset: number) =>
        Effect.map(list(siteId, { offset, limit: 10 }), (page) => page.users.map(({ id }) => id))
      const second = yield* idsAt(10)
      const comesToNothing = Effect.gen(function* () {
        yield* add(siteId, () => [{ ...users[20]!, createdOn: "2020-01-01T00:00:00.000Z" }])
        yield* idsAt(0)
        return yield* Effect.fail("given up")
      })
      expect(yield* Effect.flip(sql.withTransaction(comesToNothing))).toBe("given up")
      yield* add(siteId, () => [{ ...users[21]!, createdOn: "2030-01-01T00:00:00.000Z" }])
      expect(yield* idsAt(10)).toStrictEqual(second)
    }).pipe(Effect.provide(SqlUsers.layer.pipe(Layer.provideMerge(Sqlite.layer(":memory:"))))),
  )

  it.effect("a minute ago: by hand, users may be removed and as many added", () =>
    Effect.gen(function* () {
      const { address, idsAt } = yield* ends
      const [first, second] = [yield* idsAt(0, "CreatedOn"), yield* idsAt(10, "CreatedOn")]
      const db = new DatabaseSync(address.slice("file:".length))
      db.exec(`UPDATE users SET created_on = '2025-01-01T00:00:00.000Z' WHERE id = '${first[0]}'`)
      db.close()
      yield* TestClock.adjust("1 minute")
      expect(yield* idsAt(10, "CreatedOn")).toStrictEqual([...second.slice(1), first[0]])
    }),
  )

  it.effect("in the order of their updates, which each update changes", () =>
    Effect.gen(function* () {
      const { update, idsAt } = yield* ends
      const [first, second] = [yield* idsAt(0, "UpdatedOn"), yield* idsAt(10, "UpdatedOn")]
      yield* update(siteId, UserId.make(first[0] ?? ""), UserPatch.UserPatch.from({ data: { name: "New" } }))
      expect(yield* idsAt(10, "UpdatedOn")).toStrictEqual([...second.slice(1), first[0]])
    }),
  )
})
