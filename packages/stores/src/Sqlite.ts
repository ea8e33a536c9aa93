/**
 * SQLite as an Effect `SqlClient`, on the driver that Node brings with it. Why this driver: docs/decisions/0002.
 */
import { DatabaseSync, type SQLInputValue, type StatementSync } from "node:sqlite"
import { Effect, Layer, Semaphore, Stream } from "effect"
import { Reactivity } from "effect/reactivity"
import { SqlClient, type SqlConnection, SqlError, Statement } from "effect/sql"

/** Opens a database file, creating it where there is none. `:memory:` is a database of its own, gone when closed. */
export const layer = (filename: string): Layer.Layer<SqlClient.SqlClient, SqlError.SqlError> =>
  Layer.effect(SqlClient.SqlClient, make(filename)).pipe(Layer.provide(Reactivity.layer))

const make = Effect.fnUntraced(function* (filename: string) {
  const database = yield* Effect.acquireRelease(
    attempt("open", () => open(filename)),
    (opened) => Effect.sync(() => opened.close()),
  )
  const connection = connect(database)
  const acquirers = SqlClient.makeSqliteAcquirers({
    connection: Effect.succeed(connection),
    semaphore: yield* Semaphore.make(1),
    isTransaction: () => database.isTransaction,
  })
  return yield* SqlClient.make({
    ...acquirers,
    compiler: Statement.makeCompilerSqlite(),
    driver: "sqlite-node",
    spanAttributes: [["db.system.name", "sqlite"]],
    // Taking the write lock at once keeps two processes from both reading and then failing to write.
    beginTransaction: "BEGIN IMMEDIATE",
    prepareTransactionControls: true,
    releaseSavepoint: (name) => `RELEASE SAVEPOINT ${name}`,
  })
})

const open = (filename: string): DatabaseSync => {
  const database = new DatabaseSync(filename)
  // FULL: a commit is on the disk before it is answered. NORMAL would lose the last ones with the power.
  database.exec(
    "PRAGMA busy_timeout = 5000; PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA foreign_keys = ON",
  )
  return database
}

const connect = (database: DatabaseSync): SqlConnection.Connection => {
  const prepared = new Map<string, StatementSync>()
  const prepare = (sql: string): StatementSync => {
    let statement = prepared.get(sql)
    if (statement === undefined) {
      statement = database.prepare(sql)
      prepared.set(sql, statement)
    }
    return statement
  }
  const rows = (sql: string, parameters: ReadonlyArray<unknown>) =>
    attempt("execute", () => prepare(sql).all(...(parameters as ReadonlyArray<SQLInputValue>)))

  const execute: SqlConnection.Connection["execute"] = (sql, parameters, transformRows) =>
    transformRows === undefined ? rows(sql, parameters) : Effect.map(rows(sql, parameters), transformRows)
  const executeValues = (sql: string, parameters: ReadonlyArray<unknown>) =>
    Effect.map(rows(sql, parameters), (found) => found.map((row) => Object.values(row)))

  return {
    execute,
    executeRaw: rows,
    executeUnprepared: execute,
    executeValues,
    executeValuesUnprepared: executeValues,
    executeStream: (sql, parameters, transformRows) =>
      Stream.unwrap(Effect.map(execute(sql, parameters, transformRows), Stream.fromIterable)),
  }
}

const attempt = <A>(operation: string, run: () => A): Effect.Effect<A, SqlError.SqlError> =>
  Effect.try({
    try: run,
    catch: (cause) =>
      new SqlError.SqlError({
        reason: SqlError.classifySqliteError(cause, { message: `Failed to ${operation}`, operation }),
      }),
  })
