/**
 * Every way an update, or a read beside it, can fail: one class each, with its facts, whether trying again can help,
 * and what it is on the wire. Edges read this list and never rename what is on it.
 *
 * Codes and messages are Webflow's, from the last published specification; where none was established the comment
 * says so. A client keeps what a server said: `message` and `details` of an error read from a response are the
 * server's own words.
 */
import { Effect, Schema } from "effect"

/** One problem with one part of a request, in the form real responses have. */
export const Detail = Schema.Struct({ param: Schema.String, description: Schema.String }).annotate({
  component: "Detail",
})
export type Detail = typeof Detail.Type

const words = (message: string) => ({
  message: Schema.String.pipe(Schema.withConstructorDefault(Effect.succeed(message))),
  // As any server may send them: strings, {field, message} and {param, description} all occur.
  details: Schema.Array(Schema.Json).pipe(Schema.withConstructorDefault(Effect.succeed([]))),
})

/** A site or user id that is not 24 hexadecimal characters. */
export class InvalidId extends Schema.TaggedError<InvalidId>()("InvalidId", {
  ...words("Validation Error: Provided ID is invalid"),
}) {
  readonly status = 400
  readonly code = "validation_error"
  readonly isRetryable = false
}

/** The request is well formed and asks for something that cannot be: `details` names every problem. */
export class InvalidPatch extends Schema.TaggedError<InvalidPatch>()("InvalidPatch", {
  ...words("Validation Error"),
}) {
  readonly status = 400
  readonly code = "validation_error"
  readonly isRetryable = false
}

/** The request could not be read: not JSON, not UTF-8, not `application/json`, nested too deeply. */
export class BadRequest extends Schema.TaggedError<BadRequest>()("BadRequest", {
  ...words("Bad Request"),
}) {
  readonly status = 400
  readonly code = "bad_request"
  readonly isRetryable = false
}

/** The body is larger than the server reads. */
export class BodyTooLarge extends Schema.TaggedError<BodyTooLarge>()("BodyTooLarge", {
  ...words("Request body too large"),
}) {
  readonly status = 413
  readonly code = "bad_request"
  readonly isRetryable = false
}

/** No token, or one that was never issued or has been revoked. */
export class NotAuthorized extends Schema.TaggedError<NotAuthorized>()("NotAuthorized", {
  ...words("Request not authorized"),
}) {
  readonly status = 401
  readonly code = "not_authorized"
  readonly isRetryable = false
}

/** The token is good and lacks a scope. */
export class MissingScopes extends Schema.TaggedError<MissingScopes>()("MissingScopes", {
  ...words("OAuthForbidden: You are missing the following scopes"),
}) {
  readonly status = 403
  readonly code = "missing_scopes"
  readonly isRetryable = false

  /** With the sentence Webflow answered for these scopes. */
  static readonly of = (scopes: ReadonlyArray<string>): MissingScopes =>
    new MissingScopes({
      message: `OAuthForbidden: You are missing the following scopes - ${scopes.map((scope) => `'${scope}'`).join(", ")}`,
    })
}

/** The token was issued for another site. Text and use of `forbidden` here are ours. */
export class SiteForbidden extends Schema.TaggedError<SiteForbidden>()("SiteForbidden", {
  ...words("The token is not for this site"),
}) {
  readonly status = 403
  readonly code = "forbidden"
  readonly isRetryable = false
}

/** The site has User Accounts switched off. Only a remote server answers so. */
export class UsersNotEnabled extends Schema.TaggedError<UsersNotEnabled>()("UsersNotEnabled", {
  ...words("Users feature is not enabled"),
}) {
  readonly status = 403
  readonly code = "users_not_enabled"
  readonly isRetryable = false
}

/** No such site in the store. */
export class SiteNotFound extends Schema.TaggedError<SiteNotFound>()("SiteNotFound", {
  ...words("Requested resource not found: The site cannot be found"),
}) {
  readonly status = 404
  readonly code = "resource_not_found"
  readonly isRetryable = false
}

/** No such user on the site. The code is Webflow's, the text ours. */
export class UserNotFound extends Schema.TaggedError<UserNotFound>()("UserNotFound", {
  ...words("Requested resource not found: The user cannot be found"),
}) {
  readonly status = 404
  readonly code = "user_not_found"
  readonly isRetryable = false
}

/** No such path. The text is ours. */
export class RouteNotFound extends Schema.TaggedError<RouteNotFound>()("RouteNotFound", {
  ...words("Requested resource not found: The path cannot be found"),
}) {
  readonly status = 404
  readonly code = "resource_not_found"
  readonly isRetryable = false
}

/** The path exists, with other methods. Webflow documents no body for it; this one is ours. */
export class MethodNotAllowed extends Schema.TaggedError<MethodNotAllowed>()("MethodNotAllowed", {
  ...words("Method not allowed"),
  allow: Schema.Array(Schema.String).pipe(Schema.withConstructorDefault(Effect.succeed([]))),
}) {
  readonly status = 405
  readonly code = "bad_request"
  readonly isRetryable = false
}

/** More requests than the token may make. */
export class TooManyRequests extends Schema.TaggedError<TooManyRequests>()("TooManyRequests", {
  ...words("Too Many Requests"),
  /** How long the server asks to wait, in seconds. */
  retryAfter: Schema.optionalKey(Schema.Finite),
}) {
  readonly status = 429
  readonly code = "too_many_requests"
  readonly isRetryable = true
}

/** The server failed for a reason it does not tell. */
export class InternalError extends Schema.TaggedError<InternalError>()("InternalError", {
  ...words("An Internal Error occurred"),
}) {
  readonly status = 500
  readonly code = "internal_error"
  readonly isRetryable = true
}

/**
 * The store could not be read or written: locked too long, disk full, connection lost. Nothing was changed, unless the
 * connection was lost while committing: then it is not known.
 */
export class StoreUnavailable extends Schema.TaggedError<StoreUnavailable>()("StoreUnavailable", {
  ...words("An Internal Error occurred"),
  /** What the driver said, for the log; never sent to a caller. */
  cause: Schema.Defect(),
}) {
  readonly status = 500
  readonly code = "internal_error"
  readonly isRetryable = true
}

/** No answer came from the remote server. Whether it applied the change is not known. */
export class Unreachable extends Schema.TaggedError<Unreachable>()("Unreachable", {
  ...words("The server could not be reached"),
  cause: Schema.Defect(),
}) {
  readonly status = 502
  readonly code = "internal_error"
  readonly isRetryable = true
}

/** The remote server answered outside the contract. Status and code are its own. */
export class UnexpectedResponse extends Schema.TaggedError<UnexpectedResponse>()("UnexpectedResponse", {
  ...words("The server's answer is not one of the contract"),
  status: Schema.Int,
  code: Schema.String,
}) {
  get isRetryable(): boolean {
    return this.status >= 500
  }
}

/** The whole list. */
export const UpdateUserError = Schema.Union([
  InvalidId,
  InvalidPatch,
  BadRequest,
  BodyTooLarge,
  NotAuthorized,
  MissingScopes,
  SiteForbidden,
  UsersNotEnabled,
  SiteNotFound,
  UserNotFound,
  RouteNotFound,
  MethodNotAllowed,
  TooManyRequests,
  InternalError,
  StoreUnavailable,
  Unreachable,
  UnexpectedResponse,
])
export type UpdateUserError = typeof UpdateUserError.Type

/** Whether a value is on the list. */
export const isUpdateUserError: (value: unknown) => value is UpdateUserError = Schema.is(UpdateUserError)
