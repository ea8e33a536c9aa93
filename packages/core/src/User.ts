/**
 * A site's user as Webflow served it, and the vocabulary of its parts.
 *
 * Source of every shape: the last published specification of the Users API and recorded payloads.
 */
import { DateTime, Equal, Option, Schema } from "effect"

const ObjectId = Schema.String.annotate({ format: "objectid" }).check(
  Schema.isPattern(/^[0-9a-f]{24}$/u, { message: "must be 24 hexadecimal characters" }),
)

/** Identifies a site: 24 hexadecimal characters, kept in lower case. */
export const SiteId = ObjectId.pipe(Schema.brand("SiteId"))
export type SiteId = typeof SiteId.Type

/** Identifies a user within a site: 24 hexadecimal characters, kept in lower case. */
export const UserId = ObjectId.pipe(Schema.brand("UserId"))
export type UserId = typeof UserId.Type

const decodeSiteId = Schema.decodeUnknownOption(SiteId)
const decodeUserId = Schema.decodeUnknownOption(UserId)

/** Reads a site id in either letter case; `undefined` when it is not one. */
export const parseSiteId = (text: string): SiteId | undefined => Option.getOrUndefined(decodeSiteId(text.toLowerCase()))

/** Reads a user id in either letter case; `undefined` when it is not one. */
export const parseUserId = (text: string): UserId | undefined => Option.getOrUndefined(decodeUserId(text.toLowerCase()))

/** How a user came into a group: `admin` by API or Designer, `ecommerce` by a purchase. */
export const AccessGroupType = Schema.Literals(["admin", "ecommerce"])
export type AccessGroupType = typeof AccessGroupType.Type

/** A user's membership of one access group. */
export const Membership = Schema.Struct({ slug: Schema.String, type: AccessGroupType }).annotate({
  component: "Membership",
})
export type Membership = typeof Membership.Type

/** The value of an option field, as recorded responses carry it. */
export const OptionValue = Schema.Struct({ id: Schema.String, name: Schema.String, slug: Schema.String })
export type OptionValue = typeof OptionValue.Type

/** Whether a value is that of an option field. */
export const isOptionValue = Schema.is(OptionValue)

/** What a custom field can be set to. `null` clears it. */
export const CustomValue = Schema.Union([Schema.String, Schema.Boolean, Schema.Finite, Schema.Null, OptionValue])
export type CustomValue = typeof CustomValue.Type

/** A moment in RFC 3339, kept as the text it came in: payloads are given back as they were taken. */
const Timestamp = Schema.NullOr(Schema.String)

/** Whether a text can be an e-mail address: somebody at somewhere, without spaces, at most 254 characters. */
export const isEmailAddress = (text: string): boolean =>
  /^[^\s@\p{Cc}]+@[^\s@\p{Cc}]+$/u.test(text) && text.length <= 254 && text.isWellFormed()

/** A user's own fields. Keys beside the four built-in ones are custom fields, by the slug they were created with. */
export const UserData = Schema.StructWithRest(
  Schema.Struct({
    name: Schema.optionalKey(Schema.NullOr(Schema.String)),
    email: Schema.optionalKey(Schema.NullOr(Schema.String)),
    "accept-privacy": Schema.optionalKey(Schema.NullOr(Schema.Boolean)),
    "accept-communications": Schema.optionalKey(Schema.NullOr(Schema.Boolean)),
  }),
  [Schema.Record(Schema.String, Schema.Json)],
).annotate({
  component: "UserData",
  description: "The four built-in fields, and custom fields by the slug they were created with",
})
// An interface, here and below, so that declarations name it: written out, its index signature is at odds with its properties.
export interface UserData extends Schema.Schema.Type<typeof UserData> {}

/** `invited` until the invitation is taken, then `verified` or `unverified` by the e-mail address. */
export const UserStatus = Schema.Literals(["invited", "verified", "unverified"])
export type UserStatus = typeof UserStatus.Type

/** What a server sets and a caller does not. */
const readOnly = <S extends Schema.Top>(schema: S, description: string) =>
  Schema.optionalKey(schema.annotate({ description, readOnly: true }))
const moment = (description: string) => readOnly(Timestamp.annotate({ format: "date-time" }), description)

const profile = {
  isEmailVerified: readOnly(Schema.NullOr(Schema.Boolean), "Whether the e-mail address has been verified"),
  lastUpdated: moment("When the user was last updated; moves on every accepted update"),
  invitedOn: moment("When the user was invited"),
  createdOn: moment("When the user was created"),
  lastLogin: moment("When the user last logged in"),
  status: readOnly(Schema.NullOr(UserStatus), "Where the user stands between invitation and verified address"),
  accessGroups: Schema.Array(Membership).annotate({ description: "The access groups the user belongs to" }),
  data: UserData,
}

/** A user who has no id yet. */
export const Profile = Schema.Struct(profile)
export type Profile = typeof Profile.Type

/**
 * A user. Every property but `id`, `accessGroups` and `data` may be absent or null; properties nobody documented are
 * kept as they came. `data` is flat, as in every recorded response.
 */
export const User = Schema.StructWithRest(Schema.Struct({ id: UserId.annotate({ readOnly: true }), ...profile }), [
  Schema.Record(Schema.String, Schema.Json),
]).annotate({ component: "User" })
export interface User extends Schema.Schema.Type<typeof User> {}

/** A field of the user's own: `toString` and its like are names of fields too, and every object has them. */
export const fieldOf = ({ data }: User, key: string): unknown => (Object.hasOwn(data, key) ? data[key] : undefined)

/** The keys of the fields in which two differ. */
export const changedFields = (before: User, after: User): ReadonlyArray<string> =>
  [...new Set([...Object.keys(before.data), ...Object.keys(after.data)])].filter(
    (key) => !Equal.equals(fieldOf(before, key), fieldOf(after, key)),
  )

/** An access group of a site, as `GET …/accessgroups` lists it. */
export const AccessGroup = Schema.Struct({
  id: Schema.String,
  name: Schema.String,
  shortId: Schema.String,
  slug: Schema.String,
  createdOn: Schema.String.annotate({ format: "date-time" }),
}).annotate({ component: "AccessGroup" })
export type AccessGroup = typeof AccessGroup.Type

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

/** How a part of a list says which part it is. */
export const PageFields = { count: Schema.Int, limit: Schema.Int, offset: Schema.Int, total: Schema.Int }

/** A part of a list of users. */
export const UserPage = Schema.Struct({ users: Schema.Array(User), ...PageFields }).annotate({ component: "UserPage" })
export interface UserPage extends Schema.Schema.Type<typeof UserPage> {}

/** A part of a list of access groups. */
export const AccessGroupPage = Schema.Struct({ accessGroups: Schema.Array(AccessGroup), ...PageFields }).annotate({
  component: "AccessGroupPage",
})
export type AccessGroupPage = typeof AccessGroupPage.Type

/** The orders a list of users can be asked in; a leading `-` reverses. */
export const UserSort = Schema.Literals([
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
])
export type UserSort = typeof UserSort.Type

/** The orders a list of access groups can be asked in; a leading `-` reverses. */
export const AccessGroupSort = Schema.Literals(["CreatedOn", "-CreatedOn"])
export type AccessGroupSort = typeof AccessGroupSort.Type
