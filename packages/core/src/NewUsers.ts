/**
 * Port: takes new users into a store that its owner keeps. A remote server has no such door.
 */
import { Context, type Effect } from "effect"
import type { StoreUnavailable } from "./UpdateUserError.ts"
import type { SiteId, User } from "./User.ts"

/** The users a site has already. */
export interface KnownUsers {
  readonly ids: ReadonlySet<string>
  /** User ids by e-mail address, in the form of `UserOrder.emailKey`. */
  readonly idByEmail: ReadonlyMap<string, string>
}

/** The door by which users come into a store. */
export class NewUsers extends Context.Service<
  NewUsers,
  {
    /**
     * Adds the users that `choose` picks, all or none of them, and the site where it is new. Where it picks `undefined`
     * nothing is done at all.
     */
    readonly add: (
      siteId: SiteId,
      choose: (known: KnownUsers) => ReadonlyArray<User> | undefined,
    ) => Effect.Effect<void, StoreUnavailable>
  }
>()("@webflow-users/core/NewUsers") {}
