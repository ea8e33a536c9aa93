/** Sites from one store into another, by the built command line. */
import { existsSync } from "node:fs"
import { DatabaseSync } from "node:sqlite"
import { Effect, Exit, Scope } from "effect"
import { afterAll, describe, expect, it } from "vitest"
import { database } from "../../../test/postgres.ts"
import { counts, dee, furnished } from "./archive.ts"
import { jsonLines } from "./bulk.ts"
import { ada, cli, errorIn, fresh, otherSiteId, siteId } from "./run.ts"

const scope = Effect.runSync(Scope.make())
afterAll(() => Effect.runPromise(Scope.close(scope, Exit.void)))
const postgres = () => Effect.runPromise(Scope.provide(database(), scope))

const file = async (): Promise<string> => `file:${fresh().path}`

const archiveOf = async (address: string, site: string) => {
  const { stdout, code } = await cli(["export", "--site", site, "--store", address])
  expect(code).toBe(0)
  return stdout
}

const copied = (site: string, of: object) => ({
  siteId: site,
  ...of,
  sha256: expect.any(String),
  copied: true,
  since: null,
})

describe("copy", { concurrent: true }, () => {
  it.each([
    ["PostgreSQL", postgres],
    ["a file", file],
  ])("takes all sites to %s and back, verified", async (_, make) => {
    const store = await furnished()
    const [from, there, back] = [`file:${store.path}`, await make(), await file()]
    const outcome = await cli(["copy", "--from", from, "--to", there])
    expect(outcome).toMatchObject({ code: 0, stderr: "" })
    expect(jsonLines(outcome.stdout)).toEqual([
      copied(siteId, counts),
      copied(otherSiteId, { accessGroups: 2, users: 1, events: 0 }),
    ])
    expect(await cli(["copy", "--from", there, "--to", back])).toMatchObject({ code: 0, stdout: outcome.stdout })
    for (const [index, site] of [siteId, otherSiteId].entries()) {
      const archived = await archiveOf(from, site)
      expect(await archiveOf(there, site)).toBe(archived)
      expect(await archiveOf(back, site)).toBe(archived)
      expect(archived).toContain(String(jsonLines(outcome.stdout)[index]?.["sha256"]))
    }
    expect(outcome.stdout + outcome.stderr).not.toContain("hunter2")

    // Once more there is nothing to do.
    const again = await cli(["copy", "--from", from, "--to", there])
    expect(again.code).toBe(0)
    expect(jsonLines(again.stdout)).toEqual([
      { siteId, copied: false },
      { siteId: otherSiteId, copied: false },
    ])
  })

  it("takes one site, where others are already, and copies nothing where one is there otherwise", async () => {
    const store = await furnished()
    const target = fresh()
    const [from, to] = [`file:${store.path}`, `file:${target.path}`]
    const one = await cli(["copy", "--from", from, "--to", to, "--site", otherSiteId])
    expect(jsonLines(one.stdout)).toEqual([copied(otherSiteId, { accessGroups: 2, users: 1, events: 0 })])
    expect(target.users()).toMatchObject([dee])
    await target.cli(["update", otherSiteId, dee.id, "--name", "Changed"])
    const refused = await cli(["copy", "--from", from, "--to", to])
    expect(refused.code).toBe(2)
    expect(errorIn(refused)).toMatchObject({ tag: "SiteOccupied", message: expect.stringContaining(otherSiteId) })
    expect(target.query("SELECT id FROM sites")).toEqual([{ id: otherSiteId }])
  })

  it("takes tokens along when it is asked to, and then they are good there", async () => {
    const store = await furnished()
    const target = fresh()
    const [from, to] = [`file:${store.path}`, `file:${target.path}`]
    const kinds = [
      ["--site", siteId, "--scope", "users:read", "--rate", "60", "--label", "Größe", "--expires", "90 days"],
      ["--site", siteId, "--scope", "users:write", "--scope", "users:read", "--field", "name", "--no-groups"],
      ["--site", otherSiteId, "--scope", "users:read"],
      ["--all-sites", "--scope", "users:read"],
    ]
    const created = []
    for (const kind of kinds) created.push(await store.cli(["token", "create", ...kind]))
    expect(created.map(({ code, stderr }) => ({ code, stderr }))).toEqual(kinds.map(() => ({ code: 0, stderr: "" })))
    const [first] = jsonLines(created[0]?.stdout ?? "")
    expect(await store.cli(["token", "rotate", String(first?.["id"])])).toMatchObject({ code: 0 })
    const tokens = (at: typeof store) => at.query("SELECT * FROM access_tokens ORDER BY id")
    expect(await cli(["copy", "--from", from, "--to", to])).toMatchObject({ code: 0 })
    expect(tokens(target)).toEqual([])
    const some = await cli(["copy", "--from", from, "--to", to, "--tokens", "--site", siteId])
    expect(jsonLines(some.stdout)).toEqual([{ siteId, copied: false }, { tokens: { copied: 2, existing: 0 } }])
    expect(tokens(target).map((token) => token["site_id"])).toEqual([siteId, siteId])
    const all = await cli(["copy", "--from", from, "--to", to, "--tokens"])
    expect(jsonLines(all.stdout).at(-1)).toEqual({ tokens: { copied: 2, existing: 2 } })
    expect(tokens(target)).toHaveLength(4)
    expect(tokens(target)).toEqual(tokens(store))
  })

  it("of what reads otherwise there fails", async () => {
    const store = await furnished()
    const target = fresh()
    // Gives the store its tables.
    expect(await target.cli(["token", "list"])).toMatchObject({ code: 0 })
    const other = new DatabaseSync(target.path)
    other.exec(`CREATE TRIGGER careless AFTER INSERT ON users BEGIN
      UPDATE users SET document = replace(document, 'Tea', 'Toa') WHERE id = NEW.id; END`)
    other.close()
    const outcome = await cli(["copy", "--from", `file:${store.path}`, "--to", `file:${target.path}`, "--site", siteId])
    expect(outcome.code).toBe(1)
    expect(errorIn(outcome)).toMatchObject({ tag: "CopyDiffers", nextStep: expect.stringContaining("empty") })
  })

  it("of nothing says so", async () => {
    const store = fresh()
    const nothing = await cli(["copy", "--from", `file:${store.path}`, "--to", await file()])
    const missing = errorIn(nothing)
    expect(missing).toMatchObject({
      tag: "UnusableAddress",
      message: expect.stringContaining("a file that is not there"),
    })
    expect(missing["nextStep"]).toBe(undefined)
    expect(existsSync(store.path)).toBe(false)
    const empty = errorIn(await cli(["copy", "--from", await postgres(), "--to", await file()]))
    expect(empty).toMatchObject({ tag: "UnusableAddress", message: expect.stringContaining("no sites") })
    expect(empty["nextStep"]).toBe(undefined)
    const full = await furnished()
    const args = ["copy", "--from", `file:${full.path}`, "--to", await file(), "--site"]
    expect(errorIn(await cli([...args, "0".repeat(24)]))).toMatchObject({ tag: "SiteNotFound" })
    expect(errorIn(await cli([...args, "0"]))).toMatchObject({ tag: "InvalidId" })
    expect(full.user(ada.id).data["drink"]).toBe("Coffee")
  })
})
