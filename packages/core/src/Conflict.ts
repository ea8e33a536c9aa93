/** What databases say when two transactions cross, and what to do about it: for all adapters that write to one. */
import { Effect } from "effect"
import { SqlError } from "effect/sql"

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
