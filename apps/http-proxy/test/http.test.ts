/** What callers get for requests that are wrong, on a real socket: always the envelope, never a change. */
import { mkdtemp, rm } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { AccessTokens, parseSiteId, type SiteId, type User, UserEvents, UserId, UserStore } from "@webflow-users/core"
import { afterAll, beforeAll, describe, expect, it } from "vitest"
import { start } from "./proxy.ts"
import { type Answer, dial, request } from "./raw.ts"

const siteId = parseSiteId("580e63e98c9a982ac9b8b741") as SiteId
const otherSiteId = parseSiteId("580e63e98c9a982ac9b8b742") as SiteId

const member = (index: number): User => ({
  id: UserId.make(`6287ec36a841b25637c6${(0x4000 + index).toString(16)}`),
  isEmailVerified: true,
  lastUpdated: "2024-05-20T13:46:12.093Z",
  createdOn: "2024-01-02T03:04:05.000Z",
  status: "verified",
  accessGroups: [{ slug: "webflowers", type: "admin" }],
  data: { name: `Member ${index}`, email: `member${index}@example.com`, "accept-privacy": true },
})

/** Nothing may change these. */
const users = [member(0), member(1)]
/** These may be updated. */
const others = Array.from({ length: 12 }, (_, index) => member(index + 2))
const [user] = users as [User]

let folder: string
let proxy: Awaited<ReturnType<typeof start>>
const tokens = { all: "", reading: "", writing: "", revoked: "", otherSite: "" }
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "webflow-users-http-"))
  proxy = await start(`file:${folder}/users.db`, { id: siteId, users: [...users, ...others] })
  tokens.all = await proxy.token()
  tokens.reading = await proxy.token(siteId, ["users:read"])
  tokens.writing = await proxy.token(siteId, ["users:write"])
  tokens.otherSite = await proxy.token(otherSiteId)
  tokens.revoked = await proxy.token()
  await proxy.run(AccessTokens.AccessTokens.use((service) => service.revoke(idOf(tokens.revoked))))
})
afterAll(async () => {
  await proxy.stop()
  await rm(folder, { recursive: true })
})

const idOf = (token: string): string => token.split("_")[1] ?? ""

const events = (of: User) => proxy.run(UserEvents.use((service) => service.ofUser(siteId, of.id)))

const expectUnchanged = async () => {
  const kept = await Promise.all(
    users.map(({ id }) => proxy.run(UserStore.UserStore.use((store) => store.get(siteId, id)))),
  )
  expect({ kept, events: (await Promise.all(users.map(events))).flat() }).toEqual({ kept: users, events: [] })
}

/** Where the change is asked for that no request of these tables may make. */
const path = `/v2/sites/${siteId}/users/${user.id}`
const change = JSON.stringify({ data: { name: "Changed" } })
const authorized = () => [`Authorization: Bearer ${tokens.all}`]
const asJson = () => [...authorized(), "Content-Type: application/json"]
const patch = (headers: ReadonlyArray<string>, body = change) => request(`PATCH ${path}`, headers, body)
const get = (target: string) => request(`GET ${target}`, authorized())

interface Expected {
  readonly status: number
  readonly code: string
  readonly message: string
  readonly details?: ReadonlyArray<unknown>
}

const expectEnvelope = (answer: Answer | undefined, { status, code, message, details = [] }: Expected) => {
  expect({
    status: answer?.status,
    type: answer?.headers["content-type"],
    body: JSON.parse(answer?.body ?? "null") as unknown,
  }).toEqual({
    status,
    type: "application/json; charset=utf-8",
    body: { code, message, externalReference: null, details },
  })
}

/** A request, and the answer to it. It is made when it is sent: by then there are tokens. */
type Row = readonly [name: string, make: () => string | Uint8Array, expected: Expected]

/** The requests are answered, and the connection serves the next one. */
const serves = (rows: ReadonlyArray<Row>) =>
  it.each(rows)("%s", async (_, make, expected) => {
    using connection = await dial(proxy.origin)
    connection.send(make())
    expectEnvelope(await connection.next(), expected)
    connection.send(request("GET /health"))
    expect(await connection.next()).toMatchObject({ status: 200, body: '{"status":"ok"}' })
    await expectUnchanged()
  })

