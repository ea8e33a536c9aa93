/** Who is answered goes on in the step that answers; what is thrown there is theirs, and no other update is held up by it. */
import { describe, it } from "@effect/vitest"
import { NewUsers, parseSiteId, type SiteId, UserId, UserPatch, UserStore } from "@webflow-users/core"
import * as SqlUsers from "@webflow-users/core/UserStore/Sql"
import { Sqlite } from "@webflow-users/stores"
import { Effect, Exit, Fiber, Latch, Layer, Scope } from "effect"
import { SqlClient } from "effect/sql"
import { afterEach, beforeEach, expect, vi } from "vitest"

const siteId = parseSiteId("580e63e98c9a982ac9b8b741") as SiteId
const users = Array.from({ length: 3 }, (_, index) => ({
  id: UserId.make(`6287ec36a841b25637c6500${index}`),
  accessGroups: [],
  data: { name: "Before", email: `member${index}@example.com` },
}))
const rename = UserPatch.UserPatch.from({ data: { name: "After" } })
const store = SqlUsers.layer.pipe(Layer.provideMerge(Sqlite.layer(":memory:")))

/** What would end the process. */
let thrown: Array<unknown>
beforeEach(() => {
  thrown = []
  const later = queueMicrotask
  vi.spyOn(globalThis, "queueMicrotask").mockImplementation((task) =>
    later(() => {
      try {
        task()
      } catch (error) {
        thrown.push(error)
      }
    }),
  )
})
afterEach(() => void vi.restoreAllMocks())

/** What it comes to, if it comes to anything in many turns. */
const within = Effect.fnUntraced(function* <A, E>(effect: Effect.Effect<A, E>) {
  const fiber = yield* Effect.forkDetach(effect)
  yield* Effect.repeat(Effect.yieldNow, { times: 200, until: () => fiber.pollUnsafe() !== undefined })
  return fiber.pollUnsafe()
})

/** Begun at once, by somebody who throws when it is over. */
const throwing = Effect.fnUntraced(function* <A, E>(effect: Effect.Effect<A, E>, message: string) {
  const fiber = yield* Effect.forkDetach(effect, { startImmediately: true })
  fiber.addObserver(() => {
    throw message
  })
})

/** A store of which each update has to wait for a transaction that somebody has open. */
const occupied = Effect.gen(function* () {
  const scope = yield* Scope.make()
  const services = yield* Layer.buildWithScope(store, scope)
  const given = Effect.provideContext(Effect.all([UserStore.UserStore, NewUsers, SqlClient.SqlClient]), services)
  const [{ update }, newUsers, sql] = yield* given
  yield* newUsers.add(siteId, () => users)
  const occupy = Effect.gen(function* () {
    const [hasBegun, isOver] = [yield* Latch.make(), yield* Latch.make()]
    const other = yield* Effect.forkDetach(sql.withTransaction(Effect.andThen(hasBegun.open, isOver.await)))
    yield* hasBegun.await
    return Effect.andThen(isOver.open, Fiber.join(other))
  })
  return { scope, occupy, change: (index: number) => update(siteId, users[index]!.id, rename) }
})

describe("a caller that throws when told", () => {
  it.effect("holds up none of its group, and none that comes later", () =>
    Effect.gen(function* () {
      const { scope, occupy, change } = yield* occupied
      for (const round of [1, 2]) {
        const release = yield* occupy
        yield* throwing(change(0), `of round ${round}`)
        // The second time, who comes later finds the group of the first waiting, and is not in it.
        if (round === 2) yield* Effect.yieldNow
        const second = yield* Effect.forkDetach(change(1), { startImmediately: true })
        yield* Effect.yieldNow
        yield* release
        expect(yield* within(Fiber.join(second)), `round ${round}`).toMatchObject({ _tag: "Success" })
      }
      expect(thrown).toEqual(["of round 1", "of round 2"])
      yield* Scope.close(scope, Exit.void)
    }),
  )

  it.effect("that the store is closed keeps nobody from being told so who comes later", () =>
    Effect.gen(function* () {
      const { scope, occupy, change } = yield* occupied
      const release = yield* occupy
      const under = yield* Effect.forkDetach(change(0), { startImmediately: true })
      yield* throwing(Scope.close(scope, Exit.void), "closed")
      yield* Effect.yieldNow
      yield* release
      expect(yield* within(Fiber.join(under))).toMatchObject({ _tag: "Success" })
      yield* Effect.repeat(Effect.yieldNow, { times: 20, until: () => thrown.length > 0 })
      expect(yield* within(Effect.flip(change(1)))).toMatchObject({
        _tag: "Success",
        value: { _tag: "StoreUnavailable" },
      })
      expect(thrown).toEqual(["closed"])
    }),
  )
})
