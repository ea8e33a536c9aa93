/** What a client needs of where it runs. Each entry of the package hands it in. */
import type { Transport } from "@webflow-users/core"
import * as FetchTransport from "@webflow-users/core/Transport/Fetch"
import type { Layer } from "effect"

/** Where a client runs. */
export interface Platform {
  /** Sends requests to the server at an address; by the `fetch` that is given, where one is. */
  readonly transport: (baseUrl: string, fetch: typeof globalThis.fetch | undefined) => Layer.Layer<Transport.Transport>
  /** Loads the stores that run in a process, where there are some, and what fills them. */
  readonly stores?: () => Promise<typeof import("@webflow-users/stores")>
  readonly filling?: () => Promise<typeof import("./filling.ts")>
}

/** Everywhere: by `fetch`. Nothing of it names a module of Node, which who bundles it for a browser could not resolve. */
export const platform: Platform = { transport: (_, fetch) => FetchTransport.layer(fetch) }
