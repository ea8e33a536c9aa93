/**
 * Answers in the form that 3.1 gives them: as they came, but for moments, the names of the two consents, and `null`, which in a
 * documented property is nothing. Whether they are answers of the contract at all, core has seen before.
 */
import { Predicate } from "effect"
import { wireNames } from "../consents.ts"
import type * as Webflow from "./Webflow.ts"

type Read = (json: unknown) => unknown

const asItCame: Read = (json) => json

/** A moment that is none stays what it was, as it does in 3.1. */
const moment: Read = (value) => {
  if (!Predicate.isString(value) || !/^\d{4}-/.test(value)) return value
  const read = new Date(value)
  return Number.isNaN(read.getTime()) ? value : read
}

const listOf =
  (entry: Read): Read =>
  (json) =>
    Array.isArray(json) ? json.map(entry) : json

/** What is no object where one is documented comes as it came. `names` are those of 3.1, by the wire's. */
const objectOf = (documented: Readonly<Record<string, Read>>, names?: ReadonlyMap<string, string>): Read => {
  const known = new Map(Object.entries(documented))
  const property = ([key, value]: [string, unknown]): [string, unknown] => {
    const read = known.get(key)
    if (read === undefined) return [key, value]
    return [names?.get(key) ?? key, value === null ? undefined : read(value)]
  }
  return (json) => (Predicate.isObject(json) ? Object.fromEntries(Object.entries(json).map(property)) : json)
}

const consents = new Map(Object.entries(wireNames).map(([name, wireName]) => [wireName, name]))

const fields = {
  name: asItCame,
  email: asItCame,
  "accept-privacy": asItCame,
  "accept-communications": asItCame,
  additionalProperties: asItCame,
}

const user = objectOf({
  id: asItCame,
  isEmailVerified: asItCame,
  lastUpdated: moment,
  invitedOn: moment,
  createdOn: moment,
  lastLogin: moment,
  status: asItCame,
  accessGroups: listOf(objectOf({ slug: asItCame, type: asItCame })),
  // Nested as the server nested them: 3.1 knows the fields within `data.data`, and leaves those of `data` alone.
  data: objectOf({ data: objectOf(fields, consents) }),
})

const page = { count: asItCame, limit: asItCame, offset: asItCame, total: asItCame }
const users = objectOf({ ...page, users: listOf(user) })
const group = objectOf({ id: asItCame, name: asItCame, shortId: asItCame, slug: asItCame, createdOn: moment })
const accessGroups = objectOf({ ...page, accessGroups: listOf(group) })

/** A user. */
export const readUser = (json: unknown) => user(json) as Webflow.User

/** A part of a list of users. */
export const readUsers = (json: unknown) => users(json) as Webflow.UserList

/** A part of a list of access groups. */
export const readAccessGroups = (json: unknown) => accessGroups(json) as Webflow.AccessGroupList

const error = objectOf({ code: asItCame, message: asItCame, externalReference: asItCame, details: asItCame })

/** The body of an error. */
export const readError = (json: unknown): unknown => error(json)
