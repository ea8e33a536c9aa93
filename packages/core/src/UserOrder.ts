/**
 * The orders lists of users and of access groups come in. One set of sort keys serves every store: a database keeps them in columns.
 */
import type { AccessGroup, AccessGroupSort, User, UserSort } from "./User.ts"

/** What users are ordered by, as text that sorts: timestamps in one spelling, e-mail in lower case, absence first. */
export interface SortKeys {
  readonly createdOn: string
  readonly email: string
  readonly status: string
  readonly lastLogin: string
  readonly updatedOn: string
}

export const sortKeys = (user: User): SortKeys => ({
  createdOn: moment(user.createdOn),
  email: emailKey(user.data.email),
  status: user.status ?? "",
  lastLogin: moment(user.lastLogin),
  updatedOn: moment(user.lastUpdated),
})

/**
 * The form in which e-mail addresses are compared: one site has one user an address, whatever the letter case. What another
 * server gives for an address may be no text, and then is none.
 */
export const emailKey = (email: unknown): string => (typeof email === "string" ? email.trim().toLowerCase() : "")

const keyOf = {
  CreatedOn: "createdOn",
  Email: "email",
  Status: "status",
  LastLogin: "lastLogin",
  UpdatedOn: "updatedOn",
} as const satisfies Record<string, keyof SortKeys>

/**
 * The key a sort order goes by, and whether it is reversed. Users with equal keys follow each other by id, and that is reversed too
 * [ours]: one index then serves both, from either end.
 */
export const direction = (
  sort: UserSort = "CreatedOn",
): { readonly key: keyof SortKeys; readonly descending: boolean } => {
  const descending = sort.startsWith("-")
  return { key: keyOf[(descending ? sort.slice(1) : sort) as keyof typeof keyOf], descending }
}

/**
 * The key a list of access groups goes by, and whether it is reversed. The specification has no order for who asks for none:
 * then it is the slug [ours]. Groups with equal keys follow each other by slug, of which a site has no two alike.
 */
export const groupDirection = (
  sort: AccessGroupSort | undefined,
): { readonly key: keyof AccessGroup & ("slug" | "createdOn"); readonly descending: boolean } => ({
  key: sort === undefined ? "slug" : "createdOn",
  descending: sort === "-CreatedOn",
})

const moment = (timestamp: string | null | undefined): string => {
  const at = timestamp == null ? Number.NaN : Date.parse(timestamp)
  return Number.isNaN(at) ? "" : new Date(at).toISOString()
}
