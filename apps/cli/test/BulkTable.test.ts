/** Tables in every shape that spreadsheets and people give them. */
import { describe, expect, it } from "vitest"
import { memberAt, resultOf, runIn, stored, textIn } from "./bulk.ts"
import { errorIn, siteId } from "./run.ts"

const coffee = ["email,drink", "m0@example.com,Coffee", "m1@example.com,Milk", "m2@example.com,Water"]
const bom = "\uFEFF"

describe("a table", { concurrent: true }, () => {
  it.each([
    ["LF", coffee.join("\n")],
    ["LF at its end", `${coffee.join("\n")}\n`],
    ["CRLF", coffee.join("\r\n")],
    ["CR", coffee.join("\r")],
    ["CR at its end", `${coffee.join("\r")}\r`],
    ["all three", `${coffee[0]}\r${coffee[1]}\r\n${coffee[2]}\n${coffee[3]}`],
    ["a BOM", `${bom}${coffee.join("\n")}`],
    ["a BOM and quotes", `${bom}"email","drink"\n${coffee.slice(1).join("\n")}`],
    ["blank lines", `\n\n${coffee.join("\n\n\r\n")}\n , \n,\n\n`],
    ["semicolons", coffee.join("\n").replaceAll(",", ";")],
    ["tabs", coffee.join("\n").replaceAll(",", "\t")],
    [
      "semicolons, and a comma in a heading",
      `email;drink;Notes, old\n${coffee.slice(1).join(";\n").replaceAll(",", ";")};`,
    ],
    ["quotes everywhere", coffee.map((line) => `"${line.replace(",", '","')}"`).join("\r\n")],
    ["quotes and delimiters in headings", coffee.join("\n").replace("email", '"e-mail"')],
    ["spaces around headings and addresses", coffee.join("\n").replace("email,", "  email  , ").replace("m0", "  m0")],
  ])("with %s", async (_, content) => {
    const store = await stored(3)
    const { code, stderr } = await store.cli(["bulk", siteId, store.file("m.csv", content)])
    expect({ code, stderr }).toEqual({ code: 0, stderr: "3 rows: 3 to change, 0 unchanged, 0 invalid\n" })
    expect(store.drinks()).toEqual(["Coffee", "Milk", "Water"])
  })

  it("keeps what stands in quotes as it is, and knows its lines", async () => {
    const store = await stored(4)
    const values = ['He said "no"', "a,b;c\td", "one\ntwo\r\nthree\rfour", "  around  "]
    const rows = values.map((value, at) => `m${at}@example.com,"${value.replaceAll('"', '""')}"`)
    const file = store.file("m.csv", ["email,drink", ...rows, "x@example.com,y"].join("\n"))
    const { problems } = resultOf(await store.cli(["bulk", siteId, file, "--dry-run"]))
    expect(problems).toMatchObject([{ line: 9, column: "email" }])
    expect((await store.cli(["bulk", siteId, file])).code).toBe(1)
    expect(store.drinks()).toEqual(values)
  })

  it.each([
    ["a quote in a cell without", 'email,drink\nm0@example.com,6" tall\n', "line 2: there is a quote within a cell"],
    ["text behind a quote", 'email,drink\nm1@example.com,"a"b\n', "line 2: there is text behind a closing quote"],
    ["space before a quote", 'email,drink\n\nm1@example.com, "a"\n', "line 3: there is a quote within a cell"],
    [
      "a quote that is not closed",
      'email,drink\nm0@example.com,a\nm1@example.com,"b\nm2@example.com,c\n',
      "line 3: a quote is opened and never closed",
    ],
    ["no cells", "", "m.csv is empty"],
    ["no cells but lines", "\n\n\r\n", "m.csv is empty"],
    ["no heading for a column", "email,,drink\na,b,c", "line 1: column 2 has no heading"],
    ["a heading twice", "email,drink,drink\na,b,c", "line 1: two columns mean the same, headed drink and drink"],
    ["two headings for one thing", "email,E-Mail\na,b", "line 1: two columns mean the same, headed email and E-Mail"],
    ["nobody's heading", "name,drink\na,b", "line 1: no column says which user"],
    ["Latin-1", Buffer.from("email,drink\nm0@example.com,Caf\xe9\n", "latin1"), "m.csv is not UTF-8"],
    ["UTF-16", Buffer.from("\uFEFFemail,drink\nm0@example.com,Coffee\n", "utf16le"), "m.csv is not UTF-8"],
    ["half a character at its end", Buffer.from("email,drink\nm0@example.com,\xc3", "latin1"), "m.csv is not UTF-8"],
  ] as const)("with %s is refused, and nothing is changed", async (_, content, message) => {
    const store = await stored(3)
    const outcome = await store.cli(["bulk", siteId, store.file("m.csv", content)])
    expect(outcome.code).toBe(2)
    expect(errorIn(outcome)).toMatchObject({ tag: "UnreadableInput", message: expect.stringContaining(message) })
    expect(store.drinks()).toEqual(["Tea", "Tea", "Tea"])
    expect(resultOf(await store.cli(["runs"]))).toEqual({ runs: [] })
  })

  it("with headings only has nothing to do", async () => {
    const store = await stored(1)
    const outcome = await store.cli(["bulk", siteId, store.file("m.csv", "email,drink\n")])
    expect({ code: outcome.code, ...resultOf(outcome) }).toMatchObject({ code: 0, rows: 0, updated: 0 })
  })

  it("with a NUL and with rows that are too short or too long: those are problems, the others are done", async () => {
    const store = await stored(4)
    const rows = [
      "email,drink",
      "m0@example.com,Cof\0fee",
      "m1@example.com",
      "m2@example.com,Milk,Sugar",
      "m3@example.com,Milk",
    ]
    const outcome = await store.cli(["bulk", siteId, store.file("m.csv", rows.join("\n"))])
    expect(outcome.code).toBe(1)
    expect(outcome.stderr).toMatch(/line 2, drink: .*\n {2}line 3: .*cells.*\n {2}line 4: .*cells/)
    expect(store.drinks()).toEqual(["Tea", "Tea", "Tea", "Milk"])
  })

  it.each([
    ["csv", (value: string) => `email,drink\nm0@example.com,${value}\nm1@example.com,Milk\n`],
    [
      "ndjson",
      (value: string) =>
        [value, "Milk"].map((drink, at) => `${JSON.stringify({ id: memberAt(at).id, data: { drink } })}\n`).join(""),
    ],
  ] as const)("with 10 MB in one field (%s): its row is a problem, the others are done", async (extension, content) => {
    const store = await stored(2)
    const value = "x".repeat(10 * 1024 * 1024)
    const outcome = await store.cli(["bulk", siteId, store.file(`m.${extension}`, content(value))])
    expect(outcome.code).toBe(1)
    expect(outcome.stderr).toMatch(/line \d, (data\.)?drink: must be at most 256 characters long\n/)
    expect(outcome.stderr.length).toBeLessThan(1000)
    expect(store.drinks()).toEqual(["Tea", "Milk"])
    expect(textIn(store.cwd, runIn(store.cwd), `failures.${extension}`)).toContain(value)
  })
})
