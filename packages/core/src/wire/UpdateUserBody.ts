/**
 * The body of `PATCH …/users/{user_id}`, of both eras, mixed too:
 *
 * - slug era (2024-03 to 2025-07): `accessGroups` a list of slugs, `data` flat;
 * - object era (2025-07 on): `accessGroups` a list of `{slug, type}`, `data` nested as `data.data` or flat, and the
 *   read-only properties of the whole User sent back.
 *
 * Decoding collects every problem, so that one answer names them all.
 */
import { Equal, Predicate, Result, Schema } from "effect"
import { type Detail, InvalidPatch } from "../UpdateUserError.ts"
import { type CustomValue, Membership, OptionValue } from "../User.ts"
import type { Echo, SetGroups, UserPatch } from "../UserPatch.ts"

/** The longest string a field takes, in UTF-16 code units, as recorded from Webflow. */
export const maxStringLength = 256

/** The most fields a user may have, and the most groups a user may be in [ours]: far beyond what Webflow allowed. */
export const maxFields = 200
export const maxGroups = 200

/** The most problems that one answer names [ours]. */
const maxProblems = 50

/** What a caller may send, of either era; see the head of this file. Read-only properties may stand beside these. */
export interface UserUpdate {
  readonly accessGroups?: ReadonlyArray<string | Membership>
  readonly data?: Readonly<Record<string, CustomValue>> | { readonly data: Readonly<Record<string, CustomValue>> }
}

interface Parts {
  readonly data: Readonly<Record<string, CustomValue>>
  readonly groups: SetGroups | undefined
  readonly echoes: ReadonlyMap<string, Echo>
}

const readOnlyProperties = ["id", "isEmailVerified", "lastUpdated", "invitedOn", "createdOn", "lastLogin", "status"]
const consents = new Set(["accept-privacy", "accept-communications"])
const reservedKeys = new Set(["__proto__", "constructor", "prototype"])

const isMembership = Schema.is(Membership)
const isOptionValue = Schema.is(OptionValue)

/** Reads a body of either era. Every property is optional; `{}` changes nothing and is valid. */
export const decodeBody = (body: unknown): Result.Result<Parts, InvalidPatch> => {
  if (!Predicate.isObject(body)) {
    return Result.fail(new InvalidPatch({ details: [{ param: "body", description: "must be a JSON object" }] }))
  }
  const problems: Array<Detail> = []
  const refuse = (param: string, description: string): undefined => {
    if (problems.length < maxProblems) problems.push({ param, description })
  }
  const echoes = new Map<string, Echo>()
  let groups: SetGroups | undefined
  let data: Record<string, CustomValue> = {}

  for (const [key, value] of Object.entries(body)) {
    if (value === undefined) continue
    if (key === "data") data = decodeData(value, echoes, refuse)
    else if (key === "accessGroups") groups = decodeGroups(value, refuse)
    else if (readOnlyProperties.includes(key)) {
      echoes.set(key, { value, refusal: "is read-only and differs from what is stored; leave it out" })
    } else if (key === "email" || key === "password") refuse(key, "cannot be updated")
    else refuse(shown(key), "is not a property of a user; custom fields belong into data")
  }
  return problems.length > 0
    ? Result.fail(new InvalidPatch({ details: problems }))
    : Result.succeed({ data, groups, echoes })
}

/** The body that asks another server for a change, in the object era's form. `groups` are the patch's, made complete. */
export const encodeBody = (patch: UserPatch, groups: SetGroups | undefined): Record<string, unknown> => {
  const body: Record<string, unknown> = {}
  const data: Record<string, unknown> = { ...patch.data }
  for (const [param, { value }] of patch.echoes) {
    if (param.startsWith("data.")) data[param.slice("data.".length)] = value
    else body[param] = value
  }
  if (Object.keys(data).length > 0) body["data"] = data
  if (groups !== undefined) {
    body["accessGroups"] = [
      ...groups.admin.map((slug) => ({ slug, type: "admin" })),
      ...groups.ecommerce.map((slug) => ({ slug, type: "ecommerce" })),
    ]
  }
  return body
}

type Refuse = (param: string, description: string) => undefined

