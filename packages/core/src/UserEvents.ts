/**
 * What happened to users: one append-only record.
 */
import { Context, Effect, Layer } from "effect"
import { RouteNotFound, type UpdateUserError } from "./UpdateUserError.ts"
import type { SiteId, User, UserId } from "./User.ts"
import type { PageRequest } from "./UserStore.ts"

/** One accepted update. `before` and `after` are the whole user, so that any difference can be read from the record. */
export interface UserEvent {
  /** Grows with every event of a store. */
  readonly sequence: number
  readonly siteId: SiteId
  readonly userId: UserId
  /** When it was accepted, RFC 3339 in milliseconds, UTC. */
  readonly at: string
  /** Who asked: `token:<id>` through the proxy, otherwise the name of the program. */
  readonly actor: string
  /** What the token is called, where it has a name. */
  readonly label?: string
  /** The network address it was asked from, where it came over a network. */
  readonly address?: string
  readonly before: User
  readonly after: User
}

/** Port: reads the record of a store that keeps one. */
export class UserEvents extends Context.Service<
  UserEvents,
  {
    /** A user's events, oldest first. */
    readonly ofUser: (siteId: SiteId, userId: UserId) => Effect.Effect<ReadonlyArray<UserEvent>, UpdateUserError>
    /** A part of a user's events, the latest first, and how many there are in all. */
    readonly latest: (
      siteId: SiteId,
      userId: UserId,
      page: PageRequest,
    ) => Effect.Effect<{ readonly events: ReadonlyArray<UserEvent>; readonly total: number }, UpdateUserError>
  }
>()("@webflow-users/core/UserEvents") {
  /** Of users that are on somebody else's server there is no record here. */
  static readonly layerNone: Layer.Layer<UserEvents> = Layer.succeed(UserEvents, {
    ofUser: () => Effect.fail(noRecord()),
    latest: () => Effect.fail(noRecord()),
  })
}

const noRecord = () =>
  new RouteNotFound({
    message:
      "Requested resource not found: the users are on another server, and no record of their updates is kept here",
  })
