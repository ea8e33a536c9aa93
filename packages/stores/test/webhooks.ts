/** Webhooks of a site with a few users, for suites that run on every store that keeps them. */
import {
  NewUsers,
  ObjectId,
  parseSiteId,
  type SigningWebhook,
  type SiteId,
  type User,
  UserId,
  UserPatch,
  UserStore,
  WebhookOutbox,
  Webhooks,
} from "@webflow-users/core"
import { StoreAddress } from "@webflow-users/stores"
import { DateTime, Duration, Effect, Layer, Redacted } from "effect"
import { database } from "../../../test/postgres.ts"

export const siteId = parseSiteId("580e63e98c9a982ac9b8b741") as SiteId
export const elsewhere = parseSiteId("580e63e98c9a982ac9b8b7ff") as SiteId

export const users = Array.from({ length: 6 }, (_, index): User => ({
  id: UserId.make(`6287ec36a841b25637c6500${index}`),
  accessGroups: [],
  data: { name: "Before", email: `member${index}@example.com` },
}))
export const [ada, bob, eve] = users as [User, User, User]

/** Each gives an empty store of its own. */
export const stores = [
  { name: "SQLite", layer: StoreAddress.layerWithWebhooks("file::memory:") },
  { name: "PostgreSQL", layer: Layer.unwrap(Effect.map(database(), StoreAddress.layerWithWebhooks)) },
]

export const seed = NewUsers.use((newUsers) =>
  Effect.andThen(
    newUsers.add(siteId, () => users),
    newUsers.add(elsewhere, () => [ada]),
  ),
)

export const update = ({ id }: User, name: string, site = siteId) =>
  UserStore.UserStore.use((store) => store.update(site, id, UserPatch.UserPatch.from({ data: { name } })))

/** Adds a webhook to the site. */
export const hook = Effect.fnUntraced(function* (url = "https://example.com/hook", site = siteId) {
  const webhook: SigningWebhook = {
    id: yield* ObjectId.make,
    siteId: site,
    url,
    createdOn: DateTime.formatIso(yield* DateTime.now),
    secret: Redacted.make("hush"),
  }
  yield* Webhooks.use((webhooks) => webhooks.add(webhook))
  return webhook
})

/** Claims what is due of a webhook, for half a minute. */
export const claim = (webhook: SigningWebhook, most = 10, worker = "worker") =>
  Effect.gen(function* () {
    const { claim: take } = yield* WebhookOutbox
    return yield* take(worker, [{ webhook, most }], DateTime.addDuration(yield* DateTime.now, Duration.seconds(30)))
  })

export const backlog = WebhookOutbox.use((outbox) => outbox.backlog)
export const dueIds = WebhookOutbox.use((outbox) => Effect.map(outbox.due, (due) => due.map(({ id }) => id)))
