/** Databases for tests on a real PostgreSQL, gone when the test ends. */
import { randomUUID } from "node:crypto"
import { Effect } from "effect"
import pg from "pg"
import { inject } from "vitest"
import { onServer } from "./postgres-server.ts"

declare module "vitest" {
  interface ProvidedContext {
    /** The address of the server that `postgres.setup.ts` has started, as one who may make databases. */
    readonly postgres: string
  }
}

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
