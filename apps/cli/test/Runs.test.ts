/** What is recorded of runs: what their folders hold, how they are listed, and how they are gone on with. */
import { createHash } from "node:crypto"
import { existsSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { describe, expect, it } from "vitest"
import {
  contents,
  cut,
  journalIn,
  jsonLines,
  memberAt,
  membersTo,
  pathIn,
  resultOf,
  runIn,
  stored,
  tableOf,
  textIn,
} from "./bulk.ts"
import { cli, errorIn, newFolder, siteId } from "./run.ts"
import { refusals, serveMembers } from "./upstream.ts"

const coffee = (count: number) => tableOf(count, "drink", () => "Coffee")

const modeOf = (path: string) => statSync(path).mode & 0o777

describe("a run's folder", { concurrent: true }, () => {
  it("holds the plan, the input's hash, the options and each outcome with the user before", async () => {
    const store = await stored(3)
    const table = "email,Getränk\nm0@example.com,Coffee\nm1@example.com,Tea\nn@example.com,Milk\nm0@example.com,Milk\n"
    const map = ["--map", "Getränk=drink", "--concurrency", "3", "--rate", "60000"]
    await store.cli(["bulk", siteId, store.file("m.csv", table), ...map])
    const id = runIn(store.cwd)
    const read = (file: string) => JSON.parse(textIn(store.cwd, id, file))
    expect(id).toMatch(/^\d{8}-\d{6}-[0-9a-z]{4}$/)
    expect(read("run.json")).toEqual({
      version: 1,
      id,
      kind: "bulk",
      siteId,
      store: { address: `file:${store.path}`, isWhole: true },
      createdAt: expect.any(String),
      input: { name: "m.csv", format: "csv", sha256: createHash("sha256").update(table).digest("hex") },
      headings: ["email", "Getränk"],
      options: { map: { Getränk: "drink" }, emptyClears: false, failFast: false, concurrency: 3, rate: 60_000 },
      counts: { rows: 4, changes: 2, unchanged: 1, invalid: 1 },
    })
    const before = memberAt(0)
    const between = { ...before, lastUpdated: expect.any(String), data: { ...before.data, drink: "Coffee" } }
    expect(journalIn(store.cwd, id)).toEqual(
      [
        { line: 2, drink: "Coffee", before, after: between },
        { line: 5, drink: "Milk", before: between, after: store.member(0) },
      ].map(({ drink, ...entry }, place) => ({
        place,
        user: before.id,
        at: expect.any(String),
        outcome: "updated",
        patch: { data: { drink } },
        ...entry,
      })),
    )
    expect(read("summary.json")).toEqual({ updated: 2, failed: 0, left: 0, endedAt: expect.any(String) })
    expect(readdirSync(pathIn(store.cwd, id, ".")).toSorted()).toEqual([
      "changes.ndjson",
      "failures.csv",
      "journal.ndjson",
      "problems.ndjson",
      "run.json",
      "summary.json",
    ])
  })

  it("is its owner's to read, is not committed, and has no token in it", async () => {
    const token = "wfu_0123456789abcdef_secret"
    await using server = await serveMembers(membersTo(3), ({ id, make }) =>
      id === memberAt(1).id
        ? { status: 400, body: JSON.stringify({ code: "x", message: `Not ${token}`, details: [] }) }
        : make(),
    )
    const cwd = newFolder()
    writeFileSync(join(cwd, "m.csv"), `${coffee(3)}n@example.com,Coffee\n`)
    const env = { WEBFLOW_USERS_TOKEN: token, WEBFLOW_USERS_STORE: server.address }
    expect(resultOf(await cli(["bulk", siteId, "m.csv"], { cwd, env }))).toMatchObject({ updated: 2, failed: 1 })
    expect(server.requests[0]?.headers.authorization).toBe(`Bearer ${token}`)
    const folder = pathIn(cwd, runIn(cwd), ".")
    for (const name of ["", "runs", `runs/${runIn(cwd)}`]) expect(modeOf(join(cwd, ".webflow-users", name))).toBe(0o700)
    for (const name of readdirSync(folder)) {
      expect([name, modeOf(join(folder, name))]).toEqual([name, 0o600])
      expect([name, readFileSync(join(folder, name), "utf8").includes(token)]).toEqual([name, false])
    }
    expect(readFileSync(join(cwd, ".webflow-users/.gitignore"), "utf8")).toBe("*\n")
  })
})

describe("runs", { concurrent: true }, () => {
  it("lists them, the last one first, and shows one", async () => {
    const store = await stored(3)
    await store.cli(["bulk", siteId, store.file("m.csv", `${coffee(2)}n@example.com,Milk\n`)])
    const first = runIn(store.cwd)
    await store.cli(["undo", first])
    const second = runIn(store.cwd, first)
    const { runs } = resultOf(await store.cli(["runs"]))
    expect(runs).toMatchObject([
      { id: second, kind: "undo", undoes: first, updated: 2, state: "finished" },
      { id: first, kind: "bulk", updated: 2, failed: 0, left: 0, counts: { rows: 3, invalid: 1 }, state: "finished" },
    ])
    expect(resultOf(await store.cli(["runs", "show", first]))).toMatchObject({
      id: first,
      updated: 2,
      failed: 0,
      left: 0,
      state: "finished",
      isUnderWay: false,
      failures: [],
      folder: `.webflow-users/runs/${first}`,
    })
  })

  it("are none in an empty folder, and none of any other name", async () => {
    const cwd = newFolder()
    expect(resultOf(await cli(["runs"], { cwd }))).toEqual({ runs: [] })
    expect(readdirSync(cwd)).toEqual([])
    for (const args of [
      ["runs", "show", "x"],
      ["undo", "x"],
      ["bulk", "--resume", "x"],
    ]) {
      const outcome = await cli(args, { cwd })
      expect(outcome.code).toBe(6)
      expect(errorIn(outcome)).toMatchObject({ tag: "RunNotFound", code: "run_not_found" })
    }
  })

  it("that were killed while they were planned are swept away", async () => {
    const store = await stored(1)
    await store.cli(["bulk", siteId, store.file("m.csv", coffee(1))])
    const run = runIn(store.cwd)
    await cli(["runs"], { started: ({ pid }) => writeFileSync(pathIn(store.cwd, run, `lock.${pid}`), "") })
    rmSync(pathIn(store.cwd, run, "run.json"))
    await store.cli([
      "bulk",
      siteId,
      store.file(
        "m.csv",
        tableOf(1, "drink", () => "Milk"),
      ),
    ])
    expect(runIn(store.cwd)).not.toBe(run)
  })
})

describe("--resume", { concurrent: true }, () => {
  it("does what is left, of which nothing is known, and nothing else", async () => {
    await using server = await serveMembers(membersTo(20))
    const cwd = newFolder()
    writeFileSync(join(cwd, "m.csv"), coffee(20))
    await cli(["bulk", siteId, "m.csv", "--store", server.address], { cwd })
    const run = runIn(cwd)
    cut(cwd, run, 12)
    const recorded = new Set(journalIn(cwd, run).map(({ user }) => user))
    // A line that was not written to its end, and the process of it, which is no more.
    writeFileSync(pathIn(cwd, run, "journal.ndjson"), '{"place":19,"outc', { flag: "a" })
    server.sent.splice(0)
    const { code, stdout } = await cli(["bulk", "--resume", run, "--concurrency", "2", "--rate", "60000"], { cwd })
    expect({ code, ...JSON.parse(stdout) }).toMatchObject({ code: 0, run, updated: 20, failed: 0, left: 0 })
    expect(server.sent.map(({ id }) => id).toSorted()).toEqual(
      membersTo(20)
        .map(({ id }) => id as string)
        .filter((id) => !recorded.has(id)),
    )
    // The torn line stays, and is no part of the next.
    expect(textIn(cwd, run, "journal.ndjson").split("\n")).toHaveLength(12 + 1 + 8 + 1)
  })

  it("of a run that is done does nothing", async () => {
    const store = await stored(2)
    await store.cli(["bulk", siteId, store.file("m.csv", coffee(2))])
    const users = store.users()
    expect(resultOf(await store.cli(["bulk", "--resume", runIn(store.cwd)]))).toMatchObject({ updated: 2, left: 0 })
    expect(store.users()).toEqual(users)
  })

  it("needs no --store and no file, and takes no other store", async () => {
    const store = await stored(2)
    await store.cli(["bulk", siteId, "-", "--format", "csv"], { input: coffee(2) })
    const run = runIn(store.cwd)
    cut(store.cwd, run, 1)
    const outcome = await store.cli(["bulk", "--resume", run, "--store", "file:./other.db"])
    expect(outcome.code).toBe(2)
    expect(errorIn(outcome)).toMatchObject({ tag: "RunMismatch", message: expect.stringContaining("file:./other.db") })
    expect(existsSync(join(store.cwd, "other.db"))).toBe(false)
    expect(journalIn(store.cwd, run)).toHaveLength(1)
    expect(await cli(["bulk", "--resume", run], { cwd: store.cwd })).toMatchObject({ code: 0 })
  })

  it("is one process's at a time: of two at once the other is refused", async () => {
    const gate = Promise.withResolvers<void>()
    await using server = await serveMembers(membersTo(5), async ({ before, make }) => {
      if (before >= 5) await gate.promise
      return make()
    })
    const cwd = newFolder()
    writeFileSync(join(cwd, "m.csv"), coffee(5))
    await cli(["bulk", siteId, "m.csv", "--store", server.address], { cwd })
    const run = runIn(cwd)
    cut(cwd, run, 2)
    const both = [1, 2].map(() => cli(["bulk", "--resume", run], { cwd }))
    const refused = await Promise.race(both)
    expect(refused.code).toBe(2)
    expect(errorIn(refused)).toMatchObject({ tag: "RunBusy", message: expect.stringMatching(/in process \d+$/) })
    await server.hasGot(8)
    expect(resultOf(await cli(["runs", "show", run], { cwd }))).toMatchObject({ state: "under way", left: 3 })
    expect(errorIn(await cli(["undo", run], { cwd }))).toMatchObject({ tag: "RunBusy" })
    gate.resolve()
    expect((await Promise.all(both)).map(({ code }) => code).toSorted()).toEqual([0, 2])
    expect(server.sent).toHaveLength(8)
  })

  it("makes again what failed in passing, and after it what its user was given since", async () => {
    let isIll = true
    await using server = await serveMembers(membersTo(2), ({ body, make }) =>
      isIll && body.data?.["drink"] === "Coffee" ? refusals[500] : make(),
    )
    const cwd = newFolder()
    const rows = ["m0@example.com,Coffee", "m1@example.com,Milk", "m0@example.com,Water"]
    writeFileSync(join(cwd, "m.csv"), ["email,drink", ...rows].join("\n"))
    const env = { WEBFLOW_USERS_UPSTREAM_ATTEMPTS: "1", WEBFLOW_USERS_STORE: server.address }
    const outcome = await cli(["bulk", siteId, "m.csv"], { cwd, env })
    const run = runIn(cwd)
    expect(outcome.code).toBe(1)
    expect(resultOf(outcome)).toMatchObject({ updated: 2, failed: 1, failedInPassing: 1, left: 0 })
    expect(textIn(cwd, run, "failures.csv")).toContain("m0@example.com,Coffee,An Internal Error occurred")
    isIll = false
    const resumed = await cli(["bulk", "--resume", run], { cwd, env })
    expect({ code: resumed.code, ...resultOf(resumed) }).toMatchObject({
      code: 0,
      updated: 3,
      failed: 0,
      failures: null,
    })
    expect(server.drinks()).toEqual(["Water", "Milk"])
    expect(existsSync(pathIn(cwd, run, "failures.csv"))).toBe(false)
    expect((await cli(["undo", run], { cwd, env })).code).toBe(0)
    expect(contents(server.users.values())).toEqual(contents(membersTo(2)))
  })

  it("has the last row of a user still to make, where it was stopped after an earlier one was made again", async () => {
    let isIll = true
    await using server = await serveMembers(membersTo(1), ({ body, make }) =>
      isIll && body.data?.["drink"] === "Coffee" ? refusals[500] : make(),
    )
    const cwd = newFolder()
    writeFileSync(join(cwd, "m.csv"), "email,drink\nm0@example.com,Coffee\nm0@example.com,Water\n")
    const env = { WEBFLOW_USERS_UPSTREAM_ATTEMPTS: "1", WEBFLOW_USERS_STORE: server.address }
    await cli(["bulk", siteId, "m.csv"], { cwd, env })
    const run = runIn(cwd)
    isIll = false
    await cli(["bulk", "--resume", run], { cwd, env })
    // As it stood when the first of the two was made again, and recorded.
    cut(cwd, run, 3)
    rmSync(pathIn(cwd, run, "summary.json"))
    server.users.set(memberAt(0).id, { ...memberAt(0), data: { ...memberAt(0).data, drink: "Coffee" } })
    expect(resultOf(await cli(["runs", "show", run], { cwd, env }))).toMatchObject({
      state: "stopped",
      updated: 1,
      left: 1,
    })
    expect(resultOf(await cli(["bulk", "--resume", run], { cwd, env }))).toMatchObject({ updated: 2, left: 0 })
    expect(server.drinks()).toEqual(["Water"])
  })

  it("does nothing by a plan that was damaged", async () => {
    const store = await stored(4)
    await store.cli(["bulk", siteId, store.file("m.csv", coffee(4))])
    const run = runIn(store.cwd)
    cut(store.cwd, run, 1)
    const path = pathIn(store.cwd, run, "changes.ndjson")
    const lines = textIn(store.cwd, run, "changes.ndjson").split("\n")
    writeFileSync(path, [lines[0], "{torn", ...lines.slice(2)].join("\n"))
    const before = journalIn(store.cwd, run)
    const outcome = await store.cli(["bulk", "--resume", run])
    expect(outcome.code).toBe(2)
    expect(errorIn(outcome)).toMatchObject({ message: expect.stringContaining("changes.ndjson, line 2 is damaged") })
    expect(journalIn(store.cwd, run)).toEqual(before)
  })

  it("follows with events", async () => {
    const store = await stored(4)
    await store.cli(["bulk", siteId, store.file("m.csv", coffee(4))])
    const run = runIn(store.cwd)
    cut(store.cwd, run, 3)
    const { stdout } = await store.cli(["bulk", "--resume", run, "--json"])
    expect(jsonLines(stdout)).toMatchObject([
      { event: "started", run, changes: 4 },
      { event: "outcome", outcome: "updated" },
      { event: "finished", updated: 4, left: 0 },
    ])
  })
})
