/** A user's record in SQLite: from event to event, beside events that are in an index only, in the order of all of them. */
import { DatabaseSync } from "node:sqlite"
import { describe, expect, it } from "@effect/vitest"
import { NewUsers, SiteArchive, type User, UserEvents, UserPatch, UserStore, Webhooks } from "@webflow-users/core"
import { StoreAddress } from "@webflow-users/stores"
import { Context, DateTime, Effect, Layer, Redacted, Stream } from "effect"
import { exported, file, imported, member, open, siteId, type Store } from "./archives.ts"
import { firstVersion } from "./firstVersion.ts"
import { spansOf } from "./spans.ts"

const [ada, bob] = [member(1), member(2)]

/** A store, what it is to ask of it, and another program's connection to its file. */
const made = Effect.gen(function* () {
  const address = yield* file
  const store = yield* open(address)
  const other = yield* outsider(address)
  yield* NewUsers.use((newUsers) => newUsers.add(siteId, () => [ada, bob])).pipe(on(store))
  return { address, store, other }
})

const outsider = (address: string) =>
  Effect.acquireRelease(
    Effect.sync(() => new DatabaseSync(address.slice("file:".length))),
    (database) => Effect.sync(() => database.close()),
  )

const on =
  (store: Store) =>
  <A, E, R>(effect: Effect.Effect<A, E, R>) =>
    Effect.provideContext(effect, store)

/** So many updates of each of them, by this version. */
const updates = (many: number, ...users: ReadonlyArray<User>) =>
  Effect.forEach(
    Array.from({ length: many }, () => users).flat(),
    (user, at) =>
      UserStore.UserStore.use((store) =>
        store.update(siteId, user.id, UserPatch.UserPatch.from({ data: { name: `${at}` } })),
      ),
    { concurrency: 32, discard: true },
  )

/** So many events of a user as versions before this one write them. */
const earlier = (other: DatabaseSync, many: number, user: User, at = "2026-01-01T00:00:00.000Z") => {
  const insert = other.prepare(
    "INSERT INTO user_events (site_id, user_id, at, actor, before_user, after_user) VALUES (?, ?, ?, 'earlier', ?, ?)",
  )
  const document = JSON.stringify(user)
  other.exec("BEGIN IMMEDIATE")
  for (let written = 0; written < many; written += 1) insert.run(siteId, user.id, at, document, document)
  other.exec("COMMIT")
}

const sequences = (other: DatabaseSync, { id }: User) =>
  other
    .prepare("SELECT sequence FROM user_events WHERE user_id = ? ORDER BY sequence")
    .all(id)
    .map((row) => Number(row["sequence"]))

const latest = ({ id }: User, offset: number, limit: number) =>
  Effect.map(
    UserEvents.use((record) => record.latest(siteId, id, { offset, limit })),
    ({ events, total }) => ({ events: events.map(({ sequence }) => sequence), total }),
  )

/** What each event has to be entered in. */
const indexesOf = (other: DatabaseSync) =>
  other
    .prepare("SELECT sql FROM sqlite_schema WHERE type IN ('index', 'trigger') AND tbl_name = 'user_events'")
    .all()
    .map((row) => row["sql"])
const theIndex = "CREATE INDEX user_events_indexed ON user_events (site_id, user_id, sequence) WHERE previous IS NULL"

/** How a history came about: whose version wrote how many events. */
const histories = {
  "nothing happened": [],
  "earlier versions wrote": [["earlier", 130]],
  "this version wrote": [["now", 310]],
  "this version went on": [
    ["earlier", 120],
    ["now", 205],
  ],
  "two versions take turns": [
    ["earlier", 5],
    ["now", 99],
    ["earlier", 3],
    ["now", 120],
    ["earlier", 130],
    ["now", 101],
    ["earlier", 2],
  ],
} as const satisfies Record<string, ReadonlyArray<readonly [by: "earlier" | "now", many: number]>>

