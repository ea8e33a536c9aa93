/** A site's custom fields as types: of what is sent, and of what comes back. */
import type {
  CustomValue,
  Membership,
  Profile,
  User as OpenUser,
  UserChange as Change,
  UserId,
  UserPage as OpenPage,
  UserUpdate as OpenUpdate,
} from "@webflow-users/core"

/** Any custom fields, with any values: what holds where nothing is said about them. */
export type OpenFields = Readonly<Record<string, CustomValue>>

/** Fields that every user can have, and none can be declared as. */
type BuiltIn = "name" | "email" | "password" | "accept-privacy" | "accept-communications"

/** What can be said about custom fields: by the slug of each, what it can be set to. The built-in ones are no custom fields. */
export type FieldsOf<F> = { readonly [Slug in keyof F]: Slug extends BuiltIn ? never : CustomValue | undefined }

type IsOpen<F> = string extends keyof F ? true : false

/** The two consents, by the names that they have on the wire, or by those that JavaScript would give them. */
interface Consents {
  readonly "accept-privacy"?: boolean | undefined
  readonly "accept-communications"?: boolean | undefined
  readonly acceptPrivacy?: boolean | undefined
  readonly acceptCommunications?: boolean | undefined
}

/** Fields of a user as they are sent: those given change, the others stay, and `null` clears one of one's own. */
export type DataUpdate<F> = Consents & { readonly name?: string | undefined } & {
  readonly [Slug in keyof F]?: F[Slug] | null | undefined
}

/**
 * An update of a user, of either era. Beside what stands here there may be the read-only properties of the user who is sent
 * back, which an object that is not written at the call may have.
 */
export type UserUpdate<F = OpenFields> =
  IsOpen<F> extends true
    ? OpenUpdate
    : {
        readonly accessGroups?: ReadonlyArray<string | Membership> | undefined
        readonly data?: DataUpdate<F> | { readonly data: DataUpdate<F> } | undefined
      }

/** A change to one user among many: who, by id or e-mail address, and what. */
export type UserChange<F = OpenFields> =
  IsOpen<F> extends true
    ? Change.UserChange
    : Pick<Change.UserChange, "id" | "email" | "addGroups" | "removeGroups"> & UserUpdate<F>

/** A user whose custom fields are known. */
export type UserWith<Data> = Omit<Profile, "data"> & {
  readonly id: UserId
  readonly data: {
    readonly name?: string | null
    readonly email?: string | null
    readonly "accept-privacy"?: boolean | null
    readonly "accept-communications"?: boolean | null
  } & Data
}

/** A user of a site with these custom fields. Each may be missing; nothing but a schema would see that it has another type. */
export type UserOf<F> = IsOpen<F> extends true ? OpenUser : UserWith<{ readonly [Slug in keyof F]?: F[Slug] | null }>

/** A part of a list of users. */
export type UserPage<U = OpenUser> = Omit<OpenPage, "users"> & { readonly users: ReadonlyArray<U> }
