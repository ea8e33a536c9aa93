/** What a file of changes does to users, and what is refused before anything is done. */
import { describe, expect, it } from "vitest"
import { contents, journalIn, memberAt, membersTo, resultOf, runIn, stored, tableOf } from "./bulk.ts"
import { cli, errorIn, siteId } from "./run.ts"

const bought = { slug: "course", type: "ecommerce" }
const groups = (...slugs: ReadonlyArray<string>) => [...slugs.map((slug) => ({ slug, type: "admin" })), bought]

describe("a file of changes", { concurrent: true }, () => {
  const table = [
    "id,email,name,accept-privacy,accept-communications,groups,add-groups,remove-groups,drink",
    `${memberAt(0).id},,Al,true,no,,,,`,
    `,M1@Example.com,,,,gold; silver,,,Coffee`,
    `,m2@example.com,,,,,gold,webflowers,`,
    `${memberAt(3).id},m3@example.com,,,,,,webflowers;never,`,
    `,m4@example.com,Member 4,,,,,,Tea`,
    "",
  ].join("\n")
  const lines = [
    { id: memberAt(0).id, data: { name: "Al", "accept-privacy": true, "accept-communications": false } },
    { email: "M1@Example.com", data: { drink: "Coffee" }, accessGroups: ["gold", "silver"] },
    { email: "m2@example.com", addGroups: ["gold"], removeGroups: ["webflowers"] },
    { id: memberAt(3).id, email: "m3@example.com", removeGroups: ["webflowers", "never"] },
    { email: "m4@example.com", data: { name: "Member 4", drink: "Tea" } },
  ]
  const ndjson = lines.map((line) => `${JSON.stringify(line)}\n`).join("")
  const expected = [
    { data: { name: "Al", "accept-privacy": true, "accept-communications": false } },
    { data: { drink: "Coffee" }, accessGroups: groups("gold", "silver") },
    { accessGroups: groups("gold") },
    { accessGroups: groups() },
    {},
    {},
  ].map((change, index) => {
    const { lastUpdated: _, ...user } = memberAt(index)
    return { ...user, ...change, data: { ...user.data, ...change.data } }
  })

  it.each([
    ["members.csv", [], table],
    ["MEMBERS.CSV", [], table],
    ["members.tsv", [], table.replaceAll(",", "\t")],
    ["members.txt", [], table],
    ["members.ndjson", [], ndjson],
    ["members.jsonl", [], `\n${ndjson}\n`],
    ["members", ["--format", "csv"], table],
    ["members.csv", ["--format", "ndjson"], ndjson],
    ["-", ["--format", "csv"], table],
    ["-", ["--format=ndjson"], ndjson],
  ] as const)("%s %j", async (name, flags, content) => {
    const store = await stored(6)
    if (name !== "-") store.file(name, content)
    const outcome = await store.cli(["bulk", siteId, name, ...flags], { input: content })
    expect(outcome).toMatchObject({ code: 0, stderr: expect.stringContaining("5 rows: 4 to change, 1 unchanged") })
    const run = runIn(store.cwd)
    expect(resultOf(outcome)).toEqual({
      event: "finished",
      run,
      rows: 5,
      changes: 4,
      unchanged: 1,
      invalid: 0,
      updated: 4,
      failed: 0,
      left: 0,
      failedInPassing: 0,
      endedAt: expect.any(String),
      failures: null,
      resume: null,
    })
    expect(contents(store.users())).toEqual(expected)
    expect(store.member(4)).toEqual(memberAt(4))
    expect(store.query("SELECT actor FROM user_events")).toEqual(Array.from({ length: 4 }, () => ({ actor: "cli" })))
  })

  it("clears with --empty-clears what an empty cell otherwise leaves", async () => {
    const store = await stored(3)
    const file = store.file("m.csv", "email,drink,groups,add-groups\nm0@example.com,,,\nm1@example.com,Coffee,,gold\n")
    expect(resultOf(await store.cli(["bulk", siteId, file]))).toMatchObject({ updated: 1, unchanged: 1 })
    expect(store.member(0)).toEqual(memberAt(0))
    const { code, stdout } = await store.cli([
      "bulk",
      siteId,
      file,
      "--empty-clears",
      "--dry-run",
      "--map",
      "add-groups=x",
    ])
    expect({ code, ...JSON.parse(stdout) }).toMatchObject({ code: 0, changes: 2, invalid: 0 })
    const cleared = store.file("c.csv", "email,drink,groups\nm0@example.com,,\n")
    expect(await store.cli(["bulk", siteId, cleared, "--empty-clears"])).toMatchObject({ code: 0 })
    expect(Object.keys(store.member(0).data)).toEqual(["name", "email", "accept-privacy"])
    expect(store.member(0).accessGroups).toEqual([bought])
  })

  it("--map names columns that are headed otherwise", async () => {
    const store = await stored(1)
    const file = store.file("m.csv", "Mitglied,Getränk,Neue Gruppen\nm0@example.com,Kaffee,gold\n")
    const map = ["--map", "Mitglied=email", "--map", "Getränk=drink", "--map=Neue Gruppen=add-groups"]
    expect(await store.cli(["bulk", siteId, file, ...map])).toMatchObject({ code: 0 })
    expect(store.member(0)).toMatchObject({ data: { drink: "Kaffee" }, accessGroups: groups("webflowers", "gold") })
  })

  it("changes users who come twice in the order of the file, and says so", async () => {
    const store = await stored(2)
    const rows = Array.from({ length: 40 }, (_, at) => `m${at % 2}@example.com,Drink ${at}`)
    const file = store.file("m.csv", ["email,drink", ...rows, "M0@example.com,Tea"].join("\n"))
    const { code, stderr } = await store.cli(["bulk", siteId, file])
    expect({ code, drinks: store.users().map(({ data }) => data["drink"]) }).toEqual({
      code: 0,
      drinks: ["Tea", "Drink 39"],
    })
    expect(stderr).toContain("39 rows of users who came before; they are changed in order, so the last row wins:")
    expect(stderr).toContain("  line 4: the same user as line 2\n")
    expect(stderr).toContain("  … and 19 rows more\n")
  })
})

