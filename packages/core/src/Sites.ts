/**
 * Port: what a site's owner says of the site. Only a store that its owner keeps has it; reading is `UserStore`'s.
 */
import { Context, type Effect } from "effect"
import type { SiteDeclaration } from "./SiteDeclaration.ts"
import type { StoreUnavailable } from "./UpdateUserError.ts"
import type { SiteId } from "./User.ts"

/** The sites of a store. */
export class Sites extends Context.Service<
  Sites,
  {
    /**
     * Makes this the site's declaration, and the site where it is new. Gives the one before, `undefined` where there was
     * no site. Its users stay as they are.
     */
    readonly declare: (
      siteId: SiteId,
      declaration: SiteDeclaration,
    ) => Effect.Effect<SiteDeclaration | undefined, StoreUnavailable>
  }
>()("@webflow-users/core/Sites") {}
