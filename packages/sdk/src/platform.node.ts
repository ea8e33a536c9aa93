/** Node: requests by undici's `Pool`, which costs a tenth of what `fetch` does, and stores in this process. */
import { Transport } from "@webflow-users/core"
import { Context, Effect, Layer } from "effect"
import { notLoaded } from "./local.ts"
import { type Platform, platform as elsewhere } from "./platform.ts"

// Node's own, whatever a test of somebody's has put there by the time of the first call.
const { setImmediate } = globalThis as unknown as { readonly setImmediate: (begin: () => void) => unknown }

/**
 * Node. Undici is loaded with the first call: where it is not installed, or does not run on this Node, `fetch` sends the
 * requests. A `fetch` that is given sends them anyway.
 */
export const platform: Platform = {
  transport: (baseUrl, fetch) =>
    fetch === undefined
      ? Effect.flatten(
          Effect.promise(() =>
            import("@webflow-users/stores/Undici").then(
              // Each request has a timeout of its own, which ends it here too.
              (undici) =>
                Effect.map(
                  Layer.build(undici.layer(baseUrl, { silence: 0, setImmediate })),
                  Context.get(Transport.Transport),
                ),
              () => elsewhere.transport(baseUrl, fetch),
            ),
          ),
        )
      : elsewhere.transport(baseUrl, fetch),
  openStore: (address) =>
    Effect.flatMap(
      Effect.tryPromise({ try: () => import("@webflow-users/stores"), catch: notLoaded }),
      ({ StoreAddress }) => Layer.build(StoreAddress.layerOwned(address)),
    ),
  filling: () => import("./filling.ts"),
}