/** The requests are answered, once, and the connection is closed: what follows on it cannot be told apart. */
const refuses = (rows: ReadonlyArray<Row>) =>
  it.each(rows)("%s", async (_, make, expected) => {
    using connection = await dial(proxy.origin)
    connection.send(make())
    const answer = await connection.next()
    expectEnvelope(answer, expected)
    expect(answer?.headers["connection"]).toBe("close")
    await connection.closed
    expect(connection.rest()).toBe("")
    await expectUnchanged()
  })

const missingScope = (scope: string): Expected => ({
  status: 403,
  code: "missing_scopes",
  message: `OAuthForbidden: You are missing the following scopes - '${scope}'`,
})

describe("who asks", () => {
  const unauthorized: Expected = { status: 401, code: "not_authorized", message: "Request not authorized" }
  const withAuthorization = (name: string, value: () => string): Row => [
    name,
    () => patch([`Authorization: ${value()}`, "Content-Type: application/json"]),
    unauthorized,
  ]
  const notThisSite: Expected = { status: 403, code: "forbidden", message: "The token is not for this site" }

  serves([
    ["without a token", () => patch(["Content-Type: application/json"]), unauthorized],
    withAuthorization("with an empty header", () => ""),
    withAuthorization("with no more than the scheme", () => "Bearer"),
    withAuthorization("with a token and no scheme", () => tokens.all),
    withAuthorization("with another scheme", () => `Basic ${Buffer.from(`user:${tokens.all}`).toString("base64")}`),
    withAuthorization("with two tokens", () => `Bearer ${tokens.all} ${tokens.all}`),
    withAuthorization("with a token and more", () => `Bearer ${tokens.all}0`),
    withAuthorization("with a token in capital letters", () => `Bearer ${tokens.all.toUpperCase()}`),
    withAuthorization("with a token nobody issued", () => `Bearer wfu_${"0".repeat(24)}_${"0".repeat(64)}`),
    withAuthorization("with the id of one token and the rest of another", () => {
      const [, , secret] = tokens.all.split("_")
      return `Bearer wfu_${idOf(tokens.writing)}_${secret}`
    }),
    withAuthorization("with a token that was revoked", () => `Bearer ${tokens.revoked}`),
    ["with a token in the query", () => request(`GET ${path}?access_token=${tokens.all}`), unauthorized],
    [
      "with a second Authorization that would do",
      () => patch(["Authorization: Bearer x", `Authorization: Bearer ${tokens.all}`, "Content-Type: application/json"]),
      unauthorized,
    ],
    ["for a site id that is none, without a token", () => request("GET /v2/sites/nonsense/users", []), unauthorized],
    [
      "to write, with a token for reading",
      () => patch([`Authorization: Bearer ${tokens.reading}`, "Content-Type: application/json"]),
      missingScope("users:write"),
    ],
    [
      "to read a user, with a token for writing",
      () => request(`GET ${path}`, [`Authorization: Bearer ${tokens.writing}`]),
      missingScope("users:read"),
    ],
    [
      "to list users, with a token for writing",
      () => request(`GET /v2/sites/${siteId}/users`, [`Authorization: Bearer ${tokens.writing}`]),
      missingScope("users:read"),
    ],
    [
      "to list groups, with a token for writing",
      () => request(`GET /v2/sites/${siteId}/accessgroups`, [`Authorization: Bearer ${tokens.writing}`]),
      missingScope("users:read"),
    ],
    [
      "to write, with another site's token",
      () => patch([`Authorization: Bearer ${tokens.otherSite}`, "Content-Type: application/json"]),
      notThisSite,
    ],
    [
      "to read, with another site's token",
      () => request(`GET ${path}`, [`Authorization: Bearer ${tokens.otherSite}`]),
      notThisSite,
    ],
  ])

  it("says that a bearer token is wanted", async () => {
    const response = await fetch(proxy.origin + path)
    expect(response.headers.get("www-authenticate")).toBe("Bearer")
  })

  it("reads the scheme in any letter case", async () => {
    const response = await fetch(proxy.origin + path, { headers: { authorization: `bearer ${tokens.all}` } })
    expect(response.status).toBe(200)
  })
})

