/** What an update changes in a user, field by field. Apart from the history's schemas, which who only tells of a change does without. */
import type { Schema } from "effect"
import { fieldOf, type User } from "./User.ts"
import type { Difference } from "./UserHistory.ts"
import * as UserPatch from "./UserPatch.ts"

/** What differs between a user and the same user after a change; `lastUpdated`, which always moves, does not count. */
export const differences = (before: User, after: User): ReadonlyArray<Difference> => {
  const patch = UserPatch.diff(before, after)
  if (patch === undefined) return []
  const fields = Object.keys(patch.data).map((field) => ({
    field,
    before: valueOf(before, field),
    after: valueOf(after, field),
  }))
  const groups = { field: "accessGroups", before: slugs(before), after: slugs(after) }
  return patch.groups === undefined ? fields : [...fields, groups]
}

const valueOf = (user: User, field: string) => (fieldOf(user, field) ?? null) as Schema.Json

const slugs = (user: User): ReadonlyArray<string> => user.accessGroups.map((group) => group.slug)
