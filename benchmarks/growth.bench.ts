/**
 * What a store's size costs: the same questions to stores of a thousand users, of 20,000, of a million, and with ten million events; with
 * `--quick` of a thousand, of 20,000, and with 100,000 events. Microseconds of CPU, ours and the database's, one question after the other:
 * how long one takes on a quiet machine.
 */
import { copyFileSync, mkdtempSync, readFileSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { DatabaseSync } from "node:sqlite"
import { UserStore } from "@webflow-users/core"
import pg from "pg"
import { onServer, prepareServer } from "../test/postgres-server.ts"
import { backendsCpu, measure, type Open, questions, runtimeOf } from "./growth-measure.ts"
import * as Seed from "./growth-seed.ts"
import { type Goal, isQuick, report, type Table } from "./report.ts"
import { inTurn } from "./rounds.ts"

/** The first only fills caches, and of the others the least counts: updates get quicker for four rounds. */
const rounds = isQuick ? 3 : 5

interface Size {
  readonly name: string
  readonly database: string
  readonly users: number
  readonly events: number
  /** The same users once more. */
  readonly from?: string
}

const site = { name: "20,000 users", database: "site", users: Seed.perSite, events: 0 }
const million = { name: "a million", database: "million", users: 1_000_000, events: 0 }
const sizes: ReadonlyArray<Size> = [
  { name: "1,000 users", database: "thousand", users: 1000, events: 0 },
  site,
  ...(isQuick
    ? [{ ...site, name: "with 100,000 events", database: "history", events: 100_000, from: site.database }]
    : [
        million,
        { ...million, name: "with 10M events", database: "history", events: 10_000_000, from: million.database },
      ]),
]
const [smallest, , ...largest] = sizes.map(({ name }) => name)
const folder = mkdtempSync(join(tmpdir(), "webflow-users-growth-"))
const fileOf = (database: string) => join(folder, `${database}.db`)

const migrated = async (address: string) => {
  const runtime = runtimeOf(address)
  await runtime.runPromise(UserStore.UserStore)
  await runtime.dispose()
}

const fillFiles = async () => {
  for (const { database, users, events, from } of sizes) {
    const file = fileOf(database)
    if (from === undefined) await migrated(`file:${file}`)
    else copyFileSync(fileOf(from), file)
    const db = new DatabaseSync(file)
    db.exec("PRAGMA journal_mode = MEMORY; PRAGMA synchronous = OFF; PRAGMA cache_size = -1000000")
    // What is sorted is sorted in memory, by both processors.
    db.exec("PRAGMA temp_store = MEMORY; PRAGMA threads = 2; PRAGMA foreign_keys = OFF")
    const indexes = (table: string) =>
      db
        .prepare("SELECT name, sql AS definition FROM sqlite_schema WHERE type = 'index' AND tbl_name = ? AND sql > ''")
        .all(table) as unknown as ReadonlyArray<Seed.Index>
    const wanted = { users, events, isCopy: from !== undefined }
    for (const statement of Seed.statements(Seed.dialects.sqlite, wanted, indexes("users"), indexes("user_events"))) {
      db.exec(statement)
    }
    db.close()
  }
}

const fillDatabases = async (server: string) => {
  const admin = new pg.Client({ connectionString: server })
  await admin.connect()
  // Nobody minds what a power cut would take of this; the updates that are measured are as durable as ever.
  await admin.query("ALTER SYSTEM SET fsync = off")
  await admin.query("SELECT pg_reload_conf()")
  for (const { database, users, events, from } of sizes) {
    await admin.query(`CREATE DATABASE ${database} ${from === undefined ? "" : `TEMPLATE ${from} STRATEGY FILE_COPY`}`)
    if (from === undefined) await migrated(onServer(server, database))
    const client = new pg.Client({ connectionString: onServer(server, database) })
    await client.connect()
    await client.query("SET maintenance_work_mem = '1GB'")
    await client.query("SET work_mem = '512MB'")
    // Whether there is the site of each user is known.
    await client.query("SET session_replication_role = replica")
    const indexes = async (table: string) => {
      const { rows } = await client.query<Seed.Index>(
        `SELECT indexname AS name, indexdef AS definition FROM pg_indexes WHERE tablename = $1 AND indexname NOT LIKE '%_pkey'`,
        [table],
      )
      return rows
    }
    const wanted = { users, events, isCopy: from !== undefined }
    const [ofUsers, ofEvents] = [await indexes("users"), await indexes("user_events")]
    for (const statement of Seed.statements(Seed.dialects.postgres, wanted, ofUsers, ofEvents)) {
      await client.query(statement)
    }
    await client.query("VACUUM ANALYZE")
    await client.end()
  }
  await admin.query("CHECKPOINT")
  await admin.query("ALTER SYSTEM RESET fsync")
  await admin.query("SELECT pg_reload_conf()")
  await admin.end()
}

/** The least that each question took, of each store. All are asked in each round: a program grows faster while it runs. */
const ask = async (stores: ReadonlyMap<string, Open>) => {
  const asked = questions.map((question) => ({ question, of: (store: string) => `${question.name} of ${store}` }))
  const turns = new Map(
    asked.flatMap(({ question, of }) => [...stores].map(([name, store]) => [of(name), () => measure(question, store)])),
  )
  const seen = await inTurn([...turns.keys()], rounds, (turn) => turns.get(turn)?.() ?? Promise.resolve(Number.NaN))
  for (const { runtime } of stores.values()) await runtime.dispose()
  const least = (turn: string) => Math.min(...(seen.get(turn) ?? []).slice(1))
  return new Map(
    asked.map(({ question, of }) => [
      question.name,
      new Map([...stores.keys()].map((name) => [name, least(of(name))])),
    ]),
  )
}
type Answers = Awaited<ReturnType<typeof ask>>

const opened = (of: (size: Size) => Pick<Open, "databaseCpu"> & { readonly address: string }) =>
  new Map(
    sizes.map((size): [string, Open] => {
      const { address, databaseCpu } = of(size)
      return [size.name, { users: size.users, runtime: runtimeOf(address), databaseCpu }]
    }),
  )

const seconds: Record<string, number> = {}
const timed = async <A>(what: string, work: Promise<A>) => {
  const begun = performance.now()
  const result = await work
  seconds[what] = (performance.now() - begun) / 1000
  return result
}

const onFiles = async () => {
  await timed("filling SQLite's files", fillFiles())
  const stores = opened(({ database }) => ({ address: `file:${fileOf(database)}`, databaseCpu: () => 0 }))
  return timed("asking SQLite", ask(stores))
}

const onServers = async () => {
  const server = await prepareServer("-c", "max_wal_size=8GB", "-c", "shared_buffers=512MB", "-c", "autovacuum=off")
  try {
    await server.start()
    await timed("filling PostgreSQL", fillDatabases(server.address))
    const postmaster = Number(readFileSync(join(server.folder, "postmaster.pid"), "utf8").split("\n")[0])
    const stores = opened(({ database }) => ({
      address: onServer(server.address, database),
      databaseCpu: backendsCpu(postmaster, database),
    }))
    return await timed("asking PostgreSQL", ask(stores))
  } finally {
    await server.stop()
  }
}

const tableOf = (database: string, answers: Answers): Table => ({
  title: `${database}, µs of CPU`,
  columns: sizes.flatMap(({ name }, index) => (index === 0 ? [name] : [name, "×"])),
  rows: [...answers].map(([question, least]) => {
    const cells = [...least.values()]
    const [first = Number.NaN] = cells
    return [question, ...cells.flatMap((cpu, index) => (index === 0 ? [cpu] : [cpu, cpu / first]))]
  }),
})

const goalsOf = (database: string, answers: Answers): ReadonlyArray<Goal> => {
  const took = (question: string, of: string) => answers.get(question)?.get(of) ?? Number.NaN
  const page = (offset: number, how = "") => took(`list CreatedOn @${offset}${how}`, site.name)
  const of = (what: string) => `${database}: ${what}`
  return [
    ...[site.name, ...largest].map((name) => ({
      what: of(`update, ${name} ÷ ${smallest}`),
      atMost: 1.3,
      measured: took("update", name) / took("update", smallest ?? ""),
    })),
    // What events cost by themselves: beside the same users without.
    ...sizes
      .filter(({ from }) => from !== undefined)
      .map((size) => {
        const without = sizes.find(({ database: same }) => same === size.from)?.name ?? ""
        return {
          what: of(`update, ${size.name} ÷ ${without}`),
          atMost: 1.3,
          measured: took("update", size.name) / took("update", without),
        }
      }),
    // One that is asked for by itself, and one behind the page before.
    ...([[10_000], [10_000, ", page after page"], [19_900]] as const).map(([offset, how]) => ({
      what: of(`the page at ${offset} of 20,000${how ?? ""} ÷ the first`),
      atMost: 1.3,
      measured: page(offset, how) / page(0),
    })),
  ]
}

try {
  const all = [["SQLite", await onFiles()] as const, ["PostgreSQL", await onServers()] as const]
  const took: Table = { title: "Time", columns: ["s"], rows: Object.entries(seconds) }
  report(
    [...all.map(([name, answers]) => tableOf(name, answers)), took],
    all.flatMap(([name, answers]) => goalsOf(name, answers)),
  )
} finally {
  rmSync(folder, { recursive: true, force: true })
}
