/** A proxy on a real socket, in this process: what `main.ts` assembles, on a store of the test's. */
import { mkdtemp, rm } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import * as NodeCrypto from "@effect/platform-node/NodeCrypto"
import {
  AccessTokens,
  NewUsers,
  type SiteDeclaration,
  type SiteId,
  Sites,
  UpdateUser,
  type User,
  UserStore,
} from "@webflow-users/core"
import type { Routes } from "@webflow-users/core/wire"
import { StoreAddress } from "@webflow-users/stores"
import { Effect, Exit, Layer, ManagedRuntime, Scope } from "effect"
import { afterAll, beforeAll } from "vitest"
import * as DocsPages from "../src/DocsPages.ts"
import { Callers, FailedAuthentications, Server } from "@webflow-users/server"

export interface Site {
  readonly id: SiteId
  readonly users: ReadonlyArray<User>
  readonly declaration?: SiteDeclaration.SiteDeclaration
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
  Layer.merge(UpdateUser.layer, Callers.tokens).pipe(
    Layer.provideMerge(
      Layer.merge(AccessTokens.AccessTokens.layer, FailedAuthentications.FailedAuthentications.layer("off")),
    ),
    Layer.provideMerge(Layer.effect(UserStore.UserStore, Effect.map(UserStore.UserStore, around))),
    Layer.provideMerge(StoreAddress.layerOwned(store)),
    Layer.provide([NodeCrypto.layerDigest, NodeCrypto.layerSecureRandom]),
    Layer.provideMerge(Layer.merge(DocsPages.layer, beside)),
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
    add: async ({ id, users, declaration }: Site) => {
      await runtime.runPromise(NewUsers.use((newUsers) => newUsers.add(id, () => users)))
      if (declaration !== undefined) await runtime.runPromise(Sites.use((sites) => sites.declare(id, declaration)))
    },
    /** Issues a token; a number is its rate. */
    token: async (siteId: SiteId | "all", scopes = allScopes, grants: number | AccessTokens.Grants = {}) => {
      const issued = await runtime.runPromise(
        AccessTokens.AccessTokens.use((tokens) =>
          tokens.create(siteId, scopes, typeof grants === "number" ? { rate: grants } : grants),
        ),
      )
      return issued.token
    },
    close: () => runtime.dispose(),
    [Symbol.asyncDispose]: () => runtime.dispose(),
  }
}

/** Starts a proxy on a store, with these users on the site, or on several of which the first is meant where none is named. */
export const start = async (
  address: string,
  sites: Site | [Site, ...Array<Site>],
  around?: Parameters<typeof layer>[1],
  beside?: Layer.Layer<never>,
  limits?: Partial<Server.Limits>,
) => {
  const store = open(address, around, beside)
  const all = Array.isArray(sites) ? sites : ([sites] as const)
  const [site] = all
  for (const one of all) await store.add(one)
  const scope = Scope.makeUnsafe()
  const { port } = await store.run(
    Scope.provide(Server.listen({ host: "127.0.0.1", port: 0, ...(limits && { limits }) }), scope),
  )
  /** Ends what `main.ts` ends at a signal; the store stays open. */
  const hangUp = () => store.run(Scope.close(scope, Exit.void))
  return {
    origin: `http://127.0.0.1:${port}`,
    run: store.run,
    add: store.add,
    token: (siteId: SiteId | "all" = site.id, scopes = allScopes, grants?: number | AccessTokens.Grants) =>
      store.token(siteId, scopes, grants),
    hangUp,
    stop: async () => {
      await hangUp()
      await store.close()
    },
  }
}

/** A store in a file, with a site in it and a token for that, made before the tests of a file and gone after them. */
export const inFile = (site: Site) => {
  const made = { folder: "", store: "", token: "" }
  beforeAll(async () => {
    made.folder = await mkdtemp(join(tmpdir(), "webflow-users-proxy-"))
    made.store = `file:${made.folder}/users.db`
    await using before = open(made.store)
    await before.add(site)
    made.token = await before.token(site.id)
  })
  afterAll(() => rm(made.folder, { recursive: true }))
  return made
}
