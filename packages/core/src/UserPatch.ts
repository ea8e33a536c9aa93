/**
 * What a change to a user is, and what it does. Pure: every store, the dry run and every runtime use these functions,
 * and none says again what a change means.
 */
import { DateTime, Equal, Predicate, Result } from "effect"
import * as SiteDeclaration from "./SiteDeclaration.ts"
import * as UpdateGrant from "./UpdateGrant.ts"
import * as UpdatePolicy from "./UpdatePolicy.ts"
import { type ChangeForbidden, type Detail, InvalidPatch } from "./UpdateUserError.ts"
import { changedFields, type CustomValue, fieldOf, type Membership, type User } from "./User.ts"
import { decodeBody, isBuiltInField, isReadOnlyProperty, maxFields, maxGroups, shown } from "./wire/UpdateUserBody.ts"

/**
 * The complete new set of `admin` groups. Groups of type `ecommerce` survive it, unless `UpdatePolicy` says otherwise; the
 * ones named must be the user's already, since an update cannot add them [ours].
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

/** A value that a request sent back, and where: a property of the user, or one of its fields. */
export interface Echo {
  readonly in: "user" | "data"
  readonly key: string
  readonly value: unknown
}

/** What stands against a change, in the words of an answer; with `unless`, only where the user does not have that value. */
export interface Objection extends Detail {
  readonly unless?: Echo
}

/** A change to a user: made from a request body of either era by {@link UserPatch.from}. */
export class UserPatch {
  /** Fields to set, `null` to clear. Fields not named stay. */
  readonly data: Readonly<Record<string, CustomValue>>
  /** Absent leaves the groups as they are. */
  readonly groups: SetGroups | EditGroups | undefined
  /** What the request itself has against it. {@link apply} refuses the patch with all that remains of it. */
  readonly objections: ReadonlyArray<Objection>

  constructor(parts: {
    readonly data?: Readonly<Record<string, CustomValue>>
    readonly groups?: SetGroups | EditGroups | undefined
    readonly objections?: ReadonlyArray<Objection>
  }) {
    this.data = parts.data ?? {}
    this.groups = parts.groups
    this.objections = parts.objections ?? []
  }

  /** Decodes the body of a request, of either era. A patch made otherwise is held to the same rules. */
  static readonly from = (input: unknown, policy: UpdatePolicy.UpdatePolicy = UpdatePolicy.standard): UserPatch =>
    input instanceof UserPatch ? checked(input) : new UserPatch(decodeBody(input, policy.emailAndPassword))
}

const checked = (patch: UserPatch): UserPatch => {
  const { data, groups } = patch
  const accessGroups = groups?._tag === "EditGroups" ? [...groups.add, ...groups.remove] : groups?.admin
  // What a body may only send back would here be set.
  const found = decodeBody({ data, accessGroups }).objections.map(({ unless: _, ...detail }) => detail)
  return found.length === 0 ? patch : new UserPatch({ ...patch, objections: [...patch.objections, ...found] })
}

/** What is decided about updates, apart from the update: by this project, by the site's owner, and by who let the caller in. */
export interface Rules {
  readonly policy?: UpdatePolicy.UpdatePolicy
  readonly declaration?: SiteDeclaration.SiteDeclaration
  readonly grant?: UpdateGrant.UpdateGrant
}

/** The most problems that one answer names [ours]. */
const maxProblems = 50

/** The refusal of a patch for these reasons. */
export const refused = (reasons: ReadonlyArray<Detail>): InvalidPatch =>
  new InvalidPatch({ details: reasons.slice(0, maxProblems).map(({ param, description }) => ({ param, description })) })

/**
 * The user after the change, or every reason why it cannot be made. `lastUpdated` moves on every accepted change, also
 * when nothing else does and when two changes fall into one millisecond. Whether the caller may make it is asked last: it
 * depends on what would come of it.
 */
export const apply = (
  user: User,
  patch: UserPatch,
  now: DateTime.Utc,
  { policy = UpdatePolicy.standard, declaration = SiteDeclaration.undeclared, grant = {} }: Rules = {},
): Result.Result<User, InvalidPatch | ChangeForbidden> => {
  const problems: Array<Detail> = patch.objections.filter(
    ({ unless }) => unless === undefined || !isStored(user, unless),
  )
  const refuse = (param: string, description: string) => problems.push({ param, description })

  const accessGroups = regroup(user.accessGroups, patch.groups, policy, (slug, why) =>
    refuse("accessGroups", `${shown(slug)}: ${why}`),
  )
  const held = new Set(user.accessGroups.map((group) => group.slug))
  for (const { slug } of accessGroups) {
    const problem = held.has(slug) ? undefined : SiteDeclaration.groupProblem(declaration, slug)
    if (problem !== undefined) refuse("accessGroups", `${shown(slug)}: ${problem}`)
  }
  if (accessGroups.length > Math.max(maxGroups, user.accessGroups.length)) {
    refuse("accessGroups", `a user can be in at most ${maxGroups}`)
  }

  const data = new Map<string, User["data"][string]>(Object.entries(user.data))
  for (const [key, value] of Object.entries(patch.data)) {
    const read = SiteDeclaration.readField(declaration, key, value, data.get(key))
    if (Result.isFailure(read)) refuse(`data.${shown(key)}`, read.failure)
    else if (read.success === null) data.delete(key)
    else data.set(key, read.success)
  }
  if (data.size > Math.max(maxFields, Object.keys(user.data).length)) {
    refuse("data", `a user can have at most ${maxFields} fields`)
  }
  if (problems.length > 0) return Result.fail(refused(problems))
  // Not assigned one by one: a field named __proto__ would be swallowed by an assignment.
  const after = { ...user, lastUpdated: moved(user.lastUpdated, now), accessGroups, data: Object.fromEntries(data) }
  const forbidden = UpdateGrant.refusal(grant, user, after)
  return forbidden === undefined ? Result.succeed(after) : Result.fail(forbidden)
}

