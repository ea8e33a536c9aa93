/** What webhooks have still to tell: kept with the updates, claimed by one worker at a time. */
import { describe, expect, it } from "@effect/vitest"
import {
  type ClaimedDelivery,
  type DeliveryOutcome,
  UserPatch,
  UserStore,
  WebhookOutbox,
  Webhooks,
} from "@webflow-users/core"
import { DateTime, Duration, Effect, Exit, Redacted } from "effect"
import { TestClock } from "effect/testing"
import {
  ada,
  backlog,
  bob,
  claim,
  dueIds,
  elsewhere,
  eve,
  hook,
  seed,
  siteId,
  stores,
  update,
  users,
} from "./webhooks.ts"

const names = (claimed: ReadonlyArray<ClaimedDelivery>) => claimed.map(({ user }) => user.data.name)
const settle = (claimed: ClaimedDelivery, outcome: DeliveryOutcome, worker = "worker") =>
  WebhookOutbox.use((outbox) => outbox.settle(worker, [{ claimed, outcome }]))
const delivered: DeliveryOutcome = { _tag: "Delivered" }
const failure = { at: "2026-11-25T09:00:00.000Z", status: 500, reason: "It answered 500" }
const parked: DeliveryOutcome = { _tag: "Parked", failure }
const retryIn = (duration: Duration.Input) =>
  Effect.map(DateTime.now, (now): DeliveryOutcome => ({
    _tag: "Retry",
    at: DateTime.addDuration(now, duration),
    failure,
  }))
const all = { concurrency: "unbounded" } as const

