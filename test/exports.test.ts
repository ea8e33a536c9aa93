/** What a package says it exports is there, and every adapter is to be had. */
import { existsSync, globSync, readFileSync } from "node:fs"
import { join } from "node:path"
import { fileURLToPath } from "node:url"
import { expect, it } from "vitest"

const root = fileURLToPath(new URL("..", import.meta.url))

interface Manifest {
  readonly name: string
  readonly exports?: Readonly<Record<string, Readonly<Record<string, string>>>>
}

const read = (folder: string) => JSON.parse(readFileSync(join(root, folder, "package.json"), "utf8")) as Manifest

it.each(["packages/core", "packages/sdk", "packages/server", "packages/stores"])(
  "%s exports files that exist, once built",
  (folder) => {
    const targets = Object.values(read(folder).exports ?? {}).flatMap((conditions) => Object.values(conditions))
    expect(targets.length).toBeGreaterThan(2)
    expect(targets.filter((target) => !existsSync(join(root, folder, target)))).toEqual([])
  },
)

it("every adapter of core has a path of its own", () => {
  const adapters = globSync("[A-Z]*/[A-Z]*.ts", { cwd: join(root, "packages/core/src") })
  const exported = Object.keys(read("packages/core").exports ?? {})
  expect(adapters.length).toBeGreaterThan(3)
  expect(adapters.map((path) => `./${path.replace(/\.ts$/, "")}`).filter((path) => !exported.includes(path))).toEqual(
    [],
  )
})
