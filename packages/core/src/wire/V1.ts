/**
 * The contract as v1 spoke it, to callers who send `Accept-Version: 1.0.0`: other names for three of a user's properties,
 * another envelope for errors, and bodies that may be a bare map of fields. What an update means is the same.
 *
 * Established are the names of a user and of a group, and the keys of the envelope; which of its words are v1's own, and
 * which are ours, stands at each.
 */
import { Predicate } from "effect"
import { isDetail } from "../ErrorFacts.ts"
import type { UpdateUserError } from "../UpdateUserError.ts"
import { type AccessGroupPage, readOnlyProperties, type User, type UserPage } from "../User.ts"
import * as Envelope from "./Envelope.ts"
import { nestedData } from "./UpdateUserBody.ts"

type Json = Readonly<Record<string, unknown>>

/** Whether a request asks for v1: by its full number, the only way any client is known to write it. */
export const isV1 = (acceptVersion: string | undefined): boolean => acceptVersion?.trim() === "1.0.0"

/** What v1 called three of the properties, and what they are called now. */
const names: Readonly<Record<string, string>> = {
  _id: "id",
  emailVerified: "isEmailVerified",
  updatedOn: "lastUpdated",
}
const oldNames = Object.keys(names)
const v1Names: Readonly<Record<string, string>> = Object.fromEntries(
  Object.entries(names).map(([v1Name, name]) => [name, v1Name]),
)

/** Gives properties their other names; one whose other name is taken already keeps its own. */
const rename = (json: Json, to: Json): Record<string, unknown> =>
  Object.fromEntries(
    Object.entries(json).map(([key, value]) => {
      const name = renamed(key, to)
      return [Object.hasOwn(json, name) ? key : name, value]
    }),
  )

// Own ones only: every object has a `constructor`.
const renamed = (key: string, to: Json): string => (Object.hasOwn(to, key) ? String(to[key]) : key)

/** A user's properties by the names they have now. */
export const fromV1Names = (json: Json): Record<string, unknown> =>
  hasV1Names(json) ? rename(json, names) : { ...json }

/** Whether a user has properties by names that only v1 had. */
export const hasV1Names = (json: Json): boolean => oldNames.some((name) => Object.hasOwn(json, name))

/** A user, as v1 wrote it. `data` is flat, as in every recorded response. */
export const encodeUser = (user: User): unknown => {
  // A v1 name that was kept beside today's would be in the way of the one that counts.
  const counts = ([key]: [string, unknown]) => !(Object.hasOwn(names, key) && Object.hasOwn(user, renamed(key, names)))
  return rename(Object.fromEntries(Object.entries(user).filter(counts)), v1Names)
}

/** A part of a list of users, as v1 wrote it. */
export const encodeUserPage = ({ users, ...page }: UserPage): unknown => ({ users: users.map(encodeUser), ...page })

/** A part of a list of access groups, as v1 wrote it. */
export const encodeAccessGroupPage = ({ accessGroups, ...page }: AccessGroupPage): unknown => ({
  accessGroups: accessGroups.map((group) => rename(group, v1Names)),
  ...page,
})

const properties = new Set([...Object.keys(names), ...readOnlyProperties, "accessGroups", "data"])

/**
 * The body of an update, brought to the form it has now. One rule, for the body and for what its `data` holds: an object
 * with a property `data` is a user, one without is the fields.
 *
 * - `{data: {…}}`, with a user's other properties beside it: as now, by v1's names. A whole v1 user is sent back so.
 * - `{…}`, the bare map: what is no property of a user, by v1's name or by today's, is a field.
 * - `{data: {status: …, data: {…}}}`: a user in place of the fields, which is how SDK 1.3's own tests call it. What stands
 *   outside too counts as it stands there.
 */
export const normalizeBody = (body: unknown): unknown => {
  if (!Predicate.isObject(body)) return body
  if (!Object.hasOwn(body, "data")) return asUser(body)
  const { data, ...rest } = body
  const isUser = Predicate.isObject(data) && nestedData(data) !== undefined
  return fromV1Names(isUser ? { ...asUser(data), ...rest } : body)
}

/** A user's properties, with all that is none among the fields. */
const asUser = (json: Json): Record<string, unknown> => {
  const entries = Object.entries(json).filter(([key]) => key !== "data")
  const own = entries.filter(([key]) => properties.has(key))
  const fields = entries.filter(([key]) => !properties.has(key))
  const data = Object.fromEntries(fields)
  return fromV1Names({
    ...Object.fromEntries(own),
    data: Object.hasOwn(json, "data") ? { ...data, data: json["data"] } : data,
  })
}

