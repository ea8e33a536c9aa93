/**
 * For who receives webhooks: whether a delivery comes from who holds the secret, and what it says. Nothing but Web Crypto is needed,
 * so it runs in Node, Deno, Bun, Workers and browsers; nothing else of this package is loaded.
 *
 * The rule is Webflow's: the signature is the HMAC-SHA256 of the timestamp, a colon and the body, in hexadecimal. Core's
 * `WebhookMessage` signs so, and a test holds the two together: to import it would bring all of `effect` to a receiver.
 *
 * @packageDocumentation
 */
import type { User } from "@webflow-users/core"

/** Headers as platforms have them: `Headers`, those of an `IncomingMessage`, or any record, in whichever letter case. */
export type DeliveryHeaders =
  | Pick<Headers, "get">
  | Readonly<Record<string, string | ReadonlyArray<string> | undefined>>

/** A request as it came in, and what it is judged by. */
export interface Delivery {
  /** The webhook's secret, as `webflow-users webhook add` printed it. */
  readonly secret: string
  readonly headers: DeliveryHeaders
  /** The body as it came, before anything parsed it: JSON that was read and written again has another signature. */
  readonly body: string | ArrayBuffer | Uint8Array
  /** How far the timestamp may be from now, in milliseconds: what is older may be a request that somebody kept. 5 minutes unless said. */
  readonly tolerance?: number | undefined
  /** The time by which that is judged, in milliseconds since 1970. The clock's unless said. */
  readonly now?: number | undefined
}

/** What a webhook tells: a user as an update left them, their data flat. */
export interface UserAccountUpdated {
  readonly triggerType: "user_account_updated"
  readonly payload: User
}

/** Why a delivery is none. */
export type DeliveryProblem =
  /** The timestamp or the signature is missing, or has not the form of one. */
  | "unsigned"
  /** The timestamp is too far from now: sent again by somebody who kept it, or one of two clocks is wrong. */
  | "stale"
  /** The signature is not that of this body, this timestamp and this secret. */
  | "forged"
  /** It is genuine, and tells of something else than an updated user, or of no user that could be read. */
  | "unknown"

/** Thrown by {@link readDelivery}; `reason` says why. Answer it with 401, or with 200 what is `unknown` and not for you. */
export class UnacceptableDelivery extends Error {
  override readonly name = "UnacceptableDelivery"
  readonly reason: DeliveryProblem
  constructor(reason: DeliveryProblem) {
    super(messages[reason])
    this.reason = reason
  }
}

const messages = {
  unsigned:
    "The request has no x-webflow-timestamp in milliseconds, or no x-webflow-signature of 64 hexadecimal characters",
  stale: "The request's timestamp is too far from now",
  forged: "The signature is not that of this body under this secret; the body has to be as it came, unparsed",
  unknown: "The request is signed, and tells of something else than user_account_updated, or of no user",
} as const satisfies Record<DeliveryProblem, string>

const fiveMinutes = 5 * 60_000

/**
 * Whether a request was sent by who holds the secret, now and with this body. Everything that is wrong with the request is `false`;
 * it rejects with a `TypeError` where the receiver is wrong: a secret that is no text or is empty, which anybody could sign with, or a
 * body that was parsed before.
 *
 * @example
 * ```ts
 * import { verifySignature } from "@webflow-users/sdk/webhooks"
 *
 * export const POST = async (request: Request) => {
 *   const body = await request.text()
 *   if (!(await verifySignature({ secret: process.env.WEBHOOK_SECRET ?? "", headers: request.headers, body }))) {
 *     return new Response(null, { status: 401 })
 *   }
 *   console.log(JSON.parse(body).triggerType)
 *   return new Response()
 * }
 * ```
 */
export const verifySignature = async (delivery: Delivery): Promise<boolean> => (await problemOf(delivery)) === undefined

/**
 * What a delivery says, once it is known to be genuine. Rejects with {@link UnacceptableDelivery} otherwise, and as
 * {@link verifySignature} does. The same update may be told twice: `payload.id` and `payload.lastUpdated` tell.
 */
export const readDelivery = async (delivery: Delivery): Promise<UserAccountUpdated> => {
  const problem = await problemOf(delivery)
  if (problem !== undefined) throw new UnacceptableDelivery(problem)
  const { body } = delivery
  const said = jsonOf(typeof body === "string" ? body : new TextDecoder().decode(body))
  if (said?.triggerType !== "user_account_updated" || !isUser(said.payload)) throw new UnacceptableDelivery("unknown")
  return said as UserAccountUpdated
}

/** What of a user is always there. */
const isUser = (payload: unknown): boolean => {
  const { id, accessGroups, data }: { readonly [Name in keyof User]?: unknown } = Object(payload)
  return typeof id === "string" && Array.isArray(accessGroups) && typeof data === "object" && data !== null
}

const problemOf = async ({
  secret,
  headers,
  body,
  tolerance = fiveMinutes,
  now = Date.now(),
}: Delivery): Promise<Exclude<DeliveryProblem, "unknown"> | undefined> => {
  if (typeof secret !== "string") throw new TypeError("secret has to be text: the webhook's, as it was printed")
  if (secret === "") throw new TypeError("secret has to be the webhook's, and is empty")
  const bytes = bytesOf(body)
  const timestamp = headerOf(headers, "x-webflow-timestamp")
  const signature = headerOf(headers, "x-webflow-signature")
  if (!/^\d{1,15}$/.test(timestamp) || !/^[\da-f]{64}$/i.test(signature)) return "unsigned"
  // Told this way round, a tolerance or a time that is no number takes nothing.
  if (!(Math.abs(now - Number(timestamp)) <= tolerance)) return "stale"
  const encoder = new TextEncoder()
  const algorithm = { name: "HMAC", hash: "SHA-256" }
  const key = await crypto.subtle.importKey("raw", encoder.encode(secret), algorithm, false, ["verify"])
  const prefix = encoder.encode(`${timestamp}:`)
  const signed = new Uint8Array(prefix.length + bytes.length)
  signed.set(prefix)
  signed.set(bytes, prefix.length)
  // The platform compares, in constant time.
  const tag = Uint8Array.from({ length: 32 }, (_, index) =>
    Number.parseInt(signature.slice(2 * index, 2 * index + 2), 16),
  )
  return (await crypto.subtle.verify("HMAC", key, tag, signed)) ? undefined : "forged"
}

const bytesOf = (body: unknown): Uint8Array => {
  if (typeof body === "string") return new TextEncoder().encode(body)
  if (isArrayBuffer(body)) return new Uint8Array(body)
  if (ArrayBuffer.isView(body)) return new Uint8Array(body.buffer, body.byteOffset, body.byteLength)
  throw new TypeError("body has to be the request's as it came, text or bytes: one that was parsed cannot be verified")
}

/** One of another realm too, such as a worker's, a test's or a frame's, whose class is another. */
const isArrayBuffer = (body: unknown): body is ArrayBuffer =>
  Object.prototype.toString.call(body) === "[object ArrayBuffer]"

/** A header's one value; none where there are several. */
const headerOf = (headers: DeliveryHeaders, name: string): string => {
  if (typeof headers.get === "function") return headers.get(name) ?? ""
  const values = Object.entries(headers).flatMap(([key, value]) => (key.toLowerCase() === name ? value : []))
  return values.length === 1 && typeof values[0] === "string" ? values[0] : ""
}

const jsonOf = (text: string): { readonly triggerType?: unknown; readonly payload?: unknown } | null => {
  try {
    return JSON.parse(text)
  } catch {
    return null
  }
}
