/** A table of changes: what its columns are, what a row asks for, and which cell a problem is about. */
import { ChangeTable, type UserChange } from "@webflow-users/core"
import { Result } from "effect"
import fc from "fast-check"
import { describe, expect, it } from "vitest"

const id = "6287ec36a841b25637c663df"
const other = "6287ec36a841b25637c663e0"

const mapped = (...pairs: ReadonlyArray<readonly [string, string]>): ChangeTable.Options => ({ map: new Map(pairs) })
const columnsOf = (headings: ReadonlyArray<string>, options?: ChangeTable.Options) =>
  Result.getOrThrow(ChangeTable.columnsOf(headings, options))
/** What the columns beside `id` are. */
const meanings = (...headings: ReadonlyArray<string>) =>
  columnsOf(["id", ...headings])
    .slice(1)
    .map(({ is }) => is)
const refused = (headings: ReadonlyArray<string>, options?: ChangeTable.Options) => {
  const result = ChangeTable.columnsOf(headings, options)
  return Result.isFailure(result) ? result.failure : "accepted"
}

type Problems = ReadonlyArray<string>
/** The change of a row, or its problems as `param: description`. */
const row = (
  headings: ReadonlyArray<string>,
  cells: ReadonlyArray<string>,
  options: ChangeTable.Options = {},
): UserChange.UserChange | Problems =>
  Result.match(ChangeTable.readRow(columnsOf(headings, options), cells, options), {
    onSuccess: (change): UserChange.UserChange | Problems => change,
    onFailure: (details) => details.map(({ param, description }) => `${param}: ${description}`),
  })

describe("a column", () => {
  it("is known by its heading, in the spellings that an import knows", () => {
    const known = {
      name: { field: "name" },
      " Full Name ": { field: "name" },
      "Accept Privacy": { field: "accept-privacy" },
      acceptCommunications: { field: "accept-communications" },
      groups: { role: "groups" },
      "Access Groups": { role: "groups" },
      accessGroups: { role: "groups" },
      "Add groups": { role: "add-groups" },
      REMOVE_GROUPS: { role: "remove-groups" },
      addGroups: { role: "add-groups" },
      RemoveGroups: { role: "remove-groups" },
      "E-Mail Address": { role: "email" },
      Email: { role: "email" },
    }
    for (const [heading, is] of Object.entries(known)) expect([heading, ...meanings(heading)]).toEqual([heading, is])
    expect(columnsOf(["User ID"])).toEqual([{ heading: "User ID", is: { role: "id" } }])
    expect(columnsOf([" ID "])).toEqual([{ heading: "ID", is: { role: "id" } }])
  })

  it("is a field otherwise, by its heading in kebab-case", () => {
    expect(meanings("Favourite drink", "Größe", "toString", "constructor", "__proto__", "errors", "add")).toEqual(
      ["favourite-drink", "große", "tostring", "constructor", "proto", "errors", "add"].map((field) => ({ field })),
    )
  })

  it("is not used where it cannot be set, however often there is such a one", () => {
    const unused = ["error", " Error ", "Status", "Created On", "created", "Invited on", "last login", "lastUpdated"]
    expect(meanings(...unused, "Email verified").filter((is) => is !== undefined)).toEqual([])
    const cells = [id, ...unused.map(() => "yesterday")]
    expect(row(["id", ...unused], cells, { emptyClears: true })).toStrictEqual({ id })
  })

  it("is what a map says, exactly as it says it, whatever its heading", () => {
    const map = mapped(
      ["Mail", "email"],
      [" Status ", " status "],
      ["Error", "Last Error"],
      ["Teams", "add-groups"],
      ["name", "__proto__"],
      ["id", "toString"],
    )
    const columns = columnsOf([" Mail", "Status", "Error", "Teams", "name", "id"], map)
    expect(columns.map(({ is }) => is)).toEqual([
      { role: "email" },
      { field: "status" },
      { field: "Last Error" },
      { role: "add-groups" },
      { field: "__proto__" },
      { field: "toString" },
    ])
  })

  it("has a heading", () => {
    expect(refused(["id", " ", "name"])).toBe("column 2 has no heading")
    expect(refused([""])).toBe("column 1 has no heading")
    expect(refused([])).toContain("no column says which user")
  })

  it("is there for every heading that a map names", () => {
    expect(refused(["id", "Mail"], mapped(["E-Mail", "email"]))).toBe("no column is headed E-Mail; there are id, Mail")
    expect(refused(["id", "Mail"], mapped(["mail", "email"]))).toContain("no column is headed mail")
  })

  it("means something that no other means", () => {
    const twins = "two columns mean the same, headed"
    expect(refused(["id", "Team", "team"])).toBe(`${twins} Team and team`)
    expect(refused(["id", "E-mail", "Email address"])).toBe(`${twins} E-mail and Email address`)
    expect(refused(["id", "groups", "Access groups"])).toBe(`${twins} groups and Access groups`)
    expect(refused(["id", "x", "y"], mapped(["x", "name"], ["y", "name"]))).toBe(`${twins} x and y`)
    expect(refused(["id", "user id"])).toBe(`${twins} id and user id`)
    expect(refused(["id", "name", "x"], mapped(["x", "id"]))).toBe(`${twins} id and x`)
    // A field may be called as one of ours.
    expect(refused(["id", "x"], mapped(["x", "toString"]))).toBe("accepted")
    expect(refused(["id", "groups", "add-groups", "remove-groups", "email"])).toBe("accepted")
  })

  it("says which user", () => {
    expect(refused(["name", "team"])).toBe(
      "no column says which user: one has to be headed id or email; there are name, team",
    )
    expect(refused(["email"])).toBe("accepted")
    expect(refused(["id"], mapped(["id", "number"]))).toContain("no column says which user")
    expect(refused(["who"], mapped(["who", "id"]))).toBe("accepted")
  })
})

