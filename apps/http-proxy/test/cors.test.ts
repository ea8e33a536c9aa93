/** What the proxy tells browsers: which pages may call, which may not, and what they may read. */
import { mkdtemp, rm } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { parseSiteId, type SiteId, type User, UserId } from "@webflow-users/core"
import { afterAll, beforeAll, describe, expect, it } from "vitest"
import { open } from "./proxy.ts"
import { dial } from "./raw.ts"
import * as Spawned from "./spawned.ts"

const siteId = parseSiteId("580e63e98c9a982ac9b8b741") as SiteId
const user: User = {
  id: UserId.make("6287ec36a841b25637c663d0"),
  lastUpdated: "2024-05-20T13:46:12.093Z",
  accessGroups: [],
  data: { name: "Ada", email: "ada@example.com" },
}
const userPath = `/sites/${siteId}/users/${user.id}`
const listed = "https://www.example.com"
const other = "https://example.com"
const exposed = "X-RateLimit-Limit, X-RateLimit-Remaining, Retry-After, X-Request-Id"

let folder: string
let store: string
let token: string
let limited: string
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "webflow-users-cors-"))
  store = `file:${folder}/users.db`
  await using before = open(store)
  await before.add({ id: siteId, users: [user] })
  token = await before.token(siteId)
  limited = await before.token(siteId, ["users:read"], 1)
})
afterAll(() => rm(folder, { recursive: true }))

/** What of an answer concerns browsers. */
const corsOf = ({ headers }: Response) =>
  Object.fromEntries([...headers].filter(([name]) => name.startsWith("access-control-") || name === "vary"))

const preflight = (origin: string, path: string, from: string, method = "PATCH") =>
  fetch(origin + path, {
    method: "OPTIONS",
    headers: {
      origin: from,
      "access-control-request-method": method,
      "access-control-request-headers": "authorization,content-type",
    },
  })

describe("where no origin is named", () => {
  it("nothing is told to browsers", async () => {
    await using proxy = await Spawned.start(store)
    const asked = await preflight(proxy.origin, `/v2${userPath}`, listed)
    expect([asked.status, asked.headers.get("allow"), corsOf(asked)]).toEqual([405, "PATCH, GET", {}])
    const read = await fetch(`${proxy.origin}/v2${userPath}`, {
      headers: { origin: listed, authorization: `Bearer ${token}` },
    })
    expect([read.status, corsOf(read)]).toEqual([200, {}])
  })
})

describe("where origins are named", () => {
  let proxy: Awaited<ReturnType<typeof Spawned.start>>
  beforeAll(async () => {
    proxy = await Spawned.start(store, { args: ["--cors-origin", listed, "--cors-origin", "http://localhost:3000"] })
  })
  afterAll(() => proxy[Symbol.asyncDispose]())

  const allowed = {
    "access-control-allow-origin": listed,
    "access-control-expose-headers": exposed,
  }

  it.each([
    [`/v2${userPath}`, "PATCH, GET"],
    [`/beta${userPath}`, "PATCH, GET"],
    [userPath, "PATCH, GET"],
    [`/v2/sites/${siteId}/users?limit=5`, "GET"],
    [`/v2/sites/${siteId}/accessgroups`, "GET"],
  ])("a browser that asks before calling %s is told %s, without a token", async (path, methods) => {
    const answer = await preflight(proxy.origin, path, listed)
    expect([answer.status, await answer.text(), answer.headers.get("content-length")]).toEqual([204, "", null])
    expect(corsOf(answer)).toEqual({
      ...allowed,
      "access-control-allow-methods": methods,
      "access-control-allow-headers": expect.stringMatching(
        /^Authorization, Content-Type, Accept-Version, X-Request-Id(, X-Fern-[\w-]+)+$/,
      ),
      "access-control-max-age": "7200",
      vary: "Origin, Access-Control-Request-Method, Access-Control-Request-Headers",
    })
  })

  it.each([other, "https://www.example.com:8443", "http://www.example.com", "null", `${listed}.evil.test`])(
    "a page of %s is answered as ever, and told nothing",
    async (origin) => {
      const asked = await preflight(proxy.origin, `/v2${userPath}`, origin)
      expect([asked.status, corsOf(asked)]).toEqual([405, { vary: "Origin" }])
      const read = await fetch(`${proxy.origin}/v2${userPath}`, {
        headers: { origin, authorization: `Bearer ${token}` },
      })
      expect([read.status, corsOf(read)]).toEqual([200, { vary: "Origin" }])
    },
  )

  it.each([
    ["/health", 405],
    ["/docs", 405],
    ["/v2/sites", 404],
    ["/faults/sites/x", 400],
  ])("%s is nothing to ask before", async (path, status) => {
    const answer = await preflight(proxy.origin, path, listed)
    expect([answer.status, corsOf(answer)]).toEqual([status, { ...allowed, vary: "Origin" }])
  })

  it("OPTIONS that asks for no method is none of a browser's questions", async () => {
    const answer = await fetch(`${proxy.origin}/v2${userPath}`, { method: "OPTIONS", headers: { origin: listed } })
    expect([answer.status, corsOf(answer)]).toEqual([405, { ...allowed, vary: "Origin" }])
  })

  it.each<[string, number, () => RequestInit]>([
    ["a user", 200, () => ({ headers: { authorization: `Bearer ${token}` } })],
    ["an update", 200, () => ({ method: "PATCH", headers: { authorization: `Bearer ${token}` } })],
    ["that the token is wrong", 401, () => ({})],
    [
      "that the body is no JSON",
      400,
      () => ({
        method: "PATCH",
        body: "{",
        headers: { authorization: `Bearer ${token}`, "content-type": "application/json" },
      }),
    ],
    ["that the method is wrong", 405, () => ({ method: "PUT" })],
    ["what the token may still ask", 200, () => ({ headers: { authorization: `Bearer ${limited}` } })],
    ["that it has asked too often", 429, () => ({ headers: { authorization: `Bearer ${limited}` } })],
  ])("a page may read %s: %i", async (_, status, init) => {
    const made = init()
    // A minute may end between the last two.
    const headers = { ...made.headers, origin: listed }
    let answer = await fetch(`${proxy.origin}/v2${userPath}`, { ...made, headers })
    if (status === 429 && answer.status === 200)
      answer = await fetch(`${proxy.origin}/v2${userPath}`, { ...made, headers })
    expect([answer.status, corsOf(answer)]).toEqual([status, { ...allowed, vary: "Origin" }])
  })

  it("whatever keeps answers is told that they differ, also where no origin was said", async () => {
    const answer = await fetch(`${proxy.origin}/health`)
    expect(corsOf(answer)).toEqual({ vary: "Origin" })
  })
})

