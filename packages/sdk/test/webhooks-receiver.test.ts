/** What a receiver takes for genuine: as core signs it, as the proxy sends it, and as the official SDK judges it. */
import { createHmac } from "node:crypto"
import { mkdtemp, rm } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { runInNewContext } from "node:vm"
import { AddWebhook, parseSiteId, type SiteId, type User, UserId, WebhookMessage } from "@webflow-users/core"
import {
  type Delivery,
  type DeliveryProblem,
  readDelivery,
  UnacceptableDelivery,
  type UserAccountUpdated,
  verifySignature,
} from "@webflow-users/sdk/webhooks"
import { StoreAddress } from "@webflow-users/stores"
import { Effect, Layer, Redacted } from "effect"
import { Mac, SecureRandom } from "effect/crypto"
import { TestClock } from "effect/testing"
import { rolldown } from "rolldown"
import { describe, expect, expectTypeOf, it } from "vitest"
import { WebflowClient } from "webflow-api-3.1.3"
import { open } from "../../../apps/http-proxy/test/proxy.ts"
import * as Spawned from "../../../apps/http-proxy/test/spawned.ts"
import { receive } from "../../stores/test/receiver.ts"

const secret = "b7de3a5f6c1e4a7b8c9d0e1f2a3b4c5d6e7f8091a2b3c4d5e6f708192a3b4c5d"
const siteId = parseSiteId("580e63e98c9a982ac9b8b741") as SiteId
const user: User = {
  id: UserId.make("6287ec36a841b25637c663df"),
  lastUpdated: "2022-05-20T13:46:12.093Z",
  accessGroups: [{ slug: "webflowers", type: "admin" }],
  data: { name: "Zoë Dent 名前", email: "zoe@example.com", "favorite-drink": "Tea", member: 7 },
}
const now = 1_732_521_600_123

/** What core sends at that time. */
const sent = await Effect.runPromise(
  TestClock.setTime(now).pipe(
    Effect.andThen(WebhookMessage.make({ url: "https://example.com/", secret: Redacted.make(secret) }, user)),
    Effect.provide(Layer.merge(Mac.layerWebCrypto.pipe(Layer.provide(SecureRandom.layerWebCrypto)), TestClock.layer())),
  ),
)
const { "x-webflow-timestamp": timestamp, "x-webflow-signature": signature } = sent.headers
const genuine: Delivery = { secret, headers: sent.headers, body: sent.body, now }
const sign = (body: string, at: string = timestamp, key = secret) => ({
  "x-webflow-timestamp": at,
  "x-webflow-signature": createHmac("sha256", key).update(`${at}:${body}`).digest("hex"),
})
const official = new WebflowClient({ accessToken: "t" }).webhooks
const byOfficial = ({ headers, body }: Delivery) => official.verifySignature({ headers, body, secret } as never)

describe("a delivery as core signs it", () => {
  const bytes = new TextEncoder().encode(sent.body)
  /** In the middle of something larger, as Node's buffers are. */
  const slice = Buffer.concat([Buffer.from("before"), bytes, Buffer.from("after")]).subarray(6, 6 + bytes.length)
  const foreign: ArrayBuffer = runInNewContext("Uint8Array.from(bytes).buffer", { bytes: [...bytes] })

  it.each<[string, Partial<Delivery>]>([
    ["a record, as text", {}],
    ["Headers", { headers: new Headers(sent.headers) }],
    ["a record in capitals", { headers: { "X-Webflow-Timestamp": timestamp, "X-WEBFLOW-SIGNATURE": signature } }],
    ["lists of one value", { headers: { "x-webflow-timestamp": [timestamp], "x-webflow-signature": [signature] } }],
    ["a signature in capitals", { headers: { ...sent.headers, "x-webflow-signature": signature.toUpperCase() } }],
    ["bytes", { body: bytes }],
    ["an ArrayBuffer", { body: bytes.buffer }],
    ["an ArrayBuffer of another realm", { body: foreign }],
    ["a part of a Buffer", { body: slice }],
    ["five minutes later", { now: now + 300_000 }],
    ["by a clock that is five minutes behind", { now: now - 300_000 }],
    ["a day later, where that is allowed", { now: now + 86_400_000, tolerance: 86_400_000 }],
    ["at any time, where any is allowed", { now: 0, tolerance: Number.POSITIVE_INFINITY }],
  ])("is genuine: %s", async (_, said) => {
    expect(await verifySignature({ ...genuine, ...said })).toBe(true)
    expect(await readDelivery({ ...genuine, ...said })).toEqual({ triggerType: "user_account_updated", payload: user })
  })

  it("is to the official SDK what it is here", async () => {
    expect(await byOfficial(genuine)).toBe(true)
    for (const said of [
      { body: sent.body.replace("Tea", "Gin") },
      { headers: { ...sent.headers, "x-webflow-timestamp": String(now + 1) } },
      { headers: { ...sent.headers, "x-webflow-signature": "00".repeat(32) } },
      { headers: {} },
    ]) {
      expect(await byOfficial({ ...genuine, ...said })).toBe(false)
      expect(await verifySignature({ ...genuine, ...said })).toBe(false)
    }
  })

  it("is judged by the clock where no time is said", async () => {
    expect(await verifySignature({ secret, headers: sent.headers, body: sent.body })).toBe(false)
    expect(await verifySignature({ secret, headers: sign("{}", String(Date.now())), body: "{}" })).toBe(true)
  })
})

