/** The built proxy in front of another server: what it asks there, what it does not, and what it makes of the answers. */
import { mkdtemp, rm } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { parseSiteId, type SiteId, type User, UserId, Webflow } from "@webflow-users/core"
import { afterAll, beforeAll, describe, expect, it } from "vitest"
import { open } from "./proxy.ts"
import { dial, request } from "./raw.ts"
import * as Spawned from "./spawned.ts"
import * as Upstream from "./upstream.ts"

const siteId = parseSiteId("580e63e98c9a982ac9b8b741") as SiteId
const user: User = {
  id: UserId.make("6287ec36a841b25637c663df"),
  accessGroups: [{ slug: "webflowers", type: "admin" }],
  data: { name: "Ada", email: "ada@example.com" },
}
const path = `/v2/sites/${siteId}/users/${user.id}`
const held = "held-token-of-the-proxy"

let folder: string
let server: Awaited<ReturnType<typeof Upstream.start>>
let tokens: Awaited<ReturnType<typeof open>>
let token: string
let tokenFile: string
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "webflow-users-forwarding-"))
  tokenFile = `file:${folder}/tokens.db`
  server = await Upstream.start()
  tokens = open(tokenFile)
  token = await tokens.token(siteId)
})
afterAll(async () => {
  await tokens.close()
  await server.stop()
  await rm(folder, { recursive: true })
})

/** Starts the proxy in front of the server, its callers with tokens of its own unless said otherwise. */
const forwarding = (args: ReadonlyArray<string> = [], env: Readonly<Record<string, string>> = {}) =>
  Spawned.start(server.address, {
    args,
    env: { WEBFLOW_USERS_TOKEN: held, WEBFLOW_USERS_TOKEN_STORE: tokenFile, ...env },
  })
const passing = (args: ReadonlyArray<string> = []) =>
  Spawned.start(server.address, { args: ["--auth", "passthrough", ...args] })

interface Call {
  readonly method?: string
  readonly target?: string
  readonly bearer?: string
  readonly headers?: Readonly<Record<string, string>>
  readonly body?: unknown
}
const call = async (
  origin: string,
  {
    method = "PATCH",
    target = path,
    bearer = token,
    headers = {},
    body = method === "PATCH" ? {} : undefined,
  }: Call = {},
) => {
  const response = await fetch(origin + target, {
    method,
    headers: { authorization: `Bearer ${bearer}`, "content-type": "application/json", ...headers },
    body: body === undefined ? null : JSON.stringify(body),
  })
  const text = await response.text()
  return { status: response.status, headers: response.headers, text, json: JSON.parse(text) as Record<string, unknown> }
}

