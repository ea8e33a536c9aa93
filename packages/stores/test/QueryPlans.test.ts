/**
 * Which indexes the databases go by, asked of the databases: what is looked up is found by one, and no list within a site is sorted
 * that an index has in order. How many users and events there are besides is then nobody's affair.
 */
import { DatabaseSync } from "node:sqlite"
import { describe, expect, it } from "@effect/vitest"
import { parseSiteId, parseUserId, type SiteId, UserEvents, type UserId } from "@webflow-users/core"
import { SiteArchive, UserPatch, type UserSort, UserStore } from "@webflow-users/core"
import { StoreAddress } from "@webflow-users/stores"
import { Effect, Stream } from "effect"
import type pg from "pg"
import { database, outsider } from "../../../test/postgres.ts"
import { file } from "./archives.ts"
import { spansOf } from "./spans.ts"

const siteId = parseSiteId("580e63e98c9a982ac9000003") as SiteId
const userId = parseUserId("6287ec36a841b25600012003") as UserId
/** Ten sites of as many users each, and two events of each user: where tables are small, they are read as a whole. */
const [sites, perSite] = [10, 2000]

const fill = (numbers: string, digits: (number: string, width: number) => string) => [
  `INSERT INTO sites (id, created_on) SELECT '580e63e98c9a982ac9' || ${digits("i", 6)}, '' FROM ${numbers} WHERE i < ${sites}`,
  `INSERT INTO users (site_id, id, email, status, created_on, last_login, updated_on, document)
    SELECT '580e63e98c9a982ac9' || ${digits(`i % ${sites}`, 6)}, id, 'm' || i || '@example.com',
      CASE i % 3 WHEN 0 THEN 'invited' ELSE 'verified' END, '2024-01-' || ${digits("i % 31", 2)}, ${digits("i % 1009", 4)},
      ${digits("i % 1013", 4)}, '{"id":"' || id || '","accessGroups":[],"data":{"name":"Some One","bio":"Some thing or other"}}'
    FROM (SELECT i, '6287ec36a841b256' || ${digits("i", 8)} AS id FROM ${numbers}) AS users`,
  `INSERT INTO user_events (site_id, user_id, at, actor, before_user, after_user)
    SELECT site_id, id, '', 'test', document, document FROM users CROSS JOIN (SELECT 1 UNION ALL SELECT 2) AS two`,
]

/** The statements an effect sends. */
const statementsOf = <A, E, R>(effect: Effect.Effect<A, E, R>) =>
  Effect.gen(function* () {
    const spans = yield* spansOf(effect)
    return spans.map((span) => span.attributes.get("db.query.text")).filter((text) => typeof text === "string")
  })

const isOfInterest = (table: unknown) => table === "users" || table === "user_events"

const aliases = new Map([
  ["u", "users"],
  ["e", "user_events"],
])

/** How a statement finds rows of users and of events: by an index, by a key, or by reading all; and whether a page of them is sorted. */
type Explain = (statement: string) => Effect.Effect<ReadonlyArray<string>>

const explainSqlite = (path: string): Explain => {
  const db = new DatabaseSync(path)
  return (statement) =>
    Effect.sync(() => {
      const steps = db.prepare(`EXPLAIN QUERY PLAN ${statement}`).all()
      const hasPage = steps.some(({ detail }) => detail === "MATERIALIZE page")
      return steps.flatMap(({ detail, parent }) => {
        const text = String(detail)
        // In the end it is the page that is put in order, and not what it was taken from.
        if (text.startsWith("USE TEMP B-TREE")) return hasPage && parent === 0 ? [] : ["sorted"]
        const [, how, table, rest = ""] = /^(SCAN|SEARCH) (\w+)(.*)/.exec(text) ?? []
        const by = / INDEX (\w+)| USING (INTEGER PRIMARY KEY)/.exec(rest)
        if (!isOfInterest(aliases.get(table ?? "") ?? table)) return []
        return [how === "SCAN" ? `all of ${table}` : (by?.[1] ?? by?.[2] ?? text)]
      })
    })
}

