/** What every store that its owner keeps does for who may change only some of a user: part of `UserStoreSuite`. */
import { Effect } from "effect"
import { NewUsers } from "../NewUsers.ts"
import * as UpdateGrant from "../UpdateGrant.ts"
import { dryRun } from "../UpdateUser.ts"
import { UserEvents } from "../UserEvents.ts"
import { UserStore } from "../UserStore.ts"
import { type Check, frozen, member, patch, same, seeded, siteId, tagOf } from "./StoreCheck.ts"

const subject = member(1, {
  accessGroups: [
    { slug: "webflowers", type: "admin" },
    { slug: "course", type: "ecommerce" },
  ],
  data: { name: "Ada", email: "ada@example.com", "accept-privacy": true, company: "Engines", plan: "free" },
})

const form: UpdateGrant.UpdateGrant = frozen({ fields: ["name", "company"], groups: [] })
const desk: UpdateGrant.UpdateGrant = frozen({ groups: ["gold", "webflowers"] })

/** Updates of a user who is as above, and what they would change that is not granted. */
const forbidden: ReadonlyArray<readonly [string, UpdateGrant.UpdateGrant, unknown, ReadonlyArray<string>]> = [
  ["a field", form, { data: { plan: "gold" } }, ["data.plan"]],
  ["one of two fields", form, { data: { name: "Bea", plan: "gold" } }, ["data.plan"]],
  ["a field that is new", form, { data: { "is-admin": true } }, ["data.is-admin"]],
  ["a field to clear", form, { data: { plan: null } }, ["data.plan"]],
  ["a consent", form, { data: { "accept-privacy": false } }, ["data.accept-privacy"]],
  ["a field like a method of every object", form, { data: { toString: "x" } }, ["data.toString"]],
  ["a group to join", form, { accessGroups: ["webflowers", "gold"] }, ["accessGroups"]],
  ["a group to leave", form, { accessGroups: [] }, ["accessGroups"]],
  [
    "all of it at once",
    form,
    { data: { plan: "x", "accept-privacy": false }, accessGroups: ["gold"] },
    ["data.accept-privacy", "data.plan", "accessGroups", "accessGroups"],
  ],
  ["one of two groups", desk, { accessGroups: ["webflowers", "gold", "silver"] }, ["accessGroups"]],
  ["a field, with an empty list", { fields: [] }, { data: { name: "Bea" } }, ["data.name"]],
]

const granted: ReadonlyArray<readonly [string, UpdateGrant.UpdateGrant, unknown]> = [
  ["fields on the list", form, { data: { name: "Bea", company: null } }],
  ["nothing", { fields: [], groups: [] }, {}],
  [
    "the whole user sent back, with one of them changed",
    form,
    { ...subject, data: { data: { ...subject.data, name: "Bea" } } },
  ],
  ["groups in another order", form, { accessGroups: [{ slug: "course", type: "ecommerce" }, "webflowers"] }],
  ["a group to join and one to leave", desk, { accessGroups: ["gold"], data: { plan: "gold" } }],
  ["any group, where only fields are listed", { fields: [] }, { accessGroups: ["gold"] }],
]

const paramsOf = (details: ReadonlyArray<unknown>) =>
  details.map((detail) => (detail as { readonly param: string }).param)

export const grantChecks: ReadonlyArray<Check> = [
  {
    name: "keeps what its caller may not change, and says what that is",
    run: Effect.gen(function* () {
      const store = yield* seeded(subject)
      for (const [what, grant, body, params] of forbidden) {
        const asked = Effect.provideService(store.update(siteId, subject.id, patch(body)), UpdateGrant.Current, grant)
        const outcome = yield* Effect.match(asked, {
          onFailure: ({ _tag, details }) => [_tag, paramsOf(details)],
          onSuccess: () => ["no error"],
        })
        yield* same(what, outcome, ["ChangeForbidden", params])
        const looked = dryRun({ siteId, userId: subject.id, patch: patch(body) })
        yield* same(
          `${what}, dry`,
          yield* tagOf(Effect.provideService(looked, UpdateGrant.Current, grant)),
          "ChangeForbidden",
        )
      }
      yield* same("user", yield* store.get(siteId, subject.id), subject)
      yield* same("events", yield* (yield* UserEvents).ofUser(siteId, subject.id), [])
      yield* same("groups", (yield* store.accessGroups(siteId, { offset: 0, limit: 10 })).total, 2)
      const wrong = store.update(siteId, subject.id, patch({ data: { plan: [] } }))
      const tag = yield* tagOf(Effect.provideService(wrong, UpdateGrant.Current, form))
      yield* same("what cannot be is told first", tag, "InvalidPatch")
    }),
  },
  {
    name: "does what its caller may, judged by what would change and not by what is named",
    run: Effect.gen(function* () {
      const newUsers = yield* NewUsers
      const store = yield* UserStore
      for (const [index, [what, grant, body]] of granted.entries()) {
        const one = { ...subject, id: member(index + 10).id, data: { ...subject.data, email: `${index}@example.com` } }
        yield* newUsers.add(siteId, () => frozen([one]))
        const own = JSON.parse(JSON.stringify(body).replaceAll(subject.id, one.id).replaceAll("ada@", `${index}@`))
        const updated = Effect.provideService(store.update(siteId, one.id, patch(own)), UpdateGrant.Current, grant)
        yield* same(what, yield* tagOf(updated), "no error")
        yield* same(`${what}, recorded`, (yield* (yield* UserEvents).ofUser(siteId, one.id)).length, 1)
      }
    }),
  },
  {
    name: "judges each of many updates at once by its own caller",
    run: Effect.gen(function* () {
      const store = yield* seeded(subject)
      const tags = yield* Effect.forEach(
        [form, {}, desk, { fields: ["plan"] }, form],
        (grant, index) =>
          tagOf(
            Effect.provideService(
              store.update(siteId, subject.id, patch({ data: { plan: `plan-${index}` } })),
              UpdateGrant.Current,
              grant,
            ),
          ),
        { concurrency: "unbounded" },
      )
      yield* same("outcomes", tags, ["ChangeForbidden", "no error", "no error", "no error", "ChangeForbidden"])
    }),
  },
]
