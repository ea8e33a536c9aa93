/**
 * Port: where the tokens of a proxy's callers are kept. Adapters stand in `AccessTokenStore/`.
 */
import { Context, type Effect } from "effect"
import type { StoreUnavailable } from "./UpdateUserError.ts"
import type { UpdateGrant } from "./UpdateGrant.ts"
import type { SiteId } from "./User.ts"
import type { Scope } from "./wire/Routes.ts"

/**
 * What is known of a token once it has been issued. Beside its scopes, its allow-lists say what of users it may change;
 * whoever may read reads all of them.
 */
export interface AccessToken extends UpdateGrant {
  readonly id: string
  /** The only site it is good for, or `all`: also those that come later. */
  readonly siteId: SiteId | "all"
  readonly scopes: ReadonlyArray<Scope>
  readonly createdOn: string
  /** How many requests a minute it may make; as many as it likes where there is none. */
  readonly rate?: number | undefined
  /** What people call it: what it is for, who has it. */
  readonly label?: string | undefined
  /** From this moment on it is refused, RFC 3339 in UTC; never where there is none. */
  readonly expiresOn?: string | undefined
  /** Until when the secret that it had before it was rotated is good beside the present one. */
  readonly previousUntil?: string | undefined
}

/** A token as it is kept: `hash` is the SHA-256 of the whole token, in hexadecimal, and `previousHash` of the one before. */
export interface StoredToken extends AccessToken {
  readonly hash: string
  readonly previousHash?: string | undefined
}

/** Keeps what is known of tokens, and their hashes. */
export class AccessTokenStore extends Context.Service<
  AccessTokenStore,
  {
    readonly add: (token: StoredToken) => Effect.Effect<void, StoreUnavailable>
    readonly find: (id: string) => Effect.Effect<StoredToken | undefined, StoreUnavailable>
    readonly list: Effect.Effect<ReadonlyArray<StoredToken>, StoreUnavailable>
    /**
     * Gives a token another hash, in one step, and keeps the one that it had until then as the previous one: where a moment
     * is named. Gives the token as it is now; nothing where there is none.
     */
    readonly replaceHash: (
      id: string,
      hash: string,
      previousUntil?: string,
    ) => Effect.Effect<StoredToken | undefined, StoreUnavailable>
    /** Whether there was such a token. */
    readonly remove: (id: string) => Effect.Effect<boolean, StoreUnavailable>
  }
>()("@webflow-users/core/AccessTokenStore") {}
