/** The Effect client: the operation, many of it and the reads beside it as one service, on whichever store. */
import {
  type AccessGroupPage,
  type AccessGroupSort,
  DeclareSite,
  ImportFile,
  type NewUsers,
  ReadUsers,
  type SiteDeclaration,
  type Sites,
  UpdatePolicy,
  UpdateUser,
  type UpdateUserError,
  UpdateUsers,
  type User,
  type UserChange,
  type UserEvents,
  UserImport,
  type UserPage,
  type UserSort,
  UserStore,
  type UserUpdate,
} from "@webflow-users/core"
import * as Memory from "@webflow-users/core/UserStore/Memory"
import { ListQuery } from "@webflow-users/core/wire"
import { Context, Effect, Layer, Option, Stream } from "effect"
import { asked, type AskedUpdate, inWordsOf } from "./AskedUpdate.ts"
import { onWire } from "./consents.ts"

/** Which part of a list is asked for, and in which order. */
export interface ListOptions<Sort extends string = UserSort> {
  /** How many entries to skip. 0 unless said. */
  readonly offset?: number | undefined
  /** How many to give, 1 to 100. 10 unless said. */
  readonly limit?: number | undefined
  readonly sort?: Sort | undefined
}

/** What became of one of many changes; `index` is its place among those given, from 0. */
export type Outcome = { readonly index: number; readonly change: UserChange.UserChange } & (
  | {
      readonly _tag: "Updated"
      readonly user: User
      /** The user as the update found it, where that is known: a store of one's own sees it, another server does not tell. */
      readonly before: User | undefined
    }
  | { readonly _tag: "Failed"; readonly error: UpdateUserError }
)

/**
 * Webflow's users, to read and to update. Every call carries its failures in its type and needs nothing but this service; to
 * interrupt it ends its request. Spans are core's: `UpdateUser`, `ReadUsers.getUser`, `UserStore.update` and so on.
 *
 * @example
 * ```ts
 * import { layer, WebflowUsers } from "@webflow-users/sdk/effect"
 * import { Effect, Redacted } from "effect"
 *
 * const program = Effect.gen(function* () {
 *   const users = yield* WebflowUsers
 *   return yield* users.update("580e63e98c9a982ac9b8b741", "6287ec36a841b25637c663df", { data: { name: "Some One" } })
 * }).pipe(Effect.catchTag("UserNotFound", () => Effect.succeed(undefined)))
 *
 * const live = layer({ baseUrl: "http://127.0.0.1:8787/v2", token: Redacted.make("<token>") })
 * export const main = program.pipe(Effect.provide(live))
 * ```
 */
export class WebflowUsers extends Context.Service<
  WebflowUsers,
  {
    /** Updates a user and gives the user as it is now. `patch` is the body of either era. */
    readonly update: (siteId: string, userId: string, patch: UserUpdate) => Effect.Effect<User, UpdateUserError>
    /**
     * Makes many updates, paced as single ones are, and tells what became of each as they end. One that fails stops no other.
     * What would fail for all, such as a token that is not accepted or a server that fails twenty times in a row, fails the
     * stream, after the outcomes of what was begun. `ending` stops it gently; to interrupt it breaks off what is under way.
     */
    readonly updateMany: <E = never, R = never>(
      siteId: string,
      changes: Iterable<UserChange.UserChange> | Stream.Stream<UserChange.UserChange, E, R>,
      options?: UpdateUsers.Options,
    ) => Stream.Stream<Outcome, E | UpdateUserError, R>
    readonly get: (siteId: string, userId: string) => Effect.Effect<User, UpdateUserError>
    /** A user by id or by e-mail address, which another server is asked for by reading its list. */
    readonly find: (siteId: string, idOrEmail: string) => Effect.Effect<User, UpdateUserError>
    /** A part of a site's users. */
    readonly list: (siteId: string, options?: ListOptions) => Effect.Effect<UserPage, UpdateUserError>
    /** All users of a site, each once, asked for a hundred at a time. Who comes or goes meanwhile may shift others past the reader. */
    readonly all: (siteId: string, options?: Pick<ListOptions, "sort">) => Stream.Stream<User, UpdateUserError>
    readonly accessGroups: (
      siteId: string,
      options?: ListOptions<AccessGroupSort>,
    ) => Effect.Effect<AccessGroupPage, UpdateUserError>
  }
