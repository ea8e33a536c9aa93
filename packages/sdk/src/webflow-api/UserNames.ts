/** The names that 3.1 has under `Webflow.users`, too. */
export { type UsersListRequest, UsersListRequestSort } from "./Webflow.ts"
export type { UsersUpdateRequest, UsersUpdateRequestData } from "./Webflow.ts"
