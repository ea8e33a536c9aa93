/**
 * Webflow's Update User as a promise client.
 *
 * @packageDocumentation
 */
export {
  type Client,
  ClientClosed,
  createClient,
  type ListOptions,
  type RemoteOptions,
  type RequestOptions,
  type StoreClient,
  type StoreOptions,
} from "./client.ts"
export type { Changes, UpdateMany, UpdateManyOptions, UpdateManyOutcome, UpdateManyReport } from "./updateMany.ts"
export {
  BadRequest,
  BodyTooLarge,
  ChangeForbidden,
  ConnectionLost,
  InternalError,
  InvalidId,
  InvalidPatch,
  isUpdateUserError,
  MethodNotAllowed,
  MissingScopes,
  NotAuthorized,
  RouteNotFound,
  SiteForbidden,
  SiteNotFound,
  StoreUnavailable,
  Overloaded,
  TimedOut,
  TlsFailed,
  TooManyRequests,
  UnexpectedResponse,
  Unreachable,
  UnsendableRequest,
  type UpdateUserError,
  UpstreamInvalidResponse,
  UserAccountsRemoved,
  UserNotFound,
  UsersNotEnabled,
} from "@webflow-users/core"
export type {
  AccessGroup,
  AccessGroupPage,
  AccessGroupSort,
  CustomValue,
  Membership,
  OptionValue,
  User,
  UserData,
  UserPage,
  UserSort,
  UserUpdate,
} from "@webflow-users/core"
export type { UserChange } from "@webflow-users/core"
export type { DeclareSite, SiteDeclaration, UpdatePolicy } from "@webflow-users/core"
