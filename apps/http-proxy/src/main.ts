/** The proxy's process: the program, and how it ends. */
import { runMain } from "@effect/platform-node/NodeRuntime"
import { program, teardown } from "./Program.ts"

/** The package's version, put in by the bundler. */
declare const VERSION: string

runMain(program(VERSION), { disableErrorReporting: true, teardown })