/** The body of every v1 answer that is not 2xx. */
export interface ErrorBody {
  readonly msg: string
  /** The status. */
  readonly code: number
  readonly name: string
  /** The path that was asked for, without its query. */
  readonly path: string
  readonly err: string
  /** What is wrong with what, where something is. */
  readonly problems?: ReadonlyArray<string>
  /** The same in parts. v1 put the value here too; no answer of ours repeats what was sent. */
  readonly problem_data?: ReadonlyArray<{ readonly slug: string; readonly msg: string }>
}

/** What v1 calls an error. Without `msg` it is the error's own message. */
interface Words {
  readonly name: string
  readonly msg?: string
}

// [seen] recorded answers; [doc] v1's list of errors, as client libraries repeat it; the rest is [ours]. Where v1's list had no
// name, UnknownError is what it calls "not enumerated here, but not a server error".
const words = {
  // [seen], with problems
  InvalidPatch: { name: "ValidationError", msg: "Validation Failure" },
  // [doc] for what fails validation
  InvalidId: { name: "ValidationError" },
  // [doc]: "Request body was incorrectly formatted"
  BadRequest: { name: "SyntaxError" },
  // [ours]
  BodyTooLarge: { name: "UnknownError" },
  // [doc]
  NotAuthorized: { name: "Unauthorized", msg: "Cannot access resource" },
  // [ours]: v2's message, "OAuthForbidden: You are missing …", reads like the `err` that v1 made of name and msg
  MissingScopes: { name: "OAuthForbidden" },
  // [doc] for a token that "does not have access to requested resource"; there with 401
  SiteForbidden: { name: "Unauthorized" },
  // [ours]
  ChangeForbidden: { name: "Unauthorized" },
  UsersNotEnabled: { name: "UnknownError" },
  // [doc]
  SiteNotFound: { name: "NotFound" },
  UserNotFound: { name: "NotFound" },
  // [seen]
  RouteNotFound: { name: "RouteNotFoundError", msg: "Route not found" },
  // [ours]
  MethodNotAllowed: { name: "UnknownError" },
  // [seen]
  TooManyRequests: { name: "RateLimit", msg: "Rate limit hit" },
  // [doc]
  InternalError: { name: "ServerError" },
  StoreUnavailable: { name: "ServerError" },
  Overloaded: { name: "ServerError" },
  UnsendableRequest: { name: "ServerError" },
  Unreachable: { name: "ServerError" },
  ConnectionLost: { name: "ServerError" },
  TimedOut: { name: "ServerError" },
  TlsFailed: { name: "ServerError" },
  UpstreamInvalidResponse: { name: "ServerError" },
  // [ours], and ServerError where it is one
  UnexpectedResponse: { name: "UnknownError" },
  // [ours]
  UserAccountsRemoved: { name: "UnknownError" },
} as const satisfies Record<UpdateUserError["_tag"], Words>

/** What v2's messages begin with where v1 had the error's name. */
const heads = /^(?:OAuthForbidden|Validation Error|Requested resource not found): /

/** What a server answers for an error to a v1 request for a path. Status and headers are those of today. */
export const encodeError = (error: UpdateUserError, path: string): Envelope.ErrorResponse<ErrorBody> => {
  const { status, headers, body } = Envelope.encodeError(error)
  const said: Words = words[error._tag]
  const name = status >= 500 ? "ServerError" : said.name
  const msg = said.msg ?? error.message.replace(heads, "")
  return {
    status,
    headers,
    body: { msg, code: status, name, path, err: `${name}: ${msg}`, ...problemsOf(body.details) },
  }
}

const problemsOf = (details: ReadonlyArray<unknown>): Pick<ErrorBody, "problems" | "problem_data"> => {
  if (details.length === 0) return {}
  const parts = details.filter(isDetail).map(({ param, description }) => ({
    slug: renamed(param, v1Names),
    msg: description,
  }))
  // Of another form are only another server's: they come after, in its words.
  const others = details.filter((detail) => !isDetail(detail))
  return {
    problems: [
      ...parts.map(({ slug, msg }) => `Field '${slug}': ${msg}`),
      ...others.map((detail) => (Predicate.isString(detail) ? detail : JSON.stringify(detail))),
    ],
    problem_data: parts,
  }
}
