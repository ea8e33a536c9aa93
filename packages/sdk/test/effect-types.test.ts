/** What the types of the Effect client say: held by the compiler, which checks the tests. */
import * as OnNode from "@webflow-users/sdk/effect"
import type { Config, Layer } from "effect"
import { Context, Effect, Redacted, Stream } from "effect"
import { expectTypeOf, it } from "vitest"
import type * as OnFetch from "../src/effect.ts"

const { layer, layerConfig, layerMemory, WebflowUsers } = OnNode
const siteId = "580e63e98c9a982ac9b8b741"
const userId = "6287ec36a841b25637c663df"

class Clerk extends Context.Service<Clerk, { readonly name: string }>()("test/Clerk") {}

/** The type of what an effect fails with. */
type Failure<T> = T extends Effect.Effect<infer _A, infer E, infer _R> ? E : never

it("an update needs the client alone, and fails with what core lists", () => {
  const update = WebflowUsers.use((users) => users.update(siteId, userId, { data: { name: "Ada" } }))
  expectTypeOf(update).toEqualTypeOf<Effect.Effect<OnNode.User, OnNode.UpdateUserError, OnNode.WebflowUsers>>()
  // @ts-expect-error what is no custom value
  void WebflowUsers.use((users) => users.update(siteId, userId, { data: { name: [] } }))
})

it("an error that is caught is in the type no more, and one that is unknown cannot be caught", () => {
  const caught = WebflowUsers.use((users) => users.get(siteId, userId)).pipe(
    Effect.catchTag(["UserNotFound", "TooManyRequests"], (error) => {
      expectTypeOf(error).toEqualTypeOf<OnNode.UserNotFound | OnNode.TooManyRequests>()
      expectTypeOf(error.retryAfter).toEqualTypeOf<number | undefined>()
      return Effect.succeed(undefined)
    }),
  )
  expectTypeOf<Failure<typeof caught>>().toEqualTypeOf<
    Exclude<OnNode.UpdateUserError, OnNode.UserNotFound | OnNode.TooManyRequests>
  >()
  // @ts-expect-error there is no such error
  void caught.pipe(Effect.catchTag("NoSuchError", () => Effect.void))
})

it("many updates fail with what their changes fail with, too, and need what these need", () => {
  const changes = Stream.fromEffect(
    Effect.gen(function* () {
      const { name } = yield* Clerk
      return name === "" ? yield* Effect.fail("torn" as const) : { id: userId, data: { name } }
    }),
  )
  const outcomes = Stream.unwrap(Effect.map(WebflowUsers, (users) => users.updateMany(siteId, changes)))
  expectTypeOf(outcomes).toEqualTypeOf<
    Stream.Stream<OnNode.Outcome, OnNode.UpdateUserError | "torn", OnNode.WebflowUsers | Clerk>
  >()
})

it("layers give the client and core's services, and fail where something outside the program is read only", () => {
  const made = layer({ baseUrl: "https://users.example.com/v2", token: Redacted.make("t") })
  expectTypeOf(made).toEqualTypeOf<Layer.Layer<OnNode.Services>>()
  expectTypeOf<OnNode.Services>().toEqualTypeOf<
    OnNode.WebflowUsers | OnNode.UpdateUser.UpdateUser | OnNode.UserStore.UserStore
  >()
  expectTypeOf(layerConfig).toEqualTypeOf<Layer.Layer<OnNode.Services, Config.ConfigError>>()
  expectTypeOf(layerMemory()).toEqualTypeOf<Layer.Layer<OnNode.MemoryServices>>()
  // @ts-expect-error a token is redacted, so that nothing shows it by mistake
  void layer({ baseUrl: "https://users.example.com/v2", token: "t" })
})

it("both entries are of one type", () => {
  expectTypeOf<typeof OnNode>().toEqualTypeOf<typeof OnFetch>()
})
