import { inspect } from "node:util"
import { describe, expect, it } from "@effect/vitest"
import { TimedOut, Transport } from "@webflow-users/core"
import { Clock, Context, Duration, Effect, Fiber, Layer } from "effect"
import { TestClock } from "effect/testing"
import * as NodeHttp from "../src/NodeHttp.ts"
import * as Undici from "../src/Undici.ts"
import { selfSigned, trusting } from "./certificate.ts"
import { drivers } from "./drivers.ts"
import * as Hostile from "./hostile.ts"

interface Request extends Omit<Transport.TransportRequest, "url"> {
  readonly path: string
}
const get = (path = "/v2"): Request => ({ method: "GET", path, headers: {} })

/** Opens a transport to a server, for as long as the test runs. */
const opened = (url: string, layer: Layer.Layer<Transport.Transport>) =>
  Effect.map(Layer.build(layer), (context) => {
    const transport = Context.get(context, Transport.Transport)
    return ({ path, ...request }: Request) => transport.send({ ...request, url: url + path })
  })

/** How one request to a server ends that does this with it. */
const outcomeOf = Effect.fnUntraced(function* (
  layer: (address: string) => Layer.Layer<Transport.Transport>,
  deed: Hostile.Deed,
) {
  const server = yield* Hostile.serve(deed)
  const send = yield* opened(server.url, layer(server.url))
  const [sent] = yield* Effect.all([
    Effect.match(send(get()), {
      onSuccess: (answer) => ({ answer, error: undefined }),
      onFailure: (error) => ({ answer: undefined, error }),
    }),
    server.arrived(1),
  ])
  return { ...sent, server, request: server.requests[0]! }
})

/** What a driver says of itself; HTTP needs the first two. */
const ownHeaders: Readonly<Record<string, ReadonlyArray<string>>> = {
  undici: ["host", "connection"],
  "node:http": ["host", "connection"],
  fetch: ["host", "connection", "accept", "accept-encoding", "accept-language", "sec-fetch-mode", "user-agent"],
}

