/**
 * From a bare checkout to a built one: Node, pnpm, dependencies, bundles. Each step first looks whether it is done
 * already, so that a repeated start costs next to nothing; a step that was killed midway is not taken for done.
 *
 * Plain JavaScript on `node:` modules alone, as is all that this imports, because it has to run before anything is
 * installed, on Node 20.
 */
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { buildInputs, fingerprint, installInputs, root, workspaces } from "./checkout.mjs"
import { run, say } from "./processes.mjs"
import { ensurePnpm, ensureToolchain } from "./toolchain.mjs"

/** @typedef {import("./toolchain.mjs").Toolchain} Toolchain */

const stamps = join(root, "node_modules", ".front-door")

/** @param {string} stamp */
const stampOf = (stamp) => {
  const file = join(stamps, stamp)
  return existsSync(file) ? readFileSync(file, "utf8") : undefined
}

/**
 * Does a step and remembers for which inputs. The stamp goes first, so that a step killed midway is done again.
 *
 * @param {string} stamp
 * @param {string} inputs
 * @param {() => Promise<unknown>} step
 */
const stamped = async (stamp, inputs, step) => {
  rmSync(join(stamps, stamp), { force: true })
  await step()
  mkdirSync(stamps, { recursive: true })
  writeFileSync(join(stamps, stamp), inputs)
}

/** @returns {Promise<Toolchain>} */
export const ensureInstalled = async () => {
  const toolchain = await ensureToolchain()
  await installed(toolchain, "install", root, installInputs())
  return toolchain
}

/** The peers that benchmarks compare with: nothing else needs them, so they have a folder and a lockfile of their own. */
export const ensurePeers = async () => {
  const folder = join(root, "benchmarks", "peers")
  const inputs = ["package.json", "pnpm-lock.yaml", "pnpm-workspace.yaml"].map((name) => join(folder, name))
  await installed(await ensureToolchain(), "peers", folder, inputs)
}

/**
 * @param {Toolchain} toolchain
 * @param {string} stamp
 * @param {string} folder
 * @param {ReadonlyArray<string>} files
 */
const installed = async ({ env }, stamp, folder, files) => {
  const inputs = fingerprint(root, files)
  if (existsSync(join(folder, "node_modules", ".modules.yaml")) && stampOf(stamp) === inputs) return
  await ensurePnpm(env)
  say(folder === root ? "Installing the dependencies …" : "Installing what benchmarks compare with …")
  // CI: pnpm then never asks before it mends a half-made node_modules.
  const options = { env: { ...env, CI: "1" }, cwd: folder, quiet: true }
  await stamped(stamp, inputs, () => run("pnpm install", "pnpm", ["install", "--frozen-lockfile"], options))
}

/** @param {{ force?: boolean, args?: ReadonlyArray<string> }} [options] */
export const ensureBuilt = async ({ force = false, args = [] } = {}) => {
  const toolchain = await ensureInstalled()
  const inputs = fingerprint(root, buildInputs())
  const outputs = workspaces().every((folder) =>
    ["index.js", "main.js"].some((entry) => existsSync(join(folder, "dist", entry))),
  )
  if (!force && outputs && stampOf("build") === inputs) return toolchain
  await ensurePnpm(toolchain.env)
  say("Building …")
  const turbo = ["run", "build", "--output-logs=errors-only", ...args]
  await stamped("build", inputs, () => run("turbo run build", "turbo", turbo, { env: toolchain.env, quiet: true }))
  return toolchain
}
