/** A server on loopback that misbehaves as it is told to, and tells what came of every request. */
import { EventEmitter } from "node:events"
import * as http from "node:http"
import * as https from "node:https"
import { type AddressInfo, createServer, type Server, type Socket } from "node:net"
import { text } from "node:stream/consumers"
import { Deferred, Effect } from "effect"
import type { Certificate } from "./certificate.ts"

/** How a request ended: with the whole answer, by this server's doing, or because the client gave it up. */
export type End = "answered" | "broken" | "abandoned"

export interface Received {
  readonly method: string
  readonly path: string
  /** In lower case, in the order they came in. */
  readonly headerNames: ReadonlyArray<string>
  readonly header: (name: string) => string | undefined
  readonly body: string
  /** Which connection it came over, counted from 0. */
  readonly connection: number
  readonly end: Effect.Effect<End>
  /** How many bytes were written to its connection so far. */
  readonly bytesWritten: () => number
}

interface Exchange {
  readonly received: Received
  readonly response: http.ServerResponse
  readonly socket: Socket
  /** A reset takes away even what the client has not read yet. */
  readonly hangUp: (how: "close" | "reset") => void
}

/** What is done with a request, once it is read. */
export type Deed = (exchange: Exchange) => void

export interface Answer {
  readonly status?: number
  readonly json?: unknown
  readonly text?: string
  readonly headers?: http.OutgoingHttpHeaders
}

export const answer =
  ({ status = 200, json, text: written = JSON.stringify(json) ?? "", headers = {} }: Answer): Deed =>
  ({ response }) =>
    response.writeHead(status, { "content-length": Buffer.byteLength(written), ...headers }).end(written)

export const reset: Deed = ({ hangUp }) => hangUp("reset")
export const close: Deed = ({ hangUp }) => hangUp("close")
export const hang: Deed = () => {}

/** Holds requests until they are let go. */
export const holding = (next: Deed) => {
  const held: Array<() => void> = []
  return {
    deed: (exchange: Exchange) => void held.push(() => next(exchange)),
    count: () => held.length,
    letGo: () => {
      for (const go of held.splice(0)) go()
    },
  }
}

/** Answers in full and ends the connection, of which it had said that it would stay open. */
export const answerAndClose =
  (told: Answer): Deed =>
  (exchange) => {
    exchange.response.on("finish", () => exchange.hangUp("close"))
    answer(told)(exchange)
  }

/** Writes to the connection itself, and leaves it open. */
export const raw =
  (bytes: string): Deed =>
  ({ socket }) =>
    void socket.write(bytes, "latin1")

export const hangWithinHeaders = raw("HTTP/1.1 200 OK\r\ncontent-type: applic")
export const hangWithinAnswer = raw('HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\n{"id":')

/** Begins an answer, in one of the ways HTTP has to say how long it is, and breaks off. */
export const breakOff =
  (how: "close" | "reset", headers: http.OutgoingHttpHeaders = { "content-length": 100 }): Deed =>
  ({ response, hangUp }) =>
    void response.writeHead(200, headers).write('{"id":', () => hangUp(how))

/** Answers a byte at a time. */
export const drip =
  (written: string): Deed =>
  ({ response, socket }) => {
    const bytes = Buffer.from(written)
    socket.setNoDelay(true)
    response.writeHead(200, { "content-length": bytes.length }).flushHeaders()
    const next = (index: number) => {
      if (index === bytes.length) return void response.end()
      response.write(bytes.subarray(index, index + 1), () => setImmediate(next, index + 1))
    }
    next(0)
  }

/** Answers a byte every 20 milliseconds, for as long as somebody listens. */
export const dripForever: Deed = ({ response }) => {
  response.writeHead(200).flushHeaders()
  const dripping = setInterval(() => response.write(" "), 20)
  response.on("close", () => clearInterval(dripping))
}

/** How many bytes `flood` has to send. */
export const floodSize = 100 * 1024 * 1024