const noId = (param: string): Expected => ({
  status: 400,
  code: "validation_error",
  message: "Validation Error: Provided ID is invalid",
  details: [{ param, description: "must be 24 hexadecimal characters" }],
})

describe("where to", () => {
  const nowhere: Expected = {
    status: 404,
    code: "resource_not_found",
    message: "Requested resource not found: The path cannot be found",
  }
  const encoded = `%${user.id.charCodeAt(0).toString(16)}${user.id.slice(1)}`
  const at =
    (expected: Expected) =>
    (target: string): Row => [`${target.slice(0, 60)}`, () => get(target), expected]

  describe("is no path of the contract", () => {
    serves(
      [
        "/",
        "/v2",
        "/v2/sites",
        `/v2/sites/${siteId}`,
        `/v2/sites/${siteId}/`,
        `/v2/sites/${siteId}/users/`,
        `${path}/`,
        `${path}/x`,
        `/${path}`,
        `/v2/${path}`,
        `/v2/sites//users/${user.id}`,
        `/v2//sites/${siteId}/users/${user.id}`,
        `/v2/../v2/sites/${siteId}/users/${user.id}`,
        `/v2/sites/${siteId}/../${siteId}/users/${user.id}`,
        `/v2/sites/${siteId}/users/./${user.id}`,
        `/v2/sites/${siteId}%2Fusers%2F${user.id}`,
        `/v3/sites/${siteId}/users/${user.id}`,
        `/V2/sites/${siteId}/users/${user.id}`,
        `/v2/Sites/${siteId}/Users/${user.id}`,
        "/health/",
        "http://localhost",
      ].map(at(nowhere)),
    )
  })

  describe("is a site or user id that is none", () => {
    serves([
      ...[
        "..",
        "x",
        user.id.slice(1),
        `${user.id}0`,
        `${user.id.slice(1)}g`,
        encoded,
        "%00",
        "%",
        "%c3%a9",
        "..%2f..%2f",
      ]
        .map((id) => `/v2/sites/${siteId}/users/${id}`)
        .map(at(noId("user_id"))),
      ...["..", "x", "%2e%2e"].map((id) => `/v2/sites/${id}/users/${user.id}`).map(at(noId("site_id"))),
    ])
  })

  describe("answers a method it has not with those it has", () => {
    const notAllowed: Expected = { status: 405, code: "bad_request", message: "Method not allowed" }
    it.each([
      ["POST", path, "PATCH, GET"],
      ["PUT", path, "PATCH, GET"],
      ["DELETE", path, "PATCH, GET"],
      ["OPTIONS", path, "PATCH, GET"],
      ["HEAD", path, "PATCH, GET"],
      ["TRACE", path, "PATCH, GET"],
      ["PATCH", `/v2/sites/${siteId}/users`, "GET"],
      ["HEAD", `/v2/sites/${siteId}/users`, "GET"],
      ["POST", `/v2/sites/${siteId}/accessgroups`, "GET"],
      ["POST", "/health", "GET, HEAD"],
    ])("%s %s", async (method, target, allow) => {
      using connection = await dial(proxy.origin)
      connection.send(request(`${method} ${target}`, asJson(), method === "HEAD" ? "" : change))
      const answer = await connection.next(method)
      expect(answer?.headers["allow"]).toBe(allow)
      if (method === "HEAD") expect(answer).toMatchObject({ status: 405, body: "" })
      else expectEnvelope(answer, notAllowed)
      connection.send(request("GET /health"))
      expect(await connection.next()).toMatchObject({ status: 200 })
      await expectUnchanged()
    })

    it("CONNECT, which asks for a tunnel", async () => {
      using connection = await dial(proxy.origin)
      connection.send(request("CONNECT example.com:443"))
      const answer = await connection.next()
      expectEnvelope(answer, notAllowed)
      expect(answer?.headers).toMatchObject({ allow: "GET, PATCH", connection: "close" })
      await connection.closed
    })
  })

  it("is found in a whole URL too, as a client sends it that talks to a proxy", async () => {
    using connection = await dial(proxy.origin)
    connection.send(get(`${proxy.origin}${path}`))
    expect(JSON.parse((await connection.next())?.body ?? "null")).toEqual(user)
  })

  it("finds the same under every prefix, ids in either letter case", async () => {
    for (const prefix of ["/v2", "/beta", ""]) {
      const target = `${prefix}/sites/${siteId.toUpperCase()}/users/${user.id.toUpperCase()}`
      const response = await fetch(proxy.origin + target, { headers: { authorization: `Bearer ${tokens.all}` } })
      expect(await response.json()).toEqual(user)
    }
  })
})

