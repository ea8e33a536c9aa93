/**
 * What of a user a caller may change: an allow-list of fields and one of access groups. Pure: `UserPatch.apply` asks, for
 * every store alike, so that what counts is what an update would change and not what it names. A form that sends the
 * whole user back with one field changed needs that one field.
 */
import { Context } from "effect"
import { ChangeForbidden, type Detail } from "./UpdateUserError.ts"
import { changedFields, type Membership, type User } from "./User.ts"
import type { Echo, UserPatch } from "./UserPatch.ts"
import { isReadOnlyProperty, shown } from "./wire/UpdateUserBody.ts"

/** Allow-lists. One that is absent allows anything, an empty one nothing. */
export interface UpdateGrant {
  /** Fields by their keys in `data`: `name` and the consents are fields like custom ones. */
  readonly fields?: ReadonlyArray<string> | undefined
  /** Access groups by their slugs, to join as to leave. */
  readonly groups?: ReadonlyArray<string> | undefined
}

/** What of users may be changed. A runtime that knows who asks provides it around each call; otherwise it is anything. */
export const Current = Context.Reference<UpdateGrant>("@webflow-users/core/UpdateGrant", { defaultValue: () => ({}) })

/** The most that one refusal names [ours]. */
const maxNamed = 50

/** The refusal of an update that would make `after` of `before`; nothing where all that it changes is granted. */
export const refusal = (grant: UpdateGrant, before: User, after: User): ChangeForbidden | undefined =>
  grant.fields === undefined && grant.groups === undefined
    ? undefined
    : forbidden([
        ...fieldsNotIn(grant, changedFields(before, after)),
        ...groupsNotIn(grant, changedGroups(before.accessGroups, after.accessGroups)),
      ])

/**
 * The refusal by what a patch names, for a store that does not see the user before. What is named only to be compared is
 * sent along, and whether it is equal there, or is set, is not to be seen from here. A complete set of groups takes away
 * what it does not name, and is refused wherever there is a list of groups.
 */
export const refusalUnseen = (
  grant: UpdateGrant,
  { data, groups, objections }: UserPatch,
): ChangeForbidden | undefined => {
  if (grant.fields === undefined && grant.groups === undefined) return undefined
  const echoes = objections.flatMap(({ unless }) => unless ?? [])
  const keysIn = (place: Echo["in"]) => echoes.filter((echo) => echo.in === place).map(({ key }) => key)
  return forbidden([
    ...fieldsNotIn(grant, [...Object.keys(data), ...keysIn("data")], objectEraFields),
    ...propertiesNotIn(grant, keysIn("user")),
    ...(groups?._tag === "EditGroups" ? groupsNotIn(grant, [...groups.add, ...groups.remove]) : []),
    ...(groups?._tag === "SetGroups" && grant.groups !== undefined
      ? [{ param: "accessGroups", description: "cannot be set as a whole by who may not change every group" }]
      : []),
  ])
}

/** Within `data`, this is where the object era has all the fields: another server may read them there. */
const objectEraFields = "data"

const forbidden = (details: ReadonlyArray<Detail>): ChangeForbidden | undefined =>
  details.length === 0 ? undefined : new ChangeForbidden({ details: details.slice(0, maxNamed) })

const notGranted = "may not be changed with this token"

const fieldsNotIn = ({ fields }: UpdateGrant, keys: ReadonlyArray<string>, never?: string): ReadonlyArray<Detail> =>
  fields === undefined
    ? []
    : [...new Set(keys)]
        .filter((key) => key === never || !fields.includes(key))
        .map((key) => ({ param: `data.${shown(key)}`, description: notGranted }))

/** Those that a server sets are no groups; what it makes of one that nobody knows could be both. */
const propertiesNotIn = ({ fields, groups }: UpdateGrant, keys: ReadonlyArray<string>): ReadonlyArray<Detail> =>
  keys
    .filter((key) => fields !== undefined || (groups !== undefined && !isReadOnlyProperty(key)))
    .map((key) => ({ param: shown(key), description: notGranted }))

const groupsNotIn = ({ groups }: UpdateGrant, slugs: ReadonlyArray<string>): ReadonlyArray<Detail> =>
  groups === undefined
    ? []
    : slugs
        .filter((slug) => !groups.includes(slug))
        .map((slug) => ({
          param: "accessGroups",
          description: `${shown(slug)}: may be neither joined nor left with this token`,
        }))

/** The slugs of memberships that only one of the two has; their order says nothing. */
const changedGroups = (before: ReadonlyArray<Membership>, after: ReadonlyArray<Membership>): ReadonlyArray<string> => {
  const had = new Set(before.map(keyOf))
  const has = new Set(after.map(keyOf))
  const changed = [...before.filter((one) => !has.has(keyOf(one))), ...after.filter((one) => !had.has(keyOf(one)))]
  return [...new Set(changed.map(({ slug }) => slug))]
}

const keyOf = ({ slug, type }: Membership): string => `${type} ${slug}`