>()("@webflow-users/sdk/WebflowUsers") {
  /**
   * On a store of your own, or any of core's. Gives `UpdateUser` too, for programs of core that ask for it. A program with two stores
   * needs `Layer.fresh` around it, or both would be given the first.
   */
  static readonly layer: Layer.Layer<WebflowUsers | UpdateUser.UpdateUser, never, UserStore.UserStore> = Layer.effect(
    WebflowUsers,
    Effect.gen(function* () {
      const updateUser = yield* UpdateUser.UpdateUser
      const store = yield* Effect.context<UpdateUser.UpdateUser | UserStore.UserStore>()
      return WebflowUsers.of({
        update: (siteId, userId, patch) => updateUser({ siteId, userId, patch: onWire(patch) }),
        updateMany: (siteId, changes, options) =>
          Stream.unwrap(
            Effect.map(UpdatePolicy.Current, (policy) => {
              const given = Stream.isStream(changes) ? changes : Stream.fromIterable(changes)
              const updates = Stream.map(Stream.zipWithIndex(given), ([change, index]) => asked(change, index, policy))
              return Stream.map(UpdateUsers.updateUsers(siteId, updates, options), outcomeOf)
            }),
          ).pipe(Stream.provideContext(store)),
        get: (siteId, userId) => Effect.provideContext(ReadUsers.getUser(siteId, userId), store),
        find: (siteId, idOrEmail) => Effect.provideContext(ReadUsers.findUser(siteId, idOrEmail), store),
        list: (siteId, options = {}) => Effect.provideContext(ReadUsers.listUsers(siteId, pageOf(options)), store),
        all: (siteId, { sort } = {}) =>
          Stream.suspend(() => {
            // What moved in the list meanwhile may come again.
            const seen = new Set<string>()
            return Stream.paginate(0, (offset) =>
              Effect.map(
                ReadUsers.listUsers(siteId, { offset, limit: ListQuery.maxLimit, sort }),
                ({ users, total }) => {
                  const next = offset + users.length
                  const rest = users.length > 0 && next < total ? Option.some(next) : Option.none()
                  return [users.filter(({ id }) => !seen.has(id) && seen.add(id)), rest] as const
                },
              ),
            )
          }).pipe(Stream.provideContext(store)),
        accessGroups: (siteId, options = {}) =>
          Effect.provideContext(ReadUsers.listAccessGroups(siteId, pageOf(options)), store),
      })
    }),
  ).pipe(Layer.provideMerge(UpdateUser.layer))
}

/**
 * The client on a store. Two of them may be in one program, each on its own: without `fresh`, the second would be given the first.
 */
export const on = <R, E, In>(
  store: Layer.Layer<R | UserStore.UserStore, E, In>,
): Layer.Layer<WebflowUsers | UpdateUser.UpdateUser | UserStore.UserStore | R, E, In> =>
  Layer.fresh(WebflowUsers.layer).pipe(Layer.provideMerge(store))

const pageOf = <Sort extends string>({ offset = 0, limit = ListQuery.defaultLimit, sort }: ListOptions<Sort>) => ({
  offset,
  limit,
  sort,
})

const outcomeOf = (outcome: UpdateUsers.Outcome<AskedUpdate>): Outcome => {
  const { index, change } = outcome.update
  return outcome._tag === "Updated"
    ? { _tag: "Updated", index, change, user: outcome.user, before: outcome.before }
    : { _tag: "Failed", index, change, error: inWordsOf(change, outcome.error) }
}

/** A site to begin a test with. */
export interface Seed {
  readonly id: string
  /** List Users JSON: a page, an array of pages, or an array of users. */
  readonly users: unknown
  /** What groups and fields the site has; any, where nothing is said. */
  readonly declaration?: SiteDeclaration.SiteDeclaration | undefined
}

/** What a store in memory offers beside the client: its users' record, and the doors by which sites and users come in. */
export type MemoryServices = WebflowUsers | UpdateUser.UpdateUser | UserStore.UserStore | UserEvents | NewUsers | Sites

/**
 * A store in memory with these sites, for tests: it refuses what a server would, and goes by the test's clock. Each call makes
 * another. Dies, naming each problem, of seeds that no store would take.
 */
export const layerMemory = (sites: ReadonlyArray<Seed> = []): Layer.Layer<MemoryServices> =>
  on(
    Layer.effectDiscard(Effect.orDie(Effect.forEach(sites, plant))).pipe(Layer.provideMerge(Layer.fresh(Memory.layer))),
  )

const plant = Effect.fnUntraced(function* ({ id, users, declaration }: Seed) {
  const siteId = yield* UserStore.acceptSiteId(id)
  const file = ImportFile.fromJson(users)
  if (file === undefined)
    return yield* Effect.die(new TypeError(`Site ${id}: users must be List Users JSON, or an array`))
  const { problems } = yield* UserImport.importUsers(siteId, file, { skipInvalid: false })
  if (problems.length > 0) {
    const all = problems.map(({ place, reason }) => `${place} ${reason}`).join("; ")
    return yield* Effect.die(new TypeError(`Site ${id}: ${all}`))
  }
  if (declaration !== undefined) yield* DeclareSite.declareSite(siteId, declaration)
})
