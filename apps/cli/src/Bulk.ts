/** `bulk SITE FILE`: many updates, from a file. */
import { PlanUpdates, UserStore } from "@webflow-users/core"
import { StoreAddress } from "@webflow-users/stores"
import { Effect, Option } from "effect"
import { Argument, CliError, Command, Flag } from "effect/cli"
import * as Carry from "./bulk/Carry.ts"
import * as Plan from "./bulk/Plan.ts"
import * as Rows from "./bulk/Rows.ts"
import * as RunFolder from "./bulk/RunFolder.ts"
import * as SmallHeap from "./bulk/SmallHeap.ts"
import * as Words from "./bulk/Words.ts"
import * as Input from "./Input.ts"
import { withPolicy } from "./Policy.ts"
import * as Store from "./Store.ts"
import { summaries } from "./Summaries.ts"

const switchOf = (name: string, description: string) =>
  Flag.Boolean(name).pipe(Flag.withDescription(description), Flag.withoutNegation, Flag.withDefault(false))

/** The flags that say how to go about it, of whatever run. */
export const runFlags = {
  isDryRun: switchOf("dry-run", "Print what would change, and change nothing"),
  all: switchOf("all", "Print every user that would change, and every problem; not only the first 20"),
  yes: switchOf("yes", "Change more than 100 users without asking"),
  failFast: switchOf("fail-fast", "Stop at the first row that fails; change nothing if one is invalid"),
  concurrency: wholeNumber(
    "concurrency",
    1000,
    "How many updates are under way at a time (default: 32; 64 on a store of your own)",
  ),
  rate: wholeNumber(
    "rate",
    100_000,
    "How many requests a minute to make at the most (default: what the server allows)",
  ),
}

function wholeNumber(name: string, most: number, description: string) {
  return Flag.Int(name).pipe(
    Flag.withMetavar("N"),
    Flag.withDescription(description),
    Flag.filter(
      (value) => value >= 1 && value <= most,
      () => `has to be a whole number from 1 to ${most}`,
    ),
    Flag.optional,
  )
}

const flags = {
  site: Argument.String("site").pipe(Argument.withDescription("The site's id"), Argument.optional),
  file: Argument.String("file").pipe(
    Argument.withDescription("The changes: a table (CSV), or a JSON object a line (NDJSON); - for standard input"),
    Argument.optional,
  ),
  format: Flag.Literals("format", ["csv", "ndjson"]).pipe(
    Flag.withDescription("How to read the file (default: by its name)"),
    Flag.optional,
  ),
  map: Flag.KeyValuePair("map").pipe(
    Flag.withMetavar("HEADING=KEY"),
    Flag.withDescription("What a column is that is headed otherwise: id, email, groups, …, or a field (repeatable)"),
    Flag.withDefault({}),
  ),
  emptyClears: switchOf("empty-clears", "An empty cell clears the field, instead of leaving it as it is"),
  ...runFlags,
  resume: Flag.String("resume").pipe(
    Flag.withMetavar("RUN"),
    Flag.withDescription("Go on with a run: do what is left of it, and what failed for a reason that may pass"),
    Flag.optional,
  ),
}

type Flags = Command.Command.Config.Infer<typeof flags>

/** The flags, among those given, that say what only the beginning of a run can. */
const settledOf = ({ isDryRun, all, failFast, emptyClears, map, format }: Flags): ReadonlyArray<string> => [
  ...(isDryRun ? ["--dry-run"] : []),
  ...(all ? ["--all"] : []),
  ...(failFast ? ["--fail-fast"] : []),
  ...(emptyClears ? ["--empty-clears"] : []),
  ...(Object.keys(map).length > 0 ? ["--map"] : []),
  ...(Option.isSome(format) ? ["--format"] : []),
]

const wrongly = (message: string) =>
  new CliError.ShowHelp({ commandPath: ["webflow-users", "bulk"], errors: [new CliError.ValidationError({ message })] })

