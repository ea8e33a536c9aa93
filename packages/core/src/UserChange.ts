/**
 * A change to one user among many, as a person or a program writes it down: who, and what. Pure: from JSON, or from a row of
 * a table (`ChangeTable.ts`), to the patch that a user is given.
 */
import { Predicate, Result } from "effect"
import { yesOrNo } from "./ImportFile.ts"
import type { Field, SiteDeclaration } from "./SiteDeclaration.ts"
import * as UpdatePolicy from "./UpdatePolicy.ts"
import type { Detail } from "./UpdateUserError.ts"
import { isEmailAddress, parseUserId, type User, type UserId } from "./User.ts"
import { isOptionValue } from "./UserShape.ts"
import { UserPatch } from "./UserPatch.ts"
import { isConsent, shown, slugProblem, type UserUpdate } from "./wire/UpdateUserBody.ts"

/** Who is to be changed, and how. One of `id` and `email` says who; with both, the address has to be the user's. */
export interface UserChange extends UserUpdate {
  readonly id?: string
  readonly email?: string
  /** Access groups to join, beside those that the user has. */
  readonly addGroups?: ReadonlyArray<string>
  /** Access groups to leave. */
  readonly removeGroups?: ReadonlyArray<string>
}

/** How a change names its user. */
export type Who = { readonly id: UserId } | { readonly email: string }

const properties = new Set(["id", "email", "data", "accessGroups", "addGroups", "removeGroups"])

/** Reads a change from JSON, such as a line of a file. `error` is what a list of failures says beside it, and no part of it. */
export const fromJson = (json: unknown): Result.Result<UserChange, ReadonlyArray<Detail>> => {
  if (!Predicate.isObject(json)) return Result.fail([{ param: "change", description: "must be a JSON object" }])
  const { error: _, ...change } = json as Readonly<Record<string, unknown>>
  const problems: Array<Detail> = []
  for (const key of Object.keys(change)) {
    if (!properties.has(key)) {
      problems.push({ param: shown(key), description: `is not part of a change: it has ${[...properties].join(", ")}` })
    }
  }
  for (const key of ["id", "email"] as const) {
    if (change[key] !== undefined && !Predicate.isString(change[key])) {
      problems.push({ param: key, description: "must be text" })
    }
  }
  for (const key of ["addGroups", "removeGroups"] as const) {
    const groups = change[key]
    if (groups !== undefined && !(Array.isArray(groups) && groups.every(Predicate.isString))) {
      problems.push({ param: key, description: "must be a list of slugs" })
    }
  }
  return problems.length > 0 ? Result.fail(problems) : checked(change as UserChange)
}

/** A change that names its user, and does not contradict itself. */
export const checked = (change: UserChange): Result.Result<UserChange, ReadonlyArray<Detail>> => {
  const problems: Array<Detail> = []
  const { id, email, accessGroups, addGroups = [], removeGroups = [] } = change
  if (id === undefined && email === undefined) {
    problems.push({ param: "id", description: "nothing says which user: an id or an e-mail address has to" })
  }
  if (id !== undefined && parseUserId(id) === undefined) {
    problems.push({ param: "id", description: "must be 24 hexadecimal characters" })
  }
  if (email !== undefined && !isEmailAddress(email)) {
    problems.push({ param: "email", description: "must be an e-mail address" })
  }
  if (accessGroups !== undefined && addGroups.length + removeGroups.length > 0) {
    problems.push({
      param: "accessGroups",
      description: "says what the groups are, so none can be added or removed beside it",
    })
  }
  for (const [param, slugs] of [
    ["addGroups", addGroups],
    ["removeGroups", removeGroups],
  ] as const) {
    for (const slug of slugs) {
      const problem = slugProblem(slug)
      if (problem !== undefined) problems.push({ param, description: problem })
    }
  }
  const both = addGroups.find((slug) => removeGroups.includes(slug))
  if (both !== undefined) problems.push({ param: "removeGroups", description: `${shown(both)} is to be added, too` })
  return problems.length > 0 ? Result.fail(problems) : Result.succeed(change)
}

