/** What a package says it exports is there, under every condition, and every adapter is to be had; who publishes it knows enough. */
import { execFile } from "node:child_process"
import { existsSync, globSync } from "node:fs"
import { join, relative } from "node:path"
import { promisify } from "node:util"
import { describe, expect, it } from "vitest"
import { root } from "../scripts/checkout.mjs"
import { type Conditions, manifestIn, packages, published, targetsOf } from "./packing.ts"

const exporting = packages.filter(({ manifest }) => manifest.exports !== undefined)
const named = (folder: string) => relative(root, folder).replaceAll("\\", "/")
/** A module, whether its source, its types or what runs is meant. */
const moduleOf = (file: string) => file.replace(/^\.\/(src|dist)\//, "").replace(/(\.d)?\.[jt]s$/, "")

describe.each(exporting.map((each) => [named(each.folder), each] as const))("%s", (_, { folder, manifest }) => {
  const exported = Object.entries(manifest.exports ?? {})

  it("exports files that exist, once built", () => {
    const targets = exported.flatMap(([, conditions]) => targetsOf(conditions))
    expect(targets.length).toBeGreaterThan(2)
    expect(targets.filter((target) => !existsSync(join(folder, target)))).toEqual([])
  })

  it.each(exported)("%s is asked for its sources first, then for types, and by default last", (_path, conditions) => {
    const order = Object.keys(conditions)
    expect(order.slice(0, 2)).toEqual(["@webflow-users/source", "types"])
    expect(order.at(-1)).toBe("default")
    // Deno and Bun say that they are Node, too: what is meant for them has to be found before.
    if (order.includes("node")) expect(order.at(-2)).toBe("node")
  })

  it.each(exported)("%s is made of the sources that it names", (_path, conditions) => {
    const {
      "@webflow-users/source": source = "",
      types = "",
      ...made
    } = conditions as Readonly<Record<string, Conditions>>
    const sources = targetsOf(source).map(moduleOf)
    expect(targetsOf(types).map(moduleOf)).toEqual([moduleOf(made["default"] as string)])
    expect(new Set(targetsOf(made).map(moduleOf))).toEqual(new Set([...sources, ...targetsOf(types).map(moduleOf)]))
  })

  it("can be imported, all of it", async () => {
    const names = exported.map(([path]) => join(manifest.name, path))
    const script = `for (const name of ${JSON.stringify(names)}) if (Object.keys(await import(name)).length === 0) throw new Error(name)`
    // As Node does it for itself: a package knows itself by its name.
    await promisify(execFile)(process.execPath, ["--input-type=module", "-e", script], { cwd: folder })
  })
})

it("every adapter of core has a path of its own", () => {
  const core = packages.find(({ manifest }) => manifest.name === "@webflow-users/core")!
  const adapters = globSync("[A-Z]*/[A-Z]*.ts", { cwd: join(core.folder, "src") })
  const exported = Object.keys(core.manifest.exports ?? {})
  expect(adapters.length).toBeGreaterThan(3)
  expect(adapters.map((path) => `./${path.replace(/\.ts$/, "")}`).filter((path) => !exported.includes(path))).toEqual(
    [],
  )
})

describe("of what is published", () => {
  it("nothing is private, and nothing else is public", () => {
    expect(published.map(({ folder }) => named(folder))).toEqual([
      "apps/cli",
      "apps/http-proxy",
      "packages/core",
      "packages/sdk",
    ])
  })

  it("undici is asked for in the minor version in which its inner files are where they were tried", () => {
    const { optionalDependencies } = published.find(({ manifest }) => manifest.name === "@webflow-users/sdk")!.manifest
    expect(optionalDependencies).toEqual({ undici: `~${manifestIn(root).devDependencies?.["undici"]}` })
  })

  it.each(published.map(({ manifest }) => [manifest.name, manifest] as const))("%s says what it is", (_, manifest) => {
    expect(manifest).toMatchObject({
      description: expect.stringMatching(/\w{3}/),
      keywords: expect.arrayContaining(["webflow"]),
      license: "MIT",
      type: "module",
      engines: { node: manifest.bin === undefined ? ">=20" : ">=22.19" },
      publishConfig: { access: "public", provenance: true },
    })
    expect(manifest.exports === undefined || manifest.sideEffects === false).toBe(true)
    // Programs are whole: whoever installs one installs nothing else.
    if (manifest.bin !== undefined) expect(manifest.dependencies).toBeUndefined()
  })
})
