/** What the settings say of where users and callers' tokens are, as layers. */
import { AccessTokens, AccessTokenStore, UserStore } from "@webflow-users/core"
import { Callers, FailedAuthentications, Forwarding, Ready, type Way } from "@webflow-users/server"
import { StoreAddress, UpstreamSettings } from "@webflow-users/stores"
import { Data, Effect, Layer, Option, type Redacted } from "effect"
import type { Digest, SecureRandom } from "effect/crypto"
import { upstreamToken } from "./Config.ts"
import * as Metrics from "./Metrics.ts"
import * as Tracing from "./Tracing.ts"

/** Settings that are good each for itself and not together. */
export class ContradictorySettings extends Data.TaggedError("ContradictorySettings")<{ readonly message: string }> {}

export interface Settings {
  readonly store: string
  readonly auth: Way
  readonly tokenStore: Option.Option<string>
  readonly faults: boolean
  readonly failedAuthentications: number | "off"
  readonly upstream: UpstreamSettings.Values
}

/** The users, and who may ask for them. */
export const layer = (
  settings: Settings,
): Layer.Layer<
  StoreAddress.ServedServices | Callers,
  StoreAddress.NotOpened | ContradictorySettings,
  Digest.Digest | SecureRandom.SecureRandom
> =>
  Layer.unwrap(
    Effect.gen(function* () {
      const token = yield* Effect.orDie(upstreamToken)
      const problem = contradiction(settings, token)
      if (problem !== undefined) return yield* new ContradictorySettings({ message: problem })
      const { store, auth, tokenStore, upstream, failedAuthentications } = settings
      const metrics = yield* Metrics.Metrics
      const options = {
        around: Tracing.aroundUpstream,
        ...(metrics !== undefined && Metrics.upstreamOptions(metrics)),
        // Callers of HTTP do not wait for ever, neither for their turn nor for the answer.
        ...UpstreamSettings.optionsOf(upstream, { countsWaiting: true }),
        token: Option.getOrUndefined(token),
      }
      const callers =
        auth === "passthrough"
          ? Layer.merge(checks, Callers.passthrough).pipe(Layer.provideMerge(StoreAddress.layerServed(store, options)))
          : Layer.merge(checksWithTokens, Callers.tokens).pipe(
              Layer.provide([
                AccessTokens.AccessTokens.layer,
                FailedAuthentications.FailedAuthentications.layer(failedAuthentications),
              ]),
              Layer.provideMerge(
                StoreAddress.layerWithTokens(store, { ...options, tokenStore: Option.getOrUndefined(tokenStore) }),
              ),
            )
      return Layer.merge(
        Metrics.layerTimed(callers),
        Layer.succeed(Forwarding.EndsWithCaller, StoreAddress.isRemote(store)),
      )
    }),
  )

/** What has to answer before this process can serve: the store, where that is its own. */
const checks = Layer.effect(
  Ready.Checks,
  Effect.flatMap(UserStore.UserStore, ({ ping }) =>
    ping === undefined ? Effect.succeed({}) : Effect.map(Ready.remembered("store", ping), (store) => ({ store })),
  ),
)

/** The tokens too, wherever they are: to look for one that nobody can have costs next to nothing. */
const checksWithTokens = Layer.effect(
  Ready.Checks,
  Effect.gen(function* () {
    const { find } = yield* AccessTokenStore
    return { ...(yield* Ready.Checks), tokens: yield* Ready.remembered("tokens", find("")) }
  }),
).pipe(Layer.provide(checks))

const contradiction = (
  { store, auth, tokenStore, faults }: Settings,
  token: Option.Option<Redacted.Redacted>,
): string | undefined => {
  if (auth === "tokens") return undefined
  if (!StoreAddress.isRemote(store)) {
    return "--auth passthrough (or WEBFLOW_USERS_AUTH) passes callers' tokens on to another server, and the store is none: give --store the https: address of one"
  }
  if (Option.isSome(token)) {
    return "With --auth passthrough callers bring the token of the server behind: WEBFLOW_USERS_TOKEN must not be set"
  }
  if (Option.isSome(tokenStore)) {
    return "With --auth passthrough no tokens are kept here: leave out --token-store (WEBFLOW_USERS_TOKEN_STORE)"
  }
  return faults ? "--faults needs --auth tokens: otherwise anyone could ask for them" : undefined
}
