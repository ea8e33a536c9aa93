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
import { Context, Effect, Exit, Result } from "effect"
import { type Caller, Callers } from "./Callers.ts"
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
  /** Reads the body, once. */
  readonly body: Effect.Effect<Uint8Array, BodyTooLarge | BadRequest>
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
 * Answers a request; one that is refused for what it is not about is answered so. Every failure is an answer too, in the
 * contract's envelope.
 */
export const answer = (request: Request, refusal?: UpdateUserError): Effect.Effect<Answer, never, Services> =>
  Effect.withFiber((fiber) => {
    const wire = Wire.of(request.path, request.header("accept-version"), fiber.getRef(Wire.DataNesting))
    return settle(refusal === undefined ? Effect.suspend(() => respond(request, wire)) : Effect.fail(refusal), wire)
  })

/** One step around what succeeds, as nearly all does; the others are for what fails. */
const settle = <R>(
  responding: Effect.Effect<Answer, UpdateUserError, R>,
  wire: Wire.Wire,
): Effect.Effect<Answer, never, R> => Effect.catchCause(responding, (cause) => failed(Effect.failCause(cause), wire))

const failed = (failing: Effect.Effect<never, UpdateUserError>, wire: Wire.Wire): Effect.Effect<Answer> =>
  failing.pipe(
    Effect.tapError(Forwarding.logFailure),
    Effect.catch((error) => Effect.succeed(failure(error, wire))),
    Effect.catchDefect((defect) =>
      Effect.as(Effect.logError("A request failed unexpectedly", defect), failure(new InternalError(), wire)),
    ),
  )

/** The answer that tells a failure: as v2 does, where the request could not be read. */
export const failure = (error: UpdateUserError, wire: Wire.Wire = Wire.v2): TextResponse => {
  const { status, headers, body } = wire.error(error)
  return json(status, body, headers)
}

// From here to the operations there are no generators and few steps: every request goes through all of them (docs/decisions/0027).

const respond = (request: Request, wire: Wire.Wire): Effect.Effect<Answer, UpdateUserError, Services> => {
  const { path, query, match } = request
  const page = pages.get(path)
  if (page !== undefined) return readOnly(request, page(request))
  if (/^\/faults(\/|$)/.test(path)) return faultRule(path, request, wire)

  if (match._tag === "Unknown") {
    return Effect.flatMap(MorePages, (more): Effect.Effect<Response, UpdateUserError> => {
      const found = more.get(path)
      return found === undefined ? Effect.fail(new RouteNotFound()) : readOnly(request, found)
    })
  }
  if (match._tag === "WrongMethod") return Effect.fail(new MethodNotAllowed({ allow: match.allow }))

  const { siteId, userId } = match.parameters
  const asked = { siteId, scope: Routes.routes[match.route].scope }
  return authenticated(request, wire, asked, (caller, site) =>
    Faults.around(request, caller, site, (faulted) => {
      const operation = Effect.map(operations[match.route]({ siteId, userId, query, request: faulted, wire }), asJson)
      const result: typeof operation = Effect.updateContext(operation, contextOf(caller, request))
      return caller.explain === undefined ? result : Effect.mapError(result, caller.explain)
    }),
  )
}

/** What an operation may know of who asks for it: nobody waits for their turn when this server has to stop. */
const contextOf =
  (caller: Caller, { address, stopping }: Request) =>
  (context: Context.Context<Services>): Context.Context<Services> => {
    const untilStop = Context.add(context, UserStore.Ending, stopping)
    const granted = Context.add(untilStop, UpdateGrant.Current, caller.grant)
    return Context.add(granted, Actor, { ...caller.actor, address })
  }

/** Load balancers ask with HEAD; node:http keeps the body of its answer back. */
const readOnly = ({ method }: Request, page: Effect.Effect<Response>) =>
  method === "GET" || method === "HEAD" ? page : Effect.fail(new MethodNotAllowed({ allow: ["GET", "HEAD"] }))

/**
 * Answers who is known, may ask this, and has not asked too often. Every request with a good token counts, and what the
 * token may still ask stands on every answer to one, whatever it says; on no other answer is it known.
 */
