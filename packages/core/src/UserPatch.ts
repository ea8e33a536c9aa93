/**
 * What a change to a user is, and what it does. Pure: every store, the dry run and every runtime use these functions,
 * and none says again what a change means.
 */
import { DateTime, Equal, Predicate, Result } from "effect"
import { type Detail, InvalidPatch } from "./UpdateUserError.ts"
import type { CustomValue, Membership, User } from "./User.ts"
import { decodeBody, maxFields, maxGroups } from "./wire/UpdateUserBody.ts"

/**
 * The complete new set of `admin` groups. Groups of type `ecommerce` survive it [ours]; the ones named must be the
 * user's already, since an update can neither add nor remove them [ours].
 */
export interface SetGroups {
  readonly _tag: "SetGroups"
  readonly admin: ReadonlyArray<string>
  readonly ecommerce: ReadonlyArray<string>
}

/** Groups to join and to leave, relative to what the user has when the change is applied. Not on the wire. */
export interface EditGroups {
  readonly _tag: "EditGroups"
  readonly add: ReadonlyArray<string>
  readonly remove: ReadonlyArray<string>
}

/** A read-only property that a request sent back. It is accepted when it equals what is stored. */
export interface Echo {
  readonly value: unknown
  /** What to tell who sent something else. */
  readonly refusal: string
}

/** A change to a user: made from a request body of either era by {@link UserPatch.from}. */
export class UserPatch {
  /** Fields to set, `null` to clear. Fields not named stay. */
  readonly data: Readonly<Record<string, CustomValue>>
  /** Absent leaves the groups as they are. */
  readonly groups: SetGroups | EditGroups | undefined
  /** Read-only properties sent back, by their path in the user. */
  readonly echoes: ReadonlyMap<string, Echo>

  constructor(parts: {
    readonly data?: Readonly<Record<string, CustomValue>>
    readonly groups?: SetGroups | EditGroups | undefined
    readonly echoes?: ReadonlyMap<string, Echo>
  }) {
    this.data = parts.data ?? {}
    this.groups = parts.groups
    this.echoes = parts.echoes ?? new Map()
  }

  /** Decodes the body of a request, of either era. A patch made otherwise is taken when it keeps the same rules. */
  static readonly from = (input: unknown): Result.Result<UserPatch, InvalidPatch> =>
    input instanceof UserPatch ? checked(input) : Result.map(decodeBody(input), (parts) => new UserPatch(parts))
}

const checked = (patch: UserPatch): Result.Result<UserPatch, InvalidPatch> => {
  const { data, groups } = patch
  const accessGroups = groups?._tag === "EditGroups" ? [...groups.add, ...groups.remove] : groups?.admin
  return Result.flatMap(decodeBody({ data, accessGroups }), ({ echoes }) => {
    // What a body may only send back would here be set.
    const details = [...echoes].map(([param, { refusal }]) => ({ param, description: refusal }))
    return details.length === 0 ? Result.succeed(patch) : Result.fail(new InvalidPatch({ details }))
  })
}

/**
 * The user after the change, or every reason why it cannot be made. `lastUpdated` moves on every accepted change, also
 * when nothing else does and when two changes fall into one millisecond.
 */
export const apply = (user: User, patch: UserPatch, now: DateTime.Utc): Result.Result<User, InvalidPatch> => {
  const problems: Array<Detail> = []
  for (const [param, echo] of patch.echoes) {
    if (!isStored(user, param, echo.value)) problems.push({ param, description: echo.refusal })
  }
  const accessGroups = regroup(user.accessGroups, patch.groups, problems)
  if (accessGroups.length > Math.max(maxGroups, user.accessGroups.length)) {
    problems.push({ param: "accessGroups", description: `a user can be in at most ${maxGroups}` })
  }

  // Spread and not assigned: a field named __proto__ would be swallowed by an assignment.
  const data: Record<string, User["data"][string]> = { ...user.data, ...patch.data }
  for (const [key, value] of Object.entries(patch.data)) if (value === null) delete data[key]
  if (Object.keys(data).length > Math.max(maxFields, Object.keys(user.data).length)) {
    problems.push({ param: "data", description: `a user can have at most ${maxFields} fields` })
  }
  if (problems.length > 0) return Result.fail(new InvalidPatch({ details: problems }))
  return Result.succeed({ ...user, lastUpdated: moved(user.lastUpdated, now), accessGroups, data })
}

