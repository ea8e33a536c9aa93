/** Answers to requests that were read without node:http, as that would have written them: docs/decisions/0033. */
import { STATUS_CODES, validateHeaderValue } from "node:http"
import type { Socket } from "node:net"
import type { Clock } from "effect"

/** What an answer is given by: node:http's response, or one of these. */
export interface Response {
  /** Whether the connection goes on after it. */
  shouldKeepAlive: boolean
  /** Whether there is an answer. */
  readonly headersSent: boolean
  /** Whether it has been handed to the system whole. */
  readonly writableFinished: boolean
  /** Whether nothing more becomes of it. */
  readonly closed: boolean
  readonly once: (event: "close", heard: () => void) => unknown
  /** Each name is followed by its value. */
  readonly writeHead: (status: number, headers: Array<string>) => unknown
  readonly end: (body: string | Uint8Array) => unknown
}

/** What all answers of a server say of it. */
export interface Told {
  /** What follows the other headers where the connection goes on. */
  readonly keepAlive: string
  /** What time it is, as HTTP writes it. */
  readonly date: () => string
}

/** By this clock; a connection that goes on stays open for so many seconds. */
export const told = (clock: Clock.Clock, seconds: number): Told => {
  let second = Number.NaN
  let date = ""
  return {
    keepAlive: `Connection: keep-alive\r\nKeep-Alive: timeout=${seconds}\r\n`,
    // Written once a second.
    date: () => {
      const current = Math.floor(clock.currentTimeMillisUnsafe() / 1_000)
      if (current !== second) {
        second = current
        date = new Date(current * 1_000).toUTCString()
      }
      return date
    },
  }
}

/** An answer that comes back on this socket. */
export class PlainResponse implements Response {
  shouldKeepAlive = true
  headersSent = false
  writableFinished = false
  closed = false
  /** The caller has closed their side: the connection ends with this answer, whatever that says. */
  isLast = false
  readonly #socket: Socket
  readonly #told: Told
  #head = ""
  #heard: Array<() => void> = []

  constructor(socket: Socket, settings: Told) {
    this.#socket = socket
    this.#told = settings
  }

  once(_event: "close", heard: () => void): void {
    this.#heard.push(heard)
  }

  writeHead(status: number, headers: ReadonlyArray<string>): void {
    let head = `HTTP/1.1 ${status} ${STATUS_CODES[status] ?? "unknown"}\r\n`
    for (let at = 0; at < headers.length; at += 2) {
      const name = headers[at] ?? ""
      const value = headers[at + 1] ?? ""
      validateHeaderValue(name, value)
      head += `${name}: ${value}\r\n`
    }
    const { keepAlive, date } = this.#told
    this.#head = `${head}Date: ${date()}\r\n${this.shouldKeepAlive ? keepAlive : "Connection: close\r\n"}\r\n`
    this.headersSent = true
  }

  end(body: string | Uint8Array): void {
    const socket = this.#socket
    // The last word was another, and is not to be taken back by an error.
    if (socket.writableEnded) return
    const written = (error?: Error | null) => this.#close(error === undefined || error === null)
    if (typeof body === "string") return void socket.write(this.#head + body, written)
    socket.cork()
    socket.write(this.#head, "latin1")
    socket.write(body, written)
    socket.uncork()
  }

  #close(isFinished: boolean): void {
    this.writableFinished = isFinished
    this.closed = true
    // A connection knows its latest answer: what that held on to would lead from each to the one before.
    const heard = this.#heard
    this.#heard = []
    for (const hear of heard) hear()
    if (isFinished && (this.isLast || !this.shouldKeepAlive)) this.#socket.destroySoon()
  }
}
