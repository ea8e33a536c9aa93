/** What sends the requests: undici where Node can load it, and otherwise `fetch`. */
import { spawn, spawnSync } from "node:child_process"
import { mkdtemp, rm, writeFile } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { text } from "node:stream/consumers"
import { fileURLToPath } from "node:url"
import * as Sdk from "@webflow-users/sdk"
import { rolldown } from "rolldown"
import { afterAll, beforeAll, describe, expect, it } from "vitest"
import { json, serve, siteId, user, userId } from "./serve.ts"

const source = fileURLToPath(new URL("../src/index.node.ts", import.meta.url))

/** The entry for Node with all that it needs, but for packages that may be missing. */
const bundled = () =>
  rolldown({
    input: source,
    platform: "node",
    external: [/^@webflow-users\/stores/, /^undici/],
    resolve: { conditionNames: ["@webflow-users/source", "node", "import", "default"] },
  })

/** `fetch` says more of itself than undici does. */
const senderOf = (headers: object | undefined) => ("sec-fetch-mode" in (headers ?? {}) ? "fetch" : "undici")

it("in Node is undici, and where a fetch is given that one", async () => {
  await using server = await serve((response) => json(response, 200, user))
  let asked = 0
  const fetch: typeof globalThis.fetch = (...request) => {
    asked += 1
    return globalThis.fetch(...request)
  }
  for (const options of [{}, { fetch }]) {
    await using client = Sdk.createClient({ baseUrl: server.baseUrl, token: "t", ...options })
    expect(await client.users.get(siteId, userId)).toEqual(user)
  }
  expect(server.requests.map(({ headers }) => senderOf(headers))).toEqual(["undici", "fetch"])
  expect(asked).toBe(1)
})

it("is loaded with the first call, and not with the client", async () => {
  const { output } = await (await bundled()).generate({ format: "esm" })
  const chunks = output.filter((part) => part.type === "chunk")
  expect(chunks.flatMap((chunk) => chunk.imports.filter((name) => !name.endsWith(".js")))).toEqual([])
  const loaded = ["@webflow-users/stores", "@webflow-users/stores/Undici"]
  expect(chunks.flatMap((chunk) => chunk.dynamicImports).toSorted()).toEqual(loaded)
})

describe("where the other packages are not installed", () => {
  let folder: string
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), "webflow-users-sdk-platform-"))
    await (await bundled()).write({ format: "esm", dir: folder, entryFileNames: "index.mjs" })
  })
  afterAll(() => rm(folder, { recursive: true }))

  /** What a program prints that is run beside the bundle, in a process of its own. */
  const printed = async (program: string): Promise<unknown> => {
    await writeFile(join(folder, "program.mjs"), `import * as sdk from "./index.mjs"\n${program}`)
    const child = spawn(process.execPath, ["program.mjs"], { cwd: folder, stdio: ["ignore", "pipe", "inherit"] })
    return JSON.parse(await text(child.stdout))
  }

  it("is fetch", async () => {
    await using server = await serve((response) => json(response, 200, user))
    const options = JSON.stringify({ baseUrl: server.baseUrl, token: "t" })
    const program = `console.log(JSON.stringify(await sdk.createClient(${options}).users.get("${siteId}", "${userId}")))`
    expect(await printed(program)).toEqual(user)
    expect(server.requests.map(({ headers }) => senderOf(headers))).toEqual(["fetch"])
  })

  it("a store in this process is refused, with the way out", async () => {
    const told = await printed(`
      const error = await sdk.createClient({ store: "memory:" }).users.list("${siteId}").catch((reason) => reason)
      const { name, message, code, cause } = error
      console.log(JSON.stringify([sdk.isStoreNotSupported(error), name, code, message, cause.code]))
    `)
    const message = expect.stringMatching(
      /needs modules that could not be loaded.*createClient\(\{ baseUrl, token \}\)$/,
    )
    expect(told).toEqual([true, "StoreNotSupported", "store_not_supported", message, "ERR_MODULE_NOT_FOUND"])
  })
})

it.each([
  ["node", "index.node.js", []],
  ["a browser's bundle", "index.js", ["browser"]],
  ["Cloudflare Workers", "index.js", ["workerd"]],
  ["an edge runtime", "index.js", ["edge-light"]],
  ["Deno", "index.js", ["deno"]],
  ["Bun", "index.js", ["bun"]],
])("%s is given %s", (_, file, conditions) => {
  const flags = conditions.map((condition) => `--conditions=${condition}`)
  const ask = 'process.stdout.write(import.meta.resolve("@webflow-users/sdk"))'
  const { stdout } = spawnSync(process.execPath, [...flags, "--input-type=module", "--eval", ask], {
    cwd: fileURLToPath(new URL("../../..", import.meta.url)),
    encoding: "utf8",
  })
  expect(stdout.split("/packages/")[1]).toBe(`sdk/dist/${file}`)
})
