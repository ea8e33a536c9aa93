/** What is said of archives to a person. */
import type { ArchiveLines, SiteArchive, SiteId } from "@webflow-users/core"
import { counted } from "../Text.ts"

export const counts = ({ users, accessGroups, events }: SiteArchive.Counts): string =>
  [counted(users, "user"), counted(accessGroups, "access group"), counted(events, "event")].join(", ")

const ofSite = (verb: string) => (siteId: SiteId, summary: ArchiveLines.Summary) =>
  `${verb} site ${siteId}: ${counts(summary)}\n  SHA-256 ${summary.sha256}`

export const exported = ofSite("Exported")
export const restored = ofSite("Restored")
export const copied = ofSite("Copied")

/** That a store has changed since it was copied, and what to do about it. */
export const changedSince = (since: SiteArchive.Counts | undefined): ReadonlyArray<string> => {
  if (since === undefined) return []
  const isMore = since.users + since.accessGroups + since.events > 0
  return [
    `  The first store has changed since${isMore ? `, and has more now: ${counts(since)}` : ""}.`,
    "  To have that too, stop what writes to it, then copy into an empty store.",
  ]
}
