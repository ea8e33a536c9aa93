/**
 * One transaction for all the changes that wait when it begins. A durable commit waits for the disk; what waits together
 * waits once. Measured in docs/decisions/0005.
 */
import { Cause, type Context, Deferred, Effect, Exit, References, Semaphore } from "effect"
import { type SqlClient, SqlError } from "effect/sql"

/**
 * Runs a change in a transaction, perhaps together with others. It succeeds when the transaction is committed. A change
 * may fail with errors of its own as long as it has written nothing by then; the others are not concerned.
 */
export type GroupCommit = <A, E, R>(
  change: Effect.Effect<A, E | SqlError.SqlError, R>,
) => Effect.Effect<A, E | SqlError.SqlError, R>

interface Job {
  readonly change: Effect.Effect<unknown, unknown>
  readonly done: Deferred.Deferred<unknown, unknown>
}

export const make = (sql: SqlClient.SqlClient): Effect.Effect<GroupCommit> =>
  Effect.map(Semaphore.make(1), (turn) => {
    let waiting: Array<Job> = []

    const commit = (jobs: ReadonlyArray<Job>): Effect.Effect<void> =>
      Effect.forEach(jobs, ({ change }) => Effect.flatMap(Effect.exit(change), keepOrRollBack)).pipe(
        sql.withTransaction,
        // SQLite waits for its lock by standing still: another connection of this process must not come in between.
        Effect.provideService(References.PreventSchedulerYield, true),
        Effect.exit,
        Effect.flatMap((exit) => {
          if (Exit.isSuccess(exit)) return settle(jobs, exit.value)
          // Of several, one may have spoiled it for all: each is tried for itself.
          return jobs.length === 1
            ? settle(jobs, [exit])
            : Effect.forEach(jobs, (job) => commit([job]), { discard: true })
        }),
      )

    return <A, E, R>(change: Effect.Effect<A, E | SqlError.SqlError, R>) =>
      Effect.contextWith((context: Context.Context<R>) => {
        const done = Deferred.makeUnsafe<A, E | SqlError.SqlError>()
        const job = { change: Effect.provideContext(change, context), done } as Job
        waiting.push(job)
        // Whoever's turn it is commits for all. Letting the others go first makes "all" more than one.
        const lead = Effect.andThen(Effect.yieldNow, () => {
          const jobs = waiting
          waiting = []
          return commit(jobs)
        })
        return turn
          .withPermit(Effect.suspend(() => (waiting.includes(job) ? Effect.uninterruptible(lead) : Effect.void)))
          .pipe(Effect.andThen(Deferred.await(done)))
      })
  })

/** A change that was refused leaves the others be; one that the database or a defect broke off must not be committed. */
const keepOrRollBack = (exit: Exit.Exit<unknown, unknown>): Effect.Effect<Exit.Exit<unknown, unknown>, unknown> => {
  if (Exit.isSuccess(exit)) return Effect.succeed(exit)
  const isRefusal = exit.cause.reasons.every(
    (reason) => Cause.isFailReason(reason) && !SqlError.isSqlError(reason.error),
  )
  return isRefusal ? Effect.succeed(exit) : Effect.failCause(exit.cause)
}

const settle = (jobs: ReadonlyArray<Job>, exits: ReadonlyArray<Exit.Exit<unknown, unknown>>) =>
  Effect.sync(() => jobs.forEach(({ done }, index) => Deferred.doneUnsafe(done, exits[index] ?? Exit.void)))
