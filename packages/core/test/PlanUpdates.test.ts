/** What is to become of many changes, before any is made. */
import { describe, expect, it } from "@effect/vitest"
import {
  NewUsers,
  parseSiteId,
  PlanUpdates,
  type SiteDeclaration,
  type SiteId,
  Sites,
  StoreUnavailable,
  UpdatePolicy,
  UpdateUser,
  UserChange,
  type User,
  UserEvents,
  UserId,
  UserNotFound,
  UserStore,
} from "@webflow-users/core"
import * as Memory from "@webflow-users/core/UserStore/Memory"
import { StoreAddress } from "@webflow-users/stores"
import { Effect, Layer, Result } from "effect"
import fc from "fast-check"

const siteId = parseSiteId("580e63e98c9a982ac9b8b741") as SiteId
const idOf = (index: number) => UserId.make(`6287ec36a841b25637c6${(0x4000 + index).toString(16)}`)
const admin = (slug: string) => ({ slug, type: "admin" as const })

const ada: User = {
  id: idOf(1),
  lastUpdated: "2024-01-01T00:00:00.000Z",
  accessGroups: [admin("gold"), { slug: "course", type: "ecommerce" }],
  data: { name: "Ada", email: "Ada@example.com", drink: "Tea", size: 7 },
}
const bob: User = { id: idOf(2), accessGroups: [], data: { name: "Bob", email: "bob@example.com" } }
const cy: User = { id: idOf(3), accessGroups: [admin("a"), admin("b")], data: { name: "Cy", team: true } }

const stores = { Memory: Memory.layer, SQLite: StoreAddress.layerOwned("file::memory:") }

const seed = Effect.fnUntraced(function* (declaration?: SiteDeclaration.SiteDeclaration) {
  yield* (yield* NewUsers).add(siteId, () => [ada, bob, cy])
  if (declaration !== undefined) yield* (yield* Sites).declare(siteId, declaration)
})
const everybody = Effect.gen(function* () {
  const { users } = yield* (yield* UserStore.UserStore).list(siteId, { offset: 0, limit: 100 })
  return users
})

const wanted = { ids: 10, emails: 10 }
/** What becomes of each change, in their order; their places are 1, 2, 3. */
const plan = Effect.fnUntraced(function* (
  changes: ReadonlyArray<UserChange.UserChange>,
  options: { readonly areTexts: boolean } = { areTexts: false },
) {
  const { find, judge } = yield* PlanUpdates.make(siteId, wanted, options)
  return yield* Effect.forEach(changes, (change, index) =>
    Effect.map(find(change), (user) => judge(change, user, index + 1)),
  )
})
/** In short: what is planned, with the place of an earlier change of the user, or the problems. */
const inShort = (planned: PlanUpdates.Planned) =>
  planned._tag === "Invalid"
    ? planned.problems.map(({ param, description }) => `${param}: ${description}`)
    : `${planned._tag} ${planned.user.data.name}${planned.earlier === undefined ? "" : ` after ${planned.earlier}`}`
const planInShort = (...changes: ReadonlyArray<UserChange.UserChange>) =>
  Effect.map(plan(changes), (all) => all.map(inShort))

const rename = (user: User, name: string): UserChange.UserChange => ({ id: user.id, data: { name } })

