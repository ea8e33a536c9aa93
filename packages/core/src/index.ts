/**
 * Webflow's Update User as Effect programs. Adapters are imported from their own paths, such as
 * `@webflow-users/core/UserStore/Memory`.
 *
 * @packageDocumentation
 */
export { type AccessToken, AccessTokenStore, type StoredToken } from "./AccessTokenStore.ts"
export * as AccessTokens from "./AccessTokens.ts"
export * as ChangeTable from "./ChangeTable.ts"
export * as DeclareSite from "./DeclareSite.ts"
export * as ImportFile from "./ImportFile.ts"
export * from "./NewUsers.ts"
export * as ObjectId from "./ObjectId.ts"
export * as Pacer from "./Pacer.ts"
export * as Pacers from "./Pacers.ts"
export * as PlanUpdates from "./PlanUpdates.ts"
export * as RateLimits from "./RateLimits.ts"
export * as ReadUsers from "./ReadUsers.ts"
export * as SiteDeclaration from "./SiteDeclaration.ts"
export * from "./Sites.ts"
export * as Transport from "./Transport.ts"
export * as UndoUpdates from "./UndoUpdates.ts"
export * as UpdatePolicy from "./UpdatePolicy.ts"
export * as UpdateUser from "./UpdateUser.ts"
export * as UpdateUsers from "./UpdateUsers.ts"
export * from "./UpdateUserError.ts"
export * from "./User.ts"
export * as UserChange from "./UserChange.ts"
export * from "./UserEvents.ts"
export * as UserImport from "./UserImport.ts"
export * as UserPatch from "./UserPatch.ts"
export * as UserStore from "./UserStore.ts"
export * as Webflow from "./Webflow.ts"
export type { UserUpdate } from "./wire/UpdateUserBody.ts"
