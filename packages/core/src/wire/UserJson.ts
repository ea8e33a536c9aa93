/**
 * A user as JSON. Recorded responses carry `data` flat; the specification documents it as `data.data`. Both are read;
 * flat is written unless asked otherwise.
 */
import { Predicate } from "effect"
import type { AccessGroupPage, User, UserPage } from "../User.ts"
import { isAccessGroupPage, isReadableUser, isUserPage } from "../UserShape.ts"
import { nestedData } from "./UpdateUserBody.ts"
import { fromV1Names, hasV1Names } from "./V1.ts"

/** How `data` is written: as recorded, or as documented. */
export const dataNestings = ["flat", "documented"] as const
/** One of them. */
export type DataNesting = (typeof dataNestings)[number]

/** A user, or a list of users, for a response. */
export const encodeUser = (user: User, nesting: DataNesting = "flat"): unknown =>
  nesting === "flat" ? user : { ...user, data: { data: user.data } }

/** What a server sent for a user, of any version, brought to the one form: `data` flat, lists present. Not yet checked. */
export const normalizeUser = (json: unknown): unknown => {
  if (!Predicate.isObject(json) || isNormal(json)) return json
  const { data, accessGroups, ...rest } = json
  return { ...fromV1Names(rest), accessGroups: accessGroups ?? [], data: flat(data ?? {}) }
}

/** Whether it is in that form as it came, and in the order in which it would be made: most are, and need not be made anew. */
const isNormal = (json: Record<string, unknown>): boolean => {
  const keys = Object.keys(json)
  const { data, accessGroups } = json
  return (
    keys.at(-1) === "data" &&
    keys.at(-2) === "accessGroups" &&
    accessGroups != null &&
    Predicate.isObject(data) &&
    nestedData(data) === undefined &&
    !hasV1Names(json)
  )
}

const flat = (data: unknown): unknown => {
  const nested = Predicate.isObject(data) ? nestedData(data) : undefined
  if (!Predicate.isObject(data) || nested === undefined) return data
  const { data: _, ...rest } = data
  return { ...rest, ...nested }
}

/**
 * Reads one user of either nesting, any absence, any extra property; `undefined` where it is none. What a server says beyond the
 * contract is kept as it came: see `isReadableUser`.
 */
export const readUser = (json: unknown): User | undefined => {
  const user = sentUser(json)
  return isReadableUser(user) ? user : undefined
}

/** A membership that does not say how it came about is one that an update gives and takes [ours]. */
const sentUser = (json: unknown): unknown => {
  const user = normalizeUser(json)
  if (!Predicate.isObject(user) || !Array.isArray(user["accessGroups"])) return user
  const groups: ReadonlyArray<unknown> = user["accessGroups"]
  if (!groups.some(isUntyped)) return user
  return { ...user, accessGroups: groups.map((group) => (isUntyped(group) ? { ...group, type: "admin" } : group)) }
}

const isUntyped = (group: unknown): group is Record<string, unknown> =>
  Predicate.isObject(group) && group["type"] == null

/** Which part of a list was asked for, where that is known. */
export interface Asked {
  readonly offset?: number | undefined
  readonly limit?: number | undefined
}

/** Reads a page of users; `undefined` where it is none. */
export const readUserPage = (json: unknown, asked?: Asked): UserPage | undefined => {
  const page = normalizePage(json, "users", sentUser, asked)
  return isUserPage(page) ? page : undefined
}

/** Reads a page of access groups; `undefined` where it is none. */
export const readAccessGroupPage = (json: unknown, asked?: Asked): AccessGroupPage | undefined => {
  const page = normalizePage(json, "accessGroups", (group) => group, asked)
  return isAccessGroupPage(page) ? page : undefined
}

/**
 * A page that does not say which part it is, is the part that was asked for. Where it does not say how much there is, a full one
 * is not taken for the last: one more is asked for, and comes empty where there are no more.
 */
const normalizePage = (
  json: unknown,
  key: "users" | "accessGroups",
  entry: (json: unknown) => unknown,
  asked: Asked = {},
): unknown => {
  if (!Predicate.isObject(json) || !Array.isArray(json[key])) return json
  const entries: ReadonlyArray<unknown> = json[key].map(entry)
  const count = numberOf(json["count"]) ?? entries.length
  const offset = numberOf(json["offset"]) ?? asked.offset ?? 0
  const limit = numberOf(json["limit"]) ?? asked.limit
  const more = limit !== undefined && entries.length >= Math.max(1, limit) ? 1 : 0
  const total = numberOf(json["total"]) ?? offset + entries.length + more
  return { ...json, [key]: entries, count, limit: limit ?? count, offset, total }
}

const numberOf = (value: unknown): number | undefined =>
  Predicate.isNumber(value) && Number.isSafeInteger(value) ? value : undefined