const authenticated = (
  request: Request,
  wire: Wire.Wire,
  { siteId, scope }: { readonly siteId: string; readonly scope: Routes.Scope },
  serve: (caller: Caller, siteId: SiteId) => Effect.Effect<Answer, UpdateUserError, Services>,
): Effect.Effect<Answer, UpdateUserError, Services> =>
  Effect.contextWith((context: Context.Context<Services>) =>
    Effect.flatMap(Context.get(context, Callers).identify(bearer(request), request.address), (caller) => {
      const current = Context.get(context, Current)
      if (current !== undefined) current.caller = caller.actor.actor
      const site = UserStore.acceptSiteId(siteId)
      const served = Effect.suspend((): Effect.Effect<Answer, UpdateUserError, Services> => {
        if (Exit.isFailure(site)) return Effect.failCause(site.cause)
        const refusal = caller.refusal(site.value, scope)
        return refusal === undefined ? serve(caller, site.value) : Effect.fail(refusal)
      })
      if (caller.passedOn !== undefined) {
        return Forwarding.passingOn(caller.passedOn, settle(served, wire), withHeaders)
      }
      return Effect.flatMap(caller.take, (allowance) => {
        if (allowance === undefined) return served
        const { limit, remaining, retryAfter } = allowance
        const taken = retryAfter === undefined ? served : Effect.fail(new TooManyRequests({ retryAfter }))
        return Effect.map(settle(taken, wire), (response) =>
          withHeaders(response, RateLimitHeaders.write({ limit, remaining })),
        )
      })
    }),
  )

/** A site's rule for faults: put, looked at for what is left of it, and taken away. */
const faultRule = Effect.fnUntraced(function* (path: string, request: Request, wire: Wire.Wire) {
  const rules = yield* Faults.rules
  const siteId = /^\/faults\/sites\/([^/]+)$/.exec(path)?.[1]
  if (siteId === undefined) return yield* new RouteNotFound()
  const { method } = request
  if (method !== "GET" && method !== "PUT" && method !== "DELETE") {
    return yield* new MethodNotAllowed({ allow: ["GET", "PUT", "DELETE"] })
  }
  return yield* authenticated(
    request,
    wire,
    { siteId, scope: "users:write" },
    Effect.fnUntraced(function* (_, site) {
      if (method === "PUT") {
        const body = yield* Effect.fromResult(jsonOf(request, yield* request.body))
        rules.set(site, yield* Effect.fromResult(Faults.decode(body)))
      }
      if (method === "DELETE") rules.delete(site)
      return json(200, rules.get(site) ?? {})
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

interface Call {
  readonly siteId: string
  readonly userId: string
  readonly query: string
  readonly request: Request
  readonly wire: Wire.Wire
}

const operations: Record<Routes.RouteName, (call: Call) => Effect.Effect<unknown, UpdateUserError, Services>> = {
  updateUser: ({ siteId, userId, request, wire }: Call) =>
    Effect.contextWith((context: Context.Context<Services>) =>
      Effect.flatMap(request.body, (bytes) => {
        const read = jsonOf(request, bytes)
        if (Result.isFailure(read)) return Effect.fail(read.failure)
        const updateUser = Context.get(context, UpdateUser.UpdateUser)
        return Effect.map(updateUser({ siteId, userId, patch: wire.body(read.success) }), wire.user)
      }),
    ),
  getUser: ({ siteId, userId, wire }: Call) => Effect.map(ReadUsers.getUser(siteId, userId), wire.user),
  userHistory: Effect.fnUntraced(function* ({ siteId, userId, query }: Call) {
    const page = yield* Effect.fromResult(ListQuery.decodeListQuery(new URLSearchParams(query), []))
    return yield* UserHistory.userHistory(siteId, userId, page)
  }),
  listUsers: Effect.fnUntraced(function* ({ siteId, query, wire }: Call) {
    const page = yield* Effect.fromResult(ListQuery.decodeListQuery(new URLSearchParams(query), UserSort.literals))
    return wire.userPage(yield* ReadUsers.listUsers(siteId, page))
  }),
  listAccessGroups: Effect.fnUntraced(function* ({ siteId, query, wire }: Call) {
    const page = yield* Effect.fromResult(
      ListQuery.decodeListQuery(new URLSearchParams(query), AccessGroupSort.literals),
    )
    return wire.accessGroupPage(yield* ReadUsers.listAccessGroups(siteId, page))
  }),
}

/** The token that a request presents, if it presents one. */
const bearer = (request: Request): string | undefined =>
  /^Bearer +(\S+)$/i.exec(request.header("authorization") ?? "")?.[1]

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

const asJson = (result: unknown): Answer => json(200, result)

/** The answer with headers beside its own. */
const withHeaders = (response: Answer, headers: Readonly<Record<string, string>>): Answer =>
  response === "Reset" || headers === RateLimitHeaders.none
    ? response
    : { ...response, headers: { ...response.headers, ...headers } }
