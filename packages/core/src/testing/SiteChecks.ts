/** That no operation of a store mixes up the sites it keeps: part of `UserStoreSuite`. */
import { Effect } from "effect"
import { NewUsers } from "../NewUsers.ts"
import { Sites } from "../Sites.ts"
import type { SiteId, User } from "../User.ts"
import { UserEvents } from "../UserEvents.ts"
import { OnReplaced } from "../UserStore.ts"
import {
  ada,
  bob,
  type Check,
  elsewhere,
  frozen,
  member,
  patch,
  rename,
  same,
  seeded,
  siteId,
  tagOf,
} from "./StoreCheck.ts"

/** Has the id of `ada`, on another site: an id says who somebody is on one site. */
const twin = member(1, {
  accessGroups: [{ slug: "elsewhere", type: "admin" }],
  data: { name: "Twin", email: "twin@example.com" },
})
/** Has the e-mail address of `ada`, on another site. */
const namesake = member(3, { data: { name: "Namesake", email: "member1@example.com" } })

/** `ada` and `bob` here; `twin` and `namesake` elsewhere. */
const bothSites = Effect.gen(function* () {
  const store = yield* seeded(ada, bob)
  yield* (yield* NewUsers).add(elsewhere, () => frozen([twin, namesake]))
  return store
})

const page = { offset: 0, limit: 10 }

