/** What a database says becomes one error of the list, here and nowhere else: for all adapters that keep things in one. */
import { Effect } from "effect"
import { SqlError } from "effect/sql"
import { StoreUnavailable } from "./UpdateUserError.ts"

export const storeError = <E>(error: E): Exclude<E, SqlError.SqlError> | StoreUnavailable =>
  SqlError.isSqlError(error) ? new StoreUnavailable({ cause: error }) : (error as Exclude<E, SqlError.SqlError>)

/** The same of what fails with it. */
export const storeErrors = <A, E, R>(
  effect: Effect.Effect<A, E, R>,
): Effect.Effect<A, Exclude<E, SqlError.SqlError> | StoreUnavailable, R> => Effect.mapError(effect, storeError)
