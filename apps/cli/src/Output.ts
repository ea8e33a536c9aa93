/**
 * What is printed, and where: results on standard output, failures on standard error. Words for a person at a terminal;
 * JSON where `--json` asks for it or nobody is there to read.
 */
import { Console, Context, Effect, Layer, Stdio } from "effect"
import { CliOutput, Flag, GlobalFlag, TerminalCapabilities } from "effect/cli"
import type { Told } from "./Failure.ts"
import { inWords } from "./InWords.ts"

const switchOf = <const Name extends string>(name: Name, description: string) =>
  GlobalFlag.Setting(name)({
    flag: Flag.Boolean(name).pipe(Flag.withDescription(description), Flag.withoutNegation, Flag.withDefault(false)),
  })

/** The flags that say how to print. */
export const flags = [
  switchOf("json", "Print JSON, as is done anyway when the output is no terminal"),
  switchOf("debug", "Tell where in the program an unexpected failure happened"),
] as const

export class Output extends Context.Service<
  Output,
  {
    /** What a command found or did. */
    readonly result: (json: unknown, words: () => string) => Effect.Effect<void>
    /** Something to know beside the result, for a person only: in JSON the result holds it. */
    readonly note: (words: string) => Effect.Effect<void>
    /** Something to know while a command goes on that takes long, for whoever follows it; where JSON is asked for, there are events. */
    readonly remark: (words: string) => Effect.Effect<void>
    /** Something that happened, where JSON is asked for: a line each. */
    readonly event: (json: unknown) => Effect.Effect<void>
    /** How to tell how far a command is. */
    readonly progress: "bar" | "lines" | "events"
    /** Whether somebody is there to be asked. */
    readonly canAsk: boolean
    readonly failure: (told: Told) => Effect.Effect<void>
    /** Whether to tell where in the program something happened. */
    readonly isDebug: boolean
    readonly help: (text: (formatter: CliOutput.Formatter) => string, wasAsked: boolean) => Effect.Effect<void>
  }
>()("@webflow-users/cli/Output") {
  static readonly layer = Layer.effect(
    Output,
    Effect.gen(function* () {
      const stdio = yield* Stdio.Stdio
      const args = yield* stdio.args
      const isTerminal = { out: yield* stdio.stdoutIsTerminal, err: yield* stdio.stderrIsTerminal }
      const { canColor } = yield* TerminalCapabilities.TerminalCapabilities
      const isJsonAsked = isAsked("json", args)
      const isJson = isJsonAsked || !isTerminal.out
      return Output.of({
        result: (json, words) => Console.log(isJson ? toJson(json, isTerminal.out) : words()),
        note: (words) => (isJson ? Effect.void : Console.error(words)),
        remark: (words) => (isJsonAsked ? Effect.void : Console.error(words)),
        event: (json) => (isJsonAsked ? Console.log(toJson(json, false)) : Effect.void),
        progress: isJsonAsked ? "events" : isTerminal.err ? "bar" : "lines",
        canAsk: (yield* stdio.stdinIsTerminal) && isTerminal.out && !isJsonAsked,
        failure: (told) => Console.error(isJson ? toJson({ error: told }, false) : inWords(told)),
        isDebug: isAsked("debug", args),
        help: (text, wasAsked) => {
          const colors = canColor && (wasAsked ? isTerminal.out : isTerminal.err)
          return (wasAsked ? Console.log : Console.error)(text(CliOutput.defaultFormatter({ colors })))
        },
      })
    }),
  )
}

/** Help that was asked for is a result; everything that comes unasked is a failure to call the command rightly. */
export const presenter = Layer.effect(
  CliOutput.Presenter,
  Effect.map(Output, (output) => ({
    present: (event: CliOutput.Presenter.Event) => {
      switch (event._tag) {
        case "Help":
          return output.help((formatter) => formatter.formatHelpDoc(event.helpDoc), event.reason === "Requested")
        case "Version":
          return output.help((formatter) => formatter.formatVersion(event.name, event.version), true)
        case "InvalidInvocation":
          return output.failure({
            tag: "Usage",
            code: "usage",
            status: null,
            message: event.errors.map((error) => error.message).join("\n"),
            details: [],
            usage: event.helpDoc.usage,
          })
      }
    },
  })),
)

/**
 * Whether a switch is among the arguments. Looked for there and not among the parsed flags, because it also decides how
 * to say that the arguments cannot be parsed.
 */
const isAsked = (name: string, args: ReadonlyArray<string>): boolean => {
  const end = args.indexOf("--")
  return args.slice(0, end === -1 ? undefined : end).some((arg) => arg === `--${name}` || arg === `--${name}=true`)
}

const toJson = (json: unknown, isForEyes: boolean): string =>
  // JSON escapes what is below the space; a terminal also obeys what is from DEL to U+009F.
  JSON.stringify(json, null, isForEyes ? 2 : 0).replaceAll(
    /[\u007f-\u009f]/g,
    (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`,
  )
