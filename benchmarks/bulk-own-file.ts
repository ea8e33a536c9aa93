/** Many updates in a SQLite file of one's own, each an event and on the disk before it counts, beside the same by hand. */
import { copyFileSync, rmSync, writeFileSync } from "node:fs"
import { DatabaseSync } from "node:sqlite"
import { join } from "node:path"
import { createClient } from "@webflow-users/sdk"
import type { Table } from "./report.ts"
import { inRepository, run } from "./processes.ts"
import { inTurn } from "./rounds.ts"
import { bestOf, commandOf, type Updates } from "./updates-run.ts"

const siteId = "580e63e98c9a982ac9b8b741"
const count = 30_000

const userIdOf = (index: number): string => `6287ec36${index.toString(16).padStart(16, "0")}`

const seed = async (file: string) => {
  const users = Array.from({ length: count }, (_, index) => ({
    id: userIdOf(index),
    accessGroups: [{ slug: "free", type: "admin" }],
    data: { name: `User ${index}`, email: `user${index}@example.com`, plan: "basic" },
  }))
  const client = createClient({ store: `file:${file}` })
  await client.importUsers(siteId, users)
  await client.close()
}

/** That all was done, before anything is said of how fast. */
const check = (file: string) => {
  const database = new DatabaseSync(file, { readOnly: true })
  const numberOf = (sql: string) => Object.values(database.prepare(sql).get() ?? {})[0]
  const events = numberOf("SELECT count(*) FROM user_events")
  const users = numberOf(`SELECT count(*) FROM users WHERE document ->> '$.data.plan' = 'gold'
    AND document ->> '$.accessGroups[0].slug' = 'free' AND document ->> '$.accessGroups[1].slug' = 'vip'`)
  database.close()
  if (events !== count || users !== count)
    throw new Error(`Of ${count}, ${String(users)} users and ${String(events)} events`)
}

const contenders = {
  "by hand, one a transaction": 1,
  "by hand, 256 a transaction": 256,
  "updateMany, 32 at a time": 32,
  "updateMany, 256 at a time": 256,
  "webflow-users bulk FILE --yes": 0,
} as const

export const ownFile = async (folder: string): Promise<Table> => {
  const seeded = join(folder, "seeded.db")
  await seed(seeded)
  const table = join(folder, "own.csv")
  const rows = Array.from({ length: count }, (_, index) => `${userIdOf(index)},gold,vip\n`)
  writeFileSync(table, `id,plan,add-groups\n${rows.join("")}`)

  const one = async (name: string): Promise<Updates> => {
    const file = join(folder, "users.db")
    for (const end of ["", "-wal", "-shm"]) rmSync(file + end, { force: true })
    copyFileSync(seeded, file)
    const each = contenders[name as keyof typeof contenders]
    const program = inRepository("benchmarks/bulk-own-file.mjs")
    const taken =
      each === 0
        ? await commandOf(["bulk", siteId, table, "--yes", "--store", `file:${file}`], { cwd: folder })
        : (JSON.parse(await run([program, name, file, String(each), String(count)])) as Updates)
    check(file)
    return { ...taken, updates: count, failed: 0 }
  }
  const names = Object.keys(contenders)
  const seen = await inTurn(names, 2, one)
  const of = (name: string) => bestOf(seen.get(name) ?? [])
  const byHand = of("by hand, 256 a transaction").rate
  return {
    title: `${count.toLocaleString("en")} updates of a SQLite file, synchronous=FULL`,
    columns: ["updates a second", "÷ by hand, 256 a transaction", "CPU µs each", "peak MB"],
    rows: names.map((name) => {
      const { rate, micros, memory } = of(name)
      return [name, rate, rate / byHand, micros, memory]
    }),
  }
}
