/** The Effect client in front of another server, whichever way requests are sent. */
import { Transport, type UpdateUser, type UserStore } from "@webflow-users/core"
import * as Upstream from "@webflow-users/core/UserStore/Upstream"
import { Config, ConfigProvider, Duration, Effect, Layer, Option } from "effect"
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
  const layer = ({ fetch, ...options }: Options): Layer.Layer<Services> => {
    const problem = problemOf(options)
    if (problem !== undefined) return Layer.effectContext(Effect.die(new RangeError(problem)))
    return on(
      Upstream.layer(options).pipe(Layer.provide(Layer.effect(Transport.Transport, transport(options.baseUrl, fetch)))),
    )
  }
  return { layer, layerConfig: Layer.unwrap(Effect.map(config, layer)) }
}

/** What is wrong with the options, if anything. It does not repeat an address, which may hold what is secret. */
const problemOf = ({ baseUrl, rateLimit, retry }: Upstream.Options): string | undefined => {
  const address = Upstream.addressProblem(baseUrl)
  if (address !== undefined) return `baseUrl ${address}`
  const counts = { "rateLimit.limit": rateLimit?.limit, "retry.attempts": retry === false ? 1 : retry?.attempts }
  for (const [name, count] of Object.entries(counts)) {
    if (count !== undefined && !(Number.isSafeInteger(count) && count > 0))
      return `${name} has to be a whole number from 1`
  }
  const window = Duration.fromInputUnsafe(rateLimit?.window ?? Upstream.defaults.window)
  return Duration.isPositive(window) && Duration.isFinite(window)
    ? undefined
    : "rateLimit.window has to be longer than nothing, and to end"
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
