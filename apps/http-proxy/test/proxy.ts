/** A proxy on a real socket, in this process: what `main.ts` assembles, on a store of the test's. */
import * as NodeCrypto from "@effect/platform-node/NodeCrypto"
import { AccessTokens, NewUsers, type SiteId, UpdateUser, type User } from "@webflow-users/core"
import type { Routes } from "@webflow-users/core/wire"
import { StoreAddress } from "@webflow-users/stores"
import { Effect, Exit, Layer, ManagedRuntime, Scope } from "effect"
import * as Server from "../src/Server.ts"

const scopes: ReadonlyArray<Routes.Scope> = ["users:read", "users:write"]

/** Starts a proxy on a store, with these users on the site. */
export const start = async (store: string, site: { readonly id: SiteId; readonly users: ReadonlyArray<User> }) => {
  const runtime = ManagedRuntime.make(
    Layer.merge(UpdateUser.UpdateUser.layer, AccessTokens.AccessTokens.layer).pipe(
      Layer.provideMerge(StoreAddress.layerOwned(store)),
      Layer.provide([NodeCrypto.layerDigest, NodeCrypto.layerSecureRandom]),
    ),
  )
  await runtime.runPromise(NewUsers.use((newUsers) => newUsers.add(site.id, () => site.users)))
  const scope = Scope.makeUnsafe()
  const { port } = await runtime.runPromise(Scope.provide(Server.listen({ host: "127.0.0.1", port: 0 }), scope))
  return {
    origin: `http://127.0.0.1:${port}`,
    runtime,
    token: async (siteId: SiteId = site.id, granted = scopes) => {
      const issued = await runtime.runPromise(AccessTokens.AccessTokens.use((tokens) => tokens.create(siteId, granted)))
      return issued.token
    },
    stop: async () => {
      await runtime.runPromise(Scope.close(scope, Exit.void))
      await runtime.dispose()
    },
  }
}
