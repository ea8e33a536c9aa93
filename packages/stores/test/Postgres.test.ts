import { createServer, type AddressInfo } from "node:net"
import { inspect } from "node:util"
import { Worker } from "node:worker_threads"
import { describe, expect, it } from "@effect/vitest"
import { NewUsers, parseSiteId, type SiteId, Sites, type User, UserEvents } from "@webflow-users/core"
import { ImportFile, UserId, UserImport, UserPatch, UserStore } from "@webflow-users/core"
import { UserStoreSuite } from "@webflow-users/core/testing"
import { StoreAddress } from "@webflow-users/stores"
import { Effect, Exit, Fiber, Latch, Layer } from "effect"
import type pg from "pg"
import { database, outsider } from "../../../test/postgres.ts"

const store = StoreAddress.layerOwned

describe("UserStore, Sql on PostgreSQL", () => {
  for (const { name, run } of UserStoreSuite.all) {
    it.effect(name, () => run.pipe(Effect.provide(Layer.unwrap(Effect.map(database(), store)))))
  }
})

const siteId = parseSiteId("580e63e98c9a982ac9b8b741") as SiteId
const member = (index: number, rest: Partial<User> = {}): User => ({
  id: UserId.make(`6287ec36a841b25637c6${(0x4000 + index).toString(16)}`),
  lastUpdated: "2022-05-20T13:46:12.093Z",
  accessGroups: [],
  data: { email: `member${index}@example.com` },
  ...rest,
})
const users = Array.from({ length: 6 }, (_, index) => member(index))
const [ada, bob, eve] = users as [User, User, User]
const seed = NewUsers.use((newUsers) => newUsers.add(siteId, () => users))
const update = ({ id }: User, body: object) =>
  UserStore.UserStore.use((found) => found.update(siteId, id, UserPatch.UserPatch.from(body)))
const get = ({ id }: User) => UserStore.UserStore.use((found) => found.get(siteId, id))
const eventsOf = ({ id }: User) => UserEvents.use((events) => events.ofUser(siteId, id))
const all = { concurrency: "unbounded" } as const

const query = (client: pg.Client, text: string) =>
  Effect.map(
    Effect.promise(() => client.query<Record<string, unknown>>(text)),
    ({ rows }) => rows,
  )
const session = "application_name = 'webflow-users' AND datname = current_database()"
/** Goes on when so many of ours wait for a lock. */
const untilOursWaits = (client: pg.Client, many = 1) =>
  Effect.repeat(query(client, `SELECT 1 FROM pg_stat_activity WHERE ${session} AND wait_event_type = 'Lock'`), {
    until: (rows) => rows.length >= many,
  })
const lockRow = ({ id }: User) => `SELECT 1 FROM users WHERE id = '${id}' FOR UPDATE`
const failed = (exit: Exit.Exit<unknown, { readonly _tag: string }>) =>
  Exit.match(exit, {
    onSuccess: () => "ok",
    onFailure: ({ reasons: [reason] }) => (reason?._tag === "Fail" ? reason.error._tag : "a defect"),
  })

