/** Requests to servers that somebody else has named: where they go, and where they do not. */
import type { LookupOptions } from "node:dns"
import type { LookupFunction } from "node:net"
import { describe, expect, it } from "@effect/vitest"
import { Transport, WebhookDelivery, WebhookMessage } from "@webflow-users/core"
import { Effect, Fiber, Redacted } from "effect"
import { freePort } from "../../../test/free-port.ts"
import { WebhookTargets } from "../src/index.ts"
import { publicOnly } from "../src/WebhookRequest.ts"
import { mac, receive } from "./receiver.ts"

const secret = Redacted.make("secret")
const receiver = (...how: Parameters<typeof receive>) =>
  Effect.acquireRelease(
    Effect.promise(() => receive(...how)),
    (opened) => Effect.promise(() => opened[Symbol.asyncDispose]()),
  )
const attempt = (url: string, options: WebhookTargets.Options) =>
  WebhookDelivery.attempt({ url, secret }, WebhookMessage.sampleUser).pipe(
    Effect.provide([WebhookTargets.layer(options), mac]),
  )
const anywhere: WebhookTargets.Options = { allowPrivate: true }

/** What a name stands for, each time it is looked up; the last for ever. */
const standingFor = (...times: ReadonlyArray<ReadonlyArray<string>>) => {
  let asked = 0
  const lookup: LookupFunction = (_, { all }, callback) => {
    const addresses = times[Math.min(asked, times.length - 1)]!.map((address) => ({
      address,
      family: address.includes(":") ? 6 : 4,
    }))
    asked += 1
    if (all === true) callback(null, addresses)
    else callback(null, addresses[0]!.address, addresses[0]!.family)
  }
  return { lookup, asked: () => asked }
}

/** What is given to who connects. */
const addressesOf = (lookup: LookupFunction, options: LookupOptions) =>
  Effect.callback<ReadonlyArray<unknown>>((resume) =>
    publicOnly(lookup)("hooks.example.com", options, (...given) => resume(Effect.succeed(given))),
  )

describe("an address that is not public", () => {
  it.live.each(["127.0.0.1", "[::1]", "[::ffff:127.0.0.1]", "localhost", "0x7f.1"])("%s is not asked", (host) =>
    Effect.gen(function* () {
      const { url, received } = yield* receiver()
      const target = url.replace("127.0.0.1", host)
      const { isDelivered, reason, status } = yield* attempt(target, { allowPrivate: false })
      expect([isDelivered, status]).toStrictEqual([false, undefined])
      expect(reason).toMatch(/is not public.*--allow-private-webhooks/)
      expect(received).toStrictEqual([])
    }),
  )

  it.live.each<[string, ReadonlyArray<string>]>([
    ["loopback", ["127.0.0.1"]],
    ["loopback of version 6", ["::1"]],
    ["loopback in two versions", ["::1", "127.0.0.1"]],
    ["loopback, mapped", ["::ffff:127.0.0.1"]],
    ["a cloud's metadata", ["169.254.169.254"]],
  ])("is not asked where a public name stands for it: %s", ([_, addresses]) =>
    Effect.gen(function* () {
      const { url, received } = yield* receiver()
      const { lookup, asked } = standingFor(addresses)
      const target = url.replace("127.0.0.1", "hooks.example.com")
      const { reason } = yield* attempt(target, { allowPrivate: false, lookup })
      expect(reason).toMatch(/is not public/)
      expect([asked(), received]).toStrictEqual([1, []])
    }),
  )

  it.live("is not asked where the name has stood for a public one a moment ago", () =>
    Effect.gen(function* () {
      const { url, received } = yield* receiver()
      const named = new URL(url.replace("127.0.0.1", "hooks.example.com"))
      expect(WebhookTargets.isForbidden({ allowPrivate: false })(named.hostname)).toBe(false)
      const { lookup } = standingFor(["1.1.1.1"], ["127.0.0.1"])
      // Nobody on the internet is to be asked by a test: of the first time it is seen what would be connected to.
      expect(yield* addressesOf(lookup, { all: true })).toStrictEqual([null, [{ address: "1.1.1.1", family: 4 }]])
      expect((yield* attempt(named.href, { allowPrivate: false, lookup })).reason).toMatch(/is not public/)
      expect(received).toStrictEqual([])
    }),
  )

  it.live("is passed over where the name stands for a public one too", () =>
    Effect.gen(function* () {
      const { lookup } = standingFor(["127.0.0.1", "1.1.1.1", "::1"])
      expect(yield* addressesOf(lookup, { all: true })).toStrictEqual([null, [{ address: "1.1.1.1", family: 4 }]])
      expect(yield* addressesOf(lookup, {})).toStrictEqual([null, "1.1.1.1", 4])
    }),
  )

  it.live("is asked where that is allowed, by its address and by a name", () =>
    Effect.gen(function* () {
      const { url, received } = yield* receiver()
      expect(yield* attempt(url, anywhere)).toStrictEqual({ isDelivered: true, status: 200 })
      const { lookup } = standingFor(["127.0.0.1"])
      const named = url.replace("127.0.0.1", "hooks.example.com")
      expect(yield* attempt(named, { ...anywhere, lookup })).toStrictEqual({ isDelivered: true, status: 200 })
      expect(received.map(({ headers }) => headers.host)).toStrictEqual([new URL(url).host, new URL(named).host])
    }),
  )
})

