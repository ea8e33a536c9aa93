/** The step of a release that cannot be taken back, against a registry on loopback: with a proof of where it was made, or not at all. */
import { cpSync, existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs"
import { mkdtemp, rm } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join, relative } from "node:path"
import { expect, it } from "vitest"
import { publishIn } from "../scripts/release.mjs"
import { root } from "../scripts/checkout.mjs"
import { withoutNpm } from "../scripts/toolchain.mjs"
import { packages, published, run } from "./packing.ts"
import { startRegistry } from "./release-registry.ts"

/** A checkout of manifests alone, in a repository, with what a token's first use needs: a file of settings that asks the environment for it. */
const checkout = async (host: string) => {
  const folder = await mkdtemp(join(tmpdir(), "webflow-users-publish-"))
  const files = ["package.json", "pnpm-lock.yaml", "pnpm-workspace.yaml", ".changeset/config.json"]
  for (const file of [...files, ...packages.map((each) => join(relative(root, each.folder), "package.json"))]) {
    mkdirSync(join(folder, file, ".."), { recursive: true })
    cpSync(join(root, file), join(folder, file))
  }
  // In each package itself, which goes before all settings: nothing of this test may reach another registry.
  for (const each of packages) {
    const file = join(folder, relative(root, each.folder), "package.json")
    const manifest = JSON.parse(readFileSync(file, "utf8")) as { readonly publishConfig?: object }
    const publishConfig = { ...manifest.publishConfig, registry: `http:${host}` }
    writeFileSync(file, JSON.stringify({ ...manifest, publishConfig }))
  }
  // As `actions/setup-node` writes it.
  writeFileSync(join(folder, "settings"), `${host}:_authToken=\${NODE_AUTH_TOKEN}\nregistry=http:${host}\n`)
  const git = (...args: ReadonlyArray<string>) =>
    run("git", ["-c", "user.name=x", "-c", "user.email=x@example.com", ...args], { cwd: folder })
  await git("init", "--initial-branch=main")
  await git("add", ".")
  await git("commit", "--message=x")
  return folder
}

/** Nobody's continuous integration, whoever runs this test. */
const byHand = (folder: string) => ({
  ...Object.fromEntries(
    Object.entries(withoutNpm(process.env)).filter(
      ([name]) => !/^(CI|GITHUB_|GITLAB_|ACTIONS_|SIGSTORE_|p?npm_config_)/i.test(name),
    ),
  ),
  // As it is set by hand, and as npm names it to what it runs: whoever runs this test may have set either.
  NPM_CONFIG_USERCONFIG: join(folder, "settings"),
  npm_config_userconfig: join(folder, "settings"),
  NODE_AUTH_TOKEN: "of-the-first-release",
  GIT_AUTHOR_NAME: "x",
  GIT_AUTHOR_EMAIL: "x@example.com",
  GIT_COMMITTER_NAME: "x",
  GIT_COMMITTER_EMAIL: "x@example.com",
})

it("publishes nothing by hand, where nobody can vouch for where it was made", async () => {
  await using registry = await startRegistry()
  const folder = await checkout(registry.host)
  try {
    const refused = await publishIn(folder, byHand(folder), { quiet: true }).catch((error: unknown) => error)
    expect(registry.uploads).toEqual([])
    expect(String((refused as { output?: string }).output)).toMatch(/provenance/i)
  } finally {
    await rm(folder, { recursive: true })
  }
}, 60_000)

it("would publish but for that: with the token of the settings, and saying to who asked what is to be tagged", async () => {
  await using registry = await startRegistry()
  const folder = await checkout(registry.host)
  try {
    const report = join(folder, "report")
    await run("changeset", ["publish"], { cwd: folder, env: { ...byHand(folder), CHANGESETS_OUTPUT: report } })
    const names = published.map(({ manifest }) => manifest.name)
    expect(registry.uploads.map(({ name }) => name).toSorted()).toEqual(names.toSorted())
    expect(new Set(registry.uploads.map(({ authorization }) => authorization))).toEqual(
      new Set(["Bearer of-the-first-release"]),
    )
    // What `changesets/action` reads from version 2 on, and makes tags and releases of.
    expect(existsSync(report)).toBe(true)
    const lines = readFileSync(report, "utf8").trim().split("\n")
    expect(lines.map((line) => JSON.parse(line).packageName).toSorted()).toEqual(names.toSorted())
  } finally {
    await rm(folder, { recursive: true })
  }
}, 60_000)
