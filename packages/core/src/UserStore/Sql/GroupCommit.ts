/**
 * One transaction for all the changes that wait when it begins. A durable commit waits for the disk; what waits together
 * waits once. Why, and what it is worth: docs/decisions/0005.
 */
import { Cause, type Context, Deferred, Effect, Exit, Semaphore } from "effect"
import { type SqlClient, SqlError } from "effect/sql"
import * as Conflict from "../../Conflict.ts"

/**
 * Runs a change in a transaction, perhaps together with others. It succeeds when the transaction is committed. A change
 * may fail with errors of its own as long as it has written nothing by then; the others are not concerned. Changes of
 * the same `row` are made one after the other.
 */
export type GroupCommit = <A, E, R>(
  change: Effect.Effect<A, E | SqlError.SqlError, R>,
) => Effect.Effect<A, E | SqlError.SqlError, R>

/** The most that is committed together: whoever comes later need not wait for all who came before. */
const maxGroup = 256

type Outcome = Exit.Exit<unknown, unknown>

interface Job {
  readonly change: Effect.Effect<unknown, unknown>
  readonly done: Deferred.Deferred<unknown, unknown>
}

/** A change that the database or a defect broke off: what it had written must not be committed. */
class Spoiled {
  readonly outcome: Outcome
  constructor(outcome: Outcome) {
    this.outcome = outcome
  }
}

/** How often a group may give way to somebody else, and whether it still waits for rows that somebody has locked. */
interface Patience {
  readonly conflicts: number
  readonly wait: typeof Conflict.LockWait.Service
}

const patient: Patience = { conflicts: Conflict.patience, wait: "wait" }

export const make = (sql: SqlClient.SqlClient): Effect.Effect<GroupCommit> =>
  Effect.map(Semaphore.make(1), (turn) => {
    let waiting: Array<Job> = []

    const commit = (jobs: ReadonlyArray<Job>, patience = patient): Effect.Effect<void> =>
      inTurn(jobs).pipe(
        sql.withTransaction,
        Effect.provideService(Conflict.LockWait, patience.wait),
        Effect.matchCauseEffect({
          onSuccess: (outcomes) => Effect.sync(() => outcomes.forEach(([job, outcome]) => settle(job, outcome))),
          onFailure: (cause) => {
            const spoiled = cause.reasons.find(isSpoiling)
            // The transaction could not be begun or committed: to try each for itself would be the same, many times.
            return spoiled === undefined ? fail(jobs, Exit.failCause(cause)) : mend(jobs, spoiled.error, patience)
          },
        }),
      )

    /** What becomes of changes that one of them has spoiled for all. */
    const mend = (
      jobs: ReadonlyArray<Job>,
      { outcome }: Spoiled,
      { conflicts, wait }: Patience,
    ): Effect.Effect<void> => {
      const reason = reasonOf(outcome)
      if (Conflict.isConflict(reason) && conflicts > 0) return commit(jobs, { conflicts: conflicts - 1, wait })
      // Somebody holds on to a row. All have waited for it; now who wants that row fails, and the others need not wait again.
      if (isWait(reason) && wait === "wait") return commit(jobs, { conflicts, wait: "fail" })
      // Each is tried for itself.
      return jobs.length === 1
        ? fail(jobs, outcome)
        : Effect.forEach(jobs, (job) => commit([job], { ...patient, wait }), { discard: true })
    }

    return <A, E, R>(change: Effect.Effect<A, E | SqlError.SqlError, R>) =>
      Effect.contextWith((context: Context.Context<R>) => {
        const done = Deferred.makeUnsafe<A, E | SqlError.SqlError>()
        const job = { change: Effect.provideContext(change, context), done } as Job
        waiting.push(job)
        // Whoever's turn it is commits for all. Letting the others go first makes "all" more than one.
        const lead = Effect.andThen(Effect.yieldNow, () => commit(waiting.splice(0, maxGroup)))
        return turn
          .withPermit(Effect.suspend(() => (waiting.includes(job) ? Effect.uninterruptible(lead) : Effect.void)))
          .pipe(
            // Nobody waits for it any more, and it has not begun: the next one to lead must not find it.
            Effect.onInterrupt(() => Effect.sync(() => (waiting = waiting.filter((other) => other !== job)))),
            Effect.andThen(Deferred.await(done)),
          )
      })
  })

type Outcomes = Effect.Effect<ReadonlyArray<readonly [Job, Outcome]>, Spoiled>

const inTurn = (jobs: ReadonlyArray<Job>): Outcomes =>
  Effect.forEach(jobs, (job) => Effect.map(attempt(job), (outcome) => [job, outcome] as const))

/** How a change ends. One that is refused by its own rules ends well enough for the others. */
const attempt = ({ change }: Job): Effect.Effect<Outcome, Spoiled> =>
  Effect.flatMap(Effect.exit(change), (outcome) =>
    Exit.isSuccess(outcome) || outcome.cause.reasons.every(isRefusal)
      ? Effect.succeed(outcome)
      : Effect.fail(new Spoiled(outcome)),
  )

const isRefusal = (reason: Cause.Reason<unknown>): boolean =>
  Cause.isFailReason(reason) && !SqlError.isSqlError(reason.error)

const isSpoiling = (reason: Cause.Reason<unknown>): reason is Cause.Fail<Spoiled> =>
  Cause.isFailReason(reason) && reason.error instanceof Spoiled

type Reason = SqlError.SqlErrorReason["_tag"] | undefined

/** What the database says of it, where it was the database. */
const reasonOf = (outcome: Outcome): Reason => {
  const failed = Exit.isFailure(outcome) ? outcome.cause.reasons.find(Cause.isFailReason) : undefined
  return SqlError.isSqlError(failed?.error) ? failed.error.reason._tag : undefined
}

const isWait = (reason: Reason): boolean => reason === "LockTimeoutError" || reason === "StatementTimeoutError"

const fail = (jobs: ReadonlyArray<Job>, outcome: Outcome): Effect.Effect<void> =>
  Effect.sync(() => jobs.forEach((job) => settle(job, outcome)))

const settle = ({ done }: Job, outcome: Outcome): void => void Deferred.doneUnsafe(done, outcome)
