/**
 * An archive as lines of JSON (docs/decisions/0014). The same site gives the same bytes, whichever store it is in.
 */
import { Data, Effect, Option, Predicate, Result, Schema, Stream } from "effect"
import { joined } from "./Bytes.ts"
import {
  type ArchivedEvent,
  type ArchivedSite,
  type Counts,
  type Entry,
  isArchivable,
  isKeepable,
  isKey,
} from "./SiteArchive.ts"
import { SiteDeclaration } from "./SiteDeclarationSchema.ts"
import { AccessGroup, SiteId, UserId } from "./UserSchema.ts"

/** What every archive's first line begins with. */
export const format = "webflow-users-archive"
const version = 1

/** The longest line that is read, in bytes: more than an event of the largest user that can be archived. */
const maxLine = 16 * 1024 * 1024

/** A SHA-256 that is given its bytes one after the other. Platforms have it; what core needs of it is this; digests are hexadecimal. */
export interface Sha256 {
  readonly update: (bytes: Uint8Array) => void
  readonly digest: () => string
}

/** What an archive is known by. */
export interface Summary extends Counts {
  /** Of all its lines but the last, in hexadecimal. */
  readonly sha256: string
}

/** The archive is not what was written once: damaged, cut off, changed, or made by a later version. The message says where. */
export class ArchiveDamaged extends Data.TaggedError("ArchiveDamaged")<{ readonly message: string }> {
  readonly code = "archive_damaged"
}

const utf8 = new TextEncoder()

const jsonOf = (entry: Entry): unknown => {
  switch (entry._tag) {
    case "Site": {
      const { siteId, createdOn, declaration } = entry.site
      return { format, version, siteId, createdOn, declaration }
    }
    case "AccessGroup": {
      const { id, name, shortId, slug, createdOn } = entry.accessGroup
      return { accessGroup: { id, name, shortId, slug, createdOn } }
    }
    case "User":
      return { user: entry.user }
    case "Event": {
      const { userId, at, actor, label, address, before, after } = entry.event
      return { event: { userId, at, actor, label, address, before, after } }
    }
  }
}

const lineOf = (entry: Entry): string => `${JSON.stringify(jsonOf(entry))}\n`

const lastLine = ({ sha256, ...counts }: Summary): string => JSON.stringify({ end: counts, sha256 })

const kinds = { Site: undefined, AccessGroup: "accessGroups", User: "users", Event: "events" } as const

/** Counts entries and sums their lines up. */
const tally = (sha256: Sha256) => {
  const counts = { accessGroups: 0, users: 0, events: 0 }
  let summary: Summary | undefined
  return {
    counts,
    add: (bytes: Uint8Array) => sha256.update(bytes),
    count: ({ _tag }: Entry) => {
      const kind = kinds[_tag]
      if (kind !== undefined) counts[kind] += 1
    },
    /** Of all that was added, when that is all. */
    summary: (): Summary => (summary ??= { ...counts, sha256: sha256.digest() }),
  }
}

/** Writes an archive: the lines of entries as they come, then the last one. */
export interface Writer {
  readonly add: (entries: ReadonlyArray<Entry>) => Uint8Array
  readonly summary: () => Summary
  /** The last line. */
  readonly end: () => Uint8Array
}

/** Writes one archive: a line an entry, and at the end what tells a whole one from one that was cut off. */
export const writer = (sha256: Sha256): Writer => {
  const total = tally(sha256)
  return {
    add: (entries) => {
      entries.forEach(total.count)
      const bytes = utf8.encode(entries.map(lineOf).join(""))
      total.add(bytes)
      return bytes
    },
    summary: total.summary,
    end: () => utf8.encode(`${lastLine(total.summary())}\n`),
  }
}

