/** What is read without node:http is read as node:http reads it: the same bytes, told by both. */
import { createServer, type IncomingMessage, type ServerResponse } from "node:http"
import { connect, type AddressInfo } from "node:net"
import { text } from "node:stream/consumers"
import fc from "fast-check"
import { afterAll, beforeAll, describe, expect, it } from "vitest"
import * as PlainRequest from "../../../packages/server/src/PlainRequest.ts"

interface Told {
  readonly method: string | undefined
  readonly url: string | undefined
  readonly headers: unknown
  readonly body: string
  readonly goesOn: boolean
}

/** By the port of whom they came from, in the order in which they began. */
const heard = new Map<number | undefined, Array<Promise<Told | undefined>>>()
const server = createServer({ requireHostHeader: false }, (request, response) => {
  heard.get(request.socket.remotePort)?.push(told(request, response))
})
const told = async (request: IncomingMessage, response: ServerResponse): Promise<Told | undefined> => {
  const { method, url } = request
  // A cookie that is set, which nobody does who asks, is a list of one.
  const headers = Object.fromEntries(Object.entries(request.headers).map(([name, value]) => [name, String(value)]))
  // Where the caller hangs up in the middle of it, it was none.
  const body = await bodyOf(request).catch(() => undefined)
  response.end()
  return body === undefined ? undefined : { method, url, headers, body, goesOn: response.shouldKeepAlive }
}
const bodyOf = async (request: IncomingMessage) => {
  request.setEncoding("latin1")
  return text(request)
}
// What was whole before it is told first.
server.on("clientError", (_, socket) => setImmediate(() => socket.destroy()))
beforeAll(() => new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve)))
afterAll(() => void server.close())

/** What node:http makes of these bytes; a character is a byte. */
const byNode = async (bytes: string): Promise<ReadonlyArray<Told>> => {
  const { port } = server.address() as AddressInfo
  const socket = connect({ host: "127.0.0.1", port, localAddress: "127.0.0.1" })
  await new Promise((resolve) => socket.once("connect", resolve))
  const requests: Array<Promise<Told | undefined>> = []
  heard.set(socket.localPort, requests)
  const closed = new Promise((resolve) => socket.once("close", resolve))
  // A reset is a close as well.
  socket.on("error", () => undefined).resume()
  socket.end(bytes, "latin1")
  await closed
  heard.delete(socket.localPort)
  return (await Promise.all(requests)).filter((request) => request !== undefined)
}

const readHere = (bytes: string) => PlainRequest.read(Buffer.from(bytes, "latin1"), 0)

const asTold = ({ method, url, headers, body }: PlainRequest.PlainRequest): Told => ({
  method,
  url,
  headers: Object.fromEntries(headers),
  body: body.toString("latin1"),
  goesOn: true,
})

const update = '{"data":{"name":"Some One"}}'
const lines = (first: string, headers: ReadonlyArray<string>, body = "") =>
  `${first}\r\n${headers.map((line) => `${line}\r\n`).join("")}\r\n${body}`
const host = "Host: localhost"
const length = `Content-Length: ${update.length}`

describe("a request that is read here", () => {
  it.each([
    ["an update", lines("PATCH /v2/sites/1/users/2 HTTP/1.1", [host, length], update)],
    [
      "one whose length is not a number's shortest",
      lines("PATCH / HTTP/1.1", [host, `Content-Length: 000${update.length}`], update),
    ],
    ["one that asks", lines("GET /v2/sites/1/users?limit=3&sort=-UpdatedOn HTTP/1.1", [host])],
    ["one from a browser", lines("OPTIONS / HTTP/1.1", [host, "Origin: https://example.com"])],
    ["one that would rather go on", lines("GET / HTTP/1.1", [host, "Connection: Keep-Alive"])],
    ["one with spaces around a value", lines("GET / HTTP/1.1", ["Host:localhost", "X-A:   a b  ", "X-B:", "X-C:  "])],
  ])("is %s", async (_, bytes) => {
    const request = readHere(bytes)
    expect(request && [asTold(request)]).toEqual(await byNode(bytes))
    expect(request?.end).toBe(bytes.length)
  })
})

