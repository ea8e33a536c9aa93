/** What 3.1 names under `Webflow` for calls about access groups, and under `Webflow.accessGroups` too. */
import type { AccessGroupSort } from "@webflow-users/core"

/** Which access groups are asked for, and in which order. */
export interface AccessGroupsListRequest {
  offset?: number
  limit?: number
  sort?: AccessGroupsListRequestSort
}

/** The orders of a list of access groups. */
export type AccessGroupsListRequestSort = AccessGroupSort
export const AccessGroupsListRequestSort = {
  CreatedOnAscending: "CreatedOn",
  CreatedOnDescending: "-CreatedOn",
} as const satisfies Record<string, AccessGroupSort>
