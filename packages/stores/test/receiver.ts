/** A receiver of webhooks on loopback, which keeps what it was sent and answers as it is told to. */
import { createHmac } from "node:crypto"
import { createServer, type IncomingHttpHeaders, type ServerResponse } from "node:http"
import type { AddressInfo } from "node:net"
import { text } from "node:stream/consumers"
import { Layer } from "effect"
import { Mac, SecureRandom } from "effect/crypto"

export interface Received {
  readonly path: string
  readonly method: string
  readonly headers: IncomingHttpHeaders
  readonly body: string
  readonly payload: { readonly id: string; readonly data: Readonly<Record<string, unknown>> }
}

/** Starts one. `answer` is asked for each request; 200 unless it says otherwise. */
export const receive = async (
  answer: (received: Received, response: ServerResponse) => unknown = (_, response) => response.end(),
) => {
  const received: Array<Received> = []
  const watching = new Set<() => void>()
  const server = createServer(async (request, response) => {
    const body = await text(request)
    const { payload } = JSON.parse(body)
    const one = { path: request.url ?? "", method: request.method ?? "", headers: request.headers, body, payload }
    received.push(one)
    answer(one, response)
    for (const look of watching) look()
  })
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve))
  const { port } = server.address() as AddressInfo
  return {
    url: `http://127.0.0.1:${port}/hook`,
    received,
    /** Goes on when this holds of what was received. */
    until: (holds: (all: ReadonlyArray<Received>) => boolean) =>
      new Promise<void>((resolve) => {
        const look = () => {
          if (!holds(received)) return
          watching.delete(look)
          resolve()
        }
        watching.add(look)
        look()
      }),
    [Symbol.asyncDispose]: async () => {
      server.closeAllConnections()
      await new Promise((resolve) => server.close(resolve))
    },
  }
}

/** Signs at once, as the programs do. */
export const mac = Mac.layerWebCryptoWith({
  hmac: (_, key, data) => createHmac("sha256", key).update(data).digest(),
}).pipe(Layer.provide(SecureRandom.layerWebCrypto))
