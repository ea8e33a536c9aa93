/** What a run of many updates costs, as counts that are the same on every machine. */
import { readFileSync } from "node:fs"
import { join } from "node:path"
import { pathToFileURL } from "node:url"
import { expect, it } from "vitest"
import { resultOf, stored, tableOf } from "./bulk.ts"
import { siteId } from "./run.ts"

/** Counts how often files are waited for until they are on the disk; a database does that by itself. */
const counting = `
import fs from "node:fs"
import { syncBuiltinESMExports } from "node:module"
let count = 0
const { fsync } = fs
fs.fsync = (...args) => {
  count += 1
  return fsync(...args)
}
syncBuiltinESMExports()
process.on("exit", () => fs.writeFileSync("syncs", String(count)))
`

it("what waits to be recorded is recorded together", async () => {
  const count = 1_000
  const store = await stored(count)
  store.file(
    "m.csv",
    tableOf(count, "drink", () => "Coffee"),
  )
  const counter = pathToFileURL(join(store.cwd, store.file("counting.mjs", counting)))
  const env = { NODE_OPTIONS: `--import ${counter.href}` }
  const run = await store.cli(["bulk", siteId, "m.csv", "--yes"], { env })
  expect(resultOf(run)).toMatchObject({ updated: count, failed: 0 })
  const syncs = Number(readFileSync(join(store.cwd, "syncs"), "utf8"))
  // 64 are under way, so 16 of the journal's would do; the plan and the summary have some of their own.
  expect(syncs).toBeGreaterThan(4)
  expect(syncs).toBeLessThan(80)
})