export const bulk = Command.make(
  "bulk",
  flags,
  Effect.fnUntraced(
    function* (given) {
      yield* SmallHeap.keep
      if (Option.isSome(given.resume)) {
        if (Option.isSome(given.site)) return yield* wrongly("--resume knows the site and the file: leave them out")
        const [settled] = settledOf(given)
        if (settled !== undefined) return yield* wrongly(`--resume goes on as the run was begun: leave out ${settled}`)
        return yield* resume(given.resume.value, paceOf(given))
      }
      if (Option.isNone(given.site) || Option.isNone(given.file)) return yield* wrongly("Say which SITE and which FILE")
      return yield* begin(given.site.value, given.file.value, given)
    },
    Effect.scoped,
    withPolicy,
  ),
).pipe(
  Command.withDescription(
    [
      "Update many users, from a file; recorded, so that it can be stopped, resumed and undone",
      "",
      "Columns of a table: id or email says who; name, accept-privacy, accept-communications; groups (the complete new set),",
      "add-groups, remove-groups (slugs, separated by ;); any other is a custom field. An empty cell leaves the value.",
      'A line of NDJSON: {"id" or "email", "data", "accessGroups", "addGroups", "removeGroups"}.',
      "",
      `Each run is recorded in ${RunFolder.root}, below the folder that the command is called in; rows that were not carried`,
      "out are listed there in a file that can be corrected and run again. It exits with 0 only if there are none.",
    ].join("\n  "),
  ),
  Command.withShortDescription(summaries.bulk),
  Command.withExamples([
    { command: "webflow-users bulk SITE members.csv --dry-run" },
    { command: `webflow-users bulk SITE members.csv --map "Mail=email" --map "Plan=plan" --yes` },
    { command: "webflow-users bulk --resume 20261125-081500-a1b2" },
  ]),
)

const begin = Effect.fnUntraced(function* (site: string, file: string, given: Flags) {
  const format = Option.getOrUndefined(given.format) ?? Rows.formatOf(file)
  if (format === undefined) {
    return yield* wrongly(`${Input.nameOf(file)}: say --format csv or --format ndjson, since its name does not tell`)
  }
  const store = yield* Store.Address
  yield* UserStore.acceptSiteId(site)
  const options = { map: given.map, emptyClears: given.emptyClears, failFast: given.failFast, ...paceOf(given) }
  const { id, folder, createdAt } = yield* Carry.newFolder(given.isDryRun)

  const { rows, whole } = Rows.read(file, format, {
    map: new Map(Object.entries(given.map)),
    emptyClears: given.emptyClears,
  })
  const wanted = yield* Plan.spool(folder, rows)
  const { sha256, columns } = yield* whole

  yield* Effect.gen(function* () {
    yield* Carry.lookingAt(wanted.ids + wanted.emails)
    // The planner knows every user that it has seen, and is not kept for longer than it plans.
    const plan = yield* Effect.flatMap(PlanUpdates.make(site, wanted, { areTexts: format === "csv" }), (planner) =>
      Plan.keep(
        folder,
        Plan.judged(folder, planner, (line, details) => Rows.problemsAt(line, details, columns)),
        { shown: given.all ? Number.POSITIVE_INFINITY : Words.mostShown },
      ),
    )
    const run = {
      id,
      kind: "bulk" as const,
      siteId: site,
      store: StoreAddress.recordable(store),
      createdAt,
      input: { name: file, format, sha256 },
      ...(columns !== undefined && { headings: columns.map(({ heading }) => heading) }),
      options,
    }
    yield* Carry.plan(folder, plan, run, given)
  }).pipe(Effect.provide(Carry.storeOf(store, options)))
})

/** How fast a run is to go, as its record keeps it. */
export const paceOf = ({ concurrency, rate }: Pick<Flags, "concurrency" | "rate">) => ({
  ...Option.match(concurrency, { onNone: () => ({}), onSome: (value) => ({ concurrency: value }) }),
  ...Option.match(rate, { onNone: () => ({}), onSome: (value) => ({ rate: value }) }),
})

const resume = Effect.fnUntraced(function* (id: string, pace: ReturnType<typeof paceOf>) {
  const { folder, run: begun } = yield* RunFolder.open(id)
  const store = yield* Carry.addressOf(begun)
  yield* RunFolder.hold(folder, id)
  const run = { ...begun, options: { ...begun.options, ...pace } }
  yield* Effect.provide(Carry.run(folder, run), Carry.storeOf(store, run.options))
})
