/** The page at /docs in a real browser: somebody reads it, sends the update from it, and sees what became of it. */
import { existsSync } from "node:fs"
import { mkdir, mkdtemp, rm } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { fileURLToPath } from "node:url"
import { parseSiteId, type SiteId, type User, UserId } from "@webflow-users/core"
import { type BrowserContext, chromium } from "playwright-core"
import { afterAll, beforeAll, expect, it } from "vitest"
import { open } from "./proxy.ts"
import * as Spawned from "./spawned.ts"

const browser = "/usr/bin/chromium"
const flags =
  "--disable-gpu --disable-quic --no-first-run --disable-sync --disable-background-networking --disable-component-update"
const screenshot = fileURLToPath(new URL("../../../reports/docs.png", import.meta.url))

const siteId = parseSiteId("580e63e98c9a982ac9b8b741") as SiteId
const user: User = {
  id: UserId.make("6287ec36a841b25637c663d0"),
  lastUpdated: "2024-05-20T13:46:12.093Z",
  status: "verified",
  accessGroups: [{ slug: "webflowers", type: "admin" }],
  data: { name: "Ada", email: "ada@example.com" },
}

let folder: string
let context: BrowserContext | undefined
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "webflow-users-docs-"))
})
afterAll(async () => {
  await context?.close()
  await rm(folder, { recursive: true })
})

it("sends the update from the page", { timeout: 120_000 }, async () => {
  if (!existsSync(browser)) throw new Error(`There is no ${browser}: install Debian's package chromium`)
  context = await chromium.launchPersistentContext(join(folder, "browser"), {
    executablePath: browser,
    chromiumSandbox: false,
    args: flags.split(" "),
    viewport: { width: 1280, height: 2500 },
  })
  const store = `file:${folder}/users.db`
  const before = open(store)
  await before.add({ id: siteId, users: [user] })
  const token = await before.token(siteId)
  await before.close()
  await using proxy = await Spawned.start(store)

  const page = await context.newPage()
  const elsewhere: Array<string> = []
  const complaints: Array<string> = []
  page.on("request", (request) => {
    const url = request.url()
    if (!url.startsWith(`${proxy.origin}/`) && !url.startsWith("data:")) elsewhere.push(url)
  })
  page.on("console", (message) => {
    if (["error", "warning"].includes(message.type())) complaints.push(message.text())
  })
  page.on("pageerror", (error) => complaints.push(error.message))

  await page.goto(`${proxy.origin}/docs`)
  await page.getByRole("heading", { name: "webflow-users" }).waitFor()
  await page.locator(".opblock").nth(7).waitFor()
  expect(await page.locator(".opblock .opblock-summary-description").allTextContents()).toEqual([
    "Update User",
    "Get User",
    "Get User History",
    "List Users",
    "List Access Groups",
    "Health",
    "Readiness",
    "Account Updated",
  ])

  await page.getByRole("button", { name: "Authorize", exact: true }).click()
  const dialog = page.locator(".dialog-ux")
  await dialog.getByRole("textbox").fill(token)
  await dialog.getByRole("button", { name: "Apply credentials" }).click()
  await dialog.getByRole("button", { name: "Close", exact: true }).last().click()

  const update = page.locator("#operations-User_Accounts-update-user")
  await update.locator(".opblock-summary-control").click()
  await update.locator('tr[data-param-name="site_id"] input').fill(siteId)
  await update.locator('tr[data-param-name="user_id"] input').fill(user.id)
  await update.locator("textarea.body-param__text").fill('{ "data": { "name": "Ada Lovelace" } }')
  await update.getByRole("button", { name: "Execute" }).click()

  const answer = update.locator(".live-responses-table")
  await answer.waitFor()
  expect(await answer.locator(".response-col_status").last().textContent()).toMatch(/^200/)
  expect(await answer.locator(".response-col_description").last().textContent()).toContain('"name": "Ada Lovelace"')
  await mkdir(new URL("../../../reports", import.meta.url), { recursive: true })
  await page.evaluate("scrollTo(0, 0)")
  // The token is shown as part of a curl; no secret is kept, not even of a store that is thrown away.
  await page.screenshot({ path: screenshot, mask: [update.locator(".curl-command")], maskColor: "#333" })

  const kept = await fetch(`${proxy.origin}/v2/sites/${siteId}/users/${user.id}`, {
    headers: { authorization: `Bearer ${token}` },
  })
  expect(await kept.json()).toMatchObject({ id: user.id, data: { ...user.data, name: "Ada Lovelace" } })
  expect({ elsewhere, complaints }).toEqual({ elsewhere: [], complaints: [] })
})
