/** What is particular to one call to another server: its token, and how patient it is. */
import { expect, it } from "@effect/vitest"
import { parseSiteId, type SiteId, Transport, type User, UserId, UserStore } from "@webflow-users/core"
import * as Upstream from "@webflow-users/core/UserStore/Upstream"
import { Effect, Fiber, Layer, Redacted } from "effect"
import { TestClock } from "effect/testing"

const siteId = parseSiteId("580e63e98c9a982ac9b8b741") as SiteId
const userId = UserId.make("6287ec36a841b25637c663df")
const user: User = { id: userId, accessGroups: [], data: { name: "Ada" } }
const get = UserStore.UserStore.use((store) => store.get(siteId, userId))

const answering = (
  answer: Effect.Effect<{ readonly status: number; readonly text: string }>,
  options: Partial<Upstream.Options> = {},
) => {
  const tokens: Array<string | undefined> = []
  const transport = Layer.succeed(Transport.Transport, {
    send: ({ headers, patience }) => {
      tokens.push(headers["authorization"])
      const answered = Effect.map(answer, (told) => ({ ...told, header: () => undefined }))
      return Transport.inTime(answered, patience)
    },
  })
  const layer = Upstream.layer({ baseUrl: "https://users.example.com/v2", ...options }).pipe(Layer.provide(transport))
  return { tokens, layer }
}
const failing = Effect.succeed({ status: 500, text: JSON.stringify({ code: "internal_error", message: "Oops" }) })

it.effect("a token that is a program is asked for before each request", () =>
  Effect.gen(function* () {
    let asked = 0
    const token = Effect.sync(() => Redacted.make(`token-${++asked}`))
    const { tokens, layer } = answering(Effect.succeed({ status: 200, text: JSON.stringify(user) }), { token })
    yield* Effect.andThen(get, get).pipe(Effect.provide(layer))
    expect(tokens).toEqual(["Bearer token-1", "Bearer token-2"])
  }),
)

it.effect("a token is waited for as an answer is", () =>
  Effect.gen(function* () {
    const { tokens, layer } = answering(failing, { token: Effect.never, timeout: "3 seconds" })
    const asked = yield* Effect.forkChild(Effect.flip(Effect.provide(get, layer)))
    yield* TestClock.adjust("3 seconds")
    expect(yield* Fiber.join(asked)).toMatchObject({ _tag: "TimedOut", cause: "the token did not come in time" })
    expect(tokens).toEqual([])
  }),
)

it.effect("a call may be tried less often than others", () =>
  Effect.gen(function* () {
    const { tokens, layer } = answering(failing)
    const error = yield* Effect.flip(Effect.provide(get, layer)).pipe(
      Effect.provideService(Upstream.CallOptions, { attempts: 1 }),
    )
    expect(error._tag).toBe("InternalError")
    expect(tokens).toHaveLength(1)
  }),
)

it.effect("a call may be waited for less long than others", () =>
  Effect.gen(function* () {
    const { layer } = answering(Effect.never, { retry: false })
    const asked = yield* Effect.forkChild(
      Effect.flip(Effect.provide(get, layer)).pipe(
        Effect.provideService(Upstream.CallOptions, { timeout: "2 seconds" }),
      ),
    )
    yield* TestClock.adjust("2 seconds")
    expect(yield* Fiber.join(asked)).toMatchObject({ _tag: "TimedOut", cause: "no answer within 2s" })
  }),
)