/** Whom a change is about. */
export const who = ({ id, email }: UserChange): Who => {
  const userId = id === undefined ? undefined : parseUserId(id)
  return userId === undefined ? { email: email ?? "" } : { id: userId }
}

/** What the change is to the user, with what stands against it. */
export const patchOf = (change: UserChange, policy: UpdatePolicy.UpdatePolicy = UpdatePolicy.standard): UserPatch => {
  const { id, email, data, accessGroups, addGroups = [], removeGroups = [] } = change
  const asked = UserPatch.from(
    { ...(data !== undefined && { data }), ...(accessGroups !== undefined && { accessGroups }) },
    policy,
  )
  const objections =
    id === undefined || email === undefined
      ? asked.objections
      : [...asked.objections, { ...notTheirs, unless: { in: "data" as const, key: "email", value: email } }]
  const edits = { _tag: "EditGroups", add: addGroups, remove: removeGroups } as const
  const groups = addGroups.length + removeGroups.length === 0 ? asked.groups : edits
  return new UserPatch({ data: asked.data, groups, objections })
}

/** What stands against a patch, told of the change: what are groups there is here what the groups are, or who joins or leaves. */
export const problemsOf = (
  { accessGroups, addGroups = [], removeGroups = [] }: UserChange,
  details: ReadonlyArray<Detail>,
): ReadonlyArray<Detail> => {
  if (accessGroups !== undefined) return details
  const isAboutLeaving = (description: string) =>
    addGroups.length === 0 || removeGroups.some((slug) => description.startsWith(`${shown(slug)}: `))
  return details.map(({ param, description }) => ({
    param: param !== "accessGroups" ? param : isAboutLeaving(description) ? "removeGroups" : "addGroups",
    description,
  }))
}

const notTheirs = { param: "email", description: "is not the address of the user with this id, and cannot be updated" }

/**
 * A change from a table, whose values are all text, with the values that they stand for: of the type that the site declares
 * for the field, or else of what the user has there now; and where nothing tells, `true` and `false` are no text.
 */
export const withTypes = (change: UserChange, user: User, declaration: SiteDeclaration): UserChange => {
  const typed = Object.entries(change.data ?? {}).map(([key, value]) => [
    key,
    Predicate.isString(value) ? typedValue(key, value, user, declaration) : value,
  ])
  return change.data === undefined ? change : { ...change, data: Object.fromEntries(typed) }
}

const typedValue = (key: string, text: string, { data }: User, { fields }: SiteDeclaration) => {
  if (key === "name") return text
  const stored = (Object.hasOwn(data, key) ? data[key] : undefined) ?? undefined
  const declared = fields?.find((field) => field.slug === key)
  const type = declared?.type ?? typeof stored
  const trimmed = text.trim()
  if (isConsent(key) || type === "Switch" || type === "boolean") return yesOrNo(trimmed) ?? text
  if (type === "Number" || type === "number") return numberOf(trimmed) ?? text
  const option = optionOf(trimmed, stored, declared)
  if (option !== undefined) return option
  if (type === "undefined" && (text === "true" || text === "false")) return text === "true"
  return text
}

/** A number with more digits than one can keep is none. There is no minus zero either: JSON has one, and stores keep none. */
const numberOf = (text: string): number | undefined => {
  if (!/^-?\d+(\.\d+)?(e[+-]?\d+)?$/i.test(text)) return undefined
  const value = Number(text) + 0
  return /^-?\d+$/.test(text) && !Number.isSafeInteger(value) ? undefined : value
}

/** The option that a text means: by its slug, or else by its name, where only one has it. */
const optionOf = (text: string, stored: unknown, declared: Field | undefined) => {
  const options = declared?.type === "Option" ? declared.options : []
  const held = isOptionValue(stored) ? stored : undefined
  if (held?.slug === text) return held
  if (options.some(({ slug }) => slug === text)) return text
  if (held?.name === text) return held
  const [named, another] = options.filter(({ name }) => name === text)
  return another === undefined ? named?.slug : undefined
}
