/** What a person sees of many updates, and how they can be answered and stopped. */
import { writeFileSync } from "node:fs"
import { join } from "node:path"
import { describe, expect, it } from "vitest"
import { journalIn, jsonLines, membersTo, resultOf, runIn, stored, tableOf } from "./bulk.ts"
import { cli, fresh, siteId } from "./run.ts"
import { hasTerminal, show, sit } from "./terminal.ts"
import { serveMembers } from "./upstream.ts"

const coffee = (count: number) => tableOf(count, "drink", () => "Coffee")

/** The bar each time it was drawn. */
const barsOf = (screen: string): ReadonlyArray<string> => screen.match(/[█░]{10}\P{Cc}*/gu) ?? []

/** A folder with a table of so many changes. */
const folderWith = (count: number) => {
  const folder = fresh()
  writeFileSync(join(folder.cwd, "m.csv"), coffee(count))
  return folder
}

describe.skipIf(!hasTerminal)("a run on a terminal", { concurrent: true }, () => {
  it("shows done, failed, skipped, rate and time left in a bar of 80 columns, and what came of it", async () => {
    const store = await stored(150)
    const rows = coffee(150).replace("m0@example.com,Coffee", "m0@example.com,Tea").replace("m1@", "n1@")
    const { code, screen } = await sit(store, ["bulk", siteId, store.file("m.csv", rows), "--yes"]).ended
    const run = runIn(store.cwd)
    expect(code).toBe(1)
    const bars = barsOf(screen)
    expect(bars[0]).toBe("░░░░░░░░░░ 0/148 done, 0 failed, 1 skipped, 0.0/s")
    expect(bars.at(-1)).toMatch(/^█{10} 148\/148 done, 0 failed, 1 skipped, \d[\d,.]*\/s, 0s left$/)
    for (const bar of bars) expect(bar.length).toBeLessThan(80)
    const [before = "", after = ""] = screen.replaceAll("\r\n", "\n").split(/\p{Cc}7[^]*\p{Cc}8/u)
    expect(before.split("\n")).toEqual([
      "Looking up 150 users …",
      "1 row cannot be carried out:",
      "  line 3, email: the site has no such user",
      "150 rows: 148 to change, 1 unchanged, 1 invalid",
      "",
    ])
    expect(after.trim().split("\n")).toEqual([
      "148 updated, 0 failed, 1 unchanged, 1 invalid",
      `What was not done, and why: .webflow-users/runs/${run}/failures.csv`,
      `To take it back: webflow-users undo ${run}`,
    ])
  })

  it("shows what waits for the server's limit", async () => {
    const gate = Promise.withResolvers<void>()
    await using server = await serveMembers(membersTo(6), async ({ before, make }) => {
      const headers = {
        "x-ratelimit-limit": "60",
        "x-ratelimit-remaining": before < 3 ? "5" : "0",
        "retry-after": "30",
      }
      if (before === 3) return { status: 429, headers, body: "{}" }
      return { ...make(), headers }
    })
    const person = sit(folderWith(6), ["bulk", siteId, "m.csv", "--store", server.address, "--concurrency", "1"])
    const [bar] = await person.sees(/[█░]{10} 3\/6 done, 0 failed, 0 skipped, [\d.]+\/s, \d+s left, limit: \d+s/)
    expect(bar.length).toBeLessThan(80)
    gate.resolve()
    person.type("\u0003")
    expect((await person.ended).code).toBe(130)
  })

  it.each([
    ["y", 0, "Coffee", /101 updated, 0 failed/],
    ["n", 1, "Tea", /Nothing was changed\./],
  ] as const)("asks before more than 100 users: %s", async (answer, code, drink, told) => {
    const store = await stored(101)
    const person = sit(store, ["bulk", siteId, store.file("m.csv", coffee(101))])
    await person.sees(/Change 101 users\?/)
    expect(new Set(store.drinks())).toEqual(new Set(["Tea"]))
    person.type(answer)
    const ended = await person.ended
    expect(ended.screen).toMatch(told)
    expect(ended.code).toBe(code)
    expect(new Set(store.drinks())).toEqual(new Set([drink]))
    expect(resultOf(await store.cli(["runs"]))["runs"]).toHaveLength(code === 0 ? 1 : 0)
  })

  it("can be left at the question", async () => {
    const store = await stored(101)
    const person = sit(store, ["bulk", siteId, store.file("m.csv", coffee(101))])
    await person.sees(/Change 101 users\?/)
    person.type("\u0003")
    expect((await person.ended).code).toBe(130)
    expect(new Set(store.drinks())).toEqual(new Set(["Tea"]))
    expect(resultOf(await store.cli(["runs"]))).toEqual({ runs: [] })
  })

  it("Ctrl-C lets what is under way end, records it, and tells how to go on", async () => {
    const gate = Promise.withResolvers<void>()
    await using server = await serveMembers(membersTo(40), async ({ before, make }) => {
      if (before >= 10) await gate.promise
      return make()
    })
    const folder = folderWith(40)
    const person = sit(folder, ["bulk", siteId, "m.csv", "--store", server.address, "--concurrency", "4"])
    await Promise.all([server.hasGot(14), person.sees(/ 10\/40 done/)])
    person.type("\u0003")
    await person.sees(/Stopping: what is under way comes to its end\. Ctrl-C once more stops at once\./)
    gate.resolve()
    const { code, screen } = await person.ended
    const run = runIn(folder.cwd)
    expect(code).toBe(130)
    expect(screen).toContain(
      `Stopped: 14 of 40 done, and recorded.\r\nTo go on: webflow-users bulk --resume ${run}\r\n`,
    )
    expect(server.sent).toHaveLength(14)
    expect(journalIn(folder.cwd, run)).toHaveLength(14)
    const resumed = await sit(folder, ["bulk", "--resume", run], { WEBFLOW_USERS_STORE: server.address }).ended
    expect(resumed.code).toBe(0)
    expect(barsOf(resumed.screen)[0]).toMatch(/14\/40 done/)
    expect(server.sent).toHaveLength(40)
  })

  it("a second Ctrl-C ends it at once, and what was recorded stays so", async () => {
    await using server = await serveMembers(membersTo(40), ({ before, make }) => (before < 10 ? make() : undefined))
    const folder = folderWith(40)
    const person = sit(folder, ["bulk", siteId, "m.csv", "--store", server.address, "--concurrency", "4"])
    await Promise.all([server.hasGot(14), person.sees(/ 10\/40 done/)])
    person.type("\u0003")
    await person.sees(/Stopping: /)
    person.type("\u0003")
    const { code, screen } = await person.ended
    const run = runIn(folder.cwd)
    expect(code).toBe(130)
    expect(screen).toContain(`To go on: webflow-users bulk --resume ${run}`)
    // The cursor, which the bar had hidden, is back.
    expect(screen.lastIndexOf("\u001b[?25h")).toBeGreaterThan(screen.lastIndexOf("\u001b[?25l"))
    expect(journalIn(folder.cwd, run)).toHaveLength(10)
    expect(resultOf(await cli(["runs", "show", run], { cwd: folder.cwd }))).toMatchObject({
      state: "stopped",
      left: 30,
    })
  })

  it("undo and runs tell what they did", async () => {
    const store = await stored(3)
    await store.cli(["bulk", siteId, store.file("m.csv", coffee(2)), "--rate", "90000"])
    const run = runIn(store.cwd)
    await store.cli(["update", siteId, "m1@example.com", "--name", "Al"])
    expect((await show(store, ["undo", run, "--dry-run"])).lines).toEqual([
      "m0@example.com (6287ec36a841b25637c60000)",
      '  drink: "Coffee" → "Tea"',
      "1 user cannot be put back:",
      "  m1@example.com: was changed by somebody else since, and is left alone",
      "",
      "2 users: 1 to put back, 0 as before already, 1 left alone",
    ])
    expect((await show(store, ["runs"])).lines).toEqual([
      "RUN                   WHAT   STATE     DONE  FAILED  LEFT  INVALID",
      `${run}  m.csv  finished  2     0       0     0`,
    ])
    const { lines } = await show(store, ["runs", "show", run])
    expect(lines.slice(0, 3)).toEqual([`Run      ${run}`, "What     m.csv", `Site     ${siteId}`])
    expect(lines.slice(-4)).toEqual([
      expect.stringMatching(/^SHA-256 {2}[0-9a-f]{64}$/),
      "Options  --rate 90000",
      "",
      "2 updated, 0 failed, 0 unchanged, 0 invalid",
    ])
    expect((await show({ ...store, cwd: fresh().cwd }, ["runs"])).lines).toEqual([
      "No runs are recorded in .webflow-users/runs",
    ])
  })
})

