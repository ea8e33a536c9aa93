import { gzipSync } from "node:zlib"
import { existsSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { describe, expect, it } from "vitest"
import { ada, bo, cy, errorIn, fresh, seeded, siteId } from "./run.ts"

type Store = ReturnType<typeof fresh>

const importInto = (
  store: Store,
  content: string | Uint8Array,
  args: ReadonlyArray<string> = [],
  name = "users.csv",
) => {
  writeFileSync(join(store.cwd, name), content)
  return store.cli(["import", name, "--site", siteId, ...args])
}

/** Byte order mark, CRLF, quotes, newlines and separators in cells, empty lines, blank rows, other alphabets. */
const nasty = [
  '\uFEFF"Email",Name,Accept Privacy,"Access Groups","Favourite ""drink""",Über',
  'ada@example.com,"Ada\r\nOkafor",yes,"Webflowers; Free Tier","Tea, hot",1',
  "",
  ",,,,,",
  "",
  '"bo@example.com","Bo ""the"" Bo",FALSE,,"line one\nline two",true',
  "cy@example.com,名前 😀,,,,",
].join("\r\n")

describe("import of CSV", { concurrent: true }, () => {
  it("reads what spreadsheets and the Designer write", async () => {
    const store = fresh()
    const outcome = await importInto(store, nasty)
    expect(outcome).toMatchObject({ code: 0, stderr: "" })
    expect(JSON.parse(outcome.stdout)).toEqual({ added: 3, existing: 0, skipped: 0, problems: [] })
    const [first, second, third] = store.users()
    expect(first?.id).toMatch(/^[0-9a-f]{24}$/)
    expect(first).toMatchObject({
      accessGroups: [
        { slug: "webflowers", type: "admin" },
        { slug: "free-tier", type: "admin" },
      ],
      data: {
        email: "ada@example.com",
        name: "Ada\r\nOkafor",
        "accept-privacy": true,
        "favourite-drink": "Tea, hot",
        uber: "1",
      },
    })
    expect(second?.data).toEqual({
      email: "bo@example.com",
      name: 'Bo "the" Bo',
      "accept-privacy": false,
      "favourite-drink": "line one\nline two",
      uber: true,
    })
    expect(third?.data).toEqual({ email: "cy@example.com", name: "名前 😀" })
  })

  it.each([
    ["\r\n", [6, 9, 10]],
    ["\n", [6, 9, 10]],
    ["\r", [6, 9, 10]],
  ])("tells the line a row starts on, with lines that end in %j", async (end, lines) => {
    const csv = [
      "Email,Name",
      `good@example.com,"one${end}two${end}three"`,
      "",
      `bad,"a${end}b"`,
      "",
      "worse,",
      "short",
    ].join(end)
    const outcome = await importInto(fresh(), csv)
    expect(outcome.code).toBe(2)
    expect(errorIn(outcome)["details"]).toEqual([
      { place: `line ${lines[0]}`, reason: "email must be an e-mail address" },
      { place: `line ${lines[1]}`, reason: "email must be an e-mail address" },
      { place: `line ${lines[2]}`, reason: "has 1 cells where the headings are 2" },
    ])
  })

  it.each([
    [";", 'Email;Name\nada@example.com;"A; B"'],
    ["a tab", "Email\tName\nada@example.com\tA; B"],
    ["a comma, with others in cells", 'Email,Name,"a;b\tc"\nada@example.com,A; B,\n'],
  ])("separated by %s", async (_name, csv) => {
    const store = fresh()
    expect(await importInto(store, csv)).toMatchObject({ code: 0 })
    expect(store.users()[0]?.data).toEqual({ email: "ada@example.com", name: "A; B" })
  })

  const unreadable: ReadonlyArray<readonly [name: string, content: string | Uint8Array, message: RegExp]> = [
    ["nothing", "", /users\.csv is empty/],
    ["only a byte order mark and blank lines", "\uFEFF\r\n\r\n", /users\.csv is empty/],
    [
      "the same heading twice",
      "Email,Name,name\na@b,x,y",
      /line 1: two columns mean the same, one of them headed name/,
    ],
    [
      "the same heading in two spellings",
      "\nE-mail,Name,email\na@b,x,y",
      /line 2: two columns mean the same, .* email/,
    ],
    [
      "two headings of one property",
      "Email,Name,Full name\na@b,x,y",
      /line 1: two columns mean the same, .* Full name/,
    ],
    [
      "two headings of one custom field",
      "Email,Drink!,Drink?\na@b,x,y",
      /line 1: two columns mean the same, .* Drink\?/,
    ],
    ["a column without a heading", "Email,,Name\na@b,x,y", /line 1: column 2 has no heading/],
    ["a column with a blank heading", "Email,Name, \na@b,x,y", /line 1: column 3 has no heading/],
    [
      "a quote that is never closed",
      'Email,Name\na@b,x\nc@d,"y\ne@f,z\n',
      /line 3: a quote is opened and never closed/,
    ],
    [
      "a quote in the middle of a cell",
      'Email,Name\r\na@b,"x\r\ny"\r\nc@d,5" pipe\r\n',
      /line 4: there is a quote within a cell/,
    ],
    ["text behind a quote", 'Email,Name\na@b,"x"y\n', /line 2: there is text behind a closing quote/],
    ["another encoding", Buffer.from("Email,Name\na@b,caf\u00e9", "latin1"), /not UTF-8/],
    ["UTF-16", Buffer.from("\uFEFFEmail,Name\na@b,x", "utf16le"), /not UTF-8/],
    ["an export that is compressed", gzipSync("{}"), /is compressed\. .*gunzip -c .* \| webflow-users import -$/],
  ]
  it.each(unreadable)("refuses a file with %s", async (_name, content, message) => {
    const store = fresh()
    const outcome = await importInto(store, content, ["--skip-invalid"])
    expect(outcome.code).toBe(2)
    expect(errorIn(outcome)).toMatchObject({
      tag: "UnreadableInput",
      code: "unreadable_input",
      message: expect.stringMatching(message),
    })
    expect(existsSync(store.path)).toBe(false)
  })

  it("of 20,000 rows, and again", async () => {
    const store = fresh()
    const rows = Array.from(
      { length: 20_000 },
      (_, row) => `user${row}@example.com,"Name ""${row}""\nof two lines",yes,a;b,Tea`,
    )
    const csv = ["Email,Name,Accept Privacy,Access Groups,Drink", ...rows].join("\n")
    const first = await importInto(store, csv)
    expect(first).toMatchObject({ code: 0, stderr: "" })
    expect(JSON.parse(first.stdout)).toEqual({ added: 20_000, existing: 0, skipped: 0, problems: [] })
    // As one text each: comparing 20,000 objects takes longer than importing them.
    const everything = () => JSON.stringify(store.query("SELECT * FROM users ORDER BY email"))
    const before = everything()
    expect(JSON.parse(before)).toHaveLength(20_000)
    expect(JSON.parse(JSON.parse(before).at(-1).document).data.name).toBe('Name "9"\nof two lines')
    const second = await importInto(store, csv)
    expect(JSON.parse(second.stdout)).toEqual({ added: 0, existing: 20_000, skipped: 0, problems: [] })
    expect(everything() === before).toBe(true)
  }, 120_000)

  it("tells 20,000 problems, all of them", async () => {
    const csv = ["Email,Name", ...Array.from({ length: 20_000 }, (_, row) => `nobody ${row},x`)].join("\n")
    const outcome = await importInto(fresh(), csv)
    expect(outcome.code).toBe(2)
    const { details, message } = errorIn(outcome) as { details: ReadonlyArray<object>; message: string }
    expect(message).toContain("20000 of 20000")
    expect(details).toHaveLength(20_000)
    expect(details.at(-1)).toMatchObject({ place: "line 20001" })
  })
})

describe("bad entries", { concurrent: true }, () => {
  const csv = [
    "ID,Email,Name,Accept Privacy,Status,Created On",
    `${ada.id},ada@example.com,Ada,yes,verified,2024-01-01`,
    ",nobody,No,,,",
    "123,bo@example.com,Bo,,,",
    ",cy@example.com,Cy,perhaps,gone,never",
    ",ADA@example.com,Ada again,,,",
    ",dee@example.com,Dee",
    `,${"x".repeat(260)}@example.com,${"x".repeat(257)},,,`,
    ",eve@example.com,Eve,,,",
  ].join("\n")
  const lines = [3, 4, 5, 6, 7, 8].map((line) => `line ${line}`)

  it("keep a file out, each with its line and reason", async () => {
    const store = fresh()
    const outcome = await importInto(store, csv)
    expect(outcome.code).toBe(2)
    const { details, ...error } = errorIn(outcome)
    expect(error).toMatchObject({ tag: "ImportRefused", code: "import_refused", status: null })
    expect(error["message"]).toContain("6 of 8 entries")
    const problems = details as ReadonlyArray<{ place: string; reason: string }>
    expect(problems.map(({ place }) => place)).toEqual(lines)
    expect(problems.map(({ reason }) => reason)).toEqual([
      "email must be an e-mail address",
      "id must be 24 hexadecimal characters",
      "accept-privacy must be true or false; createdOn must be a date, such as 2024-01-31T12:00:00Z; status must be invited, verified or unverified",
      "is the same user as line 2",
      "has 3 cells where the headings are 6",
      expect.stringContaining("data.name"),
    ])
    expect(store.query("SELECT * FROM sites")).toEqual([])
  })

  it("are left out with --skip-invalid", async () => {
    const store = fresh()
    const outcome = await importInto(store, csv, ["--skip-invalid"])
    expect(outcome).toMatchObject({ code: 0, stderr: "" })
    const { problems, ...report } = JSON.parse(outcome.stdout)
    expect(report).toEqual({ added: 2, existing: 0, skipped: 6 })
    expect(problems.map(({ place }: { place: string }) => place)).toEqual(lines)
    expect(store.users().map(({ data }) => data.name)).toEqual(["Ada", "Eve"])
    expect(store.user(ada.id)).toMatchObject({ id: ada.id, createdOn: "2024-01-01T00:00:00.000Z", status: "verified" })
  })

  it("may be so only beside the store: another's e-mail address", async () => {
    const store = await seeded()
    const outcome = await importInto(store, `ID,Email\n${bo.id},ada@example.com\n`)
    expect(outcome.code).toBe(2)
    expect(errorIn(outcome)["details"]).toEqual([{ place: "line 2", reason: expect.stringContaining(ada.id) }])
    expect(store.users()).toEqual([ada, bo, cy])
  })
})

describe("import of JSON", { concurrent: true }, () => {
  it.each([
    ["a page", { users: [ada, bo, cy], count: 3, limit: 100, offset: 0, total: 3 }],
    ["pages", [{ users: [ada, bo] }, { users: [cy] }, { users: [] }]],
    ["users", [ada, bo, cy]],
    ["a page, data nested", { users: [ada, bo, cy].map((user) => ({ ...user, data: { data: user.data } })) }],
  ])("%s, whatever the file's name", async (_name, json) => {
    const store = fresh()
    const outcome = await importInto(store, `\uFEFF\n ${JSON.stringify(json, null, 2)}\n`, [], "users.csv")
    expect(outcome).toMatchObject({ code: 0, stderr: "" })
    expect(store.users()).toEqual([ada, bo, cy])
  })

  it("is not thought of for a CSV that is named so", async () => {
    const store = fresh()
    expect(await importInto(store, "Email\nada@example.com", [], "users.json")).toMatchObject({ code: 0 })
    expect(store.users()).toHaveLength(1)
  })

  it("leaves users that are there as they are", async () => {
    const store = await seeded()
    const users = [
      { ...ada, data: { ...ada.data, name: "Older" } },
      { ...bo, id: undefined },
    ]
    const outcome = await importInto(store, JSON.stringify({ users }))
    expect(JSON.parse(outcome.stdout)).toEqual({ added: 0, existing: 2, skipped: 0, problems: [] })
    expect(store.users()).toEqual([ada, bo, cy])
  })

  it("names bad users by their number", async () => {
    const outcome = await importInto(fresh(), JSON.stringify({ users: [ada, 5, { ...bo, id: "1" }] }))
    expect(outcome.code).toBe(2)
    expect(errorIn(outcome)["details"]).toEqual([
      { place: "user 2", reason: "must be an object" },
      { place: "user 3", reason: "id must be 24 hexadecimal characters" },
    ])
  })

  it.each([
    ['{"users": [', /not valid JSON/],
    ['{"user": []}', /holds no users/],
  ])("refuses %s", async (json, message) => {
    const outcome = await importInto(fresh(), json)
    expect(outcome.code).toBe(2)
    expect(errorIn(outcome)).toMatchObject({ tag: "UnreadableInput", message: expect.stringMatching(message) })
  })
})

describe("import", { concurrent: true }, () => {
  it.each([
    ["CSV", "Email,Name\nada@example.com,Ada\n"],
    ["JSON", JSON.stringify({ users: [ada] })],
  ])("of %s from standard input", async (_name, input) => {
    const store = fresh()
    const outcome = await store.cli(["import", "-", "--site", siteId], { input })
    expect(outcome).toMatchObject({ code: 0, stderr: "" })
    expect(store.users()[0]?.data.name).toBe("Ada")
  })

  it.each([
    [["missing.csv", "--site", siteId], "UnreadableInput", /missing\.csv cannot be read: there is no such file/],
    [[".", "--site", siteId], "UnreadableInput", /\. cannot be read: .*directory/],
    [["-", "--site", siteId], "UnreadableInput", /Standard input is empty/],
    [["-", "--site", "mine"], "InvalidId", /ID is invalid/],
  ])("%j is refused", async (args, tag, message) => {
    const store = fresh()
    const outcome = await store.cli(["import", ...args])
    expect(outcome.code).toBe(2)
    expect(errorIn(outcome)).toMatchObject({ tag, message: expect.stringMatching(message) })
    expect(existsSync(store.path)).toBe(false)
  })
})
