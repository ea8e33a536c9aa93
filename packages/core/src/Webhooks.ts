/**
 * Port: the webhooks of a store, which tell other servers of every accepted update, and what is still to be told. Adapters
 * stand in `Webhooks/`. Only a store on the disk has them: what a process forgets when it ends, it cannot promise to tell.
 */
import { Context, type DateTime, type Effect, type Redacted } from "effect"
import type { StoreUnavailable } from "./UpdateUserError.ts"
import type { SiteId, User, UserId } from "./User.ts"

/** What is known of a webhook once it has been added. */
export interface Webhook {
  readonly id: string
  readonly siteId: SiteId
  /** Where to tell of a site's updates. Its query may hold what is secret: logs name its host only. */
  readonly url: string
  /** RFC 3339 in milliseconds, UTC. */
  readonly createdOn: string
}

/** A webhook with what its messages are signed by. */
export interface SigningWebhook extends Webhook {
  /** Kept as it is: both sides of an HMAC have to have it. */
  readonly secret: Redacted.Redacted
}

/** Why an update could not be told. */
export interface DeliveryFailure {
  /** RFC 3339 in milliseconds, UTC. */
  readonly at: string
  /** What the receiver answered, where it did. */
  readonly status?: number
  /** In words of ours: nothing of what a receiver said. */
  readonly reason: string
}

/** How many updates a webhook still has to tell, and how many it has given up. */
export interface WebhookBacklog {
  /** Waiting for their turn, or under way. */
  readonly pending: number
  /** Tried as often as is allowed; they stay until they are replayed. */
  readonly parked: number
}

/** A webhook, and how it stands. */
export interface WebhookStanding extends Webhook, WebhookBacklog {
  /** The latest failure of what is pending or parked. */
  readonly lastFailure?: DeliveryFailure
}

/** One update that one webhook has still to tell, or has given up. */
export interface Delivery {
  /** The event's number. */
  readonly sequence: number
  readonly userId: UserId
  readonly state: "pending" | "parked"
  /** How often it has failed. */
  readonly attempts: number
  /** When it may be tried, RFC 3339; of what is under way, when somebody else may. `null` is at once. */
  readonly dueAt: string | null
  readonly lastFailure?: DeliveryFailure
}

/** What a site's owner does with webhooks. */
export class Webhooks extends Context.Service<
  Webhooks,
  {
    /** From its next update on, the site's updates are told. The site has to be there. */
    readonly add: (webhook: SigningWebhook) => Effect.Effect<void, StoreUnavailable>
    readonly find: (id: string) => Effect.Effect<SigningWebhook | undefined, StoreUnavailable>
    /** In the order they were added. */
    readonly list: Effect.Effect<ReadonlyArray<WebhookStanding>, StoreUnavailable>
    /** Removes it with all that it still had to tell; whether there was such a webhook. */
    readonly remove: (id: string) => Effect.Effect<boolean, StoreUnavailable>
    /** What a webhook has not told, what is parked first, the oldest first; at most `limit`. */
    readonly deliveries: (id: string, limit: number) => Effect.Effect<ReadonlyArray<Delivery>, StoreUnavailable>
    /** Lets everything that is parked be tried anew. Gives how much that is. */
    readonly replayParked: (id: string) => Effect.Effect<number, StoreUnavailable>
    /**
     * Has every update of the site since a moment told once more, also of before the webhook was added. Gives how many. What is
     * pending is among them, and what is under way is told again after those before it: of each user the latest comes last.
     */
    readonly replaySince: (webhook: Webhook, since: DateTime.Utc) => Effect.Effect<number, StoreUnavailable>
  }
>()("@webflow-users/core/Webhooks") {}

/** An update that a worker has taken on. */
export interface ClaimedDelivery {
  readonly webhook: SigningWebhook
  readonly sequence: number
  /** How often it has failed before. */
  readonly attempts: number
  /** The user after the update. */
  readonly user: User
}

/** What became of an attempt: it was told; it will be tried again; or it is given up, and parked. */
export type DeliveryOutcome =
  | { readonly _tag: "Delivered" }
  | { readonly _tag: "Retry"; readonly at: DateTime.Utc; readonly failure: DeliveryFailure }
  | { readonly _tag: "Parked"; readonly failure: DeliveryFailure }

/**
 * Port: what those have who tell the updates. Several workers, in several processes, may share one: what one has claimed is
 * nobody else's until its lease ends. Of one user the updates are had in their order, each when the one before has been told or parked.
 */
export class WebhookOutbox extends Context.Service<
  WebhookOutbox,
  {
    /** The webhooks that have something to tell now. Asked again and again, so it has to be cheap when there are none. */
    readonly due: Effect.Effect<ReadonlyArray<SigningWebhook>, StoreUnavailable>
    /** Claims at most so many updates of each of these webhooks, in the worker's name, until the lease ends. */
    readonly claim: (
      worker: string,
      wanted: ReadonlyArray<{ readonly webhook: SigningWebhook; readonly most: number }>,
      leaseEnds: DateTime.Utc,
    ) => Effect.Effect<ReadonlyArray<ClaimedDelivery>, StoreUnavailable>
    /** Keeps what became of claims. Of one whose lease has ended and which somebody else has claimed, nothing is kept. */
    readonly settle: (
      worker: string,
      settled: ReadonlyArray<{ readonly claimed: ClaimedDelivery; readonly outcome: DeliveryOutcome }>,
    ) => Effect.Effect<void, StoreUnavailable>
    /** Over all webhooks: cheap enough to be asked every few seconds, for who watches a proxy run. */
    readonly backlog: Effect.Effect<WebhookBacklog, StoreUnavailable>
  }
>()("@webflow-users/core/WebhookOutbox") {}
