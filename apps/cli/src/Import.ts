/** `import FILE`: what a site's owner holds becomes users of a store; what `export` wrote becomes a site again. */
import { ImportFile, type SiteId, UserImport, UserStore } from "@webflow-users/core"
import { Effect, FileSystem, Option, Stream } from "effect"
import { Argument, Command, Flag } from "effect/cli"
import * as Restore from "./archive/Restore.ts"
import * as Csv from "./Csv.ts"
import { ImportRefused, SiteRequired, UnreadableInput } from "./Failure.ts"
import * as Input from "./Input.ts"
import { listed } from "./InWords.ts"
import { Output } from "./Output.ts"
import * as Store from "./Store.ts"
import { summaries } from "./Summaries.ts"

export const importUsers = Command.make(
  "import",
  {
    file: Argument.String("file").pipe(
      Argument.withDescription(
        "The Designer's users CSV, JSON of List Users, or what export wrote; - for standard input",
      ),
    ),
    site: Flag.String("site").pipe(
      Flag.withMetavar("SITE"),
      Flag.withDescription("The id of the site they belong to; what export wrote says so itself"),
      Flag.optional,
    ),
    skipInvalid: Flag.Boolean("skip-invalid").pipe(
      Flag.withDescription("Import the good entries and report the others, instead of importing nothing"),
      Flag.withoutNegation,
      Flag.withDefault(false),
    ),
  },
  Effect.fnUntraced(function* ({ file, site, skipInvalid }) {
    const siteId = Option.isNone(site) ? undefined : yield* UserStore.acceptSiteId(site.value)
    const { head, bytes } = yield* Input.peek(file, Restore.headLength)
    if (Restore.isArchive(head)) {
      return yield* Restore.restore(bytes, { site: siteId, size: yield* sizeOf(file), skipInvalid })
    }
    if (head[0] === 0x1f && head[1] === 0x8b) {
      const message = `${Input.nameOf(file)} is compressed. Unpack it on the way: gunzip -c site.jsonl.gz | webflow-users import -`
      return yield* new UnreadableInput({ message })
    }
    if (siteId === undefined) {
      const message = `Whose users they are has to be said with --site SITE: ${Input.nameOf(file)} is not from export, which says so itself`
      return yield* new SiteRequired({ message })
    }
    yield* importInto(siteId, file, Buffer.concat(yield* Stream.runCollect(bytes)), skipInvalid)
  }, Effect.scoped),
).pipe(
  Command.withDescription(summaries.import),
  Command.withExamples([
    { command: "webflow-users import users.csv --site SITE" },
    { command: "webflow-users import users.json --site SITE --skip-invalid" },
    { command: "webflow-users import site.jsonl --store file:./restored.db" },
  ]),
)

/** How many bytes there are to come; none where that cannot be told. */
const sizeOf = Effect.fnUntraced(function* (file: string) {
  if (file === "-") return 0
  const found = yield* Effect.option((yield* FileSystem.FileSystem).stat(file))
  return Option.match(found, { onNone: () => 0, onSome: ({ size }) => Number(size) })
})

const importInto = Effect.fnUntraced(function* (siteId: SiteId, file: string, bytes: Uint8Array, skipInvalid: boolean) {
  const output = yield* Output
  const content = yield* readFile(file, bytes)
  const report = yield* UserImport.importUsers(siteId, content, { skipInvalid }).pipe(Effect.provide(Store.layerOwned))

  const { added, existing } = report
  const problems = report.problems.toSorted((a, b) => byNumber.compare(a.place, b.place))
  const count = `${problems.length} of ${content.candidates.length + content.problems.length} entries`
  if (problems.length > 0 && !skipInvalid) {
    const message = `Nothing was imported: ${count} cannot be. --skip-invalid imports the others`
    return yield* new ImportRefused({ message, details: problems })
  }
  if (problems.length > 0) {
    const lines = listed(problems.map(({ place, reason }) => `${place}: ${reason}`))
    yield* output.note([`Skipped ${count}:`, ...lines].join("\n"))
  }
  const skipped = problems.length
  yield* output.result(
    { added, existing, skipped, problems },
    () => `${added} added, ${existing} already there, ${skipped} skipped`,
  )
})

const readFile = Effect.fnUntraced(function* (source: string, bytes: Uint8Array) {
  const text = yield* Input.textOf(source, bytes)
  if (/^\s*[[{]/.test(text)) return yield* readJson(source, text)
  const { rows, problems } = yield* Csv.read(Input.nameOf(source), text)
  const read = ImportFile.fromRows(rows)
  return { ...read, problems: [...problems, ...read.problems] }
})

const readJson = Effect.fnUntraced(function* (source: string, text: string) {
  const json = yield* Input.parseJson(source, text)
  const message = `${Input.nameOf(source)} holds no users: List Users JSON is {"users": […]}, or a list of such pages`
  return ImportFile.fromJson(json) ?? (yield* new UnreadableInput({ message }))
})

/** `line 9` comes before `line 10`. */
const byNumber = new Intl.Collator("en", { numeric: true })