/** The bytes of an archive. */
export const encode = <E, R>(entries: Stream.Stream<Entry, E, R>, to: Writer): Stream.Stream<Uint8Array, E, R> =>
  Stream.concat(
    Stream.mapArray(entries, (some) => [to.add(some)]),
    Stream.suspend(() => Stream.succeed(to.end())),
  )

/** Reads an archive. */
export interface Reader {
  /** What the next bytes complete. */
  readonly take: (bytes: Uint8Array) => Result.Result<ReadonlyArray<Entry>, ArchiveDamaged>
  /** Whether that was all, and right. */
  readonly end: () => Result.Result<Summary, ArchiveDamaged>
}

const strictly = <S extends Schema.Decoder<unknown>>(schema: S) => {
  const decode = Schema.decodeUnknownOption(schema, { onExcessProperty: "error" })
  return (json: unknown): boolean => Option.isSome(decode(json))
}
const isSite = strictly(
  Schema.Struct({
    format: Schema.Literal(format),
    version: Schema.Literal(version),
    siteId: SiteId,
    createdOn: Schema.String,
    declaration: Schema.NullOr(SiteDeclaration),
  }),
)
const isAccessGroup = strictly(Schema.Struct({ accessGroup: AccessGroup }))
const origin = Schema.NullOr(Schema.NonEmptyString)
const isEvent = strictly(
  Schema.Struct({
    event: Schema.Struct({
      userId: UserId,
      at: Schema.String,
      actor: Schema.String,
      label: origin,
      address: origin,
      before: Schema.Unknown,
      after: Schema.Unknown,
    }),
  }),
)

const isNewer = Schema.is(
  Schema.Struct({ format: Schema.Literal(format), version: Schema.Int.check(Schema.isGreaterThan(version)) }),
)
const isEnd = Schema.is(
  Schema.Struct({
    end: Schema.Struct({ accessGroups: Schema.Int, users: Schema.Int, events: Schema.Int }),
    sha256: Schema.String,
  }),
)

type Line = { readonly format: string } & ArchivedSite
interface Held {
  readonly accessGroup: AccessGroup
  readonly user: unknown
  readonly event: ArchivedEvent
}

/** An entry as the line has it: what decoding gives has its properties in another order. */
const entryOf = (json: object): Entry | undefined => {
  const { user, accessGroup, event } = json as Held
  if (isArchivable(user)) return Object.keys(json).length === 1 ? { _tag: "User", user } : undefined
  if (isAccessGroup(json)) {
    return Object.values(accessGroup).every(isKey) ? { _tag: "AccessGroup", accessGroup } : undefined
  }
  if (isSite(json)) return { _tag: "Site", site: json as Line }
  if (!isEvent(json)) return undefined
  const { userId, at, actor, label, address, before, after } = event
  if (![at, actor, label ?? "", address ?? ""].every(isKeepable)) return undefined
  const isOfUser = isArchivable(before) && isArchivable(after) && before.id === userId && after.id === userId
  return isOfUser ? { _tag: "Event", event } : undefined
}

const ranks = { Site: 0, AccessGroup: 1, User: 2, Event: 3 } as const satisfies Record<Entry["_tag"], number>

/** Whether an entry may follow those before it: kinds in their order, nothing twice. */
const sequel = () => {
  let last: Entry | undefined
  const slugs = new Set<string>()
  return (entry: Entry): boolean => {
    const before = last
    last = entry
    if (before === undefined || entry._tag === "Site") return before === undefined && entry._tag === "Site"
    if (ranks[entry._tag] < ranks[before._tag]) return false
    if (entry._tag === "User") return before._tag !== "User" || before.user.id < entry.user.id
    if (entry._tag !== "AccessGroup") return true
    const { slug } = entry.accessGroup
    return !slugs.has(slug) && slugs.add(slug) !== undefined
  }
}

