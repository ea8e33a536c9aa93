/** The command line `webflow-users`: it loads what it is asked for, as it was compiled the last time. */
import type { Runtime } from "effect"

/** Written in by the bundler, from package.json; of Node, the oldest one that it names. */
declare const VERSION: string
declare const OLDEST_NODE: string

// Once all that was printed is out, the process is ended at once: ending by itself, it would first take down what it has built, which
// takes longer than to print. What a pipe has not taken yet, from 64 KiB on, would be lost; then it does end by itself.
const teardown: Runtime.Teardown = (exit, onExit) => {
  const code = exit._tag === "Success" && typeof exit.value === "number" ? exit.value : undefined
  const isOut = process.stdout.writableLength === 0 && process.stderr.writableLength === 0
  if (code === undefined) onExit(130)
  else if (isOut) process.exit(code)
  else process.exitCode = code
}

/** As a number, to compare by: what a major version has of minor ones is less than a thousand. */
const ordinal = (version: string) => {
  const [major, minor] = version.split(".")
  return Number(major) * 1000 + Number(minor)
}

const [first, ...more] = process.argv.slice(2)
// Node's modules are asked for where they are needed: imports would load them for whoever asks for the version, too.
if ((first === "--version" || first === "-v") && more.length === 0) {
  process.getBuiltinModule("node:fs").writeSync(1, `webflow-users v${VERSION}\n`)
} else if (ordinal(process.versions.node) < ordinal(OLDEST_NODE)) {
  process.stderr.write(`webflow-users needs Node ${OLDEST_NODE} or newer; this is ${process.versions.node}.\n`)
  process.exitCode = 1
} else {
  const { enableCompileCache } = process.getBuiltinModule("node:module")
  const { homedir } = process.getBuiltinModule("node:os")
  // In a folder of the user's own: into the system's for temporary files, others can put what is then run. Where it cannot be
  // written, all is compiled anew. NODE_COMPILE_CACHE names another one, NODE_DISABLE_COMPILE_CACHE says to do without.
  enableCompileCache(process.getBuiltinModule("node:path").join(homedir(), ".cache", "webflow-users"))
  const { runMain, program } = await import("./Program.ts")
  runMain(program(VERSION), { teardown, disableErrorReporting: true })
}
