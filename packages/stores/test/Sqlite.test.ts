import { mkdtempSync, rmSync, statSync } from "node:fs"
import { DatabaseSync } from "node:sqlite"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { Worker } from "node:worker_threads"
import { describe, expect, it } from "@effect/vitest"
import {
  AccessTokenStore,
  NewUsers,
  parseSiteId,
  type SiteId,
  type User,
  UserEvents,
  UserId,
  UserPatch,
  UserStore,
} from "@webflow-users/core"
import * as SqlUsers from "@webflow-users/core/UserStore/Sql"
import { UserStoreTest } from "@webflow-users/sdk/testing"
import { Sqlite, StoreAddress } from "@webflow-users/stores"
import { Effect, Exit, Fiber, Layer } from "effect"
import { SqlClient } from "effect/sql"
import { TestClock } from "effect/testing"
import { firstVersion } from "./firstVersion.ts"

UserStoreTest.suite({ describe, it }, "UserStore, Sql on SQLite", StoreAddress.layerOwned("file::memory:"))

const siteId = parseSiteId("580e63e98c9a982ac9b8b741") as SiteId
const member = (index: number): User => ({
  id: UserId.make(`6287ec36a841b25637c6${(0x4000 + index).toString(16)}`),
  lastUpdated: "2022-05-20T13:46:12.093Z",
  accessGroups: [],
  data: { email: `member${index}@example.com` },
})
const ada = member(1)
const bob = member(2)
const seed = NewUsers.use((newUsers) => newUsers.add(siteId, () => [ada, bob]))
const update = ({ id }: User, body: object) =>
  UserStore.UserStore.use((store) => store.update(siteId, id, UserPatch.UserPatch.from(body)))
const get = ({ id }: User) => UserStore.UserStore.use((store) => store.get(siteId, id))
const eventsOf = ({ id }: User) => UserEvents.use((events) => events.ofUser(siteId, id))
const groupSlugs = UserStore.UserStore.use((store) => store.accessGroups(siteId, { offset: 0, limit: 10 })).pipe(
  Effect.map(({ accessGroups }) => accessGroups.map((group) => group.slug)),
)

/** The path of a database in a folder of its own, for as long as the test runs. */
const file = Effect.acquireRelease(
  Effect.sync(() => mkdtempSync(join(tmpdir(), "webflow-users-sqlite-"))),
  (folder) => Effect.sync(() => rmSync(folder, { recursive: true })),
).pipe(Effect.map((folder) => join(folder, "users.db")))
/** Another program's connection to the same file. */
const outsider = (path: string) =>
  Effect.acquireRelease(
    Effect.sync(() => new DatabaseSync(path)),
    (database) => Effect.sync(() => database.close()),
  )
const store = (path: string) => StoreAddress.layerOwned(`file:${path}`)
/** The store, and the connection it works on. */
const opened = (path: string) => SqlUsers.layer.pipe(Layer.provideMerge(Sqlite.layer(path)))

