/**
 * A table of users as text, taken apart into rows that know their line. Strict: where a file leaves open what it says, it
 * is refused and not guessed at.
 */
import { ImportFile, type UserImport } from "@webflow-users/core"
import { Effect } from "effect"
import { UnreadableInput } from "./Failure.ts"

export interface Table {
  readonly rows: ReadonlyArray<ImportFile.Row>
  /** Rows that have more or fewer cells than there are headings. */
  readonly problems: ReadonlyArray<UserImport.Problem>
}

export const read = Effect.fnUntraced(function* (name: string, bytes: Uint8Array) {
  const records = yield* recordsOf(name, bytes)
  const [head, ...body] = records
  if (head === undefined) return yield* new UnreadableInput({ message: `${name} is empty` })
  const headings = head.cells.map((heading) => heading.trim())
  const wrong = wrongHeading(headings)
  if (wrong !== undefined) return yield* new UnreadableInput({ message: `${name}, line ${head.line}: ${wrong}` })

  const rows: Array<ImportFile.Row> = []
  const problems: Array<UserImport.Problem> = []
  for (const { line, cells } of body) {
    const place = `line ${line}`
    if (cells.length === headings.length) {
      rows.push({ place, cells: Object.fromEntries(headings.map((heading, column) => [heading, cells[column] ?? ""])) })
    } else {
      problems.push({ place, reason: `has ${cells.length} cells where the headings are ${headings.length}` })
    }
  }
  return { rows, problems } satisfies Table
})

interface CsvRecord {
  /** The line it starts on; the first is 1. */
  readonly line: number
  readonly cells: ReadonlyArray<string>
}

const recordsOf = Effect.fnUntraced(function* (name: string, bytes: Uint8Array) {
  // Loaded here, so that no other command waits for it.
  const { parse } = yield* Effect.promise(() => import("csv-parse/sync"))
  const records: Array<CsvRecord> = []
  let end = 0
  let line = 1
  // Counted by the bytes that a record takes: the library's own count of lines takes a CRLF in a cell for two.
  const advance = (to: number): void => {
    line += new TextDecoder().decode(bytes.subarray(end, to)).split(/\r\n|\r|\n/).length - 1
    end = to
  }
  yield* Effect.try({
    try: () =>
      parse(bytes, {
        bom: true,
        delimiter: delimiterOf(bytes),
        // A row's length is looked at above, where it is a problem of this row and not the end of the file.
        relax_column_count: true,
        on_record: (cells: ReadonlyArray<string>, context) => {
          // Empty lines, and the rows of nothing that spreadsheets leave at the end.
          if (cells.some((cell) => cell.trim() !== "")) records.push({ line, cells })
          advance(context.bytes)
          return null
        },
      }),
    catch: (thrown) => new UnreadableInput({ message: `${name}, line ${line}: ${whyNot(thrown)}` }),
  })
  return records
})

/** A comma; where the headings have none, what spreadsheets of other countries write. */
const delimiterOf = (bytes: Uint8Array): string => {
  const [head = ""] = new TextDecoder()
    .decode(bytes.subarray(0, 4096))
    .trimStart()
    .split(/[\r\n]/, 1)
  return [",", ";", "\t"].find((delimiter) => head.includes(delimiter)) ?? ","
}

const wrongHeading = (headings: ReadonlyArray<string>): string | undefined => {
  const empty = headings.indexOf("")
  if (empty !== -1) return `column ${empty + 1} has no heading`
  const twin = ImportFile.twinHeading(headings)
  return twin === undefined ? undefined : `two columns mean the same, one of them headed ${twin}`
}

const reasons: Readonly<Record<string, string>> = {
  CSV_QUOTE_NOT_CLOSED: "a quote is opened and never closed",
  INVALID_OPENING_QUOTE: "there is a quote within a cell that does not begin with one",
  CSV_INVALID_CLOSING_QUOTE: "there is text behind a closing quote; quotes within quotes are doubled",
}

const whyNot = (thrown: unknown): string => {
  if (!(thrown instanceof Error)) return String(thrown)
  return ("code" in thrown ? reasons[String(thrown.code)] : undefined) ?? thrown.message
}
