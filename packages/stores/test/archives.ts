/** What tests of archives need: stores to take them from and put them into, and a site with everything awkward in it. */
import { createHash } from "node:crypto"
import { mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import {
  Actor,
  ArchiveLines,
  NewUsers,
  parseSiteId,
  SiteArchive,
  type SiteId,
  Sites,
  type User,
  UserId,
  UserPatch,
  UserStore,
} from "@webflow-users/core"
import { StoreAddress } from "@webflow-users/stores"
import { type Context, Effect, Layer, Stream } from "effect"

export const siteId = parseSiteId("580e63e98c9a982ac9b8b741") as SiteId
export const otherSiteId = parseSiteId("580e63e98c9a982ac9b8b7ff") as SiteId

export const sha256 = (): ArchiveLines.Sha256 => {
  const hash = createHash("sha256")
  return { update: (bytes) => void hash.update(bytes), digest: () => hash.digest("hex") }
}

/** The address of a database file in a folder of its own, for as long as the test runs. */
export const file = Effect.acquireRelease(
  Effect.sync(() => mkdtempSync(join(tmpdir(), "webflow-users-archive-"))),
  (folder) => Effect.sync(() => rmSync(folder, { recursive: true })),
).pipe(Effect.map((folder) => `file:${join(folder, "users.db")}`))

export type Store = Context.Context<StoreAddress.ArchivedServices>

/** An open store, until the test ends. */
export const open = (address: string) => Layer.build(StoreAddress.layerArchived(address))

/** All of a site, entry by entry. `meanwhile` is done when the first one was read. */
export const entriesOf = <A, E, R>(meanwhile: Effect.Effect<A, E, R>) =>
  Effect.gen(function* () {
    const archive = yield* SiteArchive.SiteArchive
    const read = Stream.tap(archive.read(siteId), ({ _tag }) => (_tag === "Site" ? meanwhile : Effect.void))
    return yield* Stream.runCollect(read)
  })

/** Entries as an archive's text. */
export const textOf = <E, R>(entries: Stream.Stream<SiteArchive.Entry, E, R>) =>
  Effect.map(Stream.runCollect(ArchiveLines.encode(entries, ArchiveLines.writer(sha256()))), (bytes) =>
    Buffer.concat(bytes).toString("utf8"),
  )

/** All of the site, as text. */
export const exported = Effect.flatMap(SiteArchive.SiteArchive, (archive) => textOf(archive.read(siteId)))

export const linesOf = (archived: string): ReadonlyArray<string> => archived.split("\n").slice(0, -1)

/** Takes an archive of the site in, in pieces of so many bytes. */
export const imported = (archived: string | Uint8Array, size = 1000) =>
  Effect.gen(function* () {
    const archive = yield* SiteArchive.SiteArchive
    const bytes = Buffer.from(archived)
    const pieces = Array.from({ length: Math.ceil(bytes.length / size) }, (_, at) =>
      bytes.subarray(at * size, (at + 1) * size),
    )
    const reader = ArchiveLines.reader(sha256())
    yield* archive.write(siteId, ArchiveLines.decode(Stream.fromIterable(pieces), reader))
    return yield* Effect.fromResult(reader.end())
  })

/** The same lines, with what is to stand in the last of them. */
export const sealed = (lines: ReadonlyArray<string>): string => {
  const text = lines.map((line) => `${line}\n`).join("")
  const count = (kind: string) => lines.filter((line) => line.startsWith(`{"${kind}":`)).length
  const end = { accessGroups: count("accessGroup"), users: count("user"), events: count("event") }
  return `${text}${JSON.stringify({ end, sha256: createHash("sha256").update(text).digest("hex") })}\n`
}

export const member = (index: number, rest: Partial<User> = {}): User => ({
  id: UserId.make(`6287ec36a841b25637${(0x400000 + index).toString(16)}`),
  lastUpdated: "2022-05-20T13:46:12.093Z",
  accessGroups: [],
  data: { email: `member${index}@example.com` },
  ...rest,
})

const awkward: ReadonlyArray<User> = [
  member(1, {
    accessGroups: [
      { slug: "größe m", type: "admin" },
      { slug: "course", type: "ecommerce" },
    ],
    data: {
      name: "名前 😀\u2028\n\r\t\"\\'",
      email: "ADA@Example.com",
      drink: null,
      "0": 1e-7,
      "accept-privacy": false,
    },
  }),
  // No address, no name; nulls, and what nobody documented.
  { data: {}, undocumented: [1, { deep: [null, { deeper: "😀" }] }], accessGroups: [], id: member(2).id, status: null },
  member(3, { data: { plan: { id: "gold", name: "Gold", slug: "gold" }, email: null, toString: "own", "\u0000": "" } }),
  member(4, { data: JSON.parse('{"__proto__":"kept","name":"\\ud800"}') }),
]

const declaration = {
  accessGroups: [
    { slug: "größe m", name: "Größe M" },
    { slug: "course", name: "Course" },
    { slug: "empty", name: "Nobody 😀" },
  ],
  fields: [{ type: "Number", slug: "age", minimum: 0 } as const, { slug: "drink", type: "PlainText" } as const],
}

const rename = (index: number, body: object) =>
  UserStore.UserStore.use((store) => store.update(siteId, member(index).id, UserPatch.UserPatch.from(body)))

/** A declared site with these users beside the awkward ones, some of them updated; and another site, whose events lie between. */
export const seed = (users: ReadonlyArray<User> = []) =>
  Effect.gen(function* () {
    const newUsers = yield* NewUsers
    yield* newUsers.add(siteId, () => [...awkward, ...users])
    yield* newUsers.add(otherSiteId, () => [member(1)])
    yield* rename(1, { data: { name: "Ada" }, accessGroups: ["platinum"] })
    yield* UserStore.UserStore.use((store) =>
      store.update(otherSiteId, member(1).id, UserPatch.UserPatch.from({ data: { name: "Elsewhere" } })),
    )
    yield* rename(2, {}).pipe(
      Effect.provideService(Actor, { actor: "token:1", label: "Größe “M”", address: "2001:db8::1" }),
    )
    yield* rename(1, { data: { drink: "Tea", "0": null } }).pipe(
      Effect.provideService(Actor, { actor: "cli", address: "127.0.0.1" }),
    )
    yield* Sites.use((sites) => sites.declare(siteId, declaration))
    for (const user of users.slice(0, 3)) {
      yield* UserStore.UserStore.use((store) => store.update(siteId, user.id, UserPatch.UserPatch.from({})))
    }
  })