describe("a user's record in SQLite", () => {
  it.live.each(Object.entries(histories))("has every page of a history in its order where %s", ([, history]) =>
    Effect.gen(function* () {
      const { store, other } = yield* made
      for (const [by, many] of history) {
        if (by === "now") yield* updates(many, bob, ada).pipe(on(store))
        else for (const user of [ada, bob]) earlier(other, many, user)
      }
      const wanted = sequences(other, ada)
      expect(wanted).toHaveLength(history.reduce((sum, [, many]) => sum + many, 0))
      const all = yield* UserEvents.use((record) => record.ofUser(siteId, ada.id)).pipe(on(store))
      expect(all.map(({ sequence }) => sequence)).toStrictEqual(wanted)
      const backwards = wanted.toReversed()
      const pages = [
        ...Array.from({ length: wanted.length + 2 }, (_, offset) => [offset, 3] as const),
        ...[0, 1, 98, 99, 100, 101, 199, 200, 201].map((offset) => [offset, 100] as const),
      ]
      for (const [offset, limit] of pages) {
        expect(yield* latest(ada, offset, limit).pipe(on(store)), `${limit} from ${offset}`).toStrictEqual({
          events: backwards.slice(offset, offset + limit),
          total: wanted.length,
        })
      }
    }),
  )

  it.live("passes over what is not asked for, a hundred at a time", () =>
    Effect.gen(function* () {
      const { store, other } = yield* made
      earlier(other, 150, ada)
      yield* updates(450, ada).pipe(on(store))
      const all = sequences(other, ada).slice(150)
      const wanted = all.slice(40, 50).toReversed()
      // By way of the last, of each hundredth, and of those behind the page in its own hundred.
      const needed = [...all.slice(40, 100), all[199], all[299], all[399], all[449]]
      other.exec(`DELETE FROM user_events WHERE previous IS NOT NULL AND sequence NOT IN (${needed.join()})`)
      expect(yield* latest(ada, 400, 10).pipe(on(store))).toMatchObject({ events: wanted })
    }),
  )

  it.live("has nothing of an update in an index", () =>
    Effect.gen(function* () {
      const { store, other } = yield* made
      expect(indexesOf(other)).toStrictEqual([theIndex])
      earlier(other, 2, ada)
      yield* updates(20, ada, bob).pipe(on(store))
      expect(other.prepare("SELECT count(*) AS many FROM user_events WHERE previous IS NULL").get()).toEqual({
        many: 2,
      })
    }),
  )

  it.live("has nobody else's events, whatever somebody has done to the tables", () =>
    Effect.gen(function* () {
      const { store, other } = yield* made
      yield* updates(3, ada, bob).pipe(on(store))
      // Of ada's three, the second leads to bob, and then her last one is said to be one of his.
      other.exec("UPDATE user_events SET previous = 2 WHERE sequence = 3")
      expect(yield* latest(ada, 0, 10).pipe(on(store))).toMatchObject({ events: [5, 3] })
      other.exec(`UPDATE users SET last_event = 4 WHERE id = '${ada.id}'`)
      expect(yield* latest(ada, 0, 10).pipe(on(store))).toMatchObject({ events: [] })
    }),
  )

  it.live("goes on from what the first version left", () =>
    Effect.gen(function* () {
      const address = yield* file
      const other = yield* outsider(address)
      other.exec(firstVersion)
      other.exec(`INSERT INTO sites (id, created_on) VALUES ('${siteId}', '')`)
      other
        .prepare("INSERT INTO users VALUES (?, ?, '', '', '', '', '', ?)")
        .run(siteId, ada.id, JSON.stringify({ ...ada, data: {} }))
      earlier(other, 3, ada)
      const store = yield* open(address)
      yield* updates(2, ada).pipe(on(store))
      expect(yield* latest(ada, 1, 3).pipe(on(store))).toStrictEqual({ events: [4, 3, 2], total: 5 })
      expect(indexesOf(other)).toStrictEqual([theIndex])
    }),
  )

  it.live("is exported, counted and told again whole, whoever wrote it", () =>
    Effect.gen(function* () {
      const { address, store, other } = yield* made
      const since = DateTime.makeUnsafe("2025-12-31T00:00:00.000Z")
      // What comes first, and what comes last, is in an index in one site and in a chain in the other.
      earlier(other, 2, ada)
      yield* updates(2, ada, bob).pipe(on(store))
      // What follows is behind many others: further than is looked at at once.
      other.exec("UPDATE sqlite_sequence SET seq = 70000 WHERE name = 'user_events'")
      yield* updates(1, ada, bob).pipe(on(store))
      earlier(other, 1, bob)
      earlier(other, 1, ada, "2025-01-01T00:00:00.000Z")
      other.exec("UPDATE sqlite_sequence SET seq = 140000 WHERE name = 'user_events'")
      yield* updates(1, bob).pipe(on(store))
      const archive = yield* SiteArchive.SiteArchive.pipe(on(store))
      const events = yield* Stream.runCollect(archive.read(siteId)).pipe(
        Effect.map((entries) => entries.flatMap((entry) => (entry._tag === "Event" ? [entry.event.userId] : []))),
      )
      expect(events).toStrictEqual([ada, ada, ada, bob, ada, bob, ada, bob, bob, ada, bob].map(({ id }) => id))
      expect(yield* archive.contents(siteId)).toMatchObject({ users: 2, events: 11 })

      const webhooks = Context.get(yield* Layer.build(StoreAddress.layerWithWebhooks(address)), Webhooks)
      const webhook = { id: "a", siteId, url: "https://example.com", createdOn: "2026-01-01T00:00:00.000Z" }
      yield* webhooks.add({ ...webhook, secret: Redacted.make("whsec") })
      const spans = yield* spansOf(
        Effect.map(webhooks.replaySince(webhook, since), (replayed) => expect(replayed).toBe(10)),
      )
      for (const text of spans.map((span) => span.attributes.get("db.query.text"))) {
        const plan = other.prepare(`EXPLAIN QUERY PLAN ${String(text)}`).all()
        for (const { detail } of plan) expect(detail).not.toMatch(/SCAN user_events/)
      }

      // Somewhere else they are in an index, and what happens there is in a chain.
      const copy = yield* Effect.flatMap(file, open)
      yield* imported(yield* exported.pipe(on(store))).pipe(on(copy))
      yield* updates(1, ada).pipe(on(copy))
      expect(yield* latest(ada, 0, 10).pipe(on(copy))).toMatchObject({ total: 7 })
      expect(yield* exported.pipe(on(copy))).toContain('"events":12')
    }),
  )
})
