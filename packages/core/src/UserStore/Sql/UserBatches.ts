/**
 * Updates that wait, made together: PostgreSQL is a way off and a commit waits for its disk, so that those of a batch read with one
 * statement, are decided here, and are written with one. Why so, and what it is worth: docs/decisions/0029.
 */
import { Cause, type Context, DateTime, Deferred, Effect, Exit } from "effect"
import { type SqlClient, SqlError } from "effect/sql"
import * as Conflict from "../../Conflict.ts"
import * as Monotonic from "../../Monotonic.ts"
import type { SiteId, UserId } from "../../User.ts"
import * as BatchStatements from "./BatchStatements.ts"
import {
  type Decide,
  decided,
  fail,
  isWithinTransaction,
  type Outcome,
  settle,
  type Update,
  type Waiting,
} from "./UserRows.ts"

export { addGroups } from "./BatchStatements.ts"

/** The most that is committed together: whoever comes later need not wait for all who came before. */
const maxBatch = 256

/** How many batches are under way at once, each on a connection of its own: while one waits for the disk, another is decided. */
const maxBatches = 2

/** So many are not divided among batches, and are enough to begin one beside another: a commit more costs more than it hides. */
const worthwhile = 16

/** A batch that is under way for longer waits for somebody else: then few are enough. Milliseconds. */
const longest = 100

interface Job extends Waiting {
  /** Of one user, one batch at a time. */
  readonly row: string
  readonly siteId: SiteId
  readonly userId: UserId
  readonly decide: Decide
  readonly context: Context.Context<never>
}

/** What the database refused within a transaction: nothing of it is left. */
class Spoiled {
  readonly error: SqlError.SqlError
  constructor(error: SqlError.SqlError) {
    this.error = error
  }
}

/** How often a batch may give way to somebody else, and what it does about rows that somebody has locked. */
interface Patience {
  readonly conflicts: number
  readonly locks: BatchStatements.Locks
}

const patient: Patience = { conflicts: Conflict.patience, locks: "later" }

const locking: Patience = { ...patient, locks: "first" }

/** So many batches lock first after one that was overtaken: whoever has overtaken it is likely to go on. */
const cautious = 16

export const make = (sql: SqlClient.SqlClient): Effect.Effect<Update> =>
  Effect.sync(() => {
    let waiting: Array<Job> = []
    let batches = 0
    let begun = 0
    let isComing = false
    /** How many batches are still to lock first. */
    let wary = 0
    /** Users in a batch that is under way. Who wants one of them waits here, and holds no connection. */
    const busy = new Set<string>()

    /** A share of those who can go; all that are of one user go together, since they cannot go beside each other. */
    const take = (): ReadonlyArray<Job> => {
      const share = Math.ceil(waiting.length / (maxBatches - batches))
      const most = Math.min(maxBatch, Math.max(worthwhile, share))
      const taken: Array<Job> = []
      const left: Array<Job> = []
      const rows = new Set<string>()
      for (const job of waiting) {
        const isTaken = taken.length < maxBatch && !busy.has(job.row) && (taken.length < most || rows.has(job.row))
        if (isTaken) rows.add(job.row)
        ;(isTaken ? taken : left).push(job)
      }
      waiting = left
      for (const row of rows) busy.add(row)
      return taken
    }

    /** Begins as many batches with those who wait as there may be. They go on whoever of their callers gives up. */
    const begin: Effect.Effect<void> = Effect.flatMap(Monotonic.millis, (now): Effect.Effect<void> => {
      const isWorthwhile = batches === 0 || waiting.length >= worthwhile || now - begun >= longest
      if (batches === maxBatches || !isWorthwhile) return Effect.void
      const jobs = take()
      const [first] = jobs
      if (first === undefined) return Effect.void
      batches += 1
      begun = now
      const end = Effect.sync(() => {
        batches -= 1
        for (const { row } of jobs) busy.delete(row)
      })
      const isWary = wary > 0
      if (isWary) wary -= 1
      return commit(jobs, isWary ? locking : patient).pipe(
        Effect.andThen(end),
        Effect.andThen(come),
        // Spans of a batch are seen where the first of its updates is.
        Effect.provideContext(first.context),
        Effect.forkDetach,
        Effect.andThen(begin),
      )
    })

    /** Letting others come first makes a batch more than one. Not to be interrupted: others rely on it. */
    const come: Effect.Effect<void> = Effect.suspend(() => {
      if (isComing) return Effect.void
      isComing = true
      const arrived = Effect.sync(() => void (isComing = false))
      return Effect.yieldNow.pipe(Effect.andThen(arrived), Effect.andThen(begin))
    })

    const makeAll = deciding(sql)
    const commit = (jobs: ReadonlyArray<Job>, patience: Patience): Effect.Effect<void> =>
      makeAll(jobs, patience.locks).pipe(
        Effect.mapError((error) => new Spoiled(error)),
        within(sql, patience.locks),
        Effect.matchCauseEffect({
          onSuccess: (outcomes) => {
            outcomes.forEach((outcome, index) => outcome && settle(jobs[index] as Job, outcome))
            const lost = jobs.filter((_, index) => outcomes[index] === undefined)
            return lost.length === 0 ? Effect.void : mend(lost, overtaken, patience)
          },
          onFailure: (cause) => {
            const spoiled = cause.reasons.find(isSpoiling)
            // There is no connection, or the transaction could not be committed: to try each for itself would be the same, many times.
            return spoiled === undefined
              ? fail(jobs, cause as Cause.Cause<SqlError.SqlError>)
              : mend(jobs, spoiled.error.error, patience)
          },
        }),
      )

    /** What becomes of a batch that the database has refused. */
    const mend = (
      jobs: ReadonlyArray<Job>,
      error: SqlError.SqlError,
      { conflicts, locks }: Patience,
    ): Effect.Effect<void> => {
      const reason = error.reason._tag
      // Who has crossed somebody locks first the next time: they then take turns.
      if (Conflict.isConflict(reason) && conflicts > 0) {
        wary = cautious
        return commit(jobs, { conflicts: conflicts - 1, locks: locks === "later" ? "first" : locks })
      }
      // Somebody holds on to a row. All have waited for it; now who wants that row fails, and the others need not wait again.
      if (isWait(reason) && locks !== "held") return commit(jobs, { conflicts, locks: "held" })
      // Each is tried for itself; what was being written when the connection broke may be there, and is not.
      return jobs.length === 1 || reason === "ConnectionError"
        ? fail(jobs, Cause.fail(error))
        : Effect.forEach(jobs, (job) => commit([job], { ...patient, locks }), { discard: true })
    }

    // Who gives up does so while waiting for the answer, and nowhere before: a beginning that was promised and did not come would be
    // waited for by everybody, for ever.
    return (siteId, userId, decide) =>
      Effect.uninterruptibleMask((restore) =>
        Effect.contextWith((context: Context.Context<never>) => {
          const job: Job = {
            row: BatchStatements.rowOf(siteId, userId),
            siteId,
            userId,
            decide,
            context,
            done: Deferred.makeUnsafe(),
          }
          // Who has a transaction is updated in it, alone: others have nothing to do with what becomes of it.
          if (isWithinTransaction(sql, context)) {
            return restore(Effect.andThen(commit([job], locking), Deferred.await(job.done)))
          }
          waiting.push(job)
          const answer = restore(Deferred.await(job.done)).pipe(
            // Nobody waits for it any more, and it has not begun.
            Effect.onInterrupt(() => Effect.sync(() => (waiting = waiting.filter((other) => other !== job)))),
          )
          return isComing ? answer : Effect.andThen(come, answer)
        }),
      )
  })

