/** The client: promises around core's operation, over HTTP or in process. */
import {
  type AccessGroup,
  type AccessGroupPage,
  type AccessGroupSort,
  type DeclareSite,
  ReadUsers,
  type SiteDeclaration,
  UpdateUser,
  type User,
  type UserImport,
  type UserStore,
} from "@webflow-users/core"
import type { ListQuery } from "@webflow-users/core/wire"
import { Effect } from "effect"
import type { StandardSchemaV1 } from "effect/StandardSchema"
import { type Call, type ListCall, listCall } from "./calls.ts"
import { checkList, checkRemote, checkStore, checkUpdateMany, idOf } from "./checkOptions.ts"
import { copied } from "./copied.ts"
import { onWire } from "./consents.ts"
import type { FieldsOf, OpenFields, UserChange, UserOf, UserPage, UserUpdate, UserWith } from "./fields.ts"
import { type FieldsReader, readerOf } from "./fieldsSchema.ts"
import { local } from "./local.ts"
import type { FieldsOption, ListOptions, RemoteOptions, RequestOptions, StoreOptions } from "./options.ts"
import type { Platform, StoreServices } from "./platform.ts"
import { remote } from "./remote.ts"
import { type CallResponse, Heard } from "./response.ts"
import { type Runtime, runtimeOf } from "./runtime.ts"
import { begun, type UpdateMany, type UpdateManyOptions } from "./updateMany.ts"

/**
 * Every call rejects with an error of core's list: its class, with `status`, `code`, `message`, `details` and `isRetryable`, and
 * with the `response` that it was read from. Beside these there are `ClientClosed`, `FieldsMismatch`, a `TypeError` or
 * `RangeError` for an option that cannot be, the reason of a signal, what a hook or a token's function threw, and, for a store that
 * cannot be opened, `StoreNotSupported` or an error with the `_tag` `UnusableAddress`, or `StoreAway` where trying again can help.
 */
export interface Client<Fields = OpenFields, U = UserOf<Fields>, Response = CallResponse | undefined> {
  readonly users: {
    /**
     * Updates a user and gives the user as it is now. `patch` is the body of either era; `acceptPrivacy` and
     * `acceptCommunications` are other names for the two consents.
     */
    readonly update: (
      siteId: string,
      userId: string,
      patch: UserUpdate<Fields>,
      options?: RequestOptions,
    ) => Call<U, Response>
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
    readonly updateMany: (
      siteId: string,
      changes: Iterable<UserChange<Fields>> | AsyncIterable<UserChange<Fields>>,
      options?: UpdateManyOptions<UserChange<Fields>, U>,
    ) => UpdateMany<UserChange<Fields>, U>
    readonly get: (siteId: string, userId: string, options?: RequestOptions) => Call<U, Response>
    /**
     * A part of the site's users; iterated at once, all parts from there to the end, or by `items()` all users.
     *
     * @example
     * ```ts
     * for await (const user of client.users.list("580e63e98c9a982ac9b8b741").items()) console.log(user.id)
     * ```
     */
    readonly list: (siteId: string, options?: ListOptions) => ListCall<UserPage<U>, U, Response>
  }
  readonly accessGroups: {
    readonly list: (
      siteId: string,
      options?: ListOptions<AccessGroupSort>,
    ) => ListCall<AccessGroupPage, AccessGroup, Response>
  }
  /** Waits for the calls under way, then lets go of what the client holds, such as an open database. */
  readonly close: () => Promise<void>
  readonly [Symbol.asyncDispose]: () => Promise<void>
}

