/** A server whose users are in memory, as a process of its own: `allocations.test.ts` measures it. The token is printed. */
import * as NodeCrypto from "@effect/platform-node/NodeCrypto"
import { AccessTokens, NewUsers, parseSiteId, RateLimits, type SiteId, UpdateUser, UserId } from "@webflow-users/core"
import { Callers, FailedAuthentications, Server } from "@webflow-users/server"
import { StoreAddress } from "@webflow-users/stores"
import { Console, Effect, Layer } from "effect"
import "effect/schema/SchemaJITCompiler/enable"

const siteId = parseSiteId("580e63e98c9a982ac9b8b741") as SiteId
const users = [
  {
    id: UserId.make("6287ec36a841b25637c663df"),
    accessGroups: [{ slug: "webflowers", type: "admin" } as const],
    data: { name: "Ada", email: "ada@example.com" },
  },
]

const layer = Layer.merge(UpdateUser.layer, Callers.tokens).pipe(
  Layer.provideMerge(
    Layer.mergeAll(
      AccessTokens.AccessTokens.layer,
      RateLimits.RateLimits.layerMemory,
      FailedAuthentications.FailedAuthentications.layer(),
    ),
  ),
  Layer.provideMerge(StoreAddress.layerOwned("memory:")),
  Layer.provide([NodeCrypto.layerDigest, NodeCrypto.layerSecureRandom]),
)

await Effect.gen(function* () {
  yield* NewUsers.use((newUsers) => newUsers.add(siteId, () => users))
  const { token } = yield* AccessTokens.AccessTokens.use((tokens) => tokens.create(siteId, ["users:write"]))
  const { port } = yield* Server.listen({ host: "127.0.0.1", port: 0 })
  yield* Console.log(`${token} listens on http://127.0.0.1:${port},`)
  return yield* Effect.never
}).pipe(Effect.scoped, Effect.provide(layer), Effect.withTracerEnabled(false), Effect.runPromise)
