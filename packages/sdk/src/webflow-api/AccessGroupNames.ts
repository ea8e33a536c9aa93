/** The names that 3.1 has under `Webflow.accessGroups`, too. */
export { type AccessGroupsListRequest, AccessGroupsListRequestSort } from "./Webflow.ts"
