/** Replays and removals beside workers: nobody fails, and who takes the last word has the latest. */
import { expect, it } from "@effect/vitest"
import { type DeliveryOutcome, NewUsers, type User, UserId, WebhookOutbox, Webhooks } from "@webflow-users/core"
import { StoreAddress } from "@webflow-users/stores"
import { DateTime, Effect, Exit } from "effect"
import { database } from "../../../test/postgres.ts"
import { claim, hook, siteId, update } from "./webhooks.ts"

const members = Array.from({ length: 200 }, (_, index): User => ({
  id: UserId.make((0x6287ec36a841 + index).toString(16).padStart(24, "0")),
  accessGroups: [],
  data: { name: "Before", email: `one${index}@example.com` },
}))

it.live("replays and a removal beside two busy workers on PostgreSQL end well", () =>
  Effect.gen(function* () {
    const address = yield* database()
    yield* Effect.gen(function* () {
      yield* NewUsers.use((newUsers) => newUsers.add(siteId, () => members))
      const webhook = yield* hook()
      const webhooks = yield* Webhooks
      const outbox = yield* WebhookOutbox
      const since = yield* DateTime.now
      for (const name of ["1", "2"]) {
        yield* Effect.forEach(members, (user) => update(user, name), { concurrency: "unbounded" })
      }
      const replays = { areOver: false }
      const work = (worker: string) =>
        Effect.gen(function* () {
          while (!replays.areOver) {
            const claimed = yield* claim(webhook, 100, worker)
            const at = yield* DateTime.now
            const failure = { at: DateTime.formatIso(at), reason: "It answered 500" }
            // Answers come in any order.
            const settled = claimed.toReversed().map((one) => ({
              claimed: one,
              outcome: (one.sequence % 3 === 0
                ? { _tag: "Retry", at, failure }
                : { _tag: "Parked", failure }) satisfies DeliveryOutcome as DeliveryOutcome,
            }))
            yield* outbox.settle(worker, settled)
          }
        })
      const replay = Effect.gen(function* () {
        for (let round = 0; round < 6; round += 1) {
          yield* webhooks.replaySince(webhook, since)
          yield* webhooks.replayParked(webhook.id)
        }
        return yield* webhooks.remove(webhook.id)
      }).pipe(Effect.ensuring(Effect.sync(() => (replays.areOver = true))))
      const exits = yield* Effect.forEach([work("one"), work("two"), replay], Effect.exit, { concurrency: "unbounded" })
      expect(exits).toStrictEqual([Exit.void, Exit.void, Exit.succeed(true)])
    }).pipe(Effect.provide(StoreAddress.layerWithWebhooks(address)))
  }),
)
