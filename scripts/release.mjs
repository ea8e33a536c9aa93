/** From changesets to packages on npm, step by step. docs/releasing.md says who does which. */
import { existsSync, mkdirSync, readdirSync, readFileSync } from "node:fs"
import { dirname, join, resolve } from "node:path"
import { ensureBuilt, ensureInstalled } from "./build.mjs"
import { root } from "./checkout.mjs"
import { run, say } from "./processes.mjs"

/** The manifests of what is published, with where they are. */
const published = () =>
  ["packages", "apps"]
    .flatMap((folder) => readdirSync(join(root, folder)).map((name) => join(folder, name, "package.json")))
    .filter((file) => existsSync(join(root, file)))
    .map((file) => ({ file, manifest: JSON.parse(readFileSync(join(root, file), "utf8")) }))
    .filter(({ manifest }) => manifest.private !== true)

/**
 * What stands against publishing with a proof of where it was made: npm compares it with what the manifest says.
 *
 * @param {ReadonlyArray<{ file: string, manifest: any }>} manifests
 * @param {string | undefined} repository as GitHub names it, `owner/name`
 */
export const problemsOf = (manifests, repository) =>
  manifests.flatMap(({ file, manifest }) => {
    const url = manifest.repository?.url ?? manifest.repository
    const wanted = `"repository": { "type": "git", "url": "git+https://…/${repository ?? "owner/name"}.git", "directory": "${file.replace("/package.json", "")}" }`
    if (typeof url !== "string")
      return [`${file} does not say where its sources are, which a provenance needs. Add ${wanted}`]
    if (repository !== undefined && !url.replace(/\.git$/, "").endsWith(`/${repository}`)) {
      return [`${file} says that its sources are at ${url}, and they are in ${repository}. Correct it: ${wanted}`]
    }
    return []
  })

/** Takes the changesets for versions and changelogs. */
export const version = async () => {
  const { env } = await ensureInstalled()
  await run("changeset version", "changeset", ["version"], { env })
  await run("pnpm install", "pnpm", ["install", "--lockfile-only"], { env })
}

/**
 * The step that reaches npm. pnpm takes no heed of `publishConfig.provenance`, only of this setting; with it, nothing is published where
 * nobody vouches for where it was made, so by hand nothing is.
 *
 * @param {string} folder
 * @param {NodeJS.ProcessEnv} env
 * @param {{ quiet?: boolean }} [options]
 */
export const publishIn = (folder, env, options) =>
  run("changeset publish", "changeset", ["publish"], {
    ...options,
    cwd: folder,
    env: { ...env, pnpm_config_provenance: "true" },
  })

/** Publishes what is not on npm in its version. */
export const publish = async () => {
  const problems = problemsOf(published(), process.env["GITHUB_REPOSITORY"])
  if (problems.length > 0) throw new Error(problems.join("\n"))
  const { env } = await ensureBuilt({ force: true })
  await publishIn(root, env)
}

/**
 * What would be published, as files to install from: all of them, since they ask for each other.
 *
 * @param {ReadonlyArray<string>} args the folder to put them into, `tarballs` in the checkout unless said
 */
export const pack = async ([folder = "tarballs"]) => {
  const { env } = await ensureBuilt()
  const into = resolve(root, folder)
  mkdirSync(into, { recursive: true })
  for (const { file } of published()) {
    await run("pnpm pack", "pnpm", ["pack", "--pack-destination", into], {
      env,
      cwd: dirname(join(root, file)),
      quiet: true,
    })
  }
  say(`Packed into ${into}: ${readdirSync(into).join(", ")}`)
}