/** The change that makes `after` of `before`; `undefined` when no field and no group differs. */
export const diff = (before: User, after: User): UserPatch | undefined => {
  const changed = changedFields(before, after)
  const data = Object.fromEntries(changed.map((key) => [key, (fieldOf(after, key) ?? null) as CustomValue]))
  const groups = Equal.equals(before.accessGroups, after.accessGroups) ? undefined : setGroups(after)
  return changed.length === 0 && groups === undefined ? undefined : new UserPatch({ data, groups })
}

/** The change that gives a user the groups this one has; the bought ones are named, so that no policy takes them away. */
export const setGroups = ({ accessGroups }: User): SetGroups => ({
  _tag: "SetGroups",
  admin: slugsOf("admin", accessGroups),
  ecommerce: slugsOf("ecommerce", accessGroups),
})

/** What was not bought can be given and taken, also where a server has another word for it. */
const slugsOf = (type: Membership["type"], groups: ReadonlyArray<Membership>): ReadonlyArray<string> =>
  groups.filter((group) => (group.type === "ecommerce") === (type === "ecommerce")).map((group) => group.slug)

const regroup = (
  current: ReadonlyArray<Membership>,
  change: UserPatch["groups"],
  { ecommerceGroups }: UpdatePolicy.UpdatePolicy,
  refuse: (slug: string, why: string) => void,
): ReadonlyArray<Membership> => {
  if (change === undefined) return current
  const ecommerce = current.filter((group) => group.type === "ecommerce")
  const bought = new Set(ecommerce.map((group) => group.slug))

  if (change._tag === "SetGroups") {
    for (const slug of change.ecommerce) {
      if (!bought.has(slug)) refuse(slug, "only a purchase puts a user into a group of type ecommerce")
    }
    const named = new Set([...change.admin, ...change.ecommerce])
    const kept = ecommerceGroups === "keep" ? ecommerce : ecommerce.filter((group) => named.has(group.slug))
    return [...asAdmin(change.admin, bought), ...kept]
  }
  const removed = new Set(change.remove)
  for (const slug of removed) {
    if (bought.has(slug) && ecommerceGroups === "keep") {
      refuse(slug, "a group of type ecommerce cannot be removed by an update")
    }
  }
  const before = slugsOf("admin", current).filter((slug) => !bought.has(slug))
  const admin = [...before.filter((slug) => !removed.has(slug)), ...change.add.filter((slug) => !bought.has(slug))]
  const kept = ecommerce.filter((group) => !removed.has(group.slug))
  // Nothing to do is nothing done: the order of the groups stays too.
  return kept.length === ecommerce.length && Equal.equals(new Set(admin), new Set(before))
    ? current
    : [...asAdmin(admin, bought), ...kept]
}

/** Duplicate slugs collapse, and a group that was bought stays the one membership it is. */
const asAdmin = (slugs: ReadonlyArray<string>, bought: ReadonlySet<string>): ReadonlyArray<Membership> =>
  [...new Set(slugs)].filter((slug) => !bought.has(slug)).map((slug) => ({ slug, type: "admin" }))

const isStored = (user: User, { in: place, key, value: claimed }: Echo): boolean => {
  const holder: Readonly<Record<string, unknown>> = place === "data" ? user.data : user
  // Of what every user can have, null says that there is none; of anything else it would be a name nobody knows.
  if (!Object.hasOwn(holder, key)) return claimed === null && isDocumented(place, key)
  const stored = holder[key] ?? null
  if (Equal.equals(stored, claimed)) return true
  // The same moment has several spellings, and a client that parses dates sends back another one than it got.
  return (
    Predicate.isString(stored) &&
    Predicate.isString(claimed) &&
    isMoment(stored) &&
    Date.parse(stored) === Date.parse(claimed)
  )
}

const isDocumented = (place: Echo["in"], key: string): boolean =>
  place === "data" ? isBuiltInField(key) : isReadOnlyProperty(key)

const isMoment = (text: string): boolean => /^\d{4}-\d{2}-\d{2}T/.test(text)

const moved = (previous: User["lastUpdated"], now: DateTime.Utc): string => {
  const before = previous == null ? Number.NaN : Date.parse(previous)
  const at = DateTime.toEpochMillis(now)
  return DateTime.formatIso(before >= at ? DateTime.makeUnsafe(before + 1) : now)
}
