/** The entry for everywhere, as one script on a page of another origin, in a real browser, before a real proxy. */
import { type ChildProcess, spawn } from "node:child_process"
import { once } from "node:events"
import { existsSync } from "node:fs"
import { mkdtemp, rm, writeFile } from "node:fs/promises"
import { createServer, type Server } from "node:http"
import type { AddressInfo } from "node:net"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { createInterface } from "node:readline"
import { text } from "node:stream/consumers"
import { fileURLToPath } from "node:url"
import type * as Sdk from "@webflow-users/sdk"
import { type Browser, chromium, type Page } from "playwright-core"
import { rolldown } from "rolldown"
import { afterAll, beforeAll, expect, it } from "vitest"
import { siteId } from "./serve.ts"

declare global {
  // What the script on the page leaves there.
  var sdk: typeof Sdk
}

const browserPath = "/usr/bin/chromium"
const flags = "--disable-gpu --disable-quic --no-first-run --disable-sync --disable-background-networking"
const main = (app: string) => fileURLToPath(new URL(`../../../apps/${app}/dist/main.js`, import.meta.url))
const idOf = (index: number) => `6287ec36a841b25637c66${(0x100 + index).toString(16)}`
const users = Array.from({ length: 12 }, (_, index) => ({
  id: idOf(index),
  accessGroups: [],
  data: { email: `member${index}@example.com`, vip: index === 0 },
}))

let folder: string
let pages: Server
let proxy: ChildProcess
let options: { readonly baseUrl: string; readonly token: string }
let browser: Browser | undefined
let page: Page

/** What a command of the command line prints. */
const cli = async (...args: ReadonlyArray<string>) => {
  const child = spawn(process.execPath, [main("cli"), ...args], {
    env: { WEBFLOW_USERS_STORE: `file:${folder}/users.db` },
    stdio: ["ignore", "pipe", "inherit"],
  })
  return text(child.stdout)
}

const bundled = async () => {
  const bundle = await rolldown({
    input: fileURLToPath(new URL("../src/index.ts", import.meta.url)),
    platform: "browser",
    transform: { define: { "import.meta": "{}" } },
    resolve: { conditionNames: ["@webflow-users/source", "browser", "import", "default"] },
  })
  const { output } = await bundle.generate({ format: "iife", name: "sdk", minify: true })
  return output.map((part) => (part.type === "chunk" ? part.code : "")).join("")
}

beforeAll(async () => {
  if (!existsSync(browserPath)) throw new Error(`There is no ${browserPath}: install Debian's package chromium`)
  folder = await mkdtemp(join(tmpdir(), "webflow-users-sdk-browser-"))
  await writeFile(join(folder, "users.json"), JSON.stringify(users))
  await cli("import", join(folder, "users.json"), "--site", siteId)
  const scopes = ["--scope", "users:read", "--scope", "users:write", "--rate", "1000"]
  const { token } = JSON.parse(await cli("token", "create", "--site", siteId, ...scopes, "--json")) as { token: string }

  pages = createServer((_, response) => response.setHeader("content-type", "text/html").end("<title>Members</title>"))
  await once(pages.listen(0, "127.0.0.1"), "listening")
  const origin = `http://127.0.0.1:${(pages.address() as AddressInfo).port}`
  proxy = spawn(process.execPath, [main("http-proxy"), "--port", "0", "--cors-origin", origin], {
    env: { WEBFLOW_USERS_STORE: `file:${folder}/users.db`, WEBFLOW_USERS_LOG_LEVEL: "error" },
    stdio: ["ignore", "pipe", "inherit"],
  })
  for await (const line of createInterface({ input: proxy.stdout! })) {
    const listens = /http:\/\/[\d.]+:\d+/.exec(line)?.[0]
    if (listens === undefined) continue
    options = { baseUrl: `${listens}/v2`, token }
    break
  }
  browser = await chromium.launch({ executablePath: browserPath, chromiumSandbox: false, args: flags.split(" ") })
  page = await browser.newPage()
  await page.goto(origin)
  await page.addScriptTag({ content: `${await bundled()}; globalThis.sdk = sdk` })
}, 120_000)

afterAll(async () => {
  await browser?.close()
  pages.close()
  proxy.kill("SIGTERM")
  if (proxy.exitCode === null) await once(proxy, "close")
  await rm(folder, { recursive: true })
})

it("updates, and tells of the answer", async () => {
  const told = await page.evaluate(
    async ([remote, site, id]) => {
      const sent: Array<string> = []
      const client = globalThis.sdk.createClient<{ vip: boolean }>({
        ...remote,
        onRequest: ({ method, headers }) => sent.push(`${method} ${Object.keys(headers).join()}`),
      })
      const updating = client.users.update(
        site,
        id,
        { data: { vip: false, acceptPrivacy: true } },
        { headers: { "x-request-id": "form-1" } },
      )
      const { data, response } = await updating.withResponse()
      await client.close()
      return {
        data: data.data,
        status: response.status,
        requestId: response.requestId,
        limits: response.rateLimit,
        sent,
      }
    },
    [options, siteId, idOf(0)] as const,
  )
  expect(told).toEqual({
    data: { email: "member0@example.com", vip: false, "accept-privacy": true },
    status: 200,
    requestId: "form-1",
    limits: { limit: 1000, remaining: 999 },
    sent: ["PATCH x-request-id,accept,content-type"],
  })
})

it("goes through all pages, and makes many updates", async () => {
  const told = await page.evaluate(
    async ([remote, site]) => {
      const client = globalThis.sdk.createClient(remote)
      const ids: Array<string> = []
      for await (const one of client.users.list(site, { limit: 5 }).items()) ids.push(one.id)
      const report = await client.users.updateMany(
        site,
        ids.map((id) => ({ id, data: { vip: true } })),
      )
      return { ids, report }
    },
    [options, siteId] as const,
  )
  expect(told).toEqual({ ids: users.map(({ id }) => id), report: { updated: 12, failed: 0 } })
})

it("tells errors apart, and ends with a signal", async () => {
  const told = await page.evaluate(
    async ([remote, site, id]) => {
      const { createClient, ...sdk } = globalThis.sdk
      const client = createClient({ ...remote, retry: false })
      const settled = await Promise.allSettled([
        client.users.get(site, site),
        createClient({ ...remote, token: "wrong" }).users.get(site, id),
        createClient({ ...remote, baseUrl: "http://127.0.0.1:9/v2", retry: false }).users.get(site, id),
        createClient({ store: "memory:" }).users.get(site, id),
        client.users.get(site, id, { signal: AbortSignal.abort("enough") }),
      ])
      const [missing, wrong, nobody, local, aborted] = settled.map((one): unknown => "reason" in one && one.reason)
      return [
        sdk.isUserNotFound(missing) && missing.response?.status,
        sdk.isNotAuthorized(wrong) && wrong.response?.status,
        sdk.isConnectionLost(nobody) && nobody.response,
        sdk.isStoreNotSupported(local) && local.message,
        aborted,
      ]
    },
    [options, siteId, idOf(0)] as const,
  )
  const noNode = "A store in this process needs Node, and what was loaded of this package is for other platforms. "
  expect(told).toEqual([404, 401, undefined, expect.stringContaining(noNode), "enough"])
})
