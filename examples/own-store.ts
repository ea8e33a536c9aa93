/**
 * A store of your own. What an update means stays core's: the store reads a user, lets `UserPatch.apply` make the new one, and writes
 * it. Put your database where the maps are; the suite in `@webflow-users/core/testing` says whether it does all that a store has to.
 */
import {
  type AccessGroup,
  accessGroup,
  Actor,
  NewUsers,
  ObjectId,
  SiteDeclaration,
  type SiteId,
  SiteNotFound,
  Sites,
  UpdateGrant,
  UpdatePolicy,
  type User,
  type UserEvent,
  UserEvents,
  type UserId,
  UserNotFound,
  UserPatch,
  type UserSort,
  UserStore,
} from "@webflow-users/core"
import { type MemoryServices, WebflowUsers } from "@webflow-users/sdk/effect"
import { Context, DateTime, Effect, Layer, Result } from "effect"

interface Site {
  readonly users: Map<UserId, User>
  readonly groups: Map<string, AccessGroup>
  declaration: SiteDeclaration.SiteDeclaration
}

const emailOf = ({ data }: User) => (data.email ?? "").trim().toLowerCase()
const timeOf = (moment: string | null | undefined) => (moment == null ? 0 : Date.parse(moment))

/** What users are ordered by; those who are alike follow each other by id. */
const keys = {
  CreatedOn: ({ createdOn }) => timeOf(createdOn),
  Email: emailOf,
  Status: ({ status }) => status ?? "",
  LastLogin: ({ lastLogin }) => timeOf(lastLogin),
  UpdatedOn: ({ lastUpdated }) => timeOf(lastUpdated),
} as const satisfies Record<Exclude<UserSort, `-${string}`>, (user: User) => string | number>

const compare = <K extends string | number>(a: K, b: K) => (a < b ? -1 : a > b ? 1 : 0)

/** A part of a list in its order: by `key`, the other way round with `sign` -1, then by `name`, so too with `tie`. */
const partOf = <A>(
  all: Iterable<A>,
  { offset, limit }: UserStore.PageRequest,
  { sign, tie = 1 }: { readonly sign: number; readonly tie?: number },
  key: (entry: A) => string | number,
  name: (entry: A) => string,
) => {
  const sorted = [...all].toSorted((a, b) => sign * compare(key(a), key(b)) || tie * compare(name(a), name(b)))
  const entries = sorted.slice(offset, offset + limit)
  return { entries, page: { count: entries.length, limit, offset, total: sorted.length } }
}