describe.each(stores)("the outbox on $name", ({ layer }) => {
  it.effect("has every update of a site with a webhook, once for each, and of no other site", () =>
    Effect.gen(function* () {
      yield* seed
      yield* update(ada, "too early")
      expect(yield* dueIds).toStrictEqual([])
      const [one, two] = [yield* hook(), yield* hook("https://example.com/other")]
      yield* update(ada, "first")
      yield* update(ada, "elsewhere", elsewhere)
      yield* update(bob, "second")
      expect(new Set(yield* dueIds)).toStrictEqual(new Set([one.id, two.id]))
      expect(yield* backlog).toStrictEqual({ pending: 4, parked: 0 })
      for (const webhook of [one, two]) {
        const claimed = yield* claim(webhook)
        expect(names(claimed)).toStrictEqual(["first", "second"])
        expect(claimed.map(({ webhook: of, attempts }) => [of.id, attempts])).toStrictEqual([
          [webhook.id, 0],
          [webhook.id, 0],
        ])
        expect(Redacted.value(claimed[0]!.webhook.secret)).toBe("hush")
      }
    }).pipe(Effect.provide(layer)),
  )

  it.effect("has what was made together, and nothing of what was refused", () =>
    Effect.gen(function* () {
      yield* seed
      const webhook = yield* hook()
      const store = yield* UserStore.UserStore
      const exits = yield* Effect.forEach(
        users,
        ({ id }, index) => {
          const body = index === 2 ? { data: { email: "other@example.com" } } : { data: { name: `After ${index}` } }
          return Effect.exit(store.update(siteId, id, UserPatch.UserPatch.from(body)))
        },
        all,
      )
      expect(exits.map(Exit.isSuccess)).toStrictEqual([true, true, false, true, true, true])
      expect(names(yield* claim(webhook)).toSorted()).toStrictEqual([
        "After 0",
        "After 1",
        "After 3",
        "After 4",
        "After 5",
      ])
    }).pipe(Effect.provide(layer)),
  )

  it.effect("gives of one user the earliest only, the next when that is told or parked", () =>
    Effect.gen(function* () {
      yield* seed
      const webhook = yield* hook()
      for (const name of ["1", "2", "3"]) yield* update(ada, name)
      yield* update(bob, "his")
      const [first, his] = yield* claim(webhook)
      expect(names([first!, his!])).toStrictEqual(["1", "his"])
      expect([yield* dueIds, yield* claim(webhook)]).toStrictEqual([[], []])
      yield* settle(first!, delivered)
      const [second, ...more] = yield* claim(webhook)
      expect([names([second!]), more]).toStrictEqual([["2"], []])
      yield* settle(second!, parked)
      expect(names(yield* claim(webhook))).toStrictEqual(["3"])
      expect(yield* backlog).toStrictEqual({ pending: 2, parked: 1 })
    }).pipe(Effect.provide(layer)),
  )

  it.effect("holds what failed back until its time, and what comes after it of the same user", () =>
    Effect.gen(function* () {
      yield* seed
      const webhook = yield* hook()
      yield* update(ada, "1")
      yield* update(ada, "2")
      yield* update(eve, "hers")
      const [first] = yield* claim(webhook, 1)
      yield* settle(first!, yield* retryIn("10 minutes"))
      yield* update(ada, "3")
      yield* update(bob, "his")
      // Nothing of hers is looked at until then, and the others' at once.
      const { deliveries } = yield* Webhooks
      const later = "1970-01-01T00:10:00.000Z"
      const due = (yield* deliveries(webhook.id, 10)).map(({ dueAt }) => dueAt)
      expect(due).toStrictEqual([later, later, null, later, null])
      yield* TestClock.adjust("599 seconds")
      expect(names(yield* claim(webhook))).toStrictEqual(["hers", "his"])
      yield* TestClock.adjust("1 second")
      const [again] = yield* claim(webhook)
      expect([again!.user.data.name, again!.attempts]).toStrictEqual(["1", 1])
      yield* settle(again!, delivered)
      expect(names(yield* claim(webhook))).toStrictEqual(["2"])
    }).pipe(Effect.provide(layer)),
  )

  it.effect("has an update due at once, also of who has a clock that is ahead, and holds up nothing after it", () =>
    Effect.gen(function* () {
      yield* seed
      const webhook = yield* hook()
      const now = yield* DateTime.now
      yield* TestClock.adjust("10 minutes")
      yield* update(ada, "ahead")
      yield* TestClock.setTime(DateTime.toEpochMillis(now))
      yield* update(ada, "in time")
      const { deliveries } = yield* Webhooks
      expect((yield* deliveries(webhook.id, 10)).map(({ dueAt }) => dueAt)).toStrictEqual([null, null])
      const [first] = yield* claim(webhook)
      expect(first?.user.data.name).toBe("ahead")
      yield* settle(first!, delivered)
      expect(names(yield* claim(webhook))).toStrictEqual(["in time"])
    }).pipe(Effect.provide(layer)),
  )

  it.effect("gives no more than is asked for, to one worker at a time, until its lease ends", () =>
    Effect.gen(function* () {
      yield* seed
      const webhook = yield* hook()
      yield* Effect.forEach(users, (user) => update(user, "x"))
      const one = yield* claim(webhook, 2, "one")
      const two = yield* claim(webhook, 10, "two")
      expect([one.length, two.length]).toStrictEqual([2, 4])
      yield* TestClock.adjust("29 seconds")
      expect(yield* claim(webhook, 10, "three")).toStrictEqual([])
      yield* TestClock.adjust("1 second")
      const three = yield* claim(webhook, 10, "three")
      expect(three.map(({ sequence }) => sequence)).toStrictEqual([...one, ...two].map(({ sequence }) => sequence))
      // Who comes late changes nothing for who has it now.
      yield* settle(one[0]!, delivered, "one")
      yield* settle(one[1]!, parked, "one")
      yield* settle(two[0]!, yield* retryIn("1 hour"), "two")
      expect(yield* backlog).toStrictEqual({ pending: 6, parked: 0 })
      yield* WebhookOutbox.use((outbox) =>
        outbox.settle(
          "three",
          three.map((claimed) => ({ claimed, outcome: delivered })),
        ),
      )
      expect(yield* backlog).toStrictEqual({ pending: 0, parked: 0 })
    }).pipe(Effect.provide(layer)),
  )

  it.effect("is claimed by many at once without giving anything twice", () =>
    Effect.gen(function* () {
      yield* seed
      const webhook = yield* hook()
      yield* Effect.forEach(users, (user) => update(user, "x"))
      const claims = yield* Effect.forEach(
        Array.from({ length: 8 }, (_, index) => `worker ${index}`),
        (worker) => claim(webhook, 2, worker),
        all,
      )
      const sequences = claims.flat().map(({ sequence }) => sequence)
      expect(new Set(sequences).size).toBe(sequences.length)
      // Somebody may have looked at the rows that somebody else had locked; they are there for the next.
      const rest = (yield* claim(webhook)).map(({ sequence }) => sequence)
      expect([...sequences, ...rest].length).toBe(users.length)
    }).pipe(Effect.provide(layer)),
  )
})

