/** The proxy's process: the program, as it was compiled the last time, and how it ends. */
import { enableCompileCache } from "node:module"
import { homedir } from "node:os"
import { join } from "node:path"

/** The package's version, put in by the bundler. */
declare const VERSION: string

// As the command line keeps it: in a folder of the user's own, and where that cannot be written, all is compiled anew.
enableCompileCache(join(homedir(), ".cache", "webflow-users"))
const [{ runMain }, { program, teardown }] = await Promise.all([
  import("@effect/platform-node/NodeRuntime"),
  import("./Program.ts"),
])
runMain(program(VERSION), { disableErrorReporting: true, teardown })
