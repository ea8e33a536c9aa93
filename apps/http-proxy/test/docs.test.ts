/** What is served for reading: to anyone, from here alone, and loaded only when it is asked for. */
import { mkdtemp, readdir, readFile, rm } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { fileURLToPath } from "node:url"
import { parseSiteId, type SiteId } from "@webflow-users/core"
import { afterAll, beforeAll, describe, expect, it } from "vitest"
import * as Proxy from "./proxy.ts"
import * as Spawned from "./spawned.ts"

let folder: string
let proxy: Awaited<ReturnType<typeof Proxy.start>>
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "webflow-users-docs-"))
  proxy = await Proxy.start("memory:", { id: parseSiteId("580e63e98c9a982ac9b8b741") as SiteId, users: [] })
})
afterAll(async () => {
  await proxy.stop()
  await rm(folder, { recursive: true })
})

const pages = [
  ["/openapi.json", "application/json; charset=utf-8"],
  ["/docs", "text/html; charset=utf-8"],
  ["/docs/start.js", "text/javascript; charset=utf-8"],
  ["/docs/swagger-ui.css", "text/css; charset=utf-8"],
  ["/docs/swagger-ui-bundle.js", "text/javascript; charset=utf-8"],
] as const

describe.each(pages)("%s", (path, type) => {
  it("is there for anyone", async () => {
    const response = await fetch(proxy.origin + path)
    expect([response.status, response.headers.get("content-type")]).toEqual([200, type])
    const length = (await response.arrayBuffer()).byteLength
    expect(length).toBeGreaterThan(50)
    const head = await fetch(proxy.origin + path, { method: "HEAD" })
    expect([head.status, head.headers.get("content-length")]).toEqual([200, String(length)])
  })

  it("is only read", async () => {
    const response = await fetch(proxy.origin + path, { method: "POST" })
    expect([response.status, response.headers.get("allow")]).toEqual([405, "GET, HEAD"])
  })
})

it.each(["/docs/", "/docs/nothing", "/docs/../package.json"])("%s is not there", async (path) => {
  expect((await fetch(proxy.origin + path)).status).toBe(404)
})

it("the page runs no script but ours, and finds its files wherever it is", async () => {
  const response = await fetch(`${proxy.origin}/docs`)
  expect(response.headers.get("content-security-policy")).toContain(
    "default-src 'none'; script-src 'self'; style-src 'self'",
  )
  const html = await response.text()
  expect(html).not.toMatch(/<script>|<style|\son\w+=|style=/)
  const links = [...html.matchAll(/(?:src|href)="([^"]+)"/g)].map(([, link = ""]) => link)
  const found = links.map((link) => new URL(link, "https://example.com/below/docs").href)
  expect(found.filter((link) => !link.startsWith("data:"))).toEqual([
    "https://example.com/below/docs/swagger-ui.css",
    "https://example.com/below/openapi.json",
    "https://example.com/below/docs/swagger-ui-bundle.js",
    "https://example.com/below/docs/start.js",
  ])
})

describe("the built proxy", () => {
  const dist = fileURLToPath(new URL("../dist/", import.meta.url))

  it("has what is read in files of its own, that the start does not load", async () => {
    const texts = new Map<string, string>()
    for (const name of await readdir(dist)) texts.set(name, await readFile(join(dist, name), "utf8"))
    /** What a file loads at once: the files beside it. */
    const loaded = (name: string) =>
      [
        ...(texts.get(name) ?? "").matchAll(
          /^\s*(?:import|export)\b[^(;]*?\bfrom\s*"\.\/([^"]+)"|^\s*import\s*"\.\/([^"]+)"/gm,
        ),
      ].map(([, from, bare]) => from ?? bare ?? "")
    const eager = new Set(["main.js"])
    for (const name of eager) for (const next of loaded(name)) eager.add(next)
    // Told by words that only they have. The client for another server is one of them.
    for (const word of ["operationId", "tryItOutEnabled", "SwaggerUIBundle=", "UND_ERR_HEADERS_TIMEOUT"]) {
      const files = [...texts.keys()].filter((name) => name.endsWith(".js") && texts.get(name)?.includes(word))
      expect([word, files.length > 0, files.filter((name) => eager.has(name))]).toEqual([word, true, []])
    }
  })

  it("tells its own version", async () => {
    await using built = await Spawned.start(`file:${folder}/users.db`)
    const manifest = JSON.parse(await readFile(join(dist, "../package.json"), "utf8")) as { version: string }
    const document = await (await fetch(`${built.origin}/openapi.json`)).json()
    expect(document).toMatchObject({ info: { version: manifest.version } })
    expect(await (await fetch(`${built.origin}/docs/start.js`)).text()).toMatch(/^SwaggerUIBundle\(\{.*\}\)\n$/)
  })
})
