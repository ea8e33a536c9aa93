/**
 * The contract over HTTP: a request in, an answer out. Nothing here knows of sockets, and no rule of the update is here.
 */
import {
  AccessTokens,
  BadRequest,
  type BodyTooLarge,
  InternalError,
  MethodNotAllowed,
  NotAuthorized,
  ReadUsers,
  RouteNotFound,
  Actor,
  UpdateUser,
  type UpdateUserError,
  UserStore,
} from "@webflow-users/core"
import { Envelope, JsonBody, ListQuery, Routes, UserJson } from "@webflow-users/core/wire"
import { Effect } from "effect"

export interface Request {
  readonly method: string
  /** The path and query as they stand in the request line. */
  readonly target: string
  /** A header's value, by its name in lower case. */
  readonly header: (name: string) => string | undefined
  /** Reads the body, once. */
  readonly body: Effect.Effect<Uint8Array, BodyTooLarge | BadRequest>
}

export interface Response {
  readonly status: number
  readonly headers: Readonly<Record<string, string>>
  readonly body: string
}

/** What answering takes. */
export type Services = UpdateUser.UpdateUser | UserStore.UserStore | AccessTokens.AccessTokens

/** Answers a request. Every failure is an answer too, in the contract's envelope. */
export const answer = (request: Request): Effect.Effect<Response, never, Services> =>
  respond(request).pipe(
    Effect.tapError((error) =>
      error._tag === "StoreUnavailable" ? Effect.logError("The store is unavailable", error.cause) : Effect.void,
    ),
    Effect.catch((error) => Effect.succeed(failure(error))),
    Effect.catchDefect((defect) =>
      Effect.as(Effect.logError("A request failed unexpectedly", defect), failure(new InternalError())),
    ),
  )

/** The answer that tells a failure. */
export const failure = (error: UpdateUserError): Response => {
  const { status, headers, body } = Envelope.encodeError(error)
  return json(status, body, headers)
}

const respond = Effect.fnUntraced(function* (request: Request) {
  const [path = "", query = ""] = splitOnce(request.target, "?")
  const page = pages.get(path)
  if (page !== undefined) {
    // Load balancers ask with HEAD; node:http keeps the body of its answer back.
    return request.method === "GET" || request.method === "HEAD"
      ? yield* page
      : yield* new MethodNotAllowed({ allow: ["GET", "HEAD"] })
  }

  const match = Routes.match(request.method, path)
  if (match._tag === "Unknown") return yield* new RouteNotFound()
  if (match._tag === "WrongMethod") return yield* new MethodNotAllowed({ allow: match.allow })

  const { siteId, userId } = match.parameters
  const tokens = yield* AccessTokens.AccessTokens
  const token = yield* tokens.verify(yield* bearer(request))
  const asked = { siteId: yield* UserStore.acceptSiteId(siteId), scope: Routes.routes[match.route].scope }
  yield* Effect.fromResult(AccessTokens.authorize(token, asked))
  const result = yield* operations[match.route]({ siteId, userId, query, request }).pipe(
    Effect.provideService(Actor, `token:${token.id}`),
  )
  return json(200, result)
})

/** Loaded when it is first asked for: a proxy that nobody reads about carries none of it. */
const documentation = (pick: (page: typeof import("./DocsPage.ts")) => Response) =>
  Effect.map(
    Effect.promise(() => import("./DocsPage.ts")),
    pick,
  )

/** What anyone gets, without a token. */
const pages: ReadonlyMap<string, Effect.Effect<Response>> = new Map([
  ["/health", Effect.sync(() => json(200, { status: "ok" }))],
  [
    "/openapi.json",
    Effect.map(
      Effect.promise(() => import("./Docs.ts")),
      ({ document }) => json(200, document),
    ),
  ],
  ["/docs", documentation(({ page }) => page)],
  ["/docs/start.js", documentation(({ start }) => start)],
  ["/docs/swagger-ui.css", documentation(({ styles }) => styles)],
  ["/docs/swagger-ui-bundle.js", documentation(({ script }) => script)],
])

interface Call {
  readonly siteId: string
  readonly userId: string
  readonly query: string
  readonly request: Request
}

const operations: Record<Routes.RouteName, (call: Call) => Effect.Effect<unknown, UpdateUserError, Services>> = {
  updateUser: Effect.fnUntraced(function* ({ siteId, userId, request }: Call) {
    const updateUser = yield* UpdateUser.UpdateUser
    const patch = yield* jsonBody(request)
    return UserJson.encodeUser(yield* updateUser({ siteId, userId, patch }))
  }),
  getUser: ({ siteId, userId }: Call) =>
    Effect.map(ReadUsers.getUser(siteId, userId), (user) => UserJson.encodeUser(user)),
  listUsers: Effect.fnUntraced(function* ({ siteId, query }: Call) {
    const page = yield* Effect.fromResult(ListQuery.decodeListQuery(new URLSearchParams(query)))
    const { users, ...rest } = yield* ReadUsers.listUsers(siteId, page)
    return { users: users.map((user) => UserJson.encodeUser(user)), ...rest }
  }),
  listAccessGroups: Effect.fnUntraced(function* ({ siteId, query }: Call) {
    const page = yield* Effect.fromResult(ListQuery.decodeListQuery(new URLSearchParams(query)))
    return yield* ReadUsers.listAccessGroups(siteId, page)
  }),
}

const bearer = (request: Request): Effect.Effect<string, NotAuthorized> => {
  const token = /^Bearer +(\S+)$/i.exec(request.header("authorization") ?? "")?.[1]
  return token === undefined ? Effect.fail(new NotAuthorized()) : Effect.succeed(token)
}

/** An empty body needs no type; any other has to say that it is JSON. */
const jsonBody = Effect.fnUntraced(function* (request: Request) {
  const bytes = yield* request.body
  const type = request.header("content-type")
  if (bytes.length > 0 && !/^application\/json\s*(;|$)/i.test(type ?? "")) {
    return yield* new BadRequest({ message: "The content-type has to be application/json" })
  }
  return yield* Effect.fromResult(JsonBody.parseJsonBody(bytes))
})

const json = (status: number, value: unknown, headers: Readonly<Record<string, string>> = {}): Response => ({
  status,
  headers: { "content-type": "application/json; charset=utf-8", "cache-control": "no-store", ...headers },
  body: JSON.stringify(value),
})

const splitOnce = (text: string, separator: string): ReadonlyArray<string> => {
  const at = text.indexOf(separator)
  return at < 0 ? [text] : [text.slice(0, at), text.slice(at + 1)]
}