describe("left to node:http", () => {
  it.each([
    ["what has no body by its method", lines("HEAD / HTTP/1.1", [host])],
    ["a method that is not served", lines("DELETE / HTTP/1.1", [host])],
    ["a method in small letters", lines("get / HTTP/1.1", [host])],
    ["another version", lines("GET / HTTP/1.0", [host])],
    ["a whole URL", lines("GET http://localhost/ HTTP/1.1", [host])],
    ["a fragment", lines("GET /#a HTTP/1.1", [host])],
    ["bytes beyond ASCII in the path", lines("GET /\xe9 HTTP/1.1", [host])],
    ["bytes beyond ASCII in a header", lines("GET / HTTP/1.1", [host, "X-A: \xe9"])],
    ["a tab in a header", lines("GET / HTTP/1.1", [host, "X-A: a\tb"])],
    ["a space before a colon", lines("GET / HTTP/1.1", [host, "X-A : a"])],
    ["a header that goes on in the next line", lines("GET / HTTP/1.1", [host, "X-A: a", " b"])],
    ["lines that end with a line feed only", lines("GET / HTTP/1.1", [host]).replaceAll("\r", "")],
    ["a line that ends with a carriage return only", lines("GET / HTTP/1.1", [`${host}\rX-A: b`])],
    ["an empty line before it", `\r\n${lines("GET / HTTP/1.1", [host])}`],
    ["no host", lines("GET / HTTP/1.1", [])],
    ["two hosts", lines("GET / HTTP/1.1", [host, host])],
    ["a header twice", lines("GET / HTTP/1.1", [host, "X-A: a", "x-a: b"])],
    ["two lengths", lines("PATCH / HTTP/1.1", [host, length, length], update)],
    ["a length that is none", lines("PATCH / HTTP/1.1", [host, "Content-Length: 1e1"], update)],
    ["a length with a sign", lines("PATCH / HTTP/1.1", [host, `Content-Length: +${update.length}`], update)],
    ["a length that is empty", lines("PATCH / HTTP/1.1", [host, "Content-Length:"], update)],
    ["pieces", lines("PATCH / HTTP/1.1", [host, "Transfer-Encoding: chunked"], "2\r\n{}\r\n0\r\n\r\n")],
    ["pieces and a length", lines("PATCH / HTTP/1.1", [host, "Content-Length: 2", "Transfer-Encoding: chunked"], "{}")],
    ["who waits to be asked for the body", lines("PATCH / HTTP/1.1", [host, length, "Expect: 100-continue"], update)],
    ["another protocol", lines("GET / HTTP/1.1", [host, "Upgrade: h2c"])],
    ["what is the last", lines("GET / HTTP/1.1", [host, "Connection: close"])],
    ["what names headers of the connection", lines("GET / HTTP/1.1", [host, "Connection: keep-alive, te"])],
    ["who would take headers behind a body", lines("GET / HTTP/1.1", [host, "TE: trailers"])],
    ["headers that are to come behind the body", lines("PATCH / HTTP/1.1", [host, length, "Trailer: X-A"], update)],
    ["what is the last, said to a proxy", lines("GET / HTTP/1.1", [host, "Proxy-Connection: close"])],
    ["a long head", lines("GET / HTTP/1.1", [host, `X-A: ${"a".repeat(4_096)}`])],
    ["a head that has not come", lines("GET / HTTP/1.1", [host]).slice(0, -1)],
    ["a body that has not come", lines("PATCH / HTTP/1.1", [host, length], update).slice(0, -1)],
  ])("is %s", (_, bytes) => {
    expect(readHere(bytes)).toBeUndefined()
  })
})

// A head of nothing but spaces that took long would be all that it takes to keep the server from everybody else.
it("is found to be none in no time, whatever there is much of", { timeout: 20_000 }, () => {
  const heads = [" ", "a", ":", "a:", "\r\n"].map((much) =>
    lines("GET / HTTP/1.1", [host, `X-A:${much.repeat(4_000)}`]).replace("\r\n\r\n", "\t\r\n\r\n"),
  )
  for (let each = 0; each < 3_000; each += 1) for (const head of heads) expect(readHere(head)).toBeUndefined()
})

