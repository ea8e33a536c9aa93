/** The suite of stores finds what a store does wrong, and says so under the name of what it is. */
import { expect, it } from "@effect/vitest"
import {
  NewUsers,
  parseSiteId,
  type SiteId,
  Sites,
  UpdatePolicy,
  type User,
  UserEvents,
  UserStore,
} from "@webflow-users/core"
import { UserStoreSuite } from "@webflow-users/core/testing"
import * as Memory from "@webflow-users/core/UserStore/Memory"
import { Clock, Effect, Layer, Result } from "effect"
import { TestClock } from "effect/testing"

const sites = ["580e63e98c9a982ac9b8b741", "580e63e98c9a982ac9b8b742"].map((id) => parseSiteId(id) as SiteId)
const other = (siteId: SiteId) => sites.find((site) => site !== siteId) as SiteId

type Services = UserStore.UserStore | NewUsers | Sites | UserEvents
/** A store in which a part, or several, are wrong. */
type Wrong = Layer.Layer<never, never, Services>

const store = (wrong: (right: UserStore.UserStore["Service"]) => Partial<UserStore.UserStore["Service"]>) =>
  Layer.effect(
    UserStore.UserStore,
    Effect.map(UserStore.UserStore, (right) => UserStore.UserStore.of({ ...right, ...wrong(right) })),
  )
const events = (wrong: (right: UserEvents["Service"]) => Partial<UserEvents["Service"]>) =>
  Layer.effect(
    UserEvents,
    Effect.map(UserEvents, (right) => UserEvents.of({ ...right, ...wrong(right) })),
  )
const newUsers = (wrong: (right: NewUsers["Service"]["add"]) => NewUsers["Service"]["add"]) =>
  Layer.effect(
    NewUsers,
    Effect.map(NewUsers, ({ add }) => NewUsers.of({ add: wrong(add) })),
  )

const raw = ({ data }: User) => (data.email ?? "").trim()
const emailOf = (user: User) => raw(user).toLowerCase()
const whole = { offset: 0, limit: 1_000 }
/** Of another site where there is one. */
const ofOther = <A, E>(effect: Effect.Effect<A, E>, otherwise: A) =>
  Effect.catchCause(effect, () => Effect.succeed(otherwise))
const daylight = Clock.Clock.defaultValue()
const atDaylight = <A, E, R>(effect: Effect.Effect<A, E, R>) => Effect.provideService(effect, Clock.Clock, daylight)

