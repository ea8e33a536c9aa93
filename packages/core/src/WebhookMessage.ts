/** What a webhook says, and how it proves who says it: as Webflow's did. */
import { Clock, Effect, Redacted } from "effect"
import { Mac } from "effect/crypto"
import { Hex } from "effect/encoding"
import type { TransportRequest } from "./Transport.ts"
import { type User, UserId } from "./UserSchema.ts"
import type { SigningWebhook } from "./Webhooks.ts"
import { encodeUser } from "./wire/UserJson.ts"

/** What there is to tell: an account was updated. */
export const triggerType = "user_account_updated"

/**
 * The request that tells of a user, signed now: the signature is the HMAC-SHA256 of the time in milliseconds, a colon and the
 * body, in hexadecimal. A receiver that checks the time too takes no request that somebody has kept.
 */
export const make = Effect.fnUntraced(function* ({ url, secret }: Pick<SigningWebhook, "url" | "secret">, user: User) {
  const mac = yield* Mac.Mac
  const body = JSON.stringify({ triggerType, payload: encodeUser(user) })
  const timestamp = String(yield* Clock.currentTimeMillis)
  const encoder = new TextEncoder()
  const tag = yield* Mac.key(Mac.hmacSha256, encoder.encode(Redacted.value(secret))).pipe(
    Effect.flatMap((key) => mac.sign(key, encoder.encode(`${timestamp}:${body}`))),
    Effect.orDie,
  )
  return {
    method: "POST",
    url,
    headers: {
      "content-type": "application/json",
      "x-webflow-timestamp": timestamp,
      "x-webflow-signature": Hex.encode(tag),
    },
    body,
  } satisfies TransportRequest
})

/** A user who is nobody, and says so: for trying a receiver. */
export const sampleUser: User = {
  id: UserId.make("0".repeat(24)),
  isEmailVerified: true,
  lastUpdated: "2022-05-20T13:46:12.093Z",
  createdOn: "2022-05-20T13:46:12.093Z",
  status: "verified",
  accessGroups: [{ slug: "sample", type: "admin" }],
  data: {
    name: "Sample User",
    email: "sample.user@example.com",
    "accept-privacy": false,
    "accept-communications": false,
    sample: true,
  },
}
