/**
 * The body of `PATCH …/users/{user_id}`, of both eras, mixed too:
 *
 * - slug era (2024-03 to 2025-07): `accessGroups` a list of slugs, `data` flat;
 * - object era (2025-07 on): `accessGroups` a list of `{slug, type}`, `data` nested as `data.data` or flat, and the
 *   read-only properties of the whole User sent back.
 *
 * Decoding never fails: what stands against a body is collected with what it asks for, so that one answer can name all
 * of it, together with what only the user and the site can tell.
 */
import { Equal, Predicate } from "effect"
import type { UpdatePolicy } from "../UpdatePolicy.ts"
import { type CustomValue, type Membership, readOnlyProperties } from "../User.ts"
import { isJson, isMembership, isOptionValue } from "../UserShape.ts"
import type { Echo, Objection, SetGroups, UserPatch } from "../UserPatch.ts"

/** The longest string a field takes, in UTF-16 code units, as recorded from Webflow. */
export const maxStringLength = 256

/** The most fields a user may have [ours]: far beyond what Webflow allowed. */
export const maxFields = 200
/** The most groups a user may be in [ours]: as far beyond it. */
export const maxGroups = 200

/** The most properties that may stand beside each other in a body [ours]. */
const maxProperties = 200

/**
 * What a caller may send: groups as slugs or as `{slug, type}`, `data` flat or as `data.data`, mixed too. Read-only properties may
 * stand beside these, as they do in a user that is sent back.
 */
export interface UserUpdate {
  readonly accessGroups?: ReadonlyArray<string | Membership> | undefined
  readonly data?: FieldsUpdate | { readonly data: FieldsUpdate } | undefined
}

/** Fields to set, by their keys; one that is `undefined` is not given. */
type FieldsUpdate = Readonly<Record<string, CustomValue | undefined>>

interface Parts {
  readonly data: Readonly<Record<string, CustomValue>>
  readonly groups: SetGroups | undefined
  readonly objections: ReadonlyArray<Objection>
}

const consents = new Set(["accept-privacy", "accept-communications"])
const builtInFields = new Set(["name", "email", "password", ...consents])
const reservedKeys = new Set(["__proto__", "constructor", "prototype"])

/** Reads a body of either era. Every property is optional; `{}` changes nothing and is valid. */
export const decodeBody = (body: unknown, emailAndPassword: UpdatePolicy["emailAndPassword"] = "refuse"): Parts => {
  const objections: Array<Objection> = []
  const refuse: Refuse = (param, description, unless) =>
    void objections.push({ param, description, ...(unless !== undefined && { unless }) })
  let groups: SetGroups | undefined
  let data: Record<string, CustomValue> = {}

  const properties = Predicate.isObject(body) ? Object.entries(body) : undefined
  if (properties === undefined) refuse("body", "must be a JSON object")
  else if (properties.length > maxProperties) refuse("body", `must have at most ${maxProperties} properties`)
  else {
    for (const [key, value] of properties) {
      if (value === undefined) continue
      if (key === "data") data = decodeData(value, emailAndPassword, refuse)
      else if (key === "accessGroups") groups = decodeGroups(value, refuse)
      else if (key === "password" || key === "email") {
        if (emailAndPassword === "refuse")
          refuse(key, "cannot be updated", key === "email" ? dataEcho(key, value) : undefined)
      } else if (isReservedKey(key)) refuse(key, notAProperty)
      else {
        const isReadOnly = isReadOnlyProperty(key)
        refuse(
          shown(key),
          isReadOnly ? "is read-only and differs from what is stored; leave it out" : notAProperty,
          isJson(value) ? { in: "user", key, value } : undefined,
        )
      }
    }
  }
  return { data, groups, objections }
}

const notAProperty = "is not a property of a user; custom fields belong into data"

/** The body that asks another server for a change, in the object era's form. `groups` are the patch's, made complete. */
export const encodeBody = (patch: UserPatch, groups: SetGroups | undefined): Record<string, unknown> => {
  const body: Record<string, unknown> = {}
  const data: Record<string, unknown> = { ...patch.data }
  // Whether these equal what is stored is that server's to see.
  for (const { unless } of patch.objections) {
    if (unless !== undefined) (unless.in === "data" ? data : body)[unless.key] = unless.value
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

/** Says what is wrong; with `unless`, only where the user has not that value already. */
type Refuse = (param: string, description: string, unless?: Echo) => void

const dataEcho = (key: string, value: unknown): Echo | undefined =>
  isJson(value) ? { in: "data", key, value } : undefined

const decodeData = (
  value: unknown,
  emailAndPassword: UpdatePolicy["emailAndPassword"],
  refuse: Refuse,
): Record<string, CustomValue> => {
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
  // A field can be given twice only where there are two places for it.
  const given = nested === undefined ? undefined : new Map<string, unknown>()
  const refuseField = (key: string, description: string, unless?: Echo) =>
    refuse(`data.${shown(key)}`, description, unless)
  for (const [key, field] of entries) {
    if (field === undefined) continue
    const nameProblem = fieldNameProblem(key)
    if (given?.has(key) === true && !Equal.equals(given.get(key), field))
      refuseField(key, "is given twice, with different values")
    else if (key === "password" || key === "email") {
      if (emailAndPassword === "refuse")
        refuseField(key, "cannot be updated", key === "email" ? dataEcho(key, field) : undefined)
    } else if (nameProblem !== undefined) refuseField(key, nameProblem)
    else {
      const problem = valueProblem(key, field)
      // What an import took in and an update would not may come back as it is.
      if (problem !== undefined) refuseField(key, problem, dataEcho(key, field))
      else data[key] = field as CustomValue
    }
    given?.set(key, field)
  }
  return data
}

const decodeGroups = (value: unknown, refuse: Refuse): SetGroups | undefined => {
  if (!Array.isArray(value)) return void refuse("accessGroups", "must be a list of slugs or of {slug, type}")
  if (value.length > maxGroups) return void refuse("accessGroups", `must be at most ${maxGroups}`)
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
const isReservedKey = (key: string): boolean => reservedKeys.has(key)

/** What is wrong with an access group's slug, if anything. */
export const slugProblem = (slug: string): string | undefined =>
  slug.trim() === "" ? "must not be empty" : textProblem(slug)

/** Whether a property of the user is one that a server sets. */
export const isReadOnlyProperty = (key: string): boolean => readOnlyProperties.has(key)

/** Whether a field says what the user accepts. */
export const isConsent = (key: string): boolean => consents.has(key)

/** Whether a field is one that every user has, or that none may have. */
export const isBuiltInField = (key: string): boolean => builtInFields.has(key)

/** What is wrong with the name of a field, if anything. */
export const fieldNameProblem = (key: string): string | undefined => {
  if (key.trim() === "") return "a field needs a name"
  if (isReservedKey(key)) return "is not a name for a field"
  return textProblem(key)
}

const valueProblem = (key: string, value: unknown): string | undefined => {
  if (value === null && (key === "name" || consents.has(key))) return "cannot be cleared"
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
export const shown = (key: string): string => {
  const text = key.toWellFormed().replaceAll(/\p{Cc}/gu, "\u{FFFD}")
  return text.length > 64 ? `${text.slice(0, 64).toWellFormed()}…` : text
}