/** Sends more than anybody can want, as fast as it is taken; says so before it does, or does not. */
export const flood =
  ({ isAnnounced }: { readonly isAnnounced: boolean }): Deed =>
  ({ response }) => {
    const chunk = Buffer.alloc(64 * 1024, "x")
    response.writeHead(200, isAnnounced ? { "content-length": floodSize } : {})
    let left = floodSize
    const pour = () => {
      while (left > 0) {
        left -= chunk.length
        if (!response.write(chunk)) return void response.once("drain", pour)
      }
      response.end()
    }
    pour()
  }

/** One deed after the other; who asks more often is told so, and has no reason to try again. */
export const inTurn = (...deeds: ReadonlyArray<Deed>): Deed => {
  const left = [...deeds]
  return (exchange) => (left.shift() ?? answer({ status: 418, text: "asked once too often" }))(exchange)
}

/** No test has to ask more often: who does is in a loop, and is hung up on. */
const mostRequests = 200

export interface Hostile {
  readonly url: string
  readonly requests: ReadonlyArray<Received>
  readonly connections: () => number
  /** Waits until so many requests have come in. */
  readonly arrived: (count: number) => Effect.Effect<void>
}

/** Such a server, for as long as the test runs. */
export const serve = Effect.fnUntraced(function* (deed: Deed, certificate?: Certificate) {
  const requests: Array<Received> = []
  const numbers = new Map<Socket, number>()
  const events = new EventEmitter()

  const handle = async (request: http.IncomingMessage, response: http.ServerResponse) => {
    const { socket } = request
    if (!numbers.has(socket)) numbers.set(socket, numbers.size)
    const end = Deferred.makeUnsafe<End>()
    let isOurs = false
    response.on("close", () => {
      const how = response.writableFinished ? "answered" : isOurs ? "broken" : "abandoned"
      Deferred.doneUnsafe(end, Effect.succeed(how))
    })
    const received: Received = {
      method: request.method ?? "",
      path: request.url ?? "",
      headerNames: request.rawHeaders.filter((_, index) => index % 2 === 0).map((name) => name.toLowerCase()),
      header: (name) => request.headersDistinct[name]?.join(", "),
      body: await text(request),
      connection: numbers.get(socket) ?? -1,
      end: Deferred.await(end),
      bytesWritten: () => socket.bytesWritten,
    }
    const hangUp = (how: "close" | "reset") => {
      isOurs = true
      if (how === "reset") socket.resetAndDestroy()
      else socket.destroy()
    }
    requests.push(received)
    if (requests.length > mostRequests) hangUp("close")
    else deed({ received, response, socket, hangUp })
    events.emit("request")
  }

  const server = certificate === undefined ? http.createServer() : https.createServer(certificate)
  // Who ends a request while it sends it has nothing more to be told.
  server.on("request", (request, response) => void handle(request, response).catch(() => {}))
  const { port, connections } = yield* listening(server)
  return {
    url: `http${certificate === undefined ? "" : "s"}://127.0.0.1:${port}`,
    requests,
    connections,
    arrived: (count) =>
      Effect.callback<void>((resume) => {
        const look = () => void (requests.length >= count && resume(Effect.void))
        events.on("request", look)
        look()
        return Effect.sync(() => events.off("request", look))
      }),
  } satisfies Hostile
})

/** A port where connections are taken and nothing is ever said. */
export const mute = Effect.suspend(() => listening(createServer()))

/** A port where nobody listens: one that was free a moment ago. */
export const vacant = Effect.map(Effect.scoped(mute), ({ port }) => port)

/** Takes connections on a port of its own, and ends all of them with the test. */
const listening = (server: Server) => {
  const open = new Set<Socket>()
  let connections = 0
  server.on("connection", (socket) => {
    connections += 1
    open.add(socket)
    // Clients reset connections; that is what this is for.
    socket.on("error", () => {}).on("close", () => open.delete(socket))
  })
  return Effect.acquireRelease(
    Effect.callback<Server>((resume) => {
      server.listen(0, "127.0.0.1", () => resume(Effect.succeed(server)))
    }),
    () =>
      Effect.callback<void>((resume) => {
        server.close(() => resume(Effect.void))
        for (const socket of open) socket.destroy()
      }),
  ).pipe(Effect.map(() => ({ port: (server.address() as AddressInfo).port, connections: () => connections })))
}
