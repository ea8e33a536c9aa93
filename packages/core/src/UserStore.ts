/**
 * Port: where users are kept. Adapters stand in `UserStore/`.
 */
import { Context, Effect, Exit } from "effect"
import type { SiteDeclaration } from "./SiteDeclaration.ts"
import * as E from "./UpdateUserError.ts"
import {
  type AccessGroupPage,
  type AccessGroupSort,
  parseSiteId,
  parseUserId,
  type SiteId,
  type User,
  type UserId,
  type UserPage,
  type UserSort,
} from "./User.ts"
import type { UserPatch } from "./UserPatch.ts"

/** Which part of a list: `offset` entries are skipped, at most `limit` (1 to 100) are given. */
export interface PageRequest {
  readonly offset: number
  readonly limit: number
}

/** How many users somebody is going to look up, as far as that is known. */
export interface Wanted {
  readonly ids: number
  readonly emails: number
}

/** Looks users up, each of them as it is when it is first asked for or a little before. */
export interface Finder {
  readonly byId: (userId: UserId) => Effect.Effect<User, E.UpdateUserError>
  /** In any letter case. */
  readonly byEmail: (email: string) => Effect.Effect<User, E.UpdateUserError>
}

/** A site's users, wherever they are. */
export class UserStore extends Context.Service<
  UserStore,
  {
    /**
     * Applies a patch to a user, durably: when this succeeds, the user and the event that records the change are both
     * kept, and when it fails neither is.
     */
    readonly update: (siteId: SiteId, userId: UserId, patch: UserPatch) => Effect.Effect<User, E.UpdateUserError>
    readonly get: (siteId: SiteId, userId: UserId) => Effect.Effect<User, E.UpdateUserError>
    /** Looks a user up by e-mail address, in any letter case. */
    readonly findByEmail: (siteId: SiteId, email: string) => Effect.Effect<User, E.UpdateUserError>
    /** Lists users, in the order they were created unless asked otherwise. */
    readonly list: (
      siteId: SiteId,
      page: PageRequest & { readonly sort?: UserSort | undefined },
    ) => Effect.Effect<UserPage, E.UpdateUserError>
    /** What the site's owner declared; nothing where another server keeps that to itself. */
    readonly declaration: (siteId: SiteId) => Effect.Effect<SiteDeclaration, E.UpdateUserError>
    /** Lists access groups, by their slugs unless asked otherwise. */
    readonly accessGroups: (
      siteId: SiteId,
      page: PageRequest & { readonly sort?: AccessGroupSort | undefined },
    ) => Effect.Effect<AccessGroupPage, E.UpdateUserError>
    /** Looks many users up with as few requests as that takes, where every request counts. Otherwise each is asked for. */
    readonly finder?: (siteId: SiteId, wanted: Wanted) => Finder
    /**
     * Succeeds where the store answers and its tables are those that this program knows. Only where to ask costs nothing:
     * another server counts requests.
     */
    readonly ping?: Effect.Effect<void, E.UpdateUserError>
  }
>()("@webflow-users/core/UserStore") {}

/** Looks up users of a site: for who is going to ask for so many. */
export const finder = Effect.fnUntraced(function* (siteId: SiteId, wanted: Wanted) {
  const store = yield* UserStore
  const eachForItself: Finder = {
    byId: (userId) => store.get(siteId, userId),
    byEmail: (email) => store.findByEmail(siteId, email),
  }
  return store.finder?.(siteId, wanted) ?? eachForItself
})

/**
 * Hears what a user was when an update was applied, from a store that sees it: those of one's own do. A runtime provides it
 * around the update.
 */
export const OnReplaced = Context.Reference<(before: User) => void>("@webflow-users/core/UserStore/OnReplaced", {
  defaultValue: () => () => undefined,
})

/** When it ends, no call waits for its turn any longer, and nothing is tried again: for whoever has to stop. */
export const Ending = Context.Reference<Effect.Effect<void> | undefined>("@webflow-users/core/UserStore/Ending", {
  defaultValue: () => undefined,
})

/** A site id as it came in, checked. */
export const acceptSiteId = (text: string): Exit.Exit<SiteId, E.InvalidId> => accept("site_id", parseSiteId(text))

/** A user id as it came in, checked. */
export const acceptUserId = (text: string): Exit.Exit<UserId, E.InvalidId> => accept("user_id", parseUserId(text))

const accept = <Id>(param: string, id: Id | undefined): Exit.Exit<Id, E.InvalidId> =>
  id === undefined
    ? Exit.fail(new E.InvalidId({ details: [{ param, description: "must be 24 hexadecimal characters" }] }))
    : Exit.succeed(id)
