/** The rows of a run that were not carried out, as a file that can be corrected and run again. */
import { ChangeTable } from "@webflow-users/core"
import { Effect, FileSystem, Predicate, Stream } from "effect"
import type { Told } from "../Failure.ts"
import * as Journal from "./Journal.ts"
import * as Lines from "./Lines.ts"
import { changesOf, type Refused } from "./Plan.ts"
import { type Folder, type Run, unwritable } from "./RunFolder.ts"
import type { Format, Problem } from "./Rows.ts"

interface Failed {
  readonly source: unknown
  readonly error: string
}

/** As the run's input was; what an undo could not put back is a change in JSON. */
export const formatOf = (run: Run): Format => run.input?.format ?? "ndjson"

/** Writes the file. Gives its path. */
export const write = Effect.fnUntraced(
  function* (folder: Folder, run: Run) {
    const fs = yield* FileSystem.FileSystem
    const errors = yield* Journal.failures(folder)
    const format = formatOf(run)
    const path = folder.failures(format)
    const refused = Lines.readIfThere<Refused>(folder.problems).pipe(
      Stream.map(({ source, problems }): Failed => ({ source, error: problems.map(problemInWords).join("; ") })),
    )
    const failed = changesOf(folder).pipe(
      Stream.map(([{ source }, place]) => {
        const error = errors.get(place)
        return error === undefined ? undefined : { source, error: errorInWords(error) }
      }),
      Stream.filter((each) => each !== undefined),
    )
    const all = Stream.concat(refused, failed)
    const text =
      format === "csv" ? csv(run.headings ?? [], all) : Stream.map(all, (each) => `${JSON.stringify(ndjson(each))}\n`)
    yield* Stream.run(Stream.encodeText(text), fs.sink(`${path}.new`, { flag: "w", mode: 0o600 }))
    yield* fs.rename(`${path}.new`, path)
    return path
  },
  Effect.mapError((error) => (error._tag === "PlatformError" ? unwritable(error) : error)),
)

/** A problem without its line: that is another one in the file of failures. */
const problemInWords = ({ column, reason }: Problem): string => (column === undefined ? reason : `${column}: ${reason}`)

const errorInWords = ({ message, details }: Told): string =>
  [
    message,
    ...details.map((detail) =>
      Predicate.hasProperty(detail, "param") && Predicate.hasProperty(detail, "description")
        ? `${String(detail.param)}: ${String(detail.description)}`
        : JSON.stringify(detail),
    ),
  ].join("; ")

const ndjson = ({ source, error }: Failed): unknown =>
  Predicate.isObject(source) ? { ...source, error } : { line: source, error }

const csv = <E, R>(headings: ReadonlyArray<string>, all: Stream.Stream<Failed, E, R>): Stream.Stream<string, E, R> => {
  const own = headings.map((heading) => heading.trim()).indexOf(ChangeTable.errorHeading)
  // What it said of a row before, it does not say now.
  const kept = <A>(cells: ReadonlyArray<A>) => cells.filter((_, index) => index !== own)
  return Stream.concat(
    Stream.make(row([...kept(headings), ChangeTable.errorHeading])),
    Stream.map(all, ({ source, error }) => {
      const cells = Array.isArray(source) ? source : []
      // One that had too few cells gets one too many: filled up, it would say what nobody wrote.
      const more = cells.length < headings.length ? [""] : cells.slice(headings.length)
      return row([...kept(headings.map((_, index) => cells[index] ?? "")), error, ...more])
    }),
  )
}

const row = (cells: ReadonlyArray<unknown>) => `${cells.map((cell) => quoted(String(cell))).join(",")}\n`

const quoted = (cell: string): string =>
  /[",\r\n;\t]|^\s|\s$/.test(cell) || cell === "" ? `"${cell.replaceAll('"', '""')}"` : cell