describe("a SQLite file", () => {
  it.effect("is written to the disk before an update is answered, and holds no user of no site", () =>
    Effect.gen(function* () {
      const path = yield* file
      yield* Effect.gen(function* () {
        const sql = yield* SqlClient.SqlClient
        const pragmas = ["synchronous", "journal_mode", "foreign_keys", "busy_timeout", "cache_size"]
        const settings = yield* Effect.forEach(
          pragmas,
          (name) => sql<Record<string, unknown>>`PRAGMA ${sql.literal(name)}`,
        )
        expect(settings.flat().map((row) => Object.values(row)[0])).toStrictEqual([2, "wal", 1, 0, -16000])
        const homeless = sql`INSERT INTO users VALUES ('nowhere', 'nobody', '', '', '', '', '', '{}')`
        expect(Exit.isFailure(yield* Effect.exit(homeless))).toBe(true)
      }).pipe(Effect.provide(opened(path)))
    }),
  )

  it.effect("is its owner's alone to read", () =>
    Effect.gen(function* () {
      const path = yield* file
      yield* seed.pipe(
        Effect.andThen(Effect.sync(() => [path, `${path}-wal`].map((name) => statSync(name).mode & 0o777))),
        Effect.map((modes) => expect(modes).toStrictEqual([0o600, 0o600])),
        Effect.provide(store(path)),
      )
    }),
  )

  it.effect("still has users, events and tokens when it is opened again", () =>
    Effect.gen(function* () {
      const path = yield* file
      const token = {
        id: "t",
        siteId,
        scopes: ["users:write"],
        createdOn: "2024-01-01T00:00:00.000Z",
        hash: "h",
      } as const
      const everything = Effect.all([
        get(ada),
        get(bob),
        eventsOf(ada),
        groupSlugs,
        AccessTokenStore.use((tokens) => tokens.list),
      ])
      const before = yield* Effect.gen(function* () {
        yield* seed
        yield* AccessTokenStore.use((tokens) => tokens.add(token))
        yield* update(ada, { data: { name: "Ada" }, accessGroups: ["gold"] })
        return yield* everything
      }).pipe(Effect.provide(store(path)))
      expect(before).toMatchObject([{ data: { name: "Ada" } }, bob, [{ before: ada }], ["gold"], [token]])
      expect(yield* everything.pipe(Effect.provide(store(path)))).toStrictEqual(before)
    }),
  )

  it.effect.each([
    ["the user's row", "UPDATE ON users"],
    ["the event", "INSERT ON user_events"],
    ["a group that comes with it", "INSERT ON access_groups"],
  ])("keeps nothing of an update when %s cannot be written, and takes the next", ([_, write]) =>
    Effect.gen(function* () {
      const path = yield* file
      yield* Effect.gen(function* () {
        const database = yield* outsider(path)
        yield* seed
        database.exec(`CREATE TRIGGER full BEFORE ${write} BEGIN SELECT RAISE(ABORT, 'the disk is full'); END`)
        const error = yield* Effect.flip(update(ada, { data: { name: "Ada" }, accessGroups: ["gold"] }))
        expect(error).toMatchObject({
          _tag: "StoreUnavailable",
          isRetryable: true,
          message: "The store could not be read or written",
        })
        expect(yield* Effect.all([get(ada), eventsOf(ada), groupSlugs])).toStrictEqual([ada, [], []])
        database.exec("DROP TRIGGER full")
        const updated = yield* update(ada, { accessGroups: ["gold"] })
        expect(yield* get(ada)).toStrictEqual(updated)
        expect(yield* eventsOf(ada)).toMatchObject([{ before: ada, after: updated }])
      }).pipe(Effect.provide(store(path)))
    }),
  )

  it.effect("keeps the updates that come with one that cannot be written", () =>
    Effect.gen(function* () {
      const path = yield* file
      yield* Effect.gen(function* () {
        const database = yield* outsider(path)
        yield* seed
        const trigger = `BEFORE INSERT ON user_events WHEN NEW.user_id = '${bob.id}' BEGIN SELECT RAISE(ABORT, 'no'); END`
        database.exec(`CREATE TRIGGER no_bob ${trigger}`)
        const changes = [ada, bob, ada, bob, ada].map((user, index) =>
          update(user, { data: { [`field-${index}`]: index } }),
        )
        const tags = yield* Effect.forEach(
          changes,
          Effect.match({ onSuccess: () => "ok", onFailure: (error) => error._tag }),
          { concurrency: "unbounded" },
        )
        expect(tags).toStrictEqual(["ok", "StoreUnavailable", "ok", "StoreUnavailable", "ok"])
        expect((yield* get(ada)).data).toStrictEqual({ ...ada.data, "field-0": 0, "field-2": 2, "field-4": 4 })
        expect([(yield* eventsOf(ada)).length, (yield* eventsOf(bob)).length]).toStrictEqual([3, 0])
        expect(yield* get(bob)).toStrictEqual(bob)
      }).pipe(Effect.provide(store(path)))
    }),
  )

  it.effect("keeps none of the users taken in when one cannot be written", () =>
    Effect.gen(function* () {
      const path = yield* file
      yield* Effect.gen(function* () {
        const twin = { ...bob, id: ada.id }
        const error = yield* Effect.flip(NewUsers.use((newUsers) => newUsers.add(siteId, () => [ada, bob, twin])))
        expect(error).toMatchObject({ _tag: "StoreUnavailable" })
        expect(yield* Effect.flip(get(ada))).toMatchObject({ _tag: "SiteNotFound" })
      }).pipe(Effect.provide(store(path)))
    }),
  )

  it.effect("is unavailable, and unchanged, while another program has it locked", () =>
    Effect.gen(function* () {
      const path = yield* file
      yield* Effect.gen(function* () {
        const database = yield* outsider(path)
        yield* seed
        database.exec("BEGIN IMMEDIATE")
        // Many wait, and together no longer than one; meanwhile the process goes on.
        const updates = Array.from({ length: 5 }, () => Effect.flip(update(ada, { data: { name: "Ada" } })))
        const waiting = yield* Effect.forkChild(Effect.all(updates, { concurrency: "unbounded" }))
        yield* TestClock.adjust("6 seconds")
        for (const error of yield* Fiber.join(waiting)) {
          expect(error).toMatchObject({ _tag: "StoreUnavailable", isRetryable: true })
        }
        // Reading goes on beside a writer, and so does refusing what is wrong whoever the user is.
        expect(yield* get(ada)).toStrictEqual(ada)
        expect(yield* Effect.flip(update(ada, { password: "p" }))).toMatchObject({ _tag: "InvalidPatch" })
        database.exec("ROLLBACK")
        expect((yield* update(ada, { data: { name: "Ada" } })).data.name).toBe("Ada")
      }).pipe(Effect.provide(opened(path)))
    }),
  )

  it.effect(
    "is locked from where a transaction begins, so that nobody writes between its reading and its writing",
    () =>
      Effect.gen(function* () {
        const path = yield* file
        yield* Effect.gen(function* () {
          const database = yield* outsider(path)
          database.exec("PRAGMA busy_timeout = 0")
          const sql = yield* SqlClient.SqlClient
          const write = Effect.sync(() => database.exec("INSERT INTO sites (id, created_on) VALUES ('x', '')"))
          const within = yield* sql.withTransaction(Effect.andThen(sql`SELECT 1`, Effect.exit(write)))
          expect(Exit.isFailure(within)).toBe(true)
          expect(Exit.isSuccess(yield* Effect.exit(write))).toBe(true)
        }).pipe(Effect.provide(opened(path)))
      }),
  )

  it.effect("of the first version is brought forward; its tokens go on without a rate, and new ones may have one", () =>
    Effect.gen(function* () {
      const path = yield* file
      const database = yield* outsider(path)
      database.exec(firstVersion)
      const old = {
        id: "6287ec36a841b25637c663df",
        siteId,
        scopes: ["users:read", "users:write"],
        createdOn: "2026-01-01T00:00:00.000Z",
        hash: "a".repeat(64),
      } as const
      const limited = { ...old, id: "6287ec36a841b25637c663e0", createdOn: "2026-02-01T00:00:00.000Z", rate: 60 }
      database
        .prepare("INSERT INTO access_tokens VALUES (?, ?, 'users:read users:write', ?, ?)")
        .run(old.id, siteId, old.hash, old.createdOn)
      const tokens = Effect.gen(function* () {
        const kept = yield* AccessTokenStore
        return yield* Effect.all([kept.find(old.id), kept.list])
      })
      yield* Effect.gen(function* () {
        expect(yield* tokens).toStrictEqual([old, [old]])
        yield* AccessTokenStore.use((kept) => kept.add(limited))
      }).pipe(Effect.provide(store(path)))
      // Opened again, there is nothing left to do.
      expect(yield* tokens.pipe(Effect.provide(store(path)))).toStrictEqual([old, [old, limited]])
      expect(database.prepare("SELECT id, rate FROM access_tokens ORDER BY id").all()).toEqual([
        { id: old.id, rate: null },
        { id: limited.id, rate: 60 },
      ])
    }),
  )

  it.effect("has what another program did with a token, and a user, the next time it is asked", () =>
    Effect.gen(function* () {
      const path = yield* file
      yield* Effect.gen(function* () {
        const tokens = yield* AccessTokenStore
        yield* tokens.add({ id: "a", siteId, scopes: [], createdOn: "", hash: "first" })
        yield* seed
        const other = yield* outsider(path)
        expect([yield* tokens.find("a"), yield* get(ada)]).toMatchObject([{ hash: "first" }, ada])
        other.exec("UPDATE access_tokens SET hash = 'second'")
        expect(yield* tokens.find("a")).toMatchObject({ hash: "second" })
        other.exec("DELETE FROM access_tokens; DELETE FROM users")
        expect(yield* tokens.find("a")).toBeUndefined()
        expect(yield* Effect.flip(get(ada))).toMatchObject({ _tag: "UserNotFound" })
      }).pipe(Effect.provide(store(path)))
    }),
  )

  it.effect.each([
    ["*", "DROP COLUMN a; ALTER TABLE things ADD COLUMN d TEXT DEFAULT 'new'", { b: "B", c: "C", d: "new" }],
    ["*", "RENAME COLUMN b TO d", { a: "A", d: "B", c: "C" }],
    ["*", "RENAME TO old; CREATE TABLE things AS SELECT c, b, a FROM old", { a: "A", b: "B", c: "C" }],
    ["a, c", "DROP COLUMN b; ALTER TABLE things ADD COLUMN d TEXT DEFAULT 'new'", { a: "A", c: "C" }],
    ["a, c", "RENAME TO old; CREATE TABLE things AS SELECT c, b, a FROM old", { a: "A", c: "C" }],
    ["a, c", "DROP COLUMN a; ALTER TABLE things ADD COLUMN d TEXT DEFAULT 'new'", undefined],
    ["a, c", "RENAME COLUMN c TO d", undefined],
  ] as const)(
    "has each value under its own name when it is asked for %s and another program does: %s",
    ([what, change, expected]) =>
      Effect.gen(function* () {
        const path = yield* file
        yield* Effect.gen(function* () {
          const sql = yield* SqlClient.SqlClient
          const other = yield* outsider(path)
          other.exec("CREATE TABLE things (a TEXT, b TEXT, c TEXT); INSERT INTO things VALUES ('A', 'B', 'C')")
          const things = sql`SELECT ${sql.literal(what)} FROM things`
          expect(yield* things).toEqual([what === "*" ? { a: "A", b: "B", c: "C" } : { a: "A", c: "C" }])
          other.exec(`ALTER TABLE things ${change}`)
          const found = yield* Effect.exit(things)
          expect(Exit.isSuccess(found) ? found.value : undefined).toEqual(expected && [expected])
        }).pipe(Effect.provide(opened(path)))
      }),
  )

  it.effect("can be opened and read while another program writes", () =>
    Effect.gen(function* () {
      const path = yield* file
      yield* seed.pipe(Effect.provide(store(path)))
      const database = yield* outsider(path)
      database.exec("BEGIN IMMEDIATE")
      expect(yield* get(ada).pipe(Effect.provide(store(path)))).toStrictEqual(ada)
    }),
  )

  it.effect("takes an update up again when the other program has done", () =>
    Effect.gen(function* () {
      const path = yield* file
      yield* Effect.gen(function* () {
        const database = yield* outsider(path)
        yield* seed
        database.exec("BEGIN IMMEDIATE")
        const waiting = yield* Effect.forkChild(update(ada, { data: { name: "Ada" } }))
        yield* TestClock.adjust("2 seconds")
        database.exec("ROLLBACK")
        yield* TestClock.adjust("1 second")
        expect((yield* Fiber.join(waiting)).data.name).toBe("Ada")
      }).pipe(Effect.provide(opened(path)))
    }),
  )

  it.live("loses nothing when two stores in one process update the same user", () =>
    Effect.gen(function* () {
      const path = yield* file
      const fields = Array.from({ length: 90 }, (_, index) => `field-${index}`)
      const left = Effect.forEach(fields, (field) => update(ada, { data: { [`left-${field}`]: 1 } }), {
        concurrency: "unbounded",
      })
      const right = Effect.forEach(fields, (field) => update(ada, { data: { [`right-${field}`]: 1 } }), {
        concurrency: "unbounded",
      })
      yield* seed.pipe(Effect.provide(store(path)))
      yield* Effect.all([left.pipe(Effect.provide(store(path))), right.pipe(Effect.provide(store(path)))], {
        concurrency: 2,
      })
      yield* everyFieldIsThere(path, ["left", "right"], fields)
    }),
  )

  it.effect("loses nothing when other threads update the same user", () =>
    Effect.gen(function* () {
      const path = yield* file
      const fields = Array.from({ length: 30 }, (_, index) => `field-${index}`)
      const names = ["one", "two", "three"]
      yield* seed.pipe(Effect.provide(store(path)))
      const workers = names.map((name) =>
        updater({ address: `file:${path}`, siteId, userId: ada.id, fields: fields.map((field) => `${name}-${field}`) }),
      )
      yield* Effect.all(workers, { concurrency: "unbounded" })
      yield* everyFieldIsThere(path, names, fields)
    }),
  )
})

