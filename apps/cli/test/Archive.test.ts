/** Whole sites out of a store and into another, by the built command line. */
import { existsSync, mkdirSync, readdirSync, readFileSync, statSync, symlinkSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { gzipSync, gunzipSync } from "node:zlib"
import { describe, expect, it } from "vitest"
import { counts, furnished, readArchive, writeLarge } from "./archive.ts"
import { resultOf } from "./bulk.ts"
import { ada, cli, errorIn, fresh, otherSiteId, seeded, siteId } from "./run.ts"
import { hasTerminal, show } from "./terminal.ts"

const exportSite = ["export", "--site", siteId]

const archived = async () => {
  const store = await furnished()
  return (await store.cli(exportSite)).stdout
}

describe("export and import", { concurrent: true }, () => {
  it("restore a site, byte by byte", async () => {
    const store = await furnished()
    const target = fresh()
    const file = join(target.cwd, "site.jsonl")
    const exported = await store.cli([...exportSite, "--output", file])
    expect(exported).toMatchObject({ code: 0, stderr: "" })
    const { text, sha256 } = readArchive(file)
    expect(resultOf(exported)).toEqual({ siteId, ...counts, sha256, file })
    expect(statSync(file).mode & 0o777).toBe(0o600)
    expect(text).not.toContain(otherSiteId)
    expect(text).toContain('"name":"Ada 名前 😀"')

    // To standard output goes the archive and nothing else.
    const piped = await store.cli(exportSite)
    expect(piped).toMatchObject({ code: 0, stdout: text, stderr: expect.stringContaining(sha256) })
    expect(await store.cli([...exportSite, "--json"])).toEqual({ code: 0, stdout: text, stderr: "" })

    const imported = await target.cli(["import", "site.jsonl"])
    expect(imported).toMatchObject({ code: 0, stderr: "" })
    expect(resultOf(imported)).toEqual({ siteId, ...counts, sha256 })
    expect((await target.cli(exportSite)).stdout).toBe(text)
    // What comes from an archive is in no chain of events; how it is found is no affair of who restores it.
    const columns = "id, email, status, created_on, last_login, updated_on, document"
    expect(target.query(`SELECT ${columns} FROM users ORDER BY id`)).toEqual(
      store.query(`SELECT ${columns} FROM users WHERE site_id = ? ORDER BY id`, siteId),
    )
    // Who was restored can be updated, and is held to what was declared.
    expect(await target.cli(["update", siteId, ada.id, "--field", "shoe=42"])).toMatchObject({ code: 2 })
    expect(await target.cli(["update", siteId, ada.id, "--field", "drink=Tea"])).toMatchObject({ code: 0 })
  })

  it("go through pipes", async () => {
    const store = await furnished()
    const target = fresh()
    const { stdout } = await store.cli(exportSite)
    const input = gunzipSync(gzipSync(stdout))
    expect(await target.cli(["import", "-", "--site", siteId.toUpperCase()], { input })).toMatchObject({ code: 0 })
    expect((await target.cli(exportSite)).stdout).toBe(stdout)
  })

  it("have no tokens in them", async () => {
    const store = await furnished()
    const created = await store.cli(["token", "create", "--site", siteId, "--scope", "users:read"])
    const { id } = resultOf(created) as { id: string }
    expect((await store.cli(exportSite)).stdout).not.toContain(id)
  })
})

describe("export", { concurrent: true }, () => {
  it("replaces nothing unless it is told to", async () => {
    const store = await furnished()
    const file = join(store.cwd, "site.jsonl")
    writeFileSync(file, "precious")
    const refused = await store.cli([...exportSite, "--output", "site.jsonl"])
    expect(refused.code).toBe(2)
    expect(errorIn(refused)).toMatchObject({ tag: "OutputExists", message: expect.stringContaining("--force") })
    expect(readFileSync(file, "utf8")).toBe("precious")
    expect(await store.cli([...exportSite, "--output", "site.jsonl", "--force"])).toMatchObject({ code: 0 })
    expect(readArchive(file).text).toBe((await store.cli(exportSite)).stdout)
  })

  it("replaces what a link leads to, and no folder", async () => {
    const store = await furnished()
    mkdirSync(join(store.cwd, "elsewhere"))
    writeFileSync(join(store.cwd, "elsewhere/site.jsonl"), "old")
    symlinkSync("elsewhere/site.jsonl", join(store.cwd, "link"))
    expect(await store.cli([...exportSite, "--output", "link", "--force"])).toMatchObject({ code: 0 })
    expect(readArchive(join(store.cwd, "elsewhere/site.jsonl")).text).toBe((await store.cli(exportSite)).stdout)
    expect(readdirSync(join(store.cwd, "elsewhere"))).toEqual(["site.jsonl"])
    const refused = await store.cli([...exportSite, "--output", "elsewhere", "--force"])
    expect(errorIn(refused)).toMatchObject({ tag: "OutputExists", message: expect.stringContaining("no file") })
  })

  it("to where there is no folder, or of a site that is not there, leaves nothing", async () => {
    const store = await furnished()
    const nowhere = await store.cli([...exportSite, "--output", "missing/site.jsonl"])
    expect(nowhere.code).toBe(1)
    expect(errorIn(nowhere)).toMatchObject({ tag: "OutputUnwritable", message: expect.stringContaining("ENOENT") })
    const before = readdirSync(store.cwd)
    const nobody = await store.cli(["export", "--site", "0".repeat(24), "--output", "site.jsonl"])
    expect(nobody.code).toBe(6)
    expect(errorIn(nobody)).toMatchObject({ tag: "SiteNotFound" })
    expect(await store.cli(["export", "--site", "1"])).toMatchObject({ code: 2, stdout: "" })
    expect(readdirSync(store.cwd)).toEqual(before)
  })

  it("that is interrupted leaves nothing", async () => {
    const store = fresh()
    await writeLarge(join(store.cwd, "large.jsonl"), 4000)
    expect(await store.cli(["import", "large.jsonl"])).toMatchObject({ code: 0 })
    const before = readdirSync(store.cwd)
    const stopped = await store.cli([...exportSite, "--output", "site.jsonl"], {
      started: (child) => {
        const look = () => {
          if (child.exitCode !== null || child.signalCode !== null) return
          if (readdirSync(store.cwd).some((name) => name.endsWith(".part"))) child.kill("SIGINT")
          else setImmediate(look)
        }
        look()
      },
    })
    expect(stopped).toMatchObject({ code: 130, stdout: "" })
    expect(readdirSync(store.cwd)).toEqual(before)
  })

  it("ends with 1 where nobody reads it to its end", async () => {
    const store = fresh()
    await writeLarge(join(store.cwd, "large.jsonl"), 2000)
    expect(await store.cli(["import", "large.jsonl"])).toMatchObject({ code: 0 })
    const under = "mkfifo pipe; head -c 1 pipe >/dev/null & exec >pipe"
    const { code, stderr } = await store.cli(exportSite, { under })
    expect(code).toBe(1)
    expect(stderr).toContain("EPIPE")
    expect(stderr).not.toContain("disk")
  })

  it.each([
    ["https://me:hush@example.com/v2", "somebody else's server"],
    ["memory:", "keeps nothing"],
  ])("needs a store that keeps a record: %s", async (address, message) => {
    for (const args of [exportSite, ["copy", "--from", address, "--to", "file:./a.db"]]) {
      const outcome = await cli([...args, "--store", address])
      expect(outcome.code).toBe(2)
      expect(errorIn(outcome)).toMatchObject({ tag: "UnusableAddress", message: expect.stringContaining(message) })
      expect(outcome.stderr).not.toContain("hush")
    }
  })
})

describe("import of an archive", { concurrent: true }, () => {
  it("is refused where the site is already, and says what to do", async () => {
    const input = await archived()
    const store = await seeded()
    const refused = await store.cli(["import", "-"], { input })
    expect(refused.code).toBe(2)
    expect(errorIn(refused)).toMatchObject({
      tag: "SiteOccupied",
      code: "site_occupied",
      message: expect.stringMatching(/users: 3, access groups: 2, events: 0/),
      nextStep: expect.stringContaining("--store file:"),
    })
    expect(store.users()).toHaveLength(3)
  })

  it("does not open the store for what is damaged at its beginning", async () => {
    const input = (await archived()).replace('"version":1', '"version":2')
    const store = fresh()
    const refused = await store.cli(["import", "-"], { input })
    expect(refused.code).toBe(2)
    expect(errorIn(refused)).toMatchObject({ tag: "ArchiveDamaged", message: expect.stringContaining("version 2") })
    expect(existsSync(store.path)).toBe(false)
  })

  it("leaves the store without the site for what is damaged further on", async () => {
    const text = await archived()
    const store = fresh()
    for (const input of [text.slice(0, -1), text.replace("Coffee", "Toffee"), text.replace(/\n\{"user"[^\n]*/, "")]) {
      const refused = await store.cli(["import", "-"], { input })
      expect(refused.code).toBe(2)
      expect(errorIn(refused)).toMatchObject({ tag: "ArchiveDamaged", nextStep: expect.stringContaining("nothing") })
      expect(store.query("SELECT id FROM sites UNION ALL SELECT id FROM users")).toEqual([])
    }
    expect(await store.cli(["import", "-"], { input: text })).toMatchObject({ code: 0 })
  })

  it("is of the site that it says", async () => {
    const input = await archived()
    const other = await fresh().cli(["import", "-", "--site", otherSiteId], { input })
    expect(other.code).toBe(2)
    expect(errorIn(other)).toMatchObject({ tag: "ImportRefused", message: expect.stringContaining(siteId) })
    const skipping = await fresh().cli(["import", "-", "--skip-invalid"], { input })
    expect(errorIn(skipping)).toMatchObject({
      tag: "ImportRefused",
      message: expect.stringContaining("--skip-invalid"),
    })
  })

  it("is told from other files, whose site has to be said", async () => {
    for (const input of ["Email\na@example.com\n", '{"users":[]}', ""]) {
      const outcome = await fresh().cli(["import", "-"], { input })
      expect(outcome.code).toBe(2)
      expect(errorIn(outcome)).toMatchObject({ tag: "SiteRequired", message: expect.stringContaining("--site") })
    }
  })

  it("goes on with its updates as if nothing had been", async () => {
    const store = await furnished()
    const { stdout } = await store.cli(exportSite)
    const target = fresh()
    await target.cli(["import", "-"], { input: stdout })
    const history = ["history", siteId, ada.id]
    expect((await target.cli(history)).stdout).toBe((await store.cli(history)).stdout)
  })
})

describe("on a terminal", { skip: !hasTerminal }, () => {
  it("words and a bar", async () => {
    const store = await furnished()
    const exported = await show(store, [...exportSite, "--output", "site.jsonl"])
    expect(exported.code).toBe(0)
    const { sha256 } = readArchive(join(store.cwd, "site.jsonl"))
    expect(exported.lines.join("\n")).toContain("9 of 9 exported")
    expect(exported.lines.slice(-3)).toEqual([
      `Exported site ${siteId}: 3 users, 3 access groups, 2 events`,
      `  SHA-256 ${sha256}`,
      "  In site.jsonl",
    ])
    const path = join(store.cwd, "restored.db")
    const restored = await show({ cwd: store.cwd, path }, ["import", "site.jsonl"])
    expect(restored.lines.join("\n")).toMatch(/([\d,]+) of \1 bytes taken in/)
    expect(restored.lines.slice(-2)).toEqual([
      `Restored site ${siteId}: 3 users, 3 access groups, 2 events`,
      `  SHA-256 ${sha256}`,
    ])
    const copied = await show(store, ["copy", "--from", `file:${path}`, "--to", "file:./copied.db"])
    expect(copied.lines.slice(-3)).toEqual([
      `Copied site ${siteId}: 3 users, 3 access groups, 2 events`,
      `  SHA-256 ${sha256}`,
      "  Read again from both stores: the same",
    ])
  })
})