/**
 * What a batch does. It fails with what the database refuses; what a rule refuses is an outcome. There is none for who was decided by what
 * somebody else has changed before it was written.
 */
const deciding = (sql: SqlClient.SqlClient) => {
  const { read, present, write } = BatchStatements.make(sql)

  return Effect.fnUntraced(function* (jobs: ReadonlyArray<Job>, locks: BatchStatements.Locks) {
    const wanted = [...new Map(jobs.map((job) => [job.row, job])).values()]
    const rows = yield* read(wanted, locks)
    const held = yield* present(locks === "held" ? wanted.filter(({ row }) => !rows.has(row)) : [])
    const now = yield* DateTime.now
    const decisions: Array<BatchStatements.Decision> = []
    const outcomes = jobs.map((job): Outcome => {
      const row = rows.get(job.row)
      if (row === undefined) return held.has(job.row) ? stillLocked : nobody
      const outcome = decided(job.decide, row, now)
      if (Exit.isSuccess(outcome)) {
        decisions.push({ row: job.row, version: row.version, decided: outcome.value })
        // The next one of the same user goes by what this one has left.
        rows.set(job.row, { ...row, document: outcome.value.written.after })
      }
      return outcome
    })
    const written = yield* write(decisions)
    const lost = new Set(decisions.flatMap(({ row }) => (written.has(row) ? [] : [row])))
    return outcomes.map((outcome, index) => (lost.has(jobs[index]?.row ?? "") ? undefined : outcome))
  })
}

const nobody = Exit.succeed(undefined)

const stillLocked = Exit.fail(
  new SqlError.SqlError({
    reason: new SqlError.LockTimeoutError({ cause: new Error("Somebody else has the row locked"), operation: "lock" }),
  }),
)

const overtaken = new SqlError.SqlError({
  reason: new SqlError.SerializationError({
    cause: new Error("Somebody else has changed the row"),
    operation: "write",
  }),
})

/** On one connection; in a transaction where locks are to be kept. Elsewhere the one statement that writes is a transaction by itself. */
const within =
  (sql: SqlClient.SqlClient, locks: BatchStatements.Locks) =>
  <A, E>(effect: Effect.Effect<A, E>): Effect.Effect<A, E | SqlError.SqlError> =>
    locks === "later"
      ? Effect.scoped(
          Effect.flatMap(sql.reserve, (connection) =>
            Effect.provideService(effect, sql.transactionService, [connection, 0]),
          ),
        )
      : sql.withTransaction(effect)

const isSpoiling = (reason: Cause.Reason<unknown>): reason is Cause.Fail<Spoiled> =>
  Cause.isFailReason(reason) && reason.error instanceof Spoiled

const isWait = (reason: SqlError.SqlErrorReason["_tag"]): boolean =>
  reason === "LockTimeoutError" || reason === "StatementTimeoutError"
