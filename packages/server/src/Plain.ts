/** Connections on which requests come as nearly always: whole, and one in one piece. Whatever else comes is node:http's. */
import { channel } from "node:diagnostics_channel"
import type { Socket } from "node:net"
import type { Clock } from "effect"
import { afterAnswer } from "./LastWord.ts"
import * as PlainRequest from "./PlainRequest.ts"
import * as PlainResponse from "./PlainResponse.ts"

export interface Handlers {
  readonly serve: (socket: Socket, request: PlainRequest.PlainRequest, response: PlainResponse.PlainResponse) => void
  /** Leaves a connection on which all is answered to node:http, with what came on it, from now on and for good. */
  readonly handOver: (socket: Socket) => void
  /** Nothing came in time. */
  readonly tooLate: (socket: Socket) => void
}

/** In milliseconds, and by the names that node:http has for them. */
export interface Timeouts {
  /** How long the first request may take to come. */
  readonly headersTimeout: number
  /** How long the next one may, after an answer, as callers are told. */
  readonly keepAliveTimeout: number
  /** How much longer it may, for who asks just in time. */
  readonly keepAliveTimeoutBuffer: number
}

/** Instrumentation hears of requests here, and expects to see what node:http has made of them. */
const instrumented = channel("http.server.request.start")

export const make = ({ serve, handOver, tooLate }: Handlers, timeouts: Timeouts, clock: Clock.Clock) => {
  const told = PlainResponse.told(clock, timeouts.keepAliveTimeout / 1_000)

  /** Reads what comes on a new connection, of whose errors the close that follows tells enough. */
  return (socket: Socket): void => {
    if (instrumented.hasSubscribers) return handOver(socket)
    let latest: PlainResponse.PlainResponse | undefined

    const onData = (bytes: Buffer) => {
      if (latest === undefined) socket.setTimeout(timeouts.keepAliveTimeout + timeouts.keepAliveTimeoutBuffer)
      let at = 0
      // Behind what is answered for the last time, nothing is read.
      while (at < bytes.length && latest?.shouldKeepAlive !== false) {
        const request = PlainRequest.read(bytes, at)
        if (request === undefined) {
          const rest = bytes.subarray(at)
          // Some write an empty line behind a body: node:http would take it for a request that begins, and refuse it when no more comes.
          if (latest !== undefined && rest.every(isLineEnd)) break
          return leave(rest)
        }
        at = request.end
        latest = new PlainResponse.PlainResponse(socket, told)
        serve(socket, request, latest)
      }
      // Who does not fetch answers is asked for no more.
      if (socket.writableNeedDrain) socket.pause().once("drain", () => socket.resume())
    }
    const onEnd = () => {
      if (latest?.closed === false) latest.isLast = true
      else socket.end()
    }
    const onTimeout = () => {
      if (latest === undefined) tooLate(socket)
      else if (latest.closed) socket.destroy()
    }
    const leave = (rest: Buffer) => {
      socket.off("data", onData).off("end", onEnd).off("timeout", onTimeout)
      socket.setTimeout(0)
      // What is put back comes again before anything new, once it flows.
      socket.pause().unshift(rest)
      // node:http knows of no answers but its own: it would speak before these, and end the connection without them.
      afterAnswer(latest, () => {
        // Where one was the last, what came behind it is thrown away.
        if (socket.writable && latest?.shouldKeepAlive !== false) handOver(socket)
        socket.resume()
      })
    }
    socket.on("data", onData).on("end", onEnd).on("timeout", onTimeout)
    socket.setTimeout(timeouts.headersTimeout)
  }
}

const isLineEnd = (byte: number) => byte === 13 || byte === 10