/** One mistake each, and the check that is the first to find it. */
const mistakes: ReadonlyArray<readonly [mistake: string, layer: Wrong, found: string]> = [
  [
    "finds users of another site by e-mail address",
    store(({ findByEmail }) => ({
      findByEmail: (site, email) =>
        Effect.catchTag(findByEmail(site, email), "UserNotFound", (none) =>
          Effect.catchCause(findByEmail(other(site), email), () => Effect.fail(none)),
        ),
    })),
    "keeps sites apart when users are looked up",
  ],
  [
    "gives users of another site",
    store(({ get }) => ({
      get: (site, id) =>
        Effect.catchTag(get(site, id), "UserNotFound", (none) =>
          Effect.catchCause(get(other(site), id), () => Effect.fail(none)),
        ),
    })),
    "keeps sites apart when users are looked up",
  ],
  [
    "lists users of another site",
    store(({ list }) => ({
      list: Effect.fnUntraced(function* (site, page) {
        const own = yield* list(site, page)
        const more = yield* ofOther(list(other(site), page), { ...own, users: [], total: 0 })
        return { ...own, users: [...own.users, ...more.users], total: own.total + more.total }
      }),
    })),
    "keeps sites apart in lists of users",
  ],
  [
    "updates users of another site",
    store(({ update }) => ({
      update: (site, id, patch) =>
        Effect.catchTag(update(site, id, patch), "UserNotFound", (none) =>
          Effect.catchCause(update(other(site), id, patch), () => Effect.fail(none)),
        ),
    })),
    "keeps sites apart when users are updated",
  ],
  [
    "has events of another site in a history",
    events(({ ofUser }) => ({
      ofUser: (site, id) =>
        Effect.zipWith(ofUser(sites[0]!, id), ofUser(sites[1]!, id), (a, b) =>
          [...a, ...b].toSorted((one, two) => one.sequence - two.sequence || (site === one.siteId ? 0 : 1)),
        ),
    })),
    "keeps sites apart in a user's events",
  ],
  [
    "has events of another site among the latest",
    events(({ latest }) => ({
      latest: Effect.fnUntraced(function* (site, id, page) {
        const [own, more] = [yield* latest(site, id, whole), yield* latest(other(site), id, whole)]
        const all = [...own.events, ...more.events].toSorted((a, b) => b.sequence - a.sequence)
        return { events: all.slice(page.offset, page.offset + page.limit), total: all.length }
      }),
    })),
    "keeps sites apart in a user's events",
  ],
  [
    "has one declaration for all sites",
    Layer.effect(
      Sites,
      Effect.gen(function* () {
        const right = yield* Sites
        const users = yield* UserStore.UserStore
        return Sites.of({
          declare: Effect.fnUntraced(function* (site, declaration) {
            const isThere = Result.isSuccess(yield* Effect.result(users.declaration(other(site))))
            if (isThere) yield* right.declare(other(site), declaration)
            return yield* right.declare(site, declaration)
          }),
        })
      }),
    ),
    "keeps sites apart in what they declare",
  ],
  [
    "has one set of groups for all sites",
    store(({ accessGroups }) => ({
      accessGroups: Effect.fnUntraced(function* (site, { offset, limit, sort }) {
        const own = yield* accessGroups(site, { ...whole, sort })
        const more = yield* ofOther(accessGroups(other(site), { ...whole, sort }), { ...own, accessGroups: [] })
        const known = new Set(own.accessGroups.map(({ slug }) => slug))
        const all = [...own.accessGroups, ...more.accessGroups.filter(({ slug }) => !known.has(slug))]
        const part = all.slice(offset, offset + limit)
        return { accessGroups: part, count: part.length, limit, offset, total: all.length }
      }),
    })),
    "keeps sites apart in their access groups",
  ],
  [
    "tells who is on another site when users are taken in",
    Layer.effect(
      NewUsers,
      Effect.gen(function* () {
        const right = yield* NewUsers
        const users = yield* UserStore.UserStore
        return NewUsers.of({
          add: Effect.fnUntraced(function* (site, choose) {
            const none = { users: [], count: 0, limit: 0, offset: 0, total: 0 }
            const more = (yield* ofOther(users.list(other(site), whole), none)).users
            return yield* right.add(site, ({ ids, idByEmail }) =>
              choose({
                ids: new Set([...ids, ...more.map(({ id }) => id)]),
                idByEmail: new Map([...idByEmail, ...more.map((user) => [emailOf(user), user.id] as const)]),
              }),
            )
          }),
        })
      }),
    ),
    "keeps sites apart when users are taken in",
  ],
  [
    "knows one policy only",
    store(({ update }) => ({
      update: (...asked) => Effect.provideService(update(...asked), UpdatePolicy.Current, UpdatePolicy.standard),
    })),
    "judges an update by the policy in force",
  ],
  [
    "has every event in 1970",
    events(({ ofUser }) => ({
      ofUser: (...asked) =>
        Effect.map(ofUser(...asked), (all) => all.map((event) => ({ ...event, at: "1970-01-01T00:00:00.000Z" }))),
    })),
    "takes the time of updates, events and groups from the clock",
  ],
  [
    "takes the time of updates from the machine",
    store(({ update }) => ({ update: (...asked) => atDaylight(update(...asked)) })),
    "takes the time of updates, events and groups from the clock",
  ],
  [
    "takes the time of groups from the machine",
    newUsers(
      (add) =>
        (...asked) =>
          atDaylight(add(...asked)),
    ),
    "takes the time of updates, events and groups from the clock",
  ],
  [
    "orders e-mail addresses by their letters' case",
    store(({ list }) => ({
      list: (site, page) =>
        Effect.map(list(site, page), (listed) => {
          const sign = page.sort === "Email" ? 1 : page.sort === "-Email" ? -1 : 0
          return { ...listed, users: listed.users.toSorted((a, b) => sign * (raw(a) < raw(b) ? -1 : 1)) }
        }),
    })),
    "lists by e-mail address in any letter case",
  ],
  [
    "counts groups that it hides",
    store(({ accessGroups, list }) => ({
      accessGroups: Effect.fnUntraced(function* (site, page) {
        const { users } = yield* list(site, whole)
        const held = new Set(users.flatMap((user) => user.accessGroups.map(({ slug }) => slug)))
        const listed = yield* accessGroups(site, page)
        return { ...listed, total: Math.max(listed.total, held.size) }
      }),
    })),
    "counts and pages only the groups that are declared",
  ],
  [
    "tells known e-mail addresses as they are written",
    Layer.effect(
      NewUsers,
      Effect.gen(function* () {
        const right = yield* NewUsers
        const users = yield* UserStore.UserStore
        return NewUsers.of({
          add: Effect.fnUntraced(function* (site, choose) {
            const none = { users: [], count: 0, limit: 0, offset: 0, total: 0 }
            const known = (yield* ofOther(users.list(site, whole), none)).users
            const idByEmail = new Map(known.map((user) => [raw(user), user.id]))
            return yield* right.add(site, ({ ids }) => choose({ ids, idByEmail }))
          }),
        })
      }),
    ),
    "tells known e-mail addresses in lower case and without space around them when users are taken in",
  ],
  [
    "finds nobody where there is space around an address",
    store(({ findByEmail, list }) => ({
      findByEmail: Effect.fnUntraced(function* (site, email) {
        const found = yield* findByEmail(site, email)
        return found.data.email?.toLowerCase() === email.toLowerCase() ? found : yield* findByEmail(site, "")
      }),
      list,
    })),
    "finds users by e-mail address in any letter case, and whatever space is around it",
  ],
]

/** The checks that a store does not pass. */
const failing = (layer: Layer.Layer<Services>) =>
  Effect.map(
    Effect.forEach(UserStoreSuite.all, ({ name, run }) =>
      Effect.map(Effect.exit(Effect.provide(run, Layer.provideMerge(layer, TestClock.layer()))), (exit) =>
        exit._tag === "Success" ? [] : [name],
      ),
    ),
    (names) => names.flat(),
  )

it.live.each(mistakes)("finds a store that %s", ([, wrong, found]) =>
  Effect.gen(function* () {
    expect(yield* failing(wrong.pipe(Layer.provideMerge(Memory.layer)) as Layer.Layer<Services>)).toContain(found)
  }),
)

it.live("is not spoilt by a store that writes into what it is given", () =>
  Effect.gen(function* () {
    const careless = store(({ update, get }) => ({
      update: Effect.fnUntraced(function* (site, id, patch) {
        const before = yield* get(site, id)
        const after = yield* update(site, id, patch)
        return Object.assign(before, after)
      }),
    })).pipe(Layer.provideMerge(Memory.layer))
    expect((yield* failing(careless)).length).toBeGreaterThan(5)
    expect(yield* failing(Memory.layer)).toEqual([])
  }),
)
