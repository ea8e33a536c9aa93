/** Updates of several sites are committed together, and each goes by what is its own site's. */
import { describe, it } from "@effect/vitest"
import { NewUsers, parseSiteId, type SiteId, Sites, UserId, UserPatch, UserStore } from "@webflow-users/core"
import * as SqlUsers from "@webflow-users/core/UserStore/Sql"
import { Sqlite } from "@webflow-users/stores"
import { Effect, Layer } from "effect"
import { SqlClient } from "effect/sql"
import { expect } from "vitest"

const open = parseSiteId("580e63e98c9a982ac9b8b741") as SiteId
const strict = parseSiteId("580e63e98c9a982ac9b8b742") as SiteId
const ids = [0, 1].map((index) => UserId.make(`6287ec36a841b25637c6500${index}`))
/** A site that was copied has users by the same ids. */
const usersOf = (name: string) =>
  ids.map((id, index) => ({ id, accessGroups: [], data: { name, email: `${name}${index}@example.com` } }))
const colored = UserPatch.UserPatch.from({ data: { color: "blue" } })
const store = SqlUsers.layer.pipe(Layer.provideMerge(Sqlite.layer(":memory:")))

describe("updates of several sites in a group", () => {
  it.effect.each([[[open, strict]], [[strict, open]]])(
    "have the declaration, the users and the webhooks of their own site, whichever comes first",
    ([sites]) =>
      Effect.gen(function* () {
        const newUsers = yield* NewUsers
        yield* newUsers.add(open, () => usersOf("open"))
        yield* newUsers.add(strict, () => usersOf("strict"))
        yield* (yield* Sites).declare(strict, { fields: [] })
        const sql = yield* SqlClient.SqlClient
        yield* sql`INSERT INTO webhooks (id, site_id, url, secret, created_on) VALUES ('w', ${open}, '', '', '')`
        const { update } = yield* UserStore.UserStore
        const asked = ids.flatMap((id) => (sites as ReadonlyArray<SiteId>).map((site) => [site, id] as const))
        const answers = yield* Effect.forEach(
          asked,
          ([site, id]) =>
            Effect.match(update(site, id, colored), {
              onSuccess: ({ data }) => data.email,
              onFailure: ({ _tag }) => _tag,
            }),
          { concurrency: "unbounded" },
        )
        const expected = {
          [open]: ["open0@example.com", "open1@example.com"],
          [strict]: ["InvalidPatch", "InvalidPatch"],
        }
        expect(answers).toEqual(asked.map(([site, id]) => expected[site]?.[ids.indexOf(id)]))
        const told = yield* sql`SELECT e.site_id AS site, d.user_id AS id FROM webhook_deliveries d
          JOIN user_events e ON e.sequence = d.sequence ORDER BY d.sequence`
        expect(told).toEqual(ids.map((id) => ({ site: open, id })))
      }).pipe(Effect.provide(store)),
  )
})
