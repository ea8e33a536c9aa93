/** What the proxy says of the requests it answers, and the id that goes with each. */
import { join } from "node:path"
import { DatabaseSync } from "node:sqlite"
import { parseSiteId, type SiteId, type User, UserId } from "@webflow-users/core"
import { describe, expect, it } from "vitest"
import { inFile, open } from "./proxy.ts"
import { dial, request } from "./raw.ts"
import * as Spawned from "./spawned.ts"

const siteId = parseSiteId("580e63e98c9a982ac9b8b741") as SiteId
const user: User = {
  id: UserId.make("6287ec36a841b25637c663d0"),
  lastUpdated: "2024-05-20T13:46:12.093Z",
  accessGroups: [],
  data: { name: "Ada", email: "ada@example.com" },
}
const path = `/v2/sites/${siteId}/users/${user.id}`
const route = "/sites/:site_id/users/:user_id"

const made = inFile({ id: siteId, users: [user] })

const seeing = { WEBFLOW_USERS_LOG_LEVEL: "info" }
const authorization = () => ({ authorization: `Bearer ${made.token}` })
/** What is said of requests; that a token was wrong is said beside it. */
const linesOf = async (proxy: Awaited<ReturnType<typeof Spawned.start>>) =>
  Spawned.linesOf((await proxy.end("SIGTERM")).stderr).filter(({ message }) => message !== "An authentication failed")

/** What is said at a level of a probe of each kind and a request. */
const said = async (level: string) => {
  await using proxy = await Spawned.start(made.store, { env: { WEBFLOW_USERS_LOG_LEVEL: level } })
  for (const target of ["/health", "/ready", path]) await (await fetch(proxy.origin + target)).text()
  return (await linesOf(proxy)).map((line) => [line["level"], line["route"]])
}

describe("of each request", () => {
  it("there is one line on standard error, in JSON, that names nobody but the token", async () => {
    await using proxy = await Spawned.start(made.store, { env: { ...seeing, WEBFLOW_USERS_LOG_LEVEL: "" } })
    const answer = await fetch(`${proxy.origin}${path}?a=b`, {
      method: "PATCH",
      headers: { ...authorization(), "content-type": "application/json" },
      body: JSON.stringify({ data: { name: "Ada Lovelace" } }),
    })
    const body = await answer.text()
    const { stderr, stdout } = await proxy.end("SIGTERM")
    expect(Spawned.linesOf(stderr)).toEqual([
      {
        time: expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/),
        level: "info",
        message: "request",
        request_id: answer.headers.get("x-request-id"),
        method: "PATCH",
        route,
        status: 200,
        duration_ms: expect.any(Number),
        bytes: Buffer.byteLength(body),
        actor: `token:${made.token.split("_")[1]}`,
      },
    ])
    expect(stdout.trim().split("\n")).toHaveLength(1)
  })

  it.each([
    ["GET", path, 401, route],
    ["PUT", path, 405, route],
    ["OPTIONS", path, 405, route],
    ["GET", `/beta/sites/${siteId}/users?sort=x`, 401, "/sites/:site_id/users"],
    ["GET", `/sites/${siteId}/accessgroups`, 401, "/sites/:site_id/accessgroups"],
    ["GET", "/v2/sites/ada@example.com/users/x", 401, route],
    ["GET", "/faults/sites/ada@example.com", 400, "/faults/sites/:site_id"],
    ["GET", "/ada@example.com", 404, "other"],
    ["PROPFIND", "/", 404, "other"],
    ["GET", "/docs", 200, "/docs"],
  ])("the line has the route and not the path: %s %s", async (method, target, status, told) => {
    await using proxy = await Spawned.start(made.store, { env: seeing })
    const answer = await fetch(proxy.origin + target, { method })
    await answer.text()
    expect(await linesOf(proxy)).toMatchObject([
      { method: method === "PROPFIND" ? "other" : method, route: told, status, request_id: expect.any(String) },
    ])
    expect(answer.status).toBe(status)
  })

  it("what is no request has one too, and its answer an id", async () => {
    await using proxy = await Spawned.start(made.store, { env: seeing })
    using connection = await dial(proxy.origin)
    connection.send("ada@example.com\r\n\r\n")
    const answer = await connection.next()
    expect(await linesOf(proxy)).toMatchObject([
      { method: "other", route: "other", status: 400, request_id: answer?.headers["x-request-id"] },
    ])
    expect(answer?.headers["x-request-id"]).toMatch(/^[0-9a-f]{16}$/)
  })

  it("probes are said when asked for, and requests are not when only failures are", async () => {
    expect(await said("debug")).toEqual([
      ["debug", "/health"],
      ["debug", "/ready"],
      ["info", route],
    ])
    expect(await said("info")).toEqual([["info", route]])
    expect(await said("warn")).toEqual([])
    expect(await said("none")).toEqual([])
  })

  it("ids and the caller's address are in it where that was asked for, and no more of a path than that", async () => {
    await using proxy = await Spawned.start(made.store, { args: ["--log-ids"], env: seeing })
    for (const target of [path, `/v2/sites/${siteId}/users/ada@example.com`]) {
      await (await fetch(proxy.origin + target)).text()
    }
    const [first, second] = await linesOf(proxy)
    expect(first).toMatchObject({ site_id: siteId, user_id: user.id, address: "127.0.0.1" })
    expect(second).toMatchObject({ site_id: siteId, route })
    expect(second).not.toHaveProperty("user_id")
  })

  it("is key=value where that was asked for", async () => {
    await using proxy = await Spawned.start(made.store, { env: { ...seeing, WEBFLOW_USERS_LOG_FORMAT: "logfmt" } })
    await (await fetch(proxy.origin + path, { headers: { ...authorization(), "x-request-id": "a-1" } })).text()
    const { stderr } = await proxy.end("SIGTERM")
    expect(stderr).toMatch(
      /^time=\S+Z level=info message=request request_id=a-1 method=GET route=\/sites\/:site_id\/users\/:user_id status=200 duration_ms=[\d.]+ bytes=\d+ actor=token:[0-9a-f]+\n$/,
    )
  })
})

