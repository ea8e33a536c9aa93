/** What has become of a run's changes: an append-only file, whose lines are on the disk before anybody is told of them. */
import { UndoUpdates, UpdateUsers, type User, UserPatch } from "@webflow-users/core"
import { DateTime, Effect, FileSystem, Result, Stream } from "effect"
import { tell, type Told } from "../Failure.ts"
import * as Lines from "./Lines.ts"
import { changesOf, type Planned } from "./Plan.ts"
import { type Folder, readSummary, unwritable } from "./RunFolder.ts"

/** One change that is carried out: the one at this place in `changes.ndjson`, from 0. */
export interface Step extends UpdateUsers.Update {
  readonly place: number
  readonly planned: User
  readonly change: Planned
  /** Whether it failed in passing before. */
  readonly isRepeated: boolean
}

/** A line of the journal. */
export type Entry = {
  readonly place: number
  readonly line: number
  readonly user: string
  readonly at: string
} & (
  | {
      readonly outcome: "updated"
      readonly patch: Planned["patch"]
      readonly before: User
      readonly after: User
    }
  | {
      readonly outcome: "failed"
      /** Whether it would fail again. Otherwise who resumes the run does it once more. */
      readonly isFinal: boolean
      readonly error: Told
    }
)

/** `isOwnWork` where what the update found may be what the run itself had made of the user: then only the plan knows. */
const entryOf = (outcome: UpdateUsers.Outcome<Step>, at: string, isOwnWork: boolean): Entry => {
  const { place, user, change, planned } = outcome.update
  const common = { place, line: change.line, user, at }
  const before = outcome._tag === "Updated" && !isOwnWork ? outcome.before : undefined
  return outcome._tag === "Updated"
    ? { ...common, outcome: "updated", patch: change.patch, before: before ?? planned, after: outcome.user }
    : {
        ...common,
        outcome: "failed",
        isFinal: UpdateUsers.isFinal(outcome.error),
        error: { ...tell(outcome.error), user },
      }
}

/** All that was recorded of a run. */
export const read = (folder: Folder) => Stream.mapError(Lines.readIfThere<Entry>(folder.journal), unwritable)

/** What became of every change of a run, by its place. */
export interface Standing {
  readonly updated: number
  readonly failed: number
  /** Those of them that failed in passing. */
  readonly failedInPassing: number
  /** Those that nothing is known of. */
  readonly left: number
}

const [none, updated, failedFinally, failedInPassing] = [0, 1, 2, 3] as const

/** Where a run of so many changes stands: a byte for each. */
const states = Effect.fnUntraced(function* (folder: Folder, changes: number) {
  const all = new Uint8Array(changes)
  const counts: [number, number, number, number] = [changes, 0, 0, 0]
  const put = (place: number, state: 0 | 1 | 2 | 3) => {
    counts[(all[place] ?? none) as typeof state] -= 1
    counts[state] += 1
    all[place] = state
  }
  /** Users of whom something failed that may have been made all the same, and the places recorded of them since. */
  const unsettled = new Map<string, Set<number>>()
  /** What was made of a user after a place is to be made again when that is: the last row wins. */
  const makeLaterAgain = (places: Iterable<number>, place: number) => {
    for (const later of places) if (later > place && all[later] === updated) put(later, none)
  }
  const note = (entry: Entry) => {
    const { place, user } = entry
    put(place, entry.outcome === "updated" ? updated : entry.isFinal ? failedFinally : failedInPassing)
    if (all[place] === failedInPassing && !unsettled.has(user)) unsettled.set(user, new Set())
    const places = unsettled.get(user)
    places?.add(place)
    if (places !== undefined && all[place] === updated) makeLaterAgain(places, place)
  }
  yield* Stream.runForEach(read(folder), (entry) => Effect.sync(() => note(entry)))
  const stand = (): Standing => {
    const [left, done, final, passing] = counts
    return { updated: done, failed: final + passing, failedInPassing: passing, left }
  }
  /** Counts as left what comes after what failed in passing: whoever goes on with the run makes both, in their order. */
  const settle = () => {
    for (const places of unsettled.values()) {
      for (const place of places) if (all[place] === failedInPassing) makeLaterAgain(places, place)
    }
  }
  return { all, note, stand, settle, unsettled }
})

/** Where a run stands. */
export const standing = (folder: Folder, changes: number) => Effect.map(states(folder, changes), ({ stand }) => stand())