const decodeData = (value: unknown, echoes: Map<string, Echo>, refuse: Refuse): Record<string, CustomValue> => {
  const data: Record<string, CustomValue> = {}
  if (!Predicate.isObject(value)) {
    refuse("data", "must be an object")
    return data
  }
  const nested = nestedData(value)
  const outer = Object.entries(value)
  const entries = nested === undefined ? outer : [...outer.filter(([key]) => key !== "data"), ...Object.entries(nested)]
  if (entries.length > maxFields) {
    refuse("data", `must have at most ${maxFields} fields`)
    return data
  }
  const given = new Map<string, unknown>()
  for (const [key, field] of entries) {
    if (field === undefined) continue
    const param = `data.${shown(key)}`
    if (given.has(key) && !Equal.equals(given.get(key), field)) refuse(param, "is given twice, with different values")
    else if (key === "password") refuse(param, "cannot be updated")
    else if (key === "email") echoes.set(param, { value: field, refusal: "cannot be updated" })
    else if (field === null && (key === "name" || consents.has(key))) {
      echoes.set(param, { value: null, refusal: "cannot be cleared" })
    } else {
      const problem = keyProblem(key) ?? valueProblem(key, field)
      if (problem !== undefined) refuse(param, problem)
      else data[key] = field as CustomValue
    }
    given.set(key, field)
  }
  return data
}

const decodeGroups = (value: unknown, refuse: Refuse): SetGroups | undefined => {
  if (!Array.isArray(value)) return refuse("accessGroups", "must be a list of slugs or of {slug, type}")
  if (value.length > maxGroups) return refuse("accessGroups", `must be at most ${maxGroups}`)
  const admin = new Set<string>()
  const ecommerce = new Set<string>()
  value.forEach((entry: unknown, index) => {
    const param = `accessGroups[${index}]`
    const group = Predicate.isString(entry) ? { slug: entry, type: "admin" as const } : entry
    if (!isMembership(group)) return refuse(param, "must be a slug or {slug, type} with type admin or ecommerce")
    const problem = slugProblem(group.slug)
    if (problem !== undefined) return refuse(param, problem)
    ;(group.type === "admin" ? admin : ecommerce).add(group.slug)
  })
  return { _tag: "SetGroups", admin: [...admin], ecommerce: [...ecommerce] }
}

/** The `data` within `data` of the object era; a custom field of that name holds anything but an object of fields. */
export const nestedData = (data: Readonly<Record<string, unknown>>): Record<string, unknown> | undefined => {
  const nested = data["data"]
  return Predicate.isObject(nested) && !isOptionValue(nested) ? nested : undefined
}

/** Names of every JavaScript object's own parts: no honest field is called so. */
export const isReservedKey = (key: string): boolean => reservedKeys.has(key)

/** What is wrong with an access group's slug, if anything. */
export const slugProblem = (slug: string): string | undefined =>
  slug.trim() === "" ? "must not be empty" : textProblem(slug)

const keyProblem = (key: string): string | undefined => {
  if (key.trim() === "") return "a field needs a name"
  if (isReservedKey(key)) return "is not a name for a field"
  return textProblem(key)
}

const valueProblem = (key: string, value: unknown): string | undefined => {
  if (key === "name" && !Predicate.isString(value)) return "must be a string"
  if (consents.has(key)) return Predicate.isBoolean(value) ? undefined : "must be true or false"
  if (Predicate.isString(value)) return textProblem(value)
  if (value === null || Predicate.isBoolean(value)) return undefined
  if (Predicate.isNumber(value)) return Number.isFinite(value) ? undefined : "must be a finite number"
  if (isOptionValue(value)) {
    if (Object.keys(value).length > 3) return "an option has id, name and slug, and nothing else"
    return textProblem(value.id) ?? textProblem(value.name) ?? textProblem(value.slug)
  }
  return "must be a string, true or false, a number, null, or an option {id, name, slug}"
}

const textProblem = (text: string): string | undefined => {
  if (text.length > maxStringLength) return `must be at most ${maxStringLength} characters long`
  if (text.includes("\0")) return "must not contain a NUL character"
  if (!text.isWellFormed()) return "must be valid Unicode, without lone surrogates"
  return undefined
}

/** A key as an answer may repeat it: short, and free of what JSON or a log could not carry. */
const shown = (key: string): string => {
  const text = key.toWellFormed().replaceAll(/\p{Cc}/gu, "\u{FFFD}")
  return text.length > 64 ? `${text.slice(0, 64).toWellFormed()}…` : text
}