describe("the id of a request", () => {
  it.each(["a", "checkout-7.2_X", "x".repeat(128)])("is the caller's own: %s", async (id) => {
    await using proxy = await Spawned.start(made.store, { env: seeing })
    const answer = await fetch(proxy.origin + path, { headers: { "x-request-id": id } })
    expect(answer.headers.get("x-request-id")).toBe(id)
    expect(await linesOf(proxy)).toMatchObject([{ request_id: id }])
  })

  it.each(["", "a b", "x".repeat(129), 'a"b', "ada@example.com", "é", "a,b"])(
    "is a new one where the caller's could be anything: %j",
    async (id) => {
      await using proxy = await Spawned.start(made.store, { env: seeing })
      using connection = await dial(proxy.origin)
      connection.send(request(`GET ${path}`, [`X-Request-Id: ${id}`]))
      const answer = await connection.next()
      expect(answer?.headers["x-request-id"]).toMatch(/^[0-9a-f]{16}$/)
      expect(await linesOf(proxy)).toMatchObject([{ request_id: answer?.headers["x-request-id"] }])
    },
  )

  it("is another for each request", async () => {
    await using proxy = await Spawned.start(made.store)
    const ids = await Promise.all(
      Array.from({ length: 200 }, async () => (await fetch(`${proxy.origin}/health`)).headers.get("x-request-id")),
    )
    expect(new Set(ids).size).toBe(200)
  })

  it("stands on what is said of a failure", async () => {
    const broken = `file:${made.folder}/broken.db`
    await using before = open(broken)
    await before.add({ id: siteId, users: [user] })
    const brokenToken = await before.token(siteId)
    await using proxy = await Spawned.start(broken, { env: seeing })
    using database = new DatabaseSync(join(made.folder, "broken.db"))
    database.exec("ALTER TABLE users RENAME TO gone")
    const answer = await fetch(proxy.origin + path, {
      headers: { authorization: `Bearer ${brokenToken}`, "x-request-id": "it-failed" },
    })
    expect(answer.status).toBe(503)
    expect(await linesOf(proxy)).toMatchObject([
      {
        level: "error",
        message: "The store is unavailable",
        request_id: "it-failed",
        cause: expect.stringContaining("no such table: users"),
      },
      { level: "info", message: "request", request_id: "it-failed", status: 503 },
    ])
  })
})

it("who reads the log may go away, and requests are answered", async () => {
  await using proxy = await Spawned.start(made.store, { env: seeing })
  proxy.stopListening()
  for (let round = 0; round < 20; round += 1) {
    expect((await fetch(proxy.origin + path, { headers: authorization() })).status).toBe(200)
  }
  expect((await proxy.end("SIGTERM")).code).toBe(0)
})

it.each([
  ["WEBFLOW_USERS_LOG_FORMAT", /json.*logfmt/s],
  ["WEBFLOW_USERS_LOG_LEVEL", /debug.*info.*warn.*error.*none/s],
  ["WEBFLOW_USERS_LOG_IDS", /true or false/],
])("does not start with a value of %s that is none, and says which there are", async (variable, expected) => {
  const ended = await Spawned.run({ env: { WEBFLOW_USERS_STORE: "memory:", PORT: "0", [variable]: "perhaps" } })
  expect(ended.code).toBe(2)
  expect(ended.stderr).toMatch(expected)
})
