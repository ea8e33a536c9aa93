/** Answers to requests that were read without node:http, as that would have written them: docs/decisions/0033. */
import { STATUS_CODES, validateHeaderValue } from "node:http"
import type { Socket } from "node:net"

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

/** An answer that comes back on this socket, which stays open for so long after it, in seconds. */
export class PlainResponse implements Response {
  shouldKeepAlive = true
  headersSent = false
  writableFinished = false
  closed = false
  /** The caller has closed their side: the connection ends with this answer, whatever that says. */
  isLast = false
  readonly #socket: Socket
  readonly #keepAlive: string
  #head = ""
  #heard: Array<() => void> = []

  constructor(socket: Socket, keepAlive: number) {
    this.#socket = socket
    this.#keepAlive = `Connection: keep-alive\r\nKeep-Alive: timeout=${keepAlive}\r\n`
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
    this.#head = `${head}Date: ${now()}\r\n${this.shouldKeepAlive ? this.#keepAlive : "Connection: close\r\n"}\r\n`
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

let second = 0
let date = ""

/** The date of an answer, written once a second. */
const now = (): string => {
  const current = Math.floor(Date.now() / 1_000)
  if (current !== second) {
    second = current
    date = new Date(current * 1_000).toUTCString()
  }
  return date
}
