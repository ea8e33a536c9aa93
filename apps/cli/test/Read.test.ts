import { writeFileSync } from "node:fs"
import { join } from "node:path"
import { describe, expect, it } from "vitest"
import { ada, bo, cy, errorIn, fresh, type Options, otherSiteId, seeded, siteId } from "./run.ts"

describe("get", { concurrent: true }, () => {
  it.each([[ada.id], [ada.id.toUpperCase()], ["ada@example.com"], ["Ada@Example.Com"]])("%s", async (user) => {
    const store = await seeded()
    const outcome = await store.cli(["get", siteId, user])
    expect(outcome).toMatchObject({ code: 0, stderr: "" })
    expect(JSON.parse(outcome.stdout)).toEqual(ada)
  })

  it.each([
    [siteId, "ffffffffffffffffffffffff", 6, "UserNotFound"],
    [siteId, "nobody@example.com", 6, "UserNotFound"],
    [otherSiteId, ada.id, 6, "SiteNotFound"],
    [siteId, "nobody", 2, "InvalidId"],
  ])("site %s, user %s", async (site, user, code, tag) => {
    const outcome = await (await seeded()).cli(["get", site, user])
    expect(outcome.code).toBe(code)
    expect(errorIn(outcome)).toMatchObject({ tag })
  })
})

describe("list", { concurrent: true }, () => {
  it.each([
    [[], [ada, bo, cy], { limit: 10, offset: 0 }],
    [["--limit", "2"], [ada, bo], { limit: 2, offset: 0 }],
    [["--limit", "2", "--offset", "2"], [cy], { limit: 2, offset: 2 }],
    [["--offset", "3"], [], { limit: 10, offset: 3 }],
    [["--sort", "-CreatedOn"], [cy, bo, ada], { limit: 10, offset: 0 }],
    [["--sort=-Email", "--limit", "1"], [cy], { limit: 1, offset: 0 }],
    [["--sort", "Email", "--limit", "100"], [ada, bo, cy], { limit: 100, offset: 0 }],
  ])("%j", async (args, users, page) => {
    const outcome = await (await seeded()).cli(["list", ...args, siteId])
    expect(outcome).toMatchObject({ code: 0, stderr: "" })
    expect(JSON.parse(outcome.stdout)).toEqual({ users, count: users.length, total: 3, ...page })
  })

  it("comes out whole where it is more than a pipe takes at once", async () => {
    const store = fresh()
    const long = "x".repeat(250)
    const fields = Object.fromEntries(Array.from({ length: 60 }, (_, at) => [`field-${at}`, long]))
    const users = Array.from({ length: 100 }, (_, at) => ({ data: { email: `m${at}@example.com`, ...fields } }))
    writeFileSync(join(store.cwd, "users.json"), JSON.stringify(users))
    await store.cli(["import", "users.json", "--site", siteId])
    const { code, stdout } = await store.cli(["list", siteId, "--limit", "100"])
    expect(code).toBe(0)
    expect(stdout.length).toBeGreaterThan(1_500_000)
    expect(JSON.parse(stdout)).toMatchObject({ count: 100 })
  })

  it.each([
    [["--limit", "many"], "--limit"],
    [["--sort", "Name"], "--sort"],
    [["--sort", "-Name"], "--sort"],
    [["--sort"], "--sort"],
  ])("refuses %j", async (args, named) => {
    const outcome = await (await seeded()).cli(["list", siteId, ...args])
    expect(outcome.code).toBe(2)
    expect(errorIn(outcome)).toMatchObject({ tag: "Usage", message: expect.stringContaining(named) })
    expect(errorIn(outcome)["message"]).not.toContain("Unrecognized")
  })

  it.each([
    [["--limit", "0"], "limit"],
    [["--limit", "101"], "limit"],
    [["--offset=-1"], "offset"],
  ])("refuses %j, as the wire does", async (args, param) => {
    const outcome = await (await seeded()).cli(["list", siteId, ...args])
    expect(outcome.code).toBe(2)
    expect(errorIn(outcome)).toMatchObject({ tag: "InvalidPatch", details: [{ param }] })
  })

  it("of a site that is not there", async () => {
    const outcome = await (await seeded()).cli(["list", otherSiteId])
    expect(outcome.code).toBe(6)
    expect(errorIn(outcome)).toEqual({
      tag: "SiteNotFound",
      code: "resource_not_found",
      status: 404,
      message: "Requested resource not found: The site cannot be found",
      details: [],
      nextStep: expect.stringContaining("--store"),
    })
  })
})

