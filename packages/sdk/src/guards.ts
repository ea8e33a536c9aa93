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

type Tagged = Listed | FieldsMismatchError | ClientClosedError | StoreNotSupportedError
type Guard<Tag> = (value: unknown) => value is Extract<Tagged, { readonly _tag: Tag }> & Answered

const guard =
  <Tag extends Tagged["_tag"]>(tag: Tag): Guard<Tag> =>
  (value): value is Extract<Tagged, { readonly _tag: Tag }> & Answered =>
    isTagged(value) && value._tag === tag

const isTagged = (value: unknown): value is { readonly _tag: string } => {
  if (!Predicate.isObject(value)) return false
  const { _tag, code, message, isRetryable, details }: Partial<Record<string, unknown>> = value
  return (
    Predicate.isString(_tag) &&
    Predicate.isString(code) &&
    Predicate.isString(message) &&
    Predicate.isBoolean(isRetryable) &&
    (details === undefined || Array.isArray(details))
  )
}

export const isInvalidId: Guard<"InvalidId"> = guard("InvalidId")
export const isInvalidPatch: Guard<"InvalidPatch"> = guard("InvalidPatch")
export const isBadRequest: Guard<"BadRequest"> = guard("BadRequest")
export const isBodyTooLarge: Guard<"BodyTooLarge"> = guard("BodyTooLarge")
export const isNotAuthorized: Guard<"NotAuthorized"> = guard("NotAuthorized")
export const isMissingScopes: Guard<"MissingScopes"> = guard("MissingScopes")
export const isSiteForbidden: Guard<"SiteForbidden"> = guard("SiteForbidden")
export const isChangeForbidden: Guard<"ChangeForbidden"> = guard("ChangeForbidden")
export const isUsersNotEnabled: Guard<"UsersNotEnabled"> = guard("UsersNotEnabled")
export const isSiteNotFound: Guard<"SiteNotFound"> = guard("SiteNotFound")
export const isUserNotFound: Guard<"UserNotFound"> = guard("UserNotFound")
export const isRouteNotFound: Guard<"RouteNotFound"> = guard("RouteNotFound")
export const isMethodNotAllowed: Guard<"MethodNotAllowed"> = guard("MethodNotAllowed")
export const isTooManyRequests: Guard<"TooManyRequests"> = guard("TooManyRequests")
export const isInternalError: Guard<"InternalError"> = guard("InternalError")
export const isStoreUnavailable: Guard<"StoreUnavailable"> = guard("StoreUnavailable")
export const isOverloaded: Guard<"Overloaded"> = guard("Overloaded")
export const isUnsendableRequest: Guard<"UnsendableRequest"> = guard("UnsendableRequest")
export const isUnreachable: Guard<"Unreachable"> = guard("Unreachable")
export const isConnectionLost: Guard<"ConnectionLost"> = guard("ConnectionLost")
export const isTimedOut: Guard<"TimedOut"> = guard("TimedOut")
export const isTlsFailed: Guard<"TlsFailed"> = guard("TlsFailed")
export const isUpstreamInvalidResponse: Guard<"UpstreamInvalidResponse"> = guard("UpstreamInvalidResponse")
export const isUnexpectedResponse: Guard<"UnexpectedResponse"> = guard("UnexpectedResponse")
export const isUserAccountsRemoved: Guard<"UserAccountsRemoved"> = guard("UserAccountsRemoved")
export const isFieldsMismatch: Guard<"FieldsMismatch"> = guard("FieldsMismatch")
export const isClientClosed: Guard<"ClientClosed"> = guard("ClientClosed")
export const isStoreNotSupported: Guard<"StoreNotSupported"> = guard("StoreNotSupported")
