/**
 * One request to a server that somebody else has named. Each has a connection of its own: where it leads is judged anew, and
 * one that the receiver was about to close does not cost a delivery. `WebhookTargets.ts` says where it may lead.
 */
import { lookup as systemLookup } from "node:dns"
import type { LookupAddress } from "node:dns"
import type { LookupFunction } from "node:net"
import { Transport, UnsendableRequest, WebhookTarget } from "@webflow-users/core"
import { Exit } from "effect"
import type { Dispatcher } from "undici"
import Client from "undici/lib/dispatcher/client.js"
import * as PublicAddress from "./PublicAddress.ts"
import { isForbidden, type Options } from "./WebhookTargets.ts"

/** Milliseconds that the rest of an answer may take, and bytes that are read of it: nobody wants it. */
const restTimeout = 2_000
const restSize = 64 * 1024

export const make = (options: Options): Transport.Transport["Service"] =>
  Transport.of(({ method, url, headers, body }, done) => {
    const { origin, hostname, pathname, search } = new URL(url)
    // A literal address is looked up by nobody.
    if (isForbidden(options)(hostname)) {
      done(Exit.fail(refused()))
      return () => {}
    }
    const { allowPrivate, lookup = systemLookup as LookupFunction } = options
    const client = new Client(origin, {
      // One request a connection.
      pipelining: 0,
      connect: { lookup: allowPrivate ? lookup : publicOnly(lookup) },
      maxResponseSize: restSize,
      allowH2: false,
    })
    const end = () => void client.destroy()
    const request = { path: pathname + search, method: method as Dispatcher.HttpMethod, headers, body: body ?? null }
    client.dispatch(request, new Exchange(done, end))
    return end
  })

/** Gives no address that is not public, so that none is connected to, whatever the name has stood for before. */
export const publicOnly =
  (lookup: LookupFunction): LookupFunction =>
  (hostname, options, callback) =>
    lookup(hostname, { ...options, all: true }, (error, found) => {
      if (error !== null) return callback(error, [])
      const addresses = (found as ReadonlyArray<LookupAddress>).filter(({ address }) => PublicAddress.isPublic(address))
      const [first] = addresses
      if (first === undefined) return callback(new NotPublic(), [])
      return options.all === true ? callback(null, addresses) : callback(null, first.address, first.family)
    })

class NotPublic extends Error {}

const refused = () =>
  new UnsendableRequest({ details: [`the target's address is not public, ${WebhookTarget.howToAllow}`] })

/** What comes after the status changes nothing any more; it is read for a moment, so that who writes it is not cut off. */
class Exchange implements Dispatcher.DispatchHandler {
  readonly #done: Transport.Done
  readonly #end: () => void
  #rest: NodeJS.Timeout | undefined

  constructor(done: Transport.Done, end: () => void) {
    this.#done = done
    this.#end = end
  }

  // undici calls these two whether they are there or not.
  onRequestStart() {}
  onResponseData() {}

  onResponseStart(_: Dispatcher.DispatchController, status: number) {
    // There may be word before the answer.
    if (status < 200) return
    this.#rest = setTimeout(this.#end, restTimeout).unref()
    this.#done(Exit.succeed({ status, header: () => undefined, text: "" }))
  }

  onResponseEnd() {
    this.#finish()
  }

  onResponseError(_: Dispatcher.DispatchController, error: Error) {
    this.#finish()
    this.#done(Exit.fail(error instanceof NotPublic ? refused() : Transport.failureOf(error)))
  }

  #finish() {
    clearTimeout(this.#rest)
    this.#end()
  }
}