describe.each(drivers)("Transport over $name", ({ name, layer }) => {
  it.live("carries method, path, headers and body, and nothing else but what HTTP needs", () =>
    Effect.gen(function* () {
      const server = yield* Hostile.serve(Hostile.answer({}))
      const send = yield* opened(server.url, layer(server.url))
      const headers = { authorization: "Bearer t", "content-type": "application/json" }
      yield* send({ method: "PATCH", path: "/v2/users?x=%20&y=名", headers, body: '{"name":"名前"}' })
      yield* send(get())
      expect(server.requests).toMatchObject([
        { method: "PATCH", path: "/v2/users?x=%20&y=%E5%90%8D", body: '{"name":"名前"}' },
        { method: "GET", path: "/v2", body: "" },
      ])
      expect(Object.keys(headers).map(server.requests[0]!.header)).toStrictEqual(Object.values(headers))
      // No `traceparent`, no `b3`: how requests hang together is nobody else's business.
      const own = ownHeaders[name]!
      expect(server.requests.map(({ headerNames }) => headerNames.toSorted())).toStrictEqual([
        [...own, ...Object.keys(headers), "content-length"].toSorted(),
        own.toSorted(),
      ])
    }).pipe(Effect.withSpan("a request that is traced")),
  )

  it.live("brings status, headers and text back, however the text is cut", () =>
    Effect.gen(function* () {
      const headers = { "Retry-After": "7", "X-Two": ["a", "b"] }
      const deeds = Hostile.inTurn(
        Hostile.answer({ status: 429, text: "slow down", headers }),
        Hostile.drip("名前 😀"),
        Hostile.answer({ status: 204 }),
      )
      const server = yield* Hostile.serve(deeds)
      const send = yield* opened(server.url, layer(server.url))
      const refused = yield* send(get())
      expect(refused).toMatchObject({ status: 429, text: "slow down" })
      expect(["retry-after", "x-two", "x-three"].map(refused.header)).toStrictEqual(["7", "a, b", undefined])
      expect(yield* send(get())).toMatchObject({ status: 200, text: "名前 😀" })
      expect(yield* send(get())).toMatchObject({ status: 204, text: "" })
    }),
  )

  it.live.each([301, 302, 303, 307, 308])("gives a redirect as the answer it is: %i", (status) =>
    Effect.gen(function* () {
      const headers = { location: "/elsewhere" }
      const { answer, server } = yield* outcomeOf(layer, Hostile.answer({ status, text: "moved", headers }))
      expect([answer?.status, answer?.header("location"), answer?.text]).toStrictEqual([status, "/elsewhere", "moved"])
      expect(server.requests.map(({ path }) => path)).toStrictEqual(["/v2"])
    }),
  )

  it.live("waits through what comes before an answer", () =>
    Effect.gen(function* () {
      const { answer } = yield* outcomeOf(layer, (exchange) => {
        exchange.response.writeProcessing()
        exchange.response.writeEarlyHints({ link: "</style.css>; rel=preload" })
        Hostile.answer({ status: 201, text: "made" })(exchange)
      })
      expect([answer?.status, answer?.text, answer?.header("link")]).toStrictEqual([201, "made", undefined])
    }),
  )

  const limit = Transport.maxResponseBytes
  it.live("reads an answer that is as large as it may be, and none that is larger", () =>
    Effect.gen(function* () {
      const { answer } = yield* outcomeOf(layer, Hostile.answer({ text: "x".repeat(limit) }))
      expect(answer?.text.length).toBe(limit)
      const { error } = yield* outcomeOf(layer, Hostile.answer({ status: 403, text: "x".repeat(limit + 1) }))
      expect(error).toMatchObject({ _tag: "UpstreamInvalidResponse", status: 403 })
    }),
  )

  it.live.each([true, false])("ends an answer that is far too large, announced: %s", (isAnnounced) =>
    Effect.gen(function* () {
      const { error, request } = yield* outcomeOf(layer, Hostile.flood({ isAnnounced }))
      expect(error).toMatchObject({
        _tag: "UpstreamInvalidResponse",
        status: 200,
        isRetryable: false,
        message: "The server's answer is larger than 2097152 bytes",
      })
      expect(yield* request.end).toBe("abandoned")
      // What is more than the limit lay in the buffers of both sockets.
      expect(request.bytesWritten()).toBeLessThan(Hostile.floodSize / 4)
    }),
  )

  it.live("is Unreachable where nobody listens, and where the name is not known", () =>
    Effect.gen(function* () {
      const vacant = `http://127.0.0.1:${yield* Hostile.vacant}`
      const refused = yield* Effect.flip((yield* opened(vacant, layer(vacant)))(get()))
      expect(refused).toMatchObject({
        _tag: "Unreachable",
        message: "The server could not be reached",
        isRetryable: true,
      })
      expect(inspect(refused, { depth: 10 })).toContain("ECONNREFUSED")
      const unknown = "http://nowhere.invalid"
      expect(yield* Effect.flip((yield* opened(unknown, layer(unknown)))(get()))).toMatchObject({ _tag: "Unreachable" })
    }),
  )

  const chunked = { "transfer-encoding": "chunked" }
  it.live.each<[string, Hostile.Deed]>([
    ["is reset before the answer", Hostile.reset],
    ["is closed before the answer", Hostile.close],
    ["is reset within the answer", Hostile.breakOff("reset")],
    ["is closed within the answer", Hostile.breakOff("close")],
    ["is closed within an answer in chunks", Hostile.breakOff("close", chunked)],
    // The last one of a connection is read to its end by other rules.
    ["is closed within a last answer", Hostile.breakOff("close", { "content-length": 100, connection: "close" })],
    ["is closed within a last answer in chunks", Hostile.breakOff("close", { ...chunked, connection: "close" })],
    ["is reset within a last answer in chunks", Hostile.breakOff("reset", { ...chunked, connection: "close" })],
  ])("is ConnectionLost when the connection %s", ([_, deed]) =>
    Effect.gen(function* () {
      const { error, request } = yield* outcomeOf(layer, deed)
      expect(error).toMatchObject({ _tag: "ConnectionLost", status: 502, isRetryable: true })
      expect(yield* request.end).toBe("broken")
    }),
  )

  it.live("is ConnectionLost when a connection that was kept is closed under a request, and makes another", () =>
    Effect.gen(function* () {
      const fine = Hostile.answer({ text: "fine" })
      const server = yield* Hostile.serve(Hostile.inTurn(fine, Hostile.close, fine))
      const send = yield* opened(server.url, layer(server.url))
      expect(yield* send(get())).toMatchObject({ text: "fine" })
      expect(yield* Effect.flip(send(get()))).toMatchObject({ _tag: "ConnectionLost" })
      expect(yield* send(get())).toMatchObject({ text: "fine" })
      expect(server.requests.length).toBe(3)
    }),
  )

  it.live.each<[string, string]>([
    ["another protocol", "SSH-2.0-OpenSSH_9.2p1 Debian-2\r\n"],
    ["TLS's answer to one that does not speak it", "\x15\x03\x03\x00\x02\x02\x46"],
    ["a status that is none", "HTTP/1.1 fine\r\n\r\n"],
    ["a header that is none", "HTTP/1.1 200 OK\r\nno header\r\n\r\n"],
    ["a length that is none", "HTTP/1.1 200 OK\r\ncontent-length: many\r\n\r\n"],
    ["a chunk without a size", "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nmany\r\n{}\r\n"],
  ])("is UpstreamInvalidResponse when the answer is no HTTP: %s", ([_, bytes]) =>
    Effect.gen(function* () {
      const { error, request } = yield* outcomeOf(layer, Hostile.raw(bytes))
      expect(error).toMatchObject({
        _tag: "UpstreamInvalidResponse",
        status: 502,
        isRetryable: true,
        message: "The server's answer is not HTTP",
        excerpt: "",
      })
      expect(yield* request.end).toBe("abandoned")
    }),
  )

  it.live("is UpstreamInvalidResponse when its headers do not end", () =>
    Effect.gen(function* () {
      const endless = Hostile.raw(`HTTP/1.1 200 OK\r\n${"x-more: and more\r\n".repeat(2000)}`)
      const { error, request } = yield* outcomeOf(layer, endless)
      expect(error).toMatchObject({
        _tag: "UpstreamInvalidResponse",
        status: 502,
        message: "The headers of the server's answer are too large",
      })
      expect(yield* request.end).toBe("abandoned")
    }),
  )

  it.live("speaks TLS with a server whose certificate is trusted", () =>
    Effect.gen(function* () {
      const certificate = selfSigned("127.0.0.1")
      yield* trusting(certificate)
      const server = yield* Hostile.serve(Hostile.answer({ text: "fine" }), certificate)
      const send = yield* opened(server.url, layer(server.url))
      expect(yield* send(get())).toMatchObject({ status: 200, text: "fine" })
    }),
  )

  it.live.each([
    ["is not trusted", selfSigned("127.0.0.1"), false],
    ["is another host's", selfSigned("users.example.com"), true],
    ["has run out", selfSigned("127.0.0.1", "200102000000Z"), true],
  ] as const)("is TlsFailed when the certificate %s, and sends nothing", ([_, certificate, isTrusted]) =>
    Effect.gen(function* () {
      if (isTrusted) yield* trusting(certificate)
      const server = yield* Hostile.serve(Hostile.answer({}), certificate)
      const send = yield* opened(server.url, layer(server.url))
      expect(yield* Effect.flip(send(get()))).toMatchObject({ _tag: "TlsFailed", status: 502, isRetryable: false })
      expect(server.connections()).toBe(1)
      expect(server.requests).toStrictEqual([])
    }),
  )

  it.live("is TlsFailed when the server does not speak TLS", () =>
    Effect.gen(function* () {
      const server = yield* Hostile.serve(Hostile.answer({}))
      const url = server.url.replace("http:", "https:")
      const send = yield* opened(url, layer(url))
      expect(yield* Effect.flip(send(get()))).toMatchObject({ _tag: "TlsFailed" })
      expect(server.requests).toStrictEqual([])
    }),
  )

  it.live("refuses to send what HTTP does not carry, without repeating it", () =>
    Effect.gen(function* () {
      const server = yield* Hostile.serve(Hostile.answer({}))
      const send = yield* opened(server.url, layer(server.url))
      const withToken = (value: string) => send({ ...get(), headers: { authorization: value } })
      for (const value of ["Bearer a\nb", "Bearer a\0b", "Bearer a\u007fb", "Bearer …"]) {
        expect([value, yield* Effect.flip(withToken(value))]).toMatchObject([
          value,
          {
            _tag: "UnsendableRequest",
            details: ["a header, or the token in it, has a character that HTTP does not carry"],
          },
        ])
      }
      const elsewhere = yield* opened(server.url.replace("//", "//someone:secret@"), layer(server.url))
      expect(yield* Effect.flip(elsewhere(get()))).toMatchObject({
        _tag: "UnsendableRequest",
        details: ["the server's address holds a user name or a password"],
      })
      expect(server.connections()).toBe(0)
      // Space around it is no part of a value.
      yield* withToken(" Bearer ü\tb \r\n")
      expect(server.requests.map(({ header }) => header("authorization"))).toStrictEqual(["Bearer ü\tb"])
    }),
  )

  it.live.each<[string, Hostile.Deed]>([
    ["before the answer", Hostile.hang],
    ["within the answer's headers", Hostile.hangWithinHeaders],
    ["within the answer", Hostile.hangWithinAnswer],
    ["while the answer drips", Hostile.dripForever],
  ])("ends the request at the server when it is interrupted, or its patience ends, %s", ([_, deed]) =>
    Effect.gen(function* () {
      const server = yield* Hostile.serve(deed)
      const send = yield* opened(server.url, layer(server.url))
      const sending = yield* Effect.forkChild(send(get()))
      yield* server.arrived(1)
      yield* Fiber.interrupt(sending)
      expect(yield* server.requests[0]!.end).toBe("abandoned")
      const clock = yield* TestClock.make()
      const late = new TimedOut({ cause: "late" })
      const patience = { millis: 1_000, late: () => late }
      const impatient = Effect.flip(send({ ...get(), patience })).pipe(Effect.provideService(Clock.Clock, clock))
      const waiting = yield* Effect.forkChild(impatient)
      yield* server.arrived(2)
      yield* clock.adjust("1 second")
      expect(yield* Fiber.join(waiting)).toBe(late)
      expect(yield* server.requests[1]!.end).toBe("abandoned")
    }),
  )

  it.live("never sends what is interrupted before there is a connection", () =>
    Effect.gen(function* () {
      const server = yield* Hostile.serve(Hostile.answer({}))
      const send = yield* opened(server.url, layer(server.url))
      const sending = yield* Effect.forkChild(send(get("/given-up")), { startImmediately: true })
      yield* Fiber.interrupt(sending)
      yield* send(get("/wanted"))
      expect(server.requests.map(({ path }) => path)).toStrictEqual(["/wanted"])
    }),
  )
})