describe("a PostgreSQL database that many open at once", () => {
  it.live("is given its tables once, and everybody gets on", () =>
    Effect.gen(function* () {
      for (let round = 0; round < 8; round += 1) {
        const address = yield* database()
        const more = Array.from({ length: 8 }, (_, index) => member(index))
        yield* Effect.forEach(
          more,
          (user) => NewUsers.use((newUsers) => newUsers.add(siteId, () => [user])).pipe(Effect.provide(store(address))),
          all,
        )
        const client = yield* outsider(address)
        const done = yield* query(client, "SELECT migration_id FROM webflow_users_migrations ORDER BY 1")
        // One after the other, each once.
        expect(done.length).toBeGreaterThan(4)
        expect(done.map((row) => row["migration_id"])).toStrictEqual(done.map((_, index) => index + 1))
        expect(yield* query(client, "SELECT 1 FROM users")).toHaveLength(more.length)
      }
    }),
  )

  it.live("loses nothing when threads of their own update the same users", () =>
    Effect.gen(function* () {
      const address = yield* database()
      const fields = Array.from({ length: 30 }, (_, index) => `field-${index}`)
      const names = ["one", "two", "three", "four"]
      yield* seed.pipe(Effect.provide(store(address)))
      const workers = names.flatMap((name) =>
        [ada, bob].map(({ id }) =>
          updater({ address, siteId, userId: id, fields: fields.map((field) => `${name}-${field}`) }),
        ),
      )
      yield* Effect.all(workers, all)
      yield* Effect.forEach([ada, bob], (user) => everyFieldIsThere(user, names, fields)).pipe(
        Effect.provide(store(address)),
      )
    }),
  )

  it.live("fails no update where two stores take the same users and groups in different order", () =>
    Effect.gen(function* () {
      const address = yield* database()
      const many = Array.from({ length: 40 }, (_, index) => member(index))
      const rounds = Array.from({ length: 12 }, (_, round) => `round-${round}`)
      const latch = yield* Latch.make()
      let open = 0
      // Each round brings new groups, which are locked in the order they are written in.
      const run = (name: string, order: <A>(items: ReadonlyArray<A>) => ReadonlyArray<A>) =>
        Effect.gen(function* () {
          open += 1
          if (open === 2) yield* latch.open
          yield* latch.await
          yield* Effect.forEach(rounds, (round) =>
            Effect.forEach(
              order(many),
              (user) =>
                update(user, {
                  data: { [`${name}-${round}`]: 1 },
                  accessGroups: order(["a", "b", "c"]).map((group) => `${group}-${round}`),
                }),
              all,
            ),
          )
        }).pipe(Effect.provide(store(address)))
      yield* NewUsers.use((newUsers) => newUsers.add(siteId, () => many)).pipe(Effect.provide(store(address)))
      yield* Effect.all([run("left", (items) => items), run("right", (items) => items.toReversed())], all)
      yield* Effect.forEach(many, (user) => everyFieldIsThere(user, ["left", "right"], rounds)).pipe(
        Effect.provide(store(address)),
      )
    }),
  )

  it.live("takes users in once, when two take in the same", () =>
    Effect.gen(function* () {
      const address = yield* database()
      const rows = users.map(({ id, data }) => ({ id, data }))
      const file = ImportFile.fromJson({ users: rows }) ?? ImportFile.fromRows([])
      const other = yield* outsider(address)
      const imported = UserImport.importUsers(siteId, file, { skipInvalid: false })
      const reports = yield* Effect.gen(function* () {
        yield* seed.pipe(
          Effect.andThen(query(other, "DELETE FROM users; BEGIN; LOCK TABLE sites, users IN SHARE MODE")),
        )
        const both = yield* Effect.forkChild(Effect.all([imported, imported], all))
        // Both have begun; neither has written.
        yield* untilOursWaits(yield* outsider(address), 2)
        yield* query(other, "COMMIT")
        return yield* Fiber.join(both)
      }).pipe(Effect.provide(store(address)))
      expect(reports.map(({ added, existing }) => `${added} ${existing}`).toSorted()).toStrictEqual(["0 6", "6 0"])
    }),
  )
})

