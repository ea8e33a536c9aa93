/** That every store takes its time from the clock that it is run with: part of `UserStoreSuite`. */
import { Effect } from "effect"
import { TestClock } from "effect/testing"
import { NewUsers } from "../NewUsers.ts"
import { Sites } from "../Sites.ts"
import { UserEvents } from "../UserEvents.ts"
import { ada, type Check, frozen, member, patch, same, seeded, siteId } from "./StoreCheck.ts"

// The test's clock begins with 1970. It is moved by little: what a store does every so often, it would do as often as that.
const first = "1970-01-01T00:00:01.234Z"
const second = "1970-01-01T00:00:02.345Z"
const third = "1970-01-01T00:00:03.456Z"
const laterBy = "1111 millis"

export const momentChecks: ReadonlyArray<Check> = [
  {
    name: "takes the time of updates, events and groups from the clock",
    run: Effect.gen(function* () {
      yield* TestClock.adjust("1234 millis")
      const store = yield* seeded(ada)
      const one = yield* store.update(siteId, ada.id, patch({}))
      yield* same("updated", one.lastUpdated, first)
      yield* TestClock.adjust(laterBy)
      const two = yield* store.update(siteId, ada.id, patch({ accessGroups: ["joined"] }))
      yield* same("updated again", two.lastUpdated, second)
      yield* (yield* NewUsers).add(siteId, () => [member(2, { accessGroups: [{ slug: "taken-in", type: "admin" }] })])
      yield* TestClock.adjust(laterBy)
      const accessGroups = ["webflowers", "joined", "taken-in", "declared"].map((slug) => ({ slug, name: slug }))
      yield* (yield* Sites).declare(siteId, frozen({ accessGroups }))

      const record = yield* UserEvents
      const times = (yield* record.ofUser(siteId, ada.id)).map(({ at }) => at)
      yield* same("events", times, [first, second])
      const latest = yield* record.latest(siteId, ada.id, { offset: 0, limit: 10 })
      yield* same(
        "the latest",
        latest.events.map(({ at }) => at),
        [second, first],
      )
      const groups = (yield* store.accessGroups(siteId, { offset: 0, limit: 10 })).accessGroups
      yield* same("groups", Object.fromEntries(groups.map(({ slug, createdOn }) => [slug, createdOn])), {
        declared: third,
        joined: second,
        "taken-in": second,
        webflowers: first,
      })
    }),
  },
]
