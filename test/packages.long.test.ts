/** What is published, as those find it who install it: nothing missing, nothing else, and the READMEs do as they say. */
import { type ChildProcess, spawn } from "node:child_process"
import { once } from "node:events"
import { existsSync, mkdirSync, readdirSync, readFileSync, statSync, symlinkSync, writeFileSync } from "node:fs"
import { mkdtemp, rm } from "node:fs/promises"
import { isBuiltin } from "node:module"
import { tmpdir } from "node:os"
import { delimiter, dirname, join } from "node:path"
import { createInterface } from "node:readline"
import { Effect } from "effect"
import { publint } from "publint"
import { afterAll, beforeAll, describe, expect, it } from "vitest"
import { root } from "../scripts/checkout.mjs"
import { isAtLeast } from "../scripts/toolchain.mjs"
import { install, installed, manifestIn, nodeOf, pack, published, run, targetsOf } from "./packing.ts"
import { linksOf } from "./markdown.ts"
import { database } from "./postgres.ts"

const siteId = "580e63e98c9a982ac9b8b741"
const minutes = (count: number) => count * 60_000
const names = published.map(({ manifest }) => manifest.name)
const libraries = published
  .filter(({ manifest }) => manifest.exports !== undefined)
  .map(({ manifest }) => manifest.name)
const programs = published.flatMap(({ manifest }) =>
  Object.keys(manifest.bin ?? {}).map((program) => ({ program, name: manifest.name })),
)
/** The oldest that is said to do for the libraries, the oldest line that does for the programs, and this one. */
const own = Number.parseInt(process.versions.node, 10)
const majors = [...new Set([20, 22, own])]

/** The packages that a module imports, or its types, as compilers write it. Comments have examples. */
const importsOf = (text: string): ReadonlyArray<string> => {
  const code = text.replaceAll(/\/\*[^]*?\*\//g, "")
  const name = '"(@[^"/]+/[^"/]+|[^."/][^"/]*)'
  const found = code.matchAll(
    new RegExp(`^(?:import|export)\\b[^"\\n]*\\bfrom ${name}|^import ${name}|\\bimport\\(${name}`, "gm"),
  )
  return [...found].flatMap(([, ...captured]) => captured.filter((each) => each !== undefined))
}

/** The ways in which TypeScript finds modules, as far as it finds ESM; nothing is left unchecked, what is installed neither. */
const resolutions = [
  ["NodeNext", "NodeNext"],
  ["Node16", "Node16"],
  ["bundler", "ESNext"],
] as const
const strictest = {
  strict: true,
  exactOptionalPropertyTypes: true,
  target: "ES2022",
  types: ["node"],
  outDir: "out",
}
/** What TypeScript has to be told, in the words of the READMEs; what that is; and in how many of these ways it is tried. */
const settings = [
  ["`lib` ES2024 with DOM", { lib: ["ES2024", "DOM"], skipLibCheck: false }, resolutions.length],
  ["or `skipLibCheck`", { lib: ["ES2024"], skipLibCheck: true }, 1],
] as const

/** What the examples of a README print. */
const shown: Readonly<Record<string, RegExp>> = {
  "@webflow-users/core": /^Ada Lovelace\n$/,
  "@webflow-users/sdk": /Some One[^]*webflowers[^]*true/,
}

let folder: string
const tarballs = new Map<string, string>()
const unpacked = (name: string): string => join(folder, "unpacked", name, "package")

/** The blocks of a package's README in a language, in their order. */
const blocks = (name: string, language: string): ReadonlyArray<string> =>
  [...readFileSync(join(unpacked(name), "README.md"), "utf8").matchAll(/```(\w+)\n([\s\S]*?)```/g)]
    .filter(([, of]) => of === language)
    .map(([, , body = ""]) => body)

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "webflow-users-packages-"))
  for (const each of published) {
    const tarball = await pack(each, folder)
    tarballs.set(each.manifest.name, tarball)
    const into = dirname(unpacked(each.manifest.name))
    mkdirSync(into, { recursive: true })
    await run("tar", ["-xzf", tarball], { cwd: into })
  }
}, minutes(2))

afterAll(() => rm(folder, { recursive: true }))