const oneOf = (...values: ReadonlyArray<string>) => fc.constantFrom(...values)
const mostly = (usual: string, ...others: ReadonlyArray<string>) =>
  fc.oneof({ weight: 12, arbitrary: fc.constant(usual) }, { weight: 1, arbitrary: oneOf(...others) })
const anyByte = fc.integer({ min: 0, max: 255 }).map((byte) => String.fromCharCode(byte))
const word = fc.oneof(
  oneOf(
    "a",
    "localhost",
    "keep-alive",
    "close",
    "chunked",
    "5",
    "0",
    "",
    "h2c",
    "a, b",
    "a;q=1",
    '"a"',
    "100-continue",
  ),
  fc.string({ maxLength: 6, unit: anyByte }),
)
const name = fc.oneof(
  oneOf("X-A", "x-a", "X_B", "Accept", "Cookie", "Authorization", "Content-Type", "Connection", "Upgrade", "Expect"),
  oneOf(
    "TE",
    "Trailer",
    "Transfer-Encoding",
    "Content-Length",
    "Host",
    "constructor",
    "Keep-Alive",
    "Set-Cookie",
    "Proxy-Connection",
  ),
  fc.string({ maxLength: 4, unit: anyByte }),
)
const header = fc
  .tuple(name, mostly(": ", ":", ":  ", " : ", ":\t"), word, mostly("", " ", "\t"), mostly("\r\n", "\n", "\r", ""))
  .map((parts) => parts.join(""))
const body = oneOf("", "{}", update, "x".repeat(100), "0\r\n\r\n")
const message = fc
  .tuple(
    mostly("PATCH", "GET", "OPTIONS", "HEAD", "POST", "patch", "PATCHX", ""),
    mostly(" ", "  ", "\t"),
    fc.oneof(
      oneOf("/", "/v2/sites/1/users/2?a=%20&b[]=1", "/a;b=c,d:e@f", "*", "//a"),
      fc.string({ maxLength: 6, unit: anyByte }).map((path) => `/${path}`),
    ),
    mostly(" HTTP/1.1\r\n", " HTTP/1.0\r\n", " HTTP/2.0\r\n", " http/1.1\r\n", "\r\n", " HTTP/1.1\n", " HTTP/1.1 \r\n"),
    mostly("Host: localhost\r\n", "", "host:a\r\n", "Host: \r\n"),
    fc.array(header, { maxLength: 3 }),
    body,
    fc.oneof({ weight: 8, arbitrary: fc.constant(0) }, { weight: 1, arbitrary: fc.integer({ min: -3, max: 3 }) }),
    fc.boolean(),
  )
  .map(([method, space, path, version, hostLine, headers, content, wrongBy, isFramed]) => {
    const framing = isFramed ? `Content-Length: ${content.length + wrongBy}\r\n` : ""
    return `${method}${space}${path}${version}${hostLine}${headers.join("")}${framing}\r\n${isFramed ? content : ""}`
  })
const damaged = fc
  .tuple(fc.array(message, { minLength: 1, maxLength: 3 }), fc.option(fc.tuple(fc.nat(), anyByte), { freq: 3 }))
  .map(([messages, damage]) => {
    const bytes = messages.join("")
    if (damage === null) return bytes
    const at = damage[0] % bytes.length
    return bytes.slice(0, at) + damage[1] + bytes.slice(at + 1)
  })

it("tells of whatever bytes what node:http tells of them, or nothing", { timeout: 60_000 }, async () => {
  let readOnes = 0
  await fc.assert(
    fc.asyncProperty(damaged, async (bytes) => {
      const request = readHere(bytes)
      if (request === undefined) return
      readOnes += 1
      const [all, rest] = await Promise.all([byNode(bytes), byNode(bytes.slice(request.end))])
      expect([asTold(request), ...rest]).toEqual(all)
    }),
    { numRuns: 20_000 },
  )
  // It would say nothing if it were never read here.
  expect(readOnes).toBeGreaterThan(1_000)
})
