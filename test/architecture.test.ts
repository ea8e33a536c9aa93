/** Who may import whom, and what stands nowhere: the picture of ARCHITECTURE.md, held. */
import { globSync, readFileSync } from "node:fs"
import { dirname, join, relative } from "node:path"
import { fileURLToPath } from "node:url"
import { describe, expect, it } from "vitest"

const root = fileURLToPath(new URL("..", import.meta.url))

interface Source {
  /** Below the root, with forward slashes. */
  readonly path: string
  readonly text: string
}

const sourcesAt = (...patterns: Array<string>): ReadonlyArray<Source> =>
  globSync(patterns, { cwd: root })
    .map((path) => ({ path: path.replaceAll("\\", "/"), text: readFileSync(join(root, path), "utf8") }))
    .toSorted((a, b) => a.path.localeCompare(b.path))

const sources = sourcesAt("{packages,apps}/*/src/**/*.ts")

/** A source without its comments: they may name what code must not. */
const code = (text: string): string => text.replaceAll(/\/\*[\s\S]*?\*\/|\/\/[^\n]*/g, "")

/** What a file imports: relative paths made whole, packages as they are named. Type imports count: they bind as much. */
const imports = ({ path, text }: Source): ReadonlyArray<string> =>
  [...code(text).matchAll(/(?:\bfrom\s*|\bimport\s*\(?\s*)["']([^"'\s]+)["']/g)].map(([, name = ""]) =>
    name.startsWith(".") ? relative(".", join(dirname(path), name)).replaceAll("\\", "/") : name,
  )

const effect = /^effect(\/|$)/
const core = /^@webflow-users\/core(\/|$)/
const stores = /^@webflow-users\/stores(\/(Undici|UpstreamSettings))?$/
const server = /^@webflow-users\/server$/
const sdk = /^@webflow-users\/sdk$/
const node = /^node:/
const platform = [effect, core, server, stores, sdk, node, /^@effect\/platform-node\/\w+$/]
const within = (folder: string) => new RegExp(`^${folder}/[^/]+\\.ts$`)
const coreSrc = "packages/core/src"

interface Rule {
  readonly from: RegExp
  readonly may: ReadonlyArray<RegExp>
}

/** The first rule that fits a file is its rule. */
const table: ReadonlyArray<Rule> = [
  { from: within(coreSrc), may: [effect, within(coreSrc), within(`${coreSrc}/wire`)] },
  { from: within(`${coreSrc}/wire`), may: [effect, within(coreSrc), within(`${coreSrc}/wire`)] },
  { from: within(`${coreSrc}/testing`), may: [effect, within(coreSrc), within(`${coreSrc}/testing`)] },
  // An adapter may have a folder of its own, named after it; it knows ports, and no other adapter.
  {
    from: new RegExp(`^${coreSrc}/[A-Z]\\w*/`),
    may: [effect, within(coreSrc), within(`${coreSrc}/wire`)],
  },
  {
    from: /^packages\/stores\/src\//,
    may: [
      effect,
      core,
      within("packages/stores/src"),
      /^node:(sqlite|fs|net|tls|dns|https?)$/,
      /^undici(\/lib\/dispatcher\/(pool|client)\.js)?$/,
      /^@effect\/sql-pg$/,
    ],
  },
  { from: /^packages\/server\/src\//, may: [effect, core, within("packages/server/src"), node] },
  // The server for tests is Node's: nothing that calls a server may come to it, nor it to them.
  {
    from: /^packages\/sdk\/src\/testing(\.ts$|\/)/,
    may: [effect, core, server, within("packages/sdk/src/testing")],
  },
  {
    from: /^packages\/sdk\/src\//,
    may: [effect, core, within("packages/sdk/src"), within("packages/sdk/src/webflow-api"), stores],
  },
  {
    from: /^apps\/(\w|-)+\/src\//,
    may: [...platform, /^csv-parse/, /^cli-progress$/, /^swagger-ui-dist\/[\w.-]+\?raw$/, /^apps\/(\w|-)+\/src\//],
  },
]

/** `UserStore/Sql.ts` may have a folder `UserStore/Sql/` for itself, whose files know each other. */
const isOwnFolder = (path: string, name: string): boolean =>
  path.startsWith(`${coreSrc}/`) &&
  (dirname(name) === path.replace(/\.ts$/, "") ||
    (dirname(name) === dirname(path) && /\/[A-Z]\w*\/[A-Z]\w*$/.test(dirname(path))))

const app = (path: string): string | undefined => /^apps\/([^/]+)\//.exec(path)?.[1]

const wrongImports = (files: ReadonlyArray<Source>): ReadonlyArray<string> =>
  files.flatMap((file) => {
    const rule = table.find(({ from }) => from.test(file.path))
    if (rule === undefined) return [`${file.path} has no rule`]
    return imports(file)
      .filter(
        (name) =>
          !(rule.may.some((allowed) => allowed.test(name)) || isOwnFolder(file.path, name)) ||
          /(^|\/)internal\//.test(name) ||
          (app(name) !== undefined && app(name) !== app(file.path)),
      )
      .map((name) => `${file.path} imports ${name}`)
  })

/**
 * What builds a bundle beside its sources: turbo, the image and the front door know these by their names and by that of their folder,
 * and a script that stood elsewhere would be forgotten there.
 */
const builders = sourcesAt("{packages,apps}/*/{rolldown.config,starts}.ts", "scripts/bundle/**/*.mjs")

const forgotten = (files: ReadonlyArray<Source>): ReadonlyArray<string> =>
  files.flatMap((file) =>
    imports(file)
      .filter((name) => /\.(mjs|ts)$/.test(name) && !/^scripts\/bundle\/|\/starts\.ts$/.test(name))
      .map((name) => `${file.path} imports ${name}`),
  )

/**
 * Who is called by what knows no effects: the system, people's programs, and, with `testing`, their test runners. And what a socket
 * sets going, and a request: docs/decisions/0031.
 */
const programEntry =
  /^apps\/[^/]+\/src\/main\.ts$|^packages\/sdk\/src\/(runtime|testing|testing\/UserStoreTest)\.ts$|^packages\/(core\/src\/Deadlines|server\/src\/Works)\.ts$/

/** What stands nowhere, or only in some places. */
const forbidden: ReadonlyArray<{ readonly what: string; readonly pattern: RegExp; readonly except?: RegExp }> = [
  { what: "runs an effect", pattern: /\bEffect\.run[A-Z]|\bManagedRuntime\.make|\brunMain\b/, except: programEntry },
  { what: "reads the environment past Config", pattern: /\bprocess\.env\b/ },
  {
    what: "reads the clock past Clock",
    pattern: /\bDate\.now\(|\bnew Date\(\)|\bperformance\.now\(/,
    // What receivers import has nothing of Effect in it; they can say which time it is.
    except: /^packages\/sdk\/src\/webhooks\.ts$/,
  },
  { what: "rolls dice past Random", pattern: /\bMath\.random\(|\bcrypto\.getRandomValues/ },
  { what: "writes past Console", pattern: /\bconsole\.\w+\(/ },
  { what: "has a type that says nothing", pattern: /\bas any\b|:\s*any\b|@ts-(ignore|nocheck|expect-error)/ },
]

const misdeeds = (files: ReadonlyArray<Source>): ReadonlyArray<string> =>
  files.flatMap((file) =>
    forbidden
      .filter(({ pattern, except }) => except?.test(file.path) !== true && pattern.test(code(file.text)))
      .map(({ what }) => `${file.path} ${what}`),
  )

describe("who may import whom", () => {
  it("holds for every source", () => {
    expect(sources.length).toBeGreaterThan(20)
    expect(wrongImports(sources)).toEqual([])
  })

  it.each([
    ["core imports an adapter", `${coreSrc}/UpdateUser.ts`, 'import * as Memory from "./UserStore/Memory.ts"'],
    ["core imports a driver", `${coreSrc}/UpdateUser.ts`, 'import { DatabaseSync } from "node:sqlite"'],
    ["an adapter imports another", `${coreSrc}/UserStore/Sql.ts`, 'import { layer } from "./Memory.ts"'],
    [
      "an adapter imports another port's",
      `${coreSrc}/UserStore/Upstream.ts`,
      'import { layer } from "../Transport/Fetch.ts"',
    ],
    [
      "an adapter imports another's own folder",
      `${coreSrc}/AccessTokenStore/Sql.ts`,
      'import "../UserStore/Sql/GroupCommit.ts"',
    ],
    ["the SDK imports a platform", "packages/sdk/src/client.ts", 'import { readFile } from "node:fs/promises"'],
    [
      "the SDK's client imports the server",
      "packages/sdk/src/client.ts",
      'import { Server } from "@webflow-users/server"',
    ],
    [
      "the SDK's server for tests imports its client",
      "packages/sdk/src/testing.ts",
      'import { createClient } from "./client.ts"',
    ],
    [
      "the server imports the stores",
      "packages/server/src/Ready.ts",
      'import { StoreAddress } from "@webflow-users/stores"',
    ],
    ["the server imports a library", "packages/server/src/Server.ts", 'import { Pool } from "undici"'],
    ["the server imports an app", "packages/server/src/Http.ts", 'import("../../../apps/http-proxy/src/DocsPage.ts")'],
    ["the SDK imports an app", "packages/sdk/src/client.ts", 'import { x } from "../../../apps/cli/src/main.ts"'],
    ["an app imports another", "apps/cli/src/main.ts", 'const x = await import("../../http-proxy/src/Http.ts")'],
    ["an app imports a library nobody chose", "apps/cli/src/main.ts", 'import _ from "lodash"'],
    ["someone imports what is internal", "apps/cli/src/main.ts", 'import x from "effect/internal/core"'],
  ])("finds it when %s", (_, path, text) => {
    expect(wrongImports([{ path, text }])).toHaveLength(1)
  })

  it("the SDK reaches the stores only by an import at run time, so that HTTP needs nothing of Node", () => {
    const eager = sources
      .filter(
        ({ path, text }) => path.startsWith("packages/sdk/src/") && /from\s*["']@webflow-users\/stores[/"']/.test(text),
      )
      .map(({ path }) => path)
    expect(eager).toEqual([])
  })
})

describe("what builds a bundle", () => {
  it("lies where whoever builds one looks for it", () => {
    expect(builders.length).toBeGreaterThan(5)
    expect(forgotten(builders)).toEqual([])
  })

  it.each([
    ["a config imports a script of the front door", "apps/cli/rolldown.config.ts", "../../scripts/toolchain.mjs"],
    ["a config imports a file that is not its sources'", "packages/sdk/rolldown.config.ts", "./groups.ts"],
    ["a build script imports one that is none", "scripts/bundle/cold-start.mjs", "../release.mjs"],
  ])("finds it when %s", (_, path, name) => {
    expect(forgotten([{ path, text: `import { x } from "${name}"` }])).toHaveLength(1)
  })
})

describe("what stands nowhere", () => {
  it("holds for every source", () => {
    expect(misdeeds(sources)).toEqual([])
  })

  it.each([
    ["runs an effect", "Effect.runPromise(program)"],
    ["reads the environment past Config", "const home = process.env.HOME"],
    ["reads the clock past Clock", "const now = Date.now()"],
    ["rolls dice past Random", "const id = Math.random()"],
    ["writes past Console", "console.log(1)"],
    ["has a type that says nothing", "const x = y as any"],
  ])("finds a source that %s", (what, text) => {
    expect(misdeeds([{ path: `${coreSrc}/UserPatch.ts`, text }])).toEqual([`${coreSrc}/UserPatch.ts ${what}`])
  })

  it("no source is longer than 300 lines", () => {
    expect(sources.filter(({ text }) => text.split("\n").length > 301).map(({ path }) => path)).toEqual([])
  })

  it("no folder is named after a technique", () => {
    const technique = /\/(utils?|helpers?|types|services|layers|common|lib|misc)\//
    expect(sources.filter(({ path }) => technique.test(path)).map(({ path }) => path)).toEqual([])
  })
})
