import { createServer, type IncomingMessage, type ServerResponse } from "node:http"
import type { AddressInfo } from "node:net"
import { text } from "node:stream/consumers"
import { describe, expect, it } from "@effect/vitest"
import { Transport } from "@webflow-users/core"
import * as FetchTransport from "@webflow-users/core/Transport/Fetch"
import { Deferred, Effect, Fiber } from "effect"

/** A server on a port of its own, for as long as the test runs; gives its address. */
const serve = (answer: (request: IncomingMessage, response: ServerResponse) => void) =>
  Effect.acquireRelease(
    Effect.callback<ReturnType<typeof createServer>>((resume) => {
      const server = createServer(answer).listen(0, "127.0.0.1", () => resume(Effect.succeed(server)))
    }),
    (server) =>
      Effect.callback<void>((resume) => {
        server.close(() => resume(Effect.void))
        server.closeAllConnections()
      }),
  ).pipe(Effect.map((server) => `http://127.0.0.1:${(server.address() as AddressInfo).port}`))

const send = (request: Transport.TransportRequest, fetch?: typeof globalThis.fetch) =>
  Transport.Transport.use((transport) => transport.send(request)).pipe(Effect.provide(FetchTransport.layer(fetch)))
const get = (url: string) => ({ method: "GET", url, headers: {} })

/** A fetch of one's own, that needs no server. */
const echo = async (input: RequestInfo | URL, init?: RequestInit) => new Response(`${init?.method} ${String(input)}`)

describe("Transport, Fetch", () => {
  it.live("carries method, path, headers and body, and brings status, headers and text back", () =>
    Effect.gen(function* () {
      const seen: Array<unknown> = []
      const url = yield* serve(async (request, response) => {
        const { method, headers } = request
        seen.push([method, request.url, headers.authorization, headers["content-type"], await text(request)])
        response.writeHead(429, { "Retry-After": "7", "X-Two": ["a", "b"] }).end("名前 😀")
      })
      const headers = { authorization: "Bearer t", "content-type": "application/json" }
      const patched = yield* send({ method: "PATCH", url: `${url}/v2/users?x=%20`, headers, body: '{"name":"名前"}' })
      expect(patched).toMatchObject({ status: 429, text: "名前 😀" })
      expect(["retry-after", "x-two", "x-three"].map(patched.header)).toStrictEqual(["7", "a, b", undefined])
      yield* send(get(`${url}/v2`))
      expect(seen).toStrictEqual([
        ["PATCH", "/v2/users?x=%20", "Bearer t", "application/json", '{"name":"名前"}'],
        ["GET", "/v2", undefined, undefined, ""],
      ])
    }),
  )

  it.live("gives a redirect as the answer it is, and takes the token nowhere", () =>
    Effect.gen(function* () {
      const paths: Array<string | undefined> = []
      const url = yield* serve((request, response) => {
        paths.push(request.url)
        response.writeHead(307, { location: "/elsewhere" }).end("moved")
      })
      const answer = yield* send({ ...get(`${url}/here`), headers: { authorization: "Bearer t" } })
      expect([answer.status, answer.header("location"), answer.text]).toStrictEqual([307, "/elsewhere", "moved"])
      expect(paths).toStrictEqual(["/here"])
    }),
  )

  for (const when of ["before the answer", "within the answer"]) {
    it.live(`ends the request when it is interrupted ${when}`, () =>
      Effect.gen(function* () {
        const arrived = yield* Deferred.make<void>()
        const ended = yield* Deferred.make<boolean>()
        const url = yield* serve((_, response) => {
          response.on("close", () => Deferred.doneUnsafe(ended, Effect.succeed(response.writableFinished)))
          if (when === "within the answer") response.writeHead(200).write("some of it")
          Deferred.doneUnsafe(arrived, Effect.void)
        })
        const sending = yield* Effect.forkChild(send(get(url)))
        yield* Deferred.await(arrived)
        yield* Fiber.interrupt(sending)
        expect(yield* Deferred.await(ended)).toBe(false)
      }),
    )
  }

  it.live("is Unreachable where nobody listens", () =>
    Effect.gen(function* () {
      const url = yield* Effect.scoped(serve(() => {}))
      const error = yield* Effect.flip(send(get(url)))
      expect(error).toMatchObject({
        _tag: "Unreachable",
        message: "The server could not be reached",
        isRetryable: true,
      })
      expect(error).toMatchObject({ cause: { cause: { code: "ECONNREFUSED" } } })
    }),
  )

  it.live("is a lost connection when the answer breaks off", () =>
    Effect.gen(function* () {
      const url = yield* serve((_, response) => {
        response.writeHead(200, { "content-length": "100" }).write("some of it", () => response.destroy())
      })
      expect(yield* Effect.flip(send(get(url)))).toMatchObject({ _tag: "ConnectionLost" })
    }),
  )

  it.effect("sends with the fetch it is given, also to an address only that one knows", () =>
    Effect.gen(function* () {
      expect(yield* send(get("/v2/sites"), echo)).toMatchObject({ status: 200, text: "GET /v2/sites" })
    }),
  )

  it.effect("refuses to send what HTTP does not carry, without repeating it", () =>
    Effect.gen(function* () {
      const sent: Array<unknown> = []
      const given = async (input: RequestInfo | URL) => {
        sent.push(input)
        return new Response()
      }
      const withHeader = (value: string) =>
        send({ ...get("http://127.0.0.1/v2"), headers: { authorization: value } }, given)
      for (const value of ["Bearer a\nb", "Bearer a\0b", "Bearer a\u007fb", "Bearer …"]) {
        expect([value, yield* Effect.flip(withHeader(value))]).toMatchObject([
          value,
          {
            _tag: "UnsendableRequest",
            details: ["a header, or the token in it, has a character that HTTP does not carry"],
          },
        ])
      }
      expect(sent).toStrictEqual([])
      // What fetch takes away by itself.
      yield* withHeader("Bearer ü\tb \r\n")
      expect(sent).toStrictEqual(["http://127.0.0.1/v2"])
    }),
  )
})
