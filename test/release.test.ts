/** What a release does before anybody has to try one: versions, changelogs, and the workflow that asks for them. */
import { cpSync, existsSync, globSync, mkdirSync, readFileSync, statSync, writeFileSync } from "node:fs"
import { mkdtemp, rm } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join, relative } from "node:path"
import { describe, expect, it } from "vitest"
import { parse } from "yaml"
import { problemsOf } from "../scripts/release.mjs"
import { root } from "../scripts/checkout.mjs"
import { manifestIn, packages, published, run } from "./packing.ts"

const read = (file: string) => readFileSync(join(root, file), "utf8")

interface Step {
  readonly uses?: string
  readonly run?: string
  readonly with?: Readonly<Record<string, unknown>>
  readonly env?: Readonly<Record<string, string>>
}

interface Job {
  readonly uses?: string
  readonly needs?: string
  readonly permissions?: Readonly<Record<string, string>>
  readonly steps?: ReadonlyArray<Step>
}

interface Workflow {
  readonly on: Readonly<Record<string, unknown>>
  readonly permissions: Readonly<Record<string, string>>
  readonly jobs: Readonly<Record<string, Job>>
}

const workflows = new Map(
  globSync(".github/workflows/*.yml", { cwd: root }).map((file) => [file, parse(read(file)) as Workflow] as const),
)
const { ci, release } = {
  ci: workflows.get(".github/workflows/ci.yml")!,
  release: workflows.get(".github/workflows/release.yml")!,
}

describe("the workflows", () => {
  const jobs = [...workflows.values()].flatMap(({ jobs: all }) => Object.values(all))
  const steps = jobs.flatMap(({ steps: all = [] }) => all)

  it("may read, and write only where something is released", () => {
    expect([...workflows.values()].map(({ permissions }) => permissions)).toEqual([
      { contents: "read" },
      { contents: "read" },
    ])
    const granted = jobs.flatMap(({ permissions }) => (permissions === undefined ? [] : [permissions]))
    expect(granted).toEqual([{ contents: "write", "pull-requests": "write", "id-token": "write" }])
  })

  it("use actions by their commit, which nobody can move, and files that there are", () => {
    const used = [...jobs, ...steps].flatMap(({ uses }) => (uses === undefined ? [] : [uses]))
    expect(used.length).toBeGreaterThan(4)
    for (const each of used) {
      if (each.startsWith("./")) expect(existsSync(join(root, each))).toBe(true)
      else expect(each).toMatch(/^(actions|changesets)\/[\w-]+@[0-9a-f]{40}$/)
    }
  })

  it("run commands that there are", () => {
    const { scripts } = JSON.parse(read("package.json")) as { readonly scripts: Readonly<Record<string, string>> }
    const commands = steps.flatMap((step) =>
      [step.run, step.with?.["version-script"], step.with?.["publish-script"]].filter(
        (command) => typeof command === "string" && !command.startsWith("echo "),
      ),
    ) as ReadonlyArray<string>
    expect(commands.toSorted()).toEqual([".ci/run", "npm run release:publish", "npm run release:version"])
    for (const command of commands) {
      const script = /^npm run (\S+)$/.exec(command)?.[1]
      if (script === undefined) expect(statSync(join(root, command)).mode & 0o111).not.toBe(0)
      else expect(scripts[script]).toBe(`node scripts/front-door.mjs ${script}`)
    }
  })

  it("hand the action of Changesets what it takes in the version that goes with ours", () => {
    const { devDependencies } = JSON.parse(read("package.json"))
    expect(devDependencies["@changesets/cli"]).toMatch(/^3\./)
    // Version 1 looks for what was published in what version 2 of the tool prints; the commit says which it is behind itself.
    expect(read(".github/workflows/release.yml")).toMatch(/changesets\/action@[0-9a-f]{40} # v2\./)
    const action = steps.find(({ uses }) => uses?.startsWith("changesets/"))
    expect(Object.keys(action?.with ?? {}).toSorted()).toEqual([
      "commit-message",
      "pr-title",
      "publish-script",
      "version-script",
    ])
    const [, , node] = release.jobs["release"]?.steps ?? []
    expect(node?.with?.["registry-url"]).toBe("${{ steps.registry.outputs.url }}")
    expect(action?.env).toEqual({ NODE_AUTH_TOKEN: "${{ secrets.NPM_TOKEN }}" })
  })

  it("release what has passed every check, from main", () => {
    expect(release.on).toEqual({ push: { branches: ["main"] } })
    expect(Object.hasOwn(ci.on, "workflow_call")).toBe(true)
    const checks = release.jobs["release"]?.needs ?? ""
    expect(release.jobs[checks]?.uses).toBe("./.github/workflows/ci.yml")
    // Whole histories tell which tags there are.
    expect(release.jobs["release"]?.steps?.[0]?.with).toEqual({ "fetch-depth": 0 })
  })
})

describe("publishing", () => {
  const manifest = { repository: { type: "git", url: "git+https://git.example.com/owner/name.git" } }

  it("is refused where a manifest does not say where its sources are, or says it wrongly", () => {
    const file = "packages/core/package.json"
    expect(problemsOf([{ file, manifest }], "owner/name")).toEqual([])
    expect(problemsOf([{ file, manifest }], undefined)).toEqual([])
    expect(problemsOf([{ file, manifest: {} }], "owner/name")).toEqual([
      expect.stringContaining("packages/core/package.json does not say where its sources are"),
    ])
    expect(problemsOf([{ file, manifest }], "owner/other")).toEqual([
      expect.stringContaining("they are in owner/other"),
    ])
  })
})

it("changesets make versions and changelogs of what is published, and of nothing else", async () => {
  const folder = await mkdtemp(join(tmpdir(), "webflow-users-release-"))
  try {
    const files = ["package.json", "pnpm-lock.yaml", "pnpm-workspace.yaml", ".changeset"]
    for (const file of [...files, ...packages.map((each) => join(relative(root, each.folder), "package.json"))]) {
      mkdirSync(join(folder, file, ".."), { recursive: true })
      cpSync(join(root, file), join(folder, file), { recursive: true })
    }
    // One of its own: right after a release there are no others.
    const own = '---\n"@webflow-users/sdk": patch\n---\n\nA change.\n'
    writeFileSync(join(folder, ".changeset/of-the-test.md"), own)
    const git = (...args: ReadonlyArray<string>) =>
      run("git", ["-c", "user.name=x", "-c", "user.email=x@example.com", ...args], { cwd: folder })
    await git("init", "--initial-branch=main")
    await git("add", ".")
    await git("commit", "--message=x")
    cpSync(join(root, "node_modules/@changesets"), join(folder, "node_modules/@changesets"), { recursive: true })
    await run("changeset", ["version"], { cwd: folder })

    expect(globSync(".changeset/*.md", { cwd: folder })).toEqual([])
    for (const each of packages) {
      const place = join(folder, relative(root, each.folder))
      const { version } = manifestIn(place)
      const isReleased = published.includes(each)
      expect(version === each.manifest.version).toBe(!isReleased)
      expect(existsSync(join(place, "CHANGELOG.md"))).toBe(isReleased)
      if (isReleased) expect(readFileSync(join(place, "CHANGELOG.md"), "utf8")).toContain(`## ${version}\n`)
    }
  } finally {
    await rm(folder, { recursive: true })
  }
})
