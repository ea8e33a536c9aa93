/** What another server's answers mean: read tolerantly, and every answer that is no success made an error of the list. */
import { Clock, Effect, type Schema } from "effect"
import type { TransportResponse } from "../../Transport.ts"
import { type UpdateUserError, UpstreamInvalidResponse, UserAccountsRemoved } from "../../UpdateUserError.ts"
import { isWebflow } from "../../Webflow.ts"
import * as Envelope from "../../wire/Envelope.ts"

/** Reads the answers of the server at an address. `secret` is the token that was sent, which no error may repeat. */
export const of = (baseUrl: string) => {
  const explain = isWebflow(baseUrl) ? removedFrom : (error: UpdateUserError) => error

  return Effect.fnUntraced(function* <A>(
    response: TransportResponse,
    secret: string,
    decode: (json: unknown) => Effect.Effect<A, Schema.SchemaError>,
  ) {
    const { status, header, text } = response
    const body = parse(text)
    const requestId = requestIdHeaders.map(header).find((value) => value !== undefined)
    if (status >= 200 && status <= 299) {
      return yield* Effect.mapError(
        decode(body),
        // What does not decode may be a person's data: the error tells nothing of it.
        () =>
          new UpstreamInvalidResponse({
            status,
            ...named(requestId),
            ...(body === undefined && excerptOf(text, secret)),
          }),
      )
    }
    if (status < 400) {
      return yield* new UpstreamInvalidResponse({
        status,
        message: redirected(header("location")),
        ...named(requestId),
      })
    }
    const retryAfter = Envelope.parseRetryAfter(header("retry-after"), yield* Clock.currentTimeMillis)
    return yield* explain(
      Envelope.decodeError({ status, body, retryAfter, requestId, ...excerptOf(text, secret, { isFailure: true }) }),
    )
  })
}

/** Where servers and what stands before them put their name for a request. */
const requestIdHeaders = ["x-request-id", "request-id", "x-amzn-requestid", "cf-ray"]

const named = (requestId: string | undefined) => (requestId === undefined ? {} : { requestId })

const parse = (text: string): unknown => {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

const excerptLength = 200

/** How an answer begins; of a success that is JSON, or once was, nothing: it may be a person's data. */
const excerptOf = (text: string, secret: string, { isFailure = false } = {}) => {
  if (!isFailure && /^\s*[[{"]/.test(text)) return {}
  const told = secret === "" ? text : text.replaceAll(secret, "<token>")
  return { excerpt: told.slice(0, excerptLength).toWellFormed() }
}

const redirected = (location: string | undefined): string => {
  const to = location !== undefined && URL.canParse(location) ? ` to ${new URL(location).origin}` : ""
  return `The server redirects${to}, and a redirect is not followed, since it would take the token along`
}

/** Webflow itself does not say why it does not answer; what it says is kept. */
const removedFrom = (error: UpdateUserError): UpdateUserError => {
  if (error.status !== 404 && error.status !== 410 && error._tag !== "UsersNotEnabled") return error
  const { requestId, status, code, message } = error
  return new UserAccountsRemoved({ status, ...named(requestId), details: [`${code}: ${message}`, ...error.details] })
}
