/**
 * From a bare checkout to a built one: Node, pnpm, dependencies, bundles. Each step first looks whether it is done
 * already, so that a repeated start costs next to nothing; a step that was killed midway is not taken for done.
 *
 * Plain JavaScript on `node:` modules alone, because it has to run before anything is installed, on Node 20.
 */
import { spawn, spawnSync } from "node:child_process"
import { createHash } from "node:crypto"
import { copyFileSync, existsSync, mkdirSync, readdirSync, readFileSync } from "node:fs"
import { rmSync, statSync, symlinkSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { delimiter, dirname, join, relative } from "node:path"
import { fileURLToPath } from "node:url"

export const root = dirname(dirname(fileURLToPath(import.meta.url)))

/** What the dependencies need, and what is fetched where the machine's Node is older. */
const oldestNode = "22.19.0"
export const fetchedNode = "24.21.0"

const own = join(root, ".node")
const stamps = join(root, "node_modules", ".front-door")

/** @typedef {{ code: number | null, signal: NodeJS.Signals | null }} Exit */
/** @typedef {{ node: string, env: NodeJS.ProcessEnv }} Toolchain `node` as one would type it; `env` for children */

/** A step that did not succeed: its name, how its process ended, and what it had printed if that was kept quiet. */
export class StepFailed extends Error {
  /**
   * @param {string} step
   * @param {Exit} exit
   * @param {string} [output]
   */
  constructor(step, exit, output = "") {
    super(`${step} failed (${exit.signal ?? `exit code ${exit.code}`})`)
    this.exit = exit
    this.output = output
  }
}

/** @param {string} line */
export const say = (line) => void process.stderr.write(`${line}\n`)

/** @type {Map<import("node:child_process").ChildProcess, { quiet: boolean }>} */
const children = new Map()
/** @type {{ signal: NodeJS.Signals, at: number } | undefined} */
let received

/** Ends this process by the signal, as if it had never been caught, so that the caller can see it. */
export const dieOf = (/** @type {NodeJS.Signals} */ signal) => {
  process.removeAllListeners(signal)
  process.kill(process.pid, signal)
}

/** @param {NodeJS.Signals} signal */
const passOn = (signal) => {
  // A Ctrl-C arrives twice, from the terminal and from npm, and many programs take a second one for impatience.
  if (received?.signal === signal && Date.now() - received.at < 1000) return
  received = { signal, at: Date.now() }
  if (children.size === 0) dieOf(signal)
  for (const [child, { quiet }] of children) {
    child.kill(signal)
    // npm finishes a download first, however long. Quiet steps are ours, and made to be cut off.
    if (quiet) setTimeout(() => child.kill("SIGKILL"), 1000).unref()
  }
}

/** Whoever runs when a signal comes gets it; this process then ends as its child did. */
export const passSignalsOn = () => {
  process.on("SIGINT", passOn)
  process.on("SIGTERM", passOn)
  // npm passes a signal to the shell it runs us in, and not every shell passes it on: it is just gone.
  const parent = process.ppid
  if (process.env.npm_lifecycle_event === undefined) return
  const watch = setInterval(() => {
    if (process.ppid === parent) return
    clearInterval(watch)
    passOn("SIGTERM")
  }, 200).unref()
}

/**
 * Starts a program, in the checkout's root unless told otherwise. Its output is shown as it comes, or kept when `quiet`.
 *
 * @param {string} command
 * @param {ReadonlyArray<string>} args
 * @param {{ env: NodeJS.ProcessEnv, cwd?: string, quiet?: boolean }} options
 */
export const launch = (command, args, { env, cwd = root, quiet = false }) => {
  const output = quiet ? "pipe" : "inherit"
  const child = spawn(command, args, { cwd, env, stdio: ["ignore", output, output] })
  children.set(child, { quiet })
  let stdout = ""
  let all = ""
  child.stdout?.setEncoding("utf8").on("data", (text) => {
    stdout += text
    all += text
  })
  child.stderr?.setEncoding("utf8").on("data", (text) => {
    all += text
  })
  /** @type {Promise<Exit & { stdout: string, output: string }>} */
  const ended = new Promise((resolve) => {
    child.on("error", (error) => resolve({ code: 127, signal: null, stdout, output: `${error.message}\n` }))
    child.on("close", (code, signal) => resolve({ code, signal, stdout, output: all }))
  }).finally(() => children.delete(child))
  return { child, ended }
}

/**
 * Runs a program to its end and answers with what it wrote to stdout; anything but success is a `StepFailed`.
 *
 * @param {string} step
 * @param {string} command
 * @param {ReadonlyArray<string>} args
 * @param {{ env: NodeJS.ProcessEnv, cwd?: string, quiet?: boolean }} options
 */
export const run = async (step, command, args, options) => {
  const { code, signal, stdout, output } = await launch(command, args, options).ended
  if (received !== undefined) throw new StepFailed(step, { code: null, signal: received.signal })
  if (code !== 0) throw new StepFailed(step, { code, signal }, output)
  return stdout
}

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
 * One hash over names and contents, not times: a fresh clone, a copy and a branch switched to and back are all told right.
 *
 * @param {string} base
 * @param {ReadonlyArray<string>} files
 */
export const fingerprint = (base, files) => {
  const hash = createHash("sha256").update(`${process.platform}-${process.arch}`)
  for (const file of files) {
    const content = readFileSync(file)
    hash.update(`\0${relative(base, file)}\0${content.length}\0`).update(content)
  }
  return hash.digest("hex")
}

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

/** The workspace packages, as pnpm-workspace.yaml names them. */
const workspaces = () =>
  ["packages", "apps"]
    .flatMap((folder) => readdirSync(join(root, folder)).map((name) => join(root, folder, name)))
    .filter((folder) => existsSync(join(folder, "package.json")))
    .toSorted()

/**
 * @param {string} folder
 * @param {{ recursive?: boolean }} [options]
 */
const filesIn = (folder, { recursive = false } = {}) =>
  existsSync(folder)
    ? readdirSync(folder, { recursive })
        .map((name) => join(folder, String(name)))
        .filter((file) => statSync(file).isFile())
        .toSorted()
    : []

const installInputs = () =>
  ["package.json", "pnpm-lock.yaml", "pnpm-workspace.yaml", ".npmrc"]
    .map((name) => join(root, name))
    .concat(workspaces().map((folder) => join(folder, "package.json")))
    .filter((file) => existsSync(file))

const buildInputs = () => [
  ...installInputs(),
  join(root, "turbo.json"),
  join(root, "tsconfig.base.json"),
  ...filesIn(join(root, "scripts", "bundle"), { recursive: true }),
  ...workspaces().flatMap((folder) => filesIn(folder).concat(filesIn(join(folder, "src"), { recursive: true }))),
]

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
const ensurePnpm = async (env) => {
  const manifest = JSON.parse(readFileSync(join(root, "package.json"), "utf8"))
  const version = manifest.packageManager.replace(/^pnpm@|\+.*$/g, "")
  if (isVersion("pnpm", version, env)) return
  say(`Fetching pnpm ${version} into .node …`)
  await fetchFromNpm(join(own, "pnpm"), `pnpm@${version}`)
}

/** The Node that is new enough, and an environment in which it and the checkout's own tools come first. */
const ensureToolchain = async () => {
  const env = withoutNpm(process.env)
  const node = await ensureNode(env)
  const path = [dirname(node), join(root, "node_modules", ".bin"), join(own, "pnpm", "node_modules", ".bin"), env.PATH]
  return {
    node: node === process.execPath ? "node" : relative(root, node),
    env: { ...env, PATH: path.join(delimiter), TURBO_TELEMETRY_DISABLED: "1", TURBO_NO_UPDATE_NOTIFIER: "1" },
  }
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
