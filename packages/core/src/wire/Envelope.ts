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
  // Another server's 200 that could not be read is a failure here, and so is a redirect that leads nowhere [ours].
  status: error.status < 400 ? 502 : error.status,
  headers: headersOf(error),
  body: {
    code: error.code || "internal_error",
    message: error.message,
    externalReference: null,
    details: error.details,
  },
})

const headersOf = (error: E.UpdateUserError): Readonly<Record<string, string>> => {
  switch (error._tag) {
    case "MethodNotAllowed":
      return { allow: error.allow.join(", ") }
    case "NotAuthorized":
      return { "www-authenticate": "Bearer" }
    case "TooManyRequests":
      return error.retryAfter === undefined ? {} : { "retry-after": String(Math.ceil(error.retryAfter)) }
    default:
      return {}
  }
}

/** The error an answer stands for: one of the list when status and code are, otherwise the answer as it is. */
export const decodeError = (response: {
  readonly status: number
  readonly retryAfter: string | undefined
  readonly body: unknown
}): E.UpdateUserError => {
  const { status } = response
  const body: Record<string, unknown> = Predicate.isObject(response.body) ? response.body : {}
  const code = Predicate.isString(body["code"]) ? body["code"] : ""
  const said = {
    ...(Predicate.isString(body["message"]) && { message: body["message"] }),
    ...(Array.isArray(body["details"]) && { details: body["details"] as ReadonlyArray<Schema.Json> }),
  }
  switch (`${status} ${code}`) {
    case "400 validation_error":
      return /Provided ID is invalid/.test(said.message ?? "") ? new E.InvalidId(said) : new E.InvalidPatch(said)
    case "400 bad_request":
      return new E.BadRequest(said)
    case "413 bad_request":
      return new E.BodyTooLarge(said)
    case "401 not_authorized":
      return new E.NotAuthorized(said)
    case "403 missing_scopes":
      return new E.MissingScopes(said)
    case "403 forbidden":
      return new E.SiteForbidden(said)
    case "403 users_not_enabled":
      return new E.UsersNotEnabled(said)
    case "404 resource_not_found":
      return /The path cannot be found/.test(said.message ?? "") ? new E.RouteNotFound(said) : new E.SiteNotFound(said)
    case "404 user_not_found":
      return new E.UserNotFound(said)
    case "500 internal_error":
      return new E.InternalError(said)
  }
  if (status === 429) {
    const seconds = Number.parseInt(response.retryAfter ?? "", 10)
    return new E.TooManyRequests({ ...said, ...(seconds >= 0 && { retryAfter: seconds }) })
  }
  return new E.UnexpectedResponse({ status, code, ...said })
}
