/** What is told of a file of changes before anything is done, and while it is done. */
import { describe, expect, it } from "vitest"
import { jsonLines, memberAt, membersTo, resultOf, runIn, stored, tableOf } from "./bulk.ts"
import { cli, newFolder, siteId } from "./run.ts"

describe("--dry-run", { concurrent: true }, () => {
  it("tells what would change, of the first 20 unless --all, and leaves nothing behind", async () => {
    const store = await stored(30)
    const file = store.file(
      "m.csv",
      `${tableOf(30, "drink", (at) => (at === 0 ? "Tea" : "Coffee"))}x@example.com,Milk\n`,
    )
    const looked = await store.cli(["bulk", siteId, file, "--dry-run"])
    const plan = { dryRun: true, rows: 31, changes: 29, unchanged: 1, invalid: 1, repeated: 0 }
    const problems = [{ line: 32, column: "email", reason: "the site has no such user" }]
    expect(looked).toMatchObject({ code: 1, stderr: "" })
    expect(resultOf(looked)).toMatchObject({ ...plan, problems, repetitions: [] })
    expect(resultOf(looked)["differences"]).toHaveLength(20)
    const all = resultOf(await store.cli(["bulk", siteId, file, "--dry-run", "--all"]))
    expect(all).toMatchObject({ ...plan, problems })
    expect(all["differences"]).toEqual(
      membersTo(30)
        .slice(1)
        .map(({ id, data: { email } }, at) => ({
          line: at + 3,
          id,
          email,
          changes: [{ field: "drink", before: "Tea", after: "Coffee" }],
        })),
    )
    expect(new Set(store.drinks())).toEqual(new Set(["Tea"]))
    expect(resultOf(await store.cli(["runs"]))).toEqual({ runs: [] })
  })

  it("names line, column and reason of each problem", async () => {
    const store = await stored(6)
    const rows = [
      "E-Mail,name,accept-privacy,groups,add-groups,remove-groups,drink",
      `m0@example.com,${"x".repeat(257)},maybe,,,,`,
      "m1@example.com,,,gold,silver,,",
      "m2@example.com,,,,,course,",
      `"m3@example.com",,,,"gold,silver",,`,
      "m4@example.com,,,,gold,gold,",
      "nobody,,,,,,",
      ",,,,,,Coffee",
      "m5@example.com,,,,,,Coffee",
    ]
    const file = store.file("m.csv", rows.join("\n"))
    const { problems, ...plan } = resultOf(await store.cli(["bulk", siteId, file, "--dry-run"]))
    expect(plan).toMatchObject({ rows: 8, changes: 1, invalid: 7 })
    expect(
      (problems as ReadonlyArray<{ line: number; column: string }>).map(({ line, column }) => [line, column]),
    ).toEqual([
      [2, "name"],
      [2, "accept-privacy"],
      [3, "groups"],
      [4, "remove-groups"],
      [5, "add-groups"],
      [6, "remove-groups"],
      [7, "E-Mail"],
      [8, undefined],
    ])
  })

  it("of NDJSON names the property", async () => {
    const store = await stored(1)
    const email = "m0@example.com"
    const lines = ["{", "[]", "{}", "{}", JSON.stringify({ email, dat: {} }), JSON.stringify({ email, addGroups: "x" })]
    const file = store.file("m.ndjson", [...lines, JSON.stringify({ email, data: { name: 7 } })].join("\r\n"))
    const { problems } = resultOf(await store.cli(["bulk", siteId, file, "--dry-run"]))
    expect(problems).toMatchObject([
      { line: 1, reason: "is not JSON" },
      { line: 2, column: "change", reason: "must be a JSON object" },
      { line: 3, column: "id" },
      { line: 4, column: "id" },
      { line: 5, column: "dat" },
      { line: 6, column: "addGroups" },
      { line: 7, column: "data.name" },
    ])
  })
})

describe("more than 100 users", { concurrent: true }, () => {
  it("are not changed where nobody can be asked, unless --yes says so", async () => {
    const store = await stored(101)
    const file = store.file(
      "m.csv",
      tableOf(101, "drink", () => "Coffee"),
    )
    const refused = await store.cli(["bulk", siteId, file])
    expect(refused).toMatchObject({ code: 2, stdout: "" })
    expect(jsonLines(refused.stderr.split("\n").at(-2) ?? "")).toMatchObject([
      { error: { tag: "ConfirmationRequired" } },
    ])
    expect(new Set(store.drinks())).toEqual(new Set(["Tea"]))
    expect(resultOf(await store.cli(["runs"]))).toEqual({ runs: [] })
    expect(resultOf(await store.cli(["bulk", siteId, file, "--yes"]))).toMatchObject({ updated: 101 })
  })

  it("are those that would change, not the rows", async () => {
    const store = await stored(101)
    const file = store.file(
      "m.csv",
      tableOf(101, "drink", (at) => (at === 7 ? "Tea" : "Coffee")),
    )
    expect(resultOf(await store.cli(["bulk", siteId, file]))).toMatchObject({ updated: 100, unchanged: 1 })
  })
})

describe("--json", { concurrent: true }, () => {
  it("is a line for each thing that happens, and their counts agree", async () => {
    const store = await stored(3)
    const file = store.file(
      "m.csv",
      `${tableOf(3, "drink", (at) => (at === 0 ? "Tea" : "Coffee"))}x@example.com,Milk\n`,
    )
    const { code, stdout, stderr } = await store.cli(["bulk", siteId, file, "--json"])
    expect({ code, stderr }).toEqual({ code: 1, stderr: "" })
    const run = runIn(store.cwd)
    const counts = { rows: 4, changes: 2, unchanged: 1, invalid: 1 }
    const events = jsonLines(stdout)
    expect(events.filter(({ event }) => event !== "progress")).toMatchObject([
      { event: "planned", ...counts, problems: [{ line: 5 }] },
      { event: "started", run, ...counts },
      ...[1, 2].map((at) => ({ event: "outcome", line: at + 2, user: memberAt(at).id, outcome: "updated" })),
      {
        event: "finished",
        run,
        ...counts,
        updated: 2,
        failed: 0,
        left: 0,
        failures: expect.stringMatching(/failures\.csv$/),
      },
    ])
  })

  it("tells an error on standard error", async () => {
    const { code, stdout, stderr } = await cli(["bulk", siteId, "none.csv", "--json"], { cwd: newFolder() })
    expect({ code, stdout }).toEqual({ code: 2, stdout: "" })
    expect(jsonLines(stderr)).toMatchObject([{ error: { tag: "UnreadableInput" } }])
  })
})
