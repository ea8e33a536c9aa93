/** Users for as long as the process lives: for tests, and for code that wants a store which behaves. */
import { Context, DateTime, Effect, Layer, Result } from "effect"
import { NewUsers } from "../NewUsers.ts"
import * as ObjectId from "../ObjectId.ts"
import * as SiteDeclaration from "../SiteDeclaration.ts"
import { Sites } from "../Sites.ts"
import * as UpdateGrant from "../UpdateGrant.ts"
import * as UpdatePolicy from "../UpdatePolicy.ts"
import * as E from "../UpdateUserError.ts"
import { type AccessGroup, accessGroup, type SiteId, type User, type UserId } from "../User.ts"
import { Actor } from "../Actor.ts"
import { type UserEvent, UserEvents } from "../UserEvents.ts"
import * as UserOrder from "../UserOrder.ts"
import * as UserPatch from "../UserPatch.ts"
import { OnReplaced, UserStore } from "../UserStore.ts"

interface Site {
  readonly users: Map<UserId, User>
  readonly groups: Map<string, AccessGroup>
  declaration: SiteDeclaration.SiteDeclaration
}

const newSite = (): Site => ({ users: new Map(), groups: new Map(), declaration: SiteDeclaration.undeclared })

/** An empty store of its own each time it is built. */
export const layer: Layer.Layer<UserStore | UserEvents | NewUsers | Sites> = Layer.effectContext(
  Effect.sync(() => {
    const sites = new Map<SiteId, Site>()
    const events: Array<UserEvent> = []

    const site = (siteId: SiteId) => {
      const found = sites.get(siteId)
      return found === undefined ? Effect.fail(new E.SiteNotFound()) : Effect.succeed(found)
    }
    const addGroups = Effect.fnUntraced(function* (groups: Site["groups"], of: User) {
      for (const { slug } of of.accessGroups) {
        if (!groups.has(slug)) groups.set(slug, accessGroup(slug, yield* ObjectId.make, yield* DateTime.now))
      }
    })

    const store = UserStore.of({
      update: Effect.fn("UserStore.update")(function* (siteId, userId, patch) {
        const { users, groups, declaration } = yield* site(siteId)
        const rules = { policy: yield* UpdatePolicy.Current, declaration, grant: yield* UpdateGrant.Current }
        const now = yield* DateTime.now
        const actor = yield* Actor
        // One synchronous step, so that no other fiber comes between reading and writing: that is the transaction.
        const commit = (): Result.Result<Replacement, E.UserNotFound | E.InvalidPatch | E.ChangeForbidden> => {
          const before = users.get(userId)
          if (before === undefined) return Result.fail(new E.UserNotFound())
          return Result.map(UserPatch.apply(before, patch, now, rules), (after) => {
            users.set(userId, after)
            const sequence = events.length + 1
            events.push({ sequence, siteId, userId, at: DateTime.formatIso(now), ...actor, before, after })
            return { before, after }
          })
        }
        const { before, after } = yield* Effect.suspend(() => Effect.fromResult(commit()))
        const replaced = yield* OnReplaced
        replaced(before)
        yield* addGroups(groups, after)
        return after
      }),

      get: Effect.fn("UserStore.get")(function* (siteId, userId) {
        return (yield* site(siteId)).users.get(userId) ?? (yield* new E.UserNotFound())
      }),

      findByEmail: Effect.fn("UserStore.findByEmail")(function* (siteId, email) {
        const key = UserOrder.emailKey(email)
        for (const candidate of (yield* site(siteId)).users.values()) {
          // Users without an address have no key, and are found by none.
          if (key !== "" && UserOrder.emailKey(candidate.data.email) === key) return candidate
        }
        return yield* new E.UserNotFound()
      }),

      list: Effect.fn("UserStore.list")(function* (siteId, { limit, offset, sort }) {
        const { key, descending } = UserOrder.direction(sort)
        const sorted = [...(yield* site(siteId)).users.values()]
          .map((entry) => ({ entry, key: UserOrder.sortKeys(entry)[key] }))
          .toSorted((a, b) => compare(a.key, b.key) || compare(a.entry.id, b.entry.id))
        if (descending) sorted.reverse()
        const users = sorted.slice(offset, offset + limit).map(({ entry }) => entry)
        return { users, count: users.length, limit, offset, total: sorted.length }
      }),

      declaration: Effect.fn("UserStore.declaration")(function* (siteId) {
        return (yield* site(siteId)).declaration
      }),

      accessGroups: Effect.fn("UserStore.accessGroups")(function* (siteId, { limit, offset, sort }) {
        const { groups, declaration } = yield* site(siteId)
        const { key, descending } = UserOrder.groupDirection(sort)
        const all = [...groups.values()]
          .filter(({ slug }) => SiteDeclaration.groupProblem(declaration, slug) === undefined)
          .toSorted(
            (a, b) => (descending ? compare(b[key], a[key]) : compare(a[key], b[key])) || compare(a.slug, b.slug),
          )
        const accessGroups = all.slice(offset, offset + limit)
        return { accessGroups, count: accessGroups.length, limit, offset, total: all.length }
      }),
    })

    const newUsers = NewUsers.of({
      add: Effect.fn("NewUsers.add")(function* (siteId, choose) {
        const one = sites.get(siteId) ?? newSite()
        const { users, groups } = one
        const added = choose({
          ids: new Set(users.keys()),
          idByEmail: new Map([...users.values()].map((known) => [UserOrder.emailKey(known.data.email), known.id])),
        })
        if (added === undefined) return
        sites.set(siteId, one)
        for (const user of added) {
          users.set(user.id, user)
          yield* addGroups(groups, user)
        }
      }),
    })

    const ownSites = Sites.of({
      declare: Effect.fn("Sites.declare")(function* (siteId, declaration) {
        const known = sites.get(siteId)
        const one = known ?? newSite()
        const before = known?.declaration
        one.declaration = declaration
        sites.set(siteId, one)
        for (const { slug, name } of declaration.accessGroups ?? []) {
          const group = one.groups.get(slug) ?? accessGroup(slug, yield* ObjectId.make, yield* DateTime.now)
          one.groups.set(slug, { ...group, name })
        }
        return before
      }),
    })

    const userEvents = UserEvents.of({
      ofUser: (siteId, userId) =>
        Effect.sync(() => events.filter((event) => event.siteId === siteId && event.userId === userId)),
      latest: Effect.fn("UserEvents.latest")(function* (siteId, userId, { offset, limit }) {
        const all = (yield* userEvents.ofUser(siteId, userId)).toReversed()
        return { events: all.slice(offset, offset + limit), total: all.length }
      }),
    })

    return Context.make(UserStore, store).pipe(
      Context.add(NewUsers, newUsers),
      Context.add(Sites, ownSites),
      Context.add(UserEvents, userEvents),
    )
  }),
)

interface Replacement {
  readonly before: User
  readonly after: User
}

const compare = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0)