const listRow = (query: string, ...details: ReadonlyArray<readonly [param: string, description: string]>): Row => [
  query,
  () => get(`/v2/sites/${siteId}/users?${query}`),
  {
    status: 400,
    code: "validation_error",
    message: "Validation Error",
    details: details.map(([param, description]) => ({ param, description })),
  },
]

describe("what is asked of a list", () => {
  const limit = ["limit", "must be a whole number from 1 to 100"] as const
  const offset = ["offset", "must be a whole number of at least 0"] as const
  const sort = [
    "sort",
    "must be one of CreatedOn, -CreatedOn, Email, -Email, Status, -Status, LastLogin, -LastLogin, UpdatedOn, -UpdatedOn",
  ] as const
  serves([
    listRow("limit=0", limit),
    listRow("limit=101", limit),
    listRow("limit=-1", limit),
    listRow("limit=ten", limit),
    listRow("limit=1.5", limit),
    listRow("limit=%001", limit),
    listRow("offset=-1", offset),
    listRow("offset=99999999999999999999", offset),
    listRow("sort=Name", sort),
    listRow("sort=__proto__", sort),
    listRow("offset=x&limit=x&sort=x", offset, limit, sort),
    [
      "limit=0 of groups",
      () => get(`/v2/sites/${siteId}/accessgroups?limit=0`),
      {
        status: 400,
        code: "validation_error",
        message: "Validation Error",
        details: [{ param: limit[0], description: limit[1] }],
      },
    ],
    [
      "sort=Email of groups",
      () => get(`/v2/sites/${siteId}/accessgroups?sort=Email`),
      {
        status: 400,
        code: "validation_error",
        message: "Validation Error",
        details: [{ param: "sort", description: "must be one of CreatedOn, -CreatedOn" }],
      },
    ],
  ])

  it("gives a page of users and of groups", async () => {
    const headers = { authorization: `Bearer ${tokens.all}` }
    const read = async (target: string): Promise<unknown> =>
      await (await fetch(`${proxy.origin}/v2/sites/${siteId}/${target}`, { headers })).json()
    expect(await read("users?offset=1&limit=1&sort=Email")).toMatchObject({
      users: [{ data: { email: "member10@example.com" } }],
      count: 1,
      limit: 1,
      offset: 1,
      total: users.length + others.length,
    })
    expect(await read("users?limit=&sort=")).toMatchObject({ count: 10, limit: 10, offset: 0 })
    for (const query of ["", "?sort=&offset=&limit=", "?sort=CreatedOn", "?sort=-CreatedOn"]) {
      expect(await read(`accessgroups${query}`)).toMatchObject({ count: 1, limit: 10, offset: 0, total: 1 })
    }
    expect(await read("accessgroups")).toMatchObject({
      accessGroups: [{ slug: "webflowers", name: "Webflowers" }],
      count: 1,
      total: 1,
    })
  })
})

const padded = (length: number) => change.padEnd(length)

/** A body as chunks of a size. */
const chunked = (body: string, size: number) => {
  const parts = Array.from({ length: Math.ceil(body.length / size) }, (_, index) =>
    body.slice(index * size, (index + 1) * size),
  )
  return [...parts, ""].map((part) => `${part.length.toString(16)}\r\n${part}\r\n`).join("")
}

const json = (name: string, body: string, expected: Expected): Row => [name, () => patch(asJson(), body), expected]

const bytes = (name: string, body: Uint8Array, expected: Expected): Row => [
  name,
  () => Buffer.concat([Buffer.from(patch([...asJson(), `Content-Length: ${body.length}`], "")), body]),
  expected,
]

const badRequest = (message: string): Expected => ({ status: 400, code: "bad_request", message })

