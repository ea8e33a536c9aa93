/** Users on another server that speaks the contract: another deployment of ours, or a vendor's. */
import { Clock, Context, DateTime, Duration, Effect, type Fiber, Layer, Redacted, type Scope } from "effect"
import * as Monotonic from "../Monotonic.ts"
import * as Pacer from "../Pacer.ts"
import * as Pacers from "../Pacers.ts"
import { undeclared } from "../SiteDeclaration.ts"
import * as Traced from "../Traced.ts"
import { inTime, type Patience, Transport } from "../Transport.ts"
import * as UpdateGrant from "../UpdateGrant.ts"
import type * as E from "../UpdateUserError.ts"
import { TimedOut } from "../UpdateUserError.ts"
import type { SiteId, UserId, UserSort } from "../User.ts"
import * as UserPatch from "../UserPatch.ts"
import { Ending, type Finder, OnReplaced, type PageRequest, UserStore } from "../UserStore.ts"
import * as Routes from "../wire/Routes.ts"
import { encodeBody } from "../wire/UpdateUserBody.ts"
import * as UserJson from "../wire/UserJson.ts"
import type * as EmailIndex from "./Upstream/EmailIndex.ts"
import * as Reader from "./Upstream/Reader.ts"
import * as Retry from "./Upstream/Retry.ts"

/** Which server, how to be let in, and how patient to be. */
export interface Options {
  /** Where the contract is served, with its prefix: `https://users.example.com/v2`. */
  readonly baseUrl: string
  /** What lets a caller in; a program is asked for it before each request, for tokens that do not last. */
  readonly token?: Redacted.Redacted | Effect.Effect<Redacted.Redacted> | undefined
  /** How long to wait for the answer to one request. */
  readonly timeout?: Duration.Input | undefined
  /** How to try again; `false` tries once. */
  readonly retry?: Retry.Options | false | undefined
  /** What the server allows a token, where it is known; what the server says of it is learned. */
  readonly rateLimit?: Pick<Pacer.Options, "limit" | "window"> | undefined
  /** Hears for how long calls have to wait for the limit, in milliseconds. */
  readonly onWait?: Pacer.Options["onWait"]
  /** Hears of each request that is sent for how long it waited for its turn, in milliseconds. */
  readonly onTurn?: ((waited: number) => void) | undefined
}

/** What holds where nothing else is said. */
export const defaults = { timeout: "30 seconds", ...Retry.defaults, window: Pacer.defaults.window } as const

