/** What a command loads before it does what it is for: counts that are the same on every machine, where times are not. */
import { readdirSync, readFileSync, statSync, writeFileSync } from "node:fs"
import { basename, join } from "node:path"
import { fileURLToPath } from "node:url"
import { describe, expect, it } from "vitest"
import { ada, cli, newFolder, seeded, siteId } from "./run.ts"
import { serveUsers } from "./server.ts"

const hook = new URL("what-is-loaded.mjs", import.meta.url).href

/** Runs a command, and tells what it has loaded. */
const loadedBy = async (args: ReadonlyArray<string>) => {
  const report = join(newFolder(), "loaded.json")
  const { code, stderr } = await cli(args, { env: { NODE_OPTIONS: `--import=${hook}`, LOADED: report } })
  expect({ code, stderr }).toStrictEqual({ code: 0, stderr: "" })
  const { files, builtins } = JSON.parse(readFileSync(report, "utf8")) as Record<"files" | "builtins", Array<string>>
  const paths = files.map((url) => fileURLToPath(url))
  return {
    chunks: paths.map((path) => basename(path).replace(/-[\w-]{8}\.js$/, "")),
    kilobytes: Math.ceil(paths.reduce((sum, path) => sum + statSync(path).size, 0) / 1000),
    has: (builtin: string) => builtins.includes(`NativeModule ${builtin}`),
  }
}

const change = ["update", siteId, ada.id, "--name", "Ada"]

describe("what is loaded", () => {
  it("for the version: nothing but the file that is called", async () => {
    const { chunks, kilobytes, has } = await loadedBy(["--version"])
    expect(chunks).toStrictEqual(["main.js"])
    expect(kilobytes).toBeLessThanOrEqual(1)
    expect(["http", "sqlite", "internal/deps/undici/undici"].filter(has)).toStrictEqual([])
  })

  it("for the help: no command, and no file system, stream or question", async () => {
    const { chunks, kilobytes, has } = await loadedBy(["--help"])
    expect(chunks).toStrictEqual(["main.js", "program"])
    expect(kilobytes).toBeLessThanOrEqual(182)
    expect(["http", "sqlite", "internal/deps/undici/undici"].filter(has)).toStrictEqual([])
  })

  it("for one update of another server's user: Node's own client, no database, and neither undici", async () => {
    await using server = await serveUsers([ada])
    const { chunks, kilobytes, has } = await loadedBy([...change, "--store", server.address])
    expect(chunks).toStrictEqual(["main.js", "program", "update", "NodeHttp"])
    expect(kilobytes).toBeLessThanOrEqual(192)
    expect(["http", "sqlite", "internal/deps/undici/undici"].filter(has)).toStrictEqual(["http"])
  })

  it("for one update in a store of one's own: SQLite, and nothing that asks a server", async () => {
    const { path } = await seeded()
    const { chunks, kilobytes, has } = await loadedBy([...change, "--store", `file:${path}`])
    expect(chunks).toStrictEqual(["main.js", "program", "update", "sql", "later"])
    expect(kilobytes).toBeLessThanOrEqual(366)
    expect(["http", "sqlite", "internal/deps/undici/undici"].filter(has)).toStrictEqual(["sqlite"])
  })
})

describe("what was compiled", () => {
  it("is kept in the home of who calls", async () => {
    const home = newFolder()
    expect(await cli(["--help"], { env: { HOME: home } })).toMatchObject({ code: 0, stderr: "" })
    const [version = ""] = readdirSync(join(home, ".cache", "webflow-users"))
    expect(readdirSync(join(home, ".cache", "webflow-users", version))).not.toStrictEqual([])
  })

  it("is done without where there is no such home, and where nobody wants it", async () => {
    const { stdout } = await cli(["--help"])
    const home = newFolder()
    writeFileSync(join(home, "file"), "")
    for (const env of [{ HOME: join(home, "file") }, { HOME: home, NODE_DISABLE_COMPILE_CACHE: "1" }]) {
      expect(await cli(["--help"], { env })).toStrictEqual({ code: 0, stdout, stderr: "" })
    }
    expect(readdirSync(home)).toStrictEqual(["file"])
  })
})
