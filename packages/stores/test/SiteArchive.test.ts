import { DatabaseSync } from "node:sqlite"
import { describe, expect, it } from "@effect/vitest"
import { NewUsers, SiteArchive, Sites, type User, UserEvents, UserPatch, UserStore } from "@webflow-users/core"
import type { StoreAddress } from "@webflow-users/stores"
import { Clock, Effect, Fiber, Stream } from "effect"
import fc from "fast-check"
import type pg from "pg"
import { user as anyUser } from "../../core/test/arbitraries.ts"
import { database, outsider } from "../../../test/postgres.ts"
import {
  entriesOf,
  exported,
  file,
  imported,
  linesOf,
  member,
  open,
  otherSiteId,
  sealed,
  seed,
  siteId,
  type Store,
  textOf,
} from "./archives.ts"

const stores = { SQLite: file, PostgreSQL: database() } as const
type Services = StoreAddress.ArchivedServices
type Kind = keyof typeof stores
const kinds = Object.keys(stores) as ReadonlyArray<Kind>
const fresh = (kind: Kind) => Effect.flatMap(stores[kind], open)
const on =
  (store: Store) =>
  <A, E, R>(effect: Effect.Effect<A, E, R>) =>
    Effect.provideContext(effect, store)

const add = (users: ReadonlyArray<User>) => NewUsers.use((newUsers) => newUsers.add(siteId, () => users))
const update = (user: User, body: object) =>
  UserStore.UserStore.use((store) => store.update(siteId, user.id, UserPatch.UserPatch.from(body)))
const contents = SiteArchive.SiteArchive.use((archive) => archive.contents(siteId))
const nothing = { accessGroups: 0, users: 0, events: 0, isDeclared: false }

const roundTrips: ReadonlyArray<readonly [from: Kind, through: Kind]> = [
  ["SQLite", "SQLite"],
  ["SQLite", "PostgreSQL"],
  ["PostgreSQL", "SQLite"],
  ["PostgreSQL", "PostgreSQL"],
]

