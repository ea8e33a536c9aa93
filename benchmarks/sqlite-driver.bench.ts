/** One durable update, by driver: the measurement behind docs/decisions/0002. */
import { mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { DatabaseSync } from "node:sqlite"
import BetterSqlite3 from "better-sqlite3"
import { isQuick, report } from "./report.ts"
import { inTurn, median } from "./rounds.ts"

interface Statement {
  readonly run: (...parameters: ReadonlyArray<string>) => unknown
  readonly get: (...parameters: ReadonlyArray<string>) => unknown
}
interface Database {
  readonly exec: (sql: string) => unknown
  readonly prepare: (sql: string) => Statement
  readonly close: () => unknown
}

const updates = isQuick ? 1_000 : 4_000
const rounds = isQuick ? 3 : 5
const users = 1_000
const drivers: Record<string, (file: string) => Database> = {
  "better-sqlite3": (file) => new BetterSqlite3(file) as unknown as Database,
  "node:sqlite": (file) => new DatabaseSync(file) as unknown as Database,
}
const document = JSON.stringify({
  id: "6287ec36a841b25637c663df",
  isEmailVerified: true,
  lastUpdated: "2022-05-20T13:46:12.093Z",
  createdOn: "2022-05-20T13:46:12.093Z",
  status: "verified",
  accessGroups: [{ slug: "webflowers", type: "admin" }],
  data: { name: "Some One", email: "some.one@example.com", "accept-privacy": false },
})

const measure = (open: (file: string) => Database, perTransaction: number) => {
  const folder = mkdtempSync(join(tmpdir(), "webflow-users-bench-"))
  const db = open(join(folder, "users.db"))
  db.exec("PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL")
  db.exec("CREATE TABLE users (site TEXT, id TEXT, document TEXT, PRIMARY KEY (site, id))")
  db.exec("CREATE TABLE events (sequence INTEGER PRIMARY KEY, site TEXT, id TEXT, before TEXT, after TEXT)")
  const insert = db.prepare("INSERT INTO users VALUES (?, ?, ?)")
  for (let index = 0; index < users; index += 1) insert.run("s", `u${index}`, document)
  const select = db.prepare("SELECT document FROM users WHERE site = ? AND id = ?")
  const update = db.prepare("UPDATE users SET document = ? WHERE site = ? AND id = ?")
  const record = db.prepare("INSERT INTO events (site, id, before, after) VALUES (?, ?, ?, ?)")
  const begin = db.prepare("BEGIN IMMEDIATE")
  const commit = db.prepare("COMMIT")

  const cpu = process.cpuUsage()
  const start = performance.now()
  for (let done = 0; done < updates; done += perTransaction) {
    begin.run()
    for (let index = done; index < done + perTransaction; index += 1) {
      const id = `u${index % users}`
      const { document: before } = select.get("s", id) as { readonly document: string }
      const after = JSON.stringify({ ...JSON.parse(before), lastUpdated: String(index) })
      update.run(after, "s", id)
      record.run("s", id, before, after)
    }
    commit.run()
  }
  const seconds = (performance.now() - start) / 1000
  const { user, system } = process.cpuUsage(cpu)
  db.close()
  rmSync(folder, { recursive: true })
  return { perSecond: updates / seconds, cpu: (user + system) / updates }
}

const names = Object.keys(drivers)
const rows: Array<readonly [string, number, number, number]> = []
for (const perTransaction of [1, 32]) {
  const seen = await inTurn(names, rounds, (name) => {
    const open = drivers[name]
    if (open === undefined) throw new Error(`Nobody opens ${name}`)
    return Promise.resolve(measure(open, perTransaction))
  })
  for (const [name, results] of seen) {
    const perSecond = median(results.map((result) => result.perSecond))
    const cpu = median(results.map((result) => result.cpu))
    rows.push([name, perTransaction, perSecond, cpu])
  }
}
report([{ title: "Driver", columns: ["updates a transaction", "updates/s", "CPU µs"], rows }])