describe.each(stores)("webhooks on $name", ({ layer }) => {
  it.effect("are listed with how they stand, and not with their secrets", () =>
    Effect.gen(function* () {
      yield* seed
      const webhooks = yield* Webhooks
      expect(yield* webhooks.list).toStrictEqual([])
      const { secret: _, ...one } = yield* hook()
      yield* TestClock.adjust("1 second")
      const { secret: _2, ...two } = yield* hook("https://example.com/two?key=hush", elsewhere)
      for (const user of [ada, bob, eve]) yield* update(user, "x")
      const found = (yield* webhooks.find(one.id))!
      const [first, second] = yield* claim(found)
      yield* settle(first!, parked)
      yield* settle(second!, { _tag: "Parked", failure: { at: "2026-11-25T08:00:00.000Z", reason: "It hung up" } })
      expect(yield* webhooks.list).toStrictEqual([
        { ...one, pending: 1, parked: 2, lastFailure: failure },
        { ...two, pending: 0, parked: 0 },
      ])
      expect(yield* webhooks.deliveries(one.id, 2)).toMatchObject([
        { sequence: first!.sequence, userId: ada.id, state: "parked", attempts: 1, lastFailure: failure },
        { userId: bob.id, state: "parked", lastFailure: { at: "2026-11-25T08:00:00.000Z", reason: "It hung up" } },
      ])
      expect(yield* webhooks.deliveries(one.id, 10)).toHaveLength(3)
      expect(yield* webhooks.find("nobody")).toBe(undefined)
    }).pipe(Effect.provide(layer)),
  )

  it.effect("are replayed: what is parked, in its place before what came later", () =>
    Effect.gen(function* () {
      yield* seed
      const webhooks = yield* Webhooks
      const webhook = yield* hook()
      yield* update(ada, "1")
      const [first] = yield* claim(webhook)
      yield* settle(first!, parked)
      yield* update(ada, "2")
      expect(yield* webhooks.replayParked("another")).toBe(0)
      expect(yield* webhooks.replayParked(webhook.id)).toBe(1)
      const [again, ...none] = yield* claim(webhook)
      expect([again!.user.data.name, again!.attempts, none]).toStrictEqual(["1", 0, []])
      expect(yield* webhooks.replayParked(webhook.id)).toBe(0)
    }).pipe(Effect.provide(layer)),
  )

  it.effect("are replayed since a moment, also with what was told, was parked, or came before the webhook", () =>
    Effect.gen(function* () {
      yield* seed
      const webhooks = yield* Webhooks
      yield* update(ada, "long ago")
      yield* TestClock.adjust("1 hour")
      const since = yield* DateTime.now
      yield* update(ada, "before the webhook")
      const webhook = yield* hook()
      yield* update(bob, "told")
      yield* update(eve, "parked")
      yield* update(users[3]!, "pending")
      yield* update(ada, "elsewhere", elsewhere)
      const [told, given, pending] = yield* claim(webhook)
      yield* settle(told!, delivered)
      yield* settle(given!, parked)
      expect(pending!.user.data.name).toBe("pending")
      expect(yield* webhooks.replaySince(webhook, since)).toBe(4)
      // What was under way too, when its lease ends; and what becomes of that attempt is nothing to the next.
      yield* settle(pending!, delivered)
      const first = yield* claim(webhook)
      yield* TestClock.adjust("29 seconds")
      expect(yield* claim(webhook)).toStrictEqual([])
      yield* TestClock.adjust("1 second")
      const again = [...first, ...(yield* claim(webhook)).filter(({ user }) => user.data.name === "pending")]
      expect(names(again).toSorted()).toStrictEqual(["before the webhook", "parked", "pending", "told"])
      // Each has all its tries again.
      expect(again.map(({ attempts }) => attempts)).toStrictEqual([0, 0, 0, 0])
      expect(yield* backlog).toStrictEqual({ pending: 4, parked: 0 })
    }).pipe(Effect.provide(layer)),
  )

  it.effect("are replayed so that of each user the latest comes last, whatever is under way or waits", () =>
    Effect.gen(function* () {
      yield* seed
      const webhooks = yield* Webhooks
      const since = yield* DateTime.now
      const webhook = yield* hook()
      const told: Array<string | undefined> = []
      const tellNext = Effect.gen(function* () {
        for (const claimed of yield* claim(webhook)) {
          told.push(claimed.user.data.name as string)
          yield* settle(claimed, delivered)
        }
      })
      yield* update(ada, "1")
      yield* tellNext
      yield* update(ada, "2")
      const [underWay] = yield* claim(webhook)
      yield* webhooks.replaySince(webhook, since)
      yield* settle(underWay!, delivered)
      yield* update(bob, "waits")
      const waiting = (yield* claim(webhook)).find(({ user }) => user.id === bob.id)
      yield* settle(waiting!, yield* retryIn("10 minutes"))
      yield* webhooks.replaySince(webhook, since)
      for (const _ of [1, 2, 3]) {
        yield* tellNext
        yield* TestClock.adjust("30 seconds")
      }
      expect(told).toStrictEqual(["1", "waits", "1", "2"])
    }).pipe(Effect.provide(layer)),
  )

  it.effect("are removed with all that they had to tell", () =>
    Effect.gen(function* () {
      yield* seed
      const webhooks = yield* Webhooks
      const [one, two] = [yield* hook(), yield* hook()]
      yield* update(ada, "x")
      expect(yield* webhooks.remove("nobody")).toBe(false)
      expect(yield* webhooks.remove(one.id)).toBe(true)
      expect(yield* backlog).toStrictEqual({ pending: 1, parked: 0 })
      expect(yield* dueIds).toStrictEqual([two.id])
      yield* update(ada, "y")
      expect(yield* backlog).toStrictEqual({ pending: 2, parked: 0 })
    }).pipe(Effect.provide(layer)),
  )
})
