/**
 * What is needed of the system before it is known which command is called: the arguments, and whether somebody sits there. The
 * whole of it, `Files.ts`, takes as long to load as Node takes to start.
 */
import { isatty } from "node:tty"
import { Context, Effect, FileSystem, Path, Stdio, Terminal } from "effect"
import type { Command } from "effect/cli"
import { ChildProcessSpawner } from "effect/process/ChildProcessSpawner"

/** Flags and arguments that name files would ask for these, and there are none: commands read files themselves. */
const absent = <Service extends object>(name: string): Service =>
  new Proxy<Service>(Object.create(null), {
    get: () => {
      throw new Error(`${name} is there within a command only`)
    },
  })

const stdio: Stdio.Stdio = Object.setPrototypeOf(
  {
    args: Effect.sync(() => process.argv.slice(2)),
    // Asked of the system: to ask Node's streams would make them.
    stdinIsTerminal: Effect.sync(() => isatty(0)),
    stdoutIsTerminal: Effect.sync(() => isatty(1)),
    stderrIsTerminal: Effect.sync(() => isatty(2)),
  },
  absent("Standard input")
)

export const platform: Context.Context<Command.Environment> = Context.make(Stdio.Stdio, stdio).pipe(
  Context.add(FileSystem.FileSystem, absent("A file")),
  Context.add(Path.Path, absent("A path")),
  Context.add(Terminal.Terminal, absent("The terminal")),
  Context.add(ChildProcessSpawner, absent("A process")),
)
