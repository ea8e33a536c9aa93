/** What a webhook says, as who receives it reads and checks it. */
import { createHmac } from "node:crypto"
import { describe, expect, it } from "@effect/vitest"
import { type User, UserId, WebhookMessage } from "@webflow-users/core"
import { Effect, Layer, Redacted } from "effect"
import { Mac, SecureRandom } from "effect/crypto"
import { TestClock } from "effect/testing"
import { WebflowClient as Client31 } from "webflow-api-3.1.3"
import { WebflowClient as Client32 } from "webflow-api-3.2.2"

const secret = "b7de3a5f6c1e4a7b8c9d0e1f2a3b4c5d6e7f8091a2b3c4d5e6f708192a3b4c5d"
const user: User = {
  id: UserId.make("6287ec36a841b25637c663df"),
  isEmailVerified: true,
  lastUpdated: "2022-05-20T13:46:12.093Z",
  status: "verified",
  accessGroups: [{ slug: "webflowers", type: "admin" }],
  data: { name: "Zoë Dent 名前", email: "zoe@example.com", "favorite-drink": "Tea", member: 7 },
}
const layer = Mac.layerWebCrypto.pipe(Layer.provide(SecureRandom.layerWebCrypto))
const message = (of: User = user) =>
  WebhookMessage.make({ url: "https://example.com/hook?key=1", secret: Redacted.make(secret) }, of).pipe(
    Effect.provide(layer),
  )

describe("a webhook's message", () => {
  it.effect("is a POST of the user as JSON, flat, in Webflow's envelope", () =>
    Effect.gen(function* () {
      const { method, url, headers, body } = yield* message()
      expect([method, url, headers["content-type"]]).toStrictEqual([
        "POST",
        "https://example.com/hook?key=1",
        "application/json",
      ])
      expect(Object.keys(headers)).toStrictEqual(["content-type", "x-webflow-timestamp", "x-webflow-signature"])
      expect(JSON.parse(body)).toStrictEqual({ triggerType: "user_account_updated", payload: user })
    }),
  )

  it.effect("is signed, over its time in milliseconds and its bytes", () =>
    Effect.gen(function* () {
      yield* TestClock.setTime(1_732_521_600_123)
      const { headers, body } = yield* message()
      expect(headers["x-webflow-timestamp"]).toBe("1732521600123")
      const expected = createHmac("sha256", secret).update(`1732521600123:${body}`, "utf8").digest("hex")
      expect(headers["x-webflow-signature"]).toBe(expected)
    }),
  )

  it.effect.each([
    ["3.1.3", new Client31({ accessToken: "t" })],
    ["3.2.2", new Client32({ accessToken: "t" })],
  ] as const)("is genuine to the official SDK %s, and nothing else is", ([_, client]) =>
    Effect.gen(function* () {
      const { headers, body } = yield* message()
      const verify = (said: { headers?: typeof headers; body?: string; secret?: string }) =>
        Effect.promise(() => client.webhooks.verifySignature({ headers, body, secret, ...said } as never))
      expect(yield* verify({})).toBe(true)
      expect(yield* verify({ body: body.replace("Tea", "Gin") })).toBe(false)
      expect(yield* verify({ headers: { ...headers, "x-webflow-timestamp": "1" } })).toBe(false)
      expect(yield* verify({ secret: secret.toUpperCase() })).toBe(false)
    }),
  )

  it("of a sample says that it is one", () => {
    expect(WebhookMessage.sampleUser.data).toMatchObject({ name: "Sample User", sample: true })
    expect(WebhookMessage.sampleUser.id).toBe("0".repeat(24))
  })
})
