/**
 * The names under `Webflow` in `webflow-api` 3.1, as far as users and access groups go: its types, word for word, and its error
 * classes. What it has for sites, collections, pages, orders and everything else is not here, nor are `users.delete` and
 * `users.invite`: the contract that is served knows no such calls.
 */
import type { AccessGroupType, UserStatus as Status } from "@webflow-users/core"
import type { Names } from "./ErrorBody.ts"

export { type Error_, ErrorCode } from "./ErrorBody.ts"
export * from "./AccessGroupNames.ts"
export * as accessGroups from "./AccessGroupNames.ts"
export * from "./UserNames.ts"
export * as users from "./UserNames.ts"
export {
  BadRequestError,
  ConflictError,
  ForbiddenError,
  InternalServerError,
  NotFoundError,
  TooManyRequestsError,
  UnauthorizedError,
} from "./WebflowError.ts"

/** A user. Moments are `Date`s. Every property may be absent, as in 3.1. */
export interface User {
  id?: string
  isEmailVerified?: boolean
  /** Moves on every accepted update. */
  lastUpdated?: Date
  invitedOn?: Date
  createdOn?: Date
  lastLogin?: Date
  status?: UserStatus
  /** The groups the user is in, and how it came into them. */
  accessGroups?: UserAccessGroupsItem[]
  /** See {@link UserData}. */
  data?: UserData
}

/**
 * A user's fields, as the documentation nests them. Servers send them flat, as Webflow did: then `name`, `"accept-privacy"` and
 * custom fields stand here, and `data` is absent. This type says otherwise because that of 3.1 does; what comes is what came there.
 */
export interface UserData {
  data?: UserDataData
}

/** The fields within {@link UserData}, where a server nests them. Custom fields stand beside these by their slugs. */
export interface UserDataData {
  name?: string
  email?: string
  acceptPrivacy?: boolean
  acceptCommunications?: boolean
  /** A slip of the specification: no server sends it. */
  additionalProperties?: string
}

/** A user's membership of an access group. */
export interface UserAccessGroupsItem {
  slug?: string
  type?: UserAccessGroupsItemType
}

/** How a user came into a group: by an update or in the Designer, or by a purchase. */
export type UserAccessGroupsItemType = AccessGroupType
export const UserAccessGroupsItemType = {
  Admin: "admin",
  Ecommerce: "ecommerce",
} as const satisfies Names<AccessGroupType>

/** Where a user stands between invitation and verified address. */
export type UserStatus = Status
export const UserStatus = {
  Invited: "invited",
  Verified: "verified",
  Unverified: "unverified",
} as const satisfies Names<Status>

/** A part of a site's users: `total` counts all there are, `count` those in this part. */
export interface UserList {
  count?: number
  limit?: number
  offset?: number
  total?: number
  users?: User[]
}

/** An access group of a site. */
export interface AccessGroup {
  id?: string
  name?: string
  shortId?: string
  slug?: string
  createdOn?: Date
}

/** A part of a site's access groups. */
export interface AccessGroupList {
  count?: number
  limit?: number
  offset?: number
  total?: number
  accessGroups?: AccessGroup[]
}