describe("a delivery that is none", () => {
  const headers = { ...sent.headers }
  const other = JSON.stringify({ triggerType: "form_submission", payload: {} })

  it.each<[string, DeliveryProblem, Partial<Delivery>]>([
    ["no headers", "unsigned", { headers: {} }],
    ["no headers, in Headers", "unsigned", { headers: new Headers() }],
    ["no timestamp", "unsigned", { headers: { "x-webflow-signature": signature } }],
    ["no signature", "unsigned", { headers: { "x-webflow-timestamp": timestamp } }],
    ["an undefined signature", "unsigned", { headers: { ...headers, "x-webflow-signature": undefined } }],
    ["an empty signature", "unsigned", { headers: { ...headers, "x-webflow-signature": "" } }],
    ["a signature too short", "unsigned", { headers: { ...headers, "x-webflow-signature": signature.slice(2) } }],
    ["a signature too long", "unsigned", { headers: { ...headers, "x-webflow-signature": `${signature}00` } }],
    ["no hexadecimal", "unsigned", { headers: { ...headers, "x-webflow-signature": "zz".repeat(32) } }],
    ["two signatures", "unsigned", { headers: { ...headers, "x-webflow-signature": [signature, signature] } }],
    [
      "two signatures in one",
      "unsigned",
      { headers: { ...headers, "x-webflow-signature": `${signature}, ${signature}` } },
    ],
    ["the timestamp in two cases", "unsigned", { headers: { ...headers, "X-Webflow-Timestamp": timestamp } }],
    ["no number for a time", "unsigned", { headers: sign(sent.body, "1e12") }],
    ["a date for a time", "unsigned", { headers: sign(sent.body, new Date(now).toISOString()) }],
    ["a request that was kept", "stale", { now: now + 300_001 }],
    ["a request of the future", "stale", { now: now - 300_001 }],
    ["less tolerance", "stale", { now: now + 1001, tolerance: 1000 }],
    ["seconds for a time", "stale", { headers: sign(sent.body, String(Math.floor(now / 1000))) }],
    ["a tolerance that is no number", "stale", { tolerance: Number.NaN }],
    ["another body", "forged", { body: sent.body.replace("Tea", "Gin") }],
    ["the body parsed and written again", "forged", { body: JSON.stringify(JSON.parse(sent.body), null, 1) }],
    ["another secret", "forged", { secret: secret.toUpperCase() }],
    ["another time", "forged", { headers: { ...headers, "x-webflow-timestamp": String(now + 1) } }],
    ["one bit of the signature", "forged", { headers: { ...headers, "x-webflow-signature": flipped(signature) } }],
  ])("is told from one: %s", async (_, reason, said) => {
    expect(await verifySignature({ ...genuine, ...said })).toBe(false)
    const error: unknown = await readDelivery({ ...genuine, ...said }).catch((thrown: unknown) => thrown)
    expect(error).toBeInstanceOf(UnacceptableDelivery)
    expect(error).toMatchObject({ name: "UnacceptableDelivery", reason })
    expect(String(error)).not.toContain(secret)
  })

  it.each([
    other,
    "no JSON",
    "null",
    "7",
    '{"triggerType":"user_account_updated"}',
    ...[null, 5, "user", [], {}, { ...user, id: 5 }, { ...user, data: null }, { ...user, accessGroups: {} }].map(
      (payload) => JSON.stringify({ triggerType: "user_account_updated", payload }),
    ),
  ])("is genuine and unknown: %s", async (body) => {
    const signed = { ...genuine, headers: sign(body), body }
    expect(await verifySignature(signed)).toBe(true)
    await expect(readDelivery(signed)).rejects.toMatchObject({ reason: "unknown" })
  })

  it.each<[string, object]>([
    ["secret has to be the webhook's, and is empty", { secret: "" }],
    ["secret has to be text", { secret: undefined }],
    ["secret has to be text", { secret: Buffer.from(secret) }],
    ["body has to be the request's", { body: JSON.parse(sent.body) }],
    ["body has to be the request's", { body: undefined }],
  ])("is not judged where the receiver is wrong, and the receiver is told: %s", async (message, said) => {
    const wrong = { ...genuine, ...said } as Delivery
    await expect(verifySignature(wrong)).rejects.toThrow(TypeError)
    await expect(readDelivery(wrong)).rejects.toThrow(new RegExp(`^${message}`))
  })
})

