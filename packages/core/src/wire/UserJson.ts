/**
 * A user as JSON. Recorded responses carry `data` flat; the specification documents it as `data.data`. Both are read;
 * flat is written unless asked otherwise.
 */
import { Predicate, Schema } from "effect"
import { AccessGroupPage, User, UserPage } from "../User.ts"
import { nestedData } from "./UpdateUserBody.ts"
import { fromV1Names } from "./V1.ts"

/** How `data` is written: as recorded, or as documented. */
export const dataNestings = ["flat", "documented"] as const
export type DataNesting = (typeof dataNestings)[number]

/** A user, or a list of users, for a response. */
export const encodeUser = (user: User, nesting: DataNesting = "flat"): unknown =>
  nesting === "flat" ? user : { ...user, data: { data: user.data } }

/** What a server sent for a user, of any version, brought to the one form: `data` flat, lists present. Not yet checked. */
export const normalizeUser = (json: unknown): unknown => {
  if (!Predicate.isObject(json)) return json
  const { data, accessGroups, ...rest } = json
  return { ...fromV1Names(rest), accessGroups: accessGroups ?? [], data: flat(data ?? {}) }
}

const flat = (data: unknown): unknown => {
  const nested = Predicate.isObject(data) ? nestedData(data) : undefined
  if (!Predicate.isObject(data) || nested === undefined) return data
  const { data: _, ...rest } = data
  return { ...rest, ...nested }
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
