/** The Effect client in front of another server, whichever way requests are sent. */
import { Transport, type UpdateUser, type UserStore } from "@webflow-users/core"
import * as Upstream from "@webflow-users/core/UserStore/Upstream"
import { Config, ConfigProvider, Effect, Layer, Option, Redacted } from "effect"
import {
  callable,
  type Check,
  type Checks,
  objectOf,
  refuse,
  remoteChecks,
  retryChecks,
  retryOf,
} from "./checkOptions.ts"
import type { Platform } from "./platform.ts"
import { on, type WebflowUsers } from "./WebflowUsers.ts"

/** Which server, how to be let in, and how patient to be. */
export interface Options extends Upstream.Options {
  /** Sends the requests. Unless one is given: on Node undici, elsewhere the platform's `fetch`. */
  readonly fetch?: typeof globalThis.fetch | undefined
}

/** What the client in front of a server offers: itself, and what core's programs ask for. */
export type Services = WebflowUsers | UpdateUser.UpdateUser | UserStore.UserStore

/** The layers of a platform. */
export const make = ({ transport }: Platform) => {
  const layer = (options: Options): Layer.Layer<Services> =>
    Layer.suspend(() => {
      checkServer("layer", options)
      const { fetch, token, ...rest } = options
      return on(
        Upstream.layer({ ...rest, token: Effect.isEffect(token) ? Effect.map(token, given) : token }).pipe(
          Layer.provide(Layer.effect(Transport.Transport, transport(options.baseUrl, fetch))),
        ),
      )
    })

  // One constant, which is built once in a program: so it stands for as many layers as there are providers. Whoever uses it twice
  // under one of them shares a client, and its limits.
  const configured = new WeakMap<ConfigProvider.ConfigProvider, Layer.Layer<Services, Config.ConfigError>>()
  const layerConfig = Layer.fromBuild((memoMap, scope) =>
    Effect.flatMap(ConfigProvider.ConfigProvider, (provider) => {
      const own = configured.get(provider) ?? Layer.unwrap(Effect.map(config, layer))
      configured.set(provider, own)
      return Layer.buildWithMemoMap(own, memoMap, scope)
    }),
  )
  return { layer, layerConfig }
}

const isToken = (value: unknown): value is Redacted.Redacted =>
  Redacted.isRedacted(value) && typeof Redacted.value(value) === "string"

// What is none is not told: it may be the secret, bare.
const checkToken: Check = (name, value) => {
  if (!Effect.isEffect(value) && !isToken(value))
    refuse(name, "has to be text that is Redacted, as Redacted.make gives it, or an effect that gives such")
}
const given = (value: unknown): Redacted.Redacted =>
  isToken(value) ? value : refuse("token", "is an effect, which has to give text that is Redacted")

const yesOrNo: Check = (name, value) => {
  if (typeof value !== "boolean") refuse(name, "has to be true or false")
}

const checkRetry = retryOf({ ...retryChecks, countsWaiting: yesOrNo } satisfies Checks<
  Exclude<Upstream.Options["retry"], false | undefined>
>)

const checkOptions = objectOf(
  {
    baseUrl: remoteChecks.baseUrl,
    token: checkToken,
    fetch: remoteChecks.fetch,
    timeout: remoteChecks.timeout,
    retry: checkRetry,
    rateLimit: remoteChecks.rateLimit,
    onWait: callable,
    onTurn: callable,
  } satisfies Checks<Options>,
  "",
)

/** Throws what the promise client throws of the same options. */
const checkServer = (name: string, options: Options): void => {
  checkOptions(name, options)
  if (options.baseUrl === undefined) refuse("baseUrl", "is not given")
}

const wrong = (message: string) => new Config.ConfigError(new ConfigProvider.SourceError({ message }))

const config: Effect.Effect<Options, Config.ConfigError> = Effect.gen(function* () {
  // Loaded when it is asked for: whoever says the options in the program does without.
  const { config: patience } = yield* Effect.promise(() => import("@webflow-users/stores/UpstreamSettings"))
  const baseUrl = yield* Config.String("WEBFLOW_USERS_STORE")
  const address = Upstream.addressProblem(baseUrl)
  if (address !== undefined) return yield* Effect.fail(wrong(`WEBFLOW_USERS_STORE ${address}`))
  const token = yield* Config.option(Config.Redacted("WEBFLOW_USERS_TOKEN"))
  const { timeout, retry, rateLimit } = yield* Effect.mapError(patience, ({ message }) => wrong(message))
  return { baseUrl, token: Option.getOrUndefined(token), timeout, retry, rateLimit }
})
