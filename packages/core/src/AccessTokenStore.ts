/**
 * Port: where the tokens of a proxy's callers are kept. Adapters stand in `AccessTokenStore/`.
 */
import { Context, type Effect } from "effect"
import type { StoreUnavailable } from "./UpdateUserError.ts"
import type { SiteId } from "./User.ts"
import type { Scope } from "./wire/Routes.ts"

/** What is known of a token once it has been issued. */
export interface AccessToken {
  readonly id: string
  readonly siteId: SiteId
  readonly scopes: ReadonlyArray<Scope>
  readonly createdOn: string
  /** How many requests a minute it may make; as many as it likes where there is none. */
  readonly rate?: number | undefined
}

/** A token as it is kept: `hash` is the SHA-256 of the whole token, in hexadecimal. */
export interface StoredToken extends AccessToken {
  readonly hash: string
}

/** Keeps what is known of tokens, and their hashes. */
export class AccessTokenStore extends Context.Service<
  AccessTokenStore,
  {
    readonly add: (token: StoredToken) => Effect.Effect<void, StoreUnavailable>
    readonly find: (id: string) => Effect.Effect<StoredToken | undefined, StoreUnavailable>
    readonly list: Effect.Effect<ReadonlyArray<StoredToken>, StoreUnavailable>
    /** Whether there was such a token. */
    readonly remove: (id: string) => Effect.Effect<boolean, StoreUnavailable>
  }
>()("@webflow-users/core/AccessTokenStore") {}
