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

it("the reference is small enough to be read, and kept", () => {
  const sizes = [...pages.values()].map((page) => Buffer.byteLength(page))
  expect(sizes.reduce((sum, size) => sum + size, 0)).toBeLessThan(400_000)
})
