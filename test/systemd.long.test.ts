/** The systemd unit, judged by systemd's own tools, and what the proxy does held against what the unit lets it do. */
import { execFile, spawn } from "node:child_process"
import { once } from "node:events"
import { copyFileSync, cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { promisify } from "node:util"
import { Effect, Exit, Scope } from "effect"
import { afterAll, beforeAll, describe, expect, it } from "vitest"
import { root } from "../scripts/checkout.mjs"
import { database } from "./postgres.ts"

const run = promisify(execFile)
const unit = readFileSync(join(root, "deploy/webflow-users.service"), "utf8")
const proxy = [process.execPath, join(root, "apps/http-proxy/dist/main.js")]

const setting = (name: string) => [...unit.matchAll(new RegExp(`^${name}=(.*)$`, "gm"))].map(([, value = ""]) => value)

let folder: string
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "webflow-users-systemd-"))
})
afterAll(() => rmSync(folder, { recursive: true }))

describe("systemd", () => {
  let file: string
  beforeAll(() => {
    file = join(folder, "webflow-users.service")
    const [program = ""] = setting("ExecStart")
    writeFileSync(file, unit.replace(program, proxy.join(" ")))
  })

  it("has nothing against the unit", async () => {
    // What it does not know it tells, and passes over.
    expect(await run("systemd-analyze", ["verify", file])).toEqual({ stdout: "", stderr: "" })
  })

  it("takes it for several processes too, each on the port it is named after", async () => {
    const [template = "", instance = ""] = ["", "8788"].map((port) => join(folder, `webflow-users@${port}.service`))
    copyFileSync(file, template)
    cpSync(join(root, "deploy/webflow-users@.service.d"), `${template}.d`, { recursive: true })
    expect(await run("systemd-analyze", ["verify", instance])).toEqual({ stdout: "", stderr: "" })
  })

  it("finds it well shut", async () => {
    const levels = ["security", "--offline=true", "--no-pager", "--threshold=15", file]
    expect((await run("systemd-analyze", levels)).stdout).toMatch(/exposure level .*: 1\.\d OK/)
  })

  it("gives a stop the time it takes", () => {
    expect(Number(setting("TimeoutStopSec")[0])).toBeGreaterThan(25)
  })
})

/** The names of the system calls in systemd's sets, those of sets within them too. */
const systemCalls = async () => {
  const { stdout } = await run("systemd-analyze", ["syscall-filter", "--no-pager"])
  const sets = new Map(
    stdout.split(/\n(?=@)/).map((text) => {
      const [name = "", ...lines] = text.split("\n").map((line) => line.replace(/#.*/, "").trim())
      return [name, lines.filter((line) => line !== "")]
    }),
  )
  const expand = (name: string): ReadonlyArray<string> =>
    name.startsWith("@") ? (sets.get(name) ?? []).flatMap(expand) : [name]
  return (words: string) => words.split(" ").flatMap(expand)
}

/** What the filter lets through. */
const allowed = async () => {
  const expand = await systemCalls()
  const calls = new Set<string>()
  for (const line of setting("SystemCallFilter")) {
    const names = expand(line.replace(/^~/, ""))
    expect(names.length).toBeGreaterThan(0)
    for (const name of names) {
      if (line.startsWith("~")) calls.delete(name)
      else calls.add(name)
    }
  }
  return calls
}

/** Starts the proxy on a store, asks it something that it has to look up, stops it, and gives every system call it made. */
const traced = async (store: string) => {
  const trace = join(folder, `${store.split(":")[0]}.trace`)
  const env = { PORT: "0", WEBFLOW_USERS_STORE: store }
  const child = spawn("strace", ["-f", "-qq", "-o", trace, ...proxy], {
    env,
    cwd: folder,
    stdio: ["ignore", "pipe", "pipe"],
  })
  let said = ""
  const origin = await new Promise<string>((resolve, reject) => {
    const read = (chunk: Buffer) => {
      said += String(chunk)
      const [, address] = /listens on (http:\S+),/.exec(said) ?? []
      if (address !== undefined) resolve(address)
    }
    child.stdout.on("data", read)
    child.stderr.on("data", read)
    child.once("close", (code) => reject(new Error(`It ended with ${code}: ${said}`)))
  })
  const path = "/v2/sites/580e63e98c9a982ac9b8b741/users/6287ec36a841b25637c663df"
  const answer = await fetch(`${origin}${path}`, { headers: { authorization: "Bearer nobody's" } })
  expect(answer.status).toBe(401)
  // strace passes no signal on; the first process that it tells of is the proxy.
  const [proxyId] = /^\d+/.exec(readFileSync(trace, "utf8")) ?? []
  process.kill(Number(proxyId), "SIGTERM")
  await once(child, "close")
  expect(child.exitCode).toBe(0)
  const lines = readFileSync(trace, "utf8").split("\n")
  return lines.flatMap((line) => {
    const [, name = "", rest = ""] = /^\d+ +(\w+)\((.*)/.exec(line) ?? []
    return name === "" ? [] : [{ name, said: rest }]
  })
}

describe("the proxy under the unit", () => {
  const scope = Scope.makeUnsafe()
  afterAll(() => Effect.runPromise(Scope.close(scope, Exit.void)))
  /** Of a file that root opens SQLite sees to it that it belongs to whom the folder does. The unit's user is not root. */
  const roots = new Set(process.getuid?.() === 0 ? ["fchown"] : [])

  it.each([
    ["a file", async () => `file:${folder}/state.db`],
    ["PostgreSQL", () => Effect.runPromise(Scope.provide(database(), scope))],
  ])("on %s gets along with what it may", { timeout: 60_000 }, async (_, store) => {
    const calls = await traced(await store())
    expect(calls.length).toBeGreaterThan(1000)
    const filter = await allowed()
    expect([...new Set(calls.map(({ name }) => name))].filter((name) => !filter.has(name) && !roots.has(name))).toEqual(
      [],
    )

    const families = setting("RestrictAddressFamilies").join(" ").split(" ")
    const asked = calls.filter(({ name }) => name === "socket").map(({ said }) => /^\w+/.exec(said)?.[0])
    expect(asked.length).toBeGreaterThan(0)
    expect(asked.filter((family) => !families.includes(family ?? ""))).toEqual([])

    // Only in the folder of its state, which is the one that stays writable.
    const writes = calls.filter(
      ({ name, said }) =>
        /^(mkdir|rename|unlink|link|symlink|chmod|truncate)/.test(name) ||
        (name.startsWith("open") && /O_(WRONLY|RDWR|CREAT)/.test(said)),
    )
    const elsewhere = writes
      .map(({ said }) => /"([^"]*)"/.exec(said)?.[1] ?? "")
      .filter((path) => !path.startsWith(folder))
    expect(elsewhere).toEqual([])
  })
})