describe("an archive", () => {
  it.live.each(roundTrips)("from %s through %s and back is the same, byte by byte", ([from, through]) =>
    Effect.gen(function* () {
      const [source, target, back] = yield* Effect.all([fresh(from), fresh(through), fresh(from)])
      // The last page is full in one, and has one in another.
      yield* seed(Array.from({ length: 597 }, (_, index) => member(100 + index))).pipe(on(source))
      const first = yield* exported.pipe(on(source))
      const summary = yield* imported(first).pipe(on(target))
      const second = yield* exported.pipe(on(target))
      expect(second).toBe(first)
      yield* imported(second).pipe(on(back))
      expect(yield* exported.pipe(on(back))).toBe(first)

      const counts = { accessGroups: 4, users: 601, events: 6 }
      expect(summary).toMatchObject(counts)
      expect(JSON.parse(linesOf(first).at(-1) ?? "")).toEqual({ end: counts, sha256: summary.sha256 })
      expect(sealed(linesOf(first).slice(0, -1))).toBe(first)
      expect(first).not.toContain(otherSiteId)

      const told = UserEvents.use((events) => events.ofUser(siteId, member(1).id)).pipe(
        Effect.map((events) => events.map(({ sequence: _, ...event }) => event)),
      )
      expect(yield* told.pipe(on(back))).toEqual(yield* told.pipe(on(source)))
      // What was restored is a site like any other.
      const declared = UserStore.UserStore.use((store) => store.declaration(siteId))
      expect(yield* declared.pipe(on(back))).toEqual(yield* declared.pipe(on(source)))
      const found = UserStore.UserStore.use((store) => store.findByEmail(siteId, "ada@EXAMPLE.com"))
      expect((yield* found.pipe(on(back))).id).toBe(member(1).id)
      yield* update(member(101), {}).pipe(on(back))
      const events = yield* UserEvents.use((all) => all.ofUser(siteId, member(101).id)).pipe(on(back))
      expect(events.map(({ before }) => before)).toEqual([member(101), events[0]?.after])
    }),
  )

  it.live("of whatever users there are comes back, byte by byte", () =>
    Effect.promise(() =>
      fc.assert(
        fc.asyncProperty(fc.uniqueArray(anyUser, { selector: ({ id }) => id, maxLength: 30 }), (users) => {
          const emails = new Set<string>()
          // One site has one user an address.
          const distinct = users.filter(({ data: { email } }) => {
            const key = (email ?? "").trim().toLowerCase()
            return key === "" || (!emails.has(key) && emails.add(key) !== undefined)
          })
          return Effect.gen(function* () {
            const [source, target] = yield* Effect.all([open("file::memory:"), open("file::memory:")])
            yield* add(distinct).pipe(on(source))
            for (const user of distinct) yield* Effect.ignore(update(user, { data: { drink: "Tea" } })).pipe(on(source))
            const first = yield* exported.pipe(on(source))
            yield* imported(first, 97).pipe(on(target))
            expect(yield* exported.pipe(on(target))).toBe(first)
          }).pipe(Effect.scoped, Effect.runPromise)
        }),
        { numRuns: 50 },
      ),
    ),
  )

  it.live.each(kinds)("on %s has the documents as they stand in the store", (kind) =>
    Effect.gen(function* () {
      const [source, target] = yield* Effect.all([fresh(kind), fresh(kind)])
      const strange = member(9, { zeta: 1, alpha: { b: [{}], a: null }, data: { zoo: "1", ant: null, name: "N" } })
      const backwards = Object.fromEntries(Object.entries(strange).toReversed()) as User
      yield* add([backwards]).pipe(on(source))
      yield* imported(yield* exported.pipe(on(source))).pipe(on(target))
      const entry = (yield* entriesOf(Effect.void).pipe(on(target))).find(({ _tag }) => _tag === "User")
      expect(JSON.stringify(entry)).toBe(JSON.stringify({ _tag: "User", user: backwards }))
    }),
  )

  it.live.each(kinds)("of a site with nothing in it, and of one that is not there, on %s", (kind) =>
    Effect.gen(function* () {
      const [source, target] = yield* Effect.all([fresh(kind), fresh(kind)])
      expect(yield* Effect.flip(exported.pipe(on(source)))).toMatchObject({ _tag: "SiteNotFound" })
      yield* add([]).pipe(on(source))
      // Made at another moment, which is not the one to keep.
      const made = yield* Clock.currentTimeMillis
      yield* Effect.repeat(Clock.currentTimeMillis, { until: (now) => now > made })
      yield* add([]).pipe(on(target))
      const first = yield* exported.pipe(on(source))
      expect(linesOf(first)).toHaveLength(2)
      yield* imported(first).pipe(on(target))
      // Of which it can be said again: there is nothing to merge with.
      yield* imported(first).pipe(on(target))
      expect(yield* exported.pipe(on(target))).toBe(first)
      expect(yield* SiteArchive.SiteArchive.use((archive) => archive.sites).pipe(on(target))).toEqual([siteId])
    }),
  )

  it.live.each(kinds)("cannot be made of what is no user, on %s, and says which it is", (kind) =>
    Effect.gen(function* () {
      const address = yield* stores[kind]
      const store = yield* open(address)
      yield* seed().pipe(on(store))
      const spoil = (statement: string) =>
        kind === "SQLite"
          ? Effect.sync(() => {
              const other = new DatabaseSync(address.slice("file:".length))
              other.exec(statement)
              other.close()
            })
          : Effect.flatMap(outsider(address), (client) => Effect.promise(() => client.query(statement)))
      yield* spoil(`UPDATE user_events SET after_user = '{"hush": 1}' WHERE user_id = '${member(2).id}'`)
      const event = yield* Effect.flip(exported.pipe(on(store)))
      expect(event).toMatchObject({ _tag: "SiteUnreadable", message: expect.stringContaining(member(2).id) })
      yield* spoil(`UPDATE users SET document = '{"hush"' WHERE id = '${member(3).id}'`)
      const found = yield* Effect.flip(exported.pipe(on(store)))
      expect(found).toMatchObject({ _tag: "SiteUnreadable", message: expect.stringContaining(member(3).id) })
      yield* spoil(`UPDATE sites SET declaration = '[]'`)
      const site = yield* Effect.flip(exported.pipe(on(store)))
      expect(site).toMatchObject({ _tag: "SiteUnreadable", message: expect.stringContaining("declaration") })
      expect(JSON.stringify([event, found, site])).not.toContain("hush")

      // Neither of what is somebody else.
      const stranger = JSON.stringify(member(5))
      yield* spoil(`UPDATE sites SET declaration = NULL`)
      yield* spoil(`UPDATE users SET document = '${stranger}' WHERE id = '${member(3).id}'`)
      expect((yield* Effect.flip(exported.pipe(on(store)))).message).toContain(member(3).id)
      yield* spoil(`DELETE FROM users WHERE id = '${member(3).id}'`)
      yield* spoil(`UPDATE user_events SET after_user = '${stranger}' WHERE user_id = '${member(2).id}'`)
      expect((yield* Effect.flip(exported.pipe(on(store)))).message).toContain(member(2).id)
    }),
  )
})

