/** What a call tells of the answer it came from: for who counts requests, or asks a server's owner about one. */
import { isUpdateUserError, Transport } from "@webflow-users/core"
import { RateLimitHeaders } from "@webflow-users/core/wire"
import { Clock, Context, Effect, Layer } from "effect"
import { FieldsMismatch } from "./fieldsSchema.ts"
import type { RemoteOptions, SentRequest } from "./options.ts"

/** The answer that a call's result or error was read from: of the last request, where it took several. */
export interface CallResponse {
  readonly status: number
  /** The name that the server, or what stands before it, gave the request. */
  readonly requestId?: string
  /** What the server says of its limit: how many requests it allows in a window, and how many are left. */
  readonly rateLimit: { readonly limit?: number; readonly remaining?: number }
  /** All of its headers, by name in any letter case. In a browser, those that the server exposes to the page. */
  readonly headers: Pick<Headers, "get" | "has">
}

/** What an error has beside what its class says. */
export interface Answered {
  /** The answer that it was read from, where there was one. */
  readonly response?: CallResponse
}

/** Where servers and what stands before them put their name for a request, as core's `Reader` knows them. */
const requestIdHeaders = ["x-request-id", "request-id", "x-amzn-requestid", "cf-ray"]

type Answer = Transport.TransportResponse

const headersOf = ({ header }: Answer): CallResponse["headers"] => ({
  get: (name) => header(name.toLowerCase()) ?? null,
  has: (name) => header(name.toLowerCase()) !== undefined,
})

const responseOf = (answer: Answer): CallResponse => {
  const requestId = requestIdHeaders.map(answer.header).find((value) => value !== undefined)
  const { limit, remaining } = RateLimitHeaders.read(answer.header)
  return {
    status: answer.status,
    ...(requestId !== undefined && { requestId }),
    rateLimit: { ...(limit !== undefined && { limit }), ...(remaining !== undefined && { remaining }) },
    headers: headersOf(answer),
  }
}

/** The answer to the last request of a call; none while it is under way, and none where none came. */
export class Heard {
  answer: Answer | undefined

  get response(): CallResponse | undefined {
    return this.answer === undefined ? undefined : responseOf(this.answer)
  }
}

const Hearing = Context.Reference<Heard | undefined>("@webflow-users/sdk/Heard", { defaultValue: () => undefined })

/** Notes which answers a call gets. */
export const hearing = <A, E, R>(call: Effect.Effect<A, E, R>, heard: Heard): Effect.Effect<A, E, R> =>
  Effect.provideService(call, Hearing, heard)

/** What hears the answers here, forgetting those before. */
export const heardHere: Effect.Effect<Heard> = Effect.map(Hearing, (heard = new Heard()) => {
  heard.answer = undefined
  return heard
})

/** Hangs the answer on the error that was read from it. It is not counted among its properties, so printing it tells no more. */
export const answered = <E>(error: E, { response: value }: Heard): E => {
  if (value !== undefined && (isUpdateUserError(error) || error instanceof FieldsMismatch)) {
    Object.defineProperty(error, "response", { value, configurable: true, writable: true })
  }
  return error
}

type Send = Transport.Transport["Service"]["send"]
type Hooks = Pick<RemoteOptions, "onRequest" | "onResponse">

/** A transport whose requests and answers are told to whom they concern. */
export const told = (transport: Layer.Layer<Transport.Transport>, hooks: Hooks): Layer.Layer<Transport.Transport> =>
  Layer.effect(
    Transport.Transport,
    Effect.map(Transport.Transport, ({ send }) => ({ send: noted(observed(send, hooks)) })),
  ).pipe(Layer.provide(transport))

const noted =
  (send: Send): Send =>
  (request) =>
    Effect.flatMap(Hearing, (heard) => {
      if (heard === undefined) return send(request)
      heard.answer = undefined
      return Effect.map(send(request), (answer) => (heard.answer = answer))
    })

const observed = (send: Send, { onRequest, onResponse }: Hooks): Send => {
  if (onRequest === undefined && onResponse === undefined) return send
  return Effect.fnUntraced(function* (sending) {
    const { authorization: _, ...headers } = sending.headers
    const request: SentRequest = { method: sending.method, url: sending.url, headers }
    yield* Effect.promise(async () => onRequest?.(request))
    const sentAt = yield* millis
    const answer = yield* send(sending)
    const duration = (yield* millis) - sentAt
    const response = { status: answer.status, headers: headersOf(answer), duration, request }
    yield* Effect.promise(async () => onResponse?.(response))
    return answer
  })
}

const millis = Clock.clockWith((clock) => Effect.sync(() => Number(clock.monotonicTimeNanosUnsafe()) / 1e6))
