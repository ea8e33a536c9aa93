import { describe, expect, it } from "@effect/vitest"
import { Transport } from "@webflow-users/core"
import * as FetchTransport from "@webflow-users/core/Transport/Fetch"
import { Effect } from "effect"

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
})
