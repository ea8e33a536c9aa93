/**
 * For the tests of code that calls Webflow's Update User: a real server on a real socket, in the test's own process, and a suite
 * for whoever writes a store. For any test runner, on Node.
 *
 * @packageDocumentation
 */
import {
  type NewUsers,
  RateLimits,
  ReadUsers,
  type Sites,
  UpdatePolicy,
  UpdateUser,
  type User,
  type UserEvents,
  UserStore,
} from "@webflow-users/core"
import * as Memory from "@webflow-users/core/UserStore/Memory"
import { Callers, Cors, FailedAuthentications, Faults as ServerFaults, Observed, Server } from "@webflow-users/server"
import { Effect, Exit, Layer, References, Scope } from "effect"
import * as Faults from "./testing/Faults.ts"
import * as Lives from "./testing/Lives.ts"
import { objectOf, oneOf } from "./testing/Given.ts"
import type { RecordedRequest } from "./testing/RecordedRequest.ts"
import { recordedAround } from "./testing/Requests.ts"
import { sample } from "./testing/Sample.ts"
import { plant, read as readSeed, type Seed } from "./testing/Seed.ts"
import * as Tokens from "./testing/Tokens.ts"

export type { Fault, FaultRules, FaultsOption } from "./testing/Faults.ts"
export { InvalidOption } from "./testing/InvalidOption.ts"
export type { RecordedRequest } from "./testing/RecordedRequest.ts"
export { sample } from "./testing/Sample.ts"
export type { Seed, SiteSeed } from "./testing/Seed.ts"
export type { TokenGrants } from "./testing/Tokens.ts"
export * as UserStoreTest from "./testing/UserStoreTest.ts"

/** What a server for tests is to be; none of it has to be said. */
export interface ServerOptions {
  /** Its sites and their users; the {@link sample} unless said. */
  readonly seed?: Seed
  /** The token that may do everything; `test-token` unless said. */
  readonly token?: string
  /** How many requests a minute {@link token} may make; as many as it likes unless said. */
  readonly rateLimit?: number
  /** Further tokens, each by its text, which may do less. */
  readonly tokens?: Readonly<Record<string, Tokens.TokenGrants>>
  /** What goes wrong at first: for whichever site is asked, or one a site. {@link TestServer.faults} sets it later. */
  readonly faults?: Faults.FaultsOption
  /** Decisions about updates that are made otherwise than by this project. */
  readonly policy?: Partial<UpdatePolicy.UpdatePolicy>
}

/** A server that runs until it is closed. */
export interface TestServer {
  /** Its address with the prefix, as `createClient` takes it: `http://127.0.0.1:<port>/v2`. */
  readonly baseUrl: string
  /** Its address without a prefix: also `/beta`, v1 by `Accept-Version: 1.0.0`, `/openapi.json`, `/faults/sites/…`. */
  readonly origin: string
  /** The token that may do everything. */
  readonly token: string
  /**
   * What it was asked since the start, or the last {@link reset}, in the order in which requests came; preflights, `/health` and
   * its like too. One list, which grows.
   */
  readonly requests: ReadonlyArray<RecordedRequest>
  readonly faults: Faults.FaultRules
  /** All users of a site as they are now, in the order they were created; of the seed's first site unless said. */
  readonly users: (siteId?: string) => Promise<ReadonlyArray<User>>
  /** A user as it is now, by its id or e-mail address. Rejects with core's `UserNotFound` where there is none. */
  readonly user: (idOrEmail: string, siteId?: string) => Promise<User>
  /**
   * Goes back to the start: users and sites as seeded, faults as at first, requests forgotten, rate limits unused. What is
   * being answered at that moment still happens to what was there before.
   */
  readonly reset: () => Promise<void>
  /**
   * Ends it at once, and every connection: what is still asked of it is not done, and has no status. To close it again does nothing.
   * A program that forgets to can end all the same, and ends when it has nothing else to do.
   */
  readonly close: () => Promise<void>
  readonly [Symbol.asyncDispose]: () => Promise<void>
}

/** All that a request is answered with: made anew for each reset. */
type State = UserStore.UserStore | UserEvents | NewUsers | Sites | UpdateUser.UpdateUser | Callers

const standardToken = "test-token"

/** Nobody reads what a server for tests would say of itself, or traces it. */
const quiet = Layer.mergeAll(
  Layer.succeed(References.MinimumLogLevel, "None"),
  Layer.succeed(References.TracerEnabled, false),
  // Test runners that play browser ask whether they may.
  Layer.succeed(Cors.AllowedOrigins, "*"),
)
const quietly = <A, E>(effect: Effect.Effect<A, E>) => Effect.runPromise(Effect.provide(effect, quiet))

