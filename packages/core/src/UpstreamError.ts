/**
 * The part of the list of errors that only another server can cause: it could not be reached, was lost on the way, or
 * answered something that an own store never would. `UpdateUserError.ts` has the whole list.
 */
import { failure } from "./ErrorFacts.ts"
import { removed } from "./Webflow.ts"

/** The site has User Accounts switched off. Only a remote server answers so. */
export class UsersNotEnabled extends failure("UsersNotEnabled", { message: "Users feature is not enabled" }) {
  readonly status = 403
  readonly code = "users_not_enabled"
  readonly isRetryable = false
}

/** The request cannot be sent at all: its address, or the token, holds what HTTP does not carry. `details` says which. */
export class UnsendableRequest extends failure("UnsendableRequest", {
  message: "The request to the server cannot be sent",
}) {
  readonly status = 500
  readonly code = "internal_error"
  readonly isRetryable = false
}

/** There was no connection to the server: its name is not known, nobody listens there. Nothing was changed. */
export class Unreachable extends failure("Unreachable", { message: "The server could not be reached" })<{
  readonly cause: unknown
}> {
  readonly status = 502
  readonly code = "internal_error"
  readonly isRetryable = true
}

/** The connection ended before the answer did. Whether the change was made is not known. */
export class ConnectionLost extends failure("ConnectionLost", {
  message: "The connection to the server was lost before its answer had come",
})<{
  readonly cause: unknown
}> {
  readonly status = 502
  readonly code = "internal_error"
  readonly isRetryable = true
}

/** The server took longer than it is waited for. Whether the change was made is not known, unless it never connected. */
export class TimedOut extends failure("TimedOut", { message: "The server did not answer in time" })<{
  readonly cause: unknown
}> {
  readonly status = 504
  readonly code = "internal_error"
  readonly isRetryable = true
}

/** No secure connection: the server's certificate is not to be trusted, or it does not speak TLS. Nothing was sent. */
export class TlsFailed extends failure("TlsFailed", { message: "No secure connection to the server could be made" })<{
  readonly cause: unknown
}> {
  readonly status = 502
  readonly code = "internal_error"
  readonly isRetryable = false
}

/**
 * The server's answer is none of the contract's: no JSON, no user, too large, a redirect. It may come from something that
 * stands between, such as a gateway. Whether the change was made is not known.
 */
export class UpstreamInvalidResponse extends failure("UpstreamInvalidResponse", {
  message: "The server's answer is not one of the contract",
  /**
   * How the answer begins, at most 200 characters; nothing of an answer that is JSON, or begins like it, since that may
   * be a person's data.
   */
  excerpt: "" as string,
})<{
  /** The server's own; 502 where the answer was no HTTP. */
  readonly status: number
}> {
  readonly code = "internal_error"
  get isRetryable(): boolean {
    return isPassing(this.status)
  }
}

/** The server answered in the contract's form with a status or code that is not on this list. Both are its own. */
export class UnexpectedResponse extends failure("UnexpectedResponse", {
  message: "The server answered with an error that it did not explain",
})<{
  readonly status: number
  readonly code: string
}> {
  get isRetryable(): boolean {
    return isPassing(this.status)
  }
}

/**
 * The server is Webflow, which removed User Accounts and with them this endpoint on 2026-01-29 [doc]. `status` is what it
 * answered; what it said stands in `details`.
 */
export class UserAccountsRemoved extends failure("UserAccountsRemoved", { message: removed })<{
  readonly status: number
}> {
  readonly code = "users_not_enabled"
  readonly isRetryable = false
}

/** Whether a status tells of something that passes: the server's own failures, and a request that came too slowly. */
export const isPassing = (status: number): boolean => status >= 500 || status === 408
