/**
 * A site's user as Webflow served it, and the vocabulary of its parts. The schemas that these types are made of stand in
 * `UserSchema.ts`; nothing here needs them, so that a client that reads users can be small.
 */
import { DateTime, Equal } from "effect"
import type { AccessGroup, Profile, SiteId, User, UserId } from "./UserSchema.ts"

export type {
  AccessGroup,
  AccessGroupPage,
  AccessGroupSort,
  AccessGroupType,
  BuiltInData,
  CustomValue,
  Membership,
  OptionValue,
  Profile,
  SiteId,
  User,
  UserData,
  UserId,
  UserPage,
  UserSort,
  UserStatus,
} from "./UserSchema.ts"

/** How ids of sites and users are spelled: 24 hexadecimal characters, kept in lower case. */
export const objectId = /^[0-9a-f]{24}$/u

/** How a user comes into a group. */
export const accessGroupTypes = ["admin", "ecommerce"] as const

/** Where a user can stand. */
export const userStatuses = ["invited", "verified", "unverified"] as const

/** The properties of a user that a server sets and a caller does not. */
export const readOnlyProperties: ReadonlySet<string> = new Set(
  Object.keys({
    id: true,
    isEmailVerified: true,
    lastUpdated: true,
    invitedOn: true,
    createdOn: true,
    lastLogin: true,
    status: true,
  } satisfies Record<"id" | Exclude<keyof Profile, "accessGroups" | "data">, true>),
)

/** The orders a list of users can be asked in; a leading `-` reverses. */
export const userSorts = [
  "CreatedOn",
  "-CreatedOn",
  "Email",
  "-Email",
  "Status",
  "-Status",
  "LastLogin",
  "-LastLogin",
  "UpdatedOn",
  "-UpdatedOn",
] as const

/** The orders a list of access groups can be asked in; a leading `-` reverses. */
export const accessGroupSorts = ["CreatedOn", "-CreatedOn"] as const

/** Reads a site id in either letter case; `undefined` when it is not one. */
export const parseSiteId = (text: string): SiteId | undefined => parseId<SiteId>(text)

/** Reads a user id in either letter case; `undefined` when it is not one. */
export const parseUserId = (text: string): UserId | undefined => parseId<UserId>(text)

const parseId = <Id extends string>(text: string): Id | undefined => {
  // As nearly all are.
  if (objectId.test(text)) return text as Id
  const lower = text.toLowerCase()
  return objectId.test(lower) ? (lower as Id) : undefined
}

/** Whether a text can be an e-mail address: somebody at somewhere, without spaces, at most 254 characters. */
export const isEmailAddress = (text: string): boolean =>
  /^[^\s@\p{Cc}]+@[^\s@\p{Cc}]+$/u.test(text) && text.length <= 254 && text.isWellFormed()

/** A field of the user's own: `toString` and its like are names of fields too, and every object has them. */
export const fieldOf = ({ data }: User, key: string): unknown => (Object.hasOwn(data, key) ? data[key] : undefined)

/** The keys of the fields in which two differ. */
export const changedFields = (before: User, after: User): ReadonlyArray<string> =>
  [...new Set([...Object.keys(before.data), ...Object.keys(after.data)])].filter(
    (key) => !Equal.equals(fieldOf(before, key), fieldOf(after, key)),
  )

/** A group that is known only by its slug, described from it [ours]: `free-tier` is named Free Tier. */
export const accessGroup = (slug: string, id: string, now: DateTime.Utc): AccessGroup => ({
  id,
  name: slug.replaceAll(/[-_]+/g, " ").replaceAll(/\b\p{Ll}/gu, (letter) => letter.toUpperCase()),
  shortId: slug,
  slug,
  createdOn: DateTime.formatIso(now),
})

/** Part of a list: `total` counts everything there is, `count` what is in this part. */
export interface Page {
  readonly count: number
  readonly limit: number
  readonly offset: number
  readonly total: number
}
