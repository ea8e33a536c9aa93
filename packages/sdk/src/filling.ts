/** What a client of a store in this process can do beside: take users in, and say what a site has. */
import {
  DeclareSite,
  ImportFile,
  InvalidPatch,
  type NewUsers,
  type Sites,
  UserImport,
  UserStore,
} from "@webflow-users/core"
import { Effect } from "effect"
import { idOf } from "./checkOptions.ts"
import type { StoreClient } from "./client.ts"
import type { Runtime } from "./runtime.ts"

export const filling = ({
  admit,
}: Runtime<UserStore.UserStore | NewUsers | Sites>): Pick<StoreClient, "importUsers" | "declareSite"> => ({
  importUsers: (siteId, users, options) => admit().run(importUsers(idOf(siteId), users), options),
  declareSite: (siteId, declaration, options) =>
    admit().run(DeclareSite.declareSite(idOf(siteId), declaration), options),
})

const importUsers = Effect.fnUntraced(function* (siteId: string, users: unknown) {
  const file = ImportFile.fromJson(users)
  if (file === undefined) {
    const description = "must be {users: […]}, an array of such pages, or an array of users"
    return yield* new InvalidPatch({ details: [{ param: "users", description }] })
  }
  return yield* UserImport.importUsers(yield* UserStore.acceptSiteId(siteId), file, { skipInvalid: false })
})
