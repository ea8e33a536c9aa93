import { describe, expect, it } from "@effect/vitest"
import { NewUsers, parseSiteId, type SiteId, type User, UserId } from "@webflow-users/core"
import { UserStoreSuite } from "@webflow-users/core/testing"
import { StoreAddress } from "@webflow-users/stores"
import { Effect, Layer } from "effect"
import { database, outsider } from "../../../test/postgres.ts"

/** A store of its own for a test, and nobody else's. */
const fresh = Layer.unwrap(Effect.map(database(), StoreAddress.layerOwned))

describe("UserStore, Sql on PostgreSQL", () => {
  for (const { name, run } of UserStoreSuite.all) {
    it.effect(name, () => run.pipe(Effect.provide(fresh)))
  }
})

const siteId = parseSiteId("580e63e98c9a982ac9b8b741") as SiteId
const member = (index: number): User => ({
  id: UserId.make(`6287ec36a841b25637c6${(0x4000 + index).toString(16)}`),
  lastUpdated: "2022-05-20T13:46:12.093Z",
  accessGroups: [],
  data: { email: `member${index}@example.com` },
})

describe("a PostgreSQL database that many open at once", () => {
  it.live("is given its tables once, and everybody gets on", () =>
    Effect.gen(function* () {
      for (let round = 0; round < 8; round += 1) {
        const address = yield* database()
        const users = Array.from({ length: 8 }, (_, index) => member(index))
        yield* Effect.forEach(
          users,
          (user) =>
            NewUsers.use((newUsers) => newUsers.add(siteId, () => [user])).pipe(
              Effect.provide(StoreAddress.layerOwned(address)),
            ),
          { concurrency: "unbounded" },
        )
        const client = yield* outsider(address)
        const done = yield* Effect.promise(() => client.query("SELECT migration_id FROM webflow_users_migrations"))
        expect(done.rows.length).toBe(4)
      }
    }),
  )
})
