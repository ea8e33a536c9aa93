/** Rows that are not carried out: the file that lists them, corrected and run again, and where a run stops at them. */
import { describe, expect, it } from "vitest"
import { contents, jsonLines, memberAt, membersTo, resultOf, runIn, stored, tableOf, textIn } from "./bulk.ts"
import { cli, newFolder, siteId } from "./run.ts"
import { refusals, serveMembers } from "./upstream.ts"
import { writeFileSync } from "node:fs"
import { join } from "node:path"

describe("failures.csv", { concurrent: true }, () => {
  const rows = [
    "m0@example.com,Coffee,gold",
    'n1@example.com,"Flat, ""white""",gold',
    'm2@example.com,Milk,"a,b"',
    "m3@example.com",
  ]

  it("has the rows as they were and why, and nothing was changed for them", async () => {
    const store = await stored(4)
    const file = store.file("m.csv", `Email , drink,add-groups\n${rows.join("\n")}\n`)
    const outcome = await store.cli(["bulk", siteId, file])
    const run = runIn(store.cwd)
    const failures = `.webflow-users/runs/${run}/failures.csv`
    expect(outcome.code).toBe(1)
    expect(resultOf(outcome)).toMatchObject({ updated: 1, invalid: 3, failures, resume: null })
    expect(store.drinks()).toEqual(["Coffee", "Tea", "Tea", "Tea"])
    expect(textIn(store.cwd, run, "failures.csv")).toBe(
      [
        "Email,drink,add-groups,error",
        'n1@example.com,"Flat, ""white""",gold,Email: the site has no such user',
        'm2@example.com,Milk,"a,b","add-groups: groups are separated by ;"',
        'm3@example.com,"","",there are 1 cells where the headings are 3,""',
        "",
      ].join("\n"),
    )
  })

  it("corrected, is run again, and lists what is wrong still", async () => {
    const store = await stored(4)
    await store.cli(["bulk", siteId, store.file("m.csv", `email,drink,add-groups\n${rows.join("\n")}\n`)])
    const first = runIn(store.cwd)
    const corrected = textIn(store.cwd, first, "failures.csv").replace("n1@", "m1@").replace("a,b", "a;b")
    const outcome = await store.cli([
      "bulk",
      siteId,
      store.file("f.csv", corrected.replace(/m3@.*/, 'n3@example.com,"","",')),
    ])
    expect(resultOf(outcome)).toMatchObject({ rows: 3, updated: 2, invalid: 1 })
    expect(store.drinks()).toEqual(["Coffee", 'Flat, "white"', "Milk", "Tea"])
    expect(store.member(2).accessGroups.map(({ slug }) => slug)).toEqual(["webflowers", "a", "b", "course"])
    expect(textIn(store.cwd, runIn(store.cwd, first), "failures.csv")).toBe(
      'email,drink,add-groups,error\nn3@example.com,"","",email: the site has no such user\n',
    )
  })

  it("is refused for the same rows as long as nobody corrects them", async () => {
    const store = await stored(4)
    await store.cli(["bulk", siteId, store.file("m.csv", `email,drink,add-groups\n${rows.join("\n")}\n`)])
    const first = runIn(store.cwd)
    const failures = textIn(store.cwd, first, "failures.csv")
    const again = await store.cli(["bulk", siteId, store.file("f.csv", failures), "--empty-clears"])
    expect(resultOf(again)).toMatchObject({ rows: 3, changes: 0, invalid: 3 })
    expect(
      textIn(store.cwd, runIn(store.cwd, first), "failures.csv").replace(
        "5 cells where the headings are 4",
        "1 cells where the headings are 3",
      ),
    ).toBe(failures)
  })

  it("of a table with another delimiter and headings of its own is run with the same --map", async () => {
    const store = await stored(2)
    const file = store.file(
      "m.csv",
      'Mail;"Drinks; now";Remarks, old\nm0@example.com;Coffee;x\nn1@example.com;Milk;y\n',
    )
    const map = ["--map", "Mail=email", "--map", "Drinks; now=drink", "--map", "Remarks, old=remarks"]
    expect(resultOf(await store.cli(["bulk", siteId, file, ...map]))).toMatchObject({ updated: 1, invalid: 1 })
    const failures = textIn(store.cwd, runIn(store.cwd), "failures.csv")
    expect(failures).toContain("n1@example.com,Milk,y,Mail: the site has no such user\n")
    const outcome = await store.cli(["bulk", siteId, store.file("f.csv", failures.replace("n1", "m1")), ...map])
    expect(outcome.code).toBe(0)
    expect(store.member(1).data).toMatchObject({ drink: "Milk", remarks: "y" })
  })

  it("of NDJSON is NDJSON", async () => {
    const store = await stored(2)
    const change = { email: "n1@example.com", data: { drink: "Milk" }, addGroups: ["gold"] }
    const file = store.file("m.ndjson", `${JSON.stringify(change)}\nno JSON\n[1]\n`)
    expect(resultOf(await store.cli(["bulk", siteId, file]))).toMatchObject({ updated: 0, invalid: 3 })
    const failures = textIn(store.cwd, runIn(store.cwd), "failures.ndjson")
    expect(jsonLines(failures)).toEqual([
      { ...change, error: "email: the site has no such user" },
      { line: "no JSON", error: "is not JSON" },
      { line: [1], error: "change: must be a JSON object" },
    ])
    const [first = ""] = failures.split("\n")
    const outcome = await store.cli(["bulk", siteId, store.file("f.ndjson", first.replace("n1", "m1"))])
    expect(outcome.code).toBe(0)
    expect(store.drinks()).toEqual(["Tea", "Milk"])
  })

  it("has what another server refused, and not what it took", async () => {
    await using server = await serveMembers(membersTo(4), ({ id, make }) =>
      id === memberAt(2).id ? refusals[400] : make(),
    )
    const cwd = newFolder()
    writeFileSync(
      join(cwd, "m.csv"),
      tableOf(4, "drink", () => "Coffee"),
    )
    const outcome = await cli(["bulk", siteId, "m.csv", "--store", server.address], { cwd })
    expect(outcome.code).toBe(1)
    expect(resultOf(outcome)).toMatchObject({ updated: 3, failed: 1, left: 0, failedInPassing: 0, resume: null })
    const run = runIn(cwd)
    expect(textIn(cwd, run, "failures.csv")).toBe(
      'email,drink,error\nm2@example.com,Coffee,"Validation Error; x: is wrong"\n',
    )
    expect(resultOf(await cli(["runs", "show", run], { cwd }))).toMatchObject({
      state: "finished",
      failures: [{ place: 2, error: { tag: "InvalidPatch", user: memberAt(2).id } }],
    })
    // To try again what was refused for good would be refused again.
    expect(await cli(["bulk", "--resume", run], { cwd })).toMatchObject({ code: 1 })
    expect(server.sent).toHaveLength(4)
  })
})

