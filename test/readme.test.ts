/** Examples of the README and of the packages' pages are run as they stand there; `npm start` is run by front-door.long.test.ts. */
import { type ChildProcess, spawn } from "node:child_process"
import { once } from "node:events"
import { chmod, mkdtemp, readFile, rm, symlink, writeFile } from "node:fs/promises"
import { tmpdir } from "node:os"
import { delimiter, join } from "node:path"
import { createInterface } from "node:readline"
import { DatabaseSync } from "node:sqlite"
import { text } from "node:stream/consumers"
import { afterAll, beforeAll, expect, it } from "vitest"
import { blocksOf, readPage, root } from "./markdown.ts"

const siteId = "580e63e98c9a982ac9b8b741"

/** The one block of a page that is of a language and has a text in it. */
const block = (page: string, language: string, containing: string): string => {
  const blocks = blocksOf(readPage(page)).filter(({ info, body }) => info[0] === language && body.includes(containing))
  expect(blocks).toHaveLength(1)
  return blocks[0]?.body ?? ""
}

let folder: string
let proxy: ChildProcess
let origin: string
let token: string

const run = async (command: string, args: ReadonlyArray<string>, env: Record<string, string> = {}) => {
  const child = spawn(command, args, {
    cwd: folder,
    env: { PATH: `${folder}${delimiter}${process.env["PATH"] ?? ""}`, ...env },
    stdio: ["ignore", "pipe", "pipe"],
  })
  const [stdout, stderr] = await Promise.all([text(child.stdout), text(child.stderr), once(child, "close")])
  expect(stderr).toBe("")
  expect(child.exitCode).toBe(0)
  return stdout
}

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "webflow-users-readme-"))
  // What an installed package would bring: the program on the PATH, the SDK among the modules.
  const program = join(folder, "webflow-users")
  await writeFile(program, `#!/bin/sh\nexec "${process.execPath}" "${root}apps/cli/dist/main.js" "$@"\n`)
  await chmod(program, 0o755)
  await symlink(join(root, "node_modules"), join(folder, "node_modules"))
  await writeFile(join(folder, "members.csv"), "Name,Email,Access Groups\nAda,ada@example.com,webflowers\n")

  const store = { WEBFLOW_USERS_STORE: `file:${folder}/sample.db` }
  await run("webflow-users", ["import", join(root, "examples/members.json"), "--site", siteId], store)
  const scopes = ["--scope", "users:read", "--scope", "users:write"]
  token = JSON.parse(
    await run("webflow-users", ["token", "create", "--site", siteId, ...scopes, "--json"], store),
  ).token
  proxy = spawn(process.execPath, [join(root, "apps/http-proxy/dist/main.js"), "--port", "0"], {
    env: { ...store, WEBFLOW_USERS_LOG_LEVEL: "warn" },
    stdio: ["ignore", "pipe", "inherit"],
  })
  for await (const line of createInterface({ input: proxy.stdout! })) {
    origin = /http:\/\/[\d.]+:\d+/.exec(line)?.[0] ?? ""
    if (origin !== "") break
  }
})

afterAll(async () => {
  proxy.kill("SIGTERM")
  if (proxy.exitCode === null) await once(proxy, "close")
  await rm(folder, { recursive: true })
})

/** The sample's address in the README is the default one; the test's proxy listens elsewhere. */
const here = (example: string) => example.replaceAll("http://127.0.0.1:8787", origin)

const runTypeScript = async (example: string) => {
  const file = join(folder, "example.ts")
  await writeFile(file, here(example))
  return run(process.execPath, ["--disable-warning=ExperimentalWarning", file], { WEBFLOW_USERS_TOKEN: token })
}

it("the curl updates a sample user", async () => {
  const example = here(block("README.md", "sh", "curl -X PATCH")).replace("curl ", "curl --silent --show-error --fail ")
  const user = JSON.parse(await run("bash", ["-c", example], { WEBFLOW_USERS_TOKEN: token }))
  expect(user.data).toMatchObject({ name: "Some One", "accept-privacy": false, "accept-communications": false })
  expect(user.accessGroups.map((group: { slug: string }) => group.slug)).toEqual(
    expect.arrayContaining(["webflowers", "platinum", "free-tier"]),
  )
})

it("the command line imports and updates", async () => {
  await run("bash", ["-ec", block("README.md", "sh", "--add-group platinum")])
  const user = JSON.parse(await run("webflow-users", ["get", siteId, "ada@example.com", "--json"]))
  expect(user.data.name).toBe("Ada Lovelace")
  expect(user.accessGroups).toEqual([
    { slug: "webflowers", type: "admin" },
    { slug: "platinum", type: "admin" },
  ])
})

