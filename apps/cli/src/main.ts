/** The command line `webflow-users`: it loads what it is asked for, as it was compiled the last time. */
import type { Runtime } from "effect"

/** Written in by the bundler, from package.json. */
declare const VERSION: string

// Only an interruption may end the process at once. Otherwise it ends by itself, when all that was printed is out: what
// a pipe has not taken yet, from 64 KiB on, would be lost.
const teardown: Runtime.Teardown = (exit, onExit) => {
  if (exit._tag === "Success" && typeof exit.value === "number") process.exitCode = exit.value
  else onExit(130)
}

const [first, ...more] = process.argv.slice(2)
// Node's modules are asked for where they are needed: imports would load them for whoever asks for the version, too.
if ((first === "--version" || first === "-v") && more.length === 0) {
  process.getBuiltinModule("node:fs").writeSync(1, `webflow-users v${VERSION}\n`)
} else {
  const { enableCompileCache } = process.getBuiltinModule("node:module")
  const { homedir } = process.getBuiltinModule("node:os")
  // In a folder of the user's own: into the system's for temporary files, others can put what is then run. Where it cannot be
  // written, all is compiled anew. NODE_COMPILE_CACHE names another one, NODE_DISABLE_COMPILE_CACHE says to do without.
  enableCompileCache(process.getBuiltinModule("node:path").join(homedir(), ".cache", "webflow-users"))
  const { NodeRuntime, program } = await import("./Program.ts")
  NodeRuntime.runMain(program(VERSION), { teardown, disableErrorReporting: true })
}
