/** What a call tells of the answer it came from: for who counts requests, or asks a server's owner about one. */
import { type CallResponse, isUpdateUserError, Transport } from "@webflow-users/core"
import { RateLimitHeaders, RequestId } from "@webflow-users/core/wire"
import { Clock, Context, Effect } from "effect"
import { FieldsMismatch } from "./fieldsSchema.ts"
import type { RemoteOptions, SentRequest } from "./options.ts"

export type { CallResponse }

type Answer = Transport.TransportResponse

const headersOf = ({ header }: Answer): CallResponse["headers"] => ({
  get: (name) => header(name.toLowerCase()) ?? null,
  has: (name) => header(name.toLowerCase()) !== undefined,
})

const responseOf = (answer: Answer): CallResponse => {
  const requestId = RequestId.read(answer.header)
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

/** What a call is run with, where it is noted which answers it gets if somebody wants to know. */
export const withHearing = <R>(services: Context.Context<R>, heard: Heard | undefined): Context.Context<R> =>
  Context.add(services, Hearing, heard)

/** Notes which answers a call gets. */
export const hearing = <A, E, R>(call: Effect.Effect<A, E, R>, heard: Heard): Effect.Effect<A, E, R> =>
  Effect.provideService(call, Hearing, heard)

/** What hears the answers here, forgetting those before. */
export const heardHere: Effect.Effect<Heard> = Effect.map(Hearing, (heard = new Heard()) => {
  heard.answer = undefined
  return heard
})

/**
 * Hangs the answer on the error that was read from it; one that has another status was found out here, after an answer about
 * something else. It is not counted among the error's properties, so printing it tells no more.
 */
export const answered = <E>(error: E, { response: value }: Heard): E => {
  if (value === undefined) return error
  if (error instanceof FieldsMismatch || (isUpdateUserError(error) && error.status === value.status)) {
    Object.defineProperty(error, "response", { value, configurable: true, writable: true })
  }
  return error
}

type Send = Transport.Transport["Service"]["send"]
type Hooks = Pick<RemoteOptions, "onRequest" | "onResponse">

/** A transport whose requests and answers are told to whom they concern. */
export const told = ({ send }: Transport.Transport["Service"], hooks: Hooks): Transport.Transport["Service"] => ({
  send: noted(observed(send, hooks)),
})

const noted =
  (send: Send): Send =>
  (request) =>
    Effect.withFiber((fiber) => {
      const heard = fiber.getRef(Hearing)
      if (heard === undefined) return send(request)
      heard.answer = undefined
      return Effect.map(send(request), (answer) => (heard.answer = answer))
    })

const observed = (send: Send, { onRequest, onResponse }: Hooks): Send => {
  if (onRequest === undefined && onResponse === undefined) return send
  const observing = Effect.fnUntraced(function* (sending: Transport.TransportRequest) {
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
  // The hooks are waited for as the answer is.
  return ({ patience, ...sending }) => Transport.inTime(observing(sending), patience)
}

const millis = Clock.clockWith((clock) => Effect.sync(() => Number(clock.monotonicTimeNanosUnsafe()) / 1e6))