describe("a run off a terminal", { concurrent: true }, () => {
  it("tells how far it is in events, with --json, and where it was interrupted", async () => {
    // More than can be answered before the signal is heard.
    const gate = Promise.withResolvers<void>()
    await using server = await serveMembers(membersTo(90), async ({ before, make }) => {
      if (before >= 5) await gate.promise
      return make()
    })
    const { cwd } = folderWith(90)
    const args = ["bulk", siteId, "m.csv", "--store", server.address, "--concurrency", "2", "--json"]
    const { code, stdout, stderr } = await cli(args, {
      cwd,
      started: (child) => {
        child.stdout?.on("data", (text: Buffer) => {
          if (!text.includes('"event":"progress","done":5,')) return
          child.kill("SIGTERM")
          gate.resolve()
        })
      },
    })
    expect({ code, stderr }).toEqual({ code: 130, stderr: "" })
    const events = jsonLines(stdout)
    const outcomes = events.filter(({ event }) => event === "outcome").length
    expect(events.findLast(({ event }) => event === "progress")).toMatchObject({
      event: "progress",
      done: 5,
      failed: 0,
      total: 90,
      skipped: 0,
      rate: expect.any(Number),
      secondsLeft: expect.any(Number),
      waiting: 0,
    })
    expect(events.at(-1)).toMatchObject({
      event: "interrupted",
      updated: outcomes,
      left: 90 - outcomes,
      resume: `webflow-users bulk --resume ${runIn(cwd)}`,
    })
  })

  it("says how far it is, and how to go on when it is told to end", async () => {
    const gate = Promise.withResolvers<void>()
    await using server = await serveMembers(membersTo(9), async ({ before, make }) => {
      if (before >= 5) await gate.promise
      return make()
    })
    const { cwd } = folderWith(9)
    const args = ["bulk", siteId, "m.csv", "--store", server.address, "--concurrency", "2"]
    const told = Promise.withResolvers<void>()
    const running = cli(args, {
      cwd,
      started: (child) => {
        child.stderr?.on("data", (text: Buffer) => {
          if (text.includes("5 of 9 done")) child.kill("SIGTERM")
          if (text.includes("Stopping")) told.resolve()
        })
      },
    })
    await told.promise
    gate.resolve()
    const { code, stderr } = await running
    expect(code).toBe(130)
    expect(stderr).toMatch(/\n5 of 9 done, 0 failed, 0 skipped, \d\.\d a second, \d+ seconds? left\n/)
    expect(stderr).toMatch(/Stopped: 7 of 9 done, and recorded\.\nTo go on: webflow-users bulk --resume \S+\n$/)
    expect(server.sent).toHaveLength(7)
  })
})
