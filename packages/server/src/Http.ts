/**
 * The contract over HTTP: a request in, an answer out. Nothing here knows of sockets, and no rule of the update is here.
 */
import {
  AccessGroupSort,
  BadRequest,
  type BodyTooLarge,
  InternalError,
  MethodNotAllowed,
  ReadUsers,
  RouteNotFound,
  type SiteId,
  TooManyRequests,
  Actor,
  UpdateGrant,
  UpdatePolicy,
  UpdateUser,
  type UpdateUserError,
  type UserEvents,
  UserHistory,
  UserSort,
  UserStore,
} from "@webflow-users/core"
import { JsonBody, ListQuery, RateLimitHeaders, Routes } from "@webflow-users/core/wire"
import { Context, Effect, Exit, type Fiber, Result } from "effect"
import { bearerOf, type Caller, Callers } from "./Callers.ts"
import * as Faults from "./Faults.ts"
import * as Forwarding from "./Forwarding.ts"
import * as Ready from "./Ready.ts"
import { Current, type Page } from "./Request.ts"
import * as Wire from "./Wire.ts"

export interface Request {
  readonly method: string
  /** The path and query as they stand in the request line. */
  readonly target: string
  readonly path: string
  /** Without its question mark; empty where there is none. */
  readonly query: string
  /** What method and path ask for. */
  readonly match: Routes.Match
  /** A header's value, by its name in lower case. */
  readonly header: (name: string) => string | undefined
  /** The names of its headers, in lower case. */
  readonly headerNames: () => ReadonlyArray<string>
  /** The network address of who asks. */
  readonly address: string
  /** Reads the body, once. What is here already is given as such. */
  readonly body: () => Effect.Effect<Uint8Array, BodyTooLarge | BadRequest>
  /** Ends when the server begins to stop: from then on nothing may keep an answer waiting. */
  readonly stopping: Effect.Effect<void>
}

export interface Response {
  readonly status: number
  readonly headers: Readonly<Record<string, string>>
  /** As bytes where many get the same: a copy for each would be theirs to keep, by not reading it. */
  readonly body: string | Uint8Array
}

/** An answer whose body is text. */
export interface TextResponse extends Response {
  readonly body: string
}

/** What a request gets: an answer, or, where a fault was asked for, its connection reset. */
export type Answer = Response | "Reset"

/** What answering takes. */
export type Services = UpdateUser.UpdateUser | UserStore.UserStore | UserEvents | Callers

/** What a server serves to anyone beside the contract, by its path: the proxy's `/docs`. */
export const MorePages = Context.Reference<ReadonlyMap<string, Effect.Effect<Response>>>(
  "@webflow-users/server/Http/MorePages",
  { defaultValue: () => new Map() },
)

/** The version that `/openapi.json` tells; a program that is published provides its own. */
export const Version = Context.Reference<string>("@webflow-users/server/Http/Version", { defaultValue: () => "0.0.0" })

/** Whether it is asked if the process is alive: also under a load that lets nobody else in. */
export const isProbe = (target: string | undefined): boolean => target === "/health"

/**
 * Answers a request, in a fiber of its own; one that is refused for what it is not about is answered so. Every failure is an answer
 * too, in the contract's envelope.
 */
export const answer = (
  request: Request,
  refusal: () => UpdateUserError | undefined,
): Effect.Effect<Answer, never, Services> => {
  let call: Call | undefined
  const responding = Effect.withFiber<Answer, UpdateUserError, Services>((fiber) => {
    const wire = Wire.of(request.path, request.header("accept-version"), fiber.getRef(Wire.DataNesting))
    call = { fiber, request, wire, limits: RateLimitHeaders.none }
    const refused = refusal()
    return refused === undefined ? respond(call) : Effect.fail(refused)
  })
  // One step around what succeeds, as nearly all does; the others are for what fails.
  return Effect.catchCause(responding, (cause) => failed(Effect.failCause(cause), call))
}

/** A request that is being answered. */
interface Call {
  /** It is the request's own: what is added to its context need not be taken away again. */
  readonly fiber: Fiber.Fiber<unknown, unknown>
  readonly request: Request
  readonly wire: Wire.Wire
  /** What its answer tells of the caller's limits, whatever else it says, as soon as that is known. */
  limits: Readonly<Record<string, string>>
}

