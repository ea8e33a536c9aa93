/** Answers in the form that 3.1 gives them. */
import type { AccessGroupPage, User, UserPage } from "@webflow-users/core"
import type { UserJson } from "@webflow-users/core/wire"
import { Predicate } from "effect"
import type * as Webflow from "./Webflow.ts"

/** The consents, by their names on the wire. */
const typedNames: Readonly<Record<string, string>> = {
  "accept-privacy": "acceptPrivacy",
  "accept-communications": "acceptCommunications",
}

const moments = new Set(["lastUpdated", "invitedOn", "createdOn", "lastLogin"])
const nullable = new Set([...moments, "isEmailVerified", "status"])

/** A moment that is none stays what it was, as it does in 3.1. */
const date = (value: unknown): unknown => {
  if (!Predicate.isString(value) || !/^\d{4}-/.test(value)) return value
  const read = new Date(value)
  return Number.isNaN(read.getTime()) ? value : read
}

/** The value of a property of a user. In a documented one, `null` is nothing. */
const property = (key: string, value: unknown): unknown => {
  if (value === null && nullable.has(key)) return undefined
  return moments.has(key) ? date(value) : value
}

const typed = (data: User["data"]) =>
  Object.fromEntries(Object.entries(data).map(([key, value]) => [typedNames[key] ?? key, value]))

/** A user, with its fields nested as the server nested them. */
export const readUser = ({ data, ...user }: User, nesting: UserJson.DataNesting): Webflow.User => ({
  ...Object.fromEntries(Object.entries(user).map(([key, value]) => [key, property(key, value)])),
  // The types know one nesting, and servers the other.
  data: (nesting === "flat" ? data : { data: typed(data) }) as Webflow.UserData,
})

/** A part of a list of users. */
export const readUsers = (page: UserPage, nesting: UserJson.DataNesting): Webflow.UserList => ({
  ...page,
  users: page.users.map((user) => readUser(user, nesting)),
})

/** A part of a list of access groups. */
export const readAccessGroups = (page: AccessGroupPage): Webflow.AccessGroupList => ({
  ...page,
  accessGroups: page.accessGroups.map((group) => ({ ...group, createdOn: date(group.createdOn) as Date })),
})
