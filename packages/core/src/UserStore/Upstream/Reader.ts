/** What another server's answers mean: read tolerantly, and every answer that is no success made an error of the list. */
import { Clock, Effect, Predicate, type Schema } from "effect"
import type { TransportResponse } from "../../Transport.ts"
import { type UpdateUserError, UpstreamInvalidResponse, UserAccountsRemoved } from "../../UpdateUserError.ts"
import { isWebflow } from "../../Webflow.ts"
import * as Envelope from "../../wire/Envelope.ts"
import { isDeeperThan, maxDepth } from "../../wire/JsonBody.ts"

/** Reads the answers of the server at an address. No error may repeat the token that was sent. */
export const of = (baseUrl: string) => {
  const explain = isWebflow(baseUrl) ? removedFrom : (error: UpdateUserError) => error

  return Effect.fnUntraced(function* <A>(
    response: TransportResponse,
    token: string,
    decode: (json: unknown) => Effect.Effect<A, Schema.SchemaError>,
  ) {
    const { status, text } = response
    // As it was sent: space around it is no part of a header.
    const secret = token.trim()
    const hide = hiding(secret)
    const header = (name: string) => {
      const value = response.header(name)
      return value === undefined ? undefined : hide(value)
    }
    const requestId = requestIdHeaders.map(header).find((value) => value !== undefined)
    if (status >= 200 && status <= 299) {
      const body = parse(text)
      return yield* Effect.mapError(
        decode(body),
        // What does not decode may be a person's data: the error tells nothing of it.
        () =>
          new UpstreamInvalidResponse({
            status,
            ...named(requestId),
            ...(body === undefined && excerptOf(text, hide)),
          }),
      )
    }
    if (status < 400) {
      return yield* new UpstreamInvalidResponse({
        status,
        message: redirected(header("location"), secret),
        ...named(requestId),
      })
    }
    const body = parse(text, hidingInJson(hide))
    const retryAfter = Envelope.parseRetryAfter(header("retry-after"), yield* Clock.currentTimeMillis)
    return yield* explain(
      Envelope.decodeError({ status, body, retryAfter, requestId, ...excerptOf(text, hide, { isFailure: true }) }),
    )
  })
}

/** Where servers and what stands before them put their name for a request. */
const requestIdHeaders = ["x-request-id", "request-id", "x-amzn-requestid", "cf-ray"]

const named = (requestId: string | undefined) => (requestId === undefined ? {} : { requestId })

/** Takes the token out of what another server sent back. */
const hiding =
  (secret: string) =>
  (text: string): string =>
    secret === "" ? text : text.replaceAll(secret, "<token>")

/** The same while JSON is read, in whatever way it spells it. What an error is known by stays: its names and its codes. */
const hidingInJson = (hide: (text: string) => string) => (name: string, value: unknown) => {
  if (Predicate.isString(value)) return Envelope.documentedCodes.some((code) => code === value) ? value : hide(value)
  return name !== "" && Predicate.isObject(value)
    ? Object.fromEntries(Object.entries(value).map(([inner, held]) => [hide(inner), held]))
    : value
}

const parse = (text: string, revive?: (name: string, value: unknown) => unknown): unknown => {
  try {
    const json: unknown = JSON.parse(text, revive)
    // What is nested without end cannot be written again. In a list, users stand deeper than they may in a request.
    return isDeeperThan(json, 2 * maxDepth) ? undefined : json
  } catch {
    return undefined
  }
}

const excerptLength = 200

/** How an answer begins; of a success that is JSON, or once was, nothing: it may be a person's data. */
const excerptOf = (text: string, hide: (text: string) => string, { isFailure = false } = {}) => {
  if (!isFailure && /^\s*[[{"]/.test(text)) return {}
  return { excerpt: hide(text).slice(0, excerptLength).toWellFormed() }
}

const redirected = (location: string | undefined, secret: string): string => {
  const origin = location !== undefined && URL.canParse(location) ? new URL(location).origin : ""
  // The name of a host loses its case, and a token in it is no longer found as it was.
  const isTold = origin !== "" && (secret === "" || !origin.includes(secret.toLowerCase()))
  const to = isTold ? ` to ${origin}` : ""
  return `The server redirects${to}, and a redirect is not followed, since it would take the token along`
}

/** Webflow itself does not say why it does not answer; what it says is kept. */
const removedFrom = (error: UpdateUserError): UpdateUserError => {
  if (error.status !== 404 && error.status !== 410 && error._tag !== "UsersNotEnabled") return error
  const { requestId, status, code, message } = error
  return new UserAccountsRemoved({ status, ...named(requestId), details: [`${code}: ${message}`, ...error.details] })
}
