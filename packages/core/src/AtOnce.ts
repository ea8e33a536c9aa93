/**
 * What a database in this process does in the step of the program that asks. `sql` makes each statement anew, compiles it, and waits
 * its turn for a connection, and a transaction of it has a scope, a span and a context of its own: more than SQLite takes to find or to
 * write a row by its key.
 */
import { Effect } from "effect"
import type { SqlClient, Statement } from "effect/sql"
import { storeErrors } from "./StoreErrors.ts"
import { isHeard } from "./Traced.ts"
import type { StoreUnavailable } from "./UpdateUserError.ts"

/** Makes a statement and gives its rows, or throws what the database says. */
export type Execute = (text: string, parameters: ReadonlyArray<unknown>) => ReadonlyArray<object>

/** A client of a database; one that is in this process can have what is done at once. */
export interface Client extends SqlClient.SqlClient {
  /**
   * Rows, when it is called, for who has no transaction. There are none where that cannot be, because a transaction is open, whose turn
   * it is, or the statement failed: then it is to be asked as others are, which waits, or says what is wrong.
   */
  readonly readAtOnce?: (text: string, parameters: ReadonlyArray<string>) => ReadonlyArray<object> | undefined
  /**
   * Does in a transaction of its own what is to be done, and gives what that gives, when it is committed. There is nothing, and nothing
   * is left of it, where that cannot be: then it is to be done as others do it, which waits, or says what is wrong.
   */
  readonly writeAtOnce?: <A extends object>(work: (execute: Execute) => A) => A | undefined
}

/**
 * Reads what a statement reads, each time with other parameters in the place of its own, and gives what `ofRows` makes of it: the
 * statement's text is made once.
 */
export const reading = <Row extends object, A>(
  sql: Client,
  statement: Statement.Statement<Row>,
  ofRows: (rows: ReadonlyArray<Row>) => A,
): ((...parameters: ReadonlyArray<string>) => Effect.Effect<A, StoreUnavailable>) => {
  const [text] = statement.compile()
  return (...parameters) =>
    Effect.withFiber((fiber) => {
      // Where somebody traces, it is a span as others are.
      const rows = isHeard(fiber) ? undefined : sql.readAtOnce?.(text, parameters)
      return rows === undefined
        ? storeErrors(Effect.map(sql.unsafe<Row>(text, parameters), ofRows))
        : Effect.succeed(ofRows(rows as ReadonlyArray<Row>))
    })
}
