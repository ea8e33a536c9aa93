/** What a program updates is told to webhooks as everything else is, by the proxies on its store. */
import { mkdtemp, rm } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { AddWebhook, Webhooks } from "@webflow-users/core"
import { createClient } from "@webflow-users/sdk"
import { StoreAddress } from "@webflow-users/stores"
import { Effect, Layer } from "effect"
import { SecureRandom } from "effect/crypto"
import { expect, it } from "vitest"

const siteId = "580e63e98c9a982ac9b8b741"

it("updates of one user and of many leave deliveries, and what is refused leaves none", async () => {
  const folder = await mkdtemp(join(tmpdir(), "webflow-users-sdk-webhooks-"))
  const store = `file:${folder}/users.db`
  const opened = Layer.merge(StoreAddress.layerWithWebhooks(store), SecureRandom.layerWebCrypto)
  const client = createClient({ store })
  await client.importUsers(siteId, [
    { data: { name: "Ada", email: "ada@example.com" } },
    { data: { name: "Bo", email: "bo@example.com" } },
  ])
  const add = AddWebhook.addWebhook(siteId, "https://example.com/hook", () => false)
  await Effect.runPromise(add.pipe(Effect.provide(opened)))
  const { users } = await client.users.list(siteId)
  const [ada, bo] = users.map(({ id }) => id)
  await client.users.update(siteId, ada!, { data: { name: "Ada L." } })
  await client.users.update(siteId, ada!, { data: { email: "other@example.com" } }).catch(() => undefined)
  await client.users.updateMany(siteId, [
    { email: "ada@example.com", data: { company: "Engines" } },
    { email: "bo@example.com", data: { company: "Engines" } },
  ])
  await client.close()
  const listing = Webhooks.use(({ list, deliveries }) => Effect.flatMap(list, ([one]) => deliveries(one!.id, 10)))
  const told = await Effect.runPromise(listing.pipe(Effect.provide(opened)))
  expect(told.map(({ userId }) => userId).toSorted()).toEqual([ada, ada, bo].toSorted())
  await rm(folder, { recursive: true })
})
