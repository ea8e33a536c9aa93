/**
 * A user as JSON. Recorded responses carry `data` flat; the specification documents it as `data.data`. Both are read;
 * flat is written unless asked otherwise.
 */
import { Predicate, Schema } from "effect"
import { AccessGroupPage, OptionValue, User, UserPage } from "../User.ts"

/** How `data` is written: as recorded, or as documented. */
export type DataNesting = "flat" | "documented"

/** A user, or a list of users, for a response. */
export const encodeUser = (user: User, nesting: DataNesting = "flat"): unknown =>
  nesting === "flat" ? user : { ...user, data: { data: user.data } }

const isOptionValue = Schema.is(OptionValue)

/** What a server sent for a user, brought to the one form: `data` flat, lists present. Not yet checked. */
export const normalizeUser = (json: unknown): unknown => {
  if (!Predicate.isObject(json) || Array.isArray(json)) return json
  const { data, accessGroups, ...rest } = json as Record<string, unknown>
  return { ...rest, accessGroups: accessGroups ?? [], data: flat(data ?? {}) }
}

const flat = (data: unknown): unknown => {
  if (!Predicate.isObject(data)) return data
  const { data: nested, ...rest } = data as Record<string, unknown>
  return Predicate.isObject(nested) && !Array.isArray(nested) && !isOptionValue(nested) ? { ...rest, ...nested } : data
}

const decode = Schema.decodeUnknownEffect(User)
const decodePage = Schema.decodeUnknownEffect(UserPage)

/** Reads one user of either nesting, any absence, any extra property. */
export const decodeUser = (json: unknown) => decode(normalizeUser(json))

/** Reads a page of users. */
export const decodeUserPage = (json: unknown) =>
  decodePage(
    Predicate.isObject(json) && "users" in json && Array.isArray(json.users)
      ? { ...json, users: json.users.map(normalizeUser) }
      : json,
  )

/** Reads a page of access groups. */
export const decodeAccessGroupPage = Schema.decodeUnknownEffect(AccessGroupPage)