describe("the body", () => {
  const wrongType = badRequest("The content-type has to be application/json")
  const notJson = badRequest("The body is not valid JSON")
  const notUtf8 = badRequest("The body is not valid UTF-8")
  const tooDeep = badRequest("The body is nested more than 32 levels deep")
  const typed = (type: string): Row => [type, () => patch([...authorized(), `Content-Type: ${type}`]), wrongType]

  describe("of a type that is not JSON", () => {
    serves([
      ["none", () => patch(authorized()), wrongType],
      ...["text/plain", "text/json", "application/jsonx", "application/json-patch+json", "application/*", "json"].map(
        typed,
      ),
      ...["application/x-www-form-urlencoded", "multipart/form-data; boundary=x", "application/ json"].map(typed),
    ])
  })

  describe("that is not JSON, or not readable", () => {
    serves([
      json("an object that does not end", '{"data":{"name":"Changed"}', notJson),
      json("a comma too many", '{"data":{"name":"Changed"},}', notJson),
      json("two values", `${change}${change}`, notJson),
      json("a form", "name=Changed", notJson),
      json("a comment", `${change} // x`, notJson),
      json("a raw NUL", `${change}\0`, notJson),
      json("a million brackets that do not close", "[".repeat(1024 * 1024), notJson),
      bytes("bytes that are no UTF-8", Buffer.from([0x7b, 0xff, 0xfe, 0x7d]), notUtf8),
      bytes("a character cut in two", Buffer.from('{"data":{"name":"é"}}').subarray(0, 18), notUtf8),
      bytes("UTF-16", Buffer.from(`\ufeff${change}`, "utf16le"), notUtf8),
      json("33 levels", `${'{"a":'.repeat(33)}1${"}".repeat(33)}`, tooDeep),
      json("half a million levels", `${"[".repeat(500_000)}${"]".repeat(500_000)}`, tooDeep),
    ])
  })

  describe("that is too large", () => {
    const limit = 1024 * 1024
    const tooLarge: Expected = {
      status: 413,
      code: "bad_request",
      message: `Request body too large: at most ${limit} bytes are read`,
    }
    serves([
      json("by one byte", padded(limit + 1), tooLarge),
      json("ten times", padded(10 * limit), tooLarge),
      [
        "by one byte, in chunks",
        () => patch([...asJson(), "Transfer-Encoding: chunked"], chunked(padded(limit + 1), 65_536)),
        tooLarge,
      ],
      [
        "ten times, in chunks",
        () => patch([...asJson(), "Transfer-Encoding: chunked"], chunked(padded(10 * limit), 65_536)),
        tooLarge,
      ],
    ])

    it("is told before it has come", async () => {
      using connection = await dial(proxy.origin)
      connection.send(patch([...asJson(), "Content-Length: 1000000000000"], "{"))
      expectEnvelope(await connection.next(), tooLarge)
      await expectUnchanged()
    })

    it("is read up to the limit, whole and in chunks", async () => {
      using connection = await dial(proxy.origin)
      const target = `PATCH /v2/sites/${siteId}/users/${others[0]?.id}`
      connection.send(request(target, asJson(), padded(limit)))
      expect(await connection.next()).toMatchObject({ status: 200 })
      connection.send(request(target, [...asJson(), "Transfer-Encoding: chunked"], chunked(padded(limit), 1_000)))
      expect(await connection.next()).toMatchObject({ status: 200 })
    })
  })

  it.each([
    ["nothing, of no type", []],
    ["nothing, said to be JSON", ["Content-Type: application/json", "Content-Length: 0"]],
    ["nothing, said to be text", ["Content-Type: text/plain", "Content-Length: 0"]],
    ["nothing, in chunks", ["Content-Type: application/json", "Transfer-Encoding: chunked"], "0\r\n\r\n"],
    ["blanks", ["Content-Type: application/json"], " \r\n "],
    ["an empty object", ["Content-Type: application/json"], "{}"],
  ])("may be %s: that touches the user", async (_, headers, body = "") => {
    const touched = others[1] as User
    const { id } = touched
    const before = await proxy.run(UserStore.UserStore.use((store) => store.get(siteId, id)))
    using connection = await dial(proxy.origin)
    connection.send(request(`PATCH /v2/sites/${siteId}/users/${id}`, [...authorized(), ...headers], body))
    const answer = await connection.next()
    const after = JSON.parse(answer?.body ?? "null") as User
    expect({ status: answer?.status, after }).toEqual({
      status: 200,
      after: { ...touched, lastUpdated: expect.any(String) },
    })
    expect(String(after.lastUpdated) > String(before.lastUpdated)).toBe(true)
  })

  it.each([
    "application/json",
    "Application/JSON",
    "application/json;charset=utf-8",
    "application/json ; charset=UTF-8",
  ])("may be of type %s", async (type) => {
    const response = await fetch(`${proxy.origin}/v2/sites/${siteId}/users/${others[2]?.id}`, {
      method: "PATCH",
      headers: { authorization: `Bearer ${tokens.all}`, "content-type": type },
      body: change,
    })
    expect(response.status).toBe(200)
  })
})

