/** The command line, of its arguments. */
import { Cause, Effect, Layer, Stdio } from "effect"
import { CliConfig, Command, GlobalFlag, TerminalCapabilities } from "effect/cli"
import { Calls } from "./Calls.ts"
import { commandsOf } from "./Commands.ts"
import type { Failure } from "./Failure.ts"
import * as Output from "./Output.ts"
import { platform } from "./Platform.ts"
import * as Store from "./Store.ts"

/** What runs it, in the same file as the program. */
export * from "@effect/platform-node/NodeRuntime"

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
)

/** Makes one argument of `--sort -CreatedOn`, which otherwise is read as a row of short flags. */
const joinSort = (args: ReadonlyArray<string>): ReadonlyArray<string> =>
  args.flatMap((arg, index) => {
    if (arg === "--sort" && isReversed(args[index + 1])) return [`--sort=${args[index + 1]}`]
    return args[index - 1] === "--sort" && isReversed(arg) ? [] : [arg]
  })

const isReversed = (arg: string | undefined): boolean => arg !== undefined && /^-\w/.test(arg)

const layer = Layer.mergeAll(
  Output.presenter,
  CliConfig.layer({ builtIns: [GlobalFlag.Help, GlobalFlag.Version, GlobalFlag.Completions] }),
).pipe(
  Layer.provideMerge(Calls.layer),
  Layer.provideMerge(Output.Output.layer),
  Layer.provideMerge(TerminalCapabilities.layer),
  Layer.provideMerge(Layer.succeedContext(platform)),
)

const run = Effect.fnUntraced(function* (version: string) {
  const { args } = yield* Stdio.Stdio
  const given = joinSort(yield* args)
  const command = webflowUsers.pipe(
    Command.withSubcommands(yield* commandsOf(given)),
    Command.withGlobalFlags([Store.Address, ...Output.flags]),
  )
  yield* Command.runWith(command, { version })(given)
  return 0
})

/** Gives the exit code. What it fails with is an interruption only. */
export const program = (version: string): Effect.Effect<number, Failure> =>
  run(version).pipe(
    Effect.catchCauseIf(
      (cause) => !Cause.hasInterruptsOnly(cause),
      (cause) =>
        // Loaded when something fails.
        Effect.flatMap(
          Effect.promise(() => import("./Report.ts")),
          ({ report }) => report(cause),
        ),
    ),
    Effect.provide(layer),
  )
