import { DatabaseSync } from "node:sqlite"
import { describe, expect, it } from "@effect/vitest"
import { CopySite, SiteArchive, UserPatch, UserStore } from "@webflow-users/core"
import { Context, Effect } from "effect"
import { database } from "../../../test/postgres.ts"
import { exported, file, linesOf, member, open, otherSiteId, seed, sha256, siteId, type Store } from "./archives.ts"

const stores = { SQLite: file, PostgreSQL: database() } as const
type Kind = keyof typeof stores
const ways: ReadonlyArray<readonly [from: Kind, to: Kind]> = [
  ["SQLite", "PostgreSQL"],
  ["PostgreSQL", "SQLite"],
  ["SQLite", "SQLite"],
]

const on =
  (store: Store) =>
  <A, E, R>(effect: Effect.Effect<A, E, R>) =>
    Effect.provideContext(effect, store)
const archive = (store: Store) => Context.get(store, SiteArchive.SiteArchive)
const many = Array.from({ length: 250 }, (_, index) => member(100 + index))
const update = UserStore.UserStore.use((store) =>
  store.update(siteId, member(101).id, UserPatch.UserPatch.from({ data: { name: "Later" }, accessGroups: ["empty"] })),
)

describe("a site that is copied", () => {
  it.live.each(ways)("from %s to %s is the same there, and told by counts and checksum", ([from, to]) =>
    Effect.gen(function* () {
      const [source, target] = yield* Effect.all([Effect.flatMap(stores[from], open), Effect.flatMap(stores[to], open)])
      yield* seed(many).pipe(on(source))
      const before = yield* exported.pipe(on(source))
      const sites = yield* archive(source).sites
      expect(sites).toEqual([siteId, otherSiteId])
      const plan = CopySite.missing(archive(source), archive(target), sites, sha256)
      expect(yield* plan).toEqual(sites)
      const report = yield* CopySite.copySite(archive(source), archive(target), siteId, sha256)
      const { end, sha256: sum } = JSON.parse(linesOf(before).at(-1) ?? "")
      expect(report).toEqual({ siteId, ...end, sha256: sum, since: undefined })
      expect(yield* exported.pipe(on(target))).toBe(before)
      expect(yield* exported.pipe(on(source))).toBe(before)

      // What is there already, alike, need not be copied again; what is there otherwise is in the way.
      expect(yield* plan).toEqual([otherSiteId])
      yield* update.pipe(on(target))
      expect(yield* Effect.flip(plan)).toMatchObject({ _tag: "SiteOccupied", siteId })
      const again = CopySite.copySite(archive(source), archive(target), siteId, sha256)
      expect(yield* Effect.flip(again)).toMatchObject({ _tag: "SiteOccupied", siteId })
    }),
  )

  it.live.each(ways)("from %s to %s is as it was when it was read; what came since is told", ([from, to]) =>
    Effect.gen(function* () {
      const [source, target] = yield* Effect.all([Effect.flatMap(stores[from], open), Effect.flatMap(stores[to], open)])
      yield* seed(many).pipe(on(source))
      const before = yield* exported.pipe(on(source))
      let steps = 0
      const report = yield* CopySite.copySite(archive(source), archive(target), siteId, sha256, () =>
        Effect.suspend(() => ((steps += 1) === 1 ? Effect.orDie(update).pipe(on(source)) : Effect.void)),
      )
      expect(yield* exported.pipe(on(target))).toBe(before)
      expect(report.since).toEqual({ users: 0, accessGroups: 0, events: 1 })
      // It is read three times, in several steps.
      expect(steps).toBeGreaterThan(6)
    }),
  )

  it.live("is not said to be there when the other store gives something else back", () =>
    Effect.gen(function* () {
      const address = yield* file
      const [source, target] = yield* Effect.all([Effect.flatMap(file, open), open(address)])
      yield* seed().pipe(on(source))
      const other = new DatabaseSync(address.slice("file:".length))
      other.exec(`CREATE TRIGGER careless AFTER INSERT ON users BEGIN
        UPDATE users SET document = replace(document, '"status":null,', '') WHERE id = NEW.id; END`)
      other.close()
      const failed = yield* Effect.flip(CopySite.copySite(archive(source), archive(target), siteId, sha256))
      expect(failed).toMatchObject({ _tag: "CopyDiffers", message: expect.stringMatching(/4 users.*4 users/) })
    }),
  )
})
