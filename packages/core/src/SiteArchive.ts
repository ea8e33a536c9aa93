/**
 * Port: all of a site, read as it is at one moment, and taken in as a whole. For backups, and for moving from one store to
 * another; only stores that their owner keeps have it. Adapters stand in `SiteArchive/`.
 */
import { Context, Data, type Effect, type Stream } from "effect"
import type { SiteDeclaration } from "./SiteDeclaration.ts"
import type { SiteNotFound, StoreUnavailable } from "./UpdateUserError.ts"
import type { AccessGroup, SiteId, User } from "./User.ts"
import { isUser } from "./UserShape.ts"
import type { UserEvent } from "./UserEvents.ts"
import * as UserOrder from "./UserOrder.ts"
import { isDeeperThan } from "./wire/JsonBody.ts"

/** The site itself. */
export interface ArchivedSite {
  readonly siteId: SiteId
  readonly createdOn: string
  /** `null` where nothing was ever declared. */
  readonly declaration: SiteDeclaration | null
}

/**
 * An event of the site. It has no `sequence`: that counts the events of a whole store, and another store gives others. What
 * stays is the order.
 */
export interface ArchivedEvent extends Pick<UserEvent, "userId" | "at" | "actor" | "before" | "after"> {
  readonly label: string | null
  readonly address: string | null
}

/** What a site is made of. Users are the JSON that the store holds, every property in its place. */
export type Entry =
  | { readonly _tag: "Site"; readonly site: ArchivedSite }
  | { readonly _tag: "AccessGroup"; readonly accessGroup: AccessGroup }
  | { readonly _tag: "User"; readonly user: User }
  | { readonly _tag: "Event"; readonly event: ArchivedEvent }

/** More than anything that means something, and little enough for whoever goes through it by recursion. */
const maxDepth = 500

/**
 * In JSON's characters: more than 200 fields and 200 groups come to, with every character escaped. An event, which has two users,
 * is still a line that is read, and a message that PostgreSQL's driver takes.
 */
const maxLength = 2 * 1024 * 1024

/** PostgreSQL has no longer keys in its indexes, whatever the letters: in UTF-16 units. */
const maxKeyLength = 800

/** Whether a text can stand in a column of every store: without NUL, and well-formed. In a user's JSON both are escaped. */
export const isKeepable = (text: string): boolean => !text.includes("\0") && text.isWellFormed()

/** Whether every store can find by it, too. */
export const isKey = (text: string): boolean => text.length <= maxKeyLength && isKeepable(text)

/** Whether JSON is a user that can be archived, and kept by every store. Who reads a site and who reads an archive ask the same. */
export const isArchivable = (json: unknown): json is User =>
  !isDeeperThan(json, maxDepth) &&
  isUser(json) &&
  JSON.stringify(json).length <= maxLength &&
  Object.values(UserOrder.sortKeys(json)).every(isKey)

/** How much of each there is. */
export interface Counts {
  readonly accessGroups: number
  readonly users: number
  readonly events: number
}

/** What a store has of a site. Nothing of one that is not there. */
export interface Contents extends Counts {
  readonly isDeclared: boolean
}

/** The store has something of the site already: archives are not merged with what is there. */
export class SiteOccupied extends Data.TaggedError("SiteOccupied")<{
  readonly message: string
  readonly siteId: SiteId
}> {
  readonly code = "site_occupied"

  /** The refusal to take in a site of which the store has this; `undefined` where it has nothing. */
  static readonly by = (siteId: SiteId, contents: Contents): SiteOccupied | undefined => {
    const { users, accessGroups, events, isDeclared } = contents
    if (users + accessGroups + events === 0 && !isDeclared) return undefined
    const counts = `users: ${users}, access groups: ${accessGroups}, events: ${events}`
    return new SiteOccupied({
      siteId,
      message: `The store has something of site ${siteId} already (${counts}${isDeclared ? ", and a declaration" : ""}), and nothing is merged with it`,
    })
  }
}

/** Something in the store is not what it has to be, so that a whole archive cannot be made. The message says where. */
export class SiteUnreadable extends Data.TaggedError("SiteUnreadable")<{ readonly message: string }> {
  readonly code = "site_unreadable"
}

/** What is to be taken in has something twice that a site has once: no store has written it so. */
export class DuplicateEntry extends Data.TaggedError("DuplicateEntry")<{ readonly message: string }> {
  readonly code = "duplicate_entry"

  static readonly of = (siteId: SiteId): DuplicateEntry =>
    new DuplicateEntry({
      message: `What is to become site ${siteId} has two users with the same e-mail address, or the same entry twice`,
    })
}

/** Reads and takes in whole sites. */
export class SiteArchive extends Context.Service<
  SiteArchive,
  {
    /** The ids of all sites of the store, in their order. */
    readonly sites: Effect.Effect<ReadonlyArray<SiteId>, StoreUnavailable>
    /**
     * All of a site as it is when the first entry is asked for, whatever others write meanwhile: the site, its access groups
     * by slug, its users by id, its events as they happened. It holds one snapshot of the database until the stream ends.
     */
    readonly read: (siteId: SiteId) => Stream.Stream<Entry, SiteNotFound | SiteUnreadable | StoreUnavailable>
    /** How much there is of a site, at the moment. */
    readonly contents: (siteId: SiteId) => Effect.Effect<Contents, StoreUnavailable>
    /**
     * Takes in a site, in the order of `read`: all of it, or nothing where the stream fails. It is not an update: nobody is
     * told of the events.
     */
    readonly write: <E, R>(
      siteId: SiteId,
      entries: Stream.Stream<Entry, E, R>,
    ) => Effect.Effect<void, E | SiteOccupied | DuplicateEntry | StoreUnavailable, R>
  }
>()("@webflow-users/core/SiteArchive") {}