export const siteChecks: ReadonlyArray<Check> = [
  {
    name: "keeps sites apart when users are looked up",
    run: Effect.gen(function* () {
      const store = yield* bothSites
      yield* same("get here", yield* store.get(siteId, ada.id), ada)
      yield* same("get elsewhere", yield* store.get(elsewhere, ada.id), twin)
      yield* same("who is only here", yield* tagOf(store.get(elsewhere, bob.id)), "UserNotFound")
      yield* same("who is only elsewhere", yield* tagOf(store.get(siteId, namesake.id)), "UserNotFound")
      yield* same("an address here", yield* store.findByEmail(siteId, "member1@example.com"), ada)
      yield* same("the same elsewhere", yield* store.findByEmail(elsewhere, "member1@example.com"), namesake)
      yield* same(
        "an address only here",
        yield* tagOf(store.findByEmail(elsewhere, "member2@example.com")),
        "UserNotFound",
      )
      yield* same(
        "an address only elsewhere",
        yield* tagOf(store.findByEmail(siteId, "twin@example.com")),
        "UserNotFound",
      )
    }),
  },
  {
    name: "keeps sites apart in lists of users",
    run: Effect.gen(function* () {
      const store = yield* bothSites
      const listed = (site: SiteId) =>
        Effect.map(store.list(site, { ...page, sort: "Email" }), ({ users, total }) => [users, total])
      yield* same("here", yield* listed(siteId), [[ada, bob], 2])
      yield* same("elsewhere", yield* listed(elsewhere), [[namesake, twin], 2])
    }),
  },
  {
    name: "keeps sites apart when users are updated",
    run: Effect.gen(function* () {
      const store = yield* bothSites
      const told: Array<User> = []
      const listening = Effect.provideService(OnReplaced, (before) => void told.push(before))
      yield* listening(store.update(elsewhere, ada.id, rename("Other")))
      yield* same("replaced", told, [twin])
      yield* same("here", yield* store.get(siteId, ada.id), ada)
      yield* same("elsewhere", (yield* store.get(elsewhere, ada.id)).data, { ...twin.data, name: "Other" })
      yield* same("who is only here", yield* tagOf(store.update(elsewhere, bob.id, rename("x"))), "UserNotFound")
      yield* same("who is only elsewhere", yield* tagOf(store.update(siteId, namesake.id, rename("x"))), "UserNotFound")
      yield* same("nobody moved", yield* store.get(elsewhere, namesake.id), namesake)
    }),
  },
  {
    name: "keeps sites apart in a user's events",
    run: Effect.gen(function* () {
      const store = yield* bothSites
      yield* store.update(siteId, ada.id, rename("Here"))
      yield* store.update(elsewhere, ada.id, rename("Elsewhere"))
      const record = yield* UserEvents
      for (const [site, before, name] of [
        [siteId, ada, "Here"],
        [elsewhere, twin, "Elsewhere"],
      ] as const) {
        const events = (yield* record.ofUser(site, ada.id)).map((event) => [
          event.siteId,
          event.userId,
          event.before,
          event.after.data.name,
        ])
        yield* same(`${name}, all`, events, [[site, ada.id, before, name]])
        const latest = yield* record.latest(site, ada.id, page)
        yield* same(
          `${name}, the latest`,
          [latest.events.map(({ after }) => after.data.name), latest.total],
          [[name], 1],
        )
      }
    }),
  },
  {
    name: "keeps sites apart in what they declare",
    run: Effect.gen(function* () {
      const store = yield* bothSites
      const { declare } = yield* Sites
      const here = frozen({ accessGroups: [{ slug: "gold", name: "Gold" }] })
      const there = frozen({ accessGroups: [{ slug: "silver", name: "Silver" }] })
      yield* same("first here", yield* declare(siteId, here), {})
      yield* same("nothing elsewhere", yield* store.declaration(elsewhere), {})
      yield* store.update(elsewhere, ada.id, patch({ accessGroups: ["anything"] }))
      yield* same("first elsewhere", yield* declare(elsewhere, there), {})
      yield* same("here", yield* store.declaration(siteId), here)
      yield* same("elsewhere", yield* store.declaration(elsewhere), there)
      const joins = (site: SiteId, slug: string) => tagOf(store.update(site, ada.id, patch({ accessGroups: [slug] })))
      yield* same("joining here", yield* joins(siteId, "gold"), "no error")
      yield* same("joining here what is elsewhere", yield* joins(siteId, "silver"), "InvalidPatch")
      yield* same("joining elsewhere", yield* joins(elsewhere, "silver"), "no error")
      yield* same("joining elsewhere what is here", yield* joins(elsewhere, "gold"), "InvalidPatch")
    }),
  },
  {
    name: "keeps sites apart in their access groups",
    run: Effect.gen(function* () {
      const store = yield* bothSites
      const groups = (site: SiteId) =>
        Effect.map(store.accessGroups(site, page), ({ accessGroups, total }) => [
          accessGroups.map(({ slug, name }) => `${slug} ${name}`),
          total,
        ])
      yield* same("taken in here", yield* groups(siteId), [["webflowers Webflowers"], 1])
      yield* same("taken in elsewhere", yield* groups(elsewhere), [["elsewhere Elsewhere", "webflowers Webflowers"], 2])
      yield* store.update(siteId, ada.id, patch({ accessGroups: ["gold"] }))
      yield* same("an update here", yield* groups(siteId), [["gold Gold", "webflowers Webflowers"], 2])
      yield* same("an update here, elsewhere", (yield* groups(elsewhere))[1], 2)
      yield* (yield* Sites).declare(elsewhere, frozen({ accessGroups: [{ slug: "webflowers", name: "Ours" }] }))
      yield* same("declared elsewhere", yield* groups(elsewhere), [["webflowers Ours"], 1])
      yield* same("declared elsewhere, here", yield* groups(siteId), [["gold Gold", "webflowers Webflowers"], 2])
      const idOf = (site: SiteId) =>
        Effect.map(
          store.accessGroups(site, page),
          ({ accessGroups }) => accessGroups.find(({ slug }) => slug === "webflowers")?.id,
        )
      yield* same("one id for two groups", (yield* idOf(siteId)) === (yield* idOf(elsewhere)), false)
    }),
  },
  {
    name: "keeps sites apart when users are taken in",
    run: Effect.gen(function* () {
      yield* bothSites
      const newUsers = yield* NewUsers
      const known = Effect.fnUntraced(function* (site: SiteId) {
        let there: ReadonlyArray<ReadonlyArray<unknown>> = []
        yield* newUsers.add(site, ({ ids, idByEmail }) => {
          there = [[...ids].toSorted(), [...idByEmail].toSorted(([a], [b]) => (a < b ? -1 : 1))]
          return undefined
        })
        return there
      })
      yield* same("here", yield* known(siteId), [
        [ada.id, bob.id],
        [
          ["member1@example.com", ada.id],
          ["member2@example.com", bob.id],
        ],
      ])
      yield* same("elsewhere", yield* known(elsewhere), [
        [twin.id, namesake.id],
        [
          ["member1@example.com", namesake.id],
          ["twin@example.com", twin.id],
        ],
      ])
    }),
  },
]
