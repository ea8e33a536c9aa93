/**
 * The socket around the answers of `Http.ts`: what is plain is read here, the rest by node:http. Why not a framework's server: docs/decisions/0003.
 */
import { createServer, type IncomingMessage, type ServerResponse } from "node:http"
import type { AddressInfo, Socket } from "node:net"
import { MethodNotAllowed, Overloaded, StoreUnavailable } from "@webflow-users/core"
import { Clock, Effect, Fiber, Latch } from "effect"
import { TrustedProxies } from "./Addresses.ts"
import { EndsWithCaller } from "./Forwarding.ts"
import * as Gathered from "./Gathered.ts"
import * as Http from "./Http.ts"
import * as Incoming from "./Incoming.ts"
import { afterAnswer, hangUp, lingerTimeout } from "./LastWord.ts"
import * as Listening from "./Listening.ts"
import * as Observed from "./Observed.ts"
import * as Outgoing from "./Outgoing.ts"
import * as Plain from "./Plain.ts"
import type { Response } from "./PlainResponse.ts"
import * as Refusal from "./Refusal.ts"
import * as Unfetched from "./Unfetched.ts"
import * as Works from "./Works.ts"

export { bind, CannotListen } from "./Listening.ts"

export interface Options extends Listening.Address {
  readonly limits?: Partial<Limits>
  /** Whether a stop ends connections and what is still asked on them: for a server that nobody relies on. */
  readonly stopsAtOnce?: boolean
  /** Whether the process may end while this listens, and while connections are open: for a server that nobody relies on. */
  readonly letsProcessEnd?: boolean
}

/** How much is taken on at once. */
export interface Limits {
  /** Connections. Who comes when there are as many takes the place of the one that has said nothing for longest. */
  readonly connections: number
  /** Requests, those that wait in a pipeline counted. One more is answered 503, and is the last of its connection. */
  readonly requests: number
}

export const standardLimits: Limits = { connections: 5_000, requests: 1_000 }

/** The most requests of one connection that wait for each other. */
const maxPipeline = 200

/** After so many requests a connection is asked to be made anew, so that callers spread over replicas. */
const maxRequestsOfConnection = 10_000

const serverOptions = {
  // A caller who sends half a request holds a socket, and nothing else, for at most this long.
  headersTimeout: 10_000,
  requestTimeout: 20_000,
  connectionsCheckingInterval: 1_000,
  keepAliveTimeout: 65_000,
  keepAliveTimeoutBuffer: 1_000,
  // Answered here, in the envelope.
  requireHostHeader: false,
}

/** How long a stop waits for what has begun. Requests that arrived whole take a moment; half ones are bounded by less. */
const stopTimeout = "25 seconds"

/** How long a stop keeps connections that are quiet: a request may be on its way, and would be lost with one of them. */
const quietTimeout = 1_000

/** A connection, as far as it has come. Its requests are worked off one after the other, as HTTP asks of a pipeline. */
interface Connection {
  /** The request that came last, and the answer that the one before it gets. */
  latest?: {
    readonly isWhole: () => boolean
    readonly response: Response
    readonly before: Response | undefined
  }
  work?: Fiber.Fiber<void>
  /** How many requests have come, and how many of them are not done. */
  requests: number
  pending: number
  /** It was reset, or its caller has gone, or does not fetch: nothing more is begun on it. */
  isOver?: boolean
}

/**
 * Listens until the scope closes, then stops gracefully: no new connections, every request that was accepted is answered
 * and its work finished. Gives the address it listens on.
 */
