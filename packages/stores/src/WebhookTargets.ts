/** Where webhooks may go, and how they get there. */
import { Transport } from "@webflow-users/core"
import { Effect, Layer } from "effect"
import type { LookupFunction } from "node:net"
import * as PublicAddress from "./PublicAddress.ts"

export interface Options {
  /** Whether they may go to addresses that are not the internet's: this machine's, a private network's. */
  readonly allowPrivate: boolean
  /** Finds the addresses of a name; the system does unless said otherwise. */
  readonly lookup?: LookupFunction | undefined
}

/** Whether a URL's host is one that webhooks may not go to, as far as the host itself says. */
export const isForbidden =
  ({ allowPrivate }: Pick<Options, "allowPrivate">) =>
  (hostname: string): boolean =>
    !allowPrivate && PublicAddress.isKnownPrivate(hostname)

/**
 * Sends a request to whatever server its address names, over a connection of its own; the answer is had as soon as its status
 * is known, and without its text.
 */
export const layer = (options: Options): Layer.Layer<Transport.Transport> =>
  Layer.sync(Transport.Transport, () => {
    let made: Transport.Transport["Service"] | undefined
    // Loaded when the first one is sent: most proxies have no webhooks.
    const loaded = Effect.map(
      Effect.promise(() => import("./WebhookRequest.ts")),
      ({ make }) => (made ??= make(options)),
    )
    return { send: (request) => Effect.flatMap(loaded, ({ send }) => send(request)) }
  })