/**
 * Starts a server that answers as `webflow-users-proxy` does: v2, beta and v1, with its errors, its rate limits and its faults.
 * It listens on a free port of 127.0.0.1 and has its users in memory. Several run beside each other.
 *
 * Rejects with {@link InvalidOption}, which says of each part what is wrong with it.
 *
 * @example
 * ```ts
 * import { createClient } from "@webflow-users/sdk"
 * import { sample, startServer } from "@webflow-users/sdk/testing"
 *
 * await using server = await startServer({ faults: { status: 429, retryAfter: 1, times: 2 } })
 * await using client = createClient({ baseUrl: server.baseUrl, token: server.token })
 * await client.users.update(sample.siteId, sample.userIds.ada, { data: { name: "Ada Lovelace" } })
 * server.requests.map(({ status }) => status) // [429, 429, 200]
 * ```
 */
export const startServer = async (options: ServerOptions = {}): Promise<TestServer> => {
  objectOf("startServer", "startServer", optionKeys, options)
  const { seed = sample.seed, token = standardToken, rateLimit, tokens = {}, faults = {} } = options
  const planted = readSeed(seed)
  const callers = Tokens.read({ token, rateLimit, tokens })
  const policy = readPolicy(options.policy)
  const scope = Scope.makeUnsafe()
  const requests: Array<RecordedRequest> = []
  let rules = Faults.read(faults)

  const build = (of: Scope.Scope) =>
    Effect.gen(function* () {
      const state = yield* Layer.buildWithScope(layer(callers, rules, policy), of)
      yield* Effect.provideContext(plant(planted), state)
      return state
    })
  let lives: Lives.Lives<State>
  const run = <A, E>(effect: Effect.Effect<A, E, State>) => quietly(lives.present().within(effect))

  const witness: Observed.Witness = {
    began: () => undefined,
    ended: () => undefined,
    around: (request, _, answering) =>
      Effect.suspend(() => {
        const { within, isPresent } = lives.present()
        const keep = (recorded: RecordedRequest) => {
          if (isPresent()) requests.push(recorded)
        }
        return recordedAround(keep, request, (asked) => within(answering(asked)))
      }),
  }
  const listen = Server.listen({ host: "127.0.0.1", port: 0, stopsAtOnce: true, letsProcessEnd: true }).pipe(
    Effect.provideService(Observed.Witness, witness),
    Scope.provide(scope),
  )
  const start = Effect.gen(function* () {
    lives = yield* Lives.make(scope, build)
    return yield* lives.present().within(listen)
  })
  const { port } = await quietly(Effect.onError(start, () => Scope.close(scope, Exit.void)))

  const [firstSite = sample.siteId] = Object.keys(seed)
  let closing: Promise<void> | undefined
  const close = () => (closing ??= quietly(Scope.close(scope, Exit.void)))
  return {
    baseUrl: `http://127.0.0.1:${port}/v2`,
    origin: `http://127.0.0.1:${port}`,
    token,
    requests,
    faults: Faults.rulesOn(() => rules),
    users: (siteId = firstSite) => run(allUsers(siteId)),
    user: (idOrEmail, siteId = firstSite) => run(ReadUsers.findUser(siteId, idOrEmail)),
    reset: async () => {
      rules = Faults.read(faults)
      await quietly(lives.renew)
      requests.length = 0
    },
    close,
    [Symbol.asyncDispose]: close,
  }
}

const optionKeys = Object.keys({
  seed: true,
  token: true,
  rateLimit: true,
  tokens: true,
  faults: true,
  policy: true,
} satisfies Record<keyof ServerOptions, true>)

const readPolicy = (policy: ServerOptions["policy"] = {}): UpdatePolicy.UpdatePolicy => {
  objectOf("policy", "policy", Object.keys(UpdatePolicy.settings), policy)
  for (const key of ["emailAndPassword", "ecommerceGroups"] as const) {
    oneOf(`policy.${key}`, UpdatePolicy.settings[key].values, policy[key])
  }
  return UpdatePolicy.of(policy)
}

const allUsers = Effect.fnUntraced(function* (siteId: string) {
  const store = yield* UserStore.UserStore
  const site = yield* UserStore.acceptSiteId(siteId)
  return (yield* store.list(site, { offset: 0, limit: Number.MAX_SAFE_INTEGER })).users
})

const layer = (
  tokens: ReturnType<typeof Tokens.read>,
  rules: Faults.Rules,
  policy: UpdatePolicy.UpdatePolicy,
): Layer.Layer<State> =>
  Layer.merge(UpdateUser.layer, Callers.tokens).pipe(
    Layer.provide(Tokens.layer(tokens)),
    // A test may present as many wrong tokens as it likes.
    Layer.provide([RateLimits.RateLimits.layerMemory, FailedAuthentications.FailedAuthentications.layer("off")]),
    Layer.provideMerge(Memory.layer),
    Layer.merge(Layer.succeed(ServerFaults.Rules, rules)),
    Layer.merge(Layer.succeed(UpdatePolicy.Current, policy)),
  )