describe("--fail-fast", { concurrent: true }, () => {
  it("changes nothing where a row is invalid", async () => {
    const store = await stored(2)
    const file = store.file("m.csv", `${tableOf(2, "drink", () => "Coffee")}n@example.com,Milk\n`)
    const { code, stderr } = await store.cli(["bulk", siteId, file, "--fail-fast"])
    expect(code).toBe(1)
    expect(stderr).toMatch(/line 4, email: the site has no such user\n[^]*Nothing was changed\.\n$/)
    expect(contents(store.users())).toEqual(contents(membersTo(2)))
    expect(resultOf(await store.cli(["runs"]))).toEqual({ runs: [] })
  })

  it("stops at the first row that fails, and the others can be done", async () => {
    await using server = await serveMembers(membersTo(50), ({ id, make }) =>
      id === memberAt(7).id ? refusals[400] : make(),
    )
    const cwd = newFolder()
    writeFileSync(
      join(cwd, "m.csv"),
      tableOf(50, "drink", () => "Coffee"),
    )
    const flags = ["--store", server.address, "--fail-fast", "--concurrency", "1"]
    const outcome = await cli(["bulk", siteId, "m.csv", ...flags], { cwd })
    const run = runIn(cwd)
    expect(outcome.code).toBe(1)
    const stopped = resultOf(outcome)
    expect(stopped).toMatchObject({ failed: 1, resume: `webflow-users bulk --resume ${run}` })
    expect(Number(stopped["left"])).toBeGreaterThan(30)
    expect(server.sent).toHaveLength(50 - Number(stopped["left"]))
    expect(resultOf(await cli(["bulk", "--resume", run], { cwd }))).toMatchObject({ updated: 49, failed: 1, left: 0 })
    expect(server.sent).toHaveLength(50)
    expect(server.drinks()).toEqual(membersTo(50).map((_, at) => (at === 7 ? "Tea" : "Coffee")))
  })
})
