/** What goes on with groups that cannot be made at once stands for as long as the store does: ready, and with nothing left of before. */
import { describe, expect, it } from "vitest"
import { NewUsers, parseSiteId, type SiteId, UserEvents, UserId, UserPatch, UserStore } from "@webflow-users/core"
import * as SqlUsers from "@webflow-users/core/UserStore/Sql"
import { Sqlite } from "@webflow-users/stores"
import { Effect, Exit, Layer, Scope } from "effect"
import { spansOf } from "./spans.ts"

const siteId = parseSiteId("580e63e98c9a982ac9b8b741") as SiteId
const users = Array.from({ length: 2 }, (_, index) => ({
  id: UserId.make(`6287ec36a841b25637c6500${index}`),
  accessGroups: [],
  data: { name: "Before", email: `member${index}@example.com` },
}))
const rename = UserPatch.UserPatch.from({ data: { name: "After" } })
const store = SqlUsers.layer.pipe(Layer.provideMerge(Sqlite.layer(":memory:")))

const turns = async () => {
  for (let turn = 0; turn < 20; turn++) await new Promise((resolve) => setImmediate(resolve))
}

describe("what goes on with groups", () => {
  it("makes each of them once, and takes no turn of the event loop when nobody waits", async () => {
    const scope = Effect.runSync(Scope.make())
    const services = await Effect.runPromise(Layer.buildWithScope(store, scope))
    const run = <A, E>(effect: Effect.Effect<A, E, UserStore.UserStore | UserEvents | NewUsers>) =>
      Effect.runPromise(Effect.provideContext(effect, services))
    await run(NewUsers.use((newUsers) => newUsers.add(siteId, () => users)))
    for (const [index, { id }] of users.entries()) {
      const updating = UserStore.UserStore.use(({ update }) => update(siteId, id, rename))
      // Where somebody traces, no group is made at once. What is begun for the next is not what was left then.
      await (index === 0 ? run(spansOf(updating)) : run(updating))
      await turns()
      expect(process.getActiveResourcesInfo()).not.toContain("Immediate")
    }
    for (const { id } of users) {
      expect(await run(UserEvents.use(({ ofUser }) => ofUser(siteId, id)))).toHaveLength(1)
    }
    await Effect.runPromise(Scope.close(scope, Exit.void))
  })
})
