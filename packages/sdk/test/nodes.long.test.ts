/** The promise client as one bundle, on every line of Node that it is for: with undici, without it, and on a store. */
import { spawn } from "node:child_process"
import { once } from "node:events"
import { mkdir, mkdtemp, rm, symlink, writeFile } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { text } from "node:stream/consumers"
import { fileURLToPath } from "node:url"
import { rolldown } from "rolldown"
import { afterAll, beforeAll, describe, expect, it } from "vitest"
import { fail, json, serve, siteId, user, userId } from "./serve.ts"

const root = fileURLToPath(new URL("../../..", import.meta.url))
const undici = join(root, "packages/stores/node_modules/undici")

let folder: string
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "webflow-users-sdk-nodes-"))
  const bundle = await rolldown({
    input: join(root, "packages/sdk/src/index.node.ts"),
    platform: "node",
    external: [/^undici/, /^@effect\/sql-pg/],
    resolve: { conditionNames: ["@webflow-users/source", "node", "import", "default"] },
  })
  for (const place of ["with", "without"]) {
    await bundle.write({ format: "esm", dir: join(folder, place), entryFileNames: "index.mjs" })
    await writeFile(join(folder, place, "package.json"), '{ "type": "module" }')
    await writeFile(join(folder, place, "program.mjs"), program)
  }
  await mkdir(join(folder, "with/node_modules"))
  await symlink(undici, join(folder, "with/node_modules/undici"))
})
afterAll(() => rm(folder, { recursive: true }))

/** Asks for what a program would, and prints what came of it. It does not close the client: that must not keep it running. */
const program = `
import * as sdk from "./index.mjs"
const [baseUrl, siteId, userId] = process.argv.slice(2)
const client = sdk.createClient({ baseUrl, token: async () => "t", signal: new AbortController().signal })
const { data, response } = await client.users.update(siteId, userId, { data: { name: "Ada" } }).withResponse()
const names = []
for await (const user of client.users.list(siteId, { limit: 1 }).items()) names.push(user.id)
const missing = await client.users.get(siteId, siteId).catch((error) => error)
const local = sdk.createClient({ store: "file:" + userId + process.version + ".db" })
const kept = await local.importUsers(siteId, [{ id: userId, data: { email: "ada@example.com" } }]).catch((error) => error)
await local.close()
console.log(JSON.stringify({
  node: process.versions.node.split(".")[0],
  data,
  limit: response.rateLimit.limit,
  names,
  missing: sdk.isUserNotFound(missing) && missing instanceof Error && missing.response.status,
  kept: kept instanceof Error ? [kept.name, kept.message] : kept,
}))
`

const run = async (command: string, args: ReadonlyArray<string>, cwd: string) => {
  const child = spawn(command, args, { cwd, stdio: ["ignore", "pipe", "pipe"] })
  const [stdout, stderr] = await Promise.all([text(child.stdout), text(child.stderr), once(child, "close")])
  expect([child.exitCode, stderr.replaceAll(/.*ExperimentalWarning.*\n.*\n/g, "")]).toEqual([0, ""])
  return stdout
}

/** The Node of a line, from the registry that all of this was installed from. */
const nodeOf = async (line: string) => {
  const place = join(folder, `node-${line}`)
  const name = `node-${process.platform}-${process.arch}`
  await mkdir(place)
  await writeFile(join(place, "package.json"), '{ "private": true }')
  await run("npm", ["install", "--no-audit", "--no-fund", "--loglevel=error", `${name}@${line}`], place)
  return join(place, "node_modules", name, "bin/node")
}

const refused = [
  "StoreNotSupported",
  expect.stringMatching(
    /^A store in this process needs Node 22\.19 or newer, and this is Node 20\.\d+\.\d+\. A server/,
  ),
]
const kept = { added: 1, existing: 0, problems: [] }

describe.each([
  ["20", refused],
  ["22", kept],
  ["24", kept],
])("Node %s", (line, store) => {
  it.each(["with", "without"])(
    "updates, lists and tells errors apart, %s undici",
    { timeout: 300_000 },
    async (place) => {
      const binary = process.versions.node.startsWith(`${line}.`)
        ? process.execPath
        : await (nodes[line] ??= nodeOf(line))
      await using server = await serve((response, { url, method }) => {
        if (url.includes("?")) {
          const offset = Number(/offset=(\d+)/.exec(url)?.[1])
          const users = [user, { ...user, id: siteId }].slice(offset, offset + 1)
          return json(response, 200, { users, count: users.length, offset, limit: 1, total: 2 })
        }
        return method === "GET"
          ? fail(response, 404, "user_not_found")
          : json(response, 200, user, { "x-ratelimit-limit": "60" })
      })
      const printed = await run(binary, ["program.mjs", server.baseUrl, siteId, userId], join(folder, place))
      expect(JSON.parse(printed)).toEqual({
        node: line,
        data: user,
        limit: 60,
        names: [userId, siteId],
        missing: 404,
        kept: store,
      })
      const senders = server.requests.map(({ headers }) => ("sec-fetch-mode" in headers ? "fetch" : "undici"))
      expect(new Set(senders)).toEqual(new Set([place === "with" ? "undici" : "fetch"]))
    },
  )
})

const nodes: Record<string, Promise<string>> = {}
