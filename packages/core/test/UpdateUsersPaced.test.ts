/** Many updates of a server that allows so many in a window, on the test's clock: at the floor, none refused, none lost. */
import { describe, expect, it } from "@effect/vitest"
import { Transport, UpdateUser, UpdateUsers } from "@webflow-users/core"
import * as Upstream from "@webflow-users/core/UserStore/Upstream"
import { Clock, Effect, Fiber, Layer, Stream } from "effect"
import { TestClock } from "effect/testing"
import { type Counting, countings, type Limits, serve } from "./limited-server.ts"

const siteId = "580e63e98c9a982ac9b8b741"
const idOf = (index: number): string => index.toString(16).padStart(24, "0")

/** Answers each update with its user, as far as the limit goes, and knows who was updated. */
const serverOf = (counting: Counting, limits: Limits, delay: number) => {
  let asked = 0
  // No two answers take the same time.
  const { send, seen } = serve(counting, limits, () => delay * (0.5 + ((asked += 7) % 10) / 10))
  const updated = new Set<string>()
  let requests = 0
  const transport = Layer.succeed(Transport.Transport, {
    send: ({ url }) =>
      Effect.map(send, ({ status, header }) => {
        requests += 1
        const id = url.slice(-24)
        if (status === 200) updated.add(id)
        return { status, header, text: JSON.stringify({ id, accessGroups: [], data: {} }) }
      }),
  })
  return { transport, seen, updated, requests: () => requests }
}

function* changes(count: number) {
  for (let index = 0; index < count; index += 1) yield { user: idOf(index), patch: { data: { plan: "gold" } } }
}

describe("many updates of a server that says what it allows", () => {
  const cases = Object.entries(countings).flatMap(([name, counting]) => [
    { name: `60 a minute, ${name}`, counting, limits: { limit: 60, window: 60_000 }, updates: 600, delay: 60 },
    { name: `200 a second, ${name}`, counting, limits: { limit: 200, window: 1_000 }, updates: 3_000, delay: 2 },
  ])
  it.effect.each(cases)("$name: at the floor, each with one request", ({ counting, limits, updates, delay }) =>
    Effect.gen(function* () {
      // Somewhere within one of the clock's windows.
      yield* TestClock.adjust(12_345)
      const start = yield* Clock.currentTimeMillis
      const server = serverOf(counting, limits, delay)
      const upstream = Upstream.layer({ baseUrl: "http://127.0.0.1/v2", rateLimit: { window: limits.window } })
      const store = UpdateUser.layer.pipe(Layer.provideMerge(upstream), Layer.provide(server.transport))
      let last = start
      const made = yield* UpdateUsers.updateUsers(siteId, Stream.fromIterable(changes(updates)), {
        concurrency: 50,
      }).pipe(
        Stream.runForEach(({ _tag }) =>
          Effect.map(Clock.currentTimeMillis, (at) => {
            expect(_tag).toBe("Updated")
            last = at
          }),
        ),
        Effect.provide(store),
        Effect.forkChild,
      )
      yield* TestClock.adjust("1 day")
      yield* Fiber.join(made)
      const floor = (Math.ceil(updates / limits.limit) - 1) * limits.window
      expect(server.seen).toMatchObject({ accepted: updates, refused: 0 })
      expect({ updated: server.updated.size, requests: server.requests() }).toEqual({
        updated: updates,
        requests: updates,
      })
      expect((last - start) / floor).toBeLessThanOrEqual(1.02)
    }),
  )
})