describe.each([
  { name: "undici", layer: Undici.layer },
  { name: "node:http", layer: NodeHttp.layer },
])("Transport over $name, which can be told how much to take", ({ layer }) => {
  const limited = (options: Undici.Options) => (address: string) => layer(address, options)

  it.live.each<[string, Hostile.Deed, string]>([
    ["before the answer", Hostile.hang, "UND_ERR_HEADERS_TIMEOUT"],
    ["within the answer's headers", Hostile.hangWithinHeaders, "UND_ERR_HEADERS_TIMEOUT"],
    ["within the answer", Hostile.hangWithinAnswer, "UND_ERR_BODY_TIMEOUT"],
  ])("is TimedOut when the server is silent %s", ([_, deed, code]) =>
    Effect.gen(function* () {
      const { error, request } = yield* outcomeOf(limited({ silence: "300 millis" }), deed)
      expect(error).toMatchObject({ _tag: "TimedOut", status: 504, isRetryable: true, cause: { code } })
      expect(yield* request.end).toBe("abandoned")
    }),
  )

  it.live("is Unreachable when no secure connection comes about in time", () =>
    Effect.gen(function* () {
      const { port } = yield* Hostile.mute
      const url = `https://127.0.0.1:${port}`
      const send = yield* opened(url, layer(url, { connectTimeout: "300 millis" }))
      expect(yield* Effect.flip(send(get()))).toMatchObject({
        _tag: "Unreachable",
        cause: { code: "UND_ERR_CONNECT_TIMEOUT" },
      })
    }),
  )

  it.live.each([Duration.micros(1_000_500n), Duration.infinity])("can be told any duration: %s", (duration) =>
    Effect.gen(function* () {
      const options = { silence: duration, connectTimeout: duration }
      const { answer } = yield* outcomeOf(limited(options), Hostile.answer({ text: "fine" }))
      expect(answer).toMatchObject({ status: 200, text: "fine" })
    }),
  )

  it.live("makes no more connections than it may, keeps them, and lets the others wait", () =>
    Effect.gen(function* () {
      const holding = Hostile.holding((exchange) => Hostile.answer({ text: exchange.received.path })(exchange))
      // Answers none before two are there, so that two have to be under way at once.
      const server = yield* Hostile.serve((exchange) => {
        holding.deed(exchange)
        if (holding.count() === 2) holding.letGo()
      })
      const send = yield* opened(server.url, layer(server.url, { connections: 2 }))
      const paths = Array.from({ length: 8 }, (_, index) => `/${index}`)
      const answers = yield* Effect.forEach(paths, (path) => send(get(path)), { concurrency: "unbounded" })
      expect(answers.map(({ text }) => text)).toStrictEqual(paths)
      expect(server.connections()).toBe(2)
    }),
  )

  it.live("never sends what is interrupted while it waits for a connection", () =>
    Effect.gen(function* () {
      const holding = Hostile.holding(Hostile.answer({ text: "late" }))
      const server = yield* Hostile.serve(Hostile.inTurn(holding.deed, Hostile.answer({})))
      const send = yield* opened(server.url, layer(server.url, { connections: 1 }))
      const slow = yield* Effect.forkChild(send(get("/slow")))
      yield* server.arrived(1)
      const waiting = yield* Effect.forkChild(send(get("/given-up")), { startImmediately: true })
      const next = yield* Effect.forkChild(send(get("/wanted")), { startImmediately: true })
      yield* Fiber.interrupt(waiting)
      holding.letGo()
      expect(yield* Fiber.join(slow)).toMatchObject({ text: "late" })
      yield* Fiber.join(next)
      expect(server.requests.map(({ path, connection }) => [path, connection])).toStrictEqual([
        ["/slow", 0],
        ["/wanted", 0],
      ])
    }),
  )

  it.live("fails whoever waits too, where nobody listens", () =>
    Effect.gen(function* () {
      const url = `http://127.0.0.1:${yield* Hostile.vacant}`
      const send = yield* opened(url, layer(url, { connections: 1 }))
      const failing = Effect.flip(send(get()))
      const errors = yield* Effect.all([failing, failing, failing], { concurrency: "unbounded" })
      expect(errors.map(({ _tag }) => _tag)).toStrictEqual(["Unreachable", "Unreachable", "Unreachable"])
    }),
  )

  it.live("ends what is under way when it is closed", () =>
    Effect.gen(function* () {
      const server = yield* Hostile.serve(Hostile.hang)
      const closing = Effect.scoped(
        Effect.gen(function* () {
          const send = yield* opened(server.url, layer(server.url))
          const sending = yield* Effect.forkDetach(Effect.flip(send(get())))
          yield* server.arrived(1)
          return sending
        }),
      )
      const sending = yield* closing
      expect(yield* Fiber.join(sending)).toMatchObject({ _tag: "ConnectionLost" })
      expect(yield* server.requests[0]!.end).toBe("abandoned")
    }),
  )
})
