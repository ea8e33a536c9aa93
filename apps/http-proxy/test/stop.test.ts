/** The built proxy as a process: how it starts, how it ends, and what it tells who started it wrongly. */
import { once } from "node:events"
import { existsSync } from "node:fs"
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises"
import { type AddressInfo, createServer } from "node:net"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { parseSiteId, type SiteId, type User, UserEvents, UserId, UserStore } from "@webflow-users/core"
import { afterAll, beforeAll, describe, expect, it } from "vitest"
import { open } from "./proxy.ts"
import { dial, request } from "./raw.ts"
import * as Spawned from "./spawned.ts"

const siteId = parseSiteId("580e63e98c9a982ac9b8b741") as SiteId
const users = Array.from({ length: 12 }, (_, index): User => ({
  id: UserId.make(`6287ec36a841b25637c6${(0x5000 + index).toString(16)}`),
  lastUpdated: "2024-05-20T13:46:12.093Z",
  accessGroups: [],
  data: { name: `Member ${index}`, email: `member${index}@example.com` },
}))

let folder: string
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "webflow-users-stop-"))
})
afterAll(() => rm(folder, { recursive: true }))

describe.each(["SIGTERM", "SIGINT"] as const)("at %s", (signal) => {
  it("answers what it accepted, keeps what it answered, begins nothing else, and ends with 0", async () => {
    const store = `file:${folder}/${signal}.db`
    await using before = open(store)
    await before.add({ id: siteId, users })
    const token = await before.token(siteId)
    await using proxy = await Spawned.start(store)

    /** Says when so many updates have been acknowledged that the stop falls among them. */
    const enough = Promise.withResolvers<void>()
    let acknowledged = 0
    /** Updates one user over one connection, `ahead` requests at a time, until the connection is closed. */
    const call = async ({ id }: User, ahead: number): Promise<ReadonlyArray<unknown>> => {
      using connection = await dial(proxy.origin)
      const names: Array<unknown> = []
      const update = (name: string) =>
        request(
          `PATCH /v2/sites/${siteId}/users/${id}`,
          [`Authorization: Bearer ${token}`, "Content-Type: application/json"],
          JSON.stringify({ data: { name } }),
        )
      for (let round = 0; ; round += 1) {
        connection.send(Array.from({ length: ahead }, (_, index) => update(`${round}, ${index}`)).join(""))
        for (let index = 0; index < ahead; index += 1) {
          const answer = await connection.next()
          if (answer === undefined) return names
          expect(answer.status).toBe(200)
          names.push((JSON.parse(answer.body) as User).data.name)
          acknowledged += 1
          if (acknowledged === 500) enough.resolve()
        }
      }
    }
    const calls = Promise.all(users.map((user, index) => call(user, index % 2 === 0 ? 1 : 5)))
    await Promise.race([enough.promise, calls])
    const ended = await proxy.end(signal)
    const answered = await calls
    expect(ended).toMatchObject({ code: 0, signal: null, stderr: "" })
    expect(acknowledged).toBeGreaterThanOrEqual(500)

    await using after = open(store)
    for (const [index, { id }] of users.entries()) {
      const events = await after.run(UserEvents.use((service) => service.ofUser(siteId, id)))
      expect(events.map((event) => event.after.data.name)).toEqual(answered[index])
      const user = await after.run(UserStore.UserStore.use((service) => service.get(siteId, id)))
      expect(user).toEqual(events.at(-1)?.after)
    }
  })

  it("ends with 0 where nobody has asked anything", async () => {
    await using proxy = await Spawned.start("memory:")
    using connection = await dial(proxy.origin)
    expect(await proxy.end(signal)).toMatchObject({ code: 0, signal: null, stderr: "" })
    await connection.closed
  })
})

describe("that cannot listen or has no store", () => {
  it("says in one line that the port is taken, and ends with 1", async () => {
    const other = createServer().listen(0, "127.0.0.1")
    await once(other, "listening")
    const { port } = other.address() as AddressInfo
    const ended = await Spawned.run({ env: { PORT: String(port), WEBFLOW_USERS_STORE: "memory:" } })
    other.close()
    expect(ended).toEqual({
      code: 1,
      signal: null,
      stdout: "",
      stderr: `Cannot listen on 127.0.0.1:${port}: listen EADDRINUSE: address already in use 127.0.0.1:${port}\n`,
    })
  })

  it("says in one line that the address is not this machine's, and ends with 1", async () => {
    // An address that is set aside for documentation is nobody's.
    const ended = await Spawned.run({ env: { HOST: "192.0.2.1", PORT: "0", WEBFLOW_USERS_STORE: "memory:" } })
    expect(ended).toMatchObject({ code: 1, signal: null, stdout: "" })
    expect(ended.stderr).toMatch(/^Cannot listen on 192\.0\.2\.1:0: .*EADDRNOTAVAIL.*\n$/)
  })

  it.each([
    ["a scheme nobody knows", () => "nope:secret", "No store answers to nope:. Use one like file:./users.db"],
    ["no scheme", () => "users.db", "A store's address starts with its scheme. Use one like file:./users.db"],
    [
      "a server of somebody else",
      () => "http://user:secret@localhost/v2",
      "The server's address holds a user name or a password",
    ],
    ["a folder that is not there", () => `file:${folder}/nowhere/users.db`, "The store cannot be opened: "],
    ["a file that is no database", () => `file:${folder}/notes.txt`, "The store cannot be opened: "],
  ])("says in one line what is wrong with %s, and ends with 2", async (_, address, message) => {
    await writeFile(join(folder, "notes.txt"), "Not a database, and long enough to be none. ".repeat(100))
    const ended = await Spawned.run({ env: { PORT: "0", WEBFLOW_USERS_STORE: address() } })
    expect(ended).toMatchObject({ code: 2, signal: null, stdout: "" })
    expect(ended.stderr.startsWith(message)).toBe(true)
    expect(ended.stderr.indexOf("\n")).toBe(ended.stderr.length - 1)
    expect(ended.stderr).not.toContain("secret")
  })
})

