/** What every store that its owner keeps does with a site's declaration: part of `UserStoreSuite`. */
import { Effect } from "effect"
import { Sites } from "../Sites.ts"
import type { AccessGroup } from "../User.ts"
import { ada, bob, type Check, elsewhere, frozen, patch, same, seeded, siteId, tagOf } from "./StoreCheck.ts"

export const declarationChecks: ReadonlyArray<Check> = [
  {
    name: "keeps a site's declaration, and holds updates to it",
    run: Effect.gen(function* () {
      const store = yield* seeded(ada)
      const { declare } = yield* Sites
      const groupNames = Effect.map(store.accessGroups(siteId, { offset: 0, limit: 10 }), (page) =>
        page.accessGroups.map((group) => `${group.slug} ${group.name}`),
      )
      yield* same("before", yield* store.declaration(siteId), {})
      const [{ id, createdOn }] = (yield* store.accessGroups(siteId, { offset: 0, limit: 1 })).accessGroups as [
        AccessGroup,
      ]

      const declaration = frozen({
        accessGroups: [
          { slug: "platinum", name: "Platinum" },
          { slug: "gold", name: "Pure Gold" },
        ],
        fields: [{ slug: "age", type: "Number" as const, maximum: 150 }],
      })
      yield* same("first", yield* declare(siteId, declaration), {})
      yield* same("again", yield* declare(siteId, declaration), declaration)
      yield* same("kept", yield* store.declaration(siteId), declaration)
      yield* same("groups", yield* groupNames, ["gold Pure Gold", "platinum Platinum"])
      yield* same("users", yield* store.get(siteId, ada.id), ada)
      const bad = patch({ data: { age: 151, shoe: 42 }, accessGroups: ["silver"] })
      yield* same("refused", yield* tagOf(store.update(siteId, ada.id, bad)), "InvalidPatch")
      const good = yield* store.update(siteId, ada.id, patch({ data: { age: 150 }, accessGroups: ["gold"] }))
      yield* same("accepted", good.accessGroups, [{ slug: "gold", type: "admin" }])

      yield* same("no groups", yield* declare(siteId, { accessGroups: [] }), declaration)
      yield* same("none listed", yield* groupNames, [])
      yield* same("new site", yield* declare(elsewhere, declaration), undefined)
      yield* same("nobody there", (yield* store.list(elsewhere, { offset: 0, limit: 1 })).total, 0)
      yield* declare(siteId, {})
      yield* same("all listed", yield* groupNames, ["gold Pure Gold", "platinum Platinum", "webflowers Webflowers"])
      const listed = (yield* store.accessGroups(siteId, { offset: 2, limit: 1 })).accessGroups
      yield* same("the same group", listed, [
        { id, createdOn, name: "Webflowers", shortId: "webflowers", slug: "webflowers" },
      ])
      yield* store.update(siteId, ada.id, patch({ data: { shoe: 42 }, accessGroups: ["silver"] }))
    }),
  },
  {
    name: "counts and pages only the groups that are declared",
    run: Effect.gen(function* () {
      const store = yield* seeded(ada, bob)
      yield* store.update(siteId, ada.id, patch({ accessGroups: ["alpha", "beta", "zeta"] }))
      yield* (yield* Sites).declare(
        siteId,
        frozen({
          accessGroups: [
            { slug: "zeta", name: "Zeta" },
            { slug: "beta", name: "Beta" },
          ],
        }),
      )
      const part = (offset: number) =>
        Effect.map(store.accessGroups(siteId, { offset, limit: 1 }), ({ accessGroups, ...page }) => ({
          ...page,
          slugs: accessGroups.map(({ slug }) => slug),
        }))
      yield* same("the first", yield* part(0), { count: 1, limit: 1, offset: 0, total: 2, slugs: ["beta"] })
      yield* same("the last", yield* part(1), { count: 1, limit: 1, offset: 1, total: 2, slugs: ["zeta"] })
      yield* same("beyond", yield* part(2), { count: 0, limit: 1, offset: 2, total: 2, slugs: [] })
    }),
  },
]