/** A client of a store in this process can also fill it. */
export interface StoreClient<Fields = OpenFields, U = UserOf<Fields>> extends Client<Fields, U, undefined> {
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

/** A client of a server: each of its results came with an answer. */
export type RemoteClient<Fields = OpenFields, U = UserOf<Fields>> = Client<Fields, U, CallResponse>

type Sent<S extends StandardSchemaV1> = StandardSchemaV1.InferInput<S>
type Read<S extends StandardSchemaV1> = UserWith<StandardSchemaV1.InferOutput<S>>

/**
 * Makes a client, of a server or of a store in this process. Options that there are not, or that cannot be, throw at once.
 *
 * @example
 * ```ts
 * import { createClient } from "@webflow-users/sdk"
 *
 * const client = createClient<{ "favorite-drink": string; vip: boolean }>({
 *   baseUrl: "http://127.0.0.1:8787/v2",
 *   token: "<token>",
 * })
 * const user = await client.users.update("580e63e98c9a982ac9b8b741", "6287ec36a841b25637c663df", {
 *   data: { name: "Some One", acceptPrivacy: true, vip: true },
 *   accessGroups: ["webflowers"],
 * })
 * await client.close()
 * ```
 */
export interface CreateClient {
  <S extends StandardSchemaV1>(options: RemoteOptions & FieldsOption<S>): RemoteClient<Sent<S>, Read<S>>
  <S extends StandardSchemaV1>(options: StoreOptions & FieldsOption<S>): StoreClient<Sent<S>, Read<S>>
  <Fields extends FieldsOf<Fields> = OpenFields>(options: StoreOptions): StoreClient<Fields>
  <Fields extends FieldsOf<Fields> = OpenFields>(options: RemoteOptions): RemoteClient<Fields>
}

type Options = (RemoteOptions | StoreOptions) & Partial<FieldsOption<StandardSchemaV1>>

/** `createClient`, as it is on a platform. */
export const clientOf = (platform: Platform): CreateClient => {
  const createClient = (options: Options): Client | StoreClient => {
    if (typeof options === "object" && options !== null && "store" in options) {
      checkStore(options)
      const runtime = runtimeOf(local(platform, options), options.signal)
      return { ...operations<undefined>(runtime, readerOf(options.fields)), ...filling(platform, runtime) }
    }
    checkRemote(options)
    return operations<CallResponse>(runtimeOf(remote(platform, options), options.signal), readerOf(options.fields))
  }
  // What the types say of the fields is the schema's, or the caller's word; nothing here depends on it.
  return createClient as CreateClient
}

/** What fills a store. Where there is none nothing is run, since the store is refused before. */
const filling = (
  { filling: load }: Platform,
  { admit }: Runtime<StoreServices>,
): Pick<StoreClient, "importUsers" | "declareSite"> => {
  const loaded = load === undefined ? Effect.never : Effect.promise(load)
  return {
    importUsers: (siteId, users, options) =>
      admit().run(
        Effect.flatMap(loaded, ({ importUsers }) => importUsers(idOf(siteId), users)),
        options,
      ),
    declareSite: (siteId, declaration, options) =>
      admit().run(
        Effect.flatMap(loaded, ({ declareSite }) => declareSite(idOf(siteId), declaration)),
        options,
      ),
  }
}

type Users = UserStore.UserStore

type Mutable<A> = { -readonly [K in keyof A]: A[K] }

const operations = <Response extends CallResponse | undefined>(
  { admit, close }: Runtime<Users>,
  fields: FieldsReader,
): Client<OpenFields, User, Response> => {
  const call = <A, E>(
    effect: Effect.Effect<A, E, Users | UpdateUser.UpdateUser>,
    options: RequestOptions | undefined,
    { run } = admit(),
    check?: typeof checkList,
  ): Call<A, Response> => {
    const heard = new Heard()
    const whole = run(effect, options, { check, heard }) as Mutable<Call<A, Response>>
    // Every result of a server's came with an answer, and none of a store in this process did.
    whole.withResponse = () => whole.then((data) => ({ data, response: heard.response as Response }))
    return whole
  }
  /** A list that may be iterated: `page` asks for a part of it. */
  const list = <Page extends { readonly total: number }, Item extends { readonly id: string }, E, Sort extends string>(
    page: (part: ListQuery.ListQuery<Sort>) => Effect.Effect<Page, E, Users>,
    entries: (page: Page) => ReadonlyArray<Item>,
    options: ListOptions<Sort> | undefined,
  ): ListCall<Page, Item, Response> => {
    const admitted = admit()
    return listCall(
      {
        ask: (offset, limit) => call(page({ offset, limit, sort: options?.sort }), options, admitted, checkList),
        entries,
        offset: options?.offset,
        limit: options?.limit,
      },
      admitted.begins,
    )
  }
  return {
    users: {
      update: (siteId, userId, patch, options) => {
        // As it is at the call: who makes many calls may use one object for all.
        const asked = { siteId: idOf(siteId), userId: idOf(userId), patch: onWire(copied(patch)) }
        return call(
          Effect.flatMap(
            UpdateUser.UpdateUser.use((updateUser) => updateUser(asked)),
            fields.user,
          ),
          options,
        )
      },
      updateMany: (siteId, changes, options = {}) => {
        checkUpdateMany("updateMany", options)
        const { run, begins } = admit()
        const { timeout, attempts, headers } = options
        return begun(
          (deliver, stopped) =>
            run(
              Effect.flatMap(
                Effect.promise(() => import("./updateManyProgram.ts")),
                ({ program }) => program(idOf(siteId), changes, options, fields, deliver, stopped),
              ),
              { timeout, attempts, headers },
            ),
          options,
          begins,
        )
      },
      get: (siteId, userId, options) =>
        call(Effect.flatMap(ReadUsers.getUser(idOf(siteId), idOf(userId)), fields.user), options),
      list: (siteId, options) =>
        list(
          (part) =>
            Effect.flatMap(ReadUsers.listUsers(idOf(siteId), part), (page) =>
              Effect.map(fields.users(page.users), (users) => ({ ...page, users })),
            ),
          ({ users }) => users,
          options,
        ),
    },
    accessGroups: {
      list: (siteId, options) =>
        list(
          (part) => ReadUsers.listAccessGroups(idOf(siteId), part),
          ({ accessGroups }) => accessGroups,
          options,
        ),
    },
    close,
    [Symbol.asyncDispose]: close,
  }
}