for (const [name, store] of Object.entries(stores)) {
  const onStore = UpdateUser.layer.pipe(Layer.provideMerge(store))

  describe(`a plan on ${name}`, () => {
    it.effect("tells changes from what is so already and from what cannot be, and changes nothing", () =>
      Effect.gen(function* () {
        yield* seed()
        const changes: ReadonlyArray<UserChange.UserChange> = [
          { id: ada.id.toUpperCase(), data: { drink: "Coffee" }, addGroups: ["new"] },
          { email: "BOB@example.com", accessGroups: [] },
          { id: cy.id, data: { drink: "Tea", "accept-privacy": "yes" as never } },
          { id: cy.id, data: {} },
        ]
        const [first, second, third, fourth] = yield* plan(changes)
        expect(first).toMatchObject({
          _tag: "Change",
          user: ada,
          after: {
            data: { ...ada.data, drink: "Coffee" },
            accessGroups: [admin("gold"), admin("new"), { slug: "course", type: "ecommerce" }],
          },
          patch: { data: { drink: "Coffee" }, groups: { _tag: "EditGroups", add: ["new"], remove: [] } },
          earlier: undefined,
        })
        expect(second).toEqual({ _tag: "Unchanged", user: bob, earlier: undefined })
        expect(third).toEqual({
          _tag: "Invalid",
          problems: [{ param: "data.accept-privacy", description: "must be true or false" }],
        })
        expect(fourth).toEqual({ _tag: "Unchanged", user: cy, earlier: undefined })
        expect(yield* everybody).toEqual(expect.arrayContaining([ada, bob, cy]))
        for (const { id } of [ada, bob, cy]) expect(yield* (yield* UserEvents).ofUser(siteId, id)).toEqual([])
      }).pipe(Effect.provide(onStore)),
    )

    it.effect("knows no users but the site's", () =>
      Effect.gen(function* () {
        yield* seed()
        expect(
          yield* planInShort(
            { id: idOf(9) },
            { email: "nobody@example.com" },
            { id: idOf(9), email: "ada@example.com" },
            { id: ada.id, email: "bob@example.com" },
            { id: ada.id, email: "aDA@example.com" },
            { id: cy.id, email: "cy@example.com" },
          ),
        ).toEqual([
          ["id: the site has no such user"],
          ["email: the site has no such user"],
          ["id: the site has no such user"],
          ["email: is not the address of the user with this id, and cannot be updated"],
          "Unchanged Ada",
          ["email: is not the address of the user with this id, and cannot be updated"],
        ])
      }).pipe(Effect.provide(onStore)),
    )

    it.effect("has the address of a change with an id accepted by the update, however it is written", () =>
      Effect.gen(function* () {
        yield* seed()
        const [planned] = yield* plan([{ ...rename(ada, "Augusta"), email: "ADA@EXAMPLE.COM" }])
        const patch = planned?._tag === "Change" ? planned.patch : undefined
        // Whether it still is the user's then, the update sees.
        expect(patch?.objections).toMatchObject([{ param: "email", unless: { value: "Ada@example.com" } }])
        const updateUser = yield* UpdateUser.UpdateUser
        expect((yield* updateUser({ siteId, userId: ada.id, patch })).data).toEqual({ ...ada.data, name: "Augusta" })
      }).pipe(Effect.provide(onStore)),
    )

    it.effect("tells of a user who comes again where that user came first, and has the last change win", () =>
      Effect.gen(function* () {
        yield* seed()
        expect(
          yield* planInShort(
            rename(ada, "Zoe"),
            { id: bob.id },
            rename(ada, "Ada"),
            { email: "ada@example.com", addGroups: ["gold"] },
            { id: bob.id, addGroups: [] },
            rename(bob, ""),
            { id: bob.id },
          ),
        ).toEqual([
          "Change Ada",
          "Unchanged Bob",
          "Change Ada after 1",
          "Change Ada after 1",
          "Unchanged Bob after 2",
          "Change Bob after 2",
          "Change Bob after 2",
        ])
        // What cannot be done does not count as coming.
        expect(yield* planInShort({ id: ada.id, data: { name: null } }, rename(ada, "Ada"))).toEqual([
          ["data.name: cannot be cleared"],
          "Unchanged Ada",
        ])
      }).pipe(Effect.provide(onStore)),
    )

    it.effect("holds texts to what is declared, or else stored, and leaves what has types as it is", () =>
      Effect.gen(function* () {
        yield* seed({
          fields: [
            { slug: "drink", type: "Option", options: [{ slug: "tea", name: "Green tea" }] },
            { slug: "size", type: "Number", maximum: 9 },
            { slug: "team", type: "Switch" },
          ],
          accessGroups: [
            { slug: "gold", name: "Gold" },
            { slug: "new", name: "New" },
          ],
        })
        const texts: ReadonlyArray<UserChange.UserChange> = [
          { id: ada.id, data: { drink: "Green tea", size: " 8 ", team: "no" } },
          { id: ada.id, data: { size: "7", name: "Ada" } },
          { id: ada.id, data: { size: "10", team: "perhaps", other: "x" }, addGroups: ["nobody"] },
          { id: ada.id, accessGroups: ["nobody"] },
          { id: ada.id, removeGroups: Array.from({ length: 201 }, (_, index) => `group-${index}`) },
          { id: ada.id, removeGroups: ["course"] },
          { id: ada.id, data: { other: null } },
        ]
        const [change, unchanged, ...invalid] = yield* plan(texts, { areTexts: true })
        expect(change).toMatchObject({
          after: { data: { drink: { id: "tea", slug: "tea", name: "Green tea" }, size: 8, team: false } },
        })
        expect(unchanged).toMatchObject({ _tag: "Change", patch: { data: { size: 7, name: "Ada" } }, earlier: 1 })
        expect(invalid.map(inShort)).toEqual([
          [
            "addGroups: nobody: no such access group; the site has gold, new",
            "data.size: must be at most 9",
            "data.team: must be true or false",
            "data.other: Field not described in schema",
          ],
          ["accessGroups: nobody: no such access group; the site has gold, new"],
          ["removeGroups: must be at most 200"],
          ["removeGroups: course: a group of type ecommerce cannot be removed by an update"],
          ["data.other: Field not described in schema"],
        ])
        expect((yield* plan([{ id: ada.id, data: { size: "8" } }])).map(inShort)).toEqual([
          ["data.size: must be a number"],
        ])
      }).pipe(Effect.provide(onStore)),
    )

    it.effect("types texts by what is stored where nothing is declared", () =>
      Effect.gen(function* () {
        yield* seed()
        const texts: ReadonlyArray<UserChange.UserChange> = [
          { id: ada.id, data: { size: "7", drink: "Tea" } },
          { id: cy.id, data: { team: "yes" } },
          { id: bob.id, data: { team: "yes" } },
        ]
        expect((yield* plan(texts, { areTexts: true })).map(inShort)).toEqual([
          "Unchanged Ada",
          "Unchanged Cy",
          "Change Bob",
        ])
        expect((yield* plan(texts)).map(inShort)).toEqual(["Change Ada", "Change Cy", "Change Bob"])
      }).pipe(Effect.provide(onStore)),
    )

    it.effect("is made by the policy in force", () =>
      Effect.gen(function* () {
        yield* seed()
        const left: UserChange.UserChange = { id: ada.id, accessGroups: ["gold"] }
        const secret: UserChange.UserChange = { id: ada.id, data: { password: "p" } }
        expect(yield* planInShort(secret, left)).toEqual([["data.password: cannot be updated"], "Unchanged Ada"])
        const other = Effect.provideService(UpdatePolicy.Current, {
          emailAndPassword: "ignore",
          ecommerceGroups: "replace",
        })
        expect(yield* other(planInShort(secret, left))).toEqual(["Unchanged Ada", "Change Ada after 1"])
      }).pipe(Effect.provide(onStore)),
    )

    it.effect("tells why it cannot be made", () =>
      Effect.gen(function* () {
        const options = { areTexts: false }
        expect(yield* Effect.flip(PlanUpdates.make("site", wanted, options))).toMatchObject({ _tag: "InvalidId" })
        expect(yield* Effect.flip(PlanUpdates.make(siteId, wanted, options))).toMatchObject({ _tag: "SiteNotFound" })
      }).pipe(Effect.provide(onStore)),
    )
  })

  it.effect(`to make only what is planned on ${name} is to make all that is valid, in the order of the file`, () =>
    Effect.promise(() =>
      fc.assert(
        fc.asyncProperty(changesOfAFile, (changes) =>
          Effect.runPromise(
            Effect.gen(function* () {
              const planned = yield* Effect.provide(madeOf(changes, "planned"), onStore, { local: true })
              const all = yield* Effect.provide(madeOf(changes, "all"), onStore, { local: true })
              expect(planned).toEqual(all)
            }),
          ),
        ),
        { numRuns: name === "Memory" ? 300 : 40 },
      ),
    ),
  )
}

