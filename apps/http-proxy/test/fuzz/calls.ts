/** Requests as values, and how they are sent: whole ones, one answer each. */
import fc from "fast-check"
import { type Answer, dial } from "../raw.ts"

/** A request. A character is a byte; names between at signs, `@token@`, are filled in when it is sent. */
export interface Call {
  readonly method: string
  readonly target: string
  readonly version: "1.0" | "1.1"
  /** Lines, but for how the body is framed. */
  readonly headers: ReadonlyArray<string>
  readonly body: string
  /** The sizes of the chunks, when it is sent in such; otherwise its length is said, when it has one. */
  readonly chunks?: ReadonlyArray<number> | undefined
}

/** How long an answer may take, in milliseconds. Nothing here takes a hundredth of it: beyond, it never comes. */
export const patience = 10_000

export type Fill = Readonly<Record<string, string>>

/** Text with the names in it filled in. */
export const filled = (text: string, fill: Fill): string =>
  text.replaceAll(/@(\w+)@/g, (name, key: string) => (Object.hasOwn(fill, key) ? (fill[key] ?? name) : name))

const toBytes = (call: Call, fill: Fill): Buffer => {
  const body = filled(call.body, fill)
  const framed = call.chunks === undefined ? body : chunked(body, call.chunks)
  const framing = call.chunks === undefined ? `Content-Length: ${body.length}` : "Transfer-Encoding: chunked"
  const lines = [...call.headers, ...(body === "" && call.chunks === undefined ? [] : [framing])]
  const head = `${call.method} ${call.target} HTTP/${call.version}\r\n${lines.map((line) => `${line}\r\n`).join("")}\r\n`
  return Buffer.from(filled(head, fill) + framed, "latin1")
}

const chunked = (body: string, sizes: ReadonlyArray<number>): string => {
  let text = ""
  let at = 0
  for (const size of sizes) {
    if (size > 0 && at < body.length) text += chunk(body.slice(at, at + size))
    at += size
  }
  return `${text}${at < body.length ? chunk(body.slice(at)) : ""}0\r\n\r\n`
}

const chunk = (text: string): string => `${text.length.toString(16)}\r\n${text}\r\n`

/** Whether it asks for v1, as it did: with a header, and below no prefix. */
export const asksForV1 = ({ target, headers }: Call): boolean =>
  headers.some((line) => /^accept-version: 1\.0\.0/im.test(line)) &&
  !/^\/(v2|beta)\//.test(target.replace(/^https?:\/\/[^/?]*/i, ""))

/** The same, in words that a report can hold. */
export const showAs = <T extends object>(value: T, text: (value: T) => string): T => ({
  ...value,
  [fc.toStringMethod]: () => {
    const whole = text(value)
    const end = whole.length > 1_500 ? `… of ${whole.length} bytes` : ""
    return JSON.stringify(whole.slice(0, 1_500)) + end
  },
})

export const showCall = (call: Call): Call => showAs(call, (one) => toBytes(one, {}).toString("latin1"))

/** Fails where it takes longer than anybody waits. */
export const inTime = async <A>(promise: Promise<A>): Promise<A> => {
  const late = Promise.withResolvers<never>()
  const timer = setTimeout(() => late.reject(new Error(`nothing came within ${patience} ms`)), patience)
  return await Promise.race([promise, late.promise]).finally(() => clearTimeout(timer))
}

/** A connection that is kept as long as the server keeps it. */
export const openLane = (origin: string) => {
  let connection: Awaited<ReturnType<typeof dial>> | undefined
  /** What was asked on it before, since what fails may be the fault of that. */
  let last: Call | undefined
  const hangUp = () => {
    connection?.socket.destroy()
    connection = undefined
    last = undefined
  }
  const exchange = async (call: Call, fill: Fill): Promise<Answer> => {
    connection ??= await dial(origin)
    const { send, next, closed, rest } = connection
    send(toBytes(call, fill))
    let answer = await inTime(next(call.method))
    if (answer?.status === 100) answer = await inTime(next(call.method))
    if (answer === undefined) throw new Error("the connection was closed without an answer")
    const isLast = answer.headers["connection"] === "close"
    if (isLast) await inTime(closed)
    // A head that could not be read is refused as a whole: nobody knows then that it was to be a HEAD.
    const isUnread = isLast && call.method === "HEAD" && [400, 431].includes(answer.status)
    if (rest() !== "" && !isUnread) throw new Error(`more came than an answer: ${JSON.stringify(rest().slice(0, 200))}`)
    if (isLast) connection = undefined
    return answer
  }
  return {
    /** Sends a request, and gives the one answer to it. */
    ask: (call: Call, fill: Fill) =>
      exchange(call, fill)
        .then((answer) => {
          last = connection && call
          return answer
        })
        .catch((error: unknown) => {
          const before = last === undefined ? "on a new connection" : `on a connection after ${fc.stringify(last)}`
          hangUp()
          throw new Error(`${String(error)}, to ${fc.stringify(call)}, ${before}`)
        }),
    [Symbol.dispose]: hangUp,
  }
}

/** Some at a time of many; ends at the first that fails, when all that was begun is done. */
export const sideBySide = async <T, L>(
  items: ReadonlyArray<T>,
  lanes: ReadonlyArray<L>,
  work: (lane: L, item: T) => Promise<void>,
): Promise<void> => {
  const left = items.values()
  let failed = false
  const outcomes = await Promise.allSettled(
    lanes.map(async (lane) => {
      for (const item of left) {
        if (failed) return
        await work(lane, item).catch((error: unknown) => {
          failed = true
          throw error
        })
      }
    }),
  )
  const failures = outcomes.flatMap((outcome) => (outcome.status === "rejected" ? [outcome.reason as unknown] : []))
  // When the server dies every lane fails, and one of them has the request that it died of.
  if (failures.length > 1) throw new Error(failures.map((failure) => String(failure).slice(0, 4_000)).join("\n\n"))
  if (failures.length === 1) throw failures[0]
}