/** A second request where a lenient reader would see a part of the first one's body. */
const smuggled = () => patch(asJson())

describe("what is not HTTP as it should be", () => {
  const invalid: Expected = { status: 400, code: "bad_request", message: "The request is not valid HTTP" }
  const tooMuchHead: Expected = { status: 431, code: "bad_request", message: "The request's headers are too large" }

  const coding: Expected = {
    status: 400,
    code: "bad_request",
    message: "A request's Transfer-Encoding has to end with chunked",
  }
  const twoHosts: Expected = {
    status: 400,
    code: "bad_request",
    message: "A request has one Host header, and this one has several",
  }

  describe("is refused", () => {
    refuses([
      ["words", () => "hello\r\n\r\n", invalid],
      ["TLS", () => Buffer.from("16030100f1010000ed0303", "hex"), invalid],
      ["a method nobody knows", () => request(`BREW ${path}`, asJson(), change), invalid],
      ["a method in small letters", () => request(`patch ${path}`, asJson(), change), invalid],
      ["a version nobody knows", () => patch(asJson()).replace("HTTP/1.1", "HTTP/9.9"), invalid],
      ["HTTP/2 without an agreement", () => "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", invalid],
      ["a header without a name", () => patch([...asJson(), ": x"]), invalid],
      ["a blank before the colon", () => patch([...asJson(), "X-A : x"]), invalid],
      ["a NUL in a header", () => patch([...asJson(), "X-A: a\0b"]), invalid],
      ["a lone CR in a header", () => patch([...asJson(), "X-A: a\rb"]), invalid],
      ["a length that is no number", () => patch([...asJson(), "Content-Length: +26"]), invalid],
      ["a negative length", () => patch([...asJson(), "Content-Length: -1"]), invalid],
      ["two lengths", () => patch([...asJson(), "Content-Length: 5", "Content-Length: 26"]), invalid],
      ["two lengths in one", () => patch([...asJson(), "Content-Length: 26, 26"]), invalid],
      [
        "a length and chunks",
        () => patch([...asJson(), "Content-Length: 4", "Transfer-Encoding: chunked"], `0\r\n\r\n${smuggled()}`),
        invalid,
      ],
      [
        "an encoding that does not end with chunks",
        () => patch([...asJson(), "Transfer-Encoding: chunked, identity"], `0\r\n\r\n${smuggled()}`),
        invalid,
      ],
      ["a chunk of no length", () => patch([...asJson(), "Transfer-Encoding: chunked"], `x\r\n${change}`), invalid],
      [
        "a chunk longer than it says",
        () => patch([...asJson(), "Transfer-Encoding: chunked"], `1\r\n${change}\r\n0\r\n\r\n`),
        invalid,
      ],
      [
        "another encoding, without a body",
        () => request(`GET ${path}`, [...authorized(), "Transfer-Encoding: xchunked"]),
        coding,
      ],
      [
        "another encoding, and more behind it",
        () => request("GET /health", ["Transfer-Encoding: identity"]) + smuggled(),
        coding,
      ],
      ["two hosts", () => patch([...asJson(), "Host: example.com"]), twoHosts],
      ["the same host twice", () => patch([...asJson(), "host: localhost"]), twoHosts],
      ["two hosts, of HTTP/1.0", () => patch([...asJson(), "HOST: b"]).replace("HTTP/1.1", "HTTP/1.0"), twoHosts],
      ["two hosts, and more behind them", () => patch([...asJson(), "Host: b"]) + smuggled(), twoHosts],
      ["a header of 20 kB", () => patch([...asJson(), `X-A: ${"x".repeat(20_000)}`]), tooMuchHead],
      [
        "a thousand headers",
        () => patch([...asJson(), ...Array<string>(1_000).fill("X-A: 0123456789abc")]),
        tooMuchHead,
      ],
      ["a path of 20 kB", () => get(`/${"x".repeat(20_000)}`), tooMuchHead],
      ["a header that does not end", () => patch([...asJson(), `X-A: ${"x".repeat(2_000_000)}`]), tooMuchHead],
    ])
  })

  describe("is told what it lacks", () => {
    serves([
      [
        "a request without Host",
        () => patch(asJson()).replace("Host: localhost\r\n", ""),
        { status: 400, code: "bad_request", message: "A request needs a Host header" },
      ],
    ])
  })

  it.each([
    ["a request of HTTP/1.0 without Host", () => get(path).replace("HTTP/1.1\r\nHost: localhost", "HTTP/1.0")],
    [
      "a request that would rather talk WebSocket",
      () => request(`GET ${path}`, [...authorized(), "Connection: Upgrade", "Upgrade: websocket"]),
    ],
    ["a request that expects what nobody knows", () => request(`GET ${path}`, [...authorized(), "Expect: miracles"])],
    ["a request after empty lines", () => `\r\n\r\n${get(path)}`],
  ])("answers %s", async (_, make) => {
    using connection = await dial(proxy.origin)
    connection.send(make())
    const answer = await connection.next()
    expect({ status: answer?.status, user: JSON.parse(answer?.body ?? "null") as unknown }).toEqual({
      status: 200,
      user,
    })
  })

  it("ends the connection with the answer to a request that would rather talk another protocol", async () => {
    using connection = await dial(proxy.origin)
    connection.send(request(`GET ${path}`, [...authorized(), "Connection: Upgrade", "Upgrade: h2c"]))
    const answer = await connection.next()
    expect([answer?.status, answer?.headers["connection"]]).toEqual([200, "close"])
    await connection.closed
  })

  it("asks for the body of a caller that waits to be asked", async () => {
    using connection = await dial(proxy.origin)
    const target = `PATCH /v2/sites/${siteId}/users/${others[3]?.id}`
    connection.send(request(target, [...asJson(), `Content-Length: ${change.length}`, "Expect: 100-continue"]))
    expect(await connection.next()).toMatchObject({ status: 100 })
    connection.send(change)
    expect(await connection.next()).toMatchObject({ status: 200 })
  })
})

