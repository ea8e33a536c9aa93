/** What a change does to a user, field by field, as a person reads it. */
import type { UserHistory } from "@webflow-users/core"
import { printable, valueOf } from "./Text.ts"

export const inWords = (changes: ReadonlyArray<UserHistory.Difference>): ReadonlyArray<string> =>
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
