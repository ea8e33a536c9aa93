/** The webhooks of the store, delivered while the proxy runs. */
import { WebhookDelivery, WebhookOutbox } from "@webflow-users/core"
import { WebhookTargets } from "@webflow-users/stores"
import { Effect, Option } from "effect"

export interface Settings extends WebhookDelivery.Options {
  /** Whether they may go to addresses that are not public. */
  readonly allowPrivate: boolean
}

/** Delivers until the scope closes; nothing where the store keeps no webhooks, as memory and another's server. */
export const start = Effect.fn("Webhooks.start")(function* ({ allowPrivate, ...options }: Settings) {
  const outbox = yield* Effect.serviceOption(WebhookOutbox)
  if (Option.isNone(outbox)) return
  yield* WebhookDelivery.start(options).pipe(
    Effect.provideService(WebhookOutbox, outbox.value),
    Effect.provide(WebhookTargets.layer({ allowPrivate })),
  )
})