describe("what another server is asked", () => {
  it("is the update alone, made anew of what it means", async () => {
    await using proxy = await forwarding()
    server.json(200, { ...user, data: { data: user.data } })
    const answered = await call(proxy.origin, {
      target: `${path}?debug=1`,
      headers: {
        cookie: "a=b",
        "x-forwarded-for": "10.0.0.1",
        te: "trailers",
        traceparent: "00-1",
        "x-other": "1",
        "x-request-id": "form-7",
      },
      body: { accessGroups: ["gold", "gold"], data: { data: { name: "Ada", "accept-privacy": true } } },
    })
    expect([answered.status, answered.json]).toEqual([200, user])
    const body = JSON.stringify({
      data: { name: "Ada", "accept-privacy": true },
      accessGroups: [{ slug: "gold", type: "admin" }],
    })
    expect(server.asked).toEqual([
      {
        method: "PATCH",
        url: path,
        body,
        headers: [
          ["host", `127.0.0.1:${server.port}`],
          ["connection", "keep-alive"],
          ["x-request-id", "form-7"],
          ["accept", "application/json"],
          ["authorization", `Bearer ${held}`],
          ["content-type", "application/json"],
          ["content-length", String(body.length)],
        ],
      },
    ])
  })

  it("is a read, with what of its query is known", async () => {
    await using proxy = await forwarding()
    server.json(200, { users: [user], count: 1, limit: 5, offset: 10, total: 11 })
    const target = `/beta/sites/${siteId}/users?offset=10&limit=5&sort=-Email`
    expect((await call(proxy.origin, { method: "GET", target })).status).toBe(200)
    expect(server.asked.map(({ url }) => url)).toEqual([`/v2/sites/${siteId}/users?offset=10&limit=5&sort=-Email`])
  })

  it("is nothing that the contract does not have", async () => {
    await using proxy = await forwarding()
    server.json(200, user)
    const requests: ReadonlyArray<readonly [first: string, status: number, body?: string]> = [
      [`DELETE ${path}`, 405],
      [`PUT ${path}`, 405],
      [`POST /v2/sites/${siteId}/users/invite`, 405],
      ["GET /v2/sites", 404],
      [`GET /v2/sites/${siteId}`, 404],
      ["GET /v2/../admin", 404],
      [`GET /v2/sites/${siteId}/users/..`, 400],
      [`GET /v2/sites/${siteId}/users/%2e%2e%2f%2e%2e%2fadmin`, 400],
      [`PATCH /v2/sites/..%2f..%2fadmin/users/${user.id}`, 400],
      [`GET http://169.254.169.254/v2/sites/${siteId}/admin`, 404],
      [`PATCH ${path}`, 400, '{"data":[]}'],
      [`PATCH ${path}`, 400, "not json"],
      [`GET /v2/sites/${siteId}/users?limit=1000`, 400],
    ]
    const statuses: Array<readonly [string, number | undefined]> = []
    for (const [first, , body] of requests) {
      using connection = await dial(proxy.origin)
      connection.send(request(first, [`Authorization: Bearer ${token}`, "Content-Type: application/json"], body))
      statuses.push([first, (await connection.next())?.status])
    }
    expect(statuses).toEqual(requests.map(([first, status]) => [first, status]))
    // A body that cannot be is judged together with the user.
    expect(server.asked.map(({ method, url }) => [method, url])).toEqual([["GET", path]])
  })

  it("is asked at that address alone, whoever the caller says that it is", async () => {
    await using proxy = await forwarding()
    server.json(200, user)
    using connection = await dial(proxy.origin)
    const head = [`Authorization: Bearer ${token}`, "Content-Type: application/json", "X-Forwarded-Host: elsewhere"]
    connection.send(
      request(`PATCH http://127.0.0.1:1${path}`, head, "{}").replace("Host: localhost", "Host: 127.0.0.1:1"),
    )
    expect((await connection.next())?.status).toBe(200)
    expect(server.asked.length).toBe(1)
  })
})

describe("who may ask", () => {
  it("is who has a token of this proxy, for what it is for", async () => {
    await using proxy = await forwarding()
    server.json(200, user)
    const [read, other] = [await tokens.token(siteId, ["users:read"]), await tokens.token(parseSiteId("f".repeat(24))!)]
    const codes: Array<unknown> = []
    for (const bearer of [read, other, held, "wfu_nonsense"]) {
      const { status, json } = await call(proxy.origin, { bearer })
      codes.push([status, json["code"]])
    }
    expect(codes).toEqual([
      [403, "missing_scopes"],
      [403, "forbidden"],
      [401, "not_authorized"],
      [401, "not_authorized"],
    ])
    expect(server.asked).toEqual([])
  })

  it("is limited by the rate of that token", async () => {
    await using proxy = await forwarding()
    server.json(200, user, { "x-ratelimit-limit": "60", "x-ratelimit-remaining": "59" })
    const bearer = await tokens.token(siteId, ["users:write"], 100)
    const { headers } = await call(proxy.origin, { bearer })
    expect(headers.get("x-ratelimit-limit")).toBe("100")
  })

  it("passes on the server's own token, and what the server says of it", async () => {
    await using proxy = await passing()
    server.json(200, user, { "x-ratelimit-limit": "60", "x-ratelimit-remaining": "41", "x-secret": "of the server" })
    const { status, headers } = await call(proxy.origin, { bearer: "callers-own-token" })
    expect([status, headers.get("x-ratelimit-limit"), headers.get("x-ratelimit-remaining")]).toEqual([200, "60", "41"])
    expect(headers.get("x-secret")).toBeNull()
    expect(server.asked.map((asked) => new Map(asked.headers).get("authorization"))).toEqual([
      "Bearer callers-own-token",
    ])
    server.json(401, { code: "not_authorized", message: "Who?", details: [] })
    expect(await call(proxy.origin, { bearer: "callers-own-token" })).toMatchObject({
      status: 401,
      json: { code: "not_authorized", message: "Who?" },
    })
    server.json(200, user)
    expect((await fetch(proxy.origin + path)).status).toBe(401)
    expect(server.asked).toEqual([])
  })
})

