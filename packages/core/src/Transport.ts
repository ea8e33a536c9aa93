/**
 * Port: sends one HTTP request to another server. Adapters stand in `Transport/`; one that needs a library is a driver of
 * whoever assembles.
 */
import { Context, Duration, Effect, type Exit, Predicate } from "effect"
import * as Deadlines from "./Deadlines.ts"
import * as E from "./UpstreamError.ts"

/** A request, whole: nothing is added to it but what HTTP needs. */
export interface TransportRequest {
  readonly method: string
  readonly url: string
  readonly headers: Readonly<Record<string, string>>
  readonly body?: string
  /** How long to wait for the answer. After that the request is ended, and its connection where it is under way. */
  readonly patience?: Patience
}

/** How long to wait, and what comes of it when that was not long enough. */
export interface Patience<E = TransportError> {
  /** In milliseconds; for ever where they are infinite. */
  readonly millis: number
  /** What whoever waited fails with. */
  readonly late: () => E
}

/** An answer of any status. */
export interface TransportResponse {
  readonly status: number
  /** A header's value, by its name in lower case. */
  readonly header: (name: string) => string | undefined
  readonly text: string
}

/** Why there is no answer. */
export type TransportError =
  | E.UnsendableRequest
  | E.Unreachable
  | E.ConnectionLost
  | E.TimedOut
  | E.TlsFailed
  | E.UpstreamInvalidResponse

type Send = (request: TransportRequest) => Effect.Effect<TransportResponse, TransportError>

/** Sends requests; it knows nothing of what they mean. */
export class Transport extends Context.Service<
  Transport,
  {
    /**
     * Gives the answer, whatever its status; a redirect is an answer too. Interrupting it ends the request, and its
     * connection where that is under way; so does the end of the request's patience, and then it fails with what that says.
     */
    readonly send: Send
  }
>()("@webflow-users/core/Transport") {}

/** The largest answer that is read, in bytes: a hundred users with long fields are far below it. */
export const maxResponseBytes = 2 * 1024 * 1024

/** The failure of an answer that is larger. */
export const tooLarge = (status: number): E.UpstreamInvalidResponse =>
  new E.UpstreamInvalidResponse({ status, message: `The server's answer is larger than ${maxResponseBytes} bytes` })

/** Hears what came of a request. Only the first time counts. */
export type Done = (exit: Exit.Exit<TransportResponse, TransportError>) => void

/**
 * Begins a request, says once it is done, and gives what ends it before that: with its connection where it is under way. What it
 * throws is a defect. Patience is not its business.
 */
export type Begin = (request: TransportRequest, done: Done) => () => void

/** A transport that begins requests as it is told to, once it is known that they can be sent, and ends those that take too long. */
export const of = (begin: Begin): Transport["Service"] => {
  const watch = Deadlines.make()
  return Transport.of({
    send: (request) => {
      const sent = sendable(request)
      return typeof sent === "string"
        ? Effect.fail(new E.UnsendableRequest({ details: [sent] }))
        : exchange(begin, watch, sent)
    },
  })
}

/** In the fiber that waits: one more to watch over it costs a tenth of what it takes to pass a request on. */
const exchange = (begin: Begin, watch: Deadlines.Watch, request: TransportRequest): ReturnType<Send> =>
  Effect.withFiber((fiber) => {
    const { patience } = request
    if (patience !== undefined && patience.millis <= 0) return Effect.failSync(patience.late)
    return Effect.callback((resume) => {
      let isDone = false
      let leave: (() => void) | undefined
      const cancel = begin(request, (exit) => {
        isDone = true
        leave?.()
        resume(exit)
      })
      if (isDone) return
      if (patience !== undefined && patience.millis !== Number.POSITIVE_INFINITY) {
        const late = () => {
          cancel()
          return Effect.fail(patience.late())
        }
        leave = watch(fiber, patience.millis, () => resume(Effect.suspend(late)))
      }
      return Effect.sync(() => {
        leave?.()
        cancel()
      })
    })
  })

/**
 * Ends an effect that takes too long: for what is more than one exchange, or none. It takes two fibers and a timer, which
 * `patience` in a request does without.
 */
export const inTime = <A, Err, R, Late>(
  effect: Effect.Effect<A, Err, R>,
  patience: Patience<Late> | undefined,
): Effect.Effect<A, Err | Late, R> =>
  patience === undefined || patience.millis === Number.POSITIVE_INFINITY
    ? effect
    : Effect.timeoutOrElse(effect, {
        duration: Duration.millis(patience.millis),
        orElse: () => Effect.failSync(patience.late),
      })

/**
 * A request as it is sent, or why it cannot be: clients quote an address or a header that they do not take, and with it a secret.
 * Space around a header's value is no part of it; some clients take it away, and some refuse it.
 */
const sendable = (request: TransportRequest): TransportRequest | string => {
  const { url, headers } = request
  // Without that sign there is neither, and to read an address costs more than all the rest.
  if (url.includes("@") && URL.canParse(url)) {
    const { username, password } = new URL(url)
    if (username + password !== "") return "the server's address holds a user name or a password"
  }
  let isTrimmed = true
  for (const value of Object.values(headers)) {
    const text = value.trim()
    if (!/^[\t\x20-\x7e\x80-\xff]*$/.test(text)) {
      return "a header, or the token in it, has a character that HTTP does not carry"
    }
    if (text !== value) isTrimmed = false
  }
  return isTrimmed
    ? request
    : {
        ...request,
        headers: Object.fromEntries(Object.entries(headers).map(([name, value]) => [name, value.trim()])),
      }
}

/**
 * What a client's error means, by the code that Node, its TLS or undici gave it. A platform that tells no more than that
 * it failed leaves open whether the request arrived.
 */
export const failureOf = (cause: unknown): TransportError => {
  const { code, name, message } = root(cause)
  if (
    /^(ECONNREFUSED|ENOTFOUND|EAI_\w+|EHOSTUNREACH|ENETUNREACH|EADDRNOTAVAIL|ENOENT|UND_ERR_CONNECT_TIMEOUT)$/.test(
      code,
    )
  ) {
    return new E.Unreachable({ cause })
  }
  if (/^(ETIMEDOUT|UND_ERR_(HEADERS|BODY)_TIMEOUT)$/.test(code)) return new E.TimedOut({ cause })
  if (/^(ERR_TLS_|ERR_SSL_|CERT_|UNABLE_TO_|DEPTH_ZERO|SELF_SIGNED|HOSTNAME_MISMATCH|INVALID_CA|EPROTO)/.test(code)) {
    return new E.TlsFailed({ cause })
  }
  if (code === "UND_ERR_HEADERS_OVERFLOW") {
    return new E.UpstreamInvalidResponse({ status: 502, message: "The headers of the server's answer are too large" })
  }
  // An answer in chunks that just ends is one that breaks off. The cause of the others quotes what the server sent.
  if ((name === "HTTPParserError" || code.startsWith("HPE_")) && !message.includes("EOF")) {
    return new E.UpstreamInvalidResponse({ status: 502, message: "The server's answer is not HTTP" })
  }
  return new E.ConnectionLost({ cause })
}

/** What tells most of an error: itself or what it wraps, whichever has a code; undici's parser gives none. */
const root = (error: unknown): { readonly code: string; readonly name: string; readonly message: string } => {
  const { code, name, message, cause }: Partial<Record<string, unknown>> = Predicate.isObject(error) ? error : {}
  return typeof code !== "string" && cause !== undefined
    ? root(cause)
    : { code: String(code ?? ""), name: String(name ?? ""), message: String(message ?? "") }
}