describe("health", () => {
  it("is told to everyone, with any query", async () => {
    for (const query of ["", "?from=balancer"]) {
      const response = await fetch(`${proxy.origin}/health${query}`)
      expect({ status: response.status, body: await response.json() }).toEqual({ status: 200, body: { status: "ok" } })
      expect(response.headers.get("cache-control")).toBe("no-store")
      const head = await fetch(`${proxy.origin}/health${query}`, { method: "HEAD" })
      expect({ status: head.status, body: await head.text() }).toEqual({ status: 200, body: "" })
    }
  })
})

describe("the record", () => {
  it("says by which token each update was made, and holds none for a refused one", async () => {
    const updated = others[4] as User
    const update = async (token: string, body: string) => {
      const headers = { authorization: `Bearer ${token}`, "content-type": "application/json" }
      const target = `${proxy.origin}/v2/sites/${siteId}/users/${updated.id}`
      return (await fetch(target, { method: "PATCH", headers, body })).status
    }
    expect(await update(tokens.all, change)).toBe(200)
    expect(await update(tokens.all, '{"data":{"name":5}}')).toBe(400)
    expect(await update(tokens.reading, change)).toBe(403)
    expect(await update(tokens.writing, '{"data":{"name":"Again"}}')).toBe(200)

    const record = await events(updated)
    expect(record.map(({ actor, before, after }) => [actor, before.data.name, after.data.name])).toEqual([
      [`token:${idOf(tokens.all)}`, updated.data.name, "Changed"],
      [`token:${idOf(tokens.writing)}`, "Changed", "Again"],
    ])
  })
})