interface Plan {
  readonly "Node Type": string
  readonly "Relation Name"?: string
  readonly "Index Name"?: string
  readonly Plans?: ReadonlyArray<Plan>
}

const pathsOf = (plan: Plan, isPage = false): ReadonlyArray<string> => {
  const { "Node Type": type, "Relation Name": table, "Index Name": index, Plans = [] } = plan
  const under = Plans.flatMap((next) => pathsOf(next, isPage || type === "Limit"))
  if (/Sort/.test(type) && isPage && under.length > 0) return ["sorted", ...under]
  if (/Scan/.test(type) && isOfInterest(table)) return [index ?? `all of ${table}`, ...under]
  return under
}

const explainPostgres =
  (client: pg.Client): Explain =>
  (statement) =>
    Effect.promise(async () => {
      const { rows } = await client.query<{ readonly "QUERY PLAN": readonly [{ readonly Plan: Plan }] }>(
        `EXPLAIN (GENERIC_PLAN, FORMAT JSON) ${statement}`,
      )
      return rows.flatMap((row) => pathsOf(row["QUERY PLAN"][0].Plan))
    })

const onSqlite = Effect.gen(function* () {
  const address = yield* file
  const path = address.slice("file:".length)
  yield* UserStore.UserStore.pipe(Effect.provide(StoreAddress.layerArchived(address)))
  const db = new DatabaseSync(path)
  const numbers = `(WITH RECURSIVE n(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i + 1 < ${sites * perSite}) SELECT i FROM n) AS numbers`
  for (const statement of fill(numbers, (number, width) => `printf('%0${width}d', ${number})`)) db.exec(statement)
  return {
    address,
    explain: explainSqlite(path),
    query: (statement: string) => Effect.sync(() => db.prepare(statement).all()),
  }
})

const onPostgres = Effect.gen(function* () {
  const address = yield* database()
  yield* UserStore.UserStore.pipe(Effect.provide(StoreAddress.layerArchived(address)))
  const client = yield* outsider(address)
  const query = (statement: string) =>
    Effect.map(
      Effect.promise(() => client.query<Record<string, unknown>>(statement)),
      ({ rows }) => rows,
    )
  const numbers = `generate_series(0, ${sites * perSite - 1}) AS numbers (i)`
  const statements = fill(numbers, (number, width) => `lpad((${number})::text, ${width}, '0')`)
  for (const statement of [...statements, "VACUUM ANALYZE"]) yield* query(statement)
  return { address, explain: explainPostgres(client), query }
})

const lists = {
  CreatedOn: "users_by_creation",
  Email: "users_sorted_by_email",
  Status: "users_sorted_by_status",
  LastLogin: "users_sorted_by_last_login",
} as const

const onPostgresBy = {
  user: "users_pkey",
  event: "user_events_pkey",
  history: ["user_events_by_user", "user_events_by_user"],
  span: ["user_events_by_user"],
}

const onSqliteBy = {
  user: "sqlite_autoindex_users_1",
  event: "INTEGER PRIMARY KEY",
  history: [
    // Where the chain of the user begins, and how many events are in none, and in the midst of it.
    "sqlite_autoindex_users_1",
    "user_events_indexed",
    "user_events_indexed",
    // Those of the page; the last of the chain, the others from one to the next, and what is in none: their sequences alone are put in order.
    "INTEGER PRIMARY KEY",
    "INTEGER PRIMARY KEY",
    "INTEGER PRIMARY KEY",
    "sorted",
    "user_events_indexed",
    "sorted",
  ],
  // By any that has the site in front.
  span: [expect.stringMatching(/^(users_|sqlite_autoindex_users)/), "user_events_indexed"],
}

