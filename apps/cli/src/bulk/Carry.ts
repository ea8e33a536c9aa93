/** From a plan to its end: asked, carried out, and told. */
import { UpdateUser, type UserStore } from "@webflow-users/core"
import { StoreAddress } from "@webflow-users/stores"
import { Effect, FileSystem, Layer, Result } from "effect"
import { Prompt } from "effect/cli"
import { Calls } from "../Calls.ts"
import {
  ConfirmationRequired,
  type Failure,
  Incomplete,
  RunMismatch,
  type RunUnwritable,
  tell,
  type UnreadableInput,
} from "../Failure.ts"
import { Output } from "../Output.ts"
import * as Store from "../Store.ts"
import { counted, number } from "../Text.ts"
import * as Execution from "./Execution.ts"
import * as Failures from "./Failures.ts"
import type { Plan } from "./Plan.ts"
import * as RunFolder from "./RunFolder.ts"
import * as Words from "./Words.ts"

/** More users than this are not changed before somebody says so. */
const mostUnasked = 100

/** How many updates of a store are under way: one of one's own commits together what waits together. */
const concurrencyOf = (store: string): number => (StoreAddress.isRemote(store) ? 32 : 64)

/** Where the users of a run are. */
export const storeOf = (
  address: string,
  { rate }: RunFolder.Run["options"],
): Layer.Layer<UpdateUser.UpdateUser | UserStore.UserStore, Failure, Calls> =>
  UpdateUser.layer.pipe(Layer.provideMerge(Store.layerAt(address, { rate })))

/** The address of a recorded run's store. Another one than the run is for must be a mistake; not to say it again is none. */
export const addressOf = Effect.fnUntraced(function* ({ id, store }: RunFolder.Run) {
  const given = yield* Store.Address
  if (StoreAddress.recordable(given).address === store.address) return given
  if (given === StoreAddress.standard && store.isWhole) return store.address
  return yield* new RunMismatch({
    message:
      given === StoreAddress.standard
        ? `Run ${id} is for ${store.address}, whose address holds a password, which is kept nowhere. ` +
          "Say the address again, with --store or WEBFLOW_USERS_STORE"
        : `Run ${id} is for ${store.address}, and --store or WEBFLOW_USERS_STORE says ` +
          `${StoreAddress.recordable(given).address}. ` +
          "Say the same",
  })
})

/** Tells why nothing is to be seen for a while, where that may be: another server may let its users be looked up slowly. */
export const lookingAt = Effect.fnUntraced(function* (users: number) {
  if (users > mostUnasked) yield* (yield* Output).note(`Looking up ${counted(users, "user")} …`)
})

/** Lets a change of many users wait for a word. */
const confirm = Effect.fnUntraced(function* (users: number, isYes: boolean) {
  if (isYes || users <= mostUnasked) return
  const { canAsk, remark } = yield* Output
  if (!canAsk) {
    return yield* new ConfirmationRequired({
      message: `${counted(users, "user")} would be changed, and nobody is here to be asked. Nothing was changed`,
    })
  }
  const isSure = yield* Prompt.run(Prompt.Confirm({ message: `Change ${counted(users, "user")}?` })).pipe(
    // Ctrl-C at the question is an interruption like any other.
    Effect.catchTag("QuitError", () => Effect.interrupt),
  )
  if (!isSure) {
    yield* remark("Nothing was changed.")
    return yield* new Incomplete({ message: "Nothing was changed" })
  }
})

/** Where a plan is kept: in the folder of a new run, held for this process; of what is only to be looked at, nothing stays. */
export const newFolder = Effect.fnUntraced(function* (isDryRun: boolean) {
  if (isDryRun) return { id: "", createdAt: "", folder: yield* RunFolder.temporary }
  const created = yield* RunFolder.create()
  yield* Effect.addFinalizer(() => removeUnlessBegun(created.folder))
  yield* RunFolder.hold(created.folder, created.id)
  return created
})

/** What comes to nothing leaves nothing. */
const removeUnlessBegun = (folder: RunFolder.Folder) =>
  Effect.gen(function* () {
    const fs = yield* FileSystem.FileSystem
    if (!(yield* fs.exists(folder.run))) yield* fs.remove(folder.path, { recursive: true })
  }).pipe(Effect.ignore)

/** Tells what there is to know before a run. */
const announce = Effect.fnUntraced(function* (plan: Plan, kind: RunFolder.Run["kind"]) {
  const output = yield* Output
  for (const line of Words.warnings(plan, kind)) yield* output.remark(line)
  yield* output.remark(Words.planned(plan, kind))
  yield* output.event({ event: "planned", ...Words.planJson(plan) })
})

