/** The store a command works on: its address, and the token that another's server wants. */
import { type AccessTokenStore, Actor, type UserStore } from "@webflow-users/core"
import { StoreAddress, UpstreamSettings } from "@webflow-users/stores"
import { Config, Effect, Layer, Option, Redacted } from "effect"
import { Flag, GlobalFlag } from "effect/cli"
import { Calls } from "./Calls.ts"
import type { Failure } from "./Failure.ts"
import { table } from "./Text.ts"

export const Address = GlobalFlag.Setting("store")({
  flag: Flag.String("store").pipe(
    Flag.withMetavar("ADDRESS"),
    Flag.withDescription(
      `Where the users are: file:PATH, postgres://…, memory: or http(s)://HOST/v2 (default: WEBFLOW_USERS_STORE, or ${StoreAddress.standard})`,
    ),
    // Set to nothing is not set: Config sees it so.
    Flag.withFallbackConfig(Config.String("WEBFLOW_USERS_STORE")),
    Flag.withDefault(StoreAddress.standard),
  ),
})

export type Asks = GlobalFlag.Setting.Identifier<"store">

// No flag for it: a token on a command line ends up in the shell's history and in everybody's list of processes.
const token = Config.option(Config.map(Config.String("WEBFLOW_USERS_TOKEN"), Redacted.make))

/** How patient to be with another server, for the help. */
export const settings: string = table(
  Object.values(UpstreamSettings.settings).map(({ variable, description, standard }) => [
    variable,
    `${description} (${standard})`,
  ]),
)

/** The store at an address, whoever keeps it. `rate` is how many requests to send it in a minute, `isBrief` whether they are few. */
export const layerAt = (
  address: string,
  { rate, isBrief }: { readonly rate?: number | undefined; readonly isBrief?: boolean } = {},
): Layer.Layer<UserStore.UserStore, Failure, Calls> =>
  Layer.unwrap(
    Effect.gen(function* () {
      const options = yield* UpstreamSettings.config
      const { around, onWait } = yield* Calls
      const rateLimit = rate === undefined ? options.rateLimit : { limit: rate, window: "1 minute" as const }
      const bearer = Option.getOrUndefined(yield* Effect.orDie(token))
      return StoreAddress.layer(address, { ...options, rateLimit, isBrief, around, onWait, token: bearer })
    }),
  ).pipe(Layer.merge(Layer.succeed(Actor, { actor: "cli" })))

/** The store that the command line or the environment names. */
export const layer: Layer.Layer<UserStore.UserStore, Failure, Asks | Calls> = Layer.unwrap(
  Effect.map(Address, (address) => layerAt(address, { isBrief: true })),
)

/** The store, with what only its owner can do. */
export const layerOwned: Layer.Layer<StoreAddress.OwnedServices, Failure, Asks> = Layer.unwrap(
  Effect.map(Address, (address) => StoreAddress.layerOwned(address)),
)

/** The same with whole sites, to be taken out and put in. */
export const layerArchived: Layer.Layer<StoreAddress.ArchivedServices, Failure, Asks> = Layer.unwrap(
  Effect.map(Address, (address) => StoreAddress.layerArchived(address)),
)

/** The store, with its webhooks. */
export const layerWithWebhooks: Layer.Layer<StoreAddress.WebhookServices, Failure, Asks> = Layer.unwrap(
  Effect.map(Address, (address) => StoreAddress.layerWithWebhooks(address)),
)

const tokenStore = Config.option(Config.String("WEBFLOW_USERS_TOKEN_STORE"))

/** The store, and the tokens of a proxy's callers that serves it. */
export const layerWithTokens: Layer.Layer<UserStore.UserStore | AccessTokenStore, Failure, Asks> = Layer.unwrap(
  Effect.gen(function* () {
    const address = yield* Address
    return StoreAddress.layerWithTokens(address, { tokenStore: Option.getOrUndefined(yield* Effect.orDie(tokenStore)) })
  }),
)