/** Opens the journal of a run of so many changes, to go on with it. */
export const open = Effect.fnUntraced(function* (folder: Folder, changes: number) {
  const { all, note, stand, settle, unsettled } = yield* states(folder, changes)
  settle()
  const unheard = yield* unheardOf(folder, (place) => all[place] === none)
  const isOwnWork = (user: string) => unsettled.has(user) || unheard.has(user)
  const writer = yield* Effect.mapError(Lines.append(folder.journal), unwritable)
  return {
    standing: stand,
    isToDo: (place: number) => all[place] === none || all[place] === failedInPassing,
    hasFailedInPassing: (place: number) => all[place] === failedInPassing,
    /** Records outcomes; they are on the disk when that succeeds. */
    record: Effect.fnUntraced(function* (outcomes: ReadonlyArray<UpdateUsers.Outcome<Step>>) {
      const at = DateTime.formatIso(yield* DateTime.now)
      const entries = outcomes.map((outcome) => entryOf(outcome, at, isOwnWork(outcome.update.user)))
      yield* Effect.mapError(Effect.andThen(writer.write(entries), writer.sync), unwritable)
      entries.forEach(note)
      return entries
    }),
  }
})

/** Users with several changes, of which a process that was killed may have made some and told nobody. */
const unheardOf = Effect.fnUntraced(function* (folder: Folder, isLeft: (place: number) => boolean) {
  const fs = yield* FileSystem.FileSystem
  const users = new Set<string>()
  if (!(yield* Effect.mapError(fs.exists(folder.journal), unwritable))) return users
  yield* Stream.runForEach(changesOf(folder), ([{ user, isAgain }, place]) =>
    Effect.sync(() => {
      if (isAgain === true && isLeft(place)) users.add(user)
    }),
  )
  return users
})

/** The last failures of a run that nothing came after, by their place. */
export const failures = (folder: Folder) =>
  Stream.runFold(
    read(folder),
    () => new Map<number, Told>(),
    (failed, entry) => {
      if (entry.outcome === "failed") failed.set(entry.place, entry.error)
      else failed.delete(entry.place)
      return failed
    },
  )

/** The most updates that a process may have made and recorded nothing of, when it is killed: those under way, and in queues. */
const mostUnheardOf = 2048

/** The updates that a run made, or may have made, as they are taken back: those of one user as one. */
export const made = Effect.fnUntraced(function* (folder: Folder, changes: number) {
  const { all } = yield* states(folder, changes)
  const once = new Set<string>()
  const more = new Set<string>()
  yield* Stream.runForEach(read(folder), ({ outcome, user }) =>
    Effect.sync(() => {
      if (outcome !== "updated") return
      if (once.has(user)) more.add(user)
      once.add(user)
    }),
  )
  const combined = new Map<string, { readonly line: number; readonly made: UndoUpdates.Made }>()
  const single = read(folder).pipe(
    Stream.map((entry) => {
      if (entry.outcome !== "updated") return undefined
      const { line, user, patch, before, after } = entry
      const one = { line, made: { patch: new UserPatch.UserPatch(patch), before, after } }
      if (!more.has(user)) return one
      const earlier = combined.get(user)
      combined.set(user, earlier === undefined ? one : { ...one, made: UndoUpdates.combine(earlier.made, one.made) })
      return undefined
    }),
    Stream.filter((one) => one !== undefined),
  )
  // Of a run that came to an end, nothing was begun that nobody heard of; what failed in passing may have been made.
  const isKilled = (yield* readSummary(folder)) === undefined
  let unheard = 0
  const maybe = new Map<string, { readonly line: number; readonly made: UndoUpdates.Made }>()
  yield* Stream.runForEach(changesOf(folder), ([{ line, user, before, patch: asked }, place]) =>
    Effect.sync(() => {
      if (all[place] === none) unheard += 1
      const isUnknown = all[place] === failedInPassing || (all[place] === none && isKilled && unheard <= mostUnheardOf)
      if (!isUnknown || once.has(user)) return
      const earlier = maybe.get(user)
      const patch = new UserPatch.UserPatch(asked)
      const after = UserPatch.apply(earlier?.made.after ?? before, patch, DateTime.makeUnsafe(0))
      if (Result.isFailure(after)) return
      const one = { patch, before, after: after.success }
      maybe.set(user, { line, made: earlier === undefined ? one : UndoUpdates.combine(earlier.made, one) })
    }),
  )
  return {
    users: once.size + maybe.size,
    updates: Stream.concat(
      single,
      Stream.suspend(() => Stream.fromIterable([...combined.values(), ...maybe.values()])),
    ),
  }
})