/** Reads one archive, line by line, and refuses what was changed, damaged or cut off. */
export const reader = (sha256: Sha256): Reader => {
  const total = tally(sha256)
  const follows = sequel()
  const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true })
  let number = 0
  let rest: ReadonlyArray<Uint8Array> = []
  let restLength = 0
  let isEnded = false

  const damaged = (why: string) => new ArchiveDamaged({ message: `Line ${number} of the archive ${why}` })

  const tooLong = () => {
    number += 1
    return Result.fail(damaged("is longer than any that was ever written"))
  }

  const endWith = (text: string, found: unknown): ArchiveDamaged | undefined => {
    isEnded = true
    const summary = total.summary()
    if (lastLine(summary) === text) return undefined
    if (!isEnd(found)) return damaged("is damaged")
    const differs = (["accessGroups", "users", "events"] as const).find((kind) => found.end[kind] !== summary[kind])
    const names = { accessGroups: "access groups", users: "users", events: "events" }
    return new ArchiveDamaged({
      message:
        differs === undefined
          ? `The archive is not what was written: its SHA-256 is ${summary.sha256}, and its last line says another`
          : `The archive has ${summary[differs]} ${names[differs]}, and its last line says ${found.end[differs]}`,
    })
  }

  const readLine = (bytes: Uint8Array): Result.Result<Entry | undefined, ArchiveDamaged> => {
    number += 1
    if (isEnded) return Result.fail(damaged("comes after its end"))
    let text: string
    let json: unknown
    try {
      text = decoder.decode(bytes)
      json = JSON.parse(text)
    } catch {
      return Result.fail(damaged("is damaged"))
    }
    if (number === 1 && isNewer(json)) {
      const message = `The archive is of version ${json.version}, and this program reads version ${version}`
      return Result.fail(new ArchiveDamaged({ message }))
    }
    if (text.startsWith('{"end":')) {
      const problem = number === 1 ? damaged("is not an archive's first") : endWith(text, json)
      return problem === undefined ? Result.succeed(undefined) : Result.fail(problem)
    }
    const entry = Predicate.isObject(json) ? entryOf(json) : undefined
    // What would be written otherwise was not written: so the same bytes come out of the store again.
    if (entry === undefined || JSON.stringify(jsonOf(entry)) !== text) {
      return Result.fail(damaged("is damaged"))
    }
    if (!follows(entry)) return Result.fail(damaged("is not in its place, or there twice"))
    total.count(entry)
    total.add(bytes)
    total.add(Uint8Array.of(0x0a))
    return Result.succeed(entry)
  }

  return {
    take: (bytes) => {
      const entries: Array<Entry> = []
      let from = 0
      for (let to = bytes.indexOf(0x0a); to !== -1; to = bytes.indexOf(0x0a, from)) {
        if (restLength + to - from > maxLine) return tooLong()
        const read = readLine(joined([...rest, bytes.subarray(from, to)]))
        if (Result.isFailure(read)) return Result.fail(read.failure)
        if (read.success !== undefined) entries.push(read.success)
        rest = []
        restLength = 0
        from = to + 1
      }
      const left = bytes.subarray(from)
      restLength += left.length
      if (restLength > maxLine) return tooLong()
      if (left.length > 0) rest = [...rest, left]
      return Result.succeed(entries)
    },
    end: () =>
      isEnded && restLength === 0
        ? Result.succeed(total.summary())
        : Result.fail(new ArchiveDamaged({ message: "The archive was cut off: its last line is missing" })),
  }
}

/** The entries of an archive. It fails at the end too, where all of it turns out to be something else than was written. */
export const decode = <E, R>(
  bytes: Stream.Stream<Uint8Array, E, R>,
  by: Reader,
): Stream.Stream<Entry, E | ArchiveDamaged, R> =>
  bytes.pipe(
    Stream.mapEffect((some) => Effect.fromResult(by.take(some))),
    Stream.flattenIterable,
    Stream.concat(Stream.fromEffectDrain(Effect.suspend(() => Effect.fromResult(by.end())))),
  )
