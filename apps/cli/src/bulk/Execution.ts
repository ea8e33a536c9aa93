/** Carrying out a run that was planned: what is left of it is done, recorded, and told. */
import {
  SiteId,
  UndoUpdates,
  type UpdateUser,
  type UpdateUserError,
  UpdateUsers,
  UserId,
  UserPatch,
  UserStore,
} from "@webflow-users/core"
import { type Cause, Deferred, DateTime, Effect, Exit, Fiber, type FileSystem, Queue, Stream } from "effect"
import type { Calls } from "../Calls.ts"
import type { RunUnwritable, UnreadableInput } from "../Failure.ts"
import { Output } from "../Output.ts"
import * as Journal from "./Journal.ts"
import { changesOf } from "./Plan.ts"
import * as Progress from "./Progress.ts"
import * as RunFolder from "./RunFolder.ts"

/** How a run ended. */
export interface Ended extends RunFolder.Summary {
  /** How many failed for a reason that may pass. */
  readonly failedInPassing: number
  /** What stopped it, before all was done. */
  readonly stoppedBy: UpdateUserError | RunUnwritable | UnreadableInput | undefined
}

export interface Options {
  readonly concurrency: number
  /** Updates a minute, where the store has no limit of its own. */
  readonly rate: number | undefined
  /** Called when the process ends at once: what is to be said has to be said by then. */
  readonly atOnce: () => void
  /** Called with where the run stands when it was interrupted. */
  readonly interrupted: (ended: Ended) => Effect.Effect<void>
}

/** What it takes. */
export type Needs = UpdateUser.UpdateUser | UserStore.UserStore | FileSystem.FileSystem | Output | Calls

/** How many outcomes may wait to be recorded. */
const unrecorded = 512

/**
 * Does what is left of a run. Interrupted, it begins nothing more, lets what is under way come to its end, and calls
 * `interrupted` with where it stands.
 */
export const carryOut = Effect.fnUntraced(function* (
  folder: RunFolder.Folder,
  run: RunFolder.Run,
  { interrupted, atOnce, ...options }: Options,
): Effect.fn.Return<Ended, RunUnwritable | UnreadableInput, Needs> {
  const output = yield* Output
  const ending = Deferred.makeUnsafe<void>()
  // In a fiber of its own: an interruption is to end it gently.
  const work = yield* Effect.forkDetach(withFolder(folder, run, { ...options, ending }))
  return yield* Effect.onInterrupt(Fiber.join(work), () =>
    Effect.gen(function* () {
      yield* output.remark("Stopping: what is under way comes to its end. Ctrl-C once more stops at once.")
      // Whatever was recorded by then stays recorded.
      process.once("SIGINT", () => {
        process.once("exit", atOnce)
        process.exit(130)
      })
      yield* Deferred.succeed(ending, undefined)
      const exit = yield* Fiber.await(work)
      if (Exit.isSuccess(exit)) yield* interrupted(exit.value)
    }),
  )
})

const withFolder = Effect.fnUntraced(function* (
  folder: RunFolder.Folder,
  run: RunFolder.Run,
  { concurrency, rate, ending }: Omit<Options, "interrupted" | "atOnce"> & { readonly ending: Deferred.Deferred<void> },
) {
  const output = yield* Output
  const { changes: total, unchanged: skipped } = run.counts
  const journal = yield* Journal.open(folder, total)
  // What failed in passing is done once more, and counts when it is.
  let { failedInPassing: toRepeat } = journal.standing()
  const counts = (): Progress.Counts => {
    const { updated, failed } = journal.standing()
    return { done: updated, failed: failed - toRepeat }
  }
  const progress = yield* Progress.make({ total, skipped, before: counts() })
  let trouble: RunUnwritable | undefined

  const record = Effect.fnUntraced(function* (outcomes: ReadonlyArray<UpdateUsers.Outcome<Journal.Step>>) {
    const entries = yield* journal.record(outcomes)
    for (const entry of output.progress === "events" ? entries : []) {
      const { line, user, outcome } = entry
      yield* output.event(
        entry.outcome === "updated"
          ? { event: "outcome", line, user, outcome }
          : { event: "outcome", line, user, outcome, error: entry.error },
      )
    }
    toRepeat -= outcomes.filter(({ update }) => update.isRepeated).length
    yield* progress.advance(counts())
  })

  const steps = changesOf(folder).pipe(
    Stream.filter(([, place]) => journal.isToDo(place)),
    Stream.map(([change, place]): Journal.Step => ({
      place,
      change,
      user: change.user,
      patch: new UserPatch.UserPatch(change.patch),
      planned: change.before,
      isRepeated: journal.hasFailedInPassing(place),
    })),
  )
  const asked = run.kind === "undo" ? yield* unlessChangedSince(run.siteId, total, steps) : steps
  const outcomes = yield* Queue.bounded<UpdateUsers.Outcome<Journal.Step>, Cause.Done>(unrecorded)
  const making = UpdateUsers.carryOut(
    run.siteId,
    yield* UpdateUsers.sourceOf(asked),
    (outcome) => Queue.offer(outcomes, outcome),
    { concurrency, rate, failFast: run.options.failFast, ending: Deferred.await(ending) },
  ).pipe(Effect.exit, Effect.ensuring(Queue.end(outcomes)))
  // Whatever waits is recorded together.
  const recording = Stream.runForEachArray(Stream.fromQueue(outcomes), (waiting) =>
    // What cannot be recorded is not begun; what was begun by then is done again by who resumes the run.
    trouble === undefined
      ? Effect.catchTag(record(waiting), "RunUnwritable", (error) => {
          trouble = error
          return Deferred.succeed(ending, undefined)
        })
      : Effect.void,
  )
  const [made] = yield* Effect.all([making, recording], { concurrency: "unbounded" })
  const stoppedBy = yield* Effect.match(made, { onSuccess: () => undefined, onFailure: (error) => error })
  yield* progress.end

  const { failedInPassing, ...standing } = journal.standing()
  const summary = { ...standing, endedAt: DateTime.formatIso(yield* DateTime.now) }
  if (trouble === undefined) {
    yield* Effect.catchTag(RunFolder.writeSummary(folder, summary), "RunUnwritable", (error) =>
      Effect.sync(() => (trouble = error)),
    )
  }
  return { ...summary, failedInPassing, stoppedBy: trouble ?? stoppedBy } satisfies Ended
}, Effect.scoped)

/** How many users are looked at before the first of them is updated. */
const portion = 64

/** Between its plan and its end an undo may wait for days: whoever was changed by then is left alone. */
const unlessChangedSince = Effect.fnUntraced(function* <E, R>(
  site: string,
  users: number,
  steps: Stream.Stream<Journal.Step, E, R>,
) {
  const { byId } = yield* UserStore.finder(SiteId.make(site.toLowerCase()), { ids: users, emails: 0 })
  const looked = Stream.mapEffect(steps, (step) =>
    Effect.match(byId(UserId.make(step.user)), {
      onSuccess: (user): Journal.Step => {
        const { patch, before } = step.change
        const refusal = UndoUpdates.objection({ patch: new UserPatch.UserPatch(patch), before }, user)
        return refusal === undefined ? step : { ...step, refusal }
      },
      // The update meets the same, and tells it.
      onFailure: () => step,
    }),
  )
  // What comes one by one is committed one by one.
  return Stream.rechunk(looked, portion)
})
