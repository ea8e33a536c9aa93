/** Node and pnpm in the versions that the checkout asks for: the machine's own, or else fetched into `.node` by its npm. */
import { spawnSync } from "node:child_process"
import { copyFileSync, existsSync, mkdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { delimiter, dirname, join, relative } from "node:path"
import { root } from "./checkout.mjs"
import { run, say } from "./processes.mjs"

/** What the dependencies need, and what is fetched where the machine's Node is older. */
const oldestNode = "22.19.0"
export const fetchedNode = "24.21.0"

const own = join(root, ".node")

/** @typedef {{ node: string, env: NodeJS.ProcessEnv }} Toolchain `node` as one would type it; `env` for children */

/**
 * Whether a dotted version is the other or newer. Pre-releases do not occur here.
 *
 * @param {string} version
 * @param {string} wanted
 */
export const isAtLeast = (version, wanted) => {
  const have = version.split(".").map(Number)
  const want = wanted.split(".").map(Number)
  const index = want.findIndex((part, at) => part !== have[at])
  return index === -1 || (have[index] ?? 0) > (want[index] ?? 0)
}

/**
 * npm hands its own settings to the scripts it runs as `npm_…` variables, and a nested npm or pnpm would obey them:
 * `npm --prefix x start` would move what we install. Only how to reach a registry is passed on. (The global settings
 * are named even if there are none; without the name, a nested npm looks in the usual place.)
 *
 * @param {NodeJS.ProcessEnv} env
 * @returns {NodeJS.ProcessEnv}
 */
export const withoutNpm = (env) => {
  const dropped = /^(npm_.*|init_cwd|node)$/i
  const kept = /^npm_config_(registry|userconfig|cache|ca|cafile|strict_ssl|(https?_|no)?proxy|@.*|\/\/.*)$/i
  const globalSettings = /^npm_config_globalconfig$/i
  return Object.fromEntries(
    Object.entries(env).filter(
      ([name, value = ""]) =>
        !dropped.test(name) || kept.test(name) || (globalSettings.test(name) && existsSync(value)),
    ),
  )
}

/**
 * Whether `command --version` says exactly this. Asked elsewhere and without a network, since pnpm and corepack
 * would otherwise fetch and become whatever version the checkout asks for.
 *
 * @param {string} command
 * @param {string} version
 * @param {NodeJS.ProcessEnv} env
 */
const isVersion = (command, version, env) => {
  const options = { cwd: tmpdir(), env: { ...env, COREPACK_ENABLE_NETWORK: "0" }, timeout: 20_000 }
  return spawnSync(command, ["--version"], { ...options, encoding: "utf8" }).stdout?.trim() === version
}

/**
 * By the machine's own npm on the machine's own Node, which know its proxies and certificates; a Node fetched a moment
 * ago does not. For the same reason no `--prefix`: npm would look for its global settings there.
 *
 * @param {string} folder
 * @param {string} spec
 */
const fetchFromNpm = async (folder, spec) => {
  // What a killed run left behind would otherwise count as installed.
  for (const left of ["node_modules", "package-lock.json"]) rmSync(join(folder, left), { recursive: true, force: true })
  mkdirSync(folder, { recursive: true })
  // Tells npm that this is a project of its own, not a folder of ours.
  writeFileSync(join(folder, "package.json"), '{ "private": true }\n')
  const args = ["install", "--no-audit", "--no-fund", "--loglevel=error", spec]
  await run(`Fetching ${spec}`, "npm", args, { cwd: folder, env: withoutNpm(process.env), quiet: true })
}

/** @param {NodeJS.ProcessEnv} env */
const ensureNode = async (env) => {
  if (isAtLeast(process.versions.node, oldestNode)) return process.execPath
  const node = join(own, "bin", "node")
  if (isVersion(node, `v${fetchedNode}`, env)) return node

  say(`Fetching Node ${fetchedNode} into .node (this one is ${process.versions.node}, ${oldestNode} is needed) …`)
  const name = `node-${process.platform}-${process.arch}`
  await fetchFromNpm(own, `${name}@${fetchedNode}`)
  const binary = join(own, "node_modules", name, "bin", "node")
  rmSync(dirname(node), { recursive: true, force: true })
  mkdirSync(dirname(node))
  try {
    symlinkSync(relative(dirname(node), binary), node)
  } catch {
    copyFileSync(binary, node)
  }
  if (!isVersion(node, `v${fetchedNode}`, env)) {
    throw new Error(
      `The Node fetched for ${name} does not run here. Install Node ${oldestNode} or newer and try again.`,
    )
  }
  return node
}

/** @param {NodeJS.ProcessEnv} env */
export const ensurePnpm = async (env) => {
  const manifest = JSON.parse(readFileSync(join(root, "package.json"), "utf8"))
  const version = manifest.packageManager.replace(/^pnpm@|\+.*$/g, "")
  if (isVersion("pnpm", version, env)) return
  say(`Fetching pnpm ${version} into .node …`)
  await fetchFromNpm(join(own, "pnpm"), `pnpm@${version}`)
}

/** The Node that is new enough, and an environment in which it and the checkout's own tools come first. */
export const ensureToolchain = async () => {
  const env = withoutNpm(process.env)
  const node = await ensureNode(env)
  const path = [dirname(node), join(root, "node_modules", ".bin"), join(own, "pnpm", "node_modules", ".bin"), env.PATH]
  return {
    node: node === process.execPath ? "node" : relative(root, node),
    env: { ...env, PATH: path.join(delimiter), TURBO_TELEMETRY_DISABLED: "1", TURBO_NO_UPDATE_NOTIFIER: "1" },
  }
}
