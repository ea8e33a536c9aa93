/**
 * A table as text, taken apart into records that know their line. Strict: where a file leaves open what it says, it is
 * refused and not guessed at.
 */
import { Readable } from "node:stream"
import { pipeline } from "node:stream/promises"
import { ImportFile, type UserImport } from "@webflow-users/core"
import { type Array as Arr, Effect, Stream } from "effect"
import { UnreadableInput } from "./Failure.ts"

export interface Table {
  readonly rows: ReadonlyArray<ImportFile.Row>
  /** Rows that have more or fewer cells than there are headings. */
  readonly problems: ReadonlyArray<UserImport.Problem>
}

/** A table of users, whole. */
export const read = Effect.fnUntraced(function* (name: string, text: string) {
  const found = yield* Stream.runCollect(records(name, Stream.make(text)))
  const [head, ...body] = found
  if (head === undefined) return yield* isEmpty(name)
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

export const isEmpty = (name: string) => new UnreadableInput({ message: `${name} is empty` })

export interface CsvRecord {
  /** The line it starts on; the first is 1. */
  readonly line: number
  readonly cells: ReadonlyArray<string>
}

/** Where a table has no end: a quote that is never closed takes in all that follows. */
const longestRecord = 64 * 1024 * 1024

/** The records of a table, the headings first, as its text comes. Records of nothing are passed over. */
export const records = <E, R>(
  name: string,
  text: Stream.Stream<string, E, R>,
): Stream.Stream<CsvRecord, E | UnreadableInput, R> => {
  let line = 1
  let source: { readonly failed: E } | undefined
  const noted = Stream.mapError(text, (error) => {
    source = { failed: error }
    return error
  })
  const whyNoMore = (thrown: unknown) =>
    source === undefined ? new UnreadableInput({ message: `${name}, line ${line}: ${whyNot(thrown)}` }) : source.failed
  return Stream.unwrap(
    Effect.map(Stream.toAsyncIterableEffect(noted), (chunks) =>
      Stream.flattenArray(
        Stream.fromAsyncIterable(
          parsed(chunks, (at) => (line = at)),
          whyNoMore,
        ),
      ),
    ),
  )
}

async function* parsed(chunks: AsyncIterable<string>, starts: (line: number) => void) {
  // Loaded here, so that no other command waits for it.
  const { parse } = await import("csv-parse")
  const { delimiter, whole } = await withDelimiter(chunks)
  let line = 1
  const parser = parse({
    bom: true,
    delimiter,
    // Of several in one file, each ends a line.
    record_delimiter: ["\r\n", "\n", "\r"],
    max_record_size: longestRecord,
    // A row's length is looked at later, where it is a problem of this row and not the end of the file.
    relax_column_count: true,
    on_record: (cells: ReadonlyArray<string>) => {
      const start = String(line)
      // The library's own count of lines takes a CRLF in a cell for two.
      line += 1 + cells.reduce((sum, cell) => sum + (cell.match(/\r\n|\r|\n/g)?.length ?? 0), 0)
      starts(line)
      // Empty lines, and the rows of nothing that spreadsheets leave at the end.
      return cells.some((cell) => cell.trim() !== "") ? [start, ...cells] : null
    },
  })
  const feeding = pipeline(Readable.from(whole), parser)
  // Its failure is the parser's, and heard there.
  feeding.catch(() => undefined)
  for await (const first of parser as AsyncIterable<ReadonlyArray<string>>) {
    const come: Arr.NonEmptyArray<CsvRecord> = [recordOf(first)]
    // Those that came with it are there already: to wait for each costs more than to read it.
    for (let next = parser.read(); next !== null; next = parser.read()) come.push(recordOf(next))
    yield come
  }
}

const recordOf = ([start, ...cells]: ReadonlyArray<string>): CsvRecord => ({ line: Number(start), cells })

/** The text, and its delimiter: a comma, or what spreadsheets of other countries write, whichever the headings have most of. */
const withDelimiter = async (chunks: AsyncIterable<string>) => {
  const iterator = chunks[Symbol.asyncIterator]()
  let head = ""
  for (;;) {
    const next = await iterator.next()
    if (next.done === true) break
    head += next.value
    if (/[\r\n]/.test(head.trimStart()) || head.length > 4096) break
  }
  const [headings = ""] = head.trimStart().split(/[\r\n]/, 1)
  const unquoted = headings.replaceAll(/"[^"]*"/g, "")
  const mostUsed = [",", ";", "\t"]
    .map((delimiter) => ({ delimiter, uses: unquoted.split(delimiter).length }))
    .reduce((most, each) => (each.uses > most.uses ? each : most))
  async function* whole() {
    if (head !== "") yield head
    yield* { [Symbol.asyncIterator]: () => iterator }
  }
  return { delimiter: mostUsed.delimiter, whole: whole() }
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
  CSV_MAX_RECORD_SIZE: "a row is longer than 64 MiB; a quote may be opened and never closed",
  CSV_INVALID_CLOSING_QUOTE: "there is text behind a closing quote; quotes within quotes are doubled",
}

const whyNot = (thrown: unknown): string => {
  if (!(thrown instanceof Error)) return String(thrown)
  return ("code" in thrown ? reasons[String(thrown.code)] : undefined) ?? thrown.message
}
