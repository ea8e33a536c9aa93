/** What is to become of a run's updates when they are taken back, before any is. */
import { describe, expect, it } from "@effect/vitest"
import {
  NewUsers,
  parseSiteId,
  type SiteDeclaration,
  type SiteId,
  Sites,
  StoreUnavailable,
  UndoUpdates,
  UpdateUser,
  type User,
  UserId,
  UserNotFound,
  UserPatch,
  UserStore,
} from "@webflow-users/core"
import * as Memory from "@webflow-users/core/UserStore/Memory"
import { Effect, Layer } from "effect"

const siteId = parseSiteId("580e63e98c9a982ac9b8b741") as SiteId
const ada: User = {
  id: UserId.make("6287ec36a841b25637c663df"),
  accessGroups: [],
  data: { name: "Ada", email: "ada@example.com", drink: "Tea" },
}
const bob: User = { ...ada, id: UserId.make("6287ec36a841b25637c663e0"), data: { email: "bob@example.com" } }

const onMemory = Effect.provide(UpdateUser.layer.pipe(Layer.provideMerge(Memory.layer)))
const seed = (...users: ReadonlyArray<User>) => NewUsers.use((newUsers) => newUsers.add(siteId, () => users))
const declare = (declaration: SiteDeclaration.SiteDeclaration) =>
  Sites.use((sites) => sites.declare(siteId, declaration))
const get = ({ id }: User) => UserStore.UserStore.use((store) => store.get(siteId, id))

const make = Effect.fnUntraced(function* (user: User, body: object) {
  const patch = UserPatch.UserPatch.from(body)
  const before = yield* get(user)
  const after = yield* (yield* UpdateUser.UpdateUser)({ siteId, userId: user.id, patch })
  return { patch, before, after } satisfies UndoUpdates.Made
})
const plan = Effect.fnUntraced(function* (...all: ReadonlyArray<UndoUpdates.Made>) {
  const judge = yield* UndoUpdates.planner(siteId, all.length)
  return yield* Effect.forEach(all, judge)
})

const problem = (description: string) => ({ _tag: "Invalid", problems: [{ param: "user", description }] })

describe("a plan to take updates back", () => {
  it.effect("tells what is put back, and changes nothing", () =>
    Effect.gen(function* () {
      yield* seed(ada)
      const made = yield* make(ada, { data: { drink: "Coffee", size: 7 } })
      const [planned] = yield* plan(made)
      expect(planned).toMatchObject({
        _tag: "Change",
        user: made.after,
        after: { data: ada.data },
        patch: { data: { drink: "Tea", size: null } },
        earlier: undefined,
      })
      expect(yield* get(ada)).toEqual(made.after)
      // As it was planned, it is done.
      const patch = planned?._tag === "Change" ? planned.patch : undefined
      yield* (yield* UpdateUser.UpdateUser)({ siteId, userId: ada.id, patch })
      expect(yield* plan(made)).toEqual([{ _tag: "Unchanged", user: yield* get(ada), earlier: undefined }])
      expect((yield* get(ada)).data).toEqual(ada.data)
    }).pipe(onMemory),
  )

  it.effect("leaves whoever was changed since, or is gone", () =>
    Effect.gen(function* () {
      yield* seed(ada, bob)
      const made = yield* make(ada, { data: { drink: "Coffee" } })
      yield* make(ada, { data: { size: 7 } })
      const others = yield* make(bob, { data: { drink: "Coffee" } })
      const gone = { ...others, after: { ...others.after, id: UserId.make("6287ec36a841b25637c66fff") } }
      const [changed, fine, missing] = yield* plan(made, others, gone)
      expect(changed).toEqual(problem("was changed by somebody else since, and is left alone"))
      expect(fine?._tag).toBe("Change")
      expect(missing).toEqual(problem("is no longer on the site"))
    }).pipe(onMemory),
  )

  it.effect("tells what cannot be put back, since the site no longer has it", () =>
    Effect.gen(function* () {
      yield* seed(ada, bob)
      const drank = yield* make(ada, { data: { drink: null } })
      yield* declare({ fields: [] })
      expect(yield* plan(drank)).toEqual([
        { _tag: "Invalid", problems: [{ param: "data.drink", description: "Field not described in schema" }] },
      ])
    }).pipe(onMemory),
  )

  it.effect("has the store look up as many as there are, and fails where it cannot", () =>
    Effect.gen(function* () {
      const told: Array<unknown> = []
      const down = new StoreUnavailable({ cause: "gone" })
      const store = Layer.succeed(UserStore.UserStore, {
        update: () => Effect.die("not asked for"),
        get: () => Effect.die("not asked for"),
        findByEmail: () => Effect.die("not asked for"),
        list: () => Effect.die("not asked for"),
        declaration: () => Effect.succeed({}),
        accessGroups: () => Effect.die("not asked for"),
        finder: (site, wanted) => {
          told.push(site, wanted)
          return {
            byId: (id) => Effect.fail(id === ada.id ? down : new UserNotFound()),
            byEmail: () => Effect.fail(down),
          }
        },
      })
      const judge = yield* Effect.provide(UndoUpdates.planner(siteId.toUpperCase(), 12), store)
      const made = { patch: UserPatch.UserPatch.from({}), before: ada, after: ada }
      expect(yield* Effect.flip(judge(made))).toMatchObject({ _tag: "StoreUnavailable" })
      expect((yield* judge({ ...made, after: bob }))._tag).toBe("Invalid")
      expect(told).toEqual([siteId, { ids: 12, emails: 0 }])
      expect(yield* Effect.flip(Effect.provide(UndoUpdates.planner("site", 1), store))).toMatchObject({
        _tag: "InvalidId",
      })
    }),
  )
})
