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
    const hidden = (said: string): string =>
      secret.length < shortestSecret ? said : said.replaceAll(secret, "<token>")
    const id = requestIdHeaders.map(header).find((value) => value !== undefined)
    const named = id === undefined ? {} : { requestId: hidden(id) }
    if (status >= 200 && status <= 299) {
      const body = parse(text)
      return yield* Effect.mapError(
        decode(body),
        () => new UpstreamInvalidResponse({ status, ...named, ...(body === undefined && excerptOf(hidden(text))) }),
      )
    }
    if (status < 400) {
      return yield* new UpstreamInvalidResponse({
        status,
        ...named,
        message: redirected(hidden(header("location") ?? "")),
      })
    }
    const said = hidden(text)
    const retryAfter = Envelope.parseRetryAfter(header("retry-after"), yield* Clock.currentTimeMillis)
    return yield* explain(
      Envelope.decodeError({ status, body: parse(said), excerpt: beginning(said), retryAfter, ...named }),
    )
  })
}

/** Where servers and what stands before them put their name for a request. */
const requestIdHeaders = ["x-request-id", "request-id", "x-amzn-requestid", "cf-ray"]

/** A shorter token than any server issues would be found in words that are none. */
const shortestSecret = 8

const parse = (text: string): unknown => {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

const excerptLength = 200

const beginning = (text: string): string => text.slice(0, excerptLength).toWellFormed()

/** How a success begins that is none. Where it is JSON, or once was, nothing of it: it may be a person's data. */
const excerptOf = (text: string) => (/^\s*[[{"]/.test(text) ? {} : { excerpt: beginning(text) })

const redirected = (location: string): string => {
  const to = URL.canParse(location) ? ` to ${new URL(location).origin}` : ""
  return `The server redirects${to}, and a redirect is not followed, since it would take the token along`
}

/** Webflow itself does not say why it does not answer; what it says is kept. */
const removedFrom = (error: UpdateUserError): UpdateUserError => {
  if (error.status !== 404 && error.status !== 410 && error._tag !== "UsersNotEnabled") return error
  const { requestId, status, code, message, details } = error
  return new UserAccountsRemoved({
    status,
    details: [`${code}: ${message}`, ...details],
    ...(requestId !== undefined && { requestId }),
  })
}
