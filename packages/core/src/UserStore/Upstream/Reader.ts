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
    const hide = hiding(secret)
    const requestId = requestIdHeaders.map(header).find((value) => value !== undefined)
    const named = requestId === undefined ? {} : { requestId: hide(requestId) }
    if (status >= 200 && status <= 299) {
      const body = parse(text)
      return yield* Effect.mapError(
        decode(body),
        // What does not decode may be a person's data: the error tells nothing of what is JSON, or once was.
        () =>
          new UpstreamInvalidResponse({
            status,
            ...named,
            ...(body === undefined && !/^\s*[[{"]/.test(text) && { excerpt: excerptOf(hide(text)) }),
          }),
      )
    }
    if (status < 400) {
      return yield* new UpstreamInvalidResponse({
        status,
        message: redirected(hide(header("location") ?? "")),
        ...named,
      })
    }
    const retryAfter = Envelope.parseRetryAfter(header("retry-after"), yield* Clock.currentTimeMillis)
    const told = hide(text)
    return yield* explain(
      Envelope.decodeError({ status, body: parse(told), retryAfter, ...named, excerpt: excerptOf(told) }),
    )
  })
}

/** Where servers and what stands before them put their name for a request. */
const requestIdHeaders = ["x-request-id", "request-id", "x-amzn-requestid", "cf-ray"]

/** Takes the token out of what a server says, which may quote it, and out of JSON as some write a slash in it. */
const hiding = (secret: string) => {
  // What is shorter is no secret, and stands in words that are none either.
  if (secret.length < 8) return (text: string) => text
  const quoted = JSON.stringify(secret).slice(1, -1)
  return (text: string) =>
    [secret, quoted, quoted.replaceAll("/", "\\/")].reduce((left, form) => left.replaceAll(form, "<token>"), text)
}

const parse = (text: string): unknown => {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

const excerptLength = 200

/** How an answer begins. */
const excerptOf = (told: string): string => told.slice(0, excerptLength).toWellFormed()

const redirected = (location: string): string => {
  const to = URL.canParse(location) ? ` to ${new URL(location).origin}` : ""
  return `The server redirects${to}, and a redirect is not followed, since it would take the token along`
}

/** Webflow itself does not say why it does not answer; what it says is kept. */
const removedFrom = (error: UpdateUserError): UpdateUserError => {
  if (error.status !== 404 && error.status !== 410 && error._tag !== "UsersNotEnabled") return error
  const { requestId, status, code, message } = error
  return new UserAccountsRemoved({
    status,
    ...(requestId !== undefined && { requestId }),
    details: [`${code}: ${message}`, ...error.details],
  })
}
