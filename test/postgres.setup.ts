/** Once before all tests: PostgreSQL is started, unless `DATABASE_URL` says where one runs already. */
import type { TestProject } from "vitest/node"
import { prepareServer } from "./postgres-server.ts"

export const setup = async (project: TestProject) => {
  const given = process.env["DATABASE_URL"]
  if (given !== undefined) {
    project.provide("postgres", given)
    return undefined
  }
  // What a power cut would lose, tests may lose. Many files test at once, each with a pool or several.
  const server = await prepareServer("-c", "fsync=off", "-c", "max_connections=400")
  await server.start()
  project.provide("postgres", server.address)
  return server.stop
}