const failed = (failing: Effect.Effect<never, UpdateUserError>, call: Call | undefined): Effect.Effect<Answer> => {
  const told = (error: UpdateUserError) => withHeaders(failure(error, call?.wire), call?.limits)
  return failing.pipe(
    Effect.tapError(Forwarding.logFailure),
    Effect.catch((error) => Effect.succeed(told(error))),
    Effect.catchDefect((defect) =>
      Effect.as(Effect.logError("A request failed unexpectedly", defect), told(new InternalError())),
    ),
  )
}

/** The answer that tells a failure: as v2 does, where the request could not be read. */
export const failure = (error: UpdateUserError, wire: Wire.Wire = Wire.v2): TextResponse => {
  const { status, headers, body } = wire.error(error)
  return json(status, body, headers)
}

// From here to the operations there are no generators and few steps: every request goes through all of them (docs/decisions/0027).

const respond = (call: Call): Effect.Effect<Answer, UpdateUserError, Services> => {
  const { request } = call
  const { path, match } = request
  if (match._tag === "Found") {
    const { parameters, route } = match
    return authenticated(call, parameters.siteId, Routes.routes[route].scope, (caller, site) =>
      Faults.around(call, caller, site, (faulted) => {
        tellOf(caller, call)
        const result = operations[route](call, parameters, faulted)
        return caller.explain === undefined ? result : Effect.mapError(result, caller.explain)
      }),
    )
  }
  if (match._tag === "WrongMethod") return Effect.fail(new MethodNotAllowed({ allow: match.allow }))

  const page = pages.get(path)
  if (page !== undefined) return readOnly(request, page(request))
  if (/^\/faults(\/|$)/.test(path)) return faultRule(path, call)
  return Effect.flatMap(MorePages, (more): Effect.Effect<Response, UpdateUserError> => {
    const found = more.get(path)
    return found === undefined ? Effect.fail(new RouteNotFound()) : readOnly(request, found)
  })
}

/** Lets an operation know of who asks for it; nobody waits for their turn when this server has to stop. */
const tellOf = (caller: Caller, call: Call): void => {
  const { fiber, request } = call
  const untilStop = Context.add(fiber.context, UserStore.Ending, request.stopping)
  const granted = Context.add(untilStop, UpdateGrant.Current, caller.grant)
  const known = Context.add(granted, Actor, { ...caller.actor, address: request.address })
  const hear = (limits: Call["limits"]) => void (call.limits = limits)
  fiber.setContext(caller.passedOn === undefined ? known : Forwarding.passingOn(known, caller.passedOn, hear))
}

/** Load balancers ask with HEAD; node:http keeps the body of its answer back. */
const readOnly = ({ method }: Request, page: Effect.Effect<Response>) =>
  method === "GET" || method === "HEAD" ? page : Effect.fail(new MethodNotAllowed({ allow: ["GET", "HEAD"] }))

/**
 * Answers who is known, may ask this, and has not asked too often. Every request with a good token counts, and what the
 * token may still ask stands on every answer to one, whatever it says; on no other answer is it known.
 */
const authenticated = (
  call: Call,
  siteId: string,
  scope: Routes.Scope,
  serve: (caller: Caller, siteId: SiteId) => Effect.Effect<Answer, UpdateUserError, Services>,
): Effect.Effect<Answer, UpdateUserError, Services> => {
  const { fiber, request } = call
  const { identify } = Context.getUnsafe(fiber.context, Callers)
  return Effect.flatMapEager(identify(bearerOf(request.header("authorization")), request.address), (caller) => {
    const current = fiber.getRef(Current)
    if (current !== undefined) current.caller = caller.actor.actor
    return Effect.flatMapEager(caller.take, (allowance) => {
      if (allowance !== undefined) {
        const { limit, remaining, retryAfter } = allowance
        call.limits = RateLimitHeaders.write({ limit, remaining })
        if (retryAfter !== undefined) return Effect.fail(new TooManyRequests({ retryAfter }))
      }
      const site = UserStore.acceptSiteId(siteId)
      if (Exit.isFailure(site)) return Effect.failCause(site.cause)
      const refusal = caller.refusal(site.value, scope)
      return refusal === undefined ? serve(caller, site.value) : Effect.fail(refusal)
    })
  })
}

