/** PostgreSQL as an Effect `SqlClient`. What is set here and why: docs/decisions/0011. */
import { readFileSync } from "node:fs"
import { connect, type Socket } from "node:net"
import type { ConnectionOptions } from "node:tls"
import { PgClient, PgConnection } from "@effect/sql-pg"
import { Cause, Duration, Effect, Layer, Predicate, Redacted } from "effect"
import { Reactivity } from "effect/reactivity"
import { SqlClient, type SqlConnection, SqlError } from "effect/sql"
import type { PostgresAddress } from "./PostgresAddress.ts"

/** A pool of connections to the database at this address, which `PostgresAddress.parse` has read. */
export const layer = (address: string, parsed: PostgresAddress): Layer.Layer<SqlClient.SqlClient, SqlError.SqlError> =>
  Layer.effect(SqlClient.SqlClient, make(address, parsed)).pipe(Layer.provide(Reactivity.layer))

/**
 * What every session begins with. A commit is on the disk before it is answered, whatever the server's own setting, and
 * nothing waits for ever: not for another's lock, not for its own statement, and nobody for a process that stands still.
 */
const session = {
  application_name: "webflow-users",
  synchronous_commit: "on",
  default_transaction_isolation: "read committed",
  lock_timeout: "5s",
  statement_timeout: "30s",
  idle_in_transaction_session_timeout: "30s",
}

/** A server that says nothing for longer than any statement may take is gone, or as good as gone: milliseconds. */
const silence = 35_000

/** How long anybody waits for a connection, be it for a new one or for one that others have; longer where the address says so. */
const patience = Duration.seconds(10)

/** An attempt that hangs ends before who waits for it gives up: it is not left to fail who comes next, when the server answers again. */
const spare = Duration.millis(500)

const make = Effect.fnUntraced(function* (address: string, parsed: PostgresAddress) {
  const connectTimeout = parsed.connectTimeout === undefined ? patience : Duration.seconds(parsed.connectTimeout)
  const connection: PgConnection.Config = {
    url: Redacted.make(address),
    ssl: yield* tlsOf(parsed),
    stream: () => open(parsed),
    startupParameters: session,
    connectTimeout,
  }
  const pool = yield* PgClient.make({
    ...connection,
    ssl: isOptional(parsed) && !(yield* speaksTls(connection)) ? false : connection.ssl,
    maxConnections: 16,
    idleTimeout: "30 seconds",
  })
  // The pool's own client would let those who find no connection wait for each other's attempts, one after the other.
  const client = yield* SqlClient.make({
    acquirer: inTime(pool.reserve, Duration.sum(Duration.max(patience, connectTimeout), spare)),
    compiler: PgClient.makeCompiler(),
    driver: "pg",
    spanAttributes: [["db.system.name", "postgresql"]],
    prepareTransactionControls: true,
    commit,
    releaseSavepoint: (name) => `RELEASE SAVEPOINT ${name}`,
  })
  const plain = client.withTransaction
  const withTransaction: typeof plain = (effect) => Effect.catchCause(plain(effect), asFailure)
  return Object.assign(client, { withTransaction })
})

/** Who asks for many at once may not be interrupted, and still is not to wait for ever. */
const inTime = (acquirer: SqlConnection.Acquirer, longest: Duration.Duration): SqlConnection.Acquirer =>
  Effect.timeoutOrElse(Effect.interruptible(acquirer), {
    duration: longest,
    orElse: () => Effect.fail(connectionError(new Error("No connection in time"), "There is no connection")),
  })

/** A transaction in which something has failed cannot be committed: PostgreSQL takes it back, and does not call that an error. */
const commit = (connection: SqlConnection.Connection) =>
  Effect.flatMap(connection.executeRaw("COMMIT", []), (result) =>
    Predicate.hasProperty(result, "command") && result.command === "ROLLBACK"
      ? Effect.fail(new SqlError.SqlError({ reason: rolledBack() }))
      : Effect.void,
  )

const rolledBack = () =>
  new SqlError.UnknownError({
    cause: new Error("The server has rolled it back"),
    message: "A transaction in which something failed was not committed",
    operation: "commit",
  })

/** A rollback that finds its connection lost dies of it. The transaction is as gone as it should be: the database is away. */
const asFailure = <E>(cause: Cause.Cause<E>): Effect.Effect<never, E | SqlError.SqlError> => {
  const [lost] = cause.reasons.flatMap((reason) =>
    Cause.isDieReason(reason) && SqlError.isSqlError(reason.defect) ? [reason.defect] : [],
  )
  return lost === undefined ? Effect.failCause(cause) : Effect.fail(lost)
}

const open = ({ host, port }: PostgresAddress): Socket => {
  const socket = host.startsWith("/")
    ? connect({ path: `${host}/.s.PGSQL.${port}` })
    : connect({ host, port, noDelay: true, keepAlive: true, keepAliveInitialDelay: 30_000 })
  return socket.setTimeout(silence, () => socket.destroy(new Error("The server has not answered")))
}

/** The modes that take what there is; over a socket of this machine there is nothing to protect. */
const isOptional = ({ sslMode, host }: PostgresAddress) =>
  !host.startsWith("/") && (sslMode === "prefer" || sslMode === "allow")

/** As libpq does it: what is only `require`d is encrypted, and verified where there is something to verify it with. */
const tlsOf = (parsed: PostgresAddress): Effect.Effect<false | ConnectionOptions, SqlError.SqlError> => {
  const { sslMode, host, sslRootCert, sslCert, sslKey } = parsed
  if (sslMode === "disable" || host.startsWith("/")) return Effect.succeed(false)
  const root = sslRootCert === "system" ? undefined : sslRootCert
  return Effect.try({
    try: () => ({
      ...file("ca", root),
      ...file("cert", sslCert),
      ...file("key", sslKey),
      rejectUnauthorized: sslMode.startsWith("verify") || (sslMode === "require" && sslRootCert !== undefined),
      ...(sslMode !== "verify-full" && sslRootCert !== "system" && { checkServerIdentity: () => undefined }),
    }),
    // Not for want of a connection: it will not be there the next time either.
    catch: (cause) =>
      new SqlError.SqlError({
        reason: new SqlError.UnknownError({
          cause,
          message: "A certificate's file cannot be read",
          operation: "connect",
        }),
      }),
  })
}

const file = (name: "ca" | "cert" | "key", path: string | undefined): ConnectionOptions =>
  path === undefined ? {} : { [name]: readFileSync(path) }

/** Whether the server takes TLS. It is asked once: `prefer` promises nothing, so there is nothing to lose later. */
const speaksTls = (connection: PgConnection.Config) =>
  Effect.scoped(PgConnection.make(connection)).pipe(
    Effect.as(true),
    Effect.catchIf(
      ({ reason }) => reason.message === "PgConnection: Server refused TLS",
      () => Effect.succeed(false),
    ),
  )

const connectionError = (cause: unknown, message: string) =>
  new SqlError.SqlError({ reason: new SqlError.ConnectionError({ cause, message, operation: "connect" }) })
