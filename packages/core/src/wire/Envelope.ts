/**
 * The error envelope: `{code, message, externalReference, details}`, written and read.
 */
import { Predicate, type Schema } from "effect"
import * as E from "../UpdateUserError.ts"

/** The body of every answer that is not 2xx. */
export interface Envelope {
  readonly code: string
  readonly message: string
  readonly externalReference: null
  readonly details: ReadonlyArray<unknown>
}

/** Every `code` of the last published specification, of all of Webflow's API. */
export const documentedCodes = [
  "bad_request",
  "collection_not_found",
  "conflict",
  "duplicate_collection",
  "duplicate_user_email",
  "ecommerce_not_enabled",
  "forbidden",
  "forms_require_republish",
  "incompatible_webhook_filter",
  "internal_error",
  "invalid_auth_version",
  "invalid_credentials",
  "invalid_domain",
  "invalid_user_email",
  "item_not_found",
  "missing_scopes",
  "no_domains",
  "not_authorized",
  "not_enterprise_plan_site",
  "not_enterprise_plan_workspace",
  "order_not_found",
  "resource_not_found",
  "too_many_requests",
  "unsupported_version",
  "unsupported_webhook_trigger_type",
  "user_limit_reached",
  "user_not_found",
  "users_not_enabled",
  "validation_error",
] as const

/** An answer, before it is bytes. */
export interface ErrorResponse<Body = Envelope> {
  readonly status: number
  readonly headers: Readonly<Record<string, string>>
  readonly body: Body
}

/** What a server answers for an error. */
export const encodeError = (error: E.UpdateUserError): ErrorResponse => ({
  status: statusOf(error),
  headers: headersOf(error),
  body: {
    code: error.code || "internal_error",
    message: error.message,
    externalReference: null,
    details: error.details,
  },
})

/** An answer that could not be understood is that server's failure, whatever its status was [ours]. */
const statusOf = (error: E.UpdateUserError): number =>
  error._tag === "UpstreamInvalidResponse" || error.status < 400 ? 502 : error.status

const headersOf = (error: E.UpdateUserError): Readonly<Record<string, string>> => {
  switch (error._tag) {
    case "MethodNotAllowed":
      return { allow: error.allow.join(", ") }
    case "NotAuthorized":
      return { "www-authenticate": "Bearer" }
    case "StoreUnavailable":
      return { "retry-after": storeRetryAfter }
    case "Overloaded":
      return { "retry-after": "1" }
    default:
      return error.retryAfter === undefined ? {} : { "retry-after": String(Math.ceil(error.retryAfter)) }
  }
}

/** A database that was restarted is back in seconds, and it is looked for with each request [ours]. */
const storeRetryAfter = "5"

/**
 * How many seconds a `Retry-After` asks to wait: it may be a number of seconds or a date. `undefined` where it is neither.
 * `now` is in milliseconds since 1970.
 */
export const parseRetryAfter = (text: string | undefined, now: number): number | undefined => {
  if (text === undefined) return undefined
  if (/^\d+(\.\d+)?$/.test(text)) return Math.min(Number(text), longestWait)
  // A date of HTTP begins with the day's name; Date.parse alone takes much else for one.
  const at = /^(Mon|Tue|Wed|Thu|Fri|Sat|Sun)/.test(text) ? Date.parse(text) : Number.NaN
  return Number.isNaN(at) ? undefined : Math.min(Math.max(0, (at - now) / 1000), longestWait)
}

/** A year: nobody waits for longer, and what is absurd stays a number. */
const longestWait = 31_536_000

/** What came in place of a success. */
export interface Failed {
  readonly status: number
  /** The body, read as JSON; `undefined` where it is none. */
  readonly body: unknown
  /** The body as text, as far as an error may repeat it. */
  readonly excerpt?: string
  /** In seconds. */
  readonly retryAfter?: number | undefined
  readonly requestId?: string | undefined
}

/** The error an answer stands for: one of the list when status and code are, otherwise the answer as it is. */
export const decodeError = (response: Failed): E.UpdateUserError => {
  const { status, retryAfter, requestId, excerpt } = response
  const body: Record<string, unknown> = Predicate.isObject(response.body) ? response.body : {}
  const code = Predicate.isString(body["code"]) ? body["code"] : ""
  // v1 says `msg` and `problems`.
  const message = [body["message"], body["msg"]].find(Predicate.isString)
  const details = [body["details"], body["problems"]].find(Array.isArray)
  const said = {
    ...(message !== undefined && { message }),
    ...(details !== undefined && { details: details as ReadonlyArray<Schema.Json> }),
    ...(retryAfter !== undefined && { retryAfter }),
    ...(requestId !== undefined && { requestId }),
  }
  switch (`${status} ${code}`) {
    case "400 validation_error":
      return /Provided ID is invalid/.test(message ?? "") ? new E.InvalidId(said) : new E.InvalidPatch(said)
    case "400 bad_request":
      return new E.BadRequest(said)
    case "413 bad_request":
      return new E.BodyTooLarge(said)
    case "401 not_authorized":
      return new E.NotAuthorized(said)
    case "403 missing_scopes":
      return new E.MissingScopes(said)
    case "403 forbidden":
      return E.ChangeForbidden.isSaidBy(message) ? new E.ChangeForbidden(said) : new E.SiteForbidden(said)
    case "403 users_not_enabled":
      return new E.UsersNotEnabled(said)
    case "404 resource_not_found":
      return /The path cannot be found/.test(message ?? "") ? new E.RouteNotFound(said) : new E.SiteNotFound(said)
    case "404 user_not_found":
      return new E.UserNotFound(said)
    case "500 internal_error":
      return new E.InternalError(said)
  }
  if (status === 429) return new E.TooManyRequests(said)
  return code !== "" || message !== undefined
    ? new E.UnexpectedResponse({ status, code, ...said })
    : new E.UpstreamInvalidResponse({ status, ...said, ...(excerpt !== undefined && { excerpt }) })
}
