/** The command line `webflow-users`: it loads what it is asked for, and that as it was compiled the last time. */
import { enableCompileCache } from "node:module"
import { homedir } from "node:os"
import { join } from "node:path"
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
// What a script asks before all else, and what is known without a program. At a terminal, which may have colours, the program answers.
if ((first === "--version" || first === "-v") && more.length === 0 && !process.stdout.isTTY) {
  process.stdout.write(`webflow-users v${VERSION}\n`)
} else {
  // In a folder of the user's own: what stands in the system's folder for temporary files, others may have put there. Where it
  // cannot be written, everything is compiled anew. `NODE_COMPILE_CACHE` names another one, and `NODE_DISABLE_COMPILE_CACHE` none.
  enableCompileCache(join(homedir(), ".cache", "webflow-users"))
  const [{ runMain }, { program }] = await Promise.all([
    import("@effect/platform-node/NodeRuntime"),
    import("./Program.ts"),
  ])
  runMain(program(VERSION), { teardown, disableErrorReporting: true })
}
