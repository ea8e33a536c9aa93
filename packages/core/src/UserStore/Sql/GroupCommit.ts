/**
 * One transaction for all the changes that wait when it begins. A durable commit waits for the disk; what waits together
 * waits once. Why, and what it is worth: docs/decisions/0005.
 */
import { Cause, type Context, Deferred, Effect, Exit, Semaphore } from "effect"
import { type SqlClient, SqlError } from "effect/sql"

/**
 * Runs a change in a transaction, perhaps together with others. It succeeds when the transaction is committed. A change
 * may fail with errors of its own as long as it has written nothing by then; the others are not concerned.
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

export const make = (sql: SqlClient.SqlClient): Effect.Effect<GroupCommit> =>
  Effect.map(Semaphore.make(1), (turn) => {
    let waiting: Array<Job> = []

    const commit = (jobs: ReadonlyArray<Job>): Effect.Effect<void> =>
      Effect.forEach(jobs, (job) => Effect.map(attempt(job), (outcome) => ({ job, outcome }))).pipe(
        sql.withTransaction,
        Effect.matchCauseEffect({
          onSuccess: (outcomes) => Effect.sync(() => outcomes.forEach(({ job, outcome }) => settle(job, outcome))),
          onFailure: (cause) => {
            const spoiled = cause.reasons.find(isSpoiling)
            // The transaction could not be begun or committed: to try each for itself would be the same, many times.
            if (spoiled === undefined)
              return Effect.sync(() => jobs.forEach((job) => settle(job, Exit.failCause(cause))))
            // Of several, one has spoiled it for all: each is tried for itself.
            return jobs.length === 1
              ? Effect.sync(() => jobs.forEach((job) => settle(job, spoiled.error.outcome)))
              : Effect.forEach(jobs, (job) => commit([job]), { discard: true })
          },
        }),
      )

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

const settle = ({ done }: Job, outcome: Outcome): void => void Deferred.doneUnsafe(done, outcome)
