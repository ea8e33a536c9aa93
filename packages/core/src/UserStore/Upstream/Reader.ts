/** What another server's answers mean: read tolerantly, and every answer that is no success made an error of the list. */
import { Clock, Effect } from "effect"
import type { TransportResponse } from "../../Transport.ts"
import { type UpdateUserError, UpstreamInvalidResponse, UserAccountsRemoved } from "../../UpdateUserError.ts"
import { isWebflow } from "../../Webflow.ts"
import * as Envelope from "../../wire/Envelope.ts"
import * as Hiding from "../../wire/Hiding.ts"
import { isTextDeeperThan, maxDepth } from "../../wire/JsonBody.ts"
import * as RequestId from "../../wire/RequestId.ts"

/** Reads the answers of the server at an address. `token` is the one that was sent, which no error may repeat. */
export const of = (baseUrl: string) => {
  const explain = isWebflow(baseUrl) ? removedFrom : (error: UpdateUserError) => error

  return <A>(
    response: TransportResponse,
    token: string,
    readAs: (json: unknown) => A | undefined,
  ): Effect.Effect<A, UpdateUserError> => {
    const { status, header, text } = response
    if (status < 200 || status > 299) {
      return Effect.flatMap(Clock.currentTimeMillis, (now) =>
        Effect.fail(explain(failureOf(response, Hiding.of(token), now))),
      )
    }
    const found = readAs(parse(text))
    if (found !== undefined) return Effect.succeed(found)
    const hide = Hiding.of(token)
    return Effect.fail(
      new UpstreamInvalidResponse({ status, excerpt: excerptOf(text, hide), ...requestIdOf(header, hide) }),
    )
  }
}

const failureOf = (
  { status, header, text }: TransportResponse,
  hide: (text: string) => string,
  now: number,
): UpdateUserError => {
  const requestId = requestIdOf(header, hide)
  if (status < 400) {
    const message = hide(redirected(header("location") ?? ""))
    return new UpstreamInvalidResponse({ status, message, ...requestId })
  }
  const retryAfter = Envelope.parseRetryAfter(header("retry-after"), now)
  const body = parse(text, Hiding.inJson(hide))
  return Envelope.decodeError({ status, body, excerpt: excerptOf(text, hide), retryAfter, ...requestId })
}

const requestIdOf = (header: TransportResponse["header"], hide: (text: string) => string) => {
  const requestId = RequestId.read(header)
  return requestId === undefined ? {} : { requestId: hide(requestId) }
}

const parse = (text: string, revive?: (name: string, value: unknown) => unknown): unknown => {
  try {
    const json: unknown = JSON.parse(text, revive)
    // What is nested without end cannot be written again. In a list, users stand deeper than they may in a request.
    return isTextDeeperThan(text, json, 2 * maxDepth) ? undefined : json
  } catch {
    return undefined
  }
}

const excerptLength = 200

/** How an answer begins that is no JSON, and never was: of any other it may be a person's data. */
const excerptOf = (text: string, hide: (text: string) => string): string =>
  /^\s*[[{"]/.test(text) ? "" : hide(text).slice(0, excerptLength).toWellFormed()

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
