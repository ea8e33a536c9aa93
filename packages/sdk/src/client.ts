/** The client: promises around core's operation, over HTTP or in process. */
import {
  type AccessGroupPage,
  type AccessGroupSort,
  Actor,
  DeclareSite,
  ImportFile,
  InvalidPatch,
  ReadUsers,
  type SiteDeclaration,
  UpdatePolicy,
  UpdateUser,
  type User,
  UserImport,
  type UserPage,
  type UserSort,
  UserStore,
  type UserUpdate,
} from "@webflow-users/core"
import * as Upstream from "@webflow-users/core/UserStore/Upstream"
import { ListQuery } from "@webflow-users/core/wire"
import { Cause, Data, Duration, Effect, Exit, Layer, ManagedRuntime, Redacted } from "effect"
import type { Platform } from "./platform.ts"
import { type Changes, begun, program, type UpdateMany, type UpdateManyOptions } from "./updateMany.ts"

/** The client was closed before the call. */
export class ClientClosed extends Data.TaggedError("ClientClosed")<{ readonly message: string }> {}

/** A server that speaks the contract. */
export interface RemoteOptions {
  /** Its address with the prefix: `https://users.example.com/v2`. */
  readonly baseUrl: string
  /** Keep one client for a token, and use it for all calls: what the server allows, it keeps within for its own calls. */
  readonly token: string
  /** Sends the requests; the platform's `fetch` unless another is given. */
  readonly fetch?: typeof globalThis.fetch
  /** How long to wait for the answer to one request, such as `"10 seconds"`; a number is milliseconds. 30 seconds unless said. */
  readonly timeout?: Duration.Input
  /**
   * How to try again after a 429, 408 or 5xx, or when there is no answer: at most 4 times (`attempts`), for 5 minutes in all
   * (`deadline`), with at most 2 minutes of what the server asks to wait (`maxRetryAfter`), unless said. `false` tries once.
   */
  readonly retry?: Upstream.Options["retry"]
  /**
   * How many requests the server allows, a minute unless said: `{ limit: 60 }`. What it says of it by itself, in
   * `X-RateLimit-Limit`, is learned; calls wait for their turn.
   */
  readonly rateLimit?: Upstream.Options["rateLimit"]
}

/** A store in this process. Needs Node. */
export interface StoreOptions {
  /** Its address: `file:./users.db`, or `memory:` for tests. */
  readonly store: string
  /** Decisions about updates that are made otherwise than by this project. */
  readonly policy?: Partial<UpdatePolicy.UpdatePolicy>
}

/** How one call is made. */
export interface RequestOptions {
  /** Ends the call: it rejects with the signal's reason. */
  readonly signal?: AbortSignal
}

/** Which part of a list is asked for, and in which order: of users unless said otherwise. */
export interface ListOptions<Sort extends UserSort = UserSort> extends RequestOptions {
  /** How many entries to skip. 0 unless said. */
  readonly offset?: number
  /** How many to give, 1 to 100. 10 unless said. */
  readonly limit?: number
  readonly sort?: Sort
}

/**
 * Every call rejects with an error of core's list: its class, with `status`, `code`, `message`, `details` and
 * `isRetryable`. Beside these there are only {@link ClientClosed}, the reason of a signal, and, for a store that cannot be
 * opened, an error with the `_tag` `UnusableAddress`, or `StoreAway` where trying again can help.
 */
export interface Client {
  readonly users: {
    /** Updates a user and gives the user as it is now. `patch` is the body of either era. */
    readonly update: (siteId: string, userId: string, patch: UserUpdate, options?: RequestOptions) => Promise<User>
    /**
     * Makes many updates, paced as single ones are: `await` it for their sum, or iterate the outcomes with `for await`. One that
     * fails stops no other. What would fail for all, such as a token that is not accepted or a server that fails twenty times in
     * a row, rejects, after the outcomes of what was begun.
     *
     * @example
     * ```ts
     * const { updated, failed } = await client.users.updateMany("580e63e98c9a982ac9b8b741", [
     *   { email: "ada@example.com", data: { name: "Ada Lovelace" }, addGroups: ["platinum"] },
     *   { id: "6287ec36a841b25637c663df", accessGroups: [] },
     * ])
     * ```
     */
    readonly updateMany: (siteId: string, changes: Changes, options?: UpdateManyOptions) => UpdateMany
    readonly get: (siteId: string, userId: string, options?: RequestOptions) => Promise<User>
    readonly list: (siteId: string, options?: ListOptions) => Promise<UserPage>
  }
  readonly accessGroups: {
    readonly list: (siteId: string, options?: ListOptions<AccessGroupSort>) => Promise<AccessGroupPage>
  }
  /** Waits for the calls under way, then lets go of what the client holds, such as an open database. */
  readonly close: () => Promise<void>
  readonly [Symbol.asyncDispose]: () => Promise<void>
}

/** A client of a store in this process can also fill it. */
export interface StoreClient extends Client {
  /**
   * Takes users in: List Users JSON, one page, an array of pages, or an array of users. All of them, or none and a
   * report of what is wrong. Users that are there already stay as they are.
   */
  readonly importUsers: (siteId: string, users: unknown, options?: RequestOptions) => Promise<UserImport.Report>
  /**
   * Says what the site has: its access groups and its custom fields with their types and limits. From then on an update
   * that names others is refused. Replaces what was said before; tells what that changed.
   */
  readonly declareSite: (
    siteId: string,
    declaration: SiteDeclaration.SiteDeclaration,
    options?: RequestOptions,
  ) => Promise<DeclareSite.Report>
}