/** What is wrong with the address of a server, if anything. It does not repeat it: what is wrong may be a secret. */
export const addressProblem = (baseUrl: string): string | undefined => {
  if (!URL.canParse(baseUrl)) return "is not a whole URL, as https://users.example.com/v2 is"
  const { protocol, username, password, search, hash } = new URL(baseUrl)
  if (protocol !== "https:" && protocol !== "http:") return "does not begin with https: or http:"
  if (username + password !== "") return "holds a user name or a password; what the server wants is a token"
  return search + hash === "" && !/[?#]/.test(baseUrl) ? undefined : "goes on after its path, with a ? or a #"
}

/** The token of whoever asks, where each brings their own: it takes the place of `Options.token`. */
export const CallerToken = Context.Reference<Redacted.Redacted | undefined>(
  "@webflow-users/core/UserStore/Upstream/CallerToken",
  { defaultValue: () => undefined },
)

/** Hears of every answer to a call, whatever it says: limits, names of requests. A runtime provides it around the call. */
export const OnAnswer = Context.Reference<(answer: Pacer.Told) => void>(
  "@webflow-users/core/UserStore/Upstream/OnAnswer",
  { defaultValue: () => () => undefined },
)

/**
 * Headers by which the server can tell which request of somebody else's its own belong to, such as `x-request-id`. A runtime
 * that answers requests provides them around the call.
 */
export const Correlation = Context.Reference<Readonly<Record<string, string>>>(
  "@webflow-users/core/UserStore/Upstream/Correlation",
  { defaultValue: () => ({}) },
)

/** How patient one call is, where that is otherwise than the layer says: a runtime provides it around the call. */
export const CallOptions = Context.Reference<Pick<Options, "timeout"> & Pick<Retry.Options, "attempts">>(
  "@webflow-users/core/UserStore/Upstream/CallOptions",
  { defaultValue: () => ({}) },
)

/** The users of another server, for as long as the scope is open. Fails with what that server answers, or with why it did not. */
export const make = Effect.fnUntraced(function* (
  options: Options,
): Effect.fn.Return<UserStore["Service"], never, Transport | Scope.Scope> {
  const transport = yield* Transport
  const standardTimeout = Duration.toMillis(options.timeout ?? defaults.timeout)
  const retry = options.retry === false ? { attempts: 1, deadline: Duration.infinity } : (options.retry ?? {})
  // One request may take its whole time.
  const deadline = retry.deadline ?? Math.max(Duration.toMillis(defaults.deadline), standardTimeout)
  const tryAgain = Retry.make({ ...retry, deadline })
  const retrying = <A, R>(fiber: AnyFiber, call: (asking: Asking) => Effect.Effect<A, E.UpdateUserError, R>) => {
    const [clock, ending] = [fiber.getRef(Clock.Clock), fiber.getRef(Ending)]
    const { attempts } = fiber.getRef(CallOptions)
    const timeout = timeoutIn(fiber)
    return tryAgain(clock, { ending, attempts }, (progress) => call({ fiber, clock, ending, timeout, progress }))
  }
  const pacerOf = yield* Pacers.make({
    ...options.rateLimit,
    maxPause: retry.maxRetryAfter,
    onWait: options.onWait,
  })
  const base = options.baseUrl.replace(/\/+$/, "")
  const read = Reader.of(base)
  // Of who asks twice in a row: what is made anew has to be put together, and looked through, for each request.
  let [last, bearer] = ["", ""]
  const own = options.token ?? noToken
  const timeoutIn = (fiber: AnyFiber) => {
    const asked = fiber.getRef(CallOptions).timeout
    return asked === undefined ? standardTimeout : Duration.toMillis(asked)
  }
  const withToken = <A, Err, R>(fiber: AnyFiber, use: (secret: string) => Effect.Effect<A, Err, R>) => {
    const callers = fiber.getRef(CallerToken) ?? own
    if (!Effect.isEffect(callers)) return use(Redacted.value(callers))
    const patience = { millis: timeoutIn(fiber), late: tokenLate }
    return Effect.flatMap(inTime(callers, patience), (token) => use(Redacted.value(token)))
  }

  // From a call to its request there are few steps, and all know the fiber that makes it: docs/decisions/0027.

  /** Asks once, and reads what a 2xx carries; every other answer is the error it stands for. */
  const askOnce = <A>(
    { fiber, clock, ending, timeout, progress }: Asking,
    ...[route, parameters, readAs, query = "", body]: Question<A>
  ) =>
    withToken(fiber, (secret) => {
      const headers: Record<string, string> = { ...fiber.getRef(Correlation), accept: "application/json" }
      if (last !== secret) [last, bearer] = [secret, `Bearer ${secret}`]
      if (secret !== "") headers["authorization"] = bearer
      if (body !== undefined) headers["content-type"] = "application/json"
      const { method } = Routes.routes[route]
      const url = base + Routes.pathOf(route, parameters) + query
      const text = body === undefined ? undefined : JSON.stringify(body)
      const askedAt = Monotonic.millisOf(clock)
      const left = progress.left(askedAt)
      const sending = Effect.suspend(() => {
        const now = Monotonic.millisOf(clock)
        options.onTurn?.(now - askedAt)
        const patience = patienceOf(timeout, progress.begin(now))
        return transport.send(
          text === undefined ? { method, url, headers, patience } : { method, url, headers, body: text, patience },
        )
      })
      const turn = {
        hasBegun: progress.hasBegun(),
        maxWait: left === undefined ? undefined : Duration.millis(left),
        ending,
      }
      return Effect.matchEffect(pacerOf(secret).paced(sending, turn), {
        onFailure: (error) => (error._tag === "TooLate" ? progress.giveUp(error.retryAfter) : Effect.fail(error)),
        onSuccess: (response) => {
          fiber.getRef(OnAnswer)(response)
          return read(response, secret, readAs)
        },
      })
    })

  /** A call of one request. */
  const ask = <A>(...question: Question<A>) =>
    Effect.withFiber<A, E.UpdateUserError>((fiber) => retrying(fiber, (asking) => askOnce(asking, ...question)))

  const get = (siteId: SiteId, userId: UserId) => ask("getUser", { siteId, userId }, UserJson.readUser)
  const page = (siteId: SiteId, query: UserJson.Asked & { readonly sort?: UserSort | undefined }) =>
    ask("listUsers", { siteId }, (json) => UserJson.readUserPage(json, query), queryOf(query))

  const list = (siteId: SiteId, { offset, limit, sort }: PageRequest & { readonly sort?: UserSort | undefined }) =>
    page(siteId, { offset, limit, sort })
  const source: EmailIndex.Source = { list, get }
  // Loaded when somebody is looked up: who knows ids does without.
  let index: ReturnType<typeof EmailIndex.make> | undefined
  const byEmail = Effect.map(
    Effect.promise(() => import("./Upstream/EmailIndex.ts")),
    (module) => (index ??= module.make(source)),
  )

  /** What an update is refused with that is refused whatever that server says. */
  const refusal = Effect.fnUntraced(function* (
    siteId: SiteId,
    userId: UserId,
    patch: UserPatch.UserPatch,
    hopeless: ReadonlyArray<E.Detail>,
  ) {
    // Who the user is tells what else is wrong with it. Where it may not be asked, or does not say, what is known is told.
    const user = yield* Effect.catchTag(
      get(siteId, userId),
      ["MissingScopes", "RouteNotFound", "UpstreamInvalidResponse", "UnexpectedResponse"],
      () => Effect.fail(UserPatch.refused(hopeless)),
    )
    return yield* Effect.fromResult(UserPatch.apply(user, patch, yield* DateTime.now))
  })

  const change = (fiber: AnyFiber, siteId: SiteId, userId: UserId, patch: UserPatch.UserPatch) =>
    retrying(fiber, (asking) => {
      const send = (all: UserPatch.SetGroups | undefined) =>
        askOnce(asking, "updateUser", { siteId, userId }, UserJson.readUser, "", encodeBody(patch, all))
      const { groups } = patch
      if (groups?._tag !== "EditGroups") return send(groups)
      // The wire knows only complete sets of groups, so joining and leaving are worked out from what is there, and
      // again before each try: by then somebody else may have changed it.
      return Effect.gen(function* () {
        const user = yield* askOnce(asking, "getUser", { siteId, userId }, UserJson.readUser)
        const after = UserPatch.apply(user, patch, yield* DateTime.now)
        const updated = yield* send(UserPatch.setGroups(yield* Effect.fromResult(after)))
        const replaced = yield* OnReplaced
        replaced(user)
        return updated
      })
    })

  return UserStore.of({
    update: (siteId, userId, patch) =>
      Traced.withFiber("UserStore.update", (fiber) => {
        const grant = fiber.getRef(UpdateGrant.Current)
        const hopeless = patch.objections.filter(({ unless }) => unless === undefined)
        if (hopeless.length > 0) return refusal(siteId, userId, patch, hopeless)
        // What it would change is that server's to know; here is seen what it names.
        const forbidden = UpdateGrant.refusalUnseen(grant, patch)
        return forbidden === undefined ? change(fiber, siteId, userId, patch) : Effect.fail(forbidden)
      }),

    get: (siteId, userId) => Traced.traced("UserStore.get")(get(siteId, userId)),

    findByEmail: Effect.fn("UserStore.findByEmail")(function* (siteId, email) {
      const found = yield* byEmail
      return yield* Effect.withFiber((fiber) => withToken(fiber, (secret) => found(secret, siteId, email)))
    }),

    finder: (siteId, wanted) => {
      let made: Finder | undefined
      const finder = Effect.map(
        Effect.promise(() => import("./Upstream/Finder.ts")),
        (module) => (made ??= module.make(source)(siteId, wanted)),
      )
      return {
        byId: (id) => Effect.flatMap(finder, (found) => found.byId(id)),
        byEmail: (email) => Effect.flatMap(finder, (found) => found.byEmail(email)),
      }
    },

    list: Effect.fn("UserStore.list")(list),

    // It is that server's to know, and no part of the contract tells it.
    declaration: () => Effect.succeed(undeclared),

    accessGroups: Effect.fn("UserStore.accessGroups")((siteId, { offset, limit, sort }) =>
      ask(
        "listAccessGroups",
        { siteId },
        (json) => UserJson.readAccessGroupPage(json, { offset, limit }),
        queryOf({ offset, limit, sort }),
      ),
    ),
  })
})

/** The same as a layer. */
export const layer = (options: Options): Layer.Layer<UserStore, never, Transport> =>
  Layer.effect(UserStore, make(options))

const queryOf = (values: object): string =>
  `?${Object.entries(values)
    .filter(([, value]) => value !== undefined)
    .map(([name, value]) => `${name}=${encodeURIComponent(String(value))}`)
    .join("&")}`

const noToken = Redacted.make("")

const tokenLate = () => new TimedOut({ cause: "the token did not come in time" })

/** Of one request, where so many milliseconds are left to the whole call. */
const patienceOf = (timeout: number, left: number): Patience => ({
  millis: Math.min(timeout, left),
  late: () =>
    new TimedOut({
      cause:
        left < timeout
          ? "no answer before the deadline of the whole call"
          : `no answer within ${Duration.format(Duration.millis(timeout))}`,
    }),
})

type AnyFiber = Fiber.Fiber<unknown, unknown>

/** What holds for all requests of a call. */
interface Asking {
  readonly fiber: AnyFiber
  readonly clock: Clock.Clock
  readonly ending: Effect.Effect<void> | undefined
  /** How long one of them may take, in milliseconds. */
  readonly timeout: number
  readonly progress: Retry.Progress
}

/** One request, and how its answer is read. */
type Question<A> = [
  route: Routes.RouteName,
  parameters: Partial<Routes.Parameters>,
  readAs: (json: unknown) => A | undefined,
  query?: string,
  body?: unknown,
]
