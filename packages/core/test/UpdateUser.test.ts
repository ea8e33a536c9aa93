import { describe, expect, layer } from "@effect/vitest"
import { Actor, NewUsers, Sites, UpdatePolicy, UpdateUser, UserEvents, UserStore } from "@webflow-users/core"
import { UpdateUserCases } from "@webflow-users/core/testing"
import * as Memory from "@webflow-users/core/UserStore/Memory"
import { StoreAddress } from "@webflow-users/stores"
import { Effect, Layer } from "effect"
import { database } from "../../../test/postgres.ts"

/** The last cases of the table are refused. */
const untouched = UpdateUserCases.sites[0]!.users

const gold = [{ slug: "gold", type: "admin" }]

const stores = {
  Memory: Memory.layer,
  SQLite: StoreAddress.layerOwned("file::memory:"),
  PostgreSQL: Layer.unwrap(Effect.map(database(), StoreAddress.layerOwned)),
}

for (const [name, store] of Object.entries(stores)) {
  const seeded = Layer.effectDiscard(
    Effect.forEach(
      UpdateUserCases.sites,
      Effect.fnUntraced(function* ({ id, users, declaration }) {
        yield* (yield* NewUsers).add(id, () => users)
        if (declaration !== undefined) yield* (yield* Sites).declare(id, declaration)
      }),
    ),
  )
  layer(Layer.merge(UpdateUser.layer, seeded).pipe(Layer.provideMerge(store)))(`UpdateUser on ${name}`, (it) => {
    describe("does what the case table says", () => {
      UpdateUserCases.all.forEach((one, index) => {
        it.effect(one.name, () =>
          Effect.gen(function* () {
            const updateUser = yield* UpdateUser.UpdateUser
            const before = UpdateUserCases.users[index]!
            const outcome = yield* updateUser({ ...one, patch: JSON.parse(one.body) }).pipe(
              Effect.match({ onSuccess: (user) => ({ user }), onFailure: UpdateUserCases.failed }),
            )
            const after = yield* (yield* UserStore.UserStore).get(one.home, before.id)
            const { actual, expected } = UpdateUserCases.judge(one, { outcome, before, after })
            expect(actual).toEqual(expected)
            const events = yield* (yield* UserEvents).ofUser(one.home, before.id)
            expect(events.length).toBe("tag" in one.expected ? 0 : 1)
          }),
        )
      })
    })

    it.effect("a dry run shows what an update would do, and does nothing", () =>
      Effect.gen(function* () {
        const before = untouched.at(-1)!
        const shown = yield* UpdateUser.dryRun({
          siteId: UpdateUserCases.siteId,
          userId: before.id,
          patch: { data: { name: "Shown" } },
        })
        expect(shown.before).toEqual(before)
        expect(shown.after.data.name).toBe("Shown")
        expect(yield* (yield* UserStore.UserStore).get(UpdateUserCases.siteId, before.id)).toEqual(before)
      }),
    )

    it.effect("a dry run is held to what the site declares", () =>
      Effect.gen(function* () {
        const [, { id, users }] = UpdateUserCases.sites
        const patch = { data: { age: "old" } }
        const error = yield* Effect.flip(UpdateUser.dryRun({ siteId: id, userId: users.at(-1)!.id, patch }))
        expect(UpdateUserCases.failed(error)).toEqual({ tag: "InvalidPatch", params: ["data.age"] })
      }),
    )

    it.effect("decides as it is told, an update and a dry run alike", () =>
      Effect.gen(function* () {
        const before = untouched.at(-3)!
        const updateUser = yield* UpdateUser.UpdateUser
        const request = {
          siteId: UpdateUserCases.siteId,
          userId: before.id,
          patch: { password: "p", data: { email: "other@example.com" }, accessGroups: ["gold"] },
        }
        const shown = yield* UpdateUser.dryRun(request)
        const after = yield* updateUser(request)
        expect([shown.after.accessGroups, after.accessGroups]).toEqual([gold, gold])
        expect(after.data).toEqual(before.data)
      }).pipe(Effect.provideService(UpdatePolicy.Current, { emailAndPassword: "ignore", ecommerceGroups: "replace" })),
    )

    it.effect("records who asked", () =>
      Effect.gen(function* () {
        const userId = untouched.at(-2)!.id
        const updateUser = yield* UpdateUser.UpdateUser
        yield* updateUser({ siteId: UpdateUserCases.siteId, userId, patch: {} }).pipe(
          Effect.provideService(Actor, { actor: "someone" }),
        )
        const events = yield* (yield* UserEvents).ofUser(UpdateUserCases.siteId, userId)
        expect(events.map((event) => event.actor)).toEqual(["someone"])
      }),
    )
  })
}
