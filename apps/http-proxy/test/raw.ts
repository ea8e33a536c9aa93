/** HTTP spoken by hand: what fetch would not send, and the answers as they come over the wire. */
import { once } from "node:events"
import { connect } from "node:net"

export interface Answer {
  readonly status: number
  readonly headers: Readonly<Record<string, string>>
  readonly body: string
}

/** The answer at the head of what was received, as far as it is there, and how long it is. */
const parse = (received: Buffer, hasBody: boolean) => {
  const headLength = received.indexOf("\r\n\r\n")
  if (headLength < 0) return { answer: undefined, length: 0 }
  const [first = "", ...lines] = received.toString("latin1", 0, headLength).split("\r\n")
  const headers = Object.fromEntries(
    lines.map((line) => [line.slice(0, line.indexOf(":")).toLowerCase(), line.slice(line.indexOf(":") + 1).trim()]),
  )
  const start = headLength + 4
  const length = start + (hasBody ? Number(headers["content-length"] ?? 0) : 0)
  if (received.length < length) return { answer: undefined, length }
  const status = Number(/^HTTP\/1\.1 (\d{3}) \S/.exec(first)?.[1])
  return { answer: { status, headers, body: received.toString("utf8", start, length) }, length }
}

const nothing = () => {}

/** Opens a connection to a server. */
export const dial = async (origin: string, options: { readonly allowHalfOpen?: boolean } = {}) => {
  const { hostname, port } = new URL(origin)
  const socket = connect({ host: hostname, port: Number(port), ...options })
  let received: Array<Buffer> = []
  let size = 0
  let isClosed = false
  let wake: () => void = nothing
  socket.on("data", (chunk) => {
    received.push(chunk)
    size += chunk.length
    wake()
  })
  // A reset shows as the close that follows it.
  socket.on("error", nothing)
  const closed = new Promise<void>((resolve) => {
    socket.on("close", () => {
      isClosed = true
      wake()
      resolve()
    })
  })
  await once(socket, "connect")

  const whole = (): Buffer => {
    const [first = Buffer.alloc(0), ...more] = received
    const one = more.length === 0 ? first : Buffer.concat(received)
    received = [one]
    return one
  }

  /** The next answer, or `undefined` when the connection closed before it had come. */
  const next = async (method = "GET"): Promise<Answer | undefined> => {
    // Megabytes come in many pieces, and are put together when all of them are there.
    let needed = 0
    for (;;) {
      if (size >= needed) {
        const { answer, length } = parse(whole(), method !== "HEAD")
        if (answer !== undefined) {
          received = [whole().subarray(length)]
          size -= length
          return answer
        }
        needed = length
      }
      if (isClosed) return undefined
      await new Promise<void>((resolve) => (wake = resolve))
    }
  }
  return {
    socket,
    closed,
    next,
    send: (bytes: string | Uint8Array) => socket.write(bytes),
    /** What came and was not taken by `next`. */
    rest: () => whole().toString("utf8"),
    [Symbol.dispose]: () => void socket.destroy(),
  }
}

/** A request as text. `headers` are lines; Content-Length is counted unless the headers say how the body is framed. */
export const request = (first: string, headers: ReadonlyArray<string> = [], body = ""): string => {
  const isFramed = body === "" || headers.some((line) => /^(content-length|transfer-encoding):/i.test(line))
  const lines = ["Host: localhost", ...headers, ...(isFramed ? [] : [`Content-Length: ${Buffer.byteLength(body)}`])]
  return `${first} HTTP/1.1\r\n${lines.map((line) => `${line}\r\n`).join("")}\r\n${body}`
}
