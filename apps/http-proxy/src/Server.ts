/**
 * The socket: node:http around the answers of `Http.ts`. Why not a framework's server: docs/decisions/0003.
 */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http"
import type { AddressInfo } from "node:net"
import { BadRequest, BodyTooLarge } from "@webflow-users/core"
import { JsonBody } from "@webflow-users/core/wire"
import { Data, Effect, FiberSet } from "effect"
import * as Http from "./Http.ts"

/** The address cannot be listened on: taken, not this machine's, or not permitted. */
export class CannotListen extends Data.TaggedError("CannotListen")<{ readonly message: string }> {}

export interface Options {
  readonly host: string
  /** 0 takes any free port. */
  readonly port: number
}

// A caller who sends half a request holds a socket, and nothing else, for at most this long.
const timeouts = { headersTimeout: 10_000, requestTimeout: 30_000, keepAliveTimeout: 65_000 }

/** How long a stop waits for requests that were accepted. They are all bounded by less. */
const stopTimeout = "40 seconds"

/**
 * Listens until the scope closes, then stops gracefully: no new connections, every request that was accepted is answered
 * and its work finished. Gives the address it listens on.
 */
export const listen = Effect.fn("Server.listen")(function* (options: Options) {
  const requests = yield* FiberSet.make()
  const run = yield* FiberSet.runtime(requests)<Http.Services>()
  const server = createServer(timeouts)
  let stopping = false

  server.on("request", (request: IncomingMessage, response: ServerResponse) => {
    run(
      Effect.map(Http.answer(toRequest(request)), (answer) => {
        if (stopping) response.setHeader("connection", "close")
        response.writeHead(answer.status, { ...answer.headers, "content-length": Buffer.byteLength(answer.body) })
        response.end(answer.body)
      }),
    )
  })
  server.on("clientError", (error: NodeJS.ErrnoException, socket) => {
    if (socket.writable && error.code !== "ECONNRESET") socket.end(refusal(error.code))
    else socket.destroy()
  })

  yield* Effect.acquireRelease(bind(server, options), () =>
    Effect.suspend(() => {
      stopping = true
      return close(server)
    }).pipe(Effect.andThen(FiberSet.awaitEmpty(requests))),
  )
  return server.address() as AddressInfo
})

const bind = (server: Server, { host, port }: Options) =>
  Effect.callback<void, CannotListen>((resume) => {
    const onError = (error: Error) =>
      resume(Effect.fail(new CannotListen({ message: `Cannot listen on ${host}:${port}: ${error.message}` })))
    server.once("error", onError)
    server.listen(port, host, () => {
      server.off("error", onError)
      resume(Effect.void)
    })
  })

const close = (server: Server) =>
  Effect.callback<void>((resume) => {
    server.close(() => resume(Effect.void))
  }).pipe(
    Effect.timeoutOrElse({
      duration: stopTimeout,
      orElse: () => Effect.sync(() => server.closeAllConnections()),
    }),
  )

const toRequest = (request: IncomingMessage): Http.Request => ({
  method: request.method ?? "",
  target: request.url ?? "",
  header: (name) => {
    const value = request.headers[name]
    return Array.isArray(value) ? value.join(", ") : value
  },
  body: readBody(request),
})

/** The rest of a body that is too large is read and thrown away by node:http, so that the caller gets to the answer. */
const readBody = (request: IncomingMessage) =>
  Effect.callback<Uint8Array, BodyTooLarge | BadRequest>((resume) => {
    const tooLarge = Effect.fail(
      new BodyTooLarge({ message: `Request body too large: at most ${JsonBody.maxBodyBytes} bytes are read` }),
    )
    if (Number(request.headers["content-length"]) > JsonBody.maxBodyBytes) return resume(tooLarge)
    const chunks: Array<Buffer> = []
    let size = 0
    request.on("data", (chunk: Buffer) => {
      size += chunk.length
      if (size > JsonBody.maxBodyBytes) {
        chunks.length = 0
        resume(tooLarge)
      } else chunks.push(chunk)
    })
    request.on("end", () => resume(Effect.succeed(Buffer.concat(chunks))))
    request.on("error", () => resume(Effect.fail(new BadRequest({ message: "The request ended before its body did" }))))
  })

const reasons: Readonly<Record<string, readonly [status: string, message: string]>> = {
  HPE_HEADER_OVERFLOW: ["431 Request Header Fields Too Large", "The request's headers are too large"],
  ERR_HTTP_REQUEST_TIMEOUT: ["408 Request Timeout", "The request did not arrive in time"],
}

/** What is not HTTP gets its answer in the envelope too. */
const refusal = (code: string | undefined): string => {
  const [status, message] = reasons[code ?? ""] ?? ["400 Bad Request", "The request is not valid HTTP"]
  const { headers, body } = Http.failure(new BadRequest({ message }))
  const lines = Object.entries({ ...headers, "content-length": Buffer.byteLength(body), connection: "close" })
  return `HTTP/1.1 ${status}\r\n${lines.map(([name, value]) => `${name}: ${value}\r\n`).join("")}\r\n${body}`
}
