/** What is to become of each row before anything is changed, kept in the run's folder. */
import { type PlanUpdates, type User, UserChange, UserHistory, type UserPatch } from "@webflow-users/core"
import { Effect, FileSystem, Result, Stream } from "effect"
import { type RunUnwritable, UnreadableInput } from "../Failure.ts"
import * as Lines from "./Lines.ts"
import { type Folder, unwritable } from "./RunFolder.ts"
import type { Problem, Row } from "./Rows.ts"

/** A change as `changes.ndjson` keeps it. */
export interface Planned {
  readonly line: number
  readonly source: unknown
  readonly user: string
  readonly patch: Pick<UserPatch.UserPatch, "data" | "groups">
  readonly before: User
  /** Whether the same user is changed by an earlier one, too. */
  readonly isAgain?: true
}

/** A row that cannot be carried out, as `problems.ndjson` keeps it. */
export interface Refused {
  readonly line: number
  readonly source: unknown
  readonly problems: ReadonlyArray<Problem>
}

/** What was found of a row. */
export type Judged = { readonly line: number; readonly source: unknown } & (
  | Exclude<PlanUpdates.Planned, { readonly _tag: "Invalid" }>
  | { readonly _tag: "Invalid"; readonly problems: ReadonlyArray<Problem> }
)

/** A user whom the run would change, and how. */
export interface Difference {
  readonly line: number
  readonly user: User
  readonly changes: ReadonlyArray<UserHistory.Difference>
}

/** A row of a user who came before in the file. */
export interface Repeated {
  readonly line: number
  readonly earlier: number
}

export interface Plan {
  readonly rows: number
  readonly changes: number
  /** How many users they change: a user may have several rows. */
  readonly users: number
  readonly unchanged: number
  readonly invalid: number
  readonly repeated: number
  /** The first of each, as many as were asked for. */
  readonly differences: ReadonlyArray<Difference>
  readonly problems: ReadonlyArray<Problem>
  readonly repetitions: ReadonlyArray<Repeated>
}

/** The changes of a run, each at its place. Of a plan that was damaged nothing is done: outcomes would go to other rows. */
export const changesOf = (
  folder: Folder,
): Stream.Stream<readonly [change: Planned, place: number], RunUnwritable | UnreadableInput, FileSystem.FileSystem> =>
  Lines.lines(folder.changes).pipe(
    Stream.mapError(unwritable),
    Stream.zipWithIndex,
    // As many at once as were read: what comes one by one is committed one by one.
    Stream.mapArrayEffect((read) =>
      Effect.forEach(read, ([line, place]) =>
        Effect.try({
          try: () => [JSON.parse(line) as Planned, place] as const,
          catch: () =>
            new UnreadableInput({
              message: `${folder.changes}, line ${place + 1} is damaged, so the run cannot go on`,
            }),
        }),
      ),
    ),
  )

/** How many rows are written at once. */
const portion = 256

/** Spools the rows of a file, so that it is read once, and counts whom they are about. */
export const spool = Effect.fnUntraced(function* <E, R>(folder: Folder, rows: Stream.Stream<Row, E, R>) {
  const writer = yield* Effect.mapError(Lines.append(folder.rows), unwritable)
  const wanted = { ids: 0, emails: 0 }
  yield* rows.pipe(
    Stream.map(({ line, source, read }): Spooled => {
      if (Result.isFailure(read)) return { line, source, problems: read.failure }
      wanted["id" in UserChange.who(read.success) ? "ids" : "emails"] += 1
      return { line, source, change: read.success }
    }),
    Stream.rechunk(portion),
    Stream.runForEachArray((portionOf) => Effect.mapError(writer.write(portionOf), unwritable)),
  )
  return wanted
}, Effect.scoped)

type Spooled = { readonly line: number; readonly source: unknown } & (
  | { readonly change: UserChange.UserChange }
  | { readonly problems: ReadonlyArray<Problem> }
)