/** The change that makes `after` of `before`; `undefined` when no field and no group differs. */
export const diff = (before: User, after: User): UserPatch | undefined => {
  const keys = [...new Set([...Object.keys(before.data), ...Object.keys(after.data)])]
  const changed = keys.filter((key) => !Equal.equals(fieldOf(before, key), fieldOf(after, key)))
  const data = Object.fromEntries(changed.map((key) => [key, (fieldOf(after, key) ?? null) as CustomValue]))
  const groups = Equal.equals(before.accessGroups, after.accessGroups) ? undefined : setGroups(after)
  return changed.length === 0 && groups === undefined ? undefined : new UserPatch({ data, groups })
}

/** A field of the user's own: `toString` and its like are names of fields too, and every object has them. */
const fieldOf = ({ data }: User, key: string): unknown => (Object.hasOwn(data, key) ? data[key] : undefined)

/** The change that gives a user the admin groups this one has. */
export const setGroups = (user: User): SetGroups => ({
  _tag: "SetGroups",
  admin: adminSlugs(user.accessGroups),
  ecommerce: [],
})

const adminSlugs = (groups: ReadonlyArray<Membership>): ReadonlyArray<string> =>
  groups.filter((group) => group.type === "admin").map((group) => group.slug)

const regroup = (
  current: ReadonlyArray<Membership>,
  change: UserPatch["groups"],
  problems: Array<Detail>,
): ReadonlyArray<Membership> => {
  if (change === undefined) return current
  const kept = current.filter((group) => group.type === "ecommerce")
  const bought = new Set(kept.map((group) => group.slug))
  const refuse = (slug: string, description: string) =>
    problems.push({ param: "accessGroups", description: `${slug}: ${description}` })

  if (change._tag === "SetGroups") {
    for (const slug of change.ecommerce) {
      if (!bought.has(slug)) refuse(slug, "only a purchase puts a user into a group of type ecommerce")
    }
    return [...asAdmin(change.admin, bought), ...kept]
  }
  for (const slug of change.remove) {
    if (bought.has(slug)) refuse(slug, "a group of type ecommerce cannot be removed by an update")
  }
  const removed = new Set(change.remove)
  const before = adminSlugs(current).filter((slug) => !bought.has(slug))
  const admin = [...before.filter((slug) => !removed.has(slug)), ...change.add.filter((slug) => !bought.has(slug))]
  // Nothing to do is nothing done: the order of the groups stays too.
  return Equal.equals(new Set(admin), new Set(before)) ? current : [...asAdmin(admin, bought), ...kept]
}

/** Duplicate slugs collapse, and a group that was bought stays the one membership it is. */
const asAdmin = (slugs: ReadonlyArray<string>, bought: ReadonlySet<string>): ReadonlyArray<Membership> =>
  [...new Set(slugs)].filter((slug) => !bought.has(slug)).map((slug) => ({ slug, type: "admin" }))

const isStored = (user: User, param: string, claimed: unknown): boolean => {
  const stored = param.startsWith("data.") ? user.data[param.slice("data.".length)] : user[param]
  if (Equal.equals(stored ?? null, claimed ?? null)) return true
  // The same moment has several spellings, and a client that parses dates sends back another one than it got.
  return (
    Predicate.isString(stored) &&
    Predicate.isString(claimed) &&
    isMoment(stored) &&
    Date.parse(stored) === Date.parse(claimed)
  )
}

const isMoment = (text: string): boolean => /^\d{4}-\d{2}-\d{2}T/.test(text)

const moved = (previous: User["lastUpdated"], now: DateTime.Utc): string => {
  const before = previous == null ? Number.NaN : Date.parse(previous)
  const at = DateTime.toEpochMillis(now)
  return DateTime.formatIso(before >= at ? DateTime.makeUnsafe(before + 1) : now)
}
