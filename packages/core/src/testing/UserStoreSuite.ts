/**
 * What every store has to do, as named programs that fail where it does not. A test of an adapter runs them all against
 * its layer, each with a store of its own and a clock that is the test's:
 *
 * ```ts
 * for (const { name, run } of UserStoreSuite.all) it.effect(name, () => run.pipe(Effect.provide(layer)))
 * ```
 */
import { Effect } from "effect"
import { NewUsers } from "../NewUsers.ts"
import type { User } from "../User.ts"
import { Actor } from "../Actor.ts"
import { UserEvents } from "../UserEvents.ts"
import { OnReplaced } from "../UserStore.ts"
import { declarationChecks } from "./DeclarationChecks.ts"
import { emailChecks } from "./EmailChecks.ts"
import { grantChecks } from "./GrantChecks.ts"
import { momentChecks } from "./MomentChecks.ts"
import { policyChecks } from "./PolicyChecks.ts"
import { siteChecks } from "./SiteChecks.ts"
import { ada, bob, type Check, elsewhere, member, patch, rename, same, seeded, siteId, tagOf } from "./StoreCheck.ts"
import { lists } from "./UserStoreLists.ts"

export type { Check }

/** The suite. */
export const all: ReadonlyArray<Check> = [
  ...declarationChecks,
  ...grantChecks,
  ...policyChecks,
  {
    name: "gives users back as they were taken in",
    run: Effect.gen(function* () {
      const odd = member(3, { lastLogin: null, undocumented: { kept: [1, null] }, createdOn: "2024-01-01T00:00:00Z" })
      const store = yield* seeded(ada, odd)
      yield* same("user", yield* store.get(siteId, ada.id), ada)
      yield* same("odd user", yield* store.get(siteId, odd.id), odd)
    }),
  },
  {
    name: "tells an unknown user from an unknown site, in every operation",
    run: Effect.gen(function* () {
      const store = yield* seeded(ada)
      yield* same("get", yield* tagOf(store.get(siteId, bob.id)), "UserNotFound")
      yield* same("update", yield* tagOf(store.update(siteId, bob.id, rename("x"))), "UserNotFound")
      yield* same("e-mail", yield* tagOf(store.findByEmail(siteId, "nobody@example.com")), "UserNotFound")
      yield* same("get elsewhere", yield* tagOf(store.get(elsewhere, ada.id)), "SiteNotFound")
      yield* same("update elsewhere", yield* tagOf(store.update(elsewhere, ada.id, rename("x"))), "SiteNotFound")
      yield* same("e-mail elsewhere", yield* tagOf(store.findByEmail(elsewhere, "a@b.c")), "SiteNotFound")
      yield* same("list elsewhere", yield* tagOf(store.list(elsewhere, { offset: 0, limit: 1 })), "SiteNotFound")
      yield* same("declaration elsewhere", yield* tagOf(store.declaration(elsewhere)), "SiteNotFound")
      yield* same(
        "groups elsewhere",
        yield* tagOf(store.accessGroups(elsewhere, { offset: 0, limit: 1 })),
        "SiteNotFound",
      )
    }),
  },
  {
    name: "keeps an update and the event that records it",
    run: Effect.gen(function* () {
      const store = yield* seeded(ada, bob)
      const first = yield* store.update(siteId, ada.id, patch({ data: { name: "Ada", drink: "Tea" } }))
      const second = yield* store.update(siteId, ada.id, patch({ data: { drink: null }, accessGroups: ["gold"] }))
      yield* same("answer", second.data, { name: "Ada", email: "member1@example.com" })
      yield* same("stored", yield* store.get(siteId, ada.id), second)
      yield* same("the other user", yield* store.get(siteId, bob.id), bob)
      const events = yield* (yield* UserEvents).ofUser(siteId, ada.id)
      yield* same(
        "before",
        events.map((event) => event.before),
        [ada, first],
      )
      yield* same(
        "after",
        events.map((event) => event.after),
        [first, second],
      )
      yield* same(
        "times",
        events.map((event) => event.at.length),
        [24, 24],
      )
      yield* same(
        "order",
        events.every((event, index) => event.sequence > (events[index - 1]?.sequence ?? 0)),
        true,
      )
      yield* same("the other's events", yield* (yield* UserEvents).ofUser(siteId, bob.id), [])
    }),
  },
  {
    name: "records who asked, under which name and from where, as far as that is known",
    run: Effect.gen(function* () {
      const store = yield* seeded(ada)
      const asked: ReadonlyArray<Actor> = [
        { actor: "token:1", label: "The form's", address: "203.0.113.9" },
        { actor: "cli" },
        { actor: "sdk", address: "2001:db8::7" },
      ]
      for (const actor of asked) {
        yield* Effect.provideService(store.update(siteId, ada.id, patch({})), Actor, actor)
      }
      const events = yield* (yield* UserEvents).ofUser(siteId, ada.id)
      const who = events.map(
        ({ sequence: _, siteId: _site, userId: _user, at: _at, before: _b, after: _a, ...rest }) => rest,
      )
      yield* same("actors", who, asked)
    }),
  },
  {
    name: "gives a user's events in parts, the latest first",
    run: Effect.gen(function* () {
      const store = yield* seeded(ada, bob)
      const record = yield* UserEvents
      for (const name of ["One", "Two", "Three"]) yield* store.update(siteId, ada.id, patch({ data: { name } }))
      const part = (offset: number, limit: number, userId = ada.id) =>
        Effect.map(record.latest(siteId, userId, { offset, limit }), ({ events, total }) => [
          events.map((event) => event.after.data.name),
          total,
        ])
      yield* same("the latest", yield* part(0, 2), [["Three", "Two"], 3])
      yield* same("the rest", yield* part(2, 2), [["One"], 3])
      yield* same("beyond", yield* part(3, 2), [[], 3])
      yield* same("nobody else's", yield* part(0, 2, bob.id), [[], 0])
    }),
  },
  {
    name: "keeps nothing of an update it refuses",
    run: Effect.gen(function* () {
      const store = yield* seeded(ada)
      const wrong = patch({ data: { name: "x", email: "other@example.com" }, accessGroups: ["gold"] })
      yield* same("error", yield* tagOf(store.update(siteId, ada.id, wrong)), "InvalidPatch")
      yield* same("user", yield* store.get(siteId, ada.id), ada)
      yield* same("events", yield* (yield* UserEvents).ofUser(siteId, ada.id), [])
      yield* same("groups", (yield* store.accessGroups(siteId, { offset: 0, limit: 10 })).total, 1)
    }),
  },
  {
    name: "tells what an update replaced, and nothing of one that it refuses",
    run: Effect.gen(function* () {
      const store = yield* seeded(ada, bob)
      const told: Array<User> = []
      const listening = Effect.provideService(OnReplaced, (before) => void told.push(before))
      const first = yield* listening(store.update(siteId, ada.id, rename("Ada")))
      yield* same("before the first", [...told], [ada])
      yield* listening(store.update(siteId, ada.id, patch({})))
      yield* same("before the second", [...told], [ada, first])
      const wrong = patch({ data: { name: "x", email: "other@example.com" } })
      yield* same("refused", yield* tagOf(listening(store.update(siteId, ada.id, wrong))), "InvalidPatch")
      const hopeless = patch({ data: { name: 1 } })
      yield* same("hopeless", yield* tagOf(listening(store.update(siteId, ada.id, hopeless))), "InvalidPatch")
      yield* same("nobody", yield* tagOf(listening(store.update(siteId, member(3).id, rename("x")))), "UserNotFound")
      yield* same("no site", yield* tagOf(listening(store.update(elsewhere, ada.id, rename("x")))), "SiteNotFound")
      yield* store.update(siteId, bob.id, rename("Nobody hears of it"))
      yield* same("all", [...told], [ada, first])
    }),
  },
  {
    name: "tells each of many updates at once what it replaced",
    run: Effect.gen(function* () {
      const store = yield* seeded(ada, bob)
      const updates = Array.from({ length: 20 }, (_, index) => ({ user: index % 2 === 0 ? ada : bob, index }))
      const told = yield* Effect.forEach(
        updates,
        ({ user, index }) => {
          let before: User | undefined
          return store.update(siteId, user.id, patch({ data: { [`field-${index}`]: index } })).pipe(
            Effect.provideService(OnReplaced, (replaced) => void (before = replaced)),
            Effect.map((after) => ({ before, after })),
          )
        },
        { concurrency: "unbounded" },
      )
      for (const { id } of [ada, bob]) {
        const events = yield* (yield* UserEvents).ofUser(siteId, id)
        yield* same(
          "replacements",
          new Set(told.filter(({ after }) => after.id === id)),
          new Set(events.map(({ before, after }) => ({ before, after }))),
        )
      }
    }),
  },
  {
    name: "loses nothing when updates of one user come at once",
    run: Effect.gen(function* () {
      const store = yield* seeded(ada)
      const fields = Array.from({ length: 20 }, (_, index) => `field-${index}`)
      yield* Effect.forEach(fields, (field) => store.update(siteId, ada.id, patch({ data: { [field]: field } })), {
        concurrency: "unbounded",
      })
      const user = yield* store.get(siteId, ada.id)
      yield* same(
        "fields",
        fields.filter((field) => user.data[field] !== field),
        [],
      )
      const events = yield* (yield* UserEvents).ofUser(siteId, ada.id)
      yield* same("events", events.length, fields.length)
      // Each change starts from where the one before it ended, and each moves lastUpdated.
      yield* same(
        "chain",
        events.slice(1).map((event) => event.before),
        events.slice(0, -1).map((event) => event.after),
      )
      yield* same("moments", new Set(events.map((event) => event.after.lastUpdated)).size, fields.length)
    }),
  },
  {
    name: "an update moves a user in the order of updates",
    run: Effect.gen(function* () {
      const lastUpdated = "2024-01-01T00:00:00.000Z"
      const store = yield* seeded(member(1, { lastUpdated }), member(2, { lastUpdated }))
      yield* store.update(siteId, bob.id, patch({}))
      const { users } = yield* store.list(siteId, { offset: 0, limit: 1, sort: "-UpdatedOn" })
      yield* same("last updated", users[0]?.id, bob.id)
    }),
  },
  {
    name: "knows the access groups its users are in",
    run: Effect.gen(function* () {
      const store = yield* seeded(ada, bob)
      yield* store.update(siteId, ada.id, patch({ accessGroups: ["free-tier"] }))
      const { accessGroups, ...page } = yield* store.accessGroups(siteId, { offset: 0, limit: 10 })
      yield* same(
        "groups",
        accessGroups.map(({ slug, name }) => ({ slug, name })),
        [
          { slug: "free-tier", name: "Free Tier" },
          { slug: "webflowers", name: "Webflowers" },
        ],
      )
      yield* same("page", page, { count: 2, limit: 10, offset: 0, total: 2 })
      yield* same(
        "part",
        (yield* store.accessGroups(siteId, { offset: 1, limit: 1 })).accessGroups[0]?.slug,
        "webflowers",
      )
    }),
  },
  {
    name: "tells who is there when users are taken in, and takes none where none are picked",
    run: Effect.gen(function* () {
      const store = yield* seeded(ada)
      const newUsers = yield* NewUsers
      let known: ReadonlyArray<string> = []
      yield* newUsers.add(siteId, (there) => {
        known = [...there.ids, ...there.idByEmail.keys()]
        return [bob]
      })
      yield* same("known", known, [ada.id, "member1@example.com"])
      yield* same("both", (yield* store.list(siteId, { offset: 0, limit: 10 })).total, 2)
      yield* newUsers.add(elsewhere, () => undefined)
      yield* same("no site", yield* tagOf(store.list(elsewhere, { offset: 0, limit: 1 })), "SiteNotFound")
    }),
  },
  ...momentChecks,
  ...emailChecks,
  ...siteChecks,
  ...lists,
]
