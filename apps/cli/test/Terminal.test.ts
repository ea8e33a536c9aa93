/** What a person sees of what commands do; FailureOnTerminal.test.ts has what fails. */
import { writeFileSync } from "node:fs"
import { join } from "node:path"
import { describe, expect, it } from "vitest"
import { ada, seeded, siteId } from "./run.ts"
import { hasTerminal, show } from "./terminal.ts"

describe.skipIf(!hasTerminal)("on a terminal", { concurrent: true }, () => {
  it("update tells what it did", async () => {
    const flags = ["--name", "Al", "--field", "n:=12", "--field", "text=12", "--null", "drink", "--add-group", "gold"]
    expect(await show(await seeded(), ["update", siteId, ada.id, ...flags])).toEqual({
      code: 0,
      lines: [
        `Updated ada@example.com (${ada.id})`,
        '  name: "Al"',
        "  n: 12",
        '  text: "12"',
        "  drink: cleared",
        "  groups: webflowers, gold, course (ecommerce)",
      ],
    })
  })

  it("site declare tells what changed", async () => {
    const store = await seeded()
    const declare = (content: unknown) => {
      writeFileSync(join(store.cwd, "site.json"), JSON.stringify(content))
      return show(store, ["site", "declare", siteId, "--file", "site.json"])
    }
    const declaration = { accessGroups: [{ slug: "gold", name: "Gold" }], fields: [{ slug: "age", type: "Number" }] }
    expect((await declare(declaration)).lines).toEqual([
      `Site ${siteId}`,
      "  access group gold added",
      "  field age added",
      "  Access groups are declared",
      "  Fields are declared",
    ])
    expect((await declare(declaration)).lines[0]).toBe(`Site ${siteId}: nothing changed`)
    expect((await declare({})).lines).toEqual([
      `Site ${siteId}`,
      "  access group gold removed",
      "  field age removed",
      "  Access groups are not declared, so that any is accepted",
      "  Fields are not declared, so that any is accepted",
    ])
  })

  it("a dry run tells old and new", async () => {
    const flags = ["--name", "Al", "--field", "n:=1", "--null", "drink", "--group", "gold", "--dry-run"]
    const { code, lines } = await show(await seeded(), ["update", siteId, ada.id, ...flags])
    expect(code).toBe(0)
    expect(lines).toEqual([
      `Would update ada@example.com (${ada.id})`,
      '  name: "Ada" → "Al"',
      '  drink: "Tea" → –',
      "  n: – → 1",
      "  groups:",
      "    - webflowers",
      "    + gold",
    ])
  })

  it("a dry run of what is so already says so", async () => {
    const { lines } = await show(await seeded(), ["update", siteId, ada.id, "--name", "Ada", "--dry-run"])
    expect(lines).toEqual([`Nothing would change for ada@example.com (${ada.id})`])
  })

  it("get shows a user", async () => {
    const { lines } = await show(await seeded(), ["get", siteId, ada.id])
    expect(lines).toContain(`id                          ${ada.id}`)
    expect(lines).toContain("groups                      webflowers, course (ecommerce)")
    expect(lines).toContain('data.drink                  "Tea"')
    expect(lines).toContain("data.accept-privacy         false")
  })

  it("list shows a table and where it goes on", async () => {
    const { lines } = await show(await seeded(), ["list", siteId, "--limit", "2"])
    expect(lines).toEqual([
      "ID                        E-MAIL           NAME  STATUS    GROUPS",
      "6287ec36a841b25637c66301  ada@example.com  Ada   verified  webflowers, course (ecommerce)",
      "6287ec36a841b25637c66302  bo@example.com   Bo    verified  webflowers, course (ecommerce)",
      "",
      "1 to 2 of 3; more with --offset 2",
    ])
    expect((await show(await seeded(), ["list", siteId, "--offset", "3"])).lines).toEqual([
      "No users here, of 3 in all",
    ])
  })

  it("what others wrote cannot reach the terminal", async () => {
    const store = await seeded()
    const evilId = "6287ec36a841b25637c66309"
    const evil = "\u001b[31m\u009b2J\u0007\u202Ered\nnext\t."
    await store.cli(["update", siteId, ada.id, "--name", evil, "--field", `${evil}=${evil}`, "--add-group", evil])
    writeFileSync(
      join(store.cwd, "evil.json"),
      JSON.stringify([{ ...ada, id: evilId, data: { email: "e@vil" }, [evil]: evil }]),
    )
    await store.cli(["import", "evil.json", "--site", siteId])
    const screens = [
      await show(store, ["get", siteId, ada.id]),
      await show(store, ["list", siteId]),
      await show(store, ["get", siteId, evilId]),
      await show(store, ["get", siteId, ada.id, "--json"]),
      await show(store, ["update", siteId, ada.id, "--field", `${evil}=x`, "--remove-group", evil, "--dry-run"]),
      await show(store, ["update", siteId, ada.id, "--field", `${evil}=${evil}`, "--add-group", evil]),
      await show(store, ["update", siteId, ada.id, "--field", evil]),
      await show(store, ["get", siteId, evil]),
      await show(store, [evil]),
    ]
    const controls = screens.flatMap(({ lines }) => lines.join("\n").match(/[^\n\P{Cc}]/gu) ?? [])
    expect(controls).toEqual([])
    for (const { lines } of screens.slice(0, 3)) expect(lines.join("\n")).toContain("[31m2Jred next .")
  })

  it.each([["--json"], ["--json=true"]])("%s is JSON, for eyes", async (flag) => {
    const { code, lines } = await show(await seeded(), ["get", siteId, ada.id, flag])
    expect(code).toBe(0)
    expect(lines[1]).toBe(`  "id": "${ada.id}",`)
    expect(JSON.parse(lines.join("\n"))).toEqual(ada)
  })

  it("an error is told in words", async () => {
    const store = await seeded()
    expect(await show(store, ["update", siteId, ada.id, "--field", "email=x@y", "--data", '{"z":1}'])).toEqual({
      code: 2,
      lines: [
        "Error: Validation Error",
        "  z: is not a property of a user; custom fields belong into data",
        "  data.email: cannot be updated",
        `  User ${ada.id}: nothing was changed.`,
        "  Next: correct what is named here, then run the command again.",
      ],
    })
    expect(
      (await show(store, ["get", siteId, "nobody", "--json"])).lines.map((line) => JSON.parse(line)),
    ).toMatchObject([{ error: { tag: "InvalidId" } }])
  })

  it("a wrong call is told with its usage", async () => {
    expect(await show(await seeded(), ["get", siteId])).toEqual({
      code: 2,
      lines: [
        "Error: Missing required argument: user",
        "",
        "Usage: webflow-users get [flags] <site> <user>",
        "       --help tells the rest.",
      ],
    })
  })

  it("help has colours, unless they are not wanted", async () => {
    const store = await seeded()
    // oxlint-disable-next-line no-control-regex
    const colour = /\u001b\[\d+m/
    expect((await show(store, ["--help"])).lines.join("\n")).toMatch(colour)
    expect((await show(store, ["--help"], { NO_COLOR: "1" })).lines.join("\n")).not.toMatch(colour)
  })

  it("import lists no more problems than one can read", async () => {
    const store = await seeded()
    writeFileSync(
      join(store.cwd, "bad.csv"),
      ["Email", "new@example.com", ...Array.from({ length: 25 }, () => "nobody")].join("\n"),
    )
    const problems = Array.from({ length: 20 }, (_, row) => `  line ${row + 3}: email must be an e-mail address`)
    const more = "  … and 5 more; --json lists them all"
    expect(await show(store, ["import", "bad.csv", "--site", siteId])).toEqual({
      code: 2,
      lines: [
        "Error: Nothing was imported: 25 of 26 entries cannot be. --skip-invalid imports the others",
        ...problems,
        more,
      ],
    })
    expect(await show(store, ["import", "bad.csv", "--site", siteId, "--skip-invalid"])).toEqual({
      code: 0,
      lines: ["Skipped 25 of 26 entries:", ...problems, more, "1 added, 0 already there, 25 skipped"],
    })
  })

  it("a token is shown once", async () => {
    const store = await seeded()
    expect((await show(store, ["token", "list"])).lines).toEqual(["No tokens"])
    const { lines } = await show(store, ["token", "create", "--site", siteId, "--scope", "users:read"])
    const id = /^wfu_([0-9a-f]{24})_[0-9a-f]{64}$/.exec(lines[0] ?? "")?.[1]
    expect(lines.slice(1)).toEqual([
      "",
      `This is the only time it is shown. Revoke it with: webflow-users token revoke ${id}`,
    ])
    const [head, row] = (await show(store, ["token", "list"])).lines
    expect(head).toMatch(/^ID +LABEL +SITE +SCOPES +MAY CHANGE +RATE +EXPIRES +CREATED$/)
    expect(row).toMatch(new RegExp(`^${id}  – +${siteId}  users:read  nothing +none  never +\\S+Z$`))
    expect((await show(store, ["token", "revoke", String(id)])).lines).toEqual([`Revoked ${id}`])
    const flags = ["--scope", "users:write", "--rate", "60", "--field", "name", "--field", "company", "--no-groups"]
    await show(store, ["token", "create", "--all-sites", ...flags, "--label", "Form \u202e!", "--expires", "1 millis"])
    expect((await show(store, ["token", "list"])).lines[1]).toMatch(
      /^\S+  Form ! +all sites +users:write  fields name, company; no groups  60 a minute  expired \S+Z  \S+Z$/,
    )
    await show(store, ["token", "create", "--all-sites", "--scope", "users:write"])
    const [, , last] = (await show(store, ["token", "list"])).lines
    const other = /^(\S+).*users:write  anything/.exec(last ?? "")?.[1] ?? ""
    const rotated = (await show(store, ["token", "rotate", other])).lines
    expect(rotated[0]).toMatch(new RegExp(`^wfu_${other}_`))
    expect(rotated.slice(1)).toEqual(["", "This is the only time it is shown. The old one is refused from now on."])
    const kept = (await show(store, ["token", "rotate", other, "--grace", "1 hour"])).lines
    expect(kept[2]).toMatch(/The old one is good until \S+Z\.$/)
  })
})