describe("a site that is read", () => {
  it.live.each(kinds)("on %s is as it was when its first entry was asked for; writers go on", (kind) =>
    Effect.gen(function* () {
      const store = yield* fresh(kind)
      const many = Array.from({ length: 450 }, (_, index) => member(100 + index))
      yield* seed(many).pipe(on(store))
      const before = yield* exported.pipe(on(store))
      const newest = member(999, { accessGroups: [{ slug: "new", type: "admin" }] })
      const writing = Effect.all([
        update(member(549), { data: { name: "Later" }, accessGroups: ["empty"] }),
        add([newest]),
        Sites.use((sites) => sites.declare(siteId, {})),
      ])
      const entries = yield* entriesOf(writing).pipe(on(store))
      expect(yield* textOf(Stream.fromIterable(entries))).toBe(before)
      const after = yield* exported.pipe(on(store))
      expect(linesOf(after).length).toBe(linesOf(before).length + 3)
    }),
  )

  it.live.each(kinds)("on %s agrees with itself while somebody writes all the time", (kind) =>
    Effect.gen(function* () {
      const address = yield* stores[kind]
      const [store, writer] = yield* Effect.all([open(address), open(address)])
      const many = Array.from({ length: 420 }, (_, index) => member(100 + index))
      yield* add(many).pipe(on(store))
      let writes = 0
      const write = Effect.suspend(() => update(many[(writes * 97) % many.length]!, { data: { count: (writes += 1) } }))
      const writing = yield* Effect.forkChild(Effect.forever(Effect.andThen(write, Effect.yieldNow)).pipe(on(writer)))
      let last = 0
      for (let round = 0; round < 5; round += 1) {
        const from = writes
        // Somebody has written between its first entry and the next.
        const written = Effect.repeat(Effect.yieldNow, { until: () => writes > from + 3 })
        yield* written
        const entries = yield* entriesOf(written).pipe(on(store))
        const users = new Map(entries.flatMap((entry) => (entry._tag === "User" ? [[entry.user.id, entry.user]] : [])))
        const events = entries.flatMap((entry) => (entry._tag === "Event" ? [entry.event] : []))
        const latest = new Map(many.map((user) => [user.id, user]))
        for (const { userId, before, after } of events) {
          expect(before).toEqual(latest.get(userId))
          latest.set(userId, after)
        }
        expect(users).toEqual(latest)
        expect(events.length).toBeGreaterThan(last)
        last = events.length
      }
      yield* Fiber.interrupt(writing)
    }),
  )

  it.live("leaves a connection of PostgreSQL without a transaction, however it ends", () =>
    Effect.gen(function* () {
      const address = yield* database()
      const store = yield* open(address)
      yield* seed().pipe(on(store))
      yield* Effect.flip(entriesOf(Effect.fail("enough")).pipe(on(store)))
      yield* exported.pipe(on(store))
      const client = yield* outsider(address)
      const idle =
        "SELECT state FROM pg_stat_activity WHERE application_name = 'webflow-users' AND datname = current_database()"
      yield* Effect.repeat(
        Effect.promise(() => client.query<{ state: string }>(idle)),
        { until: ({ rows }) => rows.length > 0 && rows.every(({ state }) => state === "idle") },
      )
    }),
  )
})

