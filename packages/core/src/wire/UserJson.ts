/**
 * A user as JSON. Recorded responses carry `data` flat; the specification documents it as `data.data`. Both are read;
 * flat is written unless asked otherwise.
 */
import { Predicate } from "effect"
import type { AccessGroupPage, User, UserPage } from "../User.ts"
import { isAccessGroupPage, isUser, isUserPage } from "../UserShape.ts"
import { nestedData } from "./UpdateUserBody.ts"
import { fromV1Names } from "./V1.ts"

/** How `data` is written: as recorded, or as documented. */
export const dataNestings = ["flat", "documented"] as const
/** One of them. */
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

/** Reads one user of either nesting, any absence, any extra property; `undefined` where it is none. */
export const readUser = (json: unknown): User | undefined => {
  const user = normalizeUser(json)
  return isUser(user) ? user : undefined
}

/** Reads a page of users; `undefined` where it is none. */
export const readUserPage = (json: unknown): UserPage | undefined => {
  const page =
    Predicate.isObject(json) && Array.isArray(json["users"])
      ? { ...json, users: json["users"].map(normalizeUser) }
      : json
  return isUserPage(page) ? page : undefined
}

/** Reads a page of access groups; `undefined` where it is none. */
export const readAccessGroupPage = (json: unknown): AccessGroupPage | undefined =>
  isAccessGroupPage(json) ? json : undefined