/** A site's rule for faults: put, looked at for what is left of it, and taken away. */
const faultRule = Effect.fnUntraced(function* (path: string, call: Call) {
  const rules = yield* Faults.rules
  const siteId = /^\/faults\/sites\/([^/]+)$/.exec(path)?.[1]
  if (siteId === undefined) return yield* new RouteNotFound()
  const { request } = call
  const { method } = request
  if (method !== "GET" && method !== "PUT" && method !== "DELETE") {
    return yield* new MethodNotAllowed({ allow: ["GET", "PUT", "DELETE"] })
  }
  return yield* authenticated(
    call,
    siteId,
    "users:write",
    Effect.fnUntraced(function* (_, site) {
      if (method === "PUT") {
        const body = yield* Effect.fromResult(jsonOf(request, yield* request.body()))
        rules.set(site, yield* Effect.fromResult(Faults.decode(body)))
      }
      if (method === "DELETE") rules.delete(site)
      return answerOf(call, rules.get(site) ?? {})
    }),
  )
})

/** Loaded when it is first asked for: a server that nobody asks about itself carries none of it. */
const description = Effect.gen(function* () {
  const { document } = yield* Effect.promise(() => import("./Docs.ts"))
  const { emailAndPassword } = yield* UpdatePolicy.Current
  const settings = {
    version: yield* Version,
    nesting: yield* Wire.DataNesting,
    emailAndPassword,
    withFaults: (yield* Faults.Rules) !== undefined,
  }
  return { ...json(200, {}), body: document(settings) }
})

/** What anyone gets, without a token. */
const pages: ReadonlyMap<string, (request: Request) => Effect.Effect<Response>> = new Map(
  Object.entries({
    "/health": () => Effect.sync(() => json(200, { status: "ok" })),
    "/ready": ({ stopping }) =>
      Effect.map(Ready.readiness(stopping), (told) => json(told.status === "ready" ? 200 : 503, told)),
    "/openapi.json": () => description,
  } satisfies Record<Page, (request: Request) => Effect.Effect<Response>>),
)

/** Each is given the request as it is to be read. */
const operations: Record<
  Routes.RouteName,
  (call: Call, parameters: Routes.Parameters, request: Request) => Effect.Effect<Answer, UpdateUserError, Services>
> = {
  updateUser: (call, { siteId, userId }, request) =>
    Effect.flatMapEager(request.body(), (bytes) => {
      const read = jsonOf(request, bytes)
      if (Result.isFailure(read)) return Effect.fail(read.failure)
      const { fiber, wire } = call
      const updateUser = Context.getUnsafe(fiber.context, UpdateUser.UpdateUser)
      const updated = updateUser({ siteId, userId, patch: wire.body(read.success) })
      return Effect.map(updated, (user) => answerOf(call, wire.user(user)))
    }),
  getUser: (call, { siteId, userId }) =>
    Effect.map(ReadUsers.getUser(siteId, userId), (user) => answerOf(call, call.wire.user(user))),
  userHistory: Effect.fnUntraced(function* (call, { siteId, userId }, { query }) {
    const page = yield* Effect.fromResult(ListQuery.decodeListQuery(new URLSearchParams(query), []))
    return answerOf(call, yield* UserHistory.userHistory(siteId, userId, page))
  }),
  listUsers: Effect.fnUntraced(function* (call, { siteId }, { query }) {
    const page = yield* Effect.fromResult(ListQuery.decodeListQuery(new URLSearchParams(query), UserSort.literals))
    return answerOf(call, call.wire.userPage(yield* ReadUsers.listUsers(siteId, page)))
  }),
  listAccessGroups: Effect.fnUntraced(function* (call, { siteId }, { query }) {
    const page = yield* Effect.fromResult(
      ListQuery.decodeListQuery(new URLSearchParams(query), AccessGroupSort.literals),
    )
    return answerOf(call, call.wire.accessGroupPage(yield* ReadUsers.listAccessGroups(siteId, page)))
  }),
}

/** An empty body needs no type; any other has to say that it is JSON. */
const jsonOf = ({ header }: Request, bytes: Uint8Array): Result.Result<unknown, BadRequest> =>
  bytes.length > 0 && !/^application\/json\s*(;|$)/i.test(header("content-type") ?? "")
    ? Result.fail(new BadRequest({ message: "The content-type has to be application/json" }))
    : JsonBody.parseJsonBody(bytes)

const json = (status: number, value: unknown, headers: Readonly<Record<string, string>> = {}) => ({
  status,
  headers: { "content-type": "application/json; charset=utf-8", "cache-control": "no-store", ...headers },
  body: JSON.stringify(value),
})

/** The answer to a request that succeeded. */
const answerOf = ({ limits }: Call, result: unknown): Answer => withHeaders(json(200, result), limits)

/** The answer with headers beside its own. */
const withHeaders = (response: Response, headers = RateLimitHeaders.none): Response =>
  headers === RateLimitHeaders.none ? response : { ...response, headers: { ...response.headers, ...headers } }
