/** Reading a file of changes, row by row: CSV or lines of JSON, however long. */
import { createHash } from "node:crypto"
import { ChangeTable, type Detail, UserChange } from "@webflow-users/core"
import { Effect, Result, Stream } from "effect"
import * as Csv from "../Csv.ts"
import { UnreadableInput } from "../Failure.ts"
import * as Input from "../Input.ts"

export type Format = "csv" | "ndjson"

/** Why a row cannot be carried out. */
export interface Problem {
  readonly line: number
  /** The heading of the column, or the property, where it is one's fault. */
  readonly column?: string
  readonly reason: string
}

/** A row as it was read. */
export interface Row {
  /** Where it begins in its file; the first line is 1. */
  readonly line: number
  /** The cells, or the JSON, as they came: a list of failures gives them back. */
  readonly source: unknown
  readonly read: Result.Result<UserChange.UserChange, ReadonlyArray<Problem>>
}

const extensions: Readonly<Record<string, Format>> = {
  csv: "csv",
  tsv: "csv",
  txt: "csv",
  ndjson: "ndjson",
  jsonl: "ndjson",
}

/** How a file is to be read, by its name. */
export const formatOf = (file: string): Format | undefined =>
  extensions[/\.(\w+)$/.exec(file)?.[1]?.toLowerCase() ?? ""]

/** Problems as they are told: with the column's own heading, where there is a table. */
export const problemsAt = (
  line: number,
  details: ReadonlyArray<Detail>,
  columns: ReadonlyArray<ChangeTable.Column> | undefined,
): ReadonlyArray<Problem> =>
  details.map(({ param, description }) => {
    const column = columns === undefined ? param : ChangeTable.headingOf(columns, param)
    return { line, ...(column !== undefined && { column }), reason: description }
  })

/** The rows of a file, and, when all of them were read, what else is known of it. */
export const read = (file: string, format: Format, options: ChangeTable.Options) => {
  const name = Input.nameOf(file)
  const hash = createHash("sha256")
  let columns: ReadonlyArray<ChangeTable.Column> | undefined
  let isEmpty = true

  const bytes = Stream.map(Input.stream(file), (chunk) => {
    hash.update(chunk)
    return chunk
  })
  const decoder = new TextDecoder("utf-8", { fatal: true })
  const decode = (chunk?: Uint8Array) =>
    Effect.try({
      try: () => decoder.decode(chunk, { stream: chunk !== undefined }),
      catch: () => Input.notUtf8(file),
    })
  const text = Stream.concat(Stream.mapEffect(bytes, decode), Stream.fromEffect(Effect.suspend(() => decode())))

  const table = Csv.records(name, text).pipe(
    Stream.mapEffect(({ line, cells }) => {
      if (columns !== undefined) {
        const change = ChangeTable.readRow(columns, cells, options)
        return Effect.succeed<Row | undefined>({
          line,
          source: cells,
          read: Result.mapError(change, (details) => problemsAt(line, details, columns)),
        })
      }
      return Effect.fromResult(ChangeTable.columnsOf(cells, options)).pipe(
        Effect.mapError((why) => new UnreadableInput({ message: `${name}, line ${line}: ${why}` })),
        Effect.map((found): Row | undefined => {
          columns = found
          return undefined
        }),
      )
    }),
    Stream.filter((row) => row !== undefined),
  )

  let line = 0
  const lines = text.pipe(
    Stream.splitLines,
    Stream.map((each): Row | undefined => {
      line += 1
      if (each.trim() === "") return undefined
      isEmpty = false
      const json = Result.mapError(
        Result.try((): unknown => JSON.parse(each)),
        () => [{ line, reason: "is not JSON" }],
      )
      const change = Result.flatMap(json, (value) =>
        Result.mapError(UserChange.fromJson(value), (details) => problemsAt(line, details, undefined)),
      )
      return { line, source: Result.getOrElse(json, () => each), read: change }
    }),
    Stream.filter((row) => row !== undefined),
  )

  const whole = Effect.suspend(() =>
    (format === "csv" ? columns === undefined : isEmpty)
      ? Effect.fail(Csv.isEmpty(name))
      : Effect.succeed({ sha256: hash.digest("hex"), columns }),
  )
  return { rows: format === "csv" ? table : lines, whole }
}