const slugs = fc.array(fc.constantFrom("gold", "a", "b", "course"), { maxLength: 3 })
const changesOfAFile: fc.Arbitrary<ReadonlyArray<UserChange.UserChange>> = fc.array(
  fc
    .tuple(
      fc.constantFrom(
        ...[ada, bob, cy].map(({ id }) => ({ id })),
        { email: "ada@example.com" },
        { email: "Bob@example.com" },
        { id: idOf(9) },
      ),
      fc.record(
        {
          name: fc.constantFrom("Ada", "Bob", "Cy"),
          drink: fc.constantFrom("Tea", "Coffee", null),
          team: fc.constantFrom(true, false, null),
        },
        { requiredKeys: [] },
      ),
      fc.oneof(
        fc.constant({}),
        fc.record({ accessGroups: slugs }),
        fc.record({ addGroups: slugs, removeGroups: slugs }),
      ),
    )
    .map(([whom, data, groups]) => ({ ...whom, data, ...groups }))
    .filter((change) => Result.isSuccess(UserChange.checked(change))),
  { maxLength: 12 },
)

/** The users after a file was carried out, but for when they were updated; the whole of it was planned first. */
const madeOf = Effect.fnUntraced(function* (changes: ReadonlyArray<UserChange.UserChange>, what: "planned" | "all") {
  yield* seed()
  const updateUser = yield* UpdateUser.UpdateUser
  for (const [index, planned] of (yield* plan(changes)).entries()) {
    if (planned._tag === "Invalid" || (what === "planned" && planned._tag === "Unchanged")) continue
    const { id: _, email: __, ...change } = changes[index]!
    const patch = planned._tag === "Change" && what === "planned" ? planned.patch : UserChange.patchOf(change)
    // What an earlier change made impossible is so either way.
    yield* Effect.exit(updateUser({ siteId, userId: planned.user.id, patch }))
  }
  return (yield* everybody).map(({ lastUpdated: __, ...user }) => user)
})

