/** `undo RUN`: what a run changed is put back. */
import { UndoUpdates, type UserChange, type UserPatch } from "@webflow-users/core"
import { Effect, Stream } from "effect"
import { Argument, Command } from "effect/cli"
import { paceOf, runFlags } from "./Bulk.ts"
import * as Carry from "./bulk/Carry.ts"
import * as Journal from "./bulk/Journal.ts"
import * as Plan from "./bulk/Plan.ts"
import * as RunFolder from "./bulk/RunFolder.ts"
import * as SmallHeap from "./bulk/SmallHeap.ts"
import * as Words from "./bulk/Words.ts"
import { withPolicy } from "./Policy.ts"
import { summaries } from "./Summaries.ts"

const { isDryRun, all, yes, concurrency, rate } = runFlags

export const undo = Command.make(
  "undo",
  {
    run: Argument.String("run").pipe(Argument.withDescription("The run, as `webflow-users runs` lists it")),
    isDryRun,
    all,
    yes,
    concurrency,
    rate,
  },
  Effect.fnUntraced(
    function* (given) {
      yield* SmallHeap.keep
      const { folder: from, run: undone } = yield* RunFolder.open(given.run)
      const store = yield* Carry.addressOf(undone)
      // It is not to change while it is read.
      yield* RunFolder.hold(from, undone.id)
      const { siteId } = undone
      const options = { map: {}, emptyClears: false, failFast: false, ...paceOf(given) }
      const { id, folder, createdAt } = yield* Carry.newFolder(given.isDryRun)

      yield* Effect.gen(function* () {
        const made = yield* Journal.made(from, undone.counts.changes)
        yield* Carry.lookingAt(made.users)
        const judge = yield* UndoUpdates.planner(siteId, made.users)
        const found = made.updates.pipe(
          Stream.mapEffect(
            ({ line, made: update }) =>
              Effect.map(judge(update), (planned): Plan.Judged => {
                const who = update.after.data.email ?? update.after.id
                return planned._tag === "Invalid"
                  ? {
                      line,
                      source: { id: update.after.id },
                      ...planned,
                      problems: planned.problems.map(({ param, description }) => ({
                        line,
                        column: param === "user" ? who : `${who}, ${param}`,
                        reason: description,
                      })),
                    }
                  : { line, source: sourceOf(planned), ...planned }
              }),
            { concurrency: Plan.lookUps },
          ),
        )
        const plan = yield* Plan.keep(folder, found, { shown: given.all ? Number.POSITIVE_INFINITY : Words.mostShown })
        const run = { id, kind: "undo" as const, undoes: undone.id, siteId, store: undone.store, createdAt, options }
        yield* Carry.plan(folder, plan, run, given)
      }).pipe(Effect.provide(Carry.storeOf(store, options)))
    },
    Effect.scoped,
    withPolicy,
  ),
).pipe(
  Command.withDescription(
    "Put back what a run changed. Users whom somebody else has changed since are left alone, and named. It is a run itself.",
  ),
  Command.withShortDescription(summaries.undo),
  Command.withExamples([{ command: "webflow-users undo 20261125-081500-a1b2 --dry-run" }]),
)

/** What is to be put back, as a line of NDJSON says it. */
const sourceOf = (planned: {
  readonly user: { readonly id: string }
  readonly patch?: UserPatch.UserPatch
}): UserChange.UserChange => {
  const { data = {}, groups } = planned.patch ?? {}
  return {
    id: planned.user.id,
    ...(Object.keys(data).length > 0 && { data }),
    ...(groups?._tag === "SetGroups" && { accessGroups: groups.admin }),
    ...(groups?._tag === "EditGroups" && { addGroups: groups.add, removeGroups: groups.remove }),
  }
}
