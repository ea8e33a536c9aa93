/** How much of the SDK a page or a program takes in: bundled as somebody else does it, and loaded as it is. */
import { existsSync, readFileSync } from "node:fs"
import { dirname, join } from "node:path"
import { gzipSync } from "node:zlib"
import { type OutputChunk, rolldown } from "rolldown"
import { beforeAll, describe, expect, it } from "vitest"
import { root } from "../scripts/toolchain.mjs"

const dist = join(root, "packages/sdk/dist")

/** What somebody's program becomes for a browser. */
const bundle = async (program: string): Promise<ReadonlyArray<OutputChunk>> => {
  const entry = "\0program"
  const bundling = await rolldown({
    input: entry,
    platform: "browser",
    external: [/^node:/, /^undici(\/|$)/],
    plugins: [
      {
        name: "program",
        resolveId: (source, importer) =>
          source === entry
            ? entry
            : importer === entry
              ? join(dist, source.replace("@webflow-users/sdk", "index.js"))
              : null,
        load: (id) => (id === entry ? program : null),
      },
    ],
  })
  const { output } = await bundling.generate({ format: "esm", minify: true, chunkFileNames: "[name].js" })
  return output.filter((made) => made.type === "chunk")
}

/** The chunks that are loaded at once, and those that wait until they are asked for. */
const split = (chunks: ReadonlyArray<OutputChunk>) => {
  const named = new Map(chunks.map((chunk) => [chunk.fileName, chunk]))
  const eager = new Set(chunks.filter(({ isEntry }) => isEntry).map(({ fileName }) => fileName))
  for (const fileName of eager)
    for (const other of named.get(fileName)?.imports ?? []) if (named.has(other)) eager.add(other)
  return {
    eager: chunks.filter(({ fileName }) => eager.has(fileName)),
    lazy: chunks.filter(({ fileName }) => !eager.has(fileName)),
  }
}

const gzipped = (chunks: ReadonlyArray<OutputChunk>) =>
  chunks.reduce((sum, { code }) => sum + gzipSync(code, { level: 9 }).length, 0)

describe("the promise client, over fetch", () => {
  let made: ReturnType<typeof split>

  beforeAll(async () => {
    made = split(await bundle('import { createClient } from "@webflow-users/sdk"; globalThis.made = createClient'))
  })

  it("is as small as it was", () => {
    // 2 % above what it is. The goal is 26 kB.
    expect(gzipped(made.eager)).toBeLessThan(70_500)
  })

  it("leaves until they are asked for what not every program needs", () => {
    expect(made.lazy.map(({ name }) => name).toSorted()).toEqual(["Postgres", "Undici", "WebhookRequest", "stores"])
  })

  it("asks for nothing of Node", () => {
    expect(made.eager.flatMap(({ imports }) => imports).filter((name) => name.startsWith("node:"))).toEqual([])
  })
})

it("who takes in a guard alone takes in little else", async () => {
  const { eager } = split(
    await bundle('import { isUpdateUserError } from "@webflow-users/sdk"; globalThis.made = isUpdateUserError'),
  )
  expect(gzipped(eager)).toBeLessThan(57_000)
})

describe("loaded as it is", () => {
  /** A module and all that it imports at once. */
  const closure = (file: string, seen = new Set<string>()): ReadonlySet<string> => {
    if (seen.has(file) || !existsSync(file)) return seen
    seen.add(file)
    for (const [, name = ""] of readFileSync(file, "utf8").matchAll(/^(?:import|export)\b[^"\n]*"([^"]+)";?$/gm)) {
      if (name.startsWith(".")) closure(join(dirname(file), name), seen)
      else seen.add(name)
    }
    return seen
  }

  it.each(["index.js", "index.node.js"].filter((entry) => existsSync(join(dist, entry))))(
    "%s is a few files",
    (entry) => {
      const modules = [...closure(join(dist, entry))]
      expect(modules.length).toBeLessThan(10)
      expect(modules.filter((name) => !name.startsWith(dist))).toEqual([])
    },
  )
})
