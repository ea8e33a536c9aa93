/**
 * What the process says while it runs: one line an event on standard error, as JSON or as `key=value`.
 *
 * Lines that come close together are written together: each write waits until the system has taken it, and costs more than all
 * else about a line.
 */
import { Request } from "@webflow-users/server"
import { StoreAddress } from "@webflow-users/stores"
import { Cause, Context, Effect, Layer, Logger, References } from "effect"
import type { LogLevel } from "effect"

export const formats = ["json", "logfmt"] as const

/** From the most that can be said to nothing. */
export const levels = ["debug", "info", "warn", "error", "none"] as const

export interface Settings {
  readonly format: (typeof formats)[number]
  /** Nothing below it is said. Requests that were answered are `info`. */
  readonly level: (typeof levels)[number]
  /** Whether lines about requests say whose they were: ids of site and user, and the caller's address. */
  readonly ids: boolean
}

type Value = string | number | boolean | undefined

/** What a line says beside its time, its level and its message; what is undefined is left out. */
export type Fields = Readonly<Record<string, Value>>

export interface Lines {
  readonly settings: Settings
  /** Whether a line of such a level is written at all, for who would make much of one. */
  readonly says: (level: (typeof levels)[number]) => boolean
  readonly write: (level: (typeof levels)[number], at: Date, message: string, fields: Fields) => void
}

/** Where lines go; nowhere, unless `main.ts` provides it. */
export const Lines = Context.Reference<Lines | undefined>("@webflow-users/http-proxy/Log/Lines", {
  defaultValue: () => undefined,
})

/** Writes lines as the settings say, and takes what is logged by Effect's own means among them. */
export const layer = (settings: Settings): Layer.Layer<never> =>
  Layer.unwrap(
    Effect.gen(function* () {
      const write = yield* toStandardError
      const said: ReadonlySet<string> = new Set(levels.slice(levels.indexOf(settings.level)))
      const lines: Lines = {
        settings,
        says: (level) => said.has(level),
        write: (level, at, message, fields) => {
          if (said.has(level)) write(format[settings.format]({ time: at.toISOString(), level, message, ...fields }))
        },
      }
      return Layer.mergeAll(
        Layer.succeed(Lines, lines),
        Logger.layer([loggerTo(lines)]),
        Layer.succeed(References.MinimumLogLevel, effectLevels[settings.level]),
      )
    }),
  )

const effectLevels = {
  debug: "Debug",
  info: "Info",
  warn: "Warn",
  error: "Error",
  none: "None",
} as const satisfies Record<Settings["level"], LogLevel.LogLevel>

const ownLevels = {
  All: "debug",
  Trace: "debug",
  Debug: "debug",
  Info: "info",
  Warn: "warn",
  Error: "error",
  Fatal: "error",
  None: "none",
} as const satisfies Record<LogLevel.LogLevel, Settings["level"]>

/** How long a line may wait for others, in milliseconds. At the end nothing waits; who is killed loses as much. */
const mostDelay = 20

const doNothing = () => undefined

const toStandardError = Effect.acquireRelease(
  Effect.sync(() => {
    let waiting = ""
    const flush = () => {
      const text = waiting
      waiting = ""
      if (text !== "") process.stderr.write(text)
    }
    // Whoever reads the log may go away: that is no reason to stop answering.
    process.stderr.on("error", doNothing)
    const write = (line: string) => {
      if (waiting === "") setTimeout(flush, mostDelay)
      waiting += `${line}\n`
    }
    // Also where the process ends otherwise than it should.
    process.once("exit", flush)
    return { write, flush }
  }),
  ({ flush }) =>
    Effect.sync(() => {
      flush()
      process.off("exit", flush)
    }),
).pipe(Effect.map(({ write }) => write))

const loggerTo = ({ write }: Lines) =>
  Logger.make(({ message, logLevel, cause, date, fiber }) => {
    const parts = Array.isArray(message) ? message : [message]
    const errors = parts.filter((part) => part instanceof Error)
    const reasons = [
      ...errors.map((error) => Cause.pretty(Cause.fail(error))),
      ...(cause.reasons.length > 0 ? [Cause.pretty(cause)] : []),
    ]
    const words = parts.filter((part) => !(part instanceof Error)).map(String)
    const request = fiber.getRef(Request.Current)
    write(ownLevels[logLevel], date, words.join(" "), {
      request_id: request?.id,
      trace_id: request?.traceId,
      ...asFields(fiber.getRef(References.CurrentLogAnnotations)),
      ...(reasons.length > 0 && { cause: reasons.join("\n") }),
    })
  })

/** Annotations in the spelling of the other fields; of an error the words that name its reason, and no more of it. */
const asFields = (annotations: Readonly<Record<string, unknown>>): Fields =>
  Object.fromEntries(
    Object.entries(annotations).map(([name, value]) => [
      name.replaceAll(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`),
      typeof value === "number" || typeof value === "boolean" ? value : StoreAddress.rootMessage(value),
    ]),
  )

const format: Record<Settings["format"], (fields: Fields) => string> = {
  json: (fields) => JSON.stringify(fields),
  logfmt: (fields) =>
    Object.entries(fields)
      .filter(([, value]) => value !== undefined)
      .map(([name, value]) => `${name}=${bare(String(value))}`)
      .join(" "),
}

const bare = (text: string): string => (/^[^\s"=\\]+$/.test(text) ? text : JSON.stringify(text))
