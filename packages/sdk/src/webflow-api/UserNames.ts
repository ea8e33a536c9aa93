/** What 3.1 names under `Webflow` for calls about users, and under `Webflow.users` too. */
import type { UserSort } from "@webflow-users/core"

/** Which users are asked for, and in which order. */
export interface UsersListRequest {
  /** How many to skip. 0 unless said. */
  offset?: number
  /** How many to give, 1 to 100. 10 unless said. */
  limit?: number
  sort?: UsersListRequestSort
}

/** The orders of a list of users; a leading `-` reverses. */
export type UsersListRequestSort = UserSort
export const UsersListRequestSort = {
  CreatedOnAscending: "CreatedOn",
  CreatedOnDescending: "-CreatedOn",
  EmailAscending: "Email",
  EmailDescending: "-Email",
  StatusAscending: "Status",
  StatusDescending: "-Status",
  LastLoginAscending: "LastLogin",
  LastLoginDescending: "-LastLogin",
  UpdatedOnAscending: "UpdatedOn",
  UpdatedOnDescending: "-UpdatedOn",
} as const satisfies Record<string, UserSort>

/** A change to a user. What is absent stays as it is. */
export interface UsersUpdateRequest {
  data?: UsersUpdateRequestData
  /** The complete new set of groups by their slugs, but for those that were bought: these stay. `[]` leaves all. */
  accessGroups?: string[]
}

/** Fields to set. Custom fields, by their slugs, stand beside these; 3.1 has no type for them. `null` clears one. */
export interface UsersUpdateRequestData {
  name?: string
  acceptPrivacy?: boolean
  acceptCommunications?: boolean
}
