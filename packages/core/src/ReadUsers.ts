/**
 * Reading beside the operation: one user, lists of users and of access groups. Ids come in as text and are checked here.
 */
import { Effect } from "effect"
import { acceptSiteId, acceptUserId, type PageRequest, UserStore } from "./UserStore.ts"
import { type AccessGroupSort, accessGroupSorts, type UserSort, userSorts } from "./User.ts"
import { checkListQuery } from "./wire/ListQuery.ts"

/** One user, by id. */
export const getUser = Effect.fn("ReadUsers.getUser")(function* (siteId: string, userId: string) {
  const store = yield* UserStore
  return yield* store.get(yield* acceptSiteId(siteId), yield* acceptUserId(userId))
})

/** One user, as a person names them: by id or by e-mail address. */
export const findUser = Effect.fn("ReadUsers.findUser")(function* (siteId: string, idOrEmail: string) {
  const store = yield* UserStore
  const site = yield* acceptSiteId(siteId)
  return idOrEmail.includes("@")
    ? yield* store.findByEmail(site, idOrEmail)
    : yield* store.get(site, yield* acceptUserId(idOrEmail))
})

/** A part of a site's users. */
export const listUsers = Effect.fn("ReadUsers.listUsers")(function* (
  siteId: string,
  page: PageRequest & { readonly sort?: UserSort | undefined },
) {
  const store = yield* UserStore
  const site = yield* acceptSiteId(siteId)
  return yield* store.list(site, yield* Effect.fromResult(checkListQuery(page, userSorts)))
})

/** A part of a site's access groups. */
export const listAccessGroups = Effect.fn("ReadUsers.listAccessGroups")(function* (
  siteId: string,
  page: PageRequest & { readonly sort?: AccessGroupSort | undefined },
) {
  const store = yield* UserStore
  const site = yield* acceptSiteId(siteId)
  return yield* store.accessGroups(site, yield* Effect.fromResult(checkListQuery(page, accessGroupSorts)))
})
