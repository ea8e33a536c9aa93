/** A page on another origin, in a real browser: it updates a user where its origin is named, and cannot where it is not. */
import { once } from "node:events"
import { existsSync } from "node:fs"
import { mkdtemp, rm } from "node:fs/promises"
import { createServer, type Server } from "node:http"
import type { AddressInfo } from "node:net"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { parseSiteId, type SiteId, type User, UserId } from "@webflow-users/core"
import { type Browser, chromium, type Page } from "playwright-core"
import { afterAll, beforeAll, expect, it } from "vitest"
import { open } from "./proxy.ts"
import * as Spawned from "./spawned.ts"

const browserPath = "/usr/bin/chromium"
const flags = "--disable-gpu --disable-quic --no-first-run --disable-sync --disable-background-networking"

const siteId = parseSiteId("580e63e98c9a982ac9b8b741") as SiteId
const user: User = {
  id: UserId.make("6287ec36a841b25637c663d0"),
  lastUpdated: "2024-05-20T13:46:12.093Z",
  accessGroups: [],
  data: { name: "Ada", email: "ada@example.com" },
}

let folder: string
let store: string
let token: string
let limited: string
let pages: Server
let origin: string
let browser: Browser | undefined
let page: Page
beforeAll(async () => {
  if (!existsSync(browserPath)) throw new Error(`There is no ${browserPath}: install Debian's package chromium`)
  folder = await mkdtemp(join(tmpdir(), "webflow-users-cors-"))
  store = `file:${folder}/users.db`
  await using before = open(store)
  await before.add({ id: siteId, users: [user] })
  token = await before.token(siteId)
  limited = await before.token(siteId, ["users:read"], 1)
  pages = createServer((_, response) => response.setHeader("content-type", "text/html").end("<title>A form</title>"))
  pages.listen(0, "127.0.0.1")
  await once(pages, "listening")
  origin = `http://127.0.0.1:${(pages.address() as AddressInfo).port}`
  browser = await chromium.launch({ executablePath: browserPath, chromiumSandbox: false, args: flags.split(" ") })
  page = await browser.newPage()
  await page.goto(origin)
})
afterAll(async () => {
  await browser?.close()
  pages.close()
  await rm(folder, { recursive: true })
})

/** What a script on the page gets when it calls the proxy. */
const call = (proxy: string, bearer: string, method: string, headers: Record<string, string> = {}) =>
  page.evaluate(
    async ([url, init]) => {
      try {
        const answer = await fetch(url, init)
        const told = ["x-ratelimit-limit", "x-ratelimit-remaining", "retry-after", "x-request-id"]
        return {
          status: answer.status,
          body: (await answer.json()) as { readonly code?: string; readonly data?: unknown },
          headers: Object.fromEntries(told.map((name) => [name, answer.headers.get(name)])),
        }
      } catch (error) {
        return String(error)
      }
    },
    [
      `${proxy}/v2/sites/${siteId}/users/${user.id}`,
      {
        method,
        headers: { authorization: `Bearer ${bearer}`, "content-type": "application/json", ...headers },
        ...(method === "PATCH" && { body: JSON.stringify({ data: { name: "Ada Lovelace" } }) }),
      },
    ] as const,
  )

it("a page whose origin is named updates a user, and reads why it is refused", { timeout: 120_000 }, async () => {
  await using proxy = await Spawned.start(store, { args: ["--cors-origin", origin] })
  expect(
    await call(proxy.origin, token, "PATCH", { "x-request-id": "form-1", "x-fern-language": "JavaScript" }),
  ).toEqual({
    status: 200,
    body: expect.objectContaining({ data: { ...user.data, name: "Ada Lovelace" } }),
    headers: expect.objectContaining({ "x-request-id": "form-1" }),
  })
  expect(await call(proxy.origin, "wrong", "PATCH")).toMatchObject({ status: 401, body: { code: "not_authorized" } })
  expect(await call(proxy.origin, limited, "PATCH")).toMatchObject({ status: 403, body: { code: "missing_scopes" } })
  const refused = await call(proxy.origin, limited, "GET")
  expect(refused).toMatchObject({ status: 429, headers: { "x-ratelimit-limit": "1", "x-ratelimit-remaining": "0" } })
})

it("a page whose origin is not named updates nothing", { timeout: 120_000 }, async () => {
  await using fresh = open(`file:${folder}/other.db`)
  await fresh.add({ id: siteId, users: [user] })
  const bearer = await fresh.token(siteId)
  await using proxy = await Spawned.start(`file:${folder}/other.db`, { args: ["--cors-origin", "https://example.com"] })
  expect(await call(proxy.origin, bearer, "PATCH")).toBe("TypeError: Failed to fetch")
  const kept = await fetch(`${proxy.origin}/v2/sites/${siteId}/users/${user.id}`, {
    headers: { authorization: `Bearer ${bearer}` },
  })
  expect(await kept.json()).toEqual(user)
})

it("where any page may, so may one that nobody has named", { timeout: 120_000 }, async () => {
  await using proxy = await Spawned.start(store, { args: ["--cors-origin", "*"] })
  expect(await call(proxy.origin, token, "PATCH")).toMatchObject({ status: 200 })
})
