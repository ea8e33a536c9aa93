/**
 * What is needed of the system before it is known which command is called: the arguments, and whether somebody sits there. The
 * whole of it, `Files.ts`, takes as long to load as Node takes to start.
 */
import { isatty } from "node:tty"
import { Context, Effect, Stdio } from "effect"
import type { Command } from "effect/cli"

const stdio: Pick<Stdio.Stdio, "args" | "stdinIsTerminal" | "stdoutIsTerminal" | "stderrIsTerminal"> = {
  args: Effect.sync(() => process.argv.slice(2)),
  // Asked of the system: to ask Node's streams would make them.
  stdinIsTerminal: Effect.sync(() => isatty(0)),
  stdoutIsTerminal: Effect.sync(() => isatty(1)),
  stderrIsTerminal: Effect.sync(() => isatty(2)),
}

/** The rest is for flags and arguments that name files, of which there are none: commands read files themselves. */
export const platform = Context.make(Stdio.Stdio, stdio as Stdio.Stdio) as Context.Context<Command.Environment>