describe.each(names)("the tarball of %s", (name) => {
  // Hidden ones too, which a glob passes over.
  const filesIn = () =>
    readdirSync(unpacked(name), { recursive: true, encoding: "utf8" })
      .map((file) => file.replaceAll("\\", "/"))
      .filter((file) => statSync(join(unpacked(name), file)).isFile())

  it("is in order for publint, and its types for every way to resolve them in ESM", async () => {
    const { messages } = await publint({ pkgDir: unpacked(name), strict: true, pack: false })
    expect(messages).toEqual([])
    const { stdout } = await run("attw", [tarballs.get(name) ?? "", "--profile", "esm-only", "--format", "json"], {
      cwd: folder,
    })
    const { analysis } = JSON.parse(stdout)
    expect(analysis.types !== false).toBe(libraries.includes(name))
  })

  it("has every file that its manifest names, and a README and a licence", () => {
    const { exports = {}, bin = {} } = manifestIn(unpacked(name))
    const named = [...Object.values(exports).flatMap(targetsOf), ...Object.values(bin), "README.md", "LICENSE"]
    expect(named.length).toBeGreaterThan(2)
    expect(named.filter((file) => !existsSync(join(unpacked(name), file)))).toEqual([])
    for (const file of Object.values(bin)) {
      expect(statSync(join(unpacked(name), file)).mode & 0o111).toBe(0o111)
      expect(readFileSync(join(unpacked(name), file), "utf8")).toMatch(/^#!\/usr\/bin\/env node\n/)
    }
  })

  it("has nothing else", () => {
    const wanted =
      /^(package\.json|README\.md|LICENSE|CHANGELOG\.md|dist\/.+\.(js|d\.ts)(\.map)?|dist\/(.+\/)?THIRD-PARTY-LICENSES\.txt|src\/.+\.ts)$/
    const files = filesIn()
    expect(files.length).toBeGreaterThan(4)
    expect(files.filter((file) => !wanted.test(file) || /\.test\.|(^|\/)tests?\//.test(file))).toEqual([])
  })

  it("points at nothing that is not in it", () => {
    const maps = filesIn().filter((file) => file.endsWith(".map"))
    const lost = maps.flatMap((file) =>
      (
        JSON.parse(readFileSync(join(unpacked(name), file), "utf8")) as { readonly sources: ReadonlyArray<string> }
      ).sources
        .map((source) => join(unpacked(name), dirname(file), source))
        .filter((source) => !existsSync(source)),
    )
    expect(lost).toEqual([])
    const { dependencies = {}, optionalDependencies = {}, peerDependencies = {} } = manifestIn(unpacked(name))
    const needed = Object.entries({ ...dependencies, ...optionalDependencies, ...peerDependencies })
    expect(needed.filter(([, version]) => !/^[~^]?\d/.test(version))).toEqual([])
    const has = new Set([name, ...needed.map(([dependency]) => dependency)])
    const imported = filesIn()
      .filter((file) => /^dist\/.*\.(js|d\.ts)$/.test(file))
      .flatMap((file) => importsOf(readFileSync(join(unpacked(name), file), "utf8")))
    expect(imported.filter((each) => !has.has(each) && !isBuiltin(each))).toEqual([])
    const ours = needed
      .map(([dependency]) => dependency)
      .filter((dependency) => dependency.startsWith("@webflow-users/"))
    expect(ours.filter((dependency) => !names.includes(dependency))).toEqual([])
  })

  it("has what the links of its README lead to", () => {
    const readme = readFileSync(join(unpacked(name), "README.md"), "utf8")
    expect(linksOf(readme).filter((link) => !existsSync(join(unpacked(name), link.replace(/#.*$/, ""))))).toEqual([])
  })

  it("tells nothing of the machine it was made on", () => {
    expect(filesIn().filter((file) => readFileSync(join(unpacked(name), file), "utf8").includes(root))).toEqual([])
  })
})

describe("installed", () => {
  const token = { WEBFLOW_USERS_TOKEN: "" }
  let proxy: ChildProcess | undefined
  let origin = ""
  let bin: string

  const start = async () => {
    const child = spawn("bash", ["-c", `exec ${blocks("@webflow-users/http-proxy", "sh")[2]}`], {
      cwd: folder,
      env: {
        PATH: [bin, dirname(process.execPath), process.env["PATH"]].join(delimiter),
        PORT: "0",
        WEBFLOW_USERS_LOG_LEVEL: "warn",
      },
      stdio: ["ignore", "pipe", "inherit"],
    })
    proxy = child
    for await (const line of createInterface({ input: child.stdout })) {
      origin = /http:\/\/[\d.]+:\d+/.exec(line)?.[0] ?? ""
      if (origin !== "") break
    }
  }

  beforeAll(async () => {
    const prefix = join(folder, "global")
    const chosen = programs.map(({ name }) => tarballs.get(name) ?? "")
    await run("npm", ["install", "--global", "--prefix", prefix, "--no-audit", "--no-fund", ...chosen], { cwd: folder })
    bin = join(prefix, "bin")
    writeFileSync(join(folder, "members.csv"), "Name,Email,Access Groups\nAda,ada@example.com,webflowers\n")
  }, minutes(3))

  afterAll(async () => {
    proxy?.kill("SIGTERM")
    if (proxy?.exitCode === null) await once(proxy, "close")
  })

  const shell = async (script: string) => {
    const { stdout, stderr } = await run("bash", ["-ec", script], {
      cwd: folder,
      env: { PATH: [bin, dirname(process.execPath), process.env["PATH"]].join(delimiter) },
    })
    expect(stderr).toBe("")
    return stdout
  }

  it.each(programs)("$program alone starts, and knows its version", async ({ program, name }) => {
    expect(installed(join(bin, "../lib")).filter((each) => !names.includes(each))).toEqual([])
    expect(await shell(`${program} --version`)).toBe(`${program} v${manifestIn(unpacked(name)).version}\n`)
    expect(await shell(`${program} --help`)).toContain("USAGE")
  })

  it("the command line does what its README shows", async () => {
    const printed = await shell(blocks("@webflow-users/cli", "sh")[1] ?? "")
    expect(printed).toContain("Ada Lovelace")
  })

  it("the proxy starts as its README shows", async () => {
    const printed = await shell(
      (blocks("@webflow-users/http-proxy", "sh")[1] ?? "").replace(/^webflow-users import.*\n/m, ""),
    )
    await shell(`webflow-users import ${JSON.stringify(join(root, "examples/members.json"))} --site ${siteId}`)
    token.WEBFLOW_USERS_TOKEN = /"token":\s*"([^"]+)"/.exec(printed)?.[1] ?? ""
    await start()
    expect((await fetch(`${origin}/health`)).status).toBe(200)
  })

  describe.each(majors)("on Node %i", (major) => {
    let node: string
    let home: string
    /** Whether undici runs here, and stores. */
    let isWhole: boolean

    beforeAll(async () => {
      node = await nodeOf(major, join(folder, `node-${major}`))
      isWhole = isAtLeast((await run(node, ["--version"], { cwd: folder })).stdout.slice(1).trim(), "22.19.0")
      home = join(folder, `on-${major}`)
      const said = await install(home, { tarballs, wanted: "@webflow-users/sdk", node })
      expect(said).not.toMatch(/warn|error/i)
    }, minutes(5))

    it("the SDK brings core, effect and, where it runs, undici", () => {
      const undici = isWhole ? ["undici"] : []
      expect(installed(home)).toEqual(["@webflow-users/core", "@webflow-users/sdk", "effect", ...undici])
    })

    it.each(libraries)(
      "the examples of %s compile and run",
      async (name) => {
        const place = join(home, name)
        mkdirSync(join(place, "node_modules/@types"), { recursive: true })
        symlinkSync(join(root, "node_modules/@types/node"), join(place, "node_modules/@types/node"))
        const examples = blocks(name, "ts").map((text) => text.replaceAll("http://127.0.0.1:8787", origin))
        expect(examples.length).toBeGreaterThan(0)
        for (const [index, text] of examples.entries()) writeFileSync(join(place, `${index}.ts`), text)
        // What the examples leave out as well.
        const entries = Object.keys(manifestIn(unpacked(name)).exports ?? {}).map((path) => join(name, path))
        writeFileSync(
          join(place, "all.ts"),
          entries.map((entry, at) => `export * as _${at} from "${entry}"\n`).join(""),
        )
        const readme = readFileSync(join(unpacked(name), "README.md"), "utf8").replaceAll(/\s+/g, " ")
        for (const [said, meant, ways] of settings) {
          expect(readme).toContain(said)
          for (const [moduleResolution, module] of resolutions.slice(0, major === own ? ways : 1)) {
            const compilerOptions = { ...strictest, ...meant, moduleResolution, module }
            writeFileSync(join(place, "tsconfig.json"), JSON.stringify({ compilerOptions, include: ["*.ts"] }))
            await run("tsc", [], { cwd: place })
          }
        }
        const printed = []
        for (const index of examples.keys()) {
          const { stdout, stderr } = await run(node, [`out/${index}.js`], { cwd: place, env: token })
          expect(stderr).toBe("")
          printed.push(stdout)
        }
        expect(printed.join("")).toMatch(shown[name] ?? "")
      },
      minutes(3),
    )

    const keep = async (store: string) => {
      const script = `
        import { createClient } from "@webflow-users/sdk"
        const client = createClient({ store: ${JSON.stringify(store)} })
        await client.importUsers("${siteId}", [{ data: { name: "Ada", email: "ada@example.com" } }])
        console.log((await client.users.list("${siteId}")).total)
        await client.close()`
      const { stdout } = await run(node, ["--input-type=module", "-e", script], { cwd: home })
      expect(stdout).toBe("1\n")
    }

    it("stores keep what they are given", async () => {
      await keep("memory:")
      if (!isWhole) return
      await keep("file:./kept.db")
      await Effect.runPromise(
        Effect.scoped(Effect.flatMap(database(), (address) => Effect.promise(() => keep(address)))),
      )
    })
  })
})