describe("a site that is taken in", () => {
  it.live.each(kinds)("on %s is not there when the stream fails, and neither is what came before", (kind) =>
    Effect.gen(function* () {
      const [source, target] = yield* Effect.all([fresh(kind), fresh(kind)])
      yield* seed(Array.from({ length: 250 }, (_, index) => member(100 + index))).pipe(on(source))
      const entries = yield* entriesOf(Effect.void).pipe(on(source))
      const torn = Stream.concat(Stream.fromIterable(entries), Stream.fail("torn"))
      const failed = yield* Effect.flip(
        SiteArchive.SiteArchive.use((archive) => archive.write(siteId, torn)).pipe(on(target)),
      )
      expect(failed).toBe("torn")
      expect(yield* contents.pipe(on(target))).toEqual(nothing)
      expect(yield* SiteArchive.SiteArchive.use((archive) => archive.sites).pipe(on(target))).toEqual([])
    }),
  )

  const obstacles: ReadonlyArray<readonly [what: string, Effect.Effect<unknown, unknown, Services>]> = [
    ["users", add([member(1)])],
    ["a declaration", Sites.use((sites) => sites.declare(siteId, { fields: [] }))],
    ["groups", Sites.use((sites) => sites.declare(siteId, { accessGroups: [{ slug: "a", name: "A" }] }))],
  ]
  it.live.each(kinds.flatMap((kind) => obstacles.map(([what, make]) => [kind, what, make] as const)))(
    "is refused on %s where the site has %s",
    ([kind, _, make]) =>
      Effect.gen(function* () {
        const [source, target] = yield* Effect.all([fresh(kind), fresh(kind)])
        yield* seed().pipe(on(source))
        yield* make.pipe(on(target))
        const before = yield* exported.pipe(on(target))
        const archived = yield* exported.pipe(on(source))
        const refused = yield* Effect.flip(imported(archived).pipe(on(target)))
        expect(refused).toMatchObject({ _tag: "SiteOccupied", siteId })
        expect(yield* exported.pipe(on(target))).toBe(before)
      }),
  )

  it.live("waits for who takes users in on PostgreSQL, and is refused then", () =>
    Effect.gen(function* () {
      const address = yield* database()
      const [source, target, beside] = yield* Effect.all([open("file::memory:"), open(address), open(address)])
      yield* seed().pipe(on(source))
      const archived = yield* exported.pipe(on(source))
      const client = yield* outsider(address)
      // Users are on their way into the site, and cannot be written yet.
      yield* Effect.promise(() => client.query("BEGIN; LOCK TABLE users IN SHARE MODE"))
      const adding = yield* Effect.forkChild(add([member(7)]).pipe(on(beside)))
      yield* untilWaiting(client, 1)
      const importing = yield* Effect.forkChild(Effect.flip(imported(archived).pipe(on(target))))
      yield* untilWaiting(client, 2)
      yield* Effect.promise(() => client.query("COMMIT"))
      yield* Fiber.join(adding)
      expect(yield* Fiber.join(importing)).toMatchObject({ _tag: "SiteOccupied" })
    }),
  )

  it.live.each(kinds)("has what only checks of the database can find refused as a whole, on %s", (kind) =>
    Effect.gen(function* () {
      const target = yield* fresh(kind)
      const site = { format: "webflow-users-archive", version: 1, siteId, createdOn: "2024", declaration: null }
      const twins = [member(1), { ...member(2), data: member(1).data }].map((user) => ({ user }))
      const archived = sealed([site, ...twins].map((line) => JSON.stringify(line)))
      const refused = yield* Effect.flip(imported(archived).pipe(on(target)))
      expect(refused).toMatchObject({ _tag: "DuplicateEntry" })
      expect(yield* contents.pipe(on(target))).toEqual(nothing)
    }),
  )
})

const untilWaiting = (client: pg.Client, many: number) =>
  Effect.repeat(
    Effect.promise(() =>
      client.query(`SELECT 1 FROM pg_stat_activity WHERE application_name = 'webflow-users'
        AND datname = current_database() AND wait_event_type = 'Lock'`),
    ),
    { until: ({ rows }) => rows.length >= many },
  )