describe.each([
  ["SQLite", onSqlite, onSqliteBy],
  ["PostgreSQL", onPostgres, onPostgresBy],
] as const)("%s goes by an index", (_, made, { user, event, history, span }) => {
  it.live("to users, pages of users and events, whatever else there is", () =>
    Effect.gen(function* () {
      const { address, explain } = yield* made
      yield* Effect.gen(function* () {
        const store = yield* UserStore.UserStore
        const record = yield* UserEvents
        const archive = yield* SiteArchive.SiteArchive
        const paths = Effect.fnUntraced(function* <A, E, R>(effect: Effect.Effect<A, E, R>) {
          const plans = yield* Effect.forEach(new Set(yield* statementsOf(effect)), explain)
          return plans.flat()
        })
        const list = (sort: UserSort, offset = 1900) => paths(store.list(siteId, { offset, limit: 100, sort }))

        expect(yield* paths(store.get(siteId, userId))).toStrictEqual([user])
        expect(yield* paths(store.findByEmail(siteId, "M3@example.com"))).toStrictEqual(["users_by_email"])
        for (const [sort, index] of Object.entries(lists)) {
          for (const direction of ["", "-"]) {
            // Once it is known how long the list is, what lies behind its middle is read from its end; behind a page one reads on.
            for (const offset of [0, 100, 1900]) {
              const found = yield* list(`${direction}${sort}` as UserSort, offset)
              // The page, the documents of those on it, and how many there are, by whichever is the shortest.
              expect(found, `${direction}${sort} at ${offset}`).toStrictEqual(expect.arrayContaining([index, user]))
              expect(found, `${direction}${sort} at ${offset}`).toHaveLength(3)
              for (const path of found)
                expect(path).toMatch(/^(users_(by|sorted_by)_\w+|users_pkey|sqlite_autoindex_\w+)$/)
            }
          }
        }
        for (const sort of ["CreatedOn", "-Status"] as const) {
          const behind = yield* statementsOf(store.list(siteId, { offset: 100, limit: 100, sort }))
          expect(behind).toStrictEqual([expect.not.stringContaining("OFFSET")])
        }
        // The one order that no index has, because each update would have to keep it.
        expect(yield* list("-UpdatedOn", 0)).toContain("sorted")

        const page = yield* paths(record.latest(siteId, userId, { offset: 0, limit: 100 }))
        expect(page).toStrictEqual(history)
        const update = yield* paths(store.update(siteId, userId, UserPatch.UserPatch.from({ data: { name: "New" } })))
        // Read, and written.
        expect(update).toStrictEqual([user, user])
        const exported = yield* paths(Stream.runDrain(archive.read(siteId)))
        expect(exported).toStrictEqual([user, ...span, event])
      }).pipe(Effect.provide(StoreAddress.layerArchived(address)))
    }),
  )

  it.live("past a window of other sites' events at a time, when a site is exported", () =>
    Effect.gen(function* () {
      const { address, query } = yield* made
      // The last of a window, the first of the next, and what is at either end.
      const sequences = [101, 20_100, 20_101, 40_000]
      yield* query(`UPDATE user_events SET site_id = '580e63e98c9a982ac9000004' WHERE site_id = '${siteId}'`)
      yield* query(`UPDATE user_events SET site_id = '${siteId}' WHERE sequence IN (${sequences.join()})`)
      const events: Array<unknown> = []
      const statements = yield* statementsOf(
        SiteArchive.SiteArchive.use(({ read }) =>
          Stream.runForEach(read(siteId), (entry) => Effect.sync(() => entry._tag === "Event" && events.push(entry))),
        ),
      ).pipe(Effect.provide(StoreAddress.layerArchived(address)))
      expect(events).toHaveLength(sequences.length)
      const windows = statements.filter((statement) => /before_user\W.*FROM user_events/s.test(statement))
      expect(windows).toHaveLength(2)
    }),
  )
})
