/** PostgreSQL as an Effect `SqlClient`. What is set here and why: docs/decisions/0011. */
import { readFileSync } from "node:fs"
import { connect, type Socket } from "node:net"
import type { ConnectionOptions } from "node:tls"
import { PgClient, PgConnection } from "@effect/sql-pg"
import { Cause, Effect, Layer, Redacted } from "effect"
import { Reactivity } from "effect/reactivity"
import { SqlClient, SqlError } from "effect/sql"
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
const silence = 40_000

const make = Effect.fnUntraced(function* (address: string, parsed: PostgresAddress) {
  const connection: PgConnection.Config = {
    url: Redacted.make(address),
    ssl: yield* tlsOf(parsed),
    stream: () => open(parsed),
    startupParameters: session,
    connectTimeout: parsed.hasConnectTimeout ? undefined : "10 seconds",
  }
  const client = yield* PgClient.make({
    ...connection,
    ssl: isOptional(parsed) && !(yield* speaksTls(connection)) ? false : connection.ssl,
    maxConnections: 16,
    idleTimeout: "30 seconds",
  })
  const plain = client.withTransaction
  const withTransaction: typeof plain = (effect) => Effect.catchCause(plain(effect), asFailure)
  return Object.assign(client, { withTransaction, driver: "pg" })
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
    catch: (cause) => connectionError(cause, "A certificate's file cannot be read"),
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
