/**
 * SQLite as an Effect `SqlClient`, on the driver that Node brings with it. Why this driver: docs/decisions/0002.
 */
import { closeSync, openSync } from "node:fs"
import type { DatabaseSync, SQLInputValue, SQLOutputValue, StatementSync } from "node:sqlite"
import * as Conflict from "@webflow-users/core/Conflict"
import type { Client } from "@webflow-users/core/AtOnce"
import { Effect, Layer, Predicate, Schedule, Semaphore, Stream } from "effect"
import { Reactivity } from "effect/reactivity"
import { SqlClient, type SqlConnection, SqlError, Statement } from "effect/sql"

/** Opens a database file, creating it where there is none. `:memory:` is a database of its own, gone when closed. */
export const layer = (filename: string): Layer.Layer<SqlClient.SqlClient, SqlError.SqlError> =>
  Layer.effect(SqlClient.SqlClient, make(filename)).pipe(Layer.provide(Reactivity.layer))

const make = Effect.fnUntraced(function* (filename: string) {
  // Loaded when a file is opened: other stores do without, and Node 22 warns of it as soon as it is imported.
  const sqlite = yield* Effect.promise(() => import("node:sqlite"))
  const open = Effect.acquireRelease(
    attempt("open", () => new sqlite.DatabaseSync(ownersFile(filename))),
    (opened) => Effect.sync(() => opened.close()),
  ).pipe(Effect.tap((opened) => attempt("configure", () => configure(opened))))
  const database = yield* open
  const prepare = preparing(database)
  const connection = connect(prepare)
  const acquirers = SqlClient.makeSqliteAcquirers({
    connection: Effect.succeed(connection),
    semaphore: yield* Semaphore.make(1),
    isTransaction: () => database.isTransaction,
  })
  const client = yield* SqlClient.make({
    ...acquirers,
    compiler: Statement.makeCompilerSqlite(),
    driver: "sqlite-node",
    spanAttributes: [["db.system.name", "sqlite"]],
    beginTransaction: begin,
    prepareTransactionControls: true,
    releaseSavepoint: (name) => `RELEASE SAVEPOINT ${name}`,
  })
  // Who wants a connection for long gets another one, so that everybody else goes on. In memory there is only the one.
  const another = Effect.map(open, (opened) => connect(preparing(opened)))
  const readAtOnce: Client["readAtOnce"] = (sql, parameters) => {
    try {
      // Nothing comes in between what is done in one step: only a transaction that is open has to be waited for.
      return database.isTransaction ? undefined : prepare(sql)(parameters)
    } catch {
      return undefined
    }
  }
  const writeAtOnce: Client["writeAtOnce"] = (work) => {
    try {
      if (database.isTransaction) return undefined
      prepare(begin)([])
      const done = work((sql, parameters) => prepare(sql)(parameters))
      prepare("COMMIT")([])
      return done
    } catch {
      rollBack(database)
      return undefined
    }
  }
  return Object.assign(client, { readAtOnce, writeAtOnce, reserve: filename === ":memory:" ? client.reserve : another })
})

/** To take the write lock at once keeps two processes from both reading and then failing to write. */
const begin = "BEGIN IMMEDIATE"

/** Leaves no transaction open, where one is. Where that fails, whoever has the connection next is told why. */
const rollBack = (database: DatabaseSync): void => {
  try {
    if (database.isTransaction) database.exec("ROLLBACK")
  } catch {
    return
  }
}

/** How long to wait while another program, or another connection of this one, writes: 5 seconds. */
const lockWait = {
  while: ({ reason }: SqlError.SqlError) => reason._tag === "LockTimeoutError",
  schedule: Schedule.spaced("10 millis"),
  times: 500,
}

/** Members' data: a file that is made here is its owner's to read, and the files beside it take after it. */
const ownersFile = (filename: string): string => {
  if (filename !== ":memory:") closeSync(openSync(filename, "a", 0o600))
  return filename
}

const configure = (database: DatabaseSync): void => {
  // FULL: a commit is on the disk before it is answered. NORMAL would lose the last ones with the power.
  database.exec(
    "PRAGMA busy_timeout = 5000; PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA foreign_keys = ON",
  )
  // Where a million users are, the upper parts of their indexes do not fit in the 2 MB that are the default (docs/decisions/0025).
  database.exec("PRAGMA cache_size = -16000")
  // From here on, `lockWait` does the waiting: SQLite's own would stop this whole process.
  database.exec("PRAGMA busy_timeout = 0")
}

type Row = Record<string, SQLOutputValue>

/** Makes a statement, with these parameters, and gives its rows. */
type Prepared = (parameters: ReadonlyArray<unknown>) => ReadonlyArray<Row>

/** Prepares each statement once. */
const preparing = (database: DatabaseSync): ((sql: string) => Prepared) => {
  const prepared = new Map<string, Prepared>()
  return (sql) => {
    let statement = prepared.get(sql)
    if (statement === undefined) {
      statement = inRows(sql, database.prepare(sql))
      prepared.set(sql, statement)
    }
    return statement
  }
}

/**
 * Rows are made here where a statement names its columns: those of the driver have a hidden class each, which takes V8 about as long as it
 * takes SQLite to find them. What a `*` stands for another program may change at any time, which the driver then knows and nobody else.
 */
const inRows = (sql: string, statement: StatementSync): Prepared => {
  const all = (parameters: ReadonlyArray<unknown>) => statement.all(...(parameters as ReadonlyArray<SQLInputValue>))
  if (star.test(sql)) return all
  statement.setReturnArrays(true)
  const names = statement.columns().map(({ name }) => name)
  return (parameters) => all(parameters).map((values) => named(names, values as unknown as Values))
}

/** Any that may stand for columns: what is counted has none. */
const star = /(?<!count\()\*/

type Values = ReadonlyArray<SQLOutputValue>

const named = (names: ReadonlyArray<string>, values: Values): Row => {
  const row: Row = {}
  names.forEach((name, index) => (row[name] = values[index] as SQLOutputValue))
  return row
}

const connect = (prepare: ReturnType<typeof preparing>): SqlConnection.Connection => {
  const once = (sql: string, parameters: ReadonlyArray<unknown>) => attempt("execute", () => prepare(sql)(parameters))
  // A statement takes less time than to get ready for what may become of it: waiting is prepared for when there is something to wait for.
  const rows = (sql: string, parameters: ReadonlyArray<unknown>) =>
    Effect.suspend(() => {
      try {
        return Effect.succeed(prepare(sql)(parameters))
      } catch (cause) {
        const error = failure("execute", cause)
        const again = Effect.retry(once(sql, parameters), lockWait)
        return Effect.flatMap(Conflict.LockWait, (wait) =>
          wait === "wait" && lockWait.while(error) ? again : Effect.fail(error),
        )
      }
    })

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

/** Where SQLite's own number for what went wrong stands in this driver's errors, and where Effect looks for it. */
const numbered = (cause: unknown): unknown =>
  Predicate.hasProperty(cause, "errcode") && cause instanceof Error
    ? Object.assign(cause, { errno: cause.errcode })
    : cause

const failure = (operation: string, cause: unknown) =>
  new SqlError.SqlError({
    reason: SqlError.classifySqliteError(numbered(cause), { message: `Failed to ${operation}`, operation }),
  })

const attempt = <A>(operation: string, run: () => A): Effect.Effect<A, SqlError.SqlError> =>
  Effect.try({ try: run, catch: (cause) => failure(operation, cause) })
