/**
 * Whether what was caught is a certain error: by what it says of itself and not by its class, so that it holds for errors from
 * another copy of this package, of another bundle or another realm.
 */
import { isUpdateUserError as isListed, type UpdateUserError as Listed } from "@webflow-users/core"
import { Predicate } from "effect"
import type { FieldsMismatch as FieldsMismatchError } from "./fieldsSchema.ts"
import type { ClientClosed as ClientClosedError } from "./runtime.ts"
import type { StoreNotSupported as StoreNotSupportedError } from "./local.ts"

/** An error of core's list, as a call rejects with it. */
export type UpdateUserError = Listed

/** Whether a value is an error of core's list. */
export const isUpdateUserError = (value: unknown): value is UpdateUserError => isListed(value)

type Own = FieldsMismatchError | ClientClosedError | StoreNotSupportedError
type Tagged<Errors, Tag> = Extract<Errors, { readonly _tag: Tag }>

const listed =
  <Tag extends Listed["_tag"]>(tag: Tag) =>
  (value: unknown): value is Tagged<Listed, Tag> =>
    isListed(value) && value._tag === tag

const own =
  <Tag extends Own["_tag"]>(tag: Tag, code: Tagged<Own, Tag>["code"]) =>
  (value: unknown): value is Tagged<Own, Tag> =>
    Predicate.isObject(value) && value["_tag"] === tag && value["code"] === code

type Guard<Tag extends Listed["_tag"]> = (value: unknown) => value is Tagged<Listed, Tag>

// One for each class of the list, after which it is named; what the class says, it holds for.
/** Whether it is an `InvalidId`. */
export const isInvalidId: Guard<"InvalidId"> = listed("InvalidId")
/** Whether it is an `InvalidPatch`. */
export const isInvalidPatch: Guard<"InvalidPatch"> = listed("InvalidPatch")
/** Whether it is a `BadRequest`. */
export const isBadRequest: Guard<"BadRequest"> = listed("BadRequest")
/** Whether it is a `BodyTooLarge`. */
export const isBodyTooLarge: Guard<"BodyTooLarge"> = listed("BodyTooLarge")
/** Whether it is a `NotAuthorized`. */
export const isNotAuthorized: Guard<"NotAuthorized"> = listed("NotAuthorized")
/** Whether it is a `MissingScopes`. */
export const isMissingScopes: Guard<"MissingScopes"> = listed("MissingScopes")
/** Whether it is a `SiteForbidden`. */
export const isSiteForbidden: Guard<"SiteForbidden"> = listed("SiteForbidden")
/** Whether it is a `ChangeForbidden`. */
export const isChangeForbidden: Guard<"ChangeForbidden"> = listed("ChangeForbidden")
/** Whether it is a `UsersNotEnabled`. */
export const isUsersNotEnabled: Guard<"UsersNotEnabled"> = listed("UsersNotEnabled")
/** Whether it is a `SiteNotFound`. */
export const isSiteNotFound: Guard<"SiteNotFound"> = listed("SiteNotFound")
/** Whether it is a `UserNotFound`. */
export const isUserNotFound: Guard<"UserNotFound"> = listed("UserNotFound")
/** Whether it is a `RouteNotFound`. */
export const isRouteNotFound: Guard<"RouteNotFound"> = listed("RouteNotFound")
/** Whether it is a `MethodNotAllowed`. */
export const isMethodNotAllowed: Guard<"MethodNotAllowed"> = listed("MethodNotAllowed")
/** Whether it is a `TooManyRequests`. */
export const isTooManyRequests: Guard<"TooManyRequests"> = listed("TooManyRequests")
/** Whether it is an `InternalError`. */
export const isInternalError: Guard<"InternalError"> = listed("InternalError")
/** Whether it is a `StoreUnavailable`. */
export const isStoreUnavailable: Guard<"StoreUnavailable"> = listed("StoreUnavailable")
/** Whether it is an `Overloaded`. */
export const isOverloaded: Guard<"Overloaded"> = listed("Overloaded")
/** Whether it is an `UnsendableRequest`. */
export const isUnsendableRequest: Guard<"UnsendableRequest"> = listed("UnsendableRequest")
/** Whether it is an `Unreachable`. */
export const isUnreachable: Guard<"Unreachable"> = listed("Unreachable")
/** Whether it is a `ConnectionLost`. */
export const isConnectionLost: Guard<"ConnectionLost"> = listed("ConnectionLost")
/** Whether it is a `TimedOut`. */
export const isTimedOut: Guard<"TimedOut"> = listed("TimedOut")
/** Whether it is a `TlsFailed`. */
export const isTlsFailed: Guard<"TlsFailed"> = listed("TlsFailed")
/** Whether it is an `UpstreamInvalidResponse`. */
export const isUpstreamInvalidResponse: Guard<"UpstreamInvalidResponse"> = listed("UpstreamInvalidResponse")
/** Whether it is an `UnexpectedResponse`. */
export const isUnexpectedResponse: Guard<"UnexpectedResponse"> = listed("UnexpectedResponse")
/** Whether it is a `UserAccountsRemoved`. */
export const isUserAccountsRemoved: Guard<"UserAccountsRemoved"> = listed("UserAccountsRemoved")

/** Whether what came back does not fit the schema that the client was made with. */
export const isFieldsMismatch = own("FieldsMismatch", "fields_mismatch")
/** Whether the client was closed before the call. */
export const isClientClosed = own("ClientClosed", "client_closed")
/** Whether a store in this process cannot be had here at all. */
export const isStoreNotSupported = own("StoreNotSupported", "store_not_supported")
