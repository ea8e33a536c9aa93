/** Tests of a program that updates users: a store in memory that refuses what a server would, and the test's clock. */
import { expect, it } from "@effect/vitest"
import { layerMemory, WebflowUsers } from "@webflow-users/sdk/effect"
import { Effect, Fiber } from "effect"
import { TestClock } from "effect/testing"

const siteId = "580e63e98c9a982ac9b8b741"
const ada = "6287ec36a841b25637c663df"

/** What is tested: a trial that ends after two weeks. */
const trial = Effect.fn("trial")(function* (userId: string) {
  const users = yield* WebflowUsers
  yield* users.update(siteId, userId, { accessGroups: ["trial"] })
  yield* Effect.sleep("14 days")
  return yield* users.update(siteId, userId, { accessGroups: ["free-tier"] })
})

const store = layerMemory([
  {
    id: siteId,
    users: [{ id: ada, data: { email: "ada@example.com" }, accessGroups: [] }],
    declaration: { accessGroups: ["trial", "free-tier"].map((slug) => ({ slug, name: slug })) },
  },
])

it.effect("a trial ends after two weeks", () =>
  Effect.gen(function* () {
    const users = yield* WebflowUsers
    const groups = Effect.map(users.get(siteId, ada), ({ accessGroups }) => accessGroups.map(({ slug }) => slug))
    const running = yield* Effect.forkChild(trial(ada))
    yield* TestClock.adjust("13 days")
    expect(yield* groups).toEqual(["trial"])
    yield* TestClock.adjust("1 day")
    yield* Fiber.join(running)
    expect(yield* groups).toEqual(["free-tier"])
  }).pipe(Effect.provide(store)),
)

it.effect("nobody's trial fails as it would on a server", () =>
  Effect.gen(function* () {
    const error = yield* Effect.flip(trial("ffffffffffffffffffffffff"))
    expect(error._tag).toBe("UserNotFound")
  }).pipe(Effect.provide(store)),
)
