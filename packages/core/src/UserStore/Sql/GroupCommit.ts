/**
 * One transaction for all the changes that wait when it begins. A durable commit waits for the disk; what waits together
 * waits once. Why, and what it is worth: docs/decisions/0005.
 */
import { Cause, type Context, Deferred, Effect, Exit, Semaphore } from "effect"
import { type SqlClient, SqlError } from "effect/sql"

/**
 * Runs a change in a transaction, perhaps together with others. It succeeds when the transaction is committed. A change
 * may fail with errors of its own as long as it has written nothing by then; the others are not concerned. `row` names
 * what it locks: all processes lock in the order of rows, so that two of them do not wait for each other.
 */
export type GroupCommit = <A, E, R>(
  row: string,
  change: Effect.Effect<A, E | SqlError.SqlError, R>,
) => Effect.Effect<A, E | SqlError.SqlError, R>

/** The most that is committed together: whoever comes later need not wait for all who came before. */
const maxGroup = 256

type Outcome = Exit.Exit<unknown, unknown>

interface Job {
  readonly row: string
  readonly change: Effect.Effect<unknown, unknown>
  readonly done: Deferred.Deferred<unknown, unknown>
}

/** A change that the database or a defect broke off: what it had written must not be committed. */
class Spoiled {
  readonly job: Job
  readonly outcome: Outcome
  constructor(job: Job, outcome: Outcome) {
    this.job = job
    this.outcome = outcome
  }
  /** What the database says of it, where it was the database. */
  get reason(): SqlError.SqlErrorReason["_tag"] | undefined {
    const [failed] = Exit.isFailure(this.outcome) ? this.outcome.cause.reasons.filter(Cause.isFailReason) : []
    return SqlError.isSqlError(failed?.error) ? failed.error.reason._tag : undefined
  }
}

/** How often a group may lose to somebody else before it fails. */
interface Patience {
  readonly conflicts: number
  readonly waits: number
}

/** Who has lost a conflict may win the next one: the other has got on. A wait has taken its seconds. */
const patient: Patience = { conflicts: 10, waits: 1 }

export const make = (sql: SqlClient.SqlClient): Effect.Effect<GroupCommit> =>
  Effect.map(Semaphore.make(1), (turn) => {
    let waiting: Array<Job> = []

    const commit = (jobs: ReadonlyArray<Job>, patience = patient): Effect.Effect<void> =>
      Effect.forEach(jobs, (job) => Effect.map(attempt(job), (outcome) => ({ job, outcome }))).pipe(
        sql.withTransaction,
        Effect.matchCauseEffect({
          onSuccess: (outcomes) => Effect.sync(() => outcomes.forEach(({ job, outcome }) => settle(job, outcome))),
          onFailure: (cause) => {
            const spoiled = cause.reasons.find(isSpoiling)
            // The transaction could not be begun or committed: to try each for itself would be the same, many times.
            return spoiled === undefined ? fail(jobs, Exit.failCause(cause)) : mend(jobs, spoiled.error, patience)
          },
        }),
      )

    /** What becomes of changes that one of them has spoiled for all. */
    const mend = (jobs: ReadonlyArray<Job>, spoiled: Spoiled, { conflicts, waits }: Patience): Effect.Effect<void> => {
      if (isConflict(spoiled.reason) && conflicts > 0) return commit(jobs, { conflicts: conflicts - 1, waits })
      if (isWait(spoiled.reason)) {
        // Somebody holds on to a row. Whoever wants the same one need not wait as long again, and nobody for a second row.
        if (waits === 0) return fail(jobs, spoiled.outcome)
        const others = jobs.filter(({ row }) => row !== spoiled.job.row)
        const same = jobs.filter((job) => !others.includes(job))
        const rest = others.length === 0 ? Effect.void : commit(others, { conflicts, waits: waits - 1 })
        return Effect.andThen(fail(same, spoiled.outcome), rest)
      }
      // Each is tried for itself.
      return jobs.length === 1
        ? fail(jobs, spoiled.outcome)
        : Effect.forEach(jobs, (job) => commit([job]), { discard: true })
    }

    return <A, E, R>(row: string, change: Effect.Effect<A, E | SqlError.SqlError, R>) =>
      Effect.contextWith((context: Context.Context<R>) => {
        const done = Deferred.makeUnsafe<A, E | SqlError.SqlError>()
        const job = { row, change: Effect.provideContext(change, context), done } as Job
        waiting.push(job)
        // Whoever's turn it is commits for all. Letting the others go first makes "all" more than one.
        const lead = Effect.andThen(Effect.yieldNow, () => commit(waiting.splice(0, maxGroup).toSorted(byRow)))
        return turn
          .withPermit(Effect.suspend(() => (waiting.includes(job) ? Effect.uninterruptible(lead) : Effect.void)))
          .pipe(
            // Nobody waits for it any more, and it has not begun: the next one to lead must not find it.
            Effect.onInterrupt(() => Effect.sync(() => (waiting = waiting.filter((other) => other !== job)))),
            Effect.andThen(Deferred.await(done)),
          )
      })
  })

/** How a change ends. One that is refused by its own rules ends well enough for the others. */
const attempt = (job: Job): Effect.Effect<Outcome, Spoiled> =>
  Effect.flatMap(Effect.exit(job.change), (outcome) =>
    Exit.isSuccess(outcome) || outcome.cause.reasons.every(isRefusal)
      ? Effect.succeed(outcome)
      : Effect.fail(new Spoiled(job, outcome)),
  )

const isRefusal = (reason: Cause.Reason<unknown>): boolean =>
  Cause.isFailReason(reason) && !SqlError.isSqlError(reason.error)

const isSpoiling = (reason: Cause.Reason<unknown>): reason is Cause.Fail<Spoiled> =>
  Cause.isFailReason(reason) && reason.error instanceof Spoiled

/** Changes of one row stay in the order they came in. */
const byRow = (one: Job, other: Job): number => (one.row < other.row ? -1 : one.row > other.row ? 1 : 0)

/** Two transactions crossed, and this one had to give way. Nothing of it is left, and it may be tried again at once. */
const isConflict = (reason: Spoiled["reason"]): boolean => reason === "DeadlockError" || reason === "SerializationError"

const isWait = (reason: Spoiled["reason"]): boolean =>
  reason === "LockTimeoutError" || reason === "StatementTimeoutError"

/** A transaction that may be run again as a whole, and is when it had to give way to another. */
export const again = <A, E, R>(transaction: Effect.Effect<A, E, R>): Effect.Effect<A, E, R> =>
  Effect.retry(transaction, {
    while: (error) => SqlError.isSqlError(error) && isConflict(error.reason._tag),
    times: patient.conflicts,
  })

const fail = (jobs: ReadonlyArray<Job>, outcome: Outcome): Effect.Effect<void> =>
  Effect.sync(() => jobs.forEach((job) => settle(job, outcome)))

const settle = ({ done }: Job, outcome: Outcome): void => void Deferred.doneUnsafe(done, outcome)
