/** A site from one store into another, and the proof that it has arrived. */
import { Data, Effect, Stream } from "effect"
import * as ArchiveLines from "./ArchiveLines.ts"
import { type Counts, type SiteArchive, SiteOccupied } from "./SiteArchive.ts"
import type { SiteId } from "./User.ts"

type Archive = SiteArchive["Service"]

/** What was written reads as something else: it is damaged, or somebody writes to it already. */
export class CopyDiffers extends Data.TaggedError("CopyDiffers")<{ readonly message: string }> {
  readonly code = "copy_differs"
}

/** What became of a site. */
export interface Report extends ArchiveLines.Summary {
  readonly siteId: SiteId
  /** What has come to the site since it was read for the copy; nothing is missing where nothing has changed. */
  readonly since: Counts | undefined
}

type NewSha256 = () => ArchiveLines.Sha256

/** Hears how many entries were read of late, of either store. */
type OnRead = (entries: number) => Effect.Effect<void>

/** What a site is known by, read anew from the store. */
export const summarize = Effect.fnUntraced(function* (
  archive: Archive,
  siteId: SiteId,
  sha256: NewSha256,
  onRead: OnRead = () => Effect.void,
) {
  const lines = ArchiveLines.writer(sha256())
  yield* Stream.runForEachArray(archive.read(siteId), (entries) => {
    lines.add(entries)
    return onRead(entries.length)
  })
  return lines.summary()
})

/**
 * Which of the sites the other store does not have; the others it has alike. If it has any of them otherwise, that is refused
 * before anything is copied.
 */
export const missing = Effect.fn("CopySite.missing")(function* (
  from: Archive,
  to: Archive,
  sites: ReadonlyArray<SiteId>,
  sha256: NewSha256,
) {
  const found: Array<SiteId> = []
  for (const siteId of sites) {
    const obstacle = SiteOccupied.by(siteId, yield* to.contents(siteId))
    if (obstacle === undefined) found.push(siteId)
    else {
      const [ours, theirs] = yield* Effect.all([summarize(from, siteId, sha256), summarize(to, siteId, sha256)])
      if (ours.sha256 !== theirs.sha256) return yield* obstacle
    }
  }
  return found
})

/**
 * Copies a site, as it is at one moment, in one transaction; then reads it from both stores again. Of the other store that has
 * to give what was read before. That the first one has changed meanwhile is told.
 */
export const copySite = Effect.fn("CopySite.copySite")(function* (
  from: Archive,
  to: Archive,
  siteId: SiteId,
  sha256: NewSha256,
  onRead?: OnRead,
) {
  const lines = ArchiveLines.writer(sha256())
  const entries = from.read(siteId).pipe(
    Stream.mapArrayEffect((some) => {
      lines.add(some)
      return Effect.as(onRead?.(some.length) ?? Effect.void, some)
    }),
  )
  yield* to.write(siteId, entries)
  const copied = lines.summary()
  const arrived = yield* summarize(to, siteId, sha256, onRead)
  if (arrived.sha256 !== copied.sha256) {
    const message =
      `Site ${siteId} was copied, and reads otherwise in the other store: ${inWords(arrived)} there, ` +
      `${inWords(copied)} copied. Either something writes to it already, or it is damaged`
    return yield* new CopyDiffers({ message })
  }
  const now = yield* summarize(from, siteId, sha256, onRead)
  return {
    siteId,
    ...copied,
    since: now.sha256 === copied.sha256 ? undefined : difference(now, copied),
  } satisfies Report
})

const inWords = ({ users, accessGroups, events, sha256 }: ArchiveLines.Summary): string =>
  `${users} users, ${accessGroups} access groups and ${events} events with SHA-256 ${sha256}`

const difference = (now: Counts, before: Counts): Counts => ({
  accessGroups: now.accessGroups - before.accessGroups,
  users: now.users - before.users,
  events: now.events - before.events,
})
