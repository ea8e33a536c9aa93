/**
 * Reading what site owners hold: the table of users that the Designer exported, and dumps of List Users. Pure: text is
 * taken apart elsewhere, here rows and JSON become users or reasons why not.
 */
import { Predicate, Result, Schema } from "effect"
import { isEmailAddress, parseUserId, type UserData, type UserId } from "./User.ts"
import { Profile, UserStatus } from "./UserSchema.ts"
import type { Candidate, ImportFile, Problem } from "./UserImport.ts"
import { decodeBody, fieldNameProblem, maxFields, maxGroups, shown, slugProblem } from "./wire/UpdateUserBody.ts"
import { normalizeUser } from "./wire/UserJson.ts"

/** A row of a table: where it stands, and its texts by the heading of their column. */
export interface Row {
  readonly place: string
  readonly cells: Readonly<Record<string, string>>
}

/** Reads a table of users. Columns beside the known ones are custom fields; their slug is the heading in kebab-case. */
export const fromRows = (rows: ReadonlyArray<Row>): ImportFile =>
  collect(rows.map(({ place, cells }) => ({ place, read: readRow(cells) })))

/**
 * Reads List Users JSON: one page `{users: […]}`, an array of pages, or an array of users. `undefined` when it is none
 * of these.
 */
export const fromJson = (json: unknown): ImportFile | undefined => {
  const users = usersOf(json)
  return users && collect(users.map((user, index) => ({ place: `user ${index + 1}`, read: readUser(user) })))
}

type Read = Result.Result<{ readonly id: UserId | undefined; readonly user: Profile }, ReadonlyArray<string>>

const collect = (entries: ReadonlyArray<{ readonly place: string; readonly read: Read }>): ImportFile => {
  const candidates: Array<Candidate> = []
  const problems: Array<Problem> = []
  for (const { place, read } of entries) {
    if (Result.isSuccess(read)) candidates.push({ place, ...read.success })
    else problems.push({ place, reason: read.failure.join("; ") })
  }
  return { candidates, problems }
}

/** What a column of such a table is, beside custom fields. */
export type Column =
  | "id"
  | "email"
  | "name"
  | "accept-privacy"
  | "accept-communications"
  | "accessGroups"
  | Timestamp
  | "status"
  | "isEmailVerified"
type Timestamp = "lastUpdated" | "invitedOn" | "createdOn" | "lastLogin"

/** The headings exports are known to use, without their spaces, hyphens and letter case. */
const headings: Readonly<Record<string, Column>> = {
  id: "id",
  userid: "id",
  email: "email",
  emailaddress: "email",
  name: "name",
  fullname: "name",
  acceptprivacy: "accept-privacy",
  acceptprivacypolicy: "accept-privacy",
  acceptcommunications: "accept-communications",
  accessgroups: "accessGroups",
  accessgroup: "accessGroups",
  status: "status",
  emailverified: "isEmailVerified",
  isemailverified: "isEmailVerified",
  createdon: "createdOn",
  created: "createdOn",
  invitedon: "invitedOn",
  lastlogin: "lastLogin",
  lastupdated: "lastUpdated",
  updatedon: "lastUpdated",
}

/** The first heading that means the same as one before it, if any: one of the two values would be lost. */
export const twinHeading = (names: ReadonlyArray<string>): string | undefined => {
  const targets = names.map((heading) => columnOf(heading) ?? `data.${slugOf(heading)}`)
  return names.find((_, index) => targets.indexOf(targets[index] ?? "") !== index)
}

/** Which of the known columns a heading names, in whatever spelling. */
export const columnOf = (heading: string): Column | undefined => {
  const known = heading.toLowerCase().replaceAll(/[\s_-]/g, "")
  // Own ones only: a column called Constructor is none of these, and every object has one.
  return Object.hasOwn(headings, known) ? headings[known] : undefined
}

const readRow = (cells: Readonly<Record<string, string>>): Read => {
  const reasons: Array<string> = []
  const known: Partial<Record<Column, string>> = {}
  const data: Record<string, unknown> = {}
  for (const [heading, text] of Object.entries(cells)) {
    if (text.trim() === "") continue
    const column = columnOf(heading)
    if (column !== undefined) known[column] = text.trim()
    else data[slugOf(heading)] = text === "true" || text === "false" ? text === "true" : text
  }
  const read = <A>(column: Column, parse: (text: string) => A | undefined, wanted: string): A | undefined => {
    const text = known[column]
    const value = text === undefined ? undefined : parse(text)
    if (text !== undefined && value === undefined) reasons.push(`${column} must be ${wanted}`)
    return value
  }
  const consent = (column: Column) => read(column, yesOrNo, "true or false")
  const moment = (column: Column) => read(column, momentOf, "a date, such as 2024-01-31T12:00:00Z")

  const email = read("email", emailOf, "an e-mail address")
  if (known.email === undefined) reasons.push("email is missing")
  const body = decodeBody({
    data: {
      ...data,
      ...(known.name !== undefined && { name: known.name }),
      "accept-privacy": consent("accept-privacy"),
      "accept-communications": consent("accept-communications"),
    },
    accessGroups:
      known.accessGroups
        ?.split(/[;,]/)
        .map(slugOf)
        .filter((slug) => slug !== "") ?? [],
  })
  reasons.push(...body.objections.map(({ param, description }) => `${param} ${description}`))
  const id = read("id", parseUserId, "24 hexadecimal characters")
  const user = withoutAbsent({
    isEmailVerified: consent("isEmailVerified"),
    lastUpdated: moment("lastUpdated"),
    invitedOn: moment("invitedOn"),
    createdOn: moment("createdOn"),
    lastLogin: moment("lastLogin"),
    status: read("status", statusOf, "invited, verified or unverified"),
  })
  return reasons.length === 0
    ? Result.succeed({
        id,
        user: {
          ...user,
          accessGroups: (body.groups?.admin ?? []).map((slug) => ({ slug, type: "admin" as const })),
          data: { ...(body.data as UserData), email: email ?? "" },
        },
      })
    : Result.fail(reasons)
}