describe("a store that is away", () => {
  it("ends the start with 1: it can be there the next time", async () => {
    const ended = await Spawned.run({ env: { WEBFLOW_USERS_STORE: "postgres://someone:secret@127.0.0.1:1/users" } })
    expect(ended).toMatchObject({ code: 1, signal: null, stdout: "" })
    expect(ended.stderr).toMatch(/^The store cannot be opened: connect ECONNREFUSED 127\.0\.0\.1:1\. [^\n]+\n$/)
  })
})

describe("called wrongly", () => {
  it.each([
    ["a flag nobody knows", ["--bogus"], {}, "Unrecognized flag: --bogus"],
    ["an argument too many", ["users.db"], {}, 'Unexpected positional argument: "users.db"'],
    ["a flag without its value", ["--port"], {}, "Missing value for flag --port"],
    [
      "a port that is no number",
      [],
      { PORT: "abc" },
      '"abc". Expected: a whole number from 0 to 65535 (--port or PORT)',
    ],
    [
      "a port that is none",
      [],
      { PORT: "70000" },
      '"70000". Expected: a whole number from 0 to 65535 (--port or PORT)',
    ],
    ["a negative port", ["--port=-1"], {}, '"-1". Expected: a whole number from 0 to 65535 (--port or PORT)'],
    ["half a port", [], { PORT: "80.5" }, '"80.5". Expected: a whole number from 0 to 65535 (--port or PORT)'],
    ["no host", ["--host", " "], {}, "Expected: an address, such as 127.0.0.1"],
  ])("with %s it says so and how to call it, on standard error, and ends with 2", async (_, args, env, message) => {
    const ended = await Spawned.run({ args, env: { WEBFLOW_USERS_STORE: "memory:", ...env } })
    expect(ended).toMatchObject({ code: 2, signal: null, stdout: "" })
    expect(ended.stderr).toContain(message)
    expect(ended.stderr).toContain("--help tells every setting")
  })
})

describe("asked", () => {
  it("for help, lists every variable with its default", async () => {
    const { code, stdout, stderr } = await Spawned.run({ args: ["--help"] })
    expect({ code, stderr }).toEqual({ code: 0, stderr: "" })
    const lineOf = (flag: string) => stdout.split("\n").find((line) => line.trimStart().startsWith(flag))
    expect(lineOf("--store")).toMatch(/WEBFLOW_USERS_STORE, default file:\.\/webflow-users\.db$/)
    expect(lineOf("--host")).toMatch(/HOST, default 127\.0\.0\.1$/)
    expect(lineOf("--port")).toMatch(/PORT, default 8787$/)
    expect(lineOf("--data-nesting")).toContain("WEBFLOW_USERS_DATA_NESTING, default flat")
    expect(lineOf("--email-and-password")).toContain("WEBFLOW_USERS_EMAIL_AND_PASSWORD, default refuse")
    expect(lineOf("--ecommerce-groups")).toContain("WEBFLOW_USERS_ECOMMERCE_GROUPS, default keep")
    expect(lineOf("--faults")).toMatch(/WEBFLOW_USERS_FAULTS, default false$/)
  })

  it("for its version, says the package's", async () => {
    const manifest = JSON.parse(await readFile(new URL("../package.json", import.meta.url), "utf8")) as {
      readonly version: string
    }
    const { code, stdout } = await Spawned.run({ args: ["--version"] })
    expect({ code, stdout }).toEqual({ code: 0, stdout: `webflow-users-proxy v${manifest.version}\n` })
  })
})

describe("told where", () => {
  it("takes a flag before a variable, and an empty variable for none", async () => {
    const args = ["--store", "memory:", "--port", "0"]
    await using proxy = await Spawned.start("nope:", { args, env: { PORT: "70000", HOST: "" } })
    const { stdout } = await proxy.end("SIGTERM")
    expect(stdout).toMatch(/^webflow-users-proxy listens on http:\/\/127\.0\.0\.1:\d+, store memory:\n$/)
  })

  it("nothing, keeps its store in the folder it was started in", async () => {
    const cwd = await mkdtemp(join(folder, "cwd-"))
    await using proxy = await Spawned.start("", { cwd })
    expect((await fetch(`${proxy.origin}/health`)).status).toBe(200)
    await proxy.end("SIGTERM")
    expect(existsSync(join(cwd, "webflow-users.db"))).toBe(true)
  })
})
