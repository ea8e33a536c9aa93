/** Adding a webhook: a secret is minted, and the site's updates are told from then on. */
import { DateTime, Effect, Redacted } from "effect"
import { SecureRandom } from "effect/crypto"
import { Hex } from "effect/encoding"
import * as ObjectId from "./ObjectId.ts"
import { acceptSiteId, UserStore } from "./UserStore.ts"
import { Webhooks } from "./Webhooks.ts"
import * as WebhookTarget from "./WebhookTarget.ts"

/**
 * Adds a webhook to a site that is there. The secret is given here once. `isForbidden` says of a host, which may be a name
 * or a literal address, that webhooks may not go there.
 */
export const addWebhook = Effect.fn("AddWebhook.addWebhook")(function* (
  site: string,
  url: string,
  isForbidden: (hostname: string) => boolean,
) {
  const store = yield* UserStore
  const webhooks = yield* Webhooks
  const random = yield* SecureRandom.SecureRandom
  const siteId = yield* acceptSiteId(site)
  const target = yield* Effect.fromResult(WebhookTarget.decode(url, isForbidden))
  // A webhook of a site that is not there would never say anything.
  yield* store.declaration(siteId)
  const webhook = {
    id: yield* ObjectId.make,
    siteId,
    url: target,
    createdOn: DateTime.formatIso(yield* DateTime.now),
    secret: Redacted.make(Hex.encode(yield* random.randomBytes(32))),
  }
  yield* webhooks.add(webhook)
  return webhook
})