it("* lets every page call, and needs no telling apart", async () => {
  await using proxy = await Spawned.start(store, { env: { WEBFLOW_USERS_CORS_ORIGINS: "*" } })
  const asked = await preflight(proxy.origin, `/v2${userPath}`, other)
  expect([asked.status, asked.headers.get("access-control-allow-origin")]).toEqual([204, "*"])
  const read = await fetch(`${proxy.origin}/v2${userPath}`, {
    headers: { origin: "null", authorization: `Bearer ${token}` },
  })
  expect([read.status, corsOf(read)]).toEqual([
    200,
    { "access-control-allow-origin": "*", "access-control-expose-headers": exposed },
  ])
  // Also what could not be read as a request.
  using connection = await dial(proxy.origin)
  connection.send("GET /health HTTP/1.1\r\nno colon\r\n\r\n")
  const refused = await connection.next()
  expect([refused?.status, refused?.headers["access-control-allow-origin"]]).toEqual([400, "*"])
})

it("a request without a Host is refused in words that a page may read", async () => {
  await using proxy = await Spawned.start(store, { args: ["--cors-origin", listed] })
  using connection = await dial(proxy.origin)
  connection.send(`GET /v2${userPath} HTTP/1.1\r\norigin: ${listed}\r\n\r\n`)
  const refused = await connection.next()
  expect([refused?.status, refused?.headers["access-control-allow-origin"]]).toEqual([400, listed])
})

it("the variable takes several, with commas and spaces between them", async () => {
  await using proxy = await Spawned.start(store, { env: { WEBFLOW_USERS_CORS_ORIGINS: `${other}, ${listed},` } })
  for (const origin of [other, listed]) {
    expect((await preflight(proxy.origin, `/v2${userPath}`, origin)).headers.get("access-control-allow-origin")).toBe(
      origin,
    )
  }
})

it.each([
  ["a path", "https://www.example.com/app", "write https://www.example.com"],
  ["a slash at its end", "https://www.example.com/", "write https://www.example.com"],
  ["a port that goes without saying", "https://www.example.com:443", "write https://www.example.com"],
  ["capital letters", "https://WWW.Example.com", "write https://www.example.com"],
  ["no scheme", "www.example.com", "scheme, host and port"],
  ["another scheme", "file:///home", "scheme, host and port"],
  ["null", "null", "scheme, host and port"],
  ["a pattern", "https://*.example.com", "scheme, host and port"],
])("does not start with an origin that has %s, and says what would do", async (_, origin, hint) => {
  for (const told of [
    { args: ["--cors-origin", other, "--cors-origin", origin] },
    { env: { WEBFLOW_USERS_CORS_ORIGINS: `${other},${origin}` } },
  ]) {
    const ended = await Spawned.run({ ...told, env: { WEBFLOW_USERS_STORE: "memory:", PORT: "0", ...told.env } })
    expect([ended.code, ended.stdout]).toEqual([2, ""])
    expect(ended.stderr).toContain(hint)
    expect(ended.stderr).toContain("--cors-origin or WEBFLOW_USERS_CORS_ORIGINS")
  }
})

it("does not start with * beside others", async () => {
  const ended = await Spawned.run({
    args: ["--cors-origin", "*", "--cors-origin", other],
    env: { WEBFLOW_USERS_STORE: "memory:", PORT: "0" },
  })
  expect(ended.code).toBe(2)
  expect(ended.stderr).toContain("* stands alone")
})
