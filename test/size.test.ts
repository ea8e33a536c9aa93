/** How much of the SDK a page or a program takes in: bundled for a browser as others do it, and loaded as it is. */
import { existsSync, readFileSync } from "node:fs"
import { basename, dirname, join } from "node:path"
import { gzipSync } from "node:zlib"
import { type OutputChunk, rolldown } from "rolldown"
import { beforeAll, describe, expect, it } from "vitest"
import { root } from "../scripts/checkout.mjs"
import { manifestIn } from "./packing.ts"

const sdk = join(root, "packages/sdk")
const entry = "\0program"

/** What is loaded at once of a program that uses nothing but this, minified and gzipped, in bytes. */
const measured = { createClient: 37_017, isUpdateUserError: 5_980 }

/** What becomes, in somebody's browser, of a program that uses one export of the SDK: what is loaded at once, and what when it is asked for. */
const bundled = async (name: string, path = "") => {
  const program = `import { ${name} } from "@webflow-users/sdk${path}"; globalThis.used = ${name}`
  const bundling = await rolldown({
    input: entry,
    platform: "browser",
    external: /^undici(\/|$)/,
    plugins: [
      {
        name: "program",
        resolveId(source, importer) {
          if (source === entry) return entry
          return importer === entry ? this.resolve(source, import.meta.filename) : null
        },
        load: (id) => (id === entry ? program : null),
      },
    ],
  })
  const { output } = await bundling.generate({ format: "esm", minify: true, chunkFileNames: "[name].js" })
  const chunks = new Map(output.flatMap((made) => (made.type === "chunk" ? [[made.fileName, made] as const] : [])))
  const eager = new Set([...chunks.values()].filter(({ isEntry }) => isEntry))
  for (const { imports } of eager) {
    for (const chunk of imports.map((file) => chunks.get(file))) if (chunk !== undefined) eager.add(chunk)
  }
  return {
    eager: [...eager],
    outside: [...chunks.values()]
      .flatMap(({ imports, dynamicImports }) => [...imports, ...dynamicImports])
      .filter((file) => !chunks.has(file)),
  }
}

const gzipped = (chunks: ReadonlyArray<OutputChunk>) =>
  chunks.reduce((sum, { code }) => sum + gzipSync(code, { level: 9 }).length, 0)

describe("the promise client in a browser", () => {
  let made: Awaited<ReturnType<typeof bundled>>

  beforeAll(async () => {
    made = await bundled("createClient")
  })

  it("loads no more than 2 % above what was measured last, which is not yet the goal of 26,000 bytes", () => {
    // docs/decisions/0021 says what it is made of.
    expect(gzipped(made.eager)).toBeLessThan(measured.createClient * 1.02)
  })

  it("leaves until they are asked for what not every program needs", () => {
    const parts = made.eager.flatMap(({ moduleIds }) => moduleIds).map((id) => basename(id, ".js"))
    expect(parts).toContain("index")
    expect(parts.filter((part) => /^(stores|Sql|Postgres|Undici|Webhook)/.test(part))).toEqual([])
  })
})

it("one guard loads no more than 2 % above what was measured last", async () => {
  const { eager } = await bundled("isUpdateUserError")
  expect(gzipped(eager)).toBeLessThan(measured.isUpdateUserError * 1.02)
})

/** One export of each entry that says what browsers get of it, or that is the same everywhere. */
const anywhere = {
  "": "createClient",
  "/webflow-api": "WebflowClient",
  "/effect": "layer",
  "/webhooks": "verifySignature",
}

it.each(
  Object.entries(anywhere).filter(([path]) => {
    const conditions = manifestIn(sdk).exports?.[`.${path}`]
    return conditions !== undefined && (path === "/webhooks" || Object.hasOwn(Object(conditions), "browser"))
  }),
)("nothing of Node is asked for by @webflow-users/sdk%s in a browser, be it later", async (path, name) => {
  // esbuild and webpack refuse what they do not find, also where it is imported when it is asked for.
  expect((await bundled(name, path)).outside).toEqual([])
})

describe("loaded as it is", () => {
  /** A module and all that it imports at once. */
  const closure = (file: string, seen = new Set<string>()): ReadonlySet<string> => {
    if (seen.has(file)) return seen
    seen.add(file)
    if (!existsSync(file)) return seen
    for (const [, name = ""] of readFileSync(file, "utf8").matchAll(/^(?:import|export)\b[^"\n]*"([^"]+)";?$/gm)) {
      closure(name.startsWith(".") ? join(dirname(file), name) : name, seen)
    }
    return seen
  }

  it.each(["index.js", "index.node.js"].filter((file) => existsSync(join(sdk, "dist", file))))(
    "%s is a few files of its own",
    (file) => {
      const modules = [...closure(join(sdk, "dist", file))]
      expect(modules.length).toBeLessThan(6)
      expect(modules.filter((name) => !name.startsWith(sdk))).toEqual([])
    },
  )
})
