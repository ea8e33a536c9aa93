/** What calls reject with: the error classes of `webflow-api` 3.1, with the same fields and the same messages. */
import type { Error_ } from "./ErrorBody.ts"

/**
 * Every failure of a call is one of these: a class of its own for 400, 401, 403, 404, 409, 429 and 500, this one for any other status,
 * and for no answer at all, where `statusCode` is absent. `cause` is the error of `@webflow-users/core`, which knows more.
 */
export class WebflowError extends Error {
  /** The status of the answer; absent where none came. */
  declare readonly statusCode?: number
  /** The body of the answer: `{code, message, externalReference, details}`. */
  declare readonly body?: unknown

  constructor({ message, statusCode, body, cause }: WebflowError.Parts) {
    super(messageOf(message, statusCode, body), cause === undefined ? undefined : { cause })
    // `name` stays "Error", as it does in 3.1: what prints an error begins with it.
    if (statusCode != null) this.statusCode = statusCode
    if (body !== undefined) this.body = body
  }
}

export declare namespace WebflowError {
  /** What it is made of. */
  interface Parts {
    message?: string
    statusCode?: number
    body?: unknown
    cause?: unknown
  }
}

const messageOf = (message: string | undefined, statusCode: number | undefined, body: unknown): string => {
  const lines = message == null ? [] : [message]
  if (statusCode != null) lines.push(`Status code: ${statusCode}`)
  if (body != null) lines.push(`Body: ${JSON.stringify(body, undefined, 2)}`)
  return lines.join("\n")
}

/**
 * The server did not answer within `timeoutInSeconds`. In 3.1 this class stands beside {@link WebflowError}, and on Node from 18 on
 * what really comes is a plain `WebflowError`; here a timeout is both, so that code that was written for either catches it.
 */
export class WebflowTimeoutError extends WebflowError {
  constructor(message: string, options: ErrorOptions = {}) {
    super({ ...options, message })
  }
}

/** 400: the request says something that cannot be; `body.details` names every problem. */
export class BadRequestError extends WebflowError {
  constructor(body?: unknown, options: ErrorOptions = {}) {
    super({ ...options, message: "BadRequestError", statusCode: 400, body })
  }
}

/** 401: there is no token, or it is not, or no longer, a good one. */
export class UnauthorizedError extends WebflowError {
  constructor(body: Error_, options: ErrorOptions = {}) {
    super({ ...options, message: "UnauthorizedError", statusCode: 401, body })
  }
}

/** 403: the token lacks a scope, is for another site, or may not make this change. */
export class ForbiddenError extends WebflowError {
  constructor(body?: unknown, options: ErrorOptions = {}) {
    super({ ...options, message: "ForbiddenError", statusCode: 403, body })
  }
}

/** 404: there is no such site or no such user. */
export class NotFoundError extends WebflowError {
  constructor(body: Error_, options: ErrorOptions = {}) {
    super({ ...options, message: "NotFoundError", statusCode: 404, body })
  }
}

/** 409. Only `users.invite` of 3.1 threw it; it is here so that code that names it compiles. */
export class ConflictError extends WebflowError {
  constructor(body?: unknown, options: ErrorOptions = {}) {
    super({ ...options, message: "ConflictError", statusCode: 409, body })
  }
}

/** 429: more requests than the token may make, and the server asks to wait for longer than the call may take. */
export class TooManyRequestsError extends WebflowError {
  constructor(body: Error_, options: ErrorOptions = {}) {
    super({ ...options, message: "TooManyRequestsError", statusCode: 429, body })
  }
}

/** 500: the server failed for a reason it does not tell. */
export class InternalServerError extends WebflowError {
  constructor(body: Error_, options: ErrorOptions = {}) {
    super({ ...options, message: "InternalServerError", statusCode: 500, body })
  }
}