/** The store, and the doors by which sites and users come into it. */
export const layer: Layer.Layer<UserStore.UserStore | UserEvents | NewUsers | Sites> = Layer.effectContext(
  Effect.sync(() => {
    const sites = new Map<SiteId, Site>()
    const events: Array<UserEvent> = []

    const siteOf = (siteId: SiteId) => {
      const site = sites.get(siteId)
      return site === undefined ? Effect.fail(new SiteNotFound()) : Effect.succeed(site)
    }
    const opened = (siteId: SiteId): Site => {
      const site = sites.get(siteId) ?? { users: new Map(), groups: new Map(), declaration: SiteDeclaration.undeclared }
      sites.set(siteId, site)
      return site
    }
    const addGroups = Effect.fnUntraced(function* ({ groups }: Site, user: User) {
      for (const { slug } of user.accessGroups) {
        if (!groups.has(slug)) groups.set(slug, accessGroup(slug, yield* ObjectId.make, yield* DateTime.now))
      }
    })

    const store = UserStore.UserStore.of({
      update: Effect.fn("UserStore.update")(function* (siteId, userId, patch) {
        const site = yield* siteOf(siteId)
        const rules = {
          policy: yield* UpdatePolicy.Current,
          grant: yield* UpdateGrant.Current,
          declaration: site.declaration,
        }
        const now = yield* DateTime.now
        const actor = yield* Actor
        const before = site.users.get(userId)
        if (before === undefined) return yield* new UserNotFound()
        // From here to the writing nothing may come in between: with a database, this is one transaction.
        const after = Result.map(UserPatch.apply(before, patch, now, rules), (user) => {
          site.users.set(userId, user)
          const at = DateTime.formatIso(now)
          events.push({ sequence: events.length + 1, siteId, userId, at, ...actor, before, after: user })
          return user
        })
        const user = yield* Effect.fromResult(after)
        const replaced = yield* UserStore.OnReplaced
        replaced(before)
        yield* addGroups(site, user)
        return user
      }),
      get: Effect.fn("UserStore.get")(function* (siteId, userId) {
        return (yield* siteOf(siteId)).users.get(userId) ?? (yield* new UserNotFound())
      }),
      findByEmail: Effect.fn("UserStore.findByEmail")(function* (siteId, email) {
        const users = [...(yield* siteOf(siteId)).users.values()]
        const wanted = email.trim().toLowerCase()
        return users.find((user) => wanted !== "" && emailOf(user) === wanted) ?? (yield* new UserNotFound())
      }),
      list: Effect.fn("UserStore.list")(function* (siteId, { sort = "CreatedOn", ...request }) {
        const { users } = yield* siteOf(siteId)
        const key = keys[sort.replace("-", "") as keyof typeof keys]
        const sign = sort.startsWith("-") ? -1 : 1
        const { entries, page } = partOf(users.values(), request, { sign, tie: sign }, key, ({ id }) => id)
        return { users: entries, ...page }
      }),
      declaration: (siteId) => Effect.map(siteOf(siteId), ({ declaration }) => declaration),
      accessGroups: Effect.fn("UserStore.accessGroups")(function* (siteId, { sort, ...request }) {
        const { groups, declaration } = yield* siteOf(siteId)
        const listed = [...groups.values()].filter(
          ({ slug }) => SiteDeclaration.groupProblem(declaration, slug) === undefined,
        )
        const key = (group: AccessGroup) => (sort === undefined ? group.slug : timeOf(group.createdOn))
        const { entries, page } = partOf(
          listed,
          request,
          { sign: sort === "-CreatedOn" ? -1 : 1 },
          key,
          ({ slug }) => slug,
        )
        return { accessGroups: entries, ...page }
      }),
    })

    const newUsers = NewUsers.of({
      add: Effect.fn("NewUsers.add")(function* (siteId, choose) {
        const known = [...(sites.get(siteId)?.users.values() ?? [])]
        const added = choose({
          ids: new Set(known.map(({ id }) => id)),
          idByEmail: new Map(known.map((user) => [emailOf(user), user.id])),
        })
        if (added === undefined) return
        const site = opened(siteId)
        for (const user of added) {
          site.users.set(user.id, user)
          yield* addGroups(site, user)
        }
      }),
    })

    const declared = Sites.of({
      declare: Effect.fn("Sites.declare")(function* (siteId, declaration) {
        const before = sites.get(siteId)?.declaration
        const site = opened(siteId)
        site.declaration = declaration
        for (const { slug, name } of declaration.accessGroups ?? []) {
          const group = site.groups.get(slug) ?? accessGroup(slug, yield* ObjectId.make, yield* DateTime.now)
          site.groups.set(slug, { ...group, name })
        }
        return before
      }),
    })

    const ofUser = (siteId: SiteId, userId: UserId) =>
      events.filter((event) => event.siteId === siteId && event.userId === userId)
    const record = UserEvents.of({
      ofUser: (siteId, userId) => Effect.sync(() => ofUser(siteId, userId)),
      latest: (siteId, userId, { offset, limit }) =>
        Effect.sync(() => {
          const all = ofUser(siteId, userId).toReversed()
          return { events: all.slice(offset, offset + limit), total: all.length }
        }),
    })

    return Context.make(UserStore.UserStore, store).pipe(
      Context.add(NewUsers, newUsers),
      Context.add(Sites, declared),
      Context.add(UserEvents, record),
    )
  }),
)

/** The client on it; `UpdateUser` and the rest is there too, for what of core asks for it. */
export const client: Layer.Layer<MemoryServices> = WebflowUsers.layer.pipe(Layer.provideMerge(layer))
