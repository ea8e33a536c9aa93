/**
 * What a store's size costs: the same questions to stores of a thousand users, of 20,000, of a million, and with ten million events. With
 * `--quick` a million is 100,000, and ten million one.
 */
import { fork } from "node:child_process"
import { once } from "node:events"
import { copyFileSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { loadavg, tmpdir } from "node:os"
import { join } from "node:path"
import { DatabaseSync } from "node:sqlite"
import { fileURLToPath } from "node:url"
import { UserStore } from "@webflow-users/core"
import pg from "pg"
import { onServer, prepareServer } from "../test/postgres-server.ts"
import { backendsCpu, measure, type Open, questions, runtimeOf, type Times } from "./growth-measure.ts"
import * as Seed from "./growth-seed.ts"

const isQuick = process.argv.includes("--quick")
const rounds = 2
const sizes = [
  { name: "1,000", database: "thousand", users: 1000, events: 0 },
  { name: "20,000", database: "site", users: 20_000, events: 0 },
  { name: "a million", database: "million", users: isQuick ? 100_000 : 1_000_000, events: 0 },
  // The same once more, and a long history.
  {
    name: "and a history",
    database: "history",
    users: isQuick ? 100_000 : 1_000_000,
    events: isQuick ? 1_000_000 : 10_000_000,
    from: "million",
  },
]
const folder = process.env["GROWTH_FOLDER"] ?? mkdtempSync(join(tmpdir(), "webflow-users-growth-"))
const fileOf = (database: string) => join(folder, `${database}.db`)

const migrated = async (address: string) => {
  const runtime = runtimeOf(address)
  await runtime.runPromise(UserStore.UserStore)
  await runtime.dispose()
}

const seedSqlite = () => {
  for (const { database, users, events, from } of sizes) {
    const file = fileOf(database)
    if (from !== undefined) copyFileSync(fileOf(from), file)
    const db = new DatabaseSync(file)
    db.exec("PRAGMA journal_mode = MEMORY; PRAGMA synchronous = OFF; PRAGMA cache_size = -1000000")
    const indexes = (table: string) =>
      db
        .prepare("SELECT name, sql AS definition FROM sqlite_schema WHERE type = 'index' AND tbl_name = ? AND sql > ''")
        .all(table) as unknown as ReadonlyArray<Seed.Index>
    for (const statement of Seed.statements(
      Seed.dialects.sqlite,
      { users, events, isCopy: from !== undefined },
      indexes("users"),
      indexes("user_events"),
    )) {
      db.exec(statement)
    }
    db.close()
  }
}

const seedPostgres = async (server: string) => {
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
    // Whether there is the site of each user is known.
    await client.query("SET session_replication_role = replica")
    const indexes = async (table: string) => {
      const { rows } = await client.query<Seed.Index>(
        `SELECT indexname AS name, indexdef AS definition FROM pg_indexes WHERE tablename = $1 AND indexname NOT LIKE '%_pkey'`,
        [table],
      )
      return rows
    }
    const [ofUsers, ofEvents] = [await indexes("users"), await indexes("user_events")]
    for (const statement of Seed.statements(
      Seed.dialects.postgres,
      { users, events, isCopy: from !== undefined },
      ofUsers,
      ofEvents,
    )) {
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

const quantile = (waits: ReadonlyArray<number>, part: number) =>
  waits.toSorted((a, b) => a - b)[Math.floor(waits.length * part)] ?? 0

/** The quickest of its rounds for each store, and how much that is over the smallest store's. */
const told = (database: string, question: string, seen: ReadonlyArray<ReadonlyArray<Times>>) => {
  const best = seen.map((each) => ({
    cpu: Math.min(...each.map(({ cpu }) => cpu)),
    p50: Math.min(...each.map(({ waits }) => quantile(waits, 0.5))),
    p99: Math.min(...each.map(({ waits }) => quantile(waits, 0.99))),
  }))
  const cells = best.map(
    ({ cpu, p50, p99 }) =>
      `${cpu.toFixed(0).padStart(7)} µs ×${(cpu / (best[0]?.cpu ?? 1)).toFixed(2)} ${p50.toFixed(2)}/${p99.toFixed(2)} ms`,
  )
  console.log(`${database.padEnd(10)} ${question.padEnd(22)} ${cells.map((cell) => cell.padEnd(32)).join(" | ")}`)
  return { best }
}

if (process.send !== undefined) {
  // Both databases are filled at once, each by a process of its own.
  for (const { database, from } of sizes) if (from === undefined) await migrated(`file:${fileOf(database)}`)
  seedSqlite()
  process.exit()
}

const begun = performance.now()
const server = await prepareServer("-c", "max_wal_size=8GB", "-c", "shared_buffers=512MB", "-c", "autovacuum=off")
const opened: Record<string, ReadonlyArray<Open>> = {}
try {
  await server.start()
  const child = fork(fileURLToPath(import.meta.url), process.argv.slice(2), {
    env: { ...process.env, GROWTH_FOLDER: folder },
  })
  const [[code]] = await Promise.all([once(child, "exit"), seedPostgres(server.address)])
  if (code !== 0) throw new Error("The SQLite files were not filled")
  console.log(`filled in ${((performance.now() - begun) / 1000).toFixed(0)} s; load ${loadavg()[0]?.toFixed(1)}`)

  const postmaster = Number(readFileSync(join(server.folder, "postmaster.pid"), "utf8").split("\n")[0])
  opened["SQLite"] = sizes.map(({ database, users }) => ({
    users,
    runtime: runtimeOf(`file:${fileOf(database)}`),
    databaseCpu: () => 0,
  }))
  opened["PostgreSQL"] = sizes.map(({ database, users }) => ({
    users,
    runtime: runtimeOf(onServer(server.address, database)),
    databaseCpu: backendsCpu(postmaster, database),
  }))
  const results = []
  console.log(`${"".padEnd(33)} ${sizes.map(({ name }) => name.padEnd(32)).join(" | ")}`)
  for (const [database, stores] of Object.entries(opened)) {
    for (const question of questions) {
      const seen = stores.map((): Array<Times> => [])
      // In turns, and from either end; the first turn only fills caches.
      for (let round = 0; round <= rounds; round += 1) {
        const order = round % 2 === 0 ? stores.keys() : [...stores.keys()].toReversed()
        for (const at of order) {
          const times = await measure(question, stores[at] as Open)
          if (round > 0) seen[at]?.push(times)
        }
      }
      results.push({ database, question: question.name, ...told(database, question.name, seen) })
    }
  }
  if (process.env["BENCH_JSON"] !== undefined) writeFileSync(process.env["BENCH_JSON"], JSON.stringify(results))
} finally {
  for (const { runtime } of Object.values(opened).flat()) await runtime.dispose()
  await server.stop()
  rmSync(folder, { recursive: true, force: true })
}
console.log(`${((performance.now() - begun) / 1000).toFixed(0)} s in all; load ${loadavg()[0]?.toFixed(1)}`)