/** How many users are looked up at a time, where that takes a while. */
export const lookUps = 16

/** Judges the rows that were spooled, in their order. */
export const judged = (
  folder: Folder,
  { find, judge }: PlanUpdates.Planner,
  problemsAt: (
    line: number,
    details: Extract<PlanUpdates.Planned, { _tag: "Invalid" }>["problems"],
  ) => Refused["problems"],
) =>
  Stream.mapError(Lines.read<Spooled>(folder.rows), unwritable).pipe(
    // As many at once as were read: to hand rows on one by one costs more than to judge them.
    Stream.mapArrayEffect((rows) =>
      Effect.forEach(
        rows,
        (row) => Effect.map("change" in row ? find(row.change) : Effect.succeed(undefined), (user) => ({ row, user })),
        { concurrency: lookUps },
      ),
    ),
    Stream.map(({ row, user }): Judged => {
      const { line, source } = row
      if (!("change" in row)) return { line, source, _tag: "Invalid", problems: row.problems }
      const planned = judge(row.change, user, line)
      return planned._tag === "Invalid"
        ? { line, source, _tag: "Invalid", problems: problemsAt(line, planned.problems) }
        : { line, source, ...planned }
    }),
  )

/** Keeps what was found, and tells it in short. `shown` is how many of each are told one by one. */
export const keep = Effect.fnUntraced(function* <E, R>(
  folder: Folder,
  found: Stream.Stream<Judged, E, R>,
  { shown }: { readonly shown: number },
) {
  const fs = yield* FileSystem.FileSystem
  const changes = yield* Effect.mapError(Lines.append(folder.changes), unwritable)
  const problems = yield* Effect.mapError(Lines.append(folder.problems), unwritable)
  const counts = { rows: 0, changes: 0, users: 0, unchanged: 0, invalid: 0, repeated: 0 }
  const told = {
    differences: new Array<Difference>(),
    problems: new Array<Problem>(),
    repetitions: new Array<Repeated>(),
  }

  const count = (row: Judged) => {
    counts.rows += 1
    if (row._tag === "Invalid") {
      counts.invalid += 1
      told.problems.push(...row.problems.slice(0, shown - told.problems.length))
      return
    }
    counts[row._tag === "Change" ? "changes" : "unchanged"] += 1
    if (row.earlier !== undefined) {
      counts.repeated += 1
      if (told.repetitions.length < shown) told.repetitions.push({ line: row.line, earlier: row.earlier })
    }
    if (row._tag === "Change" && row.isAgain === undefined) counts.users += 1
    if (row._tag === "Change" && told.differences.length < shown) {
      told.differences.push({ line: row.line, user: row.user, changes: UserHistory.differences(row.user, row.after) })
    }
  }

  yield* found.pipe(
    Stream.rechunk(portion),
    Stream.runForEachArray((rows) => {
      rows.forEach(count)
      return Effect.mapError(
        Effect.andThen(
          changes.write(rows.flatMap((row) => (row._tag === "Change" ? [plannedOf(row)] : []))),
          problems.write(rows.flatMap((row) => (row._tag === "Invalid" ? [refusedOf(row)] : []))),
        ),
        unwritable,
      )
    }),
  )
  yield* Effect.mapError(Effect.andThen(changes.sync, problems.sync), unwritable)
  yield* Effect.ignore(fs.remove(folder.rows))
  return { ...counts, ...told } satisfies Plan
}, Effect.scoped)

const plannedOf = ({ line, source, user, patch, isAgain }: Extract<Judged, { _tag: "Change" }>): Planned => ({
  line,
  source,
  user: user.id,
  patch: { data: patch.data, groups: patch.groups },
  before: user,
  ...(isAgain && { isAgain }),
})

const refusedOf = ({ line, source, problems }: Extract<Judged, { _tag: "Invalid" }>): Refused => ({
  line,
  source,
  problems,
})
