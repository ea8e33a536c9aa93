/** `runs` and `runs show RUN`: what was done, and what is left of it. */
import { Effect } from "effect"
import { Argument, Command } from "effect/cli"
import * as Journal from "./bulk/Journal.ts"
import * as RunFolder from "./bulk/RunFolder.ts"
import * as Words from "./bulk/Words.ts"
import { Output } from "./Output.ts"
import { summaries } from "./Summaries.ts"
import { number, printable, table } from "./Text.ts"

/** How a run stands: as it ended, or, if it was killed, as its journal says. */
const standingOf = Effect.fnUntraced(function* ({
  folder,
  run,
}: {
  readonly folder: RunFolder.Folder
  readonly run: RunFolder.Run
}) {
  const summary = yield* RunFolder.readSummary(folder)
  if (summary !== undefined) return { ...summary, isUnderWay: false }
  const isUnderWay = yield* RunFolder.isHeld(folder)
  const { updated, failed, left } = yield* Journal.standing(folder, run.counts.changes)
  return { updated, failed, left, endedAt: undefined, isUnderWay }
})
type Standing = Effect.Success<ReturnType<typeof standingOf>>

const stateOf = ({ left, isUnderWay }: Standing): string =>
  isUnderWay ? "under way" : left > 0 ? "stopped" : "finished"

const whatOf = ({ kind, undoes, input }: RunFolder.Run): string =>
  kind === "undo" ? `undo of ${undoes}` : printable(input?.name ?? "")

const list = Effect.fnUntraced(function* () {
  const output = yield* Output
  const found = yield* Effect.forEach(yield* RunFolder.list(), (one) =>
    Effect.map(standingOf(one), (standing) => ({ ...one, standing })),
  )
  yield* output.result(
    { runs: found.map(({ run, standing }) => ({ ...jsonOf(run), ...standing, state: stateOf(standing) })) },
    () =>
      found.length === 0
        ? `No runs are recorded in ${RunFolder.root}`
        : table([
            ["RUN", "WHAT", "STATE", "DONE", "FAILED", "LEFT", "INVALID"],
            ...found.map(({ run, standing }) => [
              run.id,
              whatOf(run),
              stateOf(standing),
              number(standing.updated),
              number(standing.failed),
              number(standing.left),
              number(run.counts.invalid),
            ]),
          ]),
  )
})

const jsonOf = ({ store, ...run }: RunFolder.Run) => ({ ...run, store: store.address })

const show = Command.make(
  "show",
  { run: Argument.String("run").pipe(Argument.withDescription("The run, as `webflow-users runs` lists it")) },
  Effect.fnUntraced(function* ({ run: id }) {
    const output = yield* Output
    const found = yield* RunFolder.open(id)
    const { folder, run } = found
    const standing = yield* standingOf(found)
    const failures = yield* Journal.failures(folder)
    const state = stateOf(standing)
    const isLeft = standing.left > 0 && !standing.isUnderWay
    yield* output.result(
      {
        ...jsonOf(run),
        ...standing,
        state,
        folder: folder.path,
        failures: [...failures].map(([place, error]) => ({ place, error })),
      },
      () =>
        [
          ...table([
            ["Run", run.id],
            ["What", whatOf(run)],
            ["Site", run.siteId],
            ["Store", printable(run.store.address)],
            ["Begun", run.createdAt],
            ...(standing.endedAt === undefined ? [] : [["Ended", standing.endedAt]]),
            ["State", state],
            ["Rows", number(run.counts.rows)],
            ["Folder", folder.path],
            ...(run.input === undefined ? [] : [["SHA-256", run.input.sha256]]),
            ...Words.options(run).map((option, index) => [index === 0 ? "Options" : "", option]),
          ]).split("\n"),
          "",
          Words.standing(standing, run),
          ...Words.failures(failures),
          ...(isLeft ? [`To go on with what is left: ${Words.resumeCommand(run)}`] : []),
        ].join("\n"),
    )
  }),
).pipe(Command.withDescription("Tell all of one run"))

export const runs = Command.make("runs", {}, list).pipe(
  Command.withDescription(summaries.runs),
  Command.withSubcommands([show]),
)
