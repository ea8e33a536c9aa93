/** Every way there is to send a request, for suites that run over all of them. */
import type { Transport } from "@webflow-users/core"
import * as FetchTransport from "@webflow-users/core/Transport/Fetch"
import type { Layer } from "effect"
import * as NodeHttp from "../src/NodeHttp.ts"
import * as Undici from "../src/Undici.ts"

export interface Driver {
  readonly name: string
  /** Sends to the server at this address. */
  readonly layer: (address: string) => Layer.Layer<Transport.Transport>
}

export const fetching: Driver = { name: "fetch", layer: () => FetchTransport.layer() }
export const pooling: Driver = { name: "undici", layer: (address) => Undici.layer(address) }
export const plain: Driver = { name: "node:http", layer: (address) => NodeHttp.layer(address) }
export const drivers = [fetching, pooling, plain]