it("the SDK updates over HTTP", async () => {
  const printed = await runTypeScript(block("README.md", "ts", "createClient({ baseUrl"))
  expect(printed).toContain("Some One")
  expect(printed).toContain("webflowers")
})

it("the SDK refuses in process what the server would", async () => {
  const printed = await runTypeScript(block("docs/sdk.md", "ts", "InvalidPatch"))
  expect(printed).toMatch(/^true /)
  expect(printed).toContain("data.email")
})

it("the SDK goes through a list, hears of its answers and tells errors apart", async () => {
  const lines = (await runTypeScript(block("docs/sdk.md", "ts", "isUserNotFound"))).split("\n")
  expect(lines.filter((line) => /^PATCH 200 \d+ ms$/.test(line)).length).toBeGreaterThan(2)
  expect(lines.slice(-4)).toEqual([
    expect.stringMatching(/^undefined \S+$/),
    expect.stringMatching(/^GET 404/),
    "404",
    "",
  ])
})

it("the server for tests is asked until it answers", async () => {
  expect(await runTypeScript(block("README.md", "ts", "startServer("))).toBe("Ada Lovelace [ 429, 429, 200 ]\n")
})

it("what docs/http-proxy.md says of settings is what --help says", async () => {
  const help = await run(process.execPath, [join(root, "apps/http-proxy/dist/main.js"), "--help"])
  const rows = [
    ...readPage("docs/http-proxy.md").matchAll(
      /^\| `([A-Z_]+)` \| `(--[\w-]+)` \| `([^`]+)`[^|]*\| [^|]*proxy[^|]*\|$/gm,
    ),
  ]
  const settings = [...help.matchAll(/([A-Z_]{4,}), default/g)].map(([, name]) => name)
  expect(settings.length).toBeGreaterThan(15)
  expect(rows.map(([, name]) => name).toSorted()).toEqual(settings.toSorted())
  for (const [, name = "", flag = "", standard = ""] of rows) {
    const line = help.split("\n").find((entry) => entry.trimStart().startsWith(`${flag} `))
    expect(line).toContain(`${name}, default ${standard}`)
  }
})

it("the SDK's example of many updates tells each outcome", async () => {
  expect(await runTypeScript(block("docs/sdk.md", "ts", "updateMany("))).toBe("0 updated\n")
})

it("the example of a receiver takes what is genuine, and nothing else", async () => {
  const file = join(folder, "receiver.ts")
  const members = join(folder, "members.ndjson")
  await writeFile(file, block("docs/webhooks.md", "ts", "createServer"))
  const store = { WEBFLOW_USERS_STORE: `file:${folder}/sample.db`, WEBFLOW_USERS_ALLOW_PRIVATE_WEBHOOKS: "true" }
  const command = (...args: ReadonlyArray<string>) => run("webflow-users", ["webhook", ...args, "--json"], store)
  const { id, secret } = JSON.parse(await command("add", "--site", siteId, "--url", "http://127.0.0.1:1/"))
  const receiver = spawn(process.execPath, ["--disable-warning=ExperimentalWarning", file], {
    env: { WEBHOOK_SECRET: secret, PORT: "0", MEMBERS_FILE: members },
    stdio: ["ignore", "pipe", "inherit"],
  })
  try {
    const lines = createInterface({ input: receiver.stdout! })[Symbol.asyncIterator]()
    const port = /port: (\d+)/.exec((await lines.next()).value ?? "")?.[1]
    const database = new DatabaseSync(join(folder, "sample.db"), { timeout: 10_000 })
    database.prepare("UPDATE webhooks SET url = ? WHERE id = ?").run(`http://127.0.0.1:${port}/`, id)
    database.close()
    expect(JSON.parse(await command("test", id))).toEqual({ id, status: 200 })
    expect(await readFile(members, "utf8")).toMatch(/^\{"id":"[\da-f]{24}","name":"[^"]+"\}\n$/)
    for (const headers of [{}, { "x-webflow-timestamp": String(Date.now()), "x-webflow-signature": "00".repeat(32) }]) {
      const { status } = await fetch(`http://127.0.0.1:${port}/`, { method: "POST", headers, body: "{}" })
      expect(status).toBe(401)
    }
    await command("remove", id)
  } finally {
    receiver.kill("SIGKILL")
  }
})
