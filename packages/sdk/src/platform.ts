/** What a client needs of where it runs. Each entry of the package hands it in. */
import type { NewUsers, Sites, Transport, UserStore } from "@webflow-users/core"
import * as FetchTransport from "@webflow-users/core/Transport/Fetch"
import { type Context, Effect, type Scope } from "effect"

/** What a store in this process is for. */
export type StoreServices = UserStore.UserStore | NewUsers | Sites

/** Where a client runs. */
export interface Platform {
  /** Sends requests to the server at an address; by the `fetch` that is given, where one is. */
  readonly transport: (
    baseUrl: string,
    fetch: typeof globalThis.fetch | undefined,
  ) => Effect.Effect<Transport.Transport["Service"], never, Scope.Scope>
  /** Opens the store in this process that is at an address, where such stores run, and loads what fills it. */
  readonly openStore?: (address: string) => Effect.Effect<Context.Context<StoreServices>, unknown, Scope.Scope>
  readonly filling?: () => Promise<typeof import("./filling.ts")>
}

/** Everywhere: by `fetch`. Nothing of it names a module of Node, which who bundles it for a browser could not resolve. */
export const platform: Platform = { transport: (_, fetch) => Effect.sync(() => FetchTransport.make(fetch)) }
