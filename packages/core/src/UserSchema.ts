/**
 * What a site's user and its parts are made of, as schemas: for who decodes what is no server's answer, keeps users in a
 * store, or describes them. Their types are those of `User.ts`.
 *
 * Source of every shape: the last published specification of the Users API and recorded payloads.
 */
import { Schema } from "effect"
import { accessGroupSorts, accessGroupTypes, objectId, userSorts, userStatuses } from "./User.ts"

const ObjectId = Schema.String.annotate({ format: "objectid" }).check(
  Schema.isPattern(objectId, { message: "must be 24 hexadecimal characters" }),
)

/** Identifies a site: 24 hexadecimal characters, kept in lower case. */
export const SiteId = ObjectId.pipe(Schema.brand("SiteId"))
export type SiteId = typeof SiteId.Type

/** Identifies a user within a site: 24 hexadecimal characters, kept in lower case. */
export const UserId = ObjectId.pipe(Schema.brand("UserId"))
export type UserId = typeof UserId.Type

/** How a user came into a group: `admin` by API or Designer, `ecommerce` by a purchase. */
export const AccessGroupType = Schema.Literals(accessGroupTypes)
export type AccessGroupType = typeof AccessGroupType.Type

/** A user's membership of one access group. */
export const Membership = Schema.Struct({ slug: Schema.String, type: AccessGroupType }).annotate({
  component: "Membership",
})
export type Membership = typeof Membership.Type

/** The value of an option field, as recorded responses carry it. */
export const OptionValue = Schema.Struct({ id: Schema.String, name: Schema.String, slug: Schema.String })
export type OptionValue = typeof OptionValue.Type

/** What a custom field can be set to. `null` clears it. */
export const CustomValue = Schema.Union([Schema.String, Schema.Boolean, Schema.Finite, Schema.Null, OptionValue])
export type CustomValue = typeof CustomValue.Type

/** A moment in RFC 3339, kept as the text it came in: payloads are given back as they were taken. */
const Timestamp = Schema.NullOr(Schema.String)

/** The fields that every user can have. */
export const BuiltInData = Schema.Struct({
  name: Schema.optionalKey(Schema.NullOr(Schema.String)),
  email: Schema.optionalKey(Schema.NullOr(Schema.String)),
  "accept-privacy": Schema.optionalKey(Schema.NullOr(Schema.Boolean)),
  "accept-communications": Schema.optionalKey(Schema.NullOr(Schema.Boolean)),
})
export type BuiltInData = typeof BuiltInData.Type

/** A user's own fields. Keys beside the four built-in ones are custom fields, by the slug they were created with. */
export const UserData = Schema.StructWithRest(BuiltInData, [Schema.Record(Schema.String, Schema.Json)]).annotate({
  component: "UserData",
  description: "The four built-in fields, and custom fields by the slug they were created with",
})
// An interface, here and below, so that declarations name it: written out, its index signature is at odds with its properties.
export interface UserData extends Schema.Schema.Type<typeof UserData> {}

/** `invited` until the invitation is taken, then `verified` or `unverified` by the e-mail address. */
export const UserStatus = Schema.Literals(userStatuses)
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

/** An access group of a site, as `GET …/accessgroups` lists it. */
export const AccessGroup = Schema.Struct({
  id: Schema.String,
  name: Schema.String,
  shortId: Schema.String,
  slug: Schema.String,
  createdOn: Schema.String.annotate({ format: "date-time" }),
}).annotate({ component: "AccessGroup" })
export type AccessGroup = typeof AccessGroup.Type

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
export const UserSort = Schema.Literals(userSorts)
export type UserSort = typeof UserSort.Type

/** The orders a list of access groups can be asked in; a leading `-` reverses. */
export const AccessGroupSort = Schema.Literals(accessGroupSorts)
export type AccessGroupSort = typeof AccessGroupSort.Type