const envelope = (code: string, details: ReadonlyArray<unknown> = []) => ({
  code,
  message: "Its own words",
  externalReference: null,
  details,
})

describe("what another server answers", () => {
  it.each([
    [400, envelope("validation_error", ["a", { param: "b", description: "c" }])],
    [404, envelope("user_not_found")],
    [409, envelope("conflict", [{ field: "x", message: "y" }])],
  ])("%i is passed on as it is", async (status, body) => {
    await using proxy = await forwarding()
    server.json(status, body)
    const answered = await call(proxy.origin)
    expect([answered.status, answered.json]).toEqual([status, body])
    expect(server.asked.length).toBe(1)
  })

  it("that a change is forbidden is the caller's affair, where they have an allow-list; theirs is judged by what is named", async () => {
    await using proxy = await forwarding()
    const bearer = await tokens.token(siteId, ["users:write"], { fields: ["name"] })
    server.json(200, user)
    expect((await call(proxy.origin, { bearer, body: { data: { name: "Ada" } } })).status).toBe(200)
    expect(server.asked).toHaveLength(1)
    const refused = await call(proxy.origin, { bearer, body: { data: { name: "Ada", plan: "gold" } } })
    expect(refused).toMatchObject({ status: 403, json: { code: "forbidden", details: [{ param: "data.plan" }] } })
    expect(server.asked).toHaveLength(1)
    // What that server could take for a change is none that was granted, in v1's form as in ours.
    for (const body of [{ data: { email: "eve@example.com" } }, { email: "eve@example.com" }, { role: "owner" }]) {
      for (const headers of [{}, { "accept-version": "1.0.0" }]) {
        const target = path.replace("/v2", "")
        expect(await call(proxy.origin, { bearer, target, headers, body })).toMatchObject({ status: 403 })
      }
    }
    expect(server.asked).toHaveLength(1)
    const { message, details } = refused.json
    server.json(403, { code: "forbidden", message, externalReference: null, details })
    expect(await call(proxy.origin, { bearer })).toMatchObject({ status: 403, json: { details } })
  })

  it.each([
    [401, "not_authorized", "Not authorized"],
    [403, "missing_scopes", "Missing scopes"],
    [403, "forbidden", "Forbidden"],
    [403, "forbidden", "The token may not make this change"],
  ])("to the proxy's own token is not the caller's fault: %i %s, %s", async (status, code, message) => {
    await using proxy = await forwarding()
    server.json(status, { ...envelope(code), message })
    expect(await call(proxy.origin)).toMatchObject({
      status: 502,
      json: { code: "internal_error", message: "The server behind this one does not accept this one's token" },
    })
    const { stderr, stdout } = await proxy.end("SIGTERM")
    expect(stdout + stderr).toContain("does not accept this one's token")
    expect(stdout + stderr).toContain(`"status":${status}`)
  })

  it("is tried again where it may pass, and is told in the envelope where it does not", async () => {
    await using proxy = await forwarding(["--upstream-attempts", "2", "--upstream-timeout", "300 millis"])
    const attempt = async (how: Parameters<typeof server.answers>[0]) => {
      server.answers(how)
      const { status, json } = await call(proxy.origin)
      return [status, json["message"], server.asked.length]
    }
    expect(await attempt((response) => response.destroy())).toEqual([
      502,
      "The connection to the server was lost before its answer had come",
      2,
    ])
    expect(await attempt(() => undefined)).toEqual([504, "The server did not answer in time", 2])
    expect(await attempt((response) => response.writeHead(503).end("<html>personal</html>"))).toEqual([
      502,
      "The server's answer is not one of the contract",
      2,
    ])
    expect(await attempt((response) => response.writeHead(302, { location: "http://127.0.0.1:1/" }).end())).toEqual([
      502,
      "The server redirects to http://127.0.0.1:1, and a redirect is not followed, since it would take the token along",
      1,
    ])
    let failures = 1
    expect(
      await attempt((response) =>
        (failures -= 1) < 0 ? response.end(JSON.stringify(user)) : response.writeHead(500).end(),
      ),
    ).toEqual([200, undefined, 2])
    const { stdout, stderr } = await proxy.end("SIGTERM")
    for (const failure of ["ConnectionLost", "TimedOut", "UpstreamInvalidResponse"]) {
      expect(stdout + stderr).toContain(failure)
    }
    expect(stdout + stderr).not.toMatch(/personal|held-token|wfu_|6287ec36a841b25637c663df|ada@example/)
  })

  it("about limits holds everybody, and is told at once to who would wait too long", async () => {
    await using proxy = await passing()
    server.json(429, envelope("too_many_requests"), { "retry-after": "60" })
    const [first, second] = [await call(proxy.origin), await call(proxy.origin)]
    expect([first.status, first.headers.get("retry-after"), first.json["message"]]).toEqual([
      429,
      "60",
      "Its own words",
    ])
    expect([second.status, Number(second.headers.get("retry-after")) > 50]).toEqual([429, true])
    expect(server.asked.length).toBe(1)
    server.json(200, user)
    // Another's token is another's limit.
    expect((await call(proxy.origin, { bearer: "another" })).status).toBe(200)
  })

  it("never tells a caller the token that the proxy holds", async () => {
    await using proxy = await forwarding(["--upstream-attempts", "1"])
    const answers: ReadonlyArray<Parameters<typeof server.answers>[0]> = [
      (response) => response.writeHead(400).end(JSON.stringify(envelope("bad_request", [held]))),
      (response) => response.writeHead(500).end(JSON.stringify({ code: held, message: held })),
      (response) => response.writeHead(500).end(held),
      (response) => response.writeHead(302, { location: `https://${held}.example.com/` }).end(),
      (response) => response.writeHead(429, { "x-ratelimit-limit": held, "retry-after": "0" }).end(held),
      (response) => response.writeHead(404, { "x-request-id": held }).end(held),
      (response) => response.end(`<html>${held}</html>`),
      (response) => response.destroy(new Error(held)),
    ]
    const said: Array<string> = []
    for (const answer of answers) {
      server.answers(answer)
      const { text, headers } = await call(proxy.origin)
      said.push(text, JSON.stringify([...headers]))
    }
    const { stdout, stderr } = await proxy.end("SIGTERM")
    expect(said.join() + stdout + stderr).not.toContain(held)
    expect(said.join()).toContain("<token>")
  })
})

