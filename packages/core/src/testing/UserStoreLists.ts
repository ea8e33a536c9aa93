/** The part of `UserStoreSuite` that is about lists: their orders, and that pages neither repeat nor lose anyone. */
import { Effect } from "effect"
import { TestClock } from "effect/testing"
import { type AccessGroupSort, type UserSort, userSorts } from "../User.ts"
import { ada, type Check, member, patch, same, seeded, siteId } from "./StoreCheck.ts"

export const lists: ReadonlyArray<Check> = [
  {
    name: "lists in every documented order, page by page",
    run: Effect.gen(function* () {
      const users = [
        member(1, {
          createdOn: "2024-03-01T00:00:00.000Z",
          lastUpdated: "2024-03-05T00:00:00Z",
          lastLogin: null,
          status: "invited",
        }),
        member(2, {
          createdOn: "2024-01-01T00:00:00.000Z",
          lastUpdated: "2024-03-04T00:00:00Z",
          lastLogin: "2024-03-01T00:00:00Z",
          status: "verified",
        }),
        member(3, {
          createdOn: "2024-02-01T00:00:00.000Z",
          lastUpdated: "2024-03-04T00:00:00.500Z",
          lastLogin: "2024-02-01T00:00:00Z",
          status: "unverified",
        }),
      ]
      const store = yield* seeded(...users)
      const order = (sort?: UserSort) =>
        Effect.map(store.list(siteId, { offset: 0, limit: 10, sort }), (page) =>
          page.users.map((user) => users.findIndex((known) => known.id === user.id) + 1).join(),
        )
      yield* same("unasked", yield* order(), "2,3,1")
      yield* same("CreatedOn", yield* order("CreatedOn"), "2,3,1")
      yield* same("-CreatedOn", yield* order("-CreatedOn"), "1,3,2")
      yield* same("Email", yield* order("Email"), "1,2,3")
      yield* same("-Email", yield* order("-Email"), "3,2,1")
      yield* same("Status", yield* order("Status"), "1,3,2")
      yield* same("-Status", yield* order("-Status"), "2,3,1")
      yield* same("LastLogin", yield* order("LastLogin"), "1,3,2")
      yield* same("-LastLogin", yield* order("-LastLogin"), "2,3,1")
      yield* same("UpdatedOn", yield* order("UpdatedOn"), "2,3,1")
      yield* same("-UpdatedOn", yield* order("-UpdatedOn"), "1,3,2")
      const { users: part, ...page } = yield* store.list(siteId, { offset: 1, limit: 1, sort: "Email" })
      yield* same("part", part, users.slice(1, 2))
      yield* same("page", page, { count: 1, limit: 1, offset: 1, total: 3 })
      const beyond = yield* store.list(siteId, { offset: 5, limit: 10 })
      yield* same("beyond the end", beyond, { users: [], count: 0, limit: 10, offset: 5, total: 3 })
    }),
  },
  {
    name: "lists by e-mail address in any letter case",
    run: Effect.gen(function* () {
      const emails = ["bo@example.com", "Ada@example.com", "CY@example.com", "\tAl@example.com"]
      const store = yield* seeded(...emails.map((email, index) => member(index, { data: { email } })))
      const order = (sort: UserSort) =>
        Effect.map(store.list(siteId, { offset: 0, limit: 10, sort }), ({ users }) =>
          users.map(({ data }) => data.email),
        )
      const sorted = ["Ada@example.com", "\tAl@example.com", "bo@example.com", "CY@example.com"]
      yield* same("Email", yield* order("Email"), sorted)
      yield* same("-Email", yield* order("-Email"), sorted.toReversed())
    }),
  },
  {
    name: "gives every user once, page by page, where the order leaves many alike",
    run: Effect.gen(function* () {
      // No two are alike in e-mail address; in all else most are, and how they come in says nothing of their ids.
      const users = [5, 2, 9, 0, 7, 3, 8, 1, 6, 4].map((index) =>
        member(index, { createdOn: `2024-01-0${1 + (index % 2)}T00:00:00.000Z`, status: "verified" }),
      )
      const byId = users.map((user) => user.id).toSorted()
      const store = yield* seeded(...users)
      for (const sort of userSorts) {
        const pages = yield* Effect.forEach([0, 3, 6, 9, 12], (offset) =>
          store.list(siteId, { offset, limit: 3, sort }),
        )
        const ids = pages.flatMap((page) => page.users.map((user) => user.id))
        yield* same(`${sort} is whole`, ids.toSorted(), byId)
        yield* same(
          `${sort} in pages`,
          ids,
          (yield* store.list(siteId, { offset: 0, limit: 100, sort })).users.map((user) => user.id),
        )
        if (/Status|LastLogin|UpdatedOn/.test(sort)) {
          yield* same(`${sort} falls back to ids`, ids, sort.startsWith("-") ? byId.toReversed() : byId)
        }
        yield* same(
          `${sort} counts`,
          pages.map((page) => [page.count, page.total]),
          [3, 3, 3, 1, 0].map((count) => [count, 10]),
        )
      }
    }),
  },
  {
    name: "lists access groups by when they were made, page by page",
    run: Effect.gen(function* () {
      const store = yield* seeded(ada)
      yield* TestClock.adjust("1 second")
      // Made in one moment: these two follow each other by slug, in either direction.
      yield* store.update(siteId, ada.id, patch({ accessGroups: ["zeta", "beta"] }))
      yield* TestClock.adjust("1 second")
      yield* store.update(siteId, ada.id, patch({ accessGroups: ["alpha"] }))
      const slugs = (sort?: AccessGroupSort) =>
        Effect.map(
          Effect.forEach([0, 1, 2, 3, 4], (offset) => store.accessGroups(siteId, { offset, limit: 1, sort })),
          (pages) => pages.flatMap((page) => page.accessGroups.map((group) => group.slug)).join(),
        )
      yield* same("unasked", yield* slugs(), "alpha,beta,webflowers,zeta")
      yield* same("CreatedOn", yield* slugs("CreatedOn"), "webflowers,beta,zeta,alpha")
      yield* same("-CreatedOn", yield* slugs("-CreatedOn"), "alpha,beta,zeta,webflowers")
    }),
  },
]
