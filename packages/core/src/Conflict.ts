/** What databases say when two transactions cross, and what to do about it: for all adapters that write to one. */
import { Context, Effect, Schedule } from "effect"
import { type SqlClient, SqlError } from "effect/sql"

/** How often to give way. Who has given way gets on the next time, or the one after: the other has got on by then. */
export const patience = 10

/** Two transactions crossed, and this one had to give way. Nothing of it is left, and it may be tried again at once. */
export const isConflict = (reason: SqlError.SqlErrorReason["_tag"] | undefined): boolean =>
  reason === "DeadlockError" || reason === "SerializationError"

/** A transaction that may be run again as a whole, and is when it had to give way to another. */
export const again = <A, E, R>(transaction: Effect.Effect<A, E, R>): Effect.Effect<A, E, R> =>
  Effect.retry(transaction, {
    while: (error) => SqlError.isSqlError(error) && isConflict(error.reason._tag),
    times: patience,
  })

/** Whether to wait for what somebody else has locked, where that can be chosen, or to fail at once. */
export const LockWait = Context.Reference<"wait" | "fail">("webflow-users/Conflict/LockWait", {
  defaultValue: () => "wait",
})

/** As long as who waits within a statement does: 5 seconds. */
const lockWait = {
  while: (error: unknown) => SqlError.isSqlError(error) && error.reason._tag === "LockTimeoutError",
  schedule: Schedule.spaced("100 millis"),
  times: 50,
}

/**
 * A transaction that waits for another program's lock without holding the one connection to a SQLite file, on which everybody
 * else reads. Of PostgreSQL there are many connections.
 */
export const waitOutside = <A, E, R>(
  sql: SqlClient.SqlClient,
  transaction: Effect.Effect<A, E, R>,
): Effect.Effect<A, E, R> =>
  sql.onDialectOrElse({
    pg: () => transaction,
    orElse: () => transaction.pipe(Effect.provideService(LockWait, "fail"), Effect.retry(lockWait)),
  })