/** A server that has begun and never ends its answer. */
const hanging = (when: string) => {
  const arrived = Promise.withResolvers<void>()
  const ended = Promise.withResolvers<boolean>()
  server.answers((response) => {
    response.once("close", () => ended.resolve(response.writableFinished))
    if (when === "within the answer") response.writeHead(200).write("{")
    arrived.resolve()
  })
  return { arrived: arrived.promise, ended: ended.promise }
}
const patching = () =>
  request(`PATCH ${path}`, [`Authorization: Bearer ${token}`, "Content-Type: application/json"], "{}")

describe("a caller who hangs up", () => {
  it.each([
    ["before the answer", "a reset"],
    ["before the answer", "an end"],
    ["within the answer", "an end"],
  ])("ends what the server is asked, %s, by %s", async (when, how) => {
    await using proxy = await forwarding()
    const { arrived, ended } = hanging(when)
    using connection = await dial(proxy.origin)
    connection.send(patching())
    await arrived
    if (how === "a reset") connection.socket.resetAndDestroy()
    else connection.socket.end()
    expect(await ended).toBe(false)
    await connection.closed
    // The proxy goes on, and when all its work is done, nothing was asked a second time.
    expect((await fetch(`${proxy.origin}/health`)).status).toBe(200)
    await proxy.end("SIGTERM")
    expect(server.asked.length).toBe(1)
  })

  it("ends what waits behind it too", async () => {
    await using proxy = await forwarding()
    const { arrived, ended } = hanging("before the answer")
    using connection = await dial(proxy.origin)
    connection.send(patching() + patching())
    await arrived
    connection.socket.end()
    expect(await ended).toBe(false)
    await connection.closed
    expect(server.asked.length).toBe(1)
  })

  it("after the answer has had it, also when it closes its side at once", async () => {
    await using proxy = await forwarding()
    using connection = await dial(proxy.origin)
    connection.socket.end(request("GET /health"))
    expect((await connection.next())?.status).toBe(200)
  })
})