describe("what is wrong with a call", { concurrent: true }, () => {
  const csv = tableOf(1, "drink", () => "Coffee")
  it.each([
    [[], 2, "Usage", /which SITE and which FILE/],
    [[siteId], 2, "Usage", /which SITE and which FILE/],
    [[siteId, "none.csv"], 2, "UnreadableInput", /none\.csv cannot be read: there is no such file/],
    [[siteId, "."], 2, "Usage", /say --format csv or --format ndjson/],
    [[siteId, ".", "--format", "csv"], 2, "UnreadableInput", /cannot be read/],
    [[siteId, "m.xlsx"], 2, "Usage", /m\.xlsx: say --format csv or --format ndjson/],
    [[siteId, "-"], 2, "Usage", /Standard input: say --format/],
    [["mysite", "m.csv"], 2, "InvalidId", /./],
    [["580e63e98c9a982ac9b8b7aa", "m.csv"], 6, "SiteNotFound", /./],
    [[siteId, "m.csv", "--map", "Drink"], 2, "Usage", /./],
    [[siteId, "m.csv", "--map", "Nothing=drink"], 2, "UnreadableInput", /no column is headed Nothing/],
    [[siteId, "m.csv", "--map", "drink=email"], 2, "UnreadableInput", /two columns mean the same/],
    [[siteId, "m.csv", "--map", "email=mail"], 2, "UnreadableInput", /no column says which user/],
    [[siteId, "m.csv", "--concurrency", "0"], 2, "Usage", /whole number from 1 to 1000/],
    [[siteId, "m.csv", "--rate", "0"], 2, "Usage", /whole number from 1 to 100000/],
    [[siteId, "m.csv", "--format", "xml"], 2, "Usage", /./],
    [[siteId, "m.csv", "--store", "ftp:x"], 2, "UnusableAddress", /./],
    [[siteId, "m.csv", "--resume", "20261125-081500-a1b2"], 2, "Usage", /leave them out/],
    [["--resume", "20261125-081500-a1b2"], 6, "RunNotFound", /There is no run/],
    [["--resume", "../../etc"], 6, "RunNotFound", /There is no run/],
  ] as const)("%j", async (args, code, tag, message) => {
    const store = await stored(1)
    store.file("m.csv", csv)
    store.file("m.xlsx", csv)
    const outcome = await store.cli(["bulk", ...args])
    expect(outcome.code).toBe(code)
    expect(errorIn(outcome)).toMatchObject({ tag, message: expect.stringMatching(message) })
    expect(store.users()).toEqual(membersTo(1))
    expect(resultOf(await store.cli(["runs"]))).toEqual({ runs: [] })
  })

  it.each([["--dry-run"], ["--all"], ["--fail-fast"], ["--empty-clears"], ["--map=a=b"], ["--format=csv"]])(
    "--resume does not go with %s, and changes nothing",
    async (flag) => {
      const outcome = await cli(["bulk", "--resume", "20261125-081500-a1b2", flag])
      expect(outcome.code).toBe(2)
      const name = /^--[a-z-]+/.exec(flag)?.[0]
      expect(errorIn(outcome)["message"]).toBe(`--resume goes on as the run was begun: leave out ${name}`)
    },
  )

  it("commits and records together what is under way together, and so does undo", async () => {
    const store = await stored(600)
    const file = store.file(
      "m.csv",
      tableOf(600, "drink", () => "Coffee"),
    )
    await store.cli(["bulk", siteId, file, "--yes"])
    const run = runIn(store.cwd)
    await store.cli(["undo", run, "--yes"])
    for (const one of [run, runIn(store.cwd, run)]) {
      const moments = new Set(journalIn(store.cwd, one).map(({ at }) => at))
      // One by one it would be one for each, as far as milliseconds tell.
      expect(moments.size).toBeLessThan(60)
    }
  })
})
