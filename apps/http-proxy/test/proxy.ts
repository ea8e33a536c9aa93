/** A proxy on a real socket, in this process: what `main.ts` assembles, on a store of the test's. */
import * as NodeCrypto from "@effect/platform-node/NodeCrypto"
import { AccessTokens, NewUsers, RateLimits, type SiteId, UpdateUser, type User, UserStore } from "@webflow-users/core"
import type { Routes } from "@webflow-users/core/wire"
import { StoreAddress } from "@webflow-users/stores"
import { Effect, Exit, Layer, ManagedRuntime, Scope } from "effect"
import * as Server from "../src/Server.ts"

export interface Site {
  readonly id: SiteId
  readonly users: ReadonlyArray<User>
}

const allScopes: ReadonlyArray<Routes.Scope> = ["users:read", "users:write"]

/**
 * What the proxy and its tests have of a store; `around` puts something between the store and who calls it, and `beside`
 * is what everything runs with, such as a clock of the test's.
 */
const layer = (
  store: string,
  around: (store: UserStore.UserStore["Service"]) => UserStore.UserStore["Service"],
  beside: Layer.Layer<never>,
) =>
  Layer.mergeAll(UpdateUser.UpdateUser.layer, AccessTokens.AccessTokens.layer, RateLimits.RateLimits.layerMemory).pipe(
    Layer.provideMerge(Layer.effect(UserStore.UserStore, Effect.map(UserStore.UserStore, around))),
    Layer.provideMerge(StoreAddress.layerOwned(store)),
    Layer.provide([NodeCrypto.layerDigest, NodeCrypto.layerSecureRandom]),
    Layer.provideMerge(beside),
  )

/** Opens a store in this process. */
export const open = (
  store: string,
  around: Parameters<typeof layer>[1] = (same) => same,
  beside: Layer.Layer<never> = Layer.empty,
) => {
  const runtime = ManagedRuntime.make(layer(store, around, beside))
  return {
    run: runtime.runPromise,
    add: (site: Site) => runtime.runPromise(NewUsers.use((newUsers) => newUsers.add(site.id, () => site.users))),
    /** Issues a token. */
    token: async (siteId: SiteId, scopes = allScopes, rate?: number) => {
      const issued = await runtime.runPromise(
        AccessTokens.AccessTokens.use((tokens) => tokens.create(siteId, scopes, { rate })),
      )
      return issued.token
    },
    close: () => runtime.dispose(),
    [Symbol.asyncDispose]: () => runtime.dispose(),
  }
}

/** Starts a proxy on a store, with these users on the site. */
export const start = async (
  address: string,
  site: Site,
  around?: Parameters<typeof layer>[1],
  beside?: Layer.Layer<never>,
) => {
  const store = open(address, around, beside)
  await store.add(site)
  const scope = Scope.makeUnsafe()
  const { port } = await store.run(Scope.provide(Server.listen({ host: "127.0.0.1", port: 0 }), scope))
  /** Ends what `main.ts` ends at a signal; the store stays open. */
  const hangUp = () => store.run(Scope.close(scope, Exit.void))
  return {
    origin: `http://127.0.0.1:${port}`,
    run: store.run,
    add: store.add,
    token: (siteId = site.id, scopes = allScopes, rate?: number) => store.token(siteId, scopes, rate),
    hangUp,
    stop: async () => {
      await hangUp()
      await store.close()
    },
  }
}
