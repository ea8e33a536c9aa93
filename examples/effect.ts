/** Updates as Effects: failures in the type, layers and runtime your own. */
import { layerConfig, WebflowUsers } from "@webflow-users/sdk/effect"
import { Console, Effect, Stream } from "effect"

const siteId = "580e63e98c9a982ac9b8b741"

/** What is not caught here stays in the type: `Exclude<UpdateUserError, UserNotFound | TooManyRequests>`. */
const rename = Effect.fn("rename")(
  function* (userId: string, name: string) {
    const users = yield* WebflowUsers
    const user = yield* users.update(siteId, userId, { data: { name } })
    return `${user.id} is ${user.data.name}`
  },
  Effect.catchTag("UserNotFound", () => Effect.succeed("There is no such user")),
  // The client waits out a 429 as long as it may; this is what is left when it may no longer.
  Effect.catchTag("TooManyRequests", ({ retryAfter }) => Effect.succeed(`Ask again in ${retryAfter ?? 60} seconds`)),
)

/** Many updates: changes in, outcomes out, within the server's limit. */
const welcomeAll = Effect.gen(function* () {
  const users = yield* WebflowUsers
  const changes = users.all(siteId).pipe(
    Stream.filter(({ accessGroups }) => accessGroups.length === 0),
    Stream.map(({ id }) => ({ id, addGroups: ["free-tier"] })),
  )
  return yield* users.updateMany(siteId, changes, { concurrency: 8 }).pipe(
    Stream.runFold(
      () => ({ updated: 0, failed: 0 }),
      (sum, { _tag }) =>
        _tag === "Updated" ? { ...sum, updated: sum.updated + 1 } : { ...sum, failed: sum.failed + 1 },
    ),
  )
})

const program = Effect.gen(function* () {
  yield* Console.log(yield* rename("6287ec36a841b25637c663df", "Ada Lovelace"))
  yield* Console.log(yield* rename("ffffffffffffffffffffffff", "Nobody"))
  const { updated, failed } = yield* welcomeAll
  yield* Console.log(`${updated} welcomed, ${failed} failed`)
})

// WEBFLOW_USERS_STORE is the server's address, WEBFLOW_USERS_TOKEN its token; `layer({ baseUrl, token })` says them here.
await Effect.runPromise(Effect.provide(program, layerConfig))