describe("a row", () => {
  const headings = ["id", "email", "name", "drink", "groups", "add-groups", "remove-groups"]

  it("asks for what its cells say, and leaves what they do not", () => {
    expect(row(headings, [` ${id} `, " a@b.c ", " Ada ", "12", "", " gold ; größe m;", ";silver"])).toStrictEqual({
      id,
      email: "a@b.c",
      data: { name: " Ada ", drink: "12" },
      addGroups: ["gold", "größe m"],
      removeGroups: ["silver"],
    })
    expect(row(headings, [id, "", "", "", "gold;gold", "", ""])).toStrictEqual({ id, accessGroups: ["gold", "gold"] })
    expect(row(headings, ["", "a@b.c", " ", "\t", " ", "", ""])).toStrictEqual({ email: "a@b.c" })
  })

  it("clears by empty cells what can be cleared, where that is asked for", () => {
    expect(row(headings, [id, "", " ", "", "", "", ""], { emptyClears: true })).toStrictEqual({
      id,
      data: { name: null, drink: null },
      accessGroups: [],
    })
    expect(row(["id", "add-groups", "remove-groups"], [id, "", ""], { emptyClears: true })).toStrictEqual({ id })
  })

  it("takes a cell of nothing but separators for an empty one", () => {
    for (const cell of [";", " ; ; ", ";;"]) {
      expect(row(["id", "groups", "add-groups"], [id, cell, cell])).toStrictEqual({ id })
      expect(row(["id", "groups"], [id, cell], { emptyClears: true })).toStrictEqual({ id, accessGroups: [] })
    }
  })

  it("has as many cells as there are headings", () => {
    expect(row(["id", "name"], [id])).toEqual(["row: there are 1 cells where the headings are 2"])
    expect(row(["id", "name"], [id, "Ada", ""])).toEqual(["row: there are 3 cells where the headings are 2"])
    expect(row(["id", "name"], [])).toEqual(["row: there are 0 cells where the headings are 2"])
  })

  it("separates groups by ; and says so where it finds a comma, together with whatever else is wrong", () => {
    const wrong = "groups are separated by ;"
    expect(row(["id", "groups"], [id, "gold,silver"])).toEqual([`accessGroups: ${wrong}`])
    expect(row(["id", "name", "add-groups", "remove-groups"], ["7", "a,b", "a,b", "b;c,"])).toEqual([
      `addGroups: ${wrong}`,
      `removeGroups: ${wrong}`,
      "id: must be 24 hexadecimal characters",
    ])
    expect(row(["id", "groups"], [id, ","])).toEqual([`accessGroups: ${wrong}`])
  })

  it("is a change, and held to what one may be", () => {
    expect(row(headings, [id, "", "", "", "gold", "silver", ""])).toEqual([
      "accessGroups: says what the groups are, so none can be added or removed beside it",
    ])
    expect(row(["id", "add-groups"], [id, "x".repeat(257)])).toEqual(["addGroups: must be at most 256 characters long"])
    expect(row(["email", "name"], ["", "Ada"])).toEqual([
      "id: nothing says which user: an id or an e-mail address has to",
    ])
    expect(row(["id", "email"], ["x", "y"])).toEqual([
      "id: must be 24 hexadecimal characters",
      "email: must be an e-mail address",
    ])
  })

  it("gives every field to itself, whatever it is called", () => {
    const anyKeys = fc.uniqueArray(
      fc.oneof(fc.constantFrom("__proto__", "constructor", "toString", "data"), fc.string()),
      {
        selector: (name) => name.trim(),
      },
    )
    fc.assert(
      fc.property(anyKeys, (keys) => {
        const fields = keys.map((key) => key.trim()).filter((key) => !/^(id|email|(add-|remove-)?groups)$/.test(key))
        const names = fields.map((_, index) => `heading ${index}`)
        const map = new Map(fields.map((key, index) => [`heading ${index}`, key]))
        const cells = fields.map((_, index) => `cell ${index}`)
        const change = row(["id", ...names], [other, ...cells], { map })
        expect("id" in change && Object.entries(change.data ?? {}).toSorted()).toEqual(
          fields.map((key, index) => [key, `cell ${index}`] as [string, string]).toSorted(),
        )
      }),
    )
  })
})

describe("a problem", () => {
  const long = "x".repeat(300)
  const columns = columnsOf(
    ["User", "Mail", "Name", "Teams", "Join", "Leave", "status", "List", long],
    mapped(
      ["User", "id"],
      ["Mail", "email"],
      ["Teams", "groups"],
      ["Join", "add-groups"],
      ["Leave", "remove-groups"],
      ["List", "list[0]"],
    ),
  )

  it("is about the column whose cell is at fault", () => {
    const about = {
      id: "User",
      email: "Mail",
      "data.name": "Name",
      accessGroups: "Teams",
      "accessGroups[12]": "Teams",
      addGroups: "Join",
      removeGroups: "Leave",
      "data.list[0]": "List",
      [`data.${"x".repeat(64)}…`]: long,
    }
    for (const [param, heading] of Object.entries(about)) {
      expect([param, ChangeTable.headingOf(columns, param)]).toEqual([param, heading])
    }
  })

  it("is about the row where it is about no column", () => {
    for (const param of ["row", "data", "body", "status", "data.status", "data.list", "name", "groups", "toString"]) {
      expect(ChangeTable.headingOf(columns, param)).toBeUndefined()
    }
  })
})
