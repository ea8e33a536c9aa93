/** Node: requests by undici's `Pool`, which costs a tenth of what `fetch` does, and stores in this process. */
import { Effect, Layer } from "effect"
import { type Platform, platform as elsewhere } from "./platform.ts"

/**
 * Node. Undici is loaded with the first call: where it is not installed, or does not run on this Node, `fetch` sends the
 * requests. A `fetch` that is given sends them anyway.
 */
export const platform: Platform = {
  transport: (baseUrl, fetch) =>
    fetch === undefined
      ? Layer.unwrap(
          Effect.promise(() =>
            import("@webflow-users/stores/Undici").then(
              // Each request has a timeout of its own, which ends it here too.
              (undici) => undici.layer(baseUrl, { silence: 0 }),
              () => elsewhere.transport(baseUrl, fetch),
            ),
          ),
        )
      : elsewhere.transport(baseUrl, fetch),
  stores: () => import("@webflow-users/stores"),
  filling: () => import("./filling.ts"),
}
