/** What a client needs of where it runs: something that sends its requests. Each entry of the package hands one in. */
import type { Transport } from "@webflow-users/core"
import * as FetchTransport from "@webflow-users/core/Transport/Fetch"
import type { Layer } from "effect"

/** Where a client runs. */
export interface Platform {
  /** Sends requests to the server at an address; by the `fetch` that is given, where one is. */
  readonly transport: (baseUrl: string, fetch: typeof globalThis.fetch | undefined) => Layer.Layer<Transport.Transport>
}

/** Everywhere: by `fetch`. */
export const platform: Platform = { transport: (_, fetch) => FetchTransport.layer(fetch) }
