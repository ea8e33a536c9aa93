/** What comes in, as the requests that `Http.ts` answers. */
import type { IncomingHttpHeaders, IncomingMessage } from "node:http"
import type { Socket } from "node:net"
import { BadRequest, BodyTooLarge } from "@webflow-users/core"
import { JsonBody, Routes } from "@webflow-users/core/wire"
import { Effect } from "effect"
import * as Addresses from "./Addresses.ts"
import type * as Http from "./Http.ts"
import type { PlainRequest } from "./PlainRequest.ts"

/** A request as it came, whoever has read it. */
export interface Incoming {
  readonly socket: Socket
  readonly method: string
  readonly url: string
  readonly header: Http.Request["header"]
  readonly headerNames: Http.Request["headerNames"]
  readonly body: Http.Request["body"]
  /** Whether all of it has come. */
  readonly isWhole: () => boolean
  /** Why it is not done. */
  readonly problem?: BadRequest | undefined
  /** Whether nothing is read behind it. */
  readonly isLast: boolean
}

/** One that is whole, and in order. */
export const ofPlain = (socket: Socket, { method, url, headers, body }: PlainRequest): Incoming => ({
  socket,
  method,
  url,
  header: (name) => headers.get(name),
  headerNames: () => [...headers.keys()],
  body: () => Effect.succeed(body),
  isWhole,
  isLast: false,
})

const isWhole = () => true

export const ofNode = (request: IncomingMessage): Incoming => {
  const { socket, method = "", url = "", headers } = request
  const ambiguity = ambiguityOf(request)
  return {
    socket,
    method,
    url,
    header: (name) => headerOf(headers, name),
    headerNames: () => Object.keys(headers),
    body: () => readBody(request),
    isWhole: () => request.complete,
    problem: ambiguity ?? hostProblem(request),
    // Who would rather speak another protocol is answered in this one, and for the last time: from then on node:http tells
    // of no error on the connection, and what is no request would be waited on in silence.
    isLast: headers.upgrade !== undefined || ambiguity !== undefined,
  }
}

export const toRequest = (
  incoming: Incoming,
  stopping: Effect.Effect<void>,
  trusted: Addresses.TrustedProxies,
): Http.Request => {
  const { socket, method, url, header, headerNames, body } = incoming
  return {
    method,
    ...targetOf(method, url),
    header,
    headerNames,
    address: Addresses.callerOf(socket.remoteAddress ?? "", header("x-forwarded-for"), trusted),
    body,
    stopping,
  }
}

const targetOf = (method: string, url: string): Pick<Http.Request, "target" | "path" | "query" | "match"> => {
  // Clients that take this server for a proxy of HTTP itself send the whole URL.
  const target = url.startsWith("/") ? url : url.replace(/^https?:\/\/[^/?]*/i, "")
  const at = target.indexOf("?")
  const path = at < 0 ? target : target.slice(0, at)
  return { target, path, query: at < 0 ? "" : target.slice(at + 1), match: Routes.match(method, path) }
}

const headerOf = (headers: IncomingHttpHeaders, name: string): string | undefined => {
  const value = headers[name]
  return Array.isArray(value) ? value.join(", ") : value
}

/** The rest of a body that is too large is read and thrown away by node:http, so that the caller gets to the answer. */
const readBody = (request: IncomingMessage): ReturnType<Http.Request["body"]> => {
  if (Number(request.headers["content-length"]) > JsonBody.maxBodyBytes) return tooLarge()
  // A caller who has gone already is heard of no more: none of the events would come.
  if (request.destroyed) return cutOff()
  if (!request.complete) return receiveBody(request)
  // As nearly always: nothing is left to wait for.
  if (request.readableLength > JsonBody.maxBodyBytes) return tooLarge()
  const bytes: Buffer | null = request.read()
  return Effect.succeed(bytes ?? nothing)
}

const nothing = Buffer.alloc(0)

const receiveBody = (request: IncomingMessage): ReturnType<Http.Request["body"]> =>
  Effect.callback((resume) => {
    const chunks: Array<Buffer> = []
    let size = 0
    request.on("data", (chunk: Buffer) => {
      size += chunk.length
      if (size > JsonBody.maxBodyBytes) resume(tooLarge())
      else chunks.push(chunk)
    })
    request.on("end", () => {
      const [first] = chunks
      resume(Effect.succeed(first !== undefined && chunks.length === 1 ? first : Buffer.concat(chunks)))
    })
    // Comes last in every case; what was resumed before stands.
    request.on("close", () => {
      if (!request.complete) resume(cutOff())
    })
  })

// Made when they are needed: an error takes its stack along, and most requests need neither.

const tooLarge = () =>
  Effect.fail(new BodyTooLarge({ message: `Request body too large: at most ${JsonBody.maxBodyBytes} bytes are read` }))

const cutOff = () => Effect.fail(new BadRequest({ message: "The request ended before its body did" }))

/** What two readers of a request could take differently: where it goes, or where it ends. */
const ambiguityOf = ({ headers, rawHeaders }: IncomingMessage): BadRequest | undefined => {
  // node:http takes the first of two hosts; who stands in front may have taken the other.
  let hosts = 0
  for (let at = 0; at < rawHeaders.length; at += 2) {
    const name = rawHeaders[at]
    if (name?.length === "host".length && name.toLowerCase() === "host") hosts += 1
  }
  if (hosts > 1) return new BadRequest({ message: "A request has one Host header, and this one has several" })
  const coding = headers["transfer-encoding"]
  return coding === undefined || /(^|,)[ \t]*chunked[ \t]*$/i.test(coding)
    ? undefined
    : new BadRequest({ message: "A request's Transfer-Encoding has to end with chunked" })
}

/** A request of HTTP/1.1 says which host it is for. */
const hostProblem = ({ httpVersion, headers }: IncomingMessage): BadRequest | undefined =>
  httpVersion === "1.1" && headers.host === undefined
    ? new BadRequest({ message: "A request needs a Host header" })
    : undefined
