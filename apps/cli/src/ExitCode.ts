/** What each failure is to the shell. */
import type { Failure } from "./Failure.ts"

const failed = 1
const invalid = 2
const notAuthorized = 3
const rateLimited = 4
const unavailable = 5
const notFound = 6

/** The exit code of an unexpected failure. */
export const defect = failed

const exitCodes = {
  InvalidId: invalid,
  InvalidPatch: invalid,
  BadRequest: invalid,
  BodyTooLarge: invalid,
  NotAuthorized: notAuthorized,
  MissingScopes: notAuthorized,
  SiteForbidden: notAuthorized,
  ChangeForbidden: notAuthorized,
  UsersNotEnabled: notAuthorized,
  SiteNotFound: notFound,
  UserNotFound: notFound,
  RouteNotFound: notFound,
  MethodNotAllowed: failed,
  TooManyRequests: rateLimited,
  InternalError: unavailable,
  StoreUnavailable: unavailable,
  Overloaded: unavailable,
  UnsendableRequest: invalid,
  Unreachable: unavailable,
  ConnectionLost: unavailable,
  TimedOut: unavailable,
  TlsFailed: unavailable,
  UpstreamInvalidResponse: unavailable,
  UnexpectedResponse: unavailable,
  UserAccountsRemoved: failed,

  UnusableAddress: invalid,
  StoreAway: unavailable,
  UnusableSetting: invalid,
  UnreadableInput: invalid,
  ImportRefused: invalid,
  SiteRequired: invalid,
  OutputExists: invalid,
  OutputUnwritable: failed,
  ArchiveDamaged: invalid,
  SiteOccupied: invalid,
  SiteUnreadable: failed,
  DuplicateEntry: invalid,
  CopyDiffers: failed,
  TokenNotFound: notFound,
  WebhookNotFound: notFound,
  DeliveryFailed: failed,
  TokenExpired: invalid,
  RunNotFound: notFound,
  RunBusy: invalid,
  RunMismatch: invalid,
  RunUnwritable: failed,
  ConfirmationRequired: invalid,
  Incomplete: failed,

  UnrecognizedOption: invalid,
  DuplicateOption: invalid,
  MissingOption: invalid,
  MissingArgument: invalid,
  UnexpectedArgument: invalid,
  InvalidValue: invalid,
  UnknownSubcommand: invalid,
  ValidationError: invalid,
  ShowHelp: invalid,
  UserError: failed,
} as const satisfies Record<Failure["_tag"], number>

export const of = (failure: Failure): number =>
  failure._tag === "UnexpectedResponse" || failure._tag === "UpstreamInvalidResponse"
    ? ofStatus(failure.status)
    : exitCodes[failure._tag]

/** An answer outside the contract, such as a gateway's page, still has a status that says what kind of failure it is. */
const ofStatus = (status: number): number => {
  if (status === 401 || status === 403) return notAuthorized
  if (status === 404) return notFound
  return status >= 400 && status < 500 ? failed : exitCodes.UnexpectedResponse
}