/** Every update is in the user and in the record, where each begins with what the one before it left. */
const everyFieldIsThere = (path: string, writers: ReadonlyArray<string>, fields: ReadonlyArray<string>) =>
  Effect.gen(function* () {
    const wanted = writers.flatMap((writer) => fields.map((field) => `${writer}-${field}`))
    const user = yield* get(ada)
    expect(wanted.filter((field) => !(field in user.data))).toStrictEqual([])
    const events = yield* eventsOf(ada)
    expect(events.length).toBe(wanted.length)
    expect(events.map((event) => event.before)).toStrictEqual([ada, ...events.slice(0, -1).map((event) => event.after)])
    expect(new Set(events.map((event) => event.after.lastUpdated)).size).toBe(wanted.length)
  }).pipe(Effect.provide(store(path)))

/** A thread of its own that makes one update a field, on a connection of its own. */
const updater = (work: { address: string; siteId: string; userId: string; fields: ReadonlyArray<string> }) =>
  Effect.callback<void>((resume) => {
    const worker = new Worker(new URL("./updater.ts", import.meta.url), {
      workerData: work,
      execArgv: ["--conditions=@webflow-users/source"],
    })
    worker.once("error", (error) => resume(Effect.die(error)))
    worker.once("exit", (code) =>
      resume(code === 0 ? Effect.void : Effect.die(new Error(`The thread ended with ${code}`))),
    )
    return Effect.promise(() => worker.terminate())
  })