describe("updates that come together on PostgreSQL", () => {
  it.live("give way to somebody else who locks in another order, and are done when they can be", () =>
    Effect.gen(function* () {
      const address = yield* database()
      yield* Effect.gen(function* () {
        yield* seed
        const other = yield* outsider(address)
        const watcher = yield* outsider(address)
        yield* query(other, `BEGIN; ${lockRow(bob)}`)
        const ours = yield* Effect.forkChild(
          Effect.forEach([ada, bob, eve], (user) => update(user, { data: { name: "Ours" } }), all),
        )
        yield* untilOursWaits(watcher)
        // Ours has Ada and waits for Bob. Of two who wait in a circle, the one who waited first has to go.
        yield* query(other, `${lockRow(ada)}; COMMIT`)
        expect((yield* Fiber.join(ours)).map((user) => user.data.name)).toStrictEqual(["Ours", "Ours", "Ours"])
        const deadlocks = "SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()"
        // Statistics are told when a session has nothing else to do.
        yield* Effect.repeat(query(watcher, deadlocks), { until: ([row]) => Number(row?.["deadlocks"]) > 0 })
      }).pipe(Effect.provide(store(address)))
    }),
  )

  it.live("fail for the row that somebody holds, and for no other", () =>
    Effect.gen(function* () {
      const address = yield* database()
      yield* Effect.gen(function* () {
        yield* seed
        const other = yield* outsider(address)
        yield* query(other, `BEGIN; ${lockRow(bob)}; ${lockRow(users[4]!)}`)
        const nobody = member(99)
        const exits = yield* Effect.forEach(
          [ada, ...Array.from({ length: 12 }, () => bob), eve, users[4]!, nobody],
          (user) => Effect.exit(update(user, { data: { name: "Ours" } })),
          all,
        )
        const away = "StoreUnavailable"
        const held = Array.from({ length: 12 }, () => away)
        // One wait for all: as many as there are would be longer than a test may take.
        expect(exits.map(failed)).toStrictEqual(["ok", ...held, "ok", away, "UserNotFound"])
        // Reading goes on, and so does refusing what is wrong whoever the user is.
        expect(yield* get(bob)).toStrictEqual(bob)
        expect(yield* Effect.flip(update(bob, { password: "p" }))).toMatchObject({ _tag: "InvalidPatch" })
        yield* query(other, "ROLLBACK")
        expect((yield* update(bob, { data: { name: "Later" } })).data.name).toBe("Later")
      }).pipe(Effect.provide(store(address)))
    }),
  )

  it.live.each([
    ["the user's row", "UPDATE ON users"],
    ["the event", "INSERT ON user_events"],
    ["a group that comes with it", "INSERT ON access_groups"],
  ] as const)("keep what can be kept when %s of one cannot be written", ([_, write]) =>
    Effect.gen(function* () {
      const address = yield* database()
      yield* Effect.gen(function* () {
        yield* seed
        const other = yield* outsider(address)
        const mine = write.endsWith("access_groups")
          ? "NEW.slug = 'silver'"
          : `NEW.${write.endsWith("events") ? "user_id" : "id"} = '${bob.id}'`
        yield* query(
          other,
          `CREATE FUNCTION full() RETURNS trigger AS $$ BEGIN RAISE EXCEPTION 'the disk is full'; END $$ LANGUAGE plpgsql;
           CREATE TRIGGER full_disk BEFORE ${write} FOR EACH ROW WHEN (${mine}) EXECUTE FUNCTION full()`,
        )
        const body = (user: User) => ({ data: { name: "Ours" }, accessGroups: [user === bob ? "silver" : "gold"] })
        const exits = yield* Effect.forEach([ada, bob, eve], (user) => Effect.exit(update(user, body(user))), all)
        expect(exits.map(failed)).toStrictEqual(["ok", "StoreUnavailable", "ok"])
        expect(yield* get(bob)).toStrictEqual(bob)
        expect((yield* Effect.forEach([ada, bob, eve], eventsOf)).map((events) => events.length)).toStrictEqual([
          1, 0, 1,
        ])
        const groups = yield* query(other, "SELECT slug FROM access_groups")
        expect(groups).toStrictEqual([{ slug: "gold" }])
      }).pipe(Effect.provide(store(address)))
    }),
  )
})

describe("a connection to PostgreSQL", () => {
  it.live("that is cut within an update fails it as the store's absence, and the next call has another", () =>
    Effect.gen(function* () {
      const address = yield* database()
      yield* Effect.gen(function* () {
        yield* seed
        const other = yield* outsider(address)
        yield* query(other, `BEGIN; ${lockRow(ada)}`)
        const waiting = yield* Effect.forkChild(
          Effect.forEach([ada, bob], (user) => Effect.exit(update(user, { data: { name: "Ours" } })), all),
        )
        yield* untilOursWaits(other)
        yield* query(other, `SELECT pg_terminate_backend(pid, 10000) FROM pg_stat_activity WHERE ${session}; COMMIT`)
        expect((yield* Fiber.join(waiting)).map(failed)).toStrictEqual(["StoreUnavailable", "StoreUnavailable"])
        expect(yield* get(bob)).toStrictEqual(bob)
        expect((yield* update(ada, { data: { name: "Next" } })).data.name).toBe("Next")
      }).pipe(Effect.provide(store(address)))
    }),
  )

  it.live("begins with what makes a commit durable and waits end, whatever the database is set to", () =>
    Effect.gen(function* () {
      const address = yield* database()
      const other = yield* outsider(address)
      const name = new URL(address).pathname.slice(1)
      yield* query(
        other,
        `ALTER DATABASE ${name} SET synchronous_commit = off;
         ALTER DATABASE ${name} SET default_transaction_isolation = serializable;
         ALTER DATABASE ${name} SET statement_timeout = 0`,
      )
      yield* Effect.gen(function* () {
        yield* seed
        // What a session of ours says of itself, where only its own triggers see it.
        yield* query(
          other,
          `CREATE TABLE said (setting text, value text);
           CREATE FUNCTION say() RETURNS trigger AS $$ BEGIN
             INSERT INTO said SELECT name, current_setting(name) FROM unnest(ARRAY['synchronous_commit', 'transaction_isolation',
               'lock_timeout', 'statement_timeout', 'idle_in_transaction_session_timeout']) name; RETURN NEW; END $$ LANGUAGE plpgsql;
           CREATE TRIGGER say BEFORE INSERT ON user_events FOR EACH ROW EXECUTE FUNCTION say()`,
        )
        yield* update(ada, {})
        expect((yield* query(other, "SELECT * FROM said")).map((row) => Object.values(row))).toStrictEqual([
          ["synchronous_commit", "on"],
          ["transaction_isolation", "read committed"],
          ["lock_timeout", "5s"],
          ["statement_timeout", "30s"],
          ["idle_in_transaction_session_timeout", "30s"],
        ])
      }).pipe(Effect.provide(store(address)))
    }),
  )

  it.live("that cannot be made says why, and never the password", () =>
    Effect.gen(function* () {
      const silent = createServer()
      const port = yield* Effect.acquireRelease(
        Effect.callback<number>((resume) => {
          silent.listen(0, "127.0.0.1", () => resume(Effect.succeed((silent.address() as AddressInfo).port)))
        }),
        () => Effect.sync(() => silent.close()),
      )
      const address = yield* database()
      const wrong = Object.assign(new URL(address), { username: "nobody", password: "secret-1" }).href
      const missing = Object.assign(new URL(address), { pathname: "/missing" }).href
      const remedy =
        "The server has to be reached, and the database has to be there, to be read, written and given tables"
      for (const [tried, why] of [
        [wrong, 'password authentication failed for user "nobody"'],
        [missing, 'database "missing" does not exist'],
        ["postgres://someone:secret-1@127.0.0.1:1/users", "connect ECONNREFUSED 127.0.0.1:1"],
        [`postgres://someone:secret-1@127.0.0.1:${port}/users?connect_timeout=1`, "Connection timed out"],
        [`${address}?sslmode=require`, "The server does not support TLS"],
      ] as const) {
        const error = yield* Effect.flip(Effect.scoped(Layer.build(store(tried))))
        expect(error.message).toBe(`The store cannot be opened: ${why}. ${remedy}`)
        expect(inspect(error, { depth: 20, showHidden: true })).not.toMatch(/secret-1|hunter2/)
      }
    }),
  )
})

