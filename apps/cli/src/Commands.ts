/**
 * The commands there are. One is loaded when its name is among the arguments; of the others the name and a line are enough,
 * to list them and to know them from a word that is none.
 */
import { Effect } from "effect"
import { Command } from "effect/cli"
import type { Calls } from "./Calls.ts"
import { files } from "./Files.ts"
import type { Failure } from "./Failure.ts"
import type { Output } from "./Output.ts"
import type * as Store from "./Store.ts"
import { summaries } from "./Summaries.ts"

type Name = keyof typeof summaries

/** A command with all it can fail by, and no more that it asks for: who needs files has to bring them. */
type Known<Called extends Name = Name> = Called extends Name
  ? Command.Command<Called, never, unknown, Failure, Calls | Output | Store.Asks>
  : never

const withFiles = <Called extends string, Input, Context, E, R>(
  command: Command.Command<Called, Input, Context, E, R>,
) => Command.provide(command, files)

const loaders: { readonly [Called in Name]: () => Promise<Known<Called>> } = {
  update: () => import("./Update.ts").then(({ update }) => update),
  bulk: () => import("./Bulk.ts").then(({ bulk }) => withFiles(bulk)),
  runs: () => import("./Runs.ts").then(({ runs }) => withFiles(runs)),
  undo: () => import("./Undo.ts").then(({ undo }) => withFiles(undo)),
  get: () => import("./Get.ts").then(({ get }) => get),
  history: () => import("./History.ts").then(({ history }) => history),
  list: () => import("./List.ts").then(({ list }) => list),
  import: () => import("./Import.ts").then(({ importUsers }) => withFiles(importUsers)),
  export: () => import("./Export.ts").then(({ exportSite }) => withFiles(exportSite)),
  copy: () => import("./Copy.ts").then(({ copy }) => withFiles(copy)),
  site: () => import("./Site.ts").then(({ siteCommand }) => withFiles(siteCommand)),
  token: () => import("./Token.ts").then(({ token }) => token),
  webhook: () => import("./Webhook.ts").then(({ webhook }) => webhook),
}

/** What is known of a command without it. */
const listed = (name: Name) => Command.make(name).pipe(Command.withDescription(summaries[name])) as Known

/** All of them, those whole that the arguments can mean; a shell's completions have to know all of each. */
export const commandsOf = (args: ReadonlyArray<string>): Effect.Effect<ReadonlyArray<Known>> => {
  const isAsked = (name: Name) => args.includes(name) || args.some((arg) => arg.startsWith("--completions"))
  const known = async (name: Name): Promise<Known> => (isAsked(name) ? loaders[name]() : listed(name))
  return Effect.promise(() => Promise.all((Object.keys(loaders) as ReadonlyArray<Name>).map(known)))
}
