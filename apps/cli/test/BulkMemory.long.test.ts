/** Runs of many rows need no more memory than runs of few. */
import { readFileSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { pathToFileURL } from "node:url"
import { expect, it } from "vitest"
import { memberAt, membersTo, resultOf } from "./bulk.ts"
import { cli, newFolder, siteId } from "./run.ts"
import { serveMembers } from "./upstream.ts"

const users = 1_000
/** Tells the most memory that the process has had, as Linux knows it. */
const telling = `
import { readFileSync, writeFileSync } from "node:fs"
process.on("exit", () => writeFileSync("peak", /VmHWM:\\s+(\\d+) kB/.exec(readFileSync("/proc/self/status", "utf8"))[1]))
`

it.runIf(process.platform === "linux")("60,000 rows need as much as 6,000", { timeout: 600_000 }, async () => {
  const peaks: Array<number> = []
  for (const rows of [6_000, 60_000]) {
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
  // In MB. An empty program of Node has 45.
  expect(many).toBeLessThan(150)
  expect(many / few).toBeLessThan(1.2)
})
