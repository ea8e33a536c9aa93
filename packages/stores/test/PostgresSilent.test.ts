/** A PostgreSQL that stands still: it takes connections, and says nothing. */
import { readFileSync } from "node:fs"
import { join } from "node:path"
import { expect, it } from "@effect/vitest"
import { NewUsers, parseSiteId, type SiteId, type User, UserId, UserPatch, UserStore } from "@webflow-users/core"
import { StoreAddress } from "@webflow-users/stores"
import { Effect } from "effect"
import { outsider } from "../../../test/postgres.ts"
import { prepareServer, type Server } from "../../../test/postgres-server.ts"

const siteId = parseSiteId("580e63e98c9a982ac9b8b741") as SiteId
const user: User = {
  id: UserId.make("6287ec36a841b25637c65000"),
  accessGroups: [],
  data: { email: "member@example.com" },
}

const running = Effect.acquireRelease(
  Effect.promise(async () => {
    const server = await prepareServer()
    await server.start()
    return server
  }),
  (server) => Effect.promise(server.stop),
)

/** Stops the process that takes connections, for as long as this is in scope. */
const standingStill = (server: Server) => {
  const [pid] = readFileSync(join(server.folder, "postmaster.pid"), "utf8").split("\n").map(Number)
  const send = (signal: "SIGSTOP" | "SIGCONT") => Effect.sync(() => process.kill(pid!, signal))
  return Effect.acquireRelease(send("SIGSTOP"), () => send("SIGCONT"))
}

/** Ends our connections, so that everybody needs a new one. */
const endOurs = (address: string) =>
  Effect.scoped(
    Effect.flatMap(outsider(address), (client) =>
      Effect.promise(() =>
        client.query(
          "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE application_name = 'webflow-users'",
        ),
      ),
    ),
  )

// One pool after the other, these would take ten seconds for every 16 of them.
const many = 200

it.live(
  "everybody who waits for a connection is told at once that there is none, and the same store goes on when it answers",
  () =>
    Effect.gen(function* () {
      const server = yield* running
      yield* Effect.gen(function* () {
        const store = yield* UserStore.UserStore
        yield* NewUsers.use((newUsers) => newUsers.add(siteId, () => [user]))
        yield* endOurs(server.address)
        yield* Effect.scoped(
          Effect.gen(function* () {
            yield* standingStill(server)
            const calls = Array.from({ length: many }, () => [
              Effect.asVoid(store.list(siteId, { offset: 0, limit: 1 })),
              Effect.asVoid(store.get(siteId, user.id)),
              Effect.asVoid(store.update(siteId, user.id, UserPatch.UserPatch.from({ data: { name: "never" } }))),
            ])
            const errors = yield* Effect.forEach(calls.flat(), (call) => Effect.flip(call), {
              concurrency: "unbounded",
            })
            expect(new Set(errors.map(({ _tag }) => _tag))).toStrictEqual(new Set(["StoreUnavailable"]))
          }),
        )
        const updated = yield* store.update(siteId, user.id, UserPatch.UserPatch.from({ data: { name: "after" } }))
        expect((yield* store.get(siteId, user.id)).data).toStrictEqual({ ...user.data, name: "after" })
        expect((yield* store.list(siteId, { offset: 0, limit: 1 })).users).toStrictEqual([updated])
      }).pipe(Effect.provide(StoreAddress.layerOwned(server.address)))
    }),
  60_000,
)
