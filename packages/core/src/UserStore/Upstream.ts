/** Users on another server that speaks the contract: another deployment of ours, or a vendor's. */
import { DateTime, Duration, Effect, Layer, Redacted, type Schema } from "effect"
import { undeclared } from "../SiteDeclaration.ts"
import { Transport } from "../Transport.ts"
import * as E from "../UpdateUserError.ts"
import type { SiteId, UserId } from "../User.ts"
import { emailKey } from "../UserOrder.ts"
import * as UserPatch from "../UserPatch.ts"
import { UserStore } from "../UserStore.ts"
import * as Envelope from "../wire/Envelope.ts"
import * as Routes from "../wire/Routes.ts"
import { encodeBody } from "../wire/UpdateUserBody.ts"
import * as UserJson from "../wire/UserJson.ts"

/** Which server, and how to be let in. */
export interface Options {
  /** Where the contract is served, with its prefix: `https://users.example.com/v2`. */
  readonly baseUrl: string
  readonly token?: Redacted.Redacted | undefined
  /** How long to wait for an answer. 30 seconds unless said otherwise. */
  readonly timeout?: Duration.Input | undefined
}

/** The largest page the contract gives. */
const pageLimit = 100

/** The users of another server. Fails with what that server answers, or with `Unreachable` where it does not. */
export const layer = (options: Options): Layer.Layer<UserStore, never, Transport> =>
  Layer.effect(
    UserStore,
    Effect.map(Transport, (transport) => {
      const base = options.baseUrl.replace(/\/+$/, "")
      const timeout = Duration.fromInputUnsafe(options.timeout ?? "30 seconds")
      const headers: Record<string, string> = {
        accept: "application/json",
        ...(options.token !== undefined && { authorization: `Bearer ${Redacted.value(options.token)}` }),
      }

      /** Asks, and reads what a 2xx carries; every other answer is the error it stands for. */
      const ask = Effect.fnUntraced(function* <A>(
        route: Routes.RouteName,
        parameters: Partial<Routes.Parameters>,
        decode: (json: unknown) => Effect.Effect<A, Schema.SchemaError>,
        rest: { readonly query?: string; readonly body?: unknown } = {},
      ) {
        const response = yield* transport
          .send({
            method: Routes.routes[route].method,
            url: base + Routes.pathOf(route, parameters) + (rest.query ?? ""),
            headers: rest.body === undefined ? headers : { ...headers, "content-type": "application/json" },
            ...(rest.body !== undefined && { body: JSON.stringify(rest.body) }),
          })
          .pipe(
            Effect.timeoutOrElse({
              duration: timeout,
              orElse: () => Effect.fail(new E.Unreachable({ cause: `no answer within ${Duration.format(timeout)}` })),
            }),
          )
        const json = parse(response.text)
        if (response.status < 200 || response.status > 299) {
          const { status } = response
          return yield* Envelope.decodeError({ status, retryAfter: response.header("retry-after"), body: json })
        }
        return yield* decode(json).pipe(
          // What does not decode may be a person's data: the error says where it failed and not what was there.
          Effect.mapError(() => new E.UnexpectedResponse({ status: response.status, code: "" })),
        )
      })

      const get = (siteId: SiteId, userId: UserId) => ask("getUser", { siteId, userId }, UserJson.decodeUser)
      const page = (siteId: SiteId, query: Record<string, string | number | undefined>) =>
        ask("listUsers", { siteId }, UserJson.decodeUserPage, { query: queryOf(query) })

      return UserStore.of({
        update: Effect.fn("UserStore.update")(function* (siteId, userId, patch) {
          const hopeless = patch.objections.filter(({ unless }) => unless === undefined)
          if (hopeless.length > 0) {
            // It is refused whatever that server says; who the user is tells what else is wrong with it.
            const user = yield* Effect.catchTag(get(siteId, userId), "MissingScopes", () =>
              Effect.fail(UserPatch.refused(hopeless)),
            )
            return yield* Effect.fromResult(UserPatch.apply(user, patch, yield* DateTime.now))
          }
          // The wire knows only complete sets of groups, so joining and leaving are worked out from what is there.
          const groups =
            patch.groups?._tag === "EditGroups"
              ? UserPatch.setGroups(
                  yield* Effect.fromResult(UserPatch.apply(yield* get(siteId, userId), patch, yield* DateTime.now)),
                )
              : patch.groups
          const body = encodeBody(patch, groups)
          return yield* ask("updateUser", { siteId, userId }, UserJson.decodeUser, { body })
        }),

        get: Effect.fn("UserStore.get")(get),

        findByEmail: Effect.fn("UserStore.findByEmail")(function* (siteId, email) {
          for (let offset = 0; ;) {
            const { users, total } = yield* page(siteId, { offset, limit: pageLimit })
            const found = users.find((user) => emailKey(user.data.email) === emailKey(email))
            if (found !== undefined) return found
            // A server may give less than it was asked for.
            offset += users.length
            if (users.length === 0 || offset >= total) return yield* new E.UserNotFound()
          }
        }),

        list: Effect.fn("UserStore.list")((siteId, { offset, limit, sort }) => page(siteId, { offset, limit, sort })),

        // It is that server's to know, and no part of the contract tells it.
        declaration: () => Effect.succeed(undeclared),

        accessGroups: Effect.fn("UserStore.accessGroups")((siteId, { offset, limit, sort }) =>
          ask("listAccessGroups", { siteId }, UserJson.decodeAccessGroupPage, {
            query: queryOf({ offset, limit, sort }),
          }),
        ),
      })
    }),
  )

const queryOf = (values: Record<string, string | number | undefined>): string =>
  `?${Object.entries(values)
    .filter(([, value]) => value !== undefined)
    .map(([name, value]) => `${name}=${encodeURIComponent(String(value))}`)
    .join("&")}`

const parse = (text: string): unknown => {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}
