/** What a client of a store in this process can do beside: take users in, and say what a site has. Loaded when it is asked for. */
import { DeclareSite, ImportFile, InvalidPatch, type SiteDeclaration, UserImport, UserStore } from "@webflow-users/core"
import { Effect } from "effect"

export const importUsers = Effect.fnUntraced(function* (siteId: string, users: unknown) {
  const file = ImportFile.fromJson(users)
  if (file === undefined) {
    const description = "must be {users: […]}, an array of such pages, or an array of users"
    return yield* new InvalidPatch({ details: [{ param: "users", description }] })
  }
  return yield* UserImport.importUsers(yield* UserStore.acceptSiteId(siteId), file, { skipInvalid: false })
})

export const declareSite = (siteId: string, declaration: SiteDeclaration.SiteDeclaration) =>
  DeclareSite.declareSite(siteId, declaration)
