/** Requests whose heads are odd and still HTTP: methods, targets, headers, framings that a client may send. */
import { METHODS } from "node:http"
import fc from "fast-check"
import { planted } from "./answers.ts"
import { type Call, showCall } from "./calls.ts"
import { requestTargets } from "./paths.ts"

const lines = (text: string): ReadonlyArray<string> => text.trim().split(/\n */)

const method = fc.oneof(
  { weight: 8, arbitrary: fc.constantFrom("GET", "PATCH") },
  { weight: 3, arbitrary: fc.constantFrom("HEAD", "POST", "PUT", "DELETE", "OPTIONS", "TRACE") },
  { weight: 1, arbitrary: fc.constantFrom(...METHODS.filter((name) => name !== "CONNECT")) },
  {
    weight: 1,
    arbitrary: fc.constantFrom("patch", "Get", "PATCHX", "FOO", "M-FOO", "!#$%&'*+-.^_`|~", "X".repeat(300)),
  },
)

/** What a caller shows. What lets in is told by {@link allows}. */
const authorization = fc.oneof(
  { weight: 10, arbitrary: fc.constantFrom("Bearer @all@", "Bearer @reading@", "Bearer @writing@", "bEaReR   @all@") },
  {
    weight: 5,
    arbitrary: fc.constantFrom(
      ...lines(`
        @all@
        Bearer
        Bearer @revoked@
        Bearer @other@
        Bearer @all@ @all@
        Bearer @all@,
        Bearer @all@x
        xBearer @all@
        Basic @all@
        Token @all@
        Bearer: @all@
        Bearer=@all@
        "Bearer @all@"
        Bearer null
        Bearer wfu__
        Bearer @ALL@
        Bearer ${planted}
        Bearer wfu_${"0".repeat(24)}_${"0".repeat(64)}
        Bearer ${"a".repeat(5_000)}
        Digest username=x
        ,`),
      "",
      "Bearer ",
      "Bearer\t@all@",
      "Bearer \xe9\xff",
    ),
  },
)

const type = fc.oneof(
  { weight: 6, arbitrary: fc.constant("application/json") },
  {
    weight: 3,
    arbitrary: fc.constantFrom(
      ...lines(`
        application/json; charset=utf-8
        APPLICATION/JSON;
        application/json;charset=utf-16
        application/json;;;;=
        application/json, text/html
        application/jsonx
        application/merge-patch+json
        application/x-www-form-urlencoded
        multipart/form-data; boundary=x
        text/plain
        ${planted}/type
        */*
        ;`),
      "",
      "\xff/\xfe",
    ),
  },
)

const headerText = fc.oneof(
  fc.stringMatching(/^[!-~]{0,40}$/),
  fc.constantFrom("", "0", ",", ";=", '"', "a\tb", "\x80\xff", `${planted} header`, "x".repeat(3_000)),
)
const oddHeader = fc.oneof(
  fc.constantFrom(
    ...lines(`
      Expect: 100-continue
      Expect: miracles
      Expect: 100-Continue, x
      Connection: close
      Connection: keep-alive
      Connection: x, y
      Connection: Content-Length
      Upgrade: x
      TE: trailers
      Trailer: X-A
      Content-Encoding: gzip
      Content-Encoding: br, x
      Content-Type: text/plain
      Content-Language: x
      Range: bytes=0-1
      If-Match: *
      If-None-Match: *
      If-Modified-Since: never
      Accept: text/html
      Accept: ;q=x
      Accept-Encoding: br;q=0, *;q=0
      Accept-Version: 1.0.0
      Accept-Version: 2
      Webflow-Users-Fault: internal_error
      Webflow-Users-Fault: reset
      X-HTTP-Method-Override: PATCH
      X-HTTP-Method: DELETE
      X-Original-URL: /health
      X-User-Id: @id@
      X-Forwarded-For: 1, 2
      X-Forwarded-Host: evil
      Forwarded: for=_x
      Via: 1.1 x
      Max-Forwards: 0
      Host: evil
      Origin: https://evil.example
      Origin: null
      Access-Control-Request-Method: PATCH
      Sec-Fetch-Mode: cors
      Cookie: a=b; __proto__=c
      Authorization: Bearer @revoked@
      Proxy-Authorization: Basic x
      Proxy-Connection: close
      Keep-Alive: timeout=0, max=0
      Prefer: return=minimal
      __proto__: x`),
    "accept-version: ",
    "Connection: Upgrade\r\nUpgrade: websocket",
    "Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c",
  ),
  fc
    .tuple(fc.stringMatching(/^[A-Za-z!#$%&'*+.^_`|~-]{1,20}$/), headerText)
    .map(([name, content]) => `X-${name}: ${content}`),
  fc
    .tuple(fc.constantFrom("X-A", "Accept", "Cookie", "X-Forwarded-For"), fc.constantFrom(10, 100, 600))
    .map(([name, count]) => Array.from({ length: count }, (_, index) => `${name}: ${index}`).join("\r\n")),
)

const host = fc.oneof(
  { weight: 12, arbitrary: fc.constant(["Host: localhost"]) },
  {
    weight: 1,
    arbitrary: fc.constantFrom([], ["Host:"], ["Host: \xff"], ["host: a:b:c"], ["Host: ../.."], [`Host: ${planted}`]),
  },
)
const optionally = (name: string, content: fc.Arbitrary<string>, weight: number) =>
  fc.oneof(
    { weight, arbitrary: content.map((text) => [`${name}: ${text}`]) },
    { weight: 1, arbitrary: fc.constant([]) },
  )

const headers = fc
  .tuple(
    host,
    optionally("Authorization", authorization, 12),
    optionally("Content-Type", type, 8),
    fc.array(oddHeader, { maxLength: 4 }),
    fc.boolean(),
  )
  .map(([first, who, what, odd, isReversed]) => [
    ...first,
    ...(isReversed ? [...odd, ...what, ...who] : [...who, ...what, ...odd]),
  ])

const body = fc.oneof(
  { weight: 4, arbitrary: fc.constant("") },
  {
    weight: 5,
    arbitrary: fc.constantFrom("{}", '{"data":{"name":"Some One"}}', '{"accessGroups":["platinum"]}', '{"id":"@id@"}'),
  },
  {
    weight: 1,
    arbitrary: fc.constantFrom("null", "{", "\0", "name=x", `{"password":"${planted}"}`, " ".repeat(70_000)),
  },
)
const chunks = fc.option(fc.array(fc.nat(12), { maxLength: 8 }), { freq: 3, nil: undefined })

/** Requests of any head. */
export const heads: fc.Arbitrary<Call> = fc
  .record(
    {
      method,
      target: requestTargets,
      version: fc.constantFrom<Call["version"]>("1.1", "1.1", "1.1", "1.1", "1.1", "1.1", "1.0"),
      headers,
      body,
      chunks,
    },
    { noNullPrototype: true },
  )
  // Chunks came with 1.1.
  .map((call) => showCall({ ...call, chunks: call.version === "1.0" ? undefined : call.chunks }))

const allowed: Readonly<Record<string, ReadonlyArray<string>>> = {
  all: ["GET", "PATCH"],
  reading: ["GET"],
  writing: ["PATCH"],
}

/** What its token lets a request do, at most. Of several, a server takes the first. */
export const allows = (call: Call): ReadonlyArray<string> => {
  const given = call.headers.flatMap((some) => some.split("\r\n")).find((line) => /^authorization:/i.test(line))
  const token = /^Authorization: Bearer +@(\w+)@$/i.exec(given ?? "")?.[1]
  return allowed[token ?? ""] ?? []
}
