/**
 * Every way an update, or a read beside it, can fail: one class each, with its facts, whether trying again can help,
 * and what it is on the wire. Edges read this list and never rename what is on it.
 *
 * What can only go wrong between this and another server stands in `UpstreamError.ts`, and is on the same list.
 *
 * Codes and messages are Webflow's, from the last published specification; where none was established the comment
 * says so. A client keeps what a server said: `message` and `details` of an error read from a response are the
 * server's own words.
 */
import { Predicate } from "effect"
import { brand, type CallResponse, type Detail, failure } from "./ErrorFacts.ts"
import * as Upstream from "./UpstreamError.ts"

export type { CallResponse, Detail }
export * from "./UpstreamError.ts"

/** A site or user id that is not 24 hexadecimal characters. */
export class InvalidId extends failure("InvalidId", { message: "Validation Error: Provided ID is invalid" }) {
  readonly status = 400
  readonly code = "validation_error"
  readonly isRetryable = false
}

/** The request is well formed and asks for something that cannot be: `details` names every problem. */
export class InvalidPatch extends failure("InvalidPatch", { message: "Validation Error" }) {
  readonly status = 400
  readonly code = "validation_error"
  readonly isRetryable = false
}

/** The request could not be read: not JSON, not UTF-8, not `application/json`, nested too deeply. */
export class BadRequest extends failure("BadRequest", { message: "Bad Request" }) {
  readonly status = 400
  readonly code = "bad_request"
  readonly isRetryable = false
}

/** The body is larger than the server reads. */
export class BodyTooLarge extends failure("BodyTooLarge", { message: "Request body too large" }) {
  readonly status = 413
  readonly code = "bad_request"
  readonly isRetryable = false
}

/** Why a token does not do: there is none, it has not the form of one, its id or its secret is no issued one's, it is over. */
export type TokenProblem = "no_token" | "malformed" | "unknown" | "wrong_secret" | "expired"

/** No token, or one that was never issued, has been revoked, or has expired. */
export class NotAuthorized extends failure("NotAuthorized", { message: "Request not authorized" })<{
  /** Which of these it was, for the log; never sent to a caller, who may be guessing. */
  readonly reason?: TokenProblem
}> {
  readonly status = 401
  readonly code = "not_authorized"
  readonly isRetryable = false
}

/** The token is good and lacks a scope. */
export class MissingScopes extends failure("MissingScopes", {
  message: "OAuthForbidden: You are missing the following scopes",
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
export class SiteForbidden extends failure("SiteForbidden", { message: "The token is not for this site" }) {
  readonly status = 403
  readonly code = "forbidden"
  readonly isRetryable = false
}

/** The message by which {@link ChangeForbidden} is told from {@link SiteForbidden}, which has the same status and code. */
const changeForbidden = "The token may not make this change"

/** The token may update users, and not what this update would change: `details` names every field and group. [ours] */
export class ChangeForbidden extends failure("ChangeForbidden", { message: changeForbidden }) {
  readonly status = 403
  readonly code = "forbidden"
  readonly isRetryable = false

  /** Whether an answer's message is this error's. */
  static readonly isSaidBy = (message: string | undefined): boolean => message === changeForbidden
}

/** No such site in the store. */
export class SiteNotFound extends failure("SiteNotFound", {
  message: "Requested resource not found: The site cannot be found",
}) {
  readonly status = 404
  readonly code = "resource_not_found"
  readonly isRetryable = false
}

/** No such user on the site. The code is Webflow's, the text ours. */
export class UserNotFound extends failure("UserNotFound", {
  message: "Requested resource not found: The user cannot be found",
}) {
  readonly status = 404
  readonly code = "user_not_found"
  readonly isRetryable = false
}

/** No such path. The text is ours. */
export class RouteNotFound extends failure("RouteNotFound", {
  message: "Requested resource not found: The path cannot be found",
}) {
  readonly status = 404
  readonly code = "resource_not_found"
  readonly isRetryable = false
}

/** The path exists, with other methods. Webflow documents no body for it; this one is ours. */
export class MethodNotAllowed extends failure("MethodNotAllowed", {
  message: "Method not allowed",
  allow: [] as ReadonlyArray<string>,
}) {
  readonly status = 405
  readonly code = "bad_request"
  readonly isRetryable = false
}

/** More requests than the token may make. */
export class TooManyRequests extends failure("TooManyRequests", { message: "Too Many Requests" }) {
  readonly status = 429
  readonly code = "too_many_requests"
  readonly isRetryable = true
}

/** The server failed for a reason it does not tell. */
export class InternalError extends failure("InternalError", { message: "An Internal Error occurred" }) {
  readonly status = 500
  readonly code = "internal_error"
  readonly isRetryable = true
}

/**
 * The store could not be read or written: locked too long, disk full, connection lost. Nothing was changed, unless the
 * connection was lost while committing: then it is not known. Status and text are ours.
 */
export class StoreUnavailable extends failure("StoreUnavailable", {
  message: "The store could not be read or written",
})<{
  /** What the driver said, for the log; never sent to a caller. */
  readonly cause: unknown
}> {
  readonly status = 503
  readonly code = "internal_error"
  readonly isRetryable = true
}

/** The server is answering as many requests as it takes at once, or has as many connections. All of it is ours. */
export class Overloaded extends failure("Overloaded", { message: "The server is busy" }) {
  readonly status = 503
  readonly code = "internal_error"
  readonly isRetryable = true
}

/** The whole list, by the names of its classes. */
export const errors = {
  InvalidId,
  InvalidPatch,
  BadRequest,
  BodyTooLarge,
  NotAuthorized,
  MissingScopes,
  SiteForbidden,
  ChangeForbidden,
  UsersNotEnabled: Upstream.UsersNotEnabled,
  SiteNotFound,
  UserNotFound,
  RouteNotFound,
  MethodNotAllowed,
  TooManyRequests,
  InternalError,
  StoreUnavailable,
  Overloaded,
  UnsendableRequest: Upstream.UnsendableRequest,
  Unreachable: Upstream.Unreachable,
  ConnectionLost: Upstream.ConnectionLost,
  TimedOut: Upstream.TimedOut,
  TlsFailed: Upstream.TlsFailed,
  UpstreamInvalidResponse: Upstream.UpstreamInvalidResponse,
  UnexpectedResponse: Upstream.UnexpectedResponse,
  UserAccountsRemoved: Upstream.UserAccountsRemoved,
} as const
// Through a function, so that the union has no name of its own: in a larger union with one, compilers spell all of it out.
/** The whole list: any of the errors. */
export type UpdateUserError = ReturnType<() => InstanceType<(typeof errors)[keyof typeof errors]>>

/** Whether a value is on the list, whichever copy of this package made it. */
export const isUpdateUserError = (value: unknown): value is UpdateUserError => Predicate.hasProperty(value, brand)