describe("lists on PostgreSQL", () => {
  it.live("are ordered by code points, whatever alphabet the database has", () =>
    Effect.gen(function* () {
      const address = yield* database(undefined, "TEMPLATE template0 LOCALE_PROVIDER icu ICU_LOCALE 'en-US'")
      const emails = ["B@x.org", "_@x.org", "a@x.org", "z@x.org", "é@x.org", "\u{ff5e}@x.org", "\u{1f600}@x.org"]
      const slugs = ["a_b", "a-c", "a-b"]
      const client = yield* outsider(address)
      const alphabet = yield* query(client, "SELECT 'a_b' < 'a-c' AS ours, 'é' < 'z' AS theirs")
      expect(alphabet).toStrictEqual([{ ours: true, theirs: true }])
      const lists = Effect.gen(function* () {
        const found = yield* UserStore.UserStore
        yield* NewUsers.use((newUsers) =>
          newUsers.add(siteId, () => emails.map((email, index) => member(index, { data: { email } }))),
        )
        yield* Sites.use((sites) =>
          sites.declare(siteId, { accessGroups: slugs.map((slug) => ({ slug, name: slug })) } as never),
        )
        const list = yield* found.list(siteId, { offset: 0, limit: 10, sort: "Email" })
        const groups = yield* found.accessGroups(siteId, { offset: 0, limit: 10 })
        return [list.users.map((user) => user.data.email), groups.accessGroups.map((group) => group.slug)]
      })
      const expected = yield* lists.pipe(Effect.provide(store("file::memory:")))
      expect(yield* lists.pipe(Effect.provide(store(address)))).toStrictEqual(expected)
    }),
  )
})

/** Every update is in the user and in the record, where each begins with what the one before it left. */
const everyFieldIsThere = (user: User, writers: ReadonlyArray<string>, fields: ReadonlyArray<string>) =>
  Effect.gen(function* () {
    const wanted = writers.flatMap((writer) => fields.map((field) => `${writer}-${field}`))
    const found = yield* get(user)
    expect(wanted.filter((field) => !(field in found.data))).toStrictEqual([])
    const events = yield* eventsOf(user)
    expect(events.length).toBe(wanted.length)
    expect(events.map((event) => event.before)).toStrictEqual([
      user,
      ...events.slice(0, -1).map((event) => event.after),
    ])
    expect(new Set(events.map((event) => event.after.lastUpdated)).size).toBe(wanted.length)
  })

/** A thread of its own that makes one update a field, on connections of its own. */
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