describe("what is an answer", () => {
  it.live.each([201, 202, 204, 301, 302, 307, 400, 404, 410, 429, 500, 503])("%i is none that will do", (status) =>
    Effect.gen(function* () {
      const { url, received } = yield* receiver((_, response) =>
        response.writeHead(status, { location: "/elsewhere" }).end(),
      )
      expect(yield* attempt(url, anywhere)).toStrictEqual({
        isDelivered: false,
        status,
        reason: `It answered ${status}, and only 200 is a success`,
      })
      // No redirect was followed.
      expect(received.map(({ path }) => path)).toStrictEqual(["/hook"])
    }),
  )

  it.live("a 200 is, after early words, and before a body that does not end", () =>
    Effect.gen(function* () {
      const { url } = yield* receiver((_, response) => {
        response.writeEarlyHints({ link: "</x>; rel=preload" })
        response.writeHead(200).write("and so on")
      })
      expect(yield* attempt(url, anywhere)).toStrictEqual({ isDelivered: true, status: 200 })
    }),
  )

  it.live("a 200 is, whatever follows it: more than anybody reads", () =>
    Effect.gen(function* () {
      const { url } = yield* receiver((_, response) => response.end("x".repeat(1_000_000)))
      expect(yield* attempt(url, anywhere)).toStrictEqual({ isDelivered: true, status: 200 })
    }),
  )

  it.live.each<[string, string]>([
    ["goes silent", ""],
    ["has more than anybody reads", "x".repeat(10_000_000)],
  ])("a 200 whose rest %s is hung up on", ([, rest]) =>
    Effect.gen(function* () {
      const gone = Promise.withResolvers<boolean>()
      const { url } = yield* receiver((_, response) => {
        response.once("close", () => gone.resolve(response.writableFinished))
        response.writeHead(200).write("and so on")
        if (rest === "") return
        response.end(rest)
      })
      expect(yield* attempt(url, anywhere)).toStrictEqual({ isDelivered: true, status: 200 })
      expect(yield* Effect.promise(() => gone.promise)).toBe(false)
    }),
  )

  it.live("nobody there, or one who hangs up, is a reason in words, without what was asked", () =>
    Effect.gen(function* () {
      const port = yield* Effect.promise(freePort)
      expect(yield* attempt(`http://127.0.0.1:${port}/?key=hush`, anywhere)).toStrictEqual({
        isDelivered: false,
        reason: "The server could not be reached",
      })
      const { url } = yield* receiver((_, response) => response.destroy())
      expect((yield* attempt(url, anywhere)).reason).toBe(
        "The connection to the server was lost before its answer had come",
      )
      const tls = url.replace("http:", "https:")
      expect((yield* attempt(tls, anywhere)).reason).toBe("No secure connection to the server could be made")
    }),
  )

  it.live("one who is not waited for any more is hung up on", () =>
    Effect.gen(function* () {
      const gone = Promise.withResolvers<void>()
      const { url, until } = yield* receiver((_, response) => void response.once("close", gone.resolve))
      const fiber = yield* Effect.forkChild(
        Transport.Transport.use(({ send }) => send({ method: "POST", url, headers: {}, body: '{"payload":{}}' })).pipe(
          Effect.provide(WebhookTargets.layer(anywhere)),
        ),
      )
      yield* Effect.promise(() => until((all) => all.length === 1))
      yield* Fiber.interrupt(fiber)
      yield* Effect.promise(() => gone.promise)
    }),
  )
})
