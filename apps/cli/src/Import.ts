/** `import FILE --site SITE`: what a site's owner holds becomes users of a store. */
import { ImportFile, UserImport, UserStore } from "@webflow-users/core"
import { Effect } from "effect"
import { Argument, Command, Flag } from "effect/cli"
import * as Csv from "./Csv.ts"
import { ImportRefused, UnreadableInput } from "./Failure.ts"
import * as Input from "./Input.ts"
import { listed } from "./InWords.ts"
import { Output } from "./Output.ts"
import * as Store from "./Store.ts"

export const importUsers = Command.make(
  "import",
  {
    file: Argument.String("file").pipe(
      Argument.withDescription("The Designer's users CSV, or JSON of List Users; - for standard input"),
    ),
    site: Flag.String("site").pipe(Flag.withMetavar("SITE"), Flag.withDescription("The id of the site they belong to")),
    skipInvalid: Flag.Boolean("skip-invalid").pipe(
      Flag.withDescription("Import the good entries and report the others, instead of importing nothing"),
      Flag.withoutNegation,
      Flag.withDefault(false),
    ),
  },
  Effect.fnUntraced(function* ({ file, site, skipInvalid }) {
    const output = yield* Output
    const siteId = yield* UserStore.acceptSiteId(site)
    const content = yield* readFile(file)
    const report = yield* UserImport.importUsers(siteId, content, { skipInvalid }).pipe(
      Effect.provide(Store.layerOwned),
    )

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
  }),
).pipe(
  Command.withDescription("Import users from a file; those already there are left as they are"),
  Command.withExamples([
    { command: "webflow-users import users.csv --site SITE" },
    { command: "webflow-users import users.json --site SITE --skip-invalid" },
  ]),
)

const readFile = Effect.fnUntraced(function* (source: string) {
  const bytes = yield* Input.read(source)
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