/** A store that knows nobody, but for what a test has it say. */
const storeWith = (rest: Partial<UserStore.UserStore["Service"]>) =>
  Layer.succeed(UserStore.UserStore, {
    update: () => Effect.die("not asked for"),
    get: () => Effect.fail(new UserNotFound()),
    findByEmail: () => Effect.fail(new UserNotFound()),
    list: () => Effect.die("not asked for"),
    declaration: () => Effect.succeed({}),
    accessGroups: () => Effect.die("not asked for"),
    ...rest,
  })

describe("a planner", () => {
  it.effect("has the store look up as many as it says, where the store can", () =>
    Effect.gen(function* () {
      const told: Array<unknown> = []
      const finder = (site: SiteId, many: UserStore.Wanted): UserStore.Finder => {
        told.push(site, many)
        return { byId: () => Effect.succeed(ada), byEmail: () => Effect.succeed(bob) }
      }
      const { find } = yield* Effect.provide(
        PlanUpdates.make(siteId.toUpperCase(), wanted, { areTexts: false }),
        storeWith({ finder }),
      )
      expect([yield* find({ id: idOf(7) }), yield* find({ email: "x@example.com" })]).toEqual([ada, bob])
      expect(told).toEqual([siteId, wanted])
    }),
  )

  it.effect("fails where a store cannot say who is there, which is not that there is nobody", () =>
    Effect.gen(function* () {
      const down = Effect.fail(new StoreUnavailable({ cause: "gone" }))
      const { find } = yield* Effect.provide(
        PlanUpdates.make(siteId, wanted, { areTexts: false }),
        storeWith({ get: () => down }),
      )
      expect(yield* Effect.flip(find({ id: ada.id }))).toMatchObject({ _tag: "StoreUnavailable" })
      expect(yield* find({ email: "x@example.com" })).toBeUndefined()
    }),
  )
})
