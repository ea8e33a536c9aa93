/** Runs of many rows need no more memory than runs of few. */
import { readFileSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { pathToFileURL } from "node:url"
import { expect, it } from "vitest"
import { memberAt, membersTo, resultOf } from "./bulk.ts"
import { cli, newFolder, siteId } from "./run.ts"
import { serveMembers } from "./upstream.ts"

const users = 1_000
/**
 * Tells the most memory that the process has had, as Linux knows it, less the pages of files, such as Node's own: how many of those
 * count differs by 40 MB with what the system has at hand, and they do not become fewer until the end.
 */
const telling = `
import { readFileSync, writeFileSync } from "node:fs"
process.on("exit", () => {
  const status = readFileSync("/proc/self/status", "utf8")
  const of = (name) => Number(new RegExp(name + ":\\\\s+(\\\\d+) kB").exec(status)[1])
  writeFileSync("peak", String(of("VmHWM") - of("RssFile")))
})
`

it.runIf(process.platform === "linux")("60,000 rows need as much as 15,000", { timeout: 600_000 }, async () => {
  const peaks: Array<number> = []
  // A run of fewer ends before its heap is as large as it becomes.
  for (const rows of [15_000, 60_000]) {
    await using server = await serveMembers(membersTo(users))
    const cwd = newFolder()
    const lines = Array.from({ length: rows }, (_, row) => `${memberAt(row % users).id},Row ${row}\n`)
    writeFileSync(join(cwd, "m.csv"), `id,drink\n${lines.join("")}`)
    writeFileSync(join(cwd, "telling.mjs"), telling)
    const env = {
      WEBFLOW_USERS_STORE: server.address,
      NODE_OPTIONS: `--import ${pathToFileURL(join(cwd, "telling.mjs")).href}`,
    }
    expect(resultOf(await cli(["bulk", siteId, "m.csv", "--yes"], { cwd, env }))).toMatchObject({ updated: rows })
    expect(server.sent).toHaveLength(rows)
    peaks.push(Number(readFileSync(join(cwd, "peak"), "utf8")) / 1024)
  }
  const [few = 0, many = 0] = peaks
  // In MB. An empty program of Node has 10 of them, a run without its small heap more than 200.
  expect(many).toBeLessThan(110)
  expect(many / few).toBeLessThan(1.3)
})