describe("the receiver's entry", () => {
  it("has the types of what is told", () => {
    expectTypeOf<UserAccountUpdated["payload"]["data"]["name"]>().toEqualTypeOf<string | null | undefined>()
    expectTypeOf(verifySignature).returns.toEqualTypeOf<Promise<boolean>>()
  })

  it("loads nothing else", async () => {
    const input = new URL("../src/webhooks.ts", import.meta.url).pathname
    const bundle = await rolldown({ input, platform: "browser", external: /./ })
    const { output } = await bundle.generate({ format: "esm" })
    expect(output.flatMap((part) => (part.type === "chunk" ? [...part.imports, ...part.dynamicImports] : []))).toEqual(
      [],
    )
  })

  it("takes what a proxy sends, from Node's own headers and from a fetch server's", async () => {
    const folder = await mkdtemp(join(tmpdir(), "webflow-users-receiver-"))
    await using receiver = await receive()
    const address = `file:${folder}/users.db`
    {
      await using store = open(address)
      await store.add({ id: siteId, users: [user] })
    }
    const opened = Layer.merge(StoreAddress.layerWithWebhooks(address), SecureRandom.layerWebCrypto)
    const adding = AddWebhook.addWebhook(siteId, receiver.url, () => false)
    const added = await Effect.runPromise(Effect.provide(adding, opened))
    await using store = open(address)
    const token = await store.token(siteId)
    await using proxy = await Spawned.start(address, {
      args: ["--webhook-poll-interval", "20 millis", "--allow-private-webhooks"],
    })
    const updated = await fetch(`${proxy.origin}/v2/sites/${siteId}/users/${user.id}`, {
      method: "PATCH",
      headers: { authorization: `Bearer ${token}`, "content-type": "application/json" },
      body: JSON.stringify({ data: { name: "Zoë" } }),
    })
    await receiver.until((all) => all.length === 1)
    const [{ headers, body }] = receiver.received as [(typeof receiver.received)[0]]
    const own = Redacted.value(added.secret)
    const { payload } = await readDelivery({ secret: own, headers, body })
    expect(payload).toEqual(await updated.json())
    const asHeaders = new Headers(Object.entries(headers).map(([name, value]) => [name, String(value)]))
    expect(await verifySignature({ secret: own, headers: asHeaders, body })).toBe(true)
    expect(await verifySignature({ secret, headers, body })).toBe(false)
    expect(await official.verifySignature({ headers, body, secret: own } as never)).toBe(true)
    await rm(folder, { recursive: true })
  })
})

function flipped(hex: string): string {
  return hex.slice(0, -1) + (Number.parseInt(hex.slice(-1), 16) ^ 1).toString(16)
}