// Properties nobody documented are kept, as everywhere.
const decodeProfile = Schema.decodeUnknownResult(
  Schema.StructWithRest(Profile, [Schema.Record(Schema.String, Schema.Json)]),
)

const readUser = (json: unknown): Read => {
  if (!Predicate.isObject(json)) return Result.fail(["must be an object"])
  const { id: text, ...rest } = normalizeUser(json) as Record<string, unknown>
  const id = Predicate.isString(text) ? parseUserId(text) : undefined
  if (text != null && id === undefined) return Result.fail(["id must be 24 hexadecimal characters"])
  const profile = decodeProfile(rest)
  if (Result.isFailure(profile)) return Result.fail([profile.failure.message.replaceAll(/\s+/g, " ")])
  const { accessGroups, data } = profile.success
  if (data.email != null && emailOf(data.email) === undefined) return Result.fail(["email must be an e-mail address"])
  if (data.email == null && id === undefined)
    return Result.fail(["has neither an id nor an e-mail address, which belongs into data.email"])
  const reasons = [...namesProblems("data", Object.keys(data), maxFields, fieldNameProblem)]
  reasons.push(
    ...namesProblems(
      "accessGroups",
      accessGroups.map((group) => group.slug),
      maxGroups,
      slugProblem,
    ),
  )
  return reasons.length > 0 ? Result.fail(reasons) : Result.succeed({ id, user: profile.success })
}

/** Values are taken as they were, whatever an update thinks of them; names and numbers have to be such as an update can say. */
const namesProblems = (
  place: string,
  names: ReadonlyArray<string>,
  most: number,
  problemOf: (name: string) => string | undefined,
): ReadonlyArray<string> => {
  if (names.length > most) return [`${place} has more than ${most}`]
  const problems = names.map((name) => ({ name, problem: problemOf(name) }))
  return problems.flatMap(({ name, problem }) => (problem === undefined ? [] : [`${place}.${shown(name)} ${problem}`]))
}

const usersOf = (json: unknown): ReadonlyArray<unknown> | undefined => {
  if (Array.isArray(json)) {
    const parts = json.map((part: unknown) => (hasUsers(part) ? part.users : [part]))
    return parts.flat()
  }
  return hasUsers(json) ? json.users : undefined
}

const hasUsers = (json: unknown): json is { readonly users: ReadonlyArray<unknown> } =>
  Predicate.hasProperty(json, "users") && Array.isArray(json.users)

/** `Favourite drink` is `favourite-drink`, as Webflow names fields and groups. */
export const slugOf = (text: string): string =>
  text
    .normalize("NFKD")
    .toLowerCase()
    .replaceAll(/\p{M}/gu, "")
    .replaceAll(/[^\p{L}\p{N}]+/gu, "-")
    .replaceAll(/^-+|-+$/g, "")

const booleans: ReadonlyMap<string, boolean> = new Map([
  ["true", true],
  ["yes", true],
  ["false", false],
  ["no", false],
])

/** A text that means true or false. */
export const yesOrNo = (text: string): boolean | undefined => booleans.get(text.toLowerCase())

const isStatus = Schema.is(UserStatus)
const statusOf = (text: string): UserStatus | undefined => {
  const status = text.toLowerCase()
  return isStatus(status) ? status : undefined
}

const emailOf = (text: string): string | undefined => (isEmailAddress(text) ? text : undefined)

/**
 * ISO 8601, or the month by its name and the zone said, as JavaScript prints it (`Thu Jan 05 2023 10:00:00 GMT+0000`). ISO
 * without a zone is UTC: what a file means must not hang on the machine that reads it. Anything else leaves the day open.
 */
const momentOf = (text: string): string | undefined => {
  const [, day, time = "00:00", zone = "Z"] =
    /^(\d{4}-\d{2}-\d{2})(?:[T ](\d{2}:\d{2}(?::\d{2}(?:\.\d+)?)?)\s*(Z|[+-]\d{2}:?\d{2})?)?$/i.exec(text) ?? []
  const isPrinted = /\b(Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec)\b.*\b\d{4}\b.*(GMT|UTC|[+-]\d{4})/.test(text)
  const at = Date.parse(day === undefined ? (isPrinted ? text : "") : `${day}T${time}${zone}`)
  return Number.isNaN(at) ? undefined : new Date(at).toISOString()
}

type Present<A> = { [K in keyof A]?: Exclude<A[K], undefined> }

const withoutAbsent = <A extends object>(values: A): Present<A> =>
  Object.fromEntries(Object.entries(values).filter(([, value]) => value !== undefined)) as Present<A>