/** Tells a plan that is not to be carried out. */
const show = Effect.fnUntraced(function* (plan: Plan, kind: RunFolder.Run["kind"]) {
  const output = yield* Output
  yield* output.result({ dryRun: true, ...Words.planJson(plan) }, () =>
    [...Words.differences(plan, kind), ...Words.warnings(plan, kind), "", Words.planned(plan, kind)]
      .join("\n")
      .trimStart(),
  )
  if (plan.invalid > 0) return yield* new Incomplete({ message: "Some rows cannot be carried out" })
})

/** From a plan on: shown and left, or told, asked for and carried out. */
export const plan = Effect.fnUntraced(function* (
  folder: RunFolder.Folder,
  found: Plan,
  begun: Omit<RunFolder.Run, "version" | "counts">,
  { isDryRun, yes }: { readonly isDryRun: boolean; readonly yes: boolean },
) {
  if (isDryRun) return yield* show(found, begun.kind)
  yield* announce(found, begun.kind)
  const { rows, changes, unchanged, invalid } = found
  if (begun.options.failFast && invalid > 0) {
    yield* (yield* Output).remark("Nothing was changed.")
    return yield* new Incomplete({ message: "Some rows cannot be carried out" })
  }
  yield* confirm(found.users, yes)
  const recorded: RunFolder.Run = { version: 1, ...begun, counts: { rows, changes, unchanged, invalid } }
  yield* RunFolder.writeRun(folder, recorded)
  yield* run(folder, recorded)
})

/** Carries out what is left of a run, and tells how it ended. */
export const run = Effect.fnUntraced(function* (
  folder: RunFolder.Folder,
  recorded: RunFolder.Run,
): Effect.fn.Return<void, RunUnwritable | UnreadableInput | Incomplete, Execution.Needs> {
  const output = yield* Output
  const { hush } = yield* Calls
  yield* hush
  const fs = yield* FileSystem.FileSystem
  // What is said there is no longer so.
  for (const path of [folder.summary, folder.failures(Failures.formatOf(recorded))])
    yield* Effect.ignore(fs.remove(path))
  yield* output.event({ event: "started", run: recorded.id, ...recorded.counts })
  const { concurrency = concurrencyOf(recorded.store.address), rate } = recorded.options
  const ended = yield* Execution.carryOut(folder, recorded, {
    concurrency,
    rate: StoreAddress.isRemote(recorded.store.address) ? undefined : rate,
    atOnce: () => {
      if (output.progress !== "events") process.stderr.write(`To go on: ${Words.resumeCommand(recorded)}\n`)
    },
    interrupted: (stopped) => tellStopped(output, recorded, stopped),
  })
  const { stoppedBy: stopped, ...counts } = ended
  // Where the disk is full, there is still to be told how it stands.
  const written =
    ended.failed + recorded.counts.invalid === 0
      ? Result.succeed(undefined)
      : yield* Effect.result(Failures.write(folder, recorded))
  const failures = Result.getOrUndefined(written)
  const stoppedBy = stopped ?? (Result.isFailure(written) ? written.failure : undefined)
  const isWhole = ended.failed + ended.left + recorded.counts.invalid === 0
  const canResume = ended.left + ended.failedInPassing > 0
  const next = canResume ? Words.resumeCommand(recorded) : undefined

  if (stoppedBy !== undefined) yield* output.failure({ ...tell(stoppedBy satisfies Failure) })
  const last = {
    event: stoppedBy === undefined && ended.left === 0 ? "finished" : "stopped",
    run: recorded.id,
    ...recorded.counts,
    ...counts,
    failures: failures ?? null,
    resume: next ?? null,
  }
  const words = () =>
    [
      Words.standing(ended, recorded),
      ...(failures === undefined ? [] : [`What was not done, and why: ${failures}`]),
      ...(next === undefined ? [] : [resumeHint(ended, next)]),
      ...Words.undoHint(ended, recorded),
    ].join("\n")
  // One line among the other events, on a terminal too.
  yield* output.progress === "events" ? output.event(last) : output.result(last, words)
  if (!isWhole) return yield* new Incomplete({ message: "Not all rows were carried out" })
})

const resumeHint = ({ left, failedInPassing }: Execution.Ended, command: string): string =>
  left > 0
    ? `To go on with what is left: ${command}`
    : `${counted(failedInPassing, "row")} failed for a reason that may pass. To try them again: ${command}`

const tellStopped = (output: Output["Service"], recorded: RunFolder.Run, ended: Execution.Ended) => {
  const { stoppedBy, ...counts } = ended
  const resume = ended.left + ended.failedInPassing > 0 ? Words.resumeCommand(recorded) : null
  return Effect.gen(function* () {
    if (stoppedBy !== undefined) yield* output.failure(tell(stoppedBy))
    yield* output.event({ event: "interrupted", run: recorded.id, ...recorded.counts, ...counts, resume })
    yield* output.remark(
      `Stopped: ${number(ended.updated + ended.failed)} of ${number(recorded.counts.changes)} done, and recorded.${resume === null ? "" : `\nTo go on: ${resume}`}`,
    )
  })
}
