/**
 * Requests over Node's own client, for who makes few of them: it is there almost at once, where undici takes as long to load as
 * Node does to start. Who makes many is better served by `Undici.ts`, which costs less a request (docs/performance.md).
 */
import { Agent, type ClientRequest, type IncomingMessage, request as requestOver } from "node:http"
import { Transport } from "@webflow-users/core"
import { Duration, Effect, Exit, Layer } from "effect"
import type { Options } from "./Undici.ts"

/** Sends to the server at this address, and to no other. */
export const layer = (address: string, options: Options = {}): Layer.Layer<Transport.Transport> =>
  Layer.effect(
    Transport.Transport,
    Effect.gen(function* () {
      const times = {
        connect: millis(options.connectTimeout ?? "10 seconds"),
        silence: millis(options.silence ?? "1 minute"),
      }
      // TLS takes as long again, so it is loaded where it is spoken.
      const client =
        new URL(address).protocol === "https:"
          ? yield* Effect.promise(() => import("node:https"))
          : { Agent, request: requestOver }
      const agent = yield* Effect.acquireRelease(
        Effect.sync(() => new client.Agent({ keepAlive: true, maxSockets: options.connections ?? 64 })),
        (opened) => Effect.sync(() => opened.destroy()),
      )
      return Transport.of(({ url, method, headers, body }, done) => {
        const request = client.request(url, { method, headers, agent }, (response) => receive(response, done))
        request.on("error", (error) => done(Exit.fail(failureOf(error))))
        mindTime(request, times)
        request.end(body)
        return () => request.destroy()
      })
    }),
  )

/** What a timer takes: not for ever, but for weeks. */
const millis = (duration: Duration.Input): number => Math.min(Math.ceil(Duration.toMillis(duration)), 2 ** 31 - 1)

const receive = (response: IncomingMessage, done: Transport.Done): void => {
  const status = response.statusCode ?? 0
  const chunks: Array<Buffer> = []
  let size = 0
  response.on("data", (chunk: Buffer) => {
    size += chunk.length
    if (size <= Transport.maxResponseBytes) return chunks.push(chunk)
    done(Exit.fail(Transport.tooLarge(status)))
    response.destroy()
  })
  response.on("error", (error) => done(Exit.fail(failureOf(error))))
  response.on("end", () => {
    const { headers } = response
    done(
      Exit.succeed({
        status,
        header: (name) => {
          const value = headers[name]
          return Array.isArray(value) ? value.join(", ") : value
        },
        text: new TextDecoder().decode(Buffer.concat(chunks)),
      }),
    )
  })
}

/** Ends a request whose connection is not made in time, and one whose server is silent for too long. */
const mindTime = (request: ClientRequest, times: { readonly connect: number; readonly silence: number }): void => {
  request.on("socket", (socket) => {
    if (socket.connecting) {
      const timer = setTimeout(() => request.destroy(late("UND_ERR_CONNECT_TIMEOUT", "Connect Timeout")), times.connect)
      const stop = () => clearTimeout(timer)
      socket.once("encrypted" in socket ? "secureConnect" : "connect", stop).once("close", stop)
    }
    let isAnswered = false
    request.once("response", () => (isAnswered = true))
    request.setTimeout(times.silence, () =>
      request.destroy(
        isAnswered ? late("UND_ERR_BODY_TIMEOUT", "Body Timeout") : late("UND_ERR_HEADERS_TIMEOUT", "Headers Timeout"),
      ),
    )
  })
}

/** Called as undici calls it, which is how `Transport.failureOf` knows it. */
const late = (code: string, message: string): Error => Object.assign(new Error(message), { code })

const failureOf = (error: Error & { readonly code?: string }): Transport.TransportError => {
  if (error.code === "HPE_HEADER_OVERFLOW") {
    return Transport.failureOf(late("UND_ERR_HEADERS_OVERFLOW", "Headers Overflow"))
  }
  // Of what OpenSSL says of a request that was written too early, the words; the rest names lines of its source.
  const words = /:SSL routines:[^:]*:([^:]+):/.exec(error.message)?.[1]
  return Transport.failureOf(words === undefined ? error : late(error.code ?? "EPROTO", words))
}