export const listen = Effect.fn("Server.listen")(function* (options: Options) {
  const works = yield* Works.make<Http.Services>()
  const endsWithCaller = yield* EndsWithCaller
  const trusted = yield* TrustedProxies
  const observer = yield* Observed.make
  const limits = { ...standardLimits, ...options.limits }
  let pending = 0
  const server = createServer(serverOptions)
  const connections = new Map<Socket, Connection>()
  let stopping = false
  // By the time a request begins, a body of usual size is here as well, and need not be waited for.
  const gathered = Gathered.make()
  const stopBegins = Latch.makeUnsafe(false)
  // Who closes its side after asking, as `nc -N` does, waits for the answer all the same.
  Object.assign(server, { httpAllowHalfOpen: true })

  const unfetched = yield* Unfetched.make((socket) => void socket.destroy())

  /** Whether another can be taken, if need be in the place of an idle one, or one that does not fetch: in order of their last request. */
  const hasRoom = (): boolean => {
    if (connections.size < limits.connections) return true
    for (const [socket, connection] of connections) {
      if (!isIdle(connection)) continue
      socket.destroy()
      return connections.delete(socket)
    }
    return unfetched.makeRoom()
  }

  // What node:http does with a connection, which it now does only where something comes that is not plain.
  const [handOver] = server.listeners("connection")
  server.removeAllListeners("connection").on("connection", (socket: Socket) => {
    // It came before the listening ended, and nothing would end it.
    if (stopping && options.stopsAtOnce === true) return socket.destroy()
    if (options.letsProcessEnd === true) socket.unref()
    // Who has gone is no failure, whoever has to do with the connection by then.
    socket.on("error", () => undefined)
    // What they say, left unread, would take back what they are told.
    if (!hasRoom()) return hangUp(socket.resume(), Refusal.asText(observer.refused(Http.failure(new Overloaded()))))
    connections.set(socket, { requests: 0, pending: 0 })
    // What is called after a last answer.
    socket.destroySoon = () => hangUp(socket)
    if (endsWithCaller) {
      const giveUp = () => {
        const connection = connections.get(socket)
        if (connection === undefined || connection.pending === 0) return
        connection.isOver = true
        connection.work?.interruptUnsafe()
        socket.destroy()
      }
      // Who closes only their own side cannot be told from who has gone, until an answer comes back.
      socket.once("end", giveUp).once("close", giveUp)
    }
    socket.once("close", () => {
      const connection = connections.get(socket)
      if (connection !== undefined) connection.isOver = true
      connections.delete(socket)
    })
    readPlainly(socket)
  })

  const unlessTooLarge = (answer: Http.Answer): Http.Answer =>
    answer === "Reset" || unfetched.hasRoomFor(Outgoing.ownSizeOf(answer)) ? answer : Http.failure(new Overloaded())

  const serve = (incoming: Incoming.Incoming, response: Response) => {
    const { socket, isWhole, problem } = incoming
    const connection = connections.get(socket)
    // After the last answer nothing is begun: it could be done and not be told.
    if (connection === undefined || !socket.writable || connection.latest?.response.shouldKeepAlive === false) return
    const { latest } = connection
    const isProbe = Http.isProbe(incoming.url)
    const hasRoomForIt = () => unfetched.hasRoom() || isProbe
    const isMore = () =>
      connection.pending >= maxPipeline || (pending >= limits.requests && !isProbe) || !hasRoomForIt()
    let isTooMany = isMore()
    if (isTooMany) {
      // What only waits to begin may be done in no time.
      gathered.now()
      isTooMany = isMore()
    }
    connections.delete(socket)
    connections.set(socket, connection)
    connection.requests += 1
    connection.pending += 1
    pending += 1
    unfetched.begin(socket)
    connection.latest = { isWhole, response, before: latest?.response }
    const isLast = incoming.isLast || isTooMany
    if (isLast || connection.requests >= maxRequestsOfConnection) response.shouldKeepAlive = false
    // What else this caller has to say would be kept for nothing.
    if (isTooMany) socket.pause()
    let fetched: (() => void) | undefined
    response.once("close", () => {
      fetched?.()
      if (stopping && connection.latest?.response === response) hangUp(socket)
    })
    const asked = Incoming.toRequest(incoming, stopBegins.await, trusted)
    const refusal = () => (isTooMany || !hasRoomForIt() ? new Overloaded() : problem)
    const answering = (read: Http.Request) => {
      const answer = Http.answer(read, refusal)
      // What was read can be read again; what was changed has to be told.
      return incoming.method === "GET" ? Effect.map(answer, unlessTooLarge) : answer
    }
    const answered = observer.around(asked, answering, (answer, id) => {
      if (answer === "Reset") {
        connection.isOver = true
        return afterAnswer(latest?.response, () => socket.resetAndDestroy())
      }
      if (stopping && connection.latest?.response === response) response.shouldKeepAlive = false
      const length = Buffer.byteLength(answer.body)
      const own = Outgoing.ownSizeOf(answer, length)
      unfetched.made(socket, own)
      response.writeHead(answer.status, Outgoing.headersOf(answer, id, length))
      gathered.send(() => {
        response.end(answer.body)
        fetched = unfetched.sent(socket, own)
      })
    })
    const inTurn = () => (connection.isOver ? Effect.void : answered)
    const start = () => {
      const { work } = connection
      const isNext = work === undefined || work.pollUnsafe() !== undefined
      connection.work = works.run(isNext ? inTurn() : Effect.andThen(after(work), Effect.suspend(inTurn)), () => {
        connection.pending -= 1
        pending -= 1
      })
    }
    gathered.begin(start)
    // Who is refused for how they asked is told so before node:http finds fault with it, and speaks in its place.
    if (isLast) gathered.now()
  }
  const serveNodes = (request: IncomingMessage, response: ServerResponse) => serve(Incoming.ofNode(request), response)
  server.on("request", serveNodes)
  // Whatever else a caller expects of the server is left unfulfilled; the request is answered.
  server.on("checkExpectation", serveNodes)

  const refused = new WeakSet<Socket>()
  /** Ends a connection on which something came that is no request: after the answers to what was asked before it. */
  const refuse = (socket: Socket, answer: Http.TextResponse) => {
    gathered.now()
    // Until it ends, node:http finds fault with each further piece.
    if (refused.has(socket)) return
    refused.add(socket)
    const latest = connections.get(socket)?.latest
    const isHalf = latest?.isWhole() === false
    const unanswered = isHalf ? latest.before : latest?.response
    // A request can be answered before its body has come, and is not answered twice.
    const told = isHalf || !socket.writable ? answer : observer.refused(answer)
    const end = () => hangUp(socket, isHalf && latest.response.headersSent ? "" : Refusal.asText(told))
    afterAnswer(unanswered, end)
  }
  server.on("clientError", (error: NodeJS.ErrnoException, socket: Socket) => refuse(socket, Refusal.of(error.code)))
  const readPlainly = Plain.make(
    {
      serve: (socket, request, response) => serve(Incoming.ofPlain(socket, request), response),
      handOver: (socket) => void handOver?.call(server, socket),
      tooLate: (socket) => refuse(socket, Refusal.of("ERR_HTTP_REQUEST_TIMEOUT")),
    },
    serverOptions,
    yield* Clock.Clock,
  )
  server.on("connect", (_request, socket: Socket) => {
    refuse(socket, Http.failure(new MethodNotAllowed({ allow: ["GET", "PATCH"] })))
  })

  const hangUpIdle = () => {
    for (const [socket, connection] of connections) if (isIdle(connection)) hangUp(socket)
  }
  /** Who has to wait no longer is told so, and whatever their request has come to is not known. */
  const giveUp = () => {
    for (const [socket, connection] of connections) {
      const { latest } = connection
      connection.isOver = true
      const isUntold = latest?.response.headersSent === false && latest.before?.writableFinished !== false
      hangUp(
        socket,
        isUntold ? Refusal.asText(observer.refused(Http.failure(new StoreUnavailable({ cause: undefined })))) : "",
      )
      // Also of who reads nothing any more.
      setTimeout(() => socket.destroy(), lingerTimeout).unref()
    }
  }
  /** Before anything hears of the stop, and is done or answered for that. */
  const endAll = Effect.suspend(() => {
    for (const [socket, connection] of connections) {
      connection.isOver = true
      socket.destroy()
    }
    return works.interruptAll
  })
  const finish = Effect.suspend(() => {
    stopBegins.openUnsafe()
    setTimeout(hangUpIdle, quietTimeout).unref()
    return Effect.andThen(Listening.close(server), works.awaitNone)
  }).pipe(Effect.timeoutOrElse({ duration: stopTimeout, orElse: () => Effect.sync(giveUp) }))
  const stop = Effect.suspend(() => {
    stopping = true
    return options.stopsAtOnce === true ? Effect.andThen(endAll, finish) : finish
  })
  yield* Effect.acquireRelease(Listening.bind(server, options), () => stop)
  if (options.letsProcessEnd === true) server.unref()
  server.on("error", (error) => works.run(Effect.logError("A connection could not be taken", error), () => undefined))
  return server.address() as AddressInfo
})

/** Nothing was asked that is not answered yet; a request can have begun to come. */
const isIdle = ({ latest }: Connection): boolean => latest === undefined || latest.response.writableFinished

/** Waits for work that comes first, and gives it up with whatever waits for it. */
const after = (work: Fiber.Fiber<void>) => Effect.onInterrupt(Fiber.await(work), () => Fiber.interrupt(work))
