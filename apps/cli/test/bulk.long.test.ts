/** Many updates killed in the midst, again and again: each user ends right, none is missed, none is sent again that was recorded. */
import { createHash, randomInt } from "node:crypto"
import { existsSync } from "node:fs"
import { setImmediate } from "node:timers/promises"
import { describe, expect, it } from "vitest"
import { contents, jsonLines, membersTo, pathIn, resultOf, runIn, stored, textIn } from "./bulk.ts"
import { type Options, siteId } from "./run.ts"
import { serveMembers } from "./upstream.ts"

const seed = Number(process.env["TEST_SEED"] ?? randomInt(2 ** 31))
const rounds = 10
const count = 500

/** The same for the same seed. */
const dice = (what: string, sides: number): number =>
  createHash("sha256").update(`${seed} ${what}`).digest().readUInt32BE(0) % sides

/** Changes of members, some of whom come twice, and some of whom join groups. */
const rows = Array.from({ length: count + count / 5 }, (_, row) => ({
  member: row < count ? row : dice(`row ${row}`, count),
  drink: `Row ${row}`,
  joins: row % 4 === 0 ? `group-${row % 3}` : "",
}))
const table = [
  "email,drink,add-groups",
  ...rows.map(({ member, drink, joins }) => `m${member}@example.com,${drink},${joins}`),
].join("\n")

const expected = membersTo(count).map((user, at) => {
  const own = rows.filter(({ member }) => member === at)
  const joined = [...new Set(own.map(({ joins }) => joins).filter((slug) => slug !== ""))]
  const { lastUpdated: _, ...rest } = user
  const groups = joined.map((slug) => ({ slug, type: "admin" as const }))
  const [first, ...others] = user.accessGroups
  return { ...rest, data: { ...user.data, drink: own.at(-1)?.drink }, accessGroups: [first, ...groups, ...others] }
})

/** What stands in the journal, whole lines only, by the drinks that the rows set. */
const recordedIn = (cwd: string, run: string): ReadonlySet<unknown> => {
  if (!existsSync(pathIn(cwd, run, "journal.ndjson"))) return new Set()
  const lines = textIn(cwd, run, "journal.ndjson").split("\n").slice(0, -1)
  // Where a process was killed within a line.
  const whole = lines.filter((line) => line.endsWith("}") && line.startsWith("{") && isJson(line))
  return new Set(jsonLines(whole.join("\n")).map(({ place }) => rows[Number(place)]?.drink))
}
const isJson = (line: string): boolean => {
  try {
    JSON.parse(line)
    return true
  } catch {
    return false
  }
}

/** Kills a command after so many outcomes were told. */
const killedAfter = (outcomes: number): Pick<Options, "started"> => ({
  started: (child) => {
    let told = 0
    child.stdout?.on("data", (text: Buffer) => {
      told += String(text).split('"event":"outcome"').length - 1
      if (told >= outcomes) child.kill("SIGKILL")
    })
  },
})

describe(`killed with TEST_SEED=${seed}`, () => {
  it("in front of a server that counts", { timeout: 300_000 }, async () => {
    await using server = await serveMembers(membersTo(count))
    const store = await stored(0)
    store.file("m.csv", table)
    const env = { WEBFLOW_USERS_STORE: server.address }
    let run: string | undefined
    let made = 0
    for (let round = 0; round < rounds; round += 1) {
      const recorded: ReadonlySet<unknown> = run === undefined ? new Set() : recordedIn(store.cwd, run)
      const from = server.sent.length
      const args = run === undefined ? ["bulk", siteId, "m.csv", "--yes"] : ["bulk", "--resume", run]
      const killed = await store.cli([...args, "--concurrency", "8"], {
        env,
        started: (child) =>
          void (async () => {
            await server.hasGot(from + 1 + dice(`moment ${round}`, 40))
            for (let turn = dice(`turns ${round}`, 16); turn > 0; turn -= 1) await setImmediate()
            child.kill("SIGKILL")
          })(),
      })
      expect(killed.code).toBeNull()
      run ??= runIn(store.cwd)
      const again = server.sent.slice(from).filter(({ body }) => recorded.has(body.data?.["drink"]))
      expect(again).toEqual([])
      const now = recordedIn(store.cwd, run)
      expect([...recorded].filter((row) => !now.has(row))).toEqual([])
      made = now.size
    }
    expect(made).toBeGreaterThan(0)
    const id = String(run)
    const ended = await store.cli(["bulk", "--resume", id], { env })
    expect({ code: ended.code, ...resultOf(ended) }).toMatchObject({
      code: 0,
      updated: rows.length,
      failed: 0,
      left: 0,
    })
    expect(contents(server.users.values())).toEqual(expected)
    expect(await store.cli(["undo", id, "--yes"], { env })).toMatchObject({ code: 0 })
    expect(contents(server.users.values())).toEqual(contents(membersTo(count)))
  })

  it("on a store file, and while it is undone", { timeout: 300_000 }, async () => {
    const store = await stored(count)
    store.file("m.csv", table)
    const byId = () => contents(store.users()).toSorted((a, b) => a.id.localeCompare(b.id))
    const killing = async (args: ReadonlyArray<string>, known: ReadonlyArray<string>): Promise<string> => {
      let run: string | undefined
      for (let round = 0; round < rounds; round += 1) {
        const next = run === undefined ? args : ["bulk", "--resume", run]
        const moment = killedAfter(1 + dice(`${args[0]} ${round}`, 40))
        const killed = await store.cli([...next, "--json", "--concurrency", "4"], moment)
        run ??= runIn(store.cwd, ...known)
        // What was told is in the journal.
        const told = jsonLines(killed.stdout.split("\n").slice(0, -1).join("\n")).filter(
          ({ event }) => event === "outcome",
        )
        expect(told.length).toBeGreaterThan(0)
        const journal = textIn(store.cwd, run, "journal.ndjson")
        for (const { line, user } of told) expect(journal).toContain(`"line":${line},"user":"${user}"`)
        if (killed.code !== null) break
      }
      expect(resultOf(await store.cli(["bulk", "--resume", String(run)]))).toMatchObject({ failed: 0, left: 0 })
      return String(run)
    }
    const run = await killing(["bulk", siteId, "m.csv", "--yes"], [])
    expect(byId()).toEqual(expected)
    await killing(["undo", run, "--yes"], [run])
    expect(byId()).toEqual(contents(membersTo(count)))
  })
})
