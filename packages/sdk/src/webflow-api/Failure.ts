/** What a call of 3.1 would have rejected with, for each error of core's list. */
import { isUpdateUserError, type UpdateUserError } from "@webflow-users/core"
import { Envelope } from "@webflow-users/core/wire"
import { readError } from "./Answers.ts"
import { jsonOf } from "./Overheard.ts"
import {
  BadRequestError,
  ForbiddenError,
  InternalServerError,
  NotFoundError,
  TooManyRequestsError,
  UnauthorizedError,
  WebflowError,
  WebflowTimeoutError,
} from "./WebflowError.ts"

/** Whether the server answered; 3.1 makes its errors of that, and of the status. */
const kinds = {
  InvalidId: "answered",
  InvalidPatch: "answered",
  BadRequest: "answered",
  BodyTooLarge: "answered",
  NotAuthorized: "answered",
  MissingScopes: "answered",
  SiteForbidden: "answered",
  ChangeForbidden: "answered",
  UsersNotEnabled: "answered",
  SiteNotFound: "answered",
  UserNotFound: "answered",
  RouteNotFound: "answered",
  MethodNotAllowed: "answered",
  TooManyRequests: "answered",
  InternalError: "answered",
  StoreUnavailable: "answered",
  Overloaded: "answered",
  UpstreamInvalidResponse: "answered",
  UnexpectedResponse: "answered",
  UserAccountsRemoved: "answered",
  UnsendableRequest: "unanswered",
  Unreachable: "unanswered",
  ConnectionLost: "unanswered",
  TlsFailed: "unanswered",
  TimedOut: "late",
} as const satisfies Record<UpdateUserError["_tag"], "answered" | "unanswered" | "late">

type FromBody = new (body: object, options: ErrorOptions) => WebflowError

const ofStatus: Readonly<Record<number, FromBody>> = {
  400: BadRequestError,
  401: UnauthorizedError,
  403: ForbiddenError,
  404: NotFoundError,
  429: TooManyRequestsError,
  500: InternalServerError,
}

/** These it gives the body as it came; in that of the others it reads `null` as absent. */
const verbatim = new Set([400, 403])

/** How a call is told of in the words of 3.1: `PATCH /sites/{site_id}/users/{user_id}`. */
export type Operation = `${"GET" | "PATCH"} /sites/{site_id}/${string}`

/** What did not come in time. */
export const late = (operation: Operation, options?: ErrorOptions): WebflowTimeoutError =>
  new WebflowTimeoutError(`Timeout exceeded when calling ${operation}.`, options)

/** The error to reject with, for what the promise client rejected with. */
export const failureOf = (thrown: unknown, operation: Operation, signal: AbortSignal | undefined): unknown => {
  if (signal?.aborted === true) return new WebflowError({ message: "The user aborted a request", cause: thrown })
  if (!isUpdateUserError(thrown)) return thrown
  const cause = thrown
  switch (kinds[thrown._tag]) {
    case "late":
      return late(operation, { cause })
    case "unanswered":
      return new WebflowError({ message: thrown.message, cause })
    case "answered": {
      const encoded = Envelope.encodeError(thrown)
      // The server's own status, even where its answer says nothing more; unless it is that of a success.
      const status = thrown.status < 400 ? encoded.status : thrown.status
      const own = said(thrown)
      const body = (own === undefined ? encoded.body : own) as object
      const Class = ofStatus[status]
      if (Class === undefined) return new WebflowError({ statusCode: status, body, cause })
      return new Class((verbatim.has(status) ? body : readError(body)) as object, { cause })
    }
  }
}

/**
 * The body as it came, of the answer that the error was read from. What was found out here has none, and that of Webflow itself does
 * not say that users are gone from there, as core's does.
 */
const said = ({ _tag, status, response }: UpdateUserError): unknown =>
  status < 400 || response?.status !== status || _tag === "UserAccountsRemoved" ? undefined : jsonOf(response)
