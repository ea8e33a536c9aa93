/** The command line `webflow-users`. */
import * as NodeRuntime from "@effect/platform-node/NodeRuntime"
import * as NodeServices from "@effect/platform-node/NodeServices"
import { Cause, Effect, Exit, Layer, type Runtime, Stdio } from "effect"
import { CliConfig, Command, GlobalFlag } from "effect/cli"
import { bulk } from "./Bulk.ts"
import { Calls } from "./Calls.ts"
import { copy } from "./Copy.ts"
import { exportSite } from "./Export.ts"
import { get } from "./Get.ts"
import { history } from "./History.ts"
import { importUsers } from "./Import.ts"
import { joinSort, list } from "./List.ts"
import * as Output from "./Output.ts"
import { report } from "./Report.ts"
import { runs } from "./Runs.ts"
import { siteCommand } from "./Site.ts"
import * as Store from "./Store.ts"
import { token } from "./Token.ts"
import { undo } from "./Undo.ts"
import { update } from "./Update.ts"
import { webhook } from "./Webhook.ts"

/** Written in by the bundler, from package.json. */
declare const VERSION: string

const webflowUsers = Command.make("webflow-users").pipe(
  Command.withDescription(
    [
      "Update, read and import the members of sites, in a store of your own or on another server.",
      "The bearer token that another server wants is read from WEBFLOW_USERS_TOKEN, and how patient to be with it from:",
      "",
      ...Store.settings.split("\n").map((line) => `  ${line}`),
      "",
      "Exit codes: 0 done, 1 failed, 2 called wrongly or invalid input, 3 not authorised, 4 too many requests,",
      "5 store or server unavailable, 6 not found, 130 interrupted.",
    ].join("\n  "),
  ),
  Command.withSubcommands([
    update,
    bulk,
    runs,
    undo,
    get,
    history,
    list,
    importUsers,
    exportSite,
    copy,
    siteCommand,
    token,
    webhook,
  ]),
  Command.withGlobalFlags([Store.Address, ...Output.flags]),
)

const layer = Layer.mergeAll(
  Output.presenter,
  CliConfig.layer({ builtIns: [GlobalFlag.Help, GlobalFlag.Version, GlobalFlag.Completions] }),
).pipe(Layer.provideMerge(Calls.layer), Layer.provideMerge(Output.Output.layer), Layer.provideMerge(NodeServices.layer))

/** Gives the exit code. What it fails with is an interruption only. */
const program = Stdio.Stdio.use(({ args }) => args).pipe(
  Effect.flatMap((args) => Command.runWith(webflowUsers, { version: VERSION })(joinSort(args))),
  Effect.as(0),
  Effect.catchCauseIf((cause) => !Cause.hasInterruptsOnly(cause), report),
  Effect.provide(layer),
)

// Only an interruption may end the process at once. Otherwise it ends by itself, when all that was printed is out: what
// a pipe has not taken yet, from 64 KiB on, would be lost.
const teardown: Runtime.Teardown = (exit, onExit) => {
  if (Exit.isSuccess(exit) && typeof exit.value === "number") process.exitCode = exit.value
  else onExit(130)
}

NodeRuntime.runMain(program, { teardown, disableErrorReporting: true })