const total = async (store: ReturnType<typeof fresh>, args: ReadonlyArray<string>, env: Options["env"] = {}) => {
  const { stdout } = await store.cli(["list", siteId, ...args], { env })
  return stdout === "" ? undefined : JSON.parse(stdout).total
}

describe("the store", { concurrent: true }, () => {
  it("is the one of --store, then of WEBFLOW_USERS_STORE, then webflow-users.db in the folder", async () => {
    const store = fresh()
    const importInto = async (count: number, args: ReadonlyArray<string>, WEBFLOW_USERS_STORE: string) => {
      const users = [ada, bo, cy].slice(0, count)
      writeFileSync(join(store.cwd, "users.json"), JSON.stringify({ users }))
      await store.cli([...args, "import", "users.json", "--site", siteId], { env: { WEBFLOW_USERS_STORE } })
    }
    await importInto(1, ["--store", "file:./one.db"], "file:two.db")
    await importInto(2, [], "file:two.db")
    await importInto(3, [], "")
    expect(await total(store, ["--store=file:./one.db"], { WEBFLOW_USERS_STORE: "file:two.db" })).toBe(1)
    expect(await total(store, [], { WEBFLOW_USERS_STORE: `file:${join(store.cwd, "two.db")}` })).toBe(2)
    expect(await total(store, ["--store", "file:./webflow-users.db"])).toBe(3)
    expect(await total(store, ["--store", "memory:"])).toBeUndefined()
  })
})

const updated = async () => {
  const store = await seeded()
  await store.cli([
    "update",
    siteId,
    ada.id,
    "--data",
    '{"data":{"name":"Countess","town":"London"},"accessGroups":[]}',
  ])
  await store.cli(["update", siteId, ada.id, "--data", "{}"])
  return store
}

describe("history", { concurrent: true }, () => {
  it.each([[ada.id], ["ada@example.com"]])("of %s", async (user) => {
    const outcome = await (await updated()).cli(["history", siteId, user])
    expect(outcome).toMatchObject({ code: 0, stderr: "" })
    const entry = { at: expect.stringMatching(/Z$/), actor: "cli", label: null, address: null }
    expect(JSON.parse(outcome.stdout)).toEqual({
      history: [
        { ...entry, changes: [] },
        {
          ...entry,
          changes: expect.arrayContaining([
            { field: "name", before: "Ada", after: "Countess" },
            { field: "town", before: null, after: "London" },
            { field: "accessGroups", before: ["webflowers", "course"], after: ["course"] },
          ]),
        },
      ],
      count: 2,
      limit: 10,
      offset: 0,
      total: 2,
    })
  })

  it("in parts", async () => {
    const outcome = await (await updated()).cli(["history", siteId, ada.id, "--offset", "1", "--limit", "1"])
    expect(JSON.parse(outcome.stdout)).toMatchObject({ count: 1, offset: 1, limit: 1, total: 2 })
  })

  it("of who was never changed", async () => {
    const outcome = await (await seeded()).cli(["history", siteId, bo.id])
    expect(JSON.parse(outcome.stdout)).toMatchObject({ history: [], total: 0 })
  })

  it.each([
    [[siteId, "nobody@example.com"], 6, "UserNotFound"],
    [[otherSiteId, ada.id], 6, "SiteNotFound"],
    [[siteId, ada.id, "--limit", "101"], 2, "InvalidPatch"],
    [[siteId, ada.id, "--store", "https://users.example.com/v2"], 2, "UnusableAddress"],
  ])("refuses %j", async (args, code, tag) => {
    const outcome = await (await seeded()).cli(["history", ...args])
    expect(outcome.code).toBe(code)
    expect(errorIn(outcome)).toMatchObject({ tag })
  })
})
