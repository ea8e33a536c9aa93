/**
 * Whether what was caught is a certain error: by what it says of itself and not by its class, so that it holds for errors from
 * another copy of this package, of another bundle or another realm.
 */
import { isUpdateUserError as isListed, type UpdateUserError as Listed } from "@webflow-users/core"
import { Predicate } from "effect"
import type { FieldsMismatch as FieldsMismatchError } from "./fieldsSchema.ts"
import type { Answered } from "./response.ts"
import type { ClientClosed as ClientClosedError } from "./runtime.ts"
import type { StoreNotSupported as StoreNotSupportedError } from "./local.ts"

/** An error of core's list, as a call rejects with it. */
export type UpdateUserError = Listed & Answered

/** Whether a value is an error of core's list. */
export const isUpdateUserError = (value: unknown): value is UpdateUserError => isListed(value)

type Own = FieldsMismatchError | ClientClosedError | StoreNotSupportedError
type Tagged<Errors, Tag> = Extract<Errors, { readonly _tag: Tag }> & Answered

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
export const isInvalidId: Guard<"InvalidId"> = listed("InvalidId")
export const isInvalidPatch: Guard<"InvalidPatch"> = listed("InvalidPatch")
export const isBadRequest: Guard<"BadRequest"> = listed("BadRequest")
export const isBodyTooLarge: Guard<"BodyTooLarge"> = listed("BodyTooLarge")
export const isNotAuthorized: Guard<"NotAuthorized"> = listed("NotAuthorized")
export const isMissingScopes: Guard<"MissingScopes"> = listed("MissingScopes")
export const isSiteForbidden: Guard<"SiteForbidden"> = listed("SiteForbidden")
export const isChangeForbidden: Guard<"ChangeForbidden"> = listed("ChangeForbidden")
export const isUsersNotEnabled: Guard<"UsersNotEnabled"> = listed("UsersNotEnabled")
export const isSiteNotFound: Guard<"SiteNotFound"> = listed("SiteNotFound")
export const isUserNotFound: Guard<"UserNotFound"> = listed("UserNotFound")
export const isRouteNotFound: Guard<"RouteNotFound"> = listed("RouteNotFound")
export const isMethodNotAllowed: Guard<"MethodNotAllowed"> = listed("MethodNotAllowed")
export const isTooManyRequests: Guard<"TooManyRequests"> = listed("TooManyRequests")
export const isInternalError: Guard<"InternalError"> = listed("InternalError")
export const isStoreUnavailable: Guard<"StoreUnavailable"> = listed("StoreUnavailable")
export const isOverloaded: Guard<"Overloaded"> = listed("Overloaded")
export const isUnsendableRequest: Guard<"UnsendableRequest"> = listed("UnsendableRequest")
export const isUnreachable: Guard<"Unreachable"> = listed("Unreachable")
export const isConnectionLost: Guard<"ConnectionLost"> = listed("ConnectionLost")
export const isTimedOut: Guard<"TimedOut"> = listed("TimedOut")
export const isTlsFailed: Guard<"TlsFailed"> = listed("TlsFailed")
export const isUpstreamInvalidResponse: Guard<"UpstreamInvalidResponse"> = listed("UpstreamInvalidResponse")
export const isUnexpectedResponse: Guard<"UnexpectedResponse"> = listed("UnexpectedResponse")
export const isUserAccountsRemoved: Guard<"UserAccountsRemoved"> = listed("UserAccountsRemoved")

/** Whether what came back does not fit the schema that the client was made with. */
export const isFieldsMismatch = own("FieldsMismatch", "fields_mismatch")
/** Whether the client was closed before the call. */
export const isClientClosed = own("ClientClosed", "client_closed")
/** Whether a store in this process cannot be had here at all. */
export const isStoreNotSupported = own("StoreNotSupported", "store_not_supported")
