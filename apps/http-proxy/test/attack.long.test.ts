/**
 * Debian's `slowhttptest` against the built proxy: a thousand callers who send or read as slowly as they can. Who asks as one
 * should is answered all the while, and so says the tool itself.
 */
import { execFile } from "node:child_process"
import { mkdtemp, readFile, rm } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { promisify, stripVTControlCharacters } from "node:util"
import { parseSiteId, type SiteId, type User, UserEvents, UserId } from "@webflow-users/core"
import { expect, it } from "vitest"
import { open } from "./proxy.ts"
import * as Spawned from "./spawned.ts"

const run = promisify(execFile)
const siteId = parseSiteId("580e63e98c9a982ac9b8b741") as SiteId
const user: User = { id: UserId.make("6287ec36a841b25637c663df"), accessGroups: [], data: { name: "Member" } }
const path = `/v2/sites/${siteId}/users/${user.id}`

const callers = 1_000
/** How long the tool goes on, in seconds; it makes 500 connections in each of the first two. */
const lasts = 15

// Of each mode: who asks it what, and how.
const modes: ReadonlyArray<readonly [name: string, options: ReadonlyArray<string>]> = [
  ["heads that do not end", ["-H", "-i", "1", "-x", "24", "-t", "PATCH", "-u", path]],
  ["bodies that do not end", ["-B", "-i", "1", "-x", "64", "-s", "8192", "-t", "PATCH", "-u", path]],
  [
    "answers that are not read",
    ["-X", "-w", "1", "-y", "64", "-n", "1", "-z", "16", "-k", "10", "-u", "/openapi.json"],
  ],
]

it.each(modes)("a thousand with %s", { timeout: 120_000 }, async (_, options) => {
  const folder = await mkdtemp(join(tmpdir(), "webflow-users-attack-"))
  const store = `file:${folder}/users.db`
  await using own = open(store)
  await own.add({ id: siteId, users: [user] })
  const headers = { authorization: `Bearer ${await own.token(siteId)}` }
  await using proxy = await Spawned.start(store)

  const over = new AbortController()
  const address = options.map((option) => (option.startsWith("/") ? proxy.origin + option : option))
  const load = ["-c", String(callers), "-r", "500", "-l", String(lasts), "-p", "10"]
  const attack = run("slowhttptest", [...address, ...load, "-g", "-o", join(folder, "report")])
  void attack.finally(() => over.abort())

  // One after the other, each on a connection of its own: whoever waits for too long fails here.
  const statuses = new Set<number>()
  let answered = 0
  while (!over.signal.aborted) {
    const patch = { method: "PATCH", headers: { ...headers, connection: "close" }, signal: AbortSignal.timeout(20_000) }
    statuses.add((await fetch(proxy.origin + path, patch)).status)
    answered += 1
  }
  const { stdout } = await attack
  expect([...statuses]).toEqual([200])
  expect(answered).toBeGreaterThan(lasts)
  expect(stripVTControlCharacters(stdout)).toMatch(/service available:\s+YES/)
  // What it saw each second: how many connections were closed, pending and there, and whether it was served itself.
  const rows = (await readFile(join(folder, "report.csv"), "utf8")).trim().split("\n").slice(1)
  const columns = rows.map((row) => row.split(",").map(Number))
  expect(Math.max(...columns.map(([, closed = 0, , connected = 0]) => connected + closed))).toBeGreaterThan(callers / 2)
  expect(new Set(columns.slice(1).map((row) => row.at(-1)))).not.toContain(0)

  const events = await own.run(UserEvents.use((record) => record.ofUser(siteId, user.id)))
  expect(events).toHaveLength(answered)
  expect(await proxy.end("SIGTERM")).toMatchObject({ code: 0 })
  await rm(folder, { recursive: true })
})
