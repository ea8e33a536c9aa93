/** What a change would do to a user, field by field, as a dry run shows it. */
import { type User, UserPatch } from "@webflow-users/core"
import { printable, valueOf } from "./Text.ts"

export interface Change {
  /** A field's key, or `accessGroups`. */
  readonly field: string
  /** `null` where there is none. */
  readonly before: unknown
  readonly after: unknown
}

/** The differences between a user and the same user after a change; `lastUpdated`, which always moves, is not one. */
export const between = (before: User, after: User): ReadonlyArray<Change> => {
  const patch = UserPatch.diff(before, after)
  if (patch === undefined) return []
  const fields = Object.keys(patch.data).map((field) => ({
    field,
    before: valueIn(before, field),
    after: valueIn(after, field),
  }))
  const groups = { field: "accessGroups", before: slugs(before), after: slugs(after) }
  return patch.groups === undefined ? fields : [...fields, groups]
}

export const inWords = (changes: ReadonlyArray<Change>): ReadonlyArray<string> =>
  changes.flatMap((change) =>
    change.field === "accessGroups" && Array.isArray(change.before) && Array.isArray(change.after)
      ? groupsInWords(change.before, change.after)
      : [`  ${printable(change.field)}: ${valueOf(change.before)} → ${valueOf(change.after)}`],
  )

const groupsInWords = (before: ReadonlyArray<string>, after: ReadonlyArray<string>): ReadonlyArray<string> => {
  const removed = before.filter((slug) => !after.includes(slug)).map((slug) => `  - ${printable(slug)}`)
  const added = after.filter((slug) => !before.includes(slug)).map((slug) => `  + ${printable(slug)}`)
  const isReordered = removed.length + added.length === 0
  return isReordered
    ? [`  groups in another order: ${printable(after.join(", "))}`]
    : ["  groups:", ...[...removed, ...added].map((line) => `  ${line}`)]
}

/** A field of the user's own: `toString` is a name for a field too, and every object has one. */
const valueIn = ({ data }: User, field: string): unknown => (Object.hasOwn(data, field) ? (data[field] ?? null) : null)

const slugs = (user: User): ReadonlyArray<string> => user.accessGroups.map((group) => group.slug)