describe("a stop", () => {
  it("answers who waits for their turn at once", async () => {
    server.json(200, user, { "x-ratelimit-limit": "1", "x-ratelimit-remaining": "0" })
    await using patient = await Spawned.start(server.address, {
      args: ["--auth", "passthrough", "--upstream-deadline", "10 minutes"],
    })
    expect((await call(patient.origin)).status).toBe(200)
    using connection = await dial(patient.origin)
    connection.send(patching())
    // What is answered after it shows that it has arrived.
    expect((await fetch(`${patient.origin}/health`)).status).toBe(200)
    const ended = patient.end("SIGTERM")
    const refused = await connection.next()
    expect([refused?.status, Number(refused?.headers["retry-after"]) > 0]).toEqual([429, true])
    expect((await ended).code).toBe(0)
    expect(server.asked.length).toBe(1)
  })
})

describe("how it is started", () => {
  it("says so where the server is Webflow's, and what to do instead", async () => {
    await using proxy = await Spawned.start("https://api.webflow.com/v2", {
      env: { WEBFLOW_USERS_TOKEN: held, WEBFLOW_USERS_TOKEN_STORE: tokenFile },
    })
    const { stderr } = await proxy.end("SIGTERM")
    expect(JSON.parse(stderr)).toMatchObject({
      level: "warn",
      message: `The store is Webflow's own server, which no longer answers. ${Webflow.removed}`,
    })
  })

  it("keeps callers' tokens in the usual place where it is not told another", async () => {
    await using own = open(`file:${folder}/webflow-users.db`)
    const bearer = await own.token(siteId)
    await using proxy = await Spawned.start(server.address, { cwd: folder, env: { WEBFLOW_USERS_TOKEN: held } })
    server.json(200, user)
    expect((await call(proxy.origin, { bearer })).status).toBe(200)
  })

  it.each<[string, ReadonlyArray<string>, Readonly<Record<string, string>>, RegExp]>([
    ["passthrough on a store of one's own", ["--auth", "passthrough", "--store", "memory:"], {}, /the store is none/],
    [
      "passthrough and a token",
      ["--auth", "passthrough"],
      { WEBFLOW_USERS_TOKEN: held },
      /WEBFLOW_USERS_TOKEN must not/,
    ],
    [
      "passthrough and a token store",
      ["--auth", "passthrough", "--token-store", "memory:"],
      {},
      /leave out --token-store/,
    ],
    ["passthrough and faults", ["--auth", "passthrough", "--faults"], {}, /--faults needs --auth tokens/],
    ["a way that is none", ["--auth", "open"], {}, /auth/],
    ["a timeout that is none", ["--upstream-timeout", "soon"], {}, /a duration above zero, such as 30 seconds/],
    ["a rate that is none", [], { WEBFLOW_USERS_UPSTREAM_RATE: "0" }, /WEBFLOW_USERS_UPSTREAM_RATE/],
  ])("is refused with %s", async (_, args, env, message) => {
    const ended = await Spawned.run({ args, env: { PORT: "0", WEBFLOW_USERS_STORE: server.address, ...env } })
    expect([ended.code, ended.stdout]).toEqual([2, ""])
    expect(ended.stderr).toMatch(message)
    expect(ended.stderr).not.toContain(held)
  })
})
