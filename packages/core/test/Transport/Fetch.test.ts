import { describe, expect, it } from "@effect/vitest"
import { TimedOut, Transport } from "@webflow-users/core"
import * as FetchTransport from "@webflow-users/core/Transport/Fetch"
import { Effect, Exit, Fiber } from "effect"
import { TestClock } from "effect/testing"

// What holds for every driver, over sockets: `packages/stores/test/Transport.test.ts`.

const send = (url: string, fetch?: typeof globalThis.fetch) =>
  Transport.Transport.use((transport) => transport.send({ method: "GET", url, headers: {} })).pipe(
    Effect.provide(FetchTransport.layer(fetch)),
  )

/** A fetch of one's own, that needs no server. */
const echo = async (input: RequestInfo | URL, init?: RequestInit) => new Response(`${init?.method} ${String(input)}`)

/** A fetch that fails. */
const failing = (facts: object) => () => Promise.reject(Object.assign(new TypeError("Failed to fetch"), facts))

describe("Transport, Fetch", () => {
  it.effect("sends with the fetch it is given, also to an address only that one knows", () =>
    Effect.gen(function* () {
      expect(yield* send("/v2/sites", echo)).toMatchObject({ status: 200, text: "GET /v2/sites" })
    }),
  )

  it.effect("does not take a failure for a lost connection where the address is none", () =>
    Effect.gen(function* () {
      expect(yield* Effect.flip(send("/v2/sites"))).toMatchObject({
        _tag: "UnsendableRequest",
        details: ["the server's address is not a whole URL"],
      })
    }),
  )

  it.effect.each<[string, object, string]>([
    ["Node's parser", { code: "HPE_INVALID_CONSTANT" }, "UpstreamInvalidResponse"],
    ["Node's parser, at an end", { code: "HPE_INVALID_EOF_STATE", message: "Invalid EOF state" }, "ConnectionLost"],
    ["the system", { code: "ETIMEDOUT" }, "TimedOut"],
    ["whatever it wraps", { cause: { cause: { code: "EAI_AGAIN" } } }, "Unreachable"],
    ["nobody: it only failed", {}, "ConnectionLost"],
  ])("understands another fetch's failures, as told by %s", ([_, facts, expected]) =>
    Effect.gen(function* () {
      expect(yield* Effect.flip(send("http://127.0.0.1/v2", failing(facts)))).toMatchObject({ _tag: expected })
    }),
  )

  it.effect("takes for a defect what only a fetch that is written wrongly throws", () =>
    Effect.gen(function* () {
      const mistake = new ReferenceError("fetsch is not defined")
      const throwing = () => {
        throw mistake
      }
      for (const wrong of [() => Promise.reject(mistake), throwing]) {
        expect(yield* Effect.exit(send("http://127.0.0.1/v2", wrong))).toEqual(Exit.die(mistake))
      }
    }),
  )

  it.effect("gives up a fetch that takes too long, whatever that makes of it", () =>
    Effect.gen(function* () {
      const late = new TimedOut({ cause: "late" })
      const signals: Array<AbortSignal | null | undefined> = []
      const hanging: typeof globalThis.fetch = (_, init) => {
        signals.push(init?.signal)
        return new Promise((_resolve, reject) => init?.signal?.addEventListener("abort", () => reject(new Error("no"))))
      }
      const deaf: typeof globalThis.fetch = (_, init) => {
        signals.push(init?.signal)
        return new Promise(() => {})
      }
      for (const fetch of [hanging, deaf]) {
        const { send: sending } = FetchTransport.make(fetch)
        const request = { method: "GET", url: "http://127.0.0.1/v2", headers: {} }
        const patience = { millis: 1_000, late: () => late }
        const waiting = yield* Effect.forkChild(sending({ ...request, patience }))
        yield* TestClock.adjust("1 second")
        expect(yield* Fiber.await(waiting)).toEqual(Exit.fail(late))
      }
      expect(signals.map((signal) => signal?.aborted)).toEqual([true, true])
    }),
  )
})
