/** How a call is made, from what 3.1 takes for that. */
import { checkRequest } from "../checkOptions.ts"
import type { RequestOptions as Options } from "../options.ts"
import { WebflowError } from "./WebflowError.ts"

/** How one call is made. */
export interface RequestOptions {
  /** How long to wait for the answer to one request, in seconds, and before it for the address. 60 unless said. */
  timeoutInSeconds?: number
  /** How often a request that fails is sent again. 2 unless said; 0 does not wait after a 429 either. */
  maxRetries?: number
  /** Ends the call: it rejects with a `WebflowError` that has no `statusCode`. */
  abortSignal?: AbortSignal
  /** Headers to send beside the call's own. */
  headers?: Record<string, string>
}

/** What holds where a call says nothing else, as in 3.1. */
export const standard = { timeoutInSeconds: 60, maxRetries: 2 } as const

/** The same for the promise client, with the time in milliseconds. What 3.1 makes sense of makes the same sense here. */
export interface CallOptions extends Options {
  readonly timeout: number
}

/** Throws a `WebflowError` for what cannot be. */
export const callOptionsOf = (requestOptions: RequestOptions | null | undefined): CallOptions => {
  const { timeoutInSeconds, maxRetries, abortSignal, headers } = requestOptions ?? {}
  return {
    timeout: (timeoutInSeconds ?? standard.timeoutInSeconds) * 1000,
    ...(maxRetries != null && { attempts: 1 + whole(maxRetries) }),
    ...(abortSignal != null && { signal: signalOf(abortSignal) }),
    ...(headers != null && { headers: headersOf(headers) }),
  }
}

/** 3.1 counts up to it, so one and a half are two, and less than none is none. */
const whole = (maxRetries: number): number =>
  Math.min(Math.ceil(Math.max(0, maxRetries)) || 0, Number.MAX_SAFE_INTEGER - 1)

const signalOf = (signal: AbortSignal): AbortSignal => {
  // That of another realm, or of a library, is one too.
  const { aborted, addEventListener }: Partial<AbortSignal> = Object(signal)
  if (typeof aborted === "boolean" && typeof addEventListener === "function") return signal
  throw new WebflowError({ message: "abortSignal has to be an AbortSignal" })
}

/** Without the two that tell what the client tells by itself. In 3.1 they may be given, so here they may too. */
const headersOf = (given: Readonly<Record<string, unknown>>): Record<string, string> => {
  const headers = Object.fromEntries(
    Object.entries(given)
      .filter(([name, value]) => value != null && !/^(accept|content-type)$/i.test(name))
      .map(([name, value]) => [name, String(value)]),
  )
  try {
    checkRequest("requestOptions", { headers })
  } catch (cause) {
    throw new WebflowError({ message: (cause as Error).message, cause })
  }
  return headers
}
