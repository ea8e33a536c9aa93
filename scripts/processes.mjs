/** The programs that the front door runs: what they print, how they end, and that they hear of a signal to it. */
import { spawn } from "node:child_process"
import { root } from "./checkout.mjs"

/** @typedef {{ code: number | null, signal: NodeJS.Signals | null }} Exit */

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
