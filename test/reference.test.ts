/** The API reference says what the sources say, and every export says what it is for. */
import { globSync, readFileSync } from "node:fs"
import { join } from "node:path"
import { fileURLToPath } from "node:url"
import { expect, it } from "vitest"
import { reference } from "../scripts/reference.mjs"

const folder = fileURLToPath(new URL("../docs/api", import.meta.url))
const { pages, undocumented } = await reference()

it("docs/api is what the sources make of it: `npm run docs` writes it anew", () => {
  const written = globSync("**/*.md", { cwd: folder }).map((page) => page.replaceAll("\\", "/"))
  expect(pages.size).toBeGreaterThan(10)
  expect(written.toSorted()).toEqual([...pages.keys()].toSorted())
  const stale = written.filter((page) => readFileSync(join(folder, page), "utf8") !== pages.get(page))
  expect(stale).toEqual([])
})

it("every export of the packages that others import has a doc comment", () => {
  expect(undocumented).toEqual([])
})

/** What stands between a heading of a page and the next one. */
const entry = (page: string, heading: string) => pages.get(page)?.split(`\n## ${heading}\n`)[1]?.split("\n## ")[0] ?? ""

it("shows of a type what it is made of, and not what it is made with", () => {
  for (const page of ["sdk/index.md", "core/index.md"]) {
    expect(entry(page, "User")).toContain("/** When the user was last updated")
    expect(entry(page, "User")).toContain("readonly lastUpdated?: string | null")
  }
  expect(entry("sdk/index.md", "User")).toMatch(/^See .*\[Membership\]\(#membership\)/m)
  expect(entry("sdk/index.md", "UserUpdate")).toContain("readonly acceptPrivacy?: boolean")
  expect(entry("sdk/index.md", "AccessGroupPage")).toContain("readonly total: number")
  expect(pages.get("sdk/index.md")).not.toContain("Schema.Struct")
})

it("shows of errors their facts, once on a page, and of each its own", () => {
  expect(entry("sdk/index.md", "Failure")).toContain("readonly retryAfter?: number")
  expect(entry("sdk/index.md", "TooManyRequests")).toMatch(
    /extends Failure \{[^]*status = 429[^]*\[Failure\]\(#failure\)/,
  )
  expect(entry("sdk/index.md", "UpstreamInvalidResponse")).toContain("readonly excerpt: string")
  expect([...pages].filter(([, text]) => /extends failure\(/.test(text))).toEqual([])
})

it("begins with how a client is made, and ends with the guards", () => {
  const headings = [...(pages.get("sdk/index.md") ?? "").matchAll(/^## (.+)$/gm)].map(([, heading]) => heading)
  expect(headings.slice(0, 2)).toEqual(["createClient", "Client"])
  expect(headings.at(-1)).toBe("Guards")
  expect(entry("sdk/index.md", "Guards")).toContain("| `isUserNotFound` | [UserNotFound](#usernotfound) |")
})

it("the reference is small enough to be read, and kept", () => {
  const sizes = [...pages.values()].map((page) => Buffer.byteLength(page))
  expect(sizes.reduce((sum, size) => sum + size, 0)).toBeLessThan(400_000)
})
