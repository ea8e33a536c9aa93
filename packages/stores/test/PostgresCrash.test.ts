/** A PostgreSQL that is killed while updates come, and comes back. */
import { readFileSync } from "node:fs"
import { join } from "node:path"
import { expect, it } from "@effect/vitest"
import {
  NewUsers,
  parseSiteId,
  type SiteId,
  type User,
  UserEvents,
  UserId,
  UserPatch,
  UserStore,
} from "@webflow-users/core"
import { StoreAddress } from "@webflow-users/stores"
import { Effect } from "effect"
import { prepareServer, type Server } from "../../../test/postgres-server.ts"

const siteId = parseSiteId("580e63e98c9a982ac9b8b741") as SiteId
const users = Array.from({ length: 8 }, (_, index): User => ({
  id: UserId.make(`6287ec36a841b25637c6500${index}`),
  accessGroups: [],
  data: { email: `member${index}@example.com` },
}))
const update = ({ id }: User, field: string) =>
  UserStore.UserStore.use(({ update: set }) => set(siteId, id, UserPatch.UserPatch.from({ data: { [field]: 1 } })))
const get = ({ id }: User) => UserStore.UserStore.use((store) => store.get(siteId, id))

/** The server of this test dies as by a failing machine: its first process, which started all the others. */
const kill = (server: Server) =>
  Effect.sync(() =>
    process.kill(Number(readFileSync(join(server.folder, "postmaster.pid"), "utf8").split("\n")[0]), "SIGKILL"),
  )

/** It refuses to start as long as one of those others has not noticed yet. */
const restart = (server: Server) => Effect.retry(Effect.tryPromise(server.start), { times: 500 })

const running = Effect.acquireRelease(
  Effect.promise(async () => {
    const server = await prepareServer()
    await server.start()
    return server
  }),
  (server) => Effect.promise(server.stop),
)

it.live(
  "no update that was answered is lost when the server is killed, and the same store goes on when it is back",
  () =>
    Effect.gen(function* () {
      const server = yield* running
      yield* Effect.gen(function* () {
        yield* NewUsers.use((newUsers) => newUsers.add(siteId, () => users))
        const answered = new Map(users.map((user) => [user, [] as Array<string>]))
        for (const round of [1, 2, 3]) {
          let count = 0
          const errors = yield* Effect.forEach(
            users.flatMap((user) => [`${round}-a`, `${round}-b`].map((name) => ({ user, name }))),
            ({ user, name }) =>
              Effect.gen(function* () {
                for (let turn = 0; ; turn += 1) {
                  yield* update(user, `${name}-${turn}`)
                  answered.get(user)!.push(`${name}-${turn}`)
                  count += 1
                  // At once: an answer that came before its commit would not be forgiven.
                  if (count === 200) yield* kill(server)
                }
              }).pipe(Effect.flip),
            { concurrency: "unbounded" },
          )
          expect(new Set(errors.map((error) => error._tag))).toStrictEqual(new Set(["StoreUnavailable"]))
          // While it is away, every call is told so.
          expect(yield* Effect.flip(get(users[0]!))).toMatchObject({ _tag: "StoreUnavailable", isRetryable: true })
          yield* restart(server)
          for (const user of users) {
            const found = yield* get(user)
            expect(answered.get(user)!.filter((field) => !(field in found.data))).toStrictEqual([])
            // What nobody was answered for is there as a whole or not at all.
            const events = yield* UserEvents.use((all) => all.ofUser(siteId, user.id))
            expect(events.map((event) => event.before)).toStrictEqual([
              user,
              ...events.slice(0, -1).map((event) => event.after),
            ])
            expect(events.at(-1)!.after).toStrictEqual(found)
            yield* update(user, `${round}-after`)
            answered.get(user)!.push(`${round}-after`)
          }
        }
      }).pipe(Effect.provide(StoreAddress.layerOwned(server.address)))
    }),
  120_000,
)
