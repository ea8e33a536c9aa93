/** What every store that its owner keeps does where `UpdatePolicy.Current` says otherwise: part of `UserStoreSuite`. */
import { Effect } from "effect"
import * as UpdatePolicy from "../UpdatePolicy.ts"
import { UserEvents } from "../UserEvents.ts"
import { type Check, frozen, member, patch, same, seeded, siteId } from "./StoreCheck.ts"

const bought = { slug: "course", type: "ecommerce" } as const
const buyers = [1, 2, 3, 4].map((index) =>
  member(index, { accessGroups: [{ slug: "webflowers", type: "admin" }, bought] }),
)

// The other decision is about what a body says, and no store reads one.
const under = (ecommerceGroups: UpdatePolicy.UpdatePolicy["ecommerceGroups"]) =>
  Effect.provideService(UpdatePolicy.Current, frozen(UpdatePolicy.of({ ecommerceGroups })))
const slugsOf = (user: { readonly accessGroups: ReadonlyArray<{ readonly slug: string }> }) =>
  user.accessGroups.map(({ slug }) => slug)

export const policyChecks: ReadonlyArray<Check> = [
  {
    name: "judges an update by the policy in force",
    run: Effect.gen(function* () {
      const store = yield* seeded(...buyers)
      const [{ id }] = buyers as [(typeof buyers)[number]]
      const join = (slug: string) => store.update(siteId, id, patch({ accessGroups: [slug] }))
      yield* same("kept unless said", slugsOf(yield* join("gold")), ["gold", "course"])
      const replaced = yield* under("replace")(join("silver"))
      yield* same("replaced", slugsOf(replaced), ["silver"])
      yield* same("stored", yield* store.get(siteId, id), replaced)
      const events = yield* (yield* UserEvents).ofUser(siteId, id)
      yield* same(
        "recorded",
        events.map(({ after }) => slugsOf(after)),
        [["gold", "course"], ["silver"]],
      )
    }),
  },
  {
    name: "judges each of many updates at once by its own policy",
    run: Effect.gen(function* () {
      const store = yield* seeded(...buyers)
      const updated = yield* Effect.forEach(
        buyers,
        ({ id }, index) =>
          under(index % 2 === 0 ? "replace" : "keep")(store.update(siteId, id, patch({ accessGroups: [] }))),
        { concurrency: "unbounded" },
      )
      yield* same("groups", updated.map(slugsOf), [[], ["course"], [], ["course"]])
    }),
  },
]
