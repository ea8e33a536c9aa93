import { existsSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { describe, expect, it } from "vitest"
import { ada, bo, cli, errorIn, newFolder, otherSiteId, seeded, siteId } from "./run.ts"

const bought = { slug: "course", type: "ecommerce" }
const groups = (...slugs: ReadonlyArray<string>) => [...slugs.map((slug) => ({ slug, type: "admin" })), bought]
const { drink: _, ...dataWithoutDrink } = ada.data

interface Accepted {
  readonly data?: object
  readonly accessGroups?: ReadonlyArray<object>
}

const accepted: ReadonlyArray<readonly [args: ReadonlyArray<string>, expected: Accepted]> = [
  [["--name", "Ada Okafor"], { data: { name: "Ada Okafor" } }],
  [["--name=-Ada"], { data: { name: "-Ada" } }],
  [["--accept-privacy"], { data: { "accept-privacy": true } }],
  [["--no-accept-communications"], { data: { "accept-communications": false } }],
  [["--accept-communications", "--no-accept-privacy"], { data: {} }],
  [["--field", "drink=Coffee"], { data: { drink: "Coffee" } }],
  [["--field", "drink=12"], { data: { drink: "12" } }],
  [["--field", "sum=1+1=2"], { data: { sum: "1+1=2" } }],
  [["--field", "note=a\nb"], { data: { note: "a\nb" } }],
  [["--field", "drink="], { data: { drink: "" } }],
  [["--field", "a:=12.5", "--field", "b:=true"], { data: { a: 12.5, b: true } }],
  [["--field", 'c:={"id":"1","name":"Red","slug":"red"}'], { data: { c: { id: "1", name: "Red", slug: "red" } } }],
  [["--field", "name=Al", "--field", "toString=x"], { data: { name: "Al", toString: "x" } }],
  [["--field", `email=${ada.data.email}`], { data: {} }],
  [["--group", "a", "--group", "b", "--group", "a"], { accessGroups: groups("a", "b") }],
  [["--add-group", "a", "--add-group", "webflowers"], { accessGroups: groups("webflowers", "a") }],
  [["--remove-group", "webflowers", "--remove-group", "never"], { accessGroups: groups() }],
  [["--add-group", "a", "--remove-group", "webflowers"], { accessGroups: groups("a") }],
  [["--clear-groups"], { accessGroups: groups() }],
  [["--data", '{"data":{"name":"Al"},"accessGroups":["a"]}'], { data: { name: "Al" }, accessGroups: groups("a") }],
  [
    ["--data", '{"accessGroups":[{"slug":"a","type":"admin"}],"data":{"data":{"name":"Al"}}}'],
    { data: { name: "Al" }, accessGroups: groups("a") },
  ],
  [["--data", "{}"], {}],
  [
    ["--data", '{"data":{"name":"Al"}}', "--field", "x=y", "--add-group", "a"],
    { data: { name: "Al", x: "y" }, accessGroups: groups("webflowers", "a") },
  ],
  [
    ["--data", '{"status":"verified","accessGroups":["a"]}', "--field", "status=x"],
    { data: { status: "x" }, accessGroups: groups("a") },
  ],
]

describe("update", { concurrent: true }, () => {
  it.each(accepted)("%j", async (args, expected) => {
    const store = await seeded()
    const outcome = await store.cli(["update", siteId, ada.id, ...args])
    expect(outcome).toMatchObject({ code: 0, stderr: "" })
    const { lastUpdated, ...updated } = store.user(ada.id)
    expect({ lastUpdated, ...updated }).toEqual(JSON.parse(outcome.stdout))
    expect(updated.data).toEqual({ ...ada.data, ...expected.data })
    expect(updated.accessGroups).toEqual(expected.accessGroups ?? ada.accessGroups)
    expect(lastUpdated).not.toBe(ada.lastUpdated)
    expect(store.user(bo.id)).toEqual(bo)
  })

  it("--null clears a field", async () => {
    const store = await seeded()
    expect(await store.cli(["update", siteId, ada.id, "--null", "drink", "--null", "never"])).toMatchObject({ code: 0 })
    expect(store.user(ada.id).data).toEqual(dataWithoutDrink)
  })

  it.each([["@body.json"], ["-"], ["@-"]])("--data %s", async (source) => {
    const store = await seeded()
    const body = JSON.stringify({ data: { name: "Ádà" } })
    writeFileSync(join(store.cwd, "body.json"), body)
    const outcome = await store.cli(["update", siteId, ada.id, "--data", source], { input: body })
    expect(outcome).toMatchObject({ code: 0, stderr: "" })
    expect(store.user(ada.id).data).toEqual({ ...ada.data, name: "Ádà" })
  })

  it.each([["ada@example.com"], ["ADA@Example.com"], [ada.id.toUpperCase()]])("of %s", async (user) => {
    const store = await seeded()
    expect(await store.cli(["update", "--name", "Al", siteId, user])).toMatchObject({ code: 0 })
    expect(store.user(ada.id).data.name).toBe("Al")
  })

  it("is recorded as the command line's", async () => {
    const store = await seeded()
    await store.cli(["update", siteId, ada.id, "--name", "Al"])
    const [event, ...others] = store.query("SELECT * FROM user_events")
    expect(others).toEqual([])
    expect(event).toMatchObject({ actor: "cli", user_id: ada.id })
    expect(JSON.parse(String(event?.["before_user"]))).toEqual(ada)
    expect(JSON.parse(String(event?.["after_user"]))).toEqual(store.user(ada.id))
  })
})

describe("update --dry-run", { concurrent: true }, () => {
  const changed = [
    ["name", "Ada", "Al"],
    ["drink", "Tea", null],
    ["toString", null, 1],
    ["accessGroups", ["webflowers", "course"], ["new", "course"]],
  ].map(([field, before, after]) => ({ field, before, after }))

  it("prints the difference and changes nothing", async () => {
    const store = await seeded()
    const args = ["--name", "Al", "--null", "drink", "--field", "toString:=1", "--field", "x=y", "--null", "x2"]
    const { code, stdout } = await store.cli([
      "update",
      siteId,
      "ada@example.com",
      ...args,
      "--group",
      "new",
      "--dry-run",
    ])
    expect(code).toBe(0)
    const { changes, before, after, ...rest } = JSON.parse(stdout)
    expect(rest).toEqual({ dryRun: true })
    expect(changes).toHaveLength(5)
    expect(changes).toEqual(expect.arrayContaining(changed))
    expect(before).toEqual(ada)
    expect(after).toMatchObject({ id: ada.id, data: { name: "Al", x: "y" }, accessGroups: groups("new") })
    expect(store.user(ada.id)).toEqual(ada)
    expect(store.query("SELECT * FROM user_events")).toEqual([])
  })

  it("of what is so already is empty", async () => {
    const store = await seeded()
    const { stdout } = await store.cli([
      "update",
      siteId,
      ada.id,
      "--name",
      "Ada",
      "--add-group",
      "webflowers",
      "--dry-run",
    ])
    expect(JSON.parse(stdout).changes).toEqual([])
  })

  it("refuses what the update would refuse", async () => {
    const store = await seeded()
    const outcome = await store.cli(["update", siteId, ada.id, "--remove-group", "course", "--dry-run"])
    expect(outcome.code).toBe(2)
    expect(errorIn(outcome)).toMatchObject({ tag: "InvalidPatch", details: [{ param: "accessGroups" }] })
  })
})

/** Flags that contradict each other, and what the message has to name. */
const contradictions: ReadonlyArray<readonly [args: ReadonlyArray<string>, ...named: ReadonlyArray<string>]> = [
  [[], "--name", "--field", "--data"],
  [["--dry-run"], "--name"],
  [["--name", "a", "--field", "name=b"], "--name", "--field name"],
  [["--field", "x=1", "--field", "x=1"], "--field x"],
  [["--field", "x=1", "--null", "x"], "--field x", "--null x"],
  [["--accept-privacy", "--field", "accept-privacy:=true"], "--accept-privacy", "--field accept-privacy"],
  [["--accept-privacy", "--no-accept-privacy"], "--accept-privacy"],
  [["--name", "a", "--name", "b"], "--name"],
  [["--group", "a", "--add-group", "b"], "--group", "--add-group"],
  [["--group", "a", "--remove-group", "b"], "--group", "--remove-group"],
  [["--group", "a", "--clear-groups"], "--group", "--clear-groups"],
  [["--clear-groups", "--add-group", "a"], "--clear-groups", "--add-group"],
  [["--add-group", "a", "--remove-group", "a"], "--add-group a", "--remove-group a"],
  [["--data", '{"accessGroups":[]}', "--add-group", "a"], "--data", "--add-group"],
  [["--data", '{"accessGroups":["a"]}', "--clear-groups"], "--data", "--clear-groups"],
  [["--data", '{"data":{"data":{"name":"a"}}}', "--name", "a"], "--data", "--name"],
  [["--data", '{"data":{"email":"a@b"}}', "--field", "email=a@b"], "--data", "--field email"],
  [["--field", "novalue"], "--field novalue", "key=value"],
  [["--field", "x:=Tea"], "--field x", "JSON"],
  [["--field", 'data:={"name":"a"}'], "--field data", "--data"],
]

describe("a wrong call of update", { concurrent: true }, () => {
  it.each(contradictions)("%j", async (args, ...named) => {
    const cwd = newFolder()
    const outcome = await cli(["update", siteId, ada.id, ...args], { cwd })
    expect(outcome.code).toBe(2)
    const error = errorIn(outcome)
    expect(error).toMatchObject({ tag: "Usage", code: "usage", status: null, usage: expect.stringContaining("<user>") })
    for (const name of named) expect(error["message"]).toContain(name)
    // It is told before any store is opened.
    expect(existsSync(join(cwd, "webflow-users.db"))).toBe(false)
  })
})

/** What core refuses: tag and parameter. */
const refused: ReadonlyArray<readonly [args: ReadonlyArray<string>, tag: string, param: string | undefined]> = [
  [["--field", "email=other@example.com"], "InvalidPatch", "data.email"],
  [["--field", "password=x"], "InvalidPatch", "data.password"],
  [["--field", "__proto__=x"], "InvalidPatch", "data.__proto__"],
  [["--field", "=x"], "InvalidPatch", "data."],
  [["--field", "x:=[1]"], "InvalidPatch", "data.x"],
  [["--field", "accept-privacy=true"], "InvalidPatch", "data.accept-privacy"],
  [["--name", "x".repeat(257)], "InvalidPatch", "data.name"],
  [["--null", "name"], "InvalidPatch", "data.name"],
  [["--group", ""], "InvalidPatch", "accessGroups[0]"],
  [["--add-group", " "], "InvalidPatch", "accessGroups[0]"],
  [["--remove-group", "x".repeat(257)], "InvalidPatch", "accessGroups[0]"],
  [["--remove-group", "course"], "InvalidPatch", "accessGroups"],
  [["--data", "[]"], "InvalidPatch", "body"],
  [["--data", '{"name":"x"}'], "InvalidPatch", "name"],
  [["--data", '{"name'], "BadRequest", undefined],
  [["--data", "@missing.json"], "UnreadableInput", undefined],
]

describe("what update refuses", { concurrent: true }, () => {
  it.each(refused)("%j", async (args, tag, param) => {
    const store = await seeded()
    const outcome = await store.cli(["update", siteId, ada.id, ...args])
    expect(outcome.code).toBe(2)
    const error = errorIn(outcome)
    expect(error["tag"]).toBe(tag)
    expect(error["details"]).toEqual(param === undefined ? [] : [{ param, description: expect.any(String) }])
    expect(store.user(ada.id)).toEqual(ada)
    expect(store.query("SELECT * FROM user_events")).toEqual([])
  })

  it.each([
    [siteId, "123", 2, "InvalidId"],
    ["site", ada.id, 2, "InvalidId"],
    ["site", "ada@example.com", 2, "InvalidId"],
    [siteId, "ffffffffffffffffffffffff", 6, "UserNotFound"],
    [siteId, "nobody@example.com", 6, "UserNotFound"],
    [otherSiteId, ada.id, 6, "SiteNotFound"],
  ])("site %s, user %s", async (site, user, code, tag) => {
    const outcome = await (await seeded()).cli(["update", site, user, "--name", "x"])
    expect(outcome.code).toBe(code)
    expect(errorIn(outcome)).toMatchObject({ tag })
  })
})
