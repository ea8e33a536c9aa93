/** A disk that is full while outcomes are recorded: the run stops and says so, and nothing is lost. */
import { spawnSync } from "node:child_process"
import { mkdirSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { describe, expect, it } from "vitest"
import { jsonLines, membersTo, resultOf, runIn, tableOf, textIn } from "./bulk.ts"
import { cli, newFolder, siteId } from "./run.ts"
import { serveMembers } from "./upstream.ts"

const mount = (...args: ReadonlyArray<string>) => spawnSync("mount", ["-t", "tmpfs", ...args]).status === 0
const unmount = (path: string) => spawnSync("umount", [path])

const canMount = (() => {
  if (process.platform !== "linux") return false
  const path = newFolder()
  if (!mount("-o", "size=64k", "tmpfs", path)) return false
  unmount(path)
  return true
})()

/** Of so many changes there is room for the plan and about half of the journal; in KiB, in all and for each file. */
const count = 3000
const room = { all: 2870, file: 1440 }
/** How many updates may be made of which nothing is recorded: those under way, and twice what waits to be recorded. */
const unrecorded = 4 + 2 * 512

interface Place {
  readonly cwd: string
  /** What goes before the command while there is no room. */
  readonly under?: string
  /** Makes room. */
  readonly empty: () => void
}

const places: ReadonlyArray<readonly [name: string, isThere: boolean, (cwd: string) => Place & AsyncDisposable]> = [
  [
    "a small file system",
    canMount,
    (cwd) => {
      const path = join(cwd, ".webflow-users")
      mkdirSync(path)
      expect(mount("-o", `size=${room.all}k`, "tmpfs", path)).toBe(true)
      return {
        cwd,
        empty: () => expect(mount("-o", "remount,size=8m", path)).toBe(true),
        [Symbol.asyncDispose]: async () => void unmount(path),
      }
    },
  ],
  [
    "a limit on the size of files",
    process.platform !== "win32",
    (cwd) => ({
      cwd,
      // In blocks of 512 bytes.
      under: `ulimit -f ${room.file * 2}`,
      empty: () => undefined,
      [Symbol.asyncDispose]: async () => undefined,
    }),
  ],
]

describe.each(places)("%s", { concurrent: true }, (_, isThere, make) => {
  it.skipIf(!isThere)("stops the run, which is gone on with when there is room", async () => {
    await using server = await serveMembers(membersTo(count))
    const cwd = newFolder()
    await using place = make(cwd)
    const changes = membersTo(count).map(({ id }, at) => ({ id, data: { drink: `Drink ${at}` } }))
    const lines = [...changes, { email: "n@example.com" }].map((change) => JSON.stringify(change))
    writeFileSync(join(cwd, "m.ndjson"), lines.join("\n"))
    const env = { WEBFLOW_USERS_STORE: server.address }
    const full = await cli(["bulk", siteId, "m.ndjson", "--yes", "--concurrency", "4"], {
      cwd,
      env,
      under: place.under,
    })
    const run = runIn(cwd)
    expect(full.code).toBe(1)
    expect(jsonLines(full.stderr.split("\n").at(-2) ?? "")).toMatchObject([
      { error: { tag: "RunUnwritable", message: expect.stringMatching(/cannot be recorded.*(ENOSPC|EFBIG)/) } },
    ])
    const stopped = resultOf(full)
    expect(stopped).toMatchObject({ event: "stopped", failed: 0, resume: `webflow-users bulk --resume ${run}` })

    // Its last line may be torn.
    const whole = textIn(cwd, run, "journal.ndjson").split("\n").slice(0, -1)
    const recorded = jsonLines(whole.join("\n")).map(({ user }) => String(user))
    expect(recorded.length).toBeGreaterThan(0)
    // Of the lines that were written but not synced nobody was told: they count when it is gone on.
    expect(Number(stopped["updated"])).toBeLessThanOrEqual(recorded.length)
    expect(Number(stopped["left"])).toBe(count - Number(stopped["updated"]))
    // Nothing was begun any more.
    expect(server.sent.length).toBeLessThanOrEqual(recorded.length + unrecorded)
    expect(recorded.length + unrecorded).toBeLessThan(count)
    const drinks = new Map([...server.users].map(([id, { data }]) => [id, data["drink"]]))
    expect(recorded.filter((id) => drinks.get(id) === "Tea")).toEqual([])

    place.empty()
    server.sent.splice(0)
    const resumed = await cli(["bulk", "--resume", run], { cwd, env })
    // One row is invalid.
    expect({ code: resumed.code, ...resultOf(resumed) }).toMatchObject({ code: 1, updated: count, failed: 0, left: 0 })
    expect(server.drinks()).toEqual(membersTo(count).map((__, at) => `Drink ${at}`))
    expect(server.sent.filter(({ id }) => recorded.includes(id))).toEqual([])
  })

  it.skipIf(!isThere)("that has no room for the plan changes nothing and leaves nothing", async () => {
    await using server = await serveMembers(membersTo(count))
    const cwd = newFolder()
    await using place = make(cwd)
    const rows = tableOf(count, "drink,a,b,c,d,e", () =>
      ["Milk", ..."abcde".split("").map((each) => each.repeat(250))].join(","),
    )
    writeFileSync(join(cwd, "m.csv"), rows)
    const env = { WEBFLOW_USERS_STORE: server.address }
    const { code, stdout, stderr } = await cli(["bulk", siteId, "m.csv", "--yes"], { cwd, env, under: place.under })
    expect({ code, stdout }).toEqual({ code: 1, stdout: "" })
    expect(jsonLines(stderr)).toMatchObject([{ error: { tag: "RunUnwritable" } }])
    expect(server.sent).toEqual([])
    expect(resultOf(await cli(["runs"], { cwd }))).toEqual({ runs: [] })
  })
})