/**
 * Makes a client.
 *
 * @example
 * ```ts
 * import { createClient } from "@webflow-users/sdk"
 *
 * const client = createClient({ baseUrl: "http://127.0.0.1:8787/v2", token: "<token>" })
 * const user = await client.users.update("580e63e98c9a982ac9b8b741", "6287ec36a841b25637c663df", {
 *   data: { name: "Some One", "accept-privacy": true },
 *   accessGroups: ["webflowers"],
 * })
 * await client.close()
 * ```
 */
export interface CreateClient {
  (options: RemoteOptions): Client
  (options: StoreOptions): StoreClient
}

/** `createClient`, as it is on a platform. */
export const clientOf = (platform: Platform): CreateClient => {
  function createClient(options: RemoteOptions): Client
  function createClient(options: StoreOptions): StoreClient
  function createClient(options: RemoteOptions | StoreOptions): Client | StoreClient {
    if (!("store" in options)) return operations(promises(remote(platform, options)))
    const runtime = promises(local(options))
    return {
      ...operations(runtime),
      importUsers: (siteId, users, request) => runtime.run(importUsers(siteId, users), request),
      declareSite: (siteId, declaration, request) => runtime.run(DeclareSite.declareSite(siteId, declaration), request),
    }
  }
  return createClient
}

const remote = (platform: Platform, { token, fetch, ...options }: RemoteOptions) => {
  const { limit, window } = options.rateLimit ?? {}
  requireCount("rateLimit.limit", limit)
  requireCount("retry.attempts", options.retry === false ? undefined : options.retry?.attempts)
  const millis = window === undefined ? 1 : Duration.toMillis(window)
  if (!(millis > 0 && millis < Number.POSITIVE_INFINITY)) {
    throw new RangeError("rateLimit.window has to be longer than nothing, and to end")
  }
  return Upstream.layer({ ...options, token: Redacted.make(token) }).pipe(
    Layer.provide(platform.transport(options.baseUrl, fetch)),
  )
}

const requireCount = (name: string, value: number | undefined) => {
  if (value !== undefined && !(Number.isSafeInteger(value) && value > 0)) {
    throw new RangeError(`${name} has to be a whole number from 1`)
  }
}

// Imported when it is asked for: a client over HTTP runs where Node's modules are not to be had.
const local = ({ store, policy }: StoreOptions) =>
  Layer.unwrap(
    Effect.map(
      Effect.promise(() => import("@webflow-users/stores")),
      ({ StoreAddress }) => StoreAddress.layerOwned(store),
    ),
  ).pipe(Layer.merge(Layer.succeed(UpdatePolicy.Current, { ...UpdatePolicy.standard, ...policy })))

interface Promises<R> {
  readonly run: <A, E>(
    effect: Effect.Effect<A, E, R | UpdateUser.UpdateUser>,
    options: RequestOptions | undefined,
  ) => Promise<A>
  readonly close: () => Promise<void>
}

const promises = <R, E>(store: Layer.Layer<R | UserStore.UserStore, E>): Promises<R | UserStore.UserStore> => {
  const runtime = ManagedRuntime.make(UpdateUser.UpdateUser.layer.pipe(Layer.provideMerge(store)))
  const underWay = new Set<Promise<unknown>>()
  let closing: Promise<void> | undefined
  return {
    run: async (effect, options) => {
      const signal = options?.signal
      signal?.throwIfAborted()
      if (closing !== undefined) throw new ClientClosed({ message: "The client is closed" })
      const running = runtime.runPromiseExit(
        Effect.provideService(effect, Actor, { actor: "sdk" }),
        signal === undefined ? undefined : { signal },
      )
      underWay.add(running)
      const exit = await running.finally(() => underWay.delete(running))
      if (Exit.isSuccess(exit)) return exit.value
      if (signal?.aborted === true && Cause.hasInterruptsOnly(exit.cause)) throw signal.reason
      throw Cause.squash(exit.cause)
    },
    close: () => (closing ??= Promise.allSettled(underWay).then(() => runtime.dispose())),
  }
}

const operations = ({ run, close }: Promises<UserStore.UserStore>): Client => ({
  users: {
    update: (siteId, userId, patch, options) =>
      run(
        UpdateUser.UpdateUser.use((updateUser) => updateUser({ siteId, userId, patch })),
        options,
      ),
    updateMany: (siteId, changes, options = {}) => {
      requireCount("concurrency", options.concurrency)
      return begun((deliver, stopped) => run(program(siteId, changes, options, deliver, stopped), undefined), options)
    },
    get: (siteId, userId, options) => run(ReadUsers.getUser(siteId, userId), options),
    list: (siteId, { offset = 0, limit = ListQuery.defaultLimit, sort, ...options } = {}) =>
      run(ReadUsers.listUsers(siteId, { offset, limit, sort }), options),
  },
  accessGroups: {
    list: (siteId, { offset = 0, limit = ListQuery.defaultLimit, sort, ...options } = {}) =>
      run(ReadUsers.listAccessGroups(siteId, { offset, limit, sort }), options),
  },
  close,
  [Symbol.asyncDispose]: close,
})

const importUsers = Effect.fnUntraced(function* (siteId: string, users: unknown) {
  const file = ImportFile.fromJson(users)
  if (file === undefined) {
    const description = "must be {users: […]}, an array of such pages, or an array of users"
    return yield* new InvalidPatch({ details: [{ param: "users", description }] })
  }
  return yield* UserImport.importUsers(yield* UserStore.acceptSiteId(siteId), file, { skipInvalid: false })
})
