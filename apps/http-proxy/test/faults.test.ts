/** Faults on request: what a proxy that was started for them answers, and that any other refuses to. */
import { mkdtemp, rm } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { parseSiteId, type SiteId, type User, UserEvents, UserId } from "@webflow-users/core"
import { createClient, isUpdateUserError } from "@webflow-users/sdk"
import { Clock, Effect, Latch, Layer } from "effect"
import { TestClock } from "effect/testing"
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest"
import { Faults } from "@webflow-users/server"
import { open, start } from "./proxy.ts"
import { dial, request } from "./raw.ts"
import * as Spawned from "./spawned.ts"

const siteId = parseSiteId("580e63e98c9a982ac9b8b741") as SiteId
const otherSiteId = parseSiteId("580e63e98c9a982ac9b8b742") as SiteId
const user: User = {
  id: UserId.make("6287ec36a841b25637c663df"),
  lastUpdated: "2024-05-20T13:46:12.093Z",
  accessGroups: [],
  data: { name: "Member", email: "member@example.com" },
}
const path = `/v2/sites/${siteId}/users/${user.id}`
const rule = `/faults/sites/${siteId}`

type Proxy = Awaited<ReturnType<typeof start>>
let proxy: Proxy
let token: string
/** Opens when somebody waits for the clock, which moves only when a test moves it. */
let waiting: Latch.Latch
let isWaiting: boolean
beforeEach(async () => {
  waiting = Latch.makeUnsafe(false)
  isWaiting = false
  const clock = Layer.effect(
    Clock.Clock,
    Effect.map(Clock.Clock, (inner) => ({
      ...inner,
      sleep: (duration) => {
        isWaiting = true
        return Effect.andThen(waiting.open, inner.sleep(duration))
      },
    })),
  ).pipe(Layer.provideMerge(TestClock.layer()))
  proxy = await start("memory:", { id: siteId, users: [user] }, undefined, Layer.merge(Faults.layer, clock))
  token = await proxy.token()
})
afterEach(() => proxy.stop())

interface Call {
  readonly method?: string
  readonly fault?: string
  readonly body?: unknown
  readonly by?: string
  readonly on?: Proxy
}
const call = (target: string, { method = "GET", fault, body, by = token, on = proxy }: Call = {}) =>
  fetch(on.origin + target, {
    method,
    headers: {
      authorization: `Bearer ${by}`,
      ...(body !== undefined && { "content-type": "application/json" }),
      ...(fault !== undefined && { "Webflow-Users-Fault": fault }),
    },
    body: body === undefined ? null : JSON.stringify(body),
  })
const rename = (name: string, more: Call = {}) => call(path, { method: "PATCH", body: { data: { name } }, ...more })
const put = (fault: unknown, more: Call = {}) => call(rule, { method: "PUT", body: fault, ...more })
const left = async (): Promise<unknown> => await (await call(rule)).json()
const names = async (on = proxy) => {
  const events = await on.run(UserEvents.use((service) => service.ofUser(siteId, user.id)))
  return events.map(({ after }) => after.data.name)
}
const statusOf = async (response: Promise<Response>) => (await response).status

/** The contract's table, and the class the SDK makes of each row. */
const table = [
  [400, "validation_error", "Validation Error: Provided ID is invalid", "InvalidId"],
  [400, "bad_request", "Bad Request", "BadRequest"],
  [401, "not_authorized", "Request not authorized", "NotAuthorized"],
  [403, "missing_scopes", "OAuthForbidden: You are missing the following scopes - 'users:write'", "MissingScopes"],
  [403, "forbidden", "The token is not for this site", "SiteForbidden"],
  [403, "users_not_enabled", "Users feature is not enabled", "UsersNotEnabled"],
  [404, "resource_not_found", "Requested resource not found: The site cannot be found", "SiteNotFound"],
  [404, "user_not_found", "Requested resource not found: The user cannot be found", "UserNotFound"],
  [429, "too_many_requests", "Too Many Requests", "TooManyRequests"],
  [500, "internal_error", "An Internal Error occurred", "InternalError"],
] as const

describe("an error of the contract", () => {
  it.each(table)("%i %s is answered to the letter, and changes nothing", async (status, code, message) => {
    const asked = [
      () => rename("Changed", { fault: `code=${code}` }),
      () => rename("Changed", { fault: `status=${status}; code=${code};` }),
      async () => {
        expect(await statusOf(put({ code }))).toBe(200)
        return await rename("Changed")
      },
    ]
    for (const ask of asked) {
      const response = await ask()
      expect([response.status, response.headers.get("content-type"), await response.json()]).toEqual([
        status,
        "application/json; charset=utf-8",
        { code, message, externalReference: null, details: [] },
      ])
      expect(response.headers.get("retry-after")).toBe(status === 429 ? "60" : null)
      expect(response.headers.get("www-authenticate")).toBe(status === 401 ? "Bearer" : null)
    }
    expect(await names()).toEqual([])
  })

  it.each([
    [400, "validation_error"],
    [401, "not_authorized"],
    [403, "missing_scopes"],
    [404, "resource_not_found"],
    [429, "too_many_requests"],
    [500, "internal_error"],
  ])("a status alone, %i, is %s", async (status, code) => {
    const response = await call(path, { fault: `status=${status}` })
    expect([response.status, await response.json()]).toMatchObject([status, { code }])
  })

  it.each([
    ["status=429; retryAfter=3", "3"],
    ["retryAfter=0; code=too_many_requests", "0"],
  ])("%s says how long to wait", async (fault, retryAfter) => {
    expect((await call(path, { fault })).headers.get("retry-after")).toBe(retryAfter)
  })

  it.each(table)("%i %s is that error to the SDK", async (status, code, message, tag) => {
    const faulty: typeof fetch = (input, init) => {
      const headers = new Headers(init?.headers)
      headers.set(Faults.headerName, `status=${status}; code=${code}${status === 429 ? "; retryAfter=7" : ""}`)
      return fetch(input, { ...init, headers })
    }
    await using client = createClient({ baseUrl: `${proxy.origin}/v2`, token, fetch: faulty, retry: false })
    const error = await client.users
      .update(siteId, user.id, { data: { name: "Changed" } })
      .catch((reason: unknown) => reason)
    expect(isUpdateUserError(error)).toBe(true)
    expect(error).toMatchObject({ _tag: tag, status, code, message, ...(status === 429 && { retryAfter: 7 }) })
    expect(await names()).toEqual([])
  })
})

describe("a rule of a site", () => {
  it("holds for the next answers, of every operation, and then no more", async () => {
    expect(await left()).toEqual({})
    const response = await put({ status: 500, times: 3 })
    expect([response.status, await response.json()]).toEqual([200, { status: 500, times: 3 }])
    expect(await statusOf(rename("First"))).toBe(500)
    expect(await left()).toEqual({ status: 500, times: 2 })
    expect(await statusOf(call(`/beta/sites/${siteId}/users`))).toBe(500)
    expect(await statusOf(call(`/sites/${siteId}/accessgroups`))).toBe(500)
    expect(await left()).toEqual({})
    expect(await statusOf(rename("Last"))).toBe(200)
    expect(await names()).toEqual(["Last"])
  })

  it("is replaced by the next one, and taken away", async () => {
    await put({ status: 500, times: 5 })
    await put({ code: "forbidden", times: 5 })
    expect(await statusOf(call(path))).toBe(403)
    const response = await call(rule, { method: "DELETE" })
    expect([response.status, await response.json()]).toEqual([200, {}])
    expect(await statusOf(call(path))).toBe(200)
  })

  it("is used up exactly, however many requests come at once", async () => {
    await put({ status: 500, times: 5 })
    const statuses = await Promise.all(Array.from({ length: 20 }, () => statusOf(call(path))))
    expect(statuses.toSorted((a, b) => a - b)).toEqual([...Array(15).fill(200), ...Array(5).fill(500)])
  })

  it("is the site's own, and no concern of requests that are refused anyway", async () => {
    await put({ status: 500 })
    const elsewhere = await proxy.token(otherSiteId)
    expect(await statusOf(call(`/v2/sites/${otherSiteId}/users`, { by: elsewhere }))).toBe(404)
    expect(await statusOf(call(path, { by: elsewhere }))).toBe(403)
    expect(await statusOf(call(path, { by: "wrong" }))).toBe(401)
    expect(await statusOf(call("/health"))).toBe(200)
    expect(await left()).toEqual({ status: 500, times: 1 })
  })

  it("comes after the count of a token's rate, which goes on", async () => {
    const limited = await proxy.token(siteId, undefined, 2)
    await put({ status: 500, times: 3 })
    const answers = [await call(path, { by: limited }), await call(path, { by: limited })]
    expect(answers.map(({ status, headers }) => [status, headers.get("x-ratelimit-remaining")])).toEqual([
      [500, "1"],
      [500, "0"],
    ])
    expect(await statusOf(call(path, { by: limited }))).toBe(429)
    expect(await left()).toEqual({ status: 500, times: 1 })
  })
})

describe("the header", () => {
  it("holds for its own answer only, and leaves the site's rule as it is", async () => {
    await put({ status: 500 })
    expect(await statusOf(call(path, { fault: "status=403" }))).toBe(403)
    expect(await left()).toEqual({ status: 500, times: 1 })
  })

  it("with times holds for the site's next answers too", async () => {
    expect(await statusOf(rename("First", { fault: "status=429; retryAfter=3; times=3" }))).toBe(429)
    expect(await left()).toEqual({ status: 429, retryAfter: 3, times: 2 })
    expect((await call(path)).headers.get("retry-after")).toBe("3")
    expect(await statusOf(rename("Second"))).toBe(429)
    expect(await statusOf(rename("Last"))).toBe(200)
    expect(await names()).toEqual(["Last"])
  })

  it("does nothing to requests for rules themselves", async () => {
    expect(await statusOf(put({ status: 500 }, { fault: "status=404" }))).toBe(200)
    expect(await left()).toEqual({ status: 500, times: 1 })
  })
})

/** An update as text. */
const update = (name: string, more: ReadonlyArray<string> = []) =>
  request(
    `PATCH ${path}`,
    [`Authorization: Bearer ${token}`, "Content-Type: application/json", ...more],
    JSON.stringify({ data: { name } }),
  )

describe("a reset", () => {
  it("is what the caller sees instead of an answer, and changes nothing", async () => {
    await put({ reset: true })
    const error: unknown = await rename("Changed").catch((reason: unknown) => reason)
    expect(error).toMatchObject({ cause: { code: "ECONNRESET" } })
    expect(await statusOf(call(path))).toBe(200)
    expect(await names()).toEqual([])
  })

  it("comes after the answers to what was asked before, and nothing is begun behind it", async () => {
    using connection = await dial(proxy.origin)
    const codes: Array<string | undefined> = []
    connection.socket.on("error", (error: NodeJS.ErrnoException) => codes.push(error.code))
    connection.send(
      update("First") +
        update("Second") +
        update("Reset", ["Webflow-Users-Fault: reset=true"]) +
        update("Behind").repeat(5),
    )
    const answers = [await connection.next(), await connection.next(), await connection.next()]
    expect(answers.map((answer) => answer?.status)).toEqual([200, 200, undefined])
    await connection.closed
    expect([codes, connection.rest()]).toEqual([["ECONNRESET"], ""])
    await proxy.hangUp()
    expect(await names()).toEqual(["First", "Second"])
  })

  it("waits until what was answered before has left the process, however slowly the caller reads", async () => {
    const data = Object.fromEntries(Array.from({ length: 50 }, (_, index) => [`field-${index}`, "x".repeat(256)]))
    const users = Array.from({ length: 100 }, (_, index): User => {
      const id = UserId.make(`6287ec36a841b25637c6${(0x4000 + index).toString(16)}`)
      return { ...user, id, data: { ...user.data, ...data, email: `member${index}@example.com` } }
    })
    await proxy.add({ id: siteId, users })
    using connection = await dial(proxy.origin)
    connection.socket.pause()
    const list = request(`GET /v2/sites/${siteId}/users?limit=100`, [`Authorization: Bearer ${token}`])
    // More than sockets hold.
    connection.send(list.repeat(10) + update("Reset", ["Webflow-Users-Fault: reset=true; times=2"]) + update("Behind"))
    // That there is a second time to come is to be seen from outside: the reset is due.
    for (let seen: unknown = {}; JSON.stringify(seen) === "{}";) seen = await left()
    const error = await new Promise((resolve) => connection.socket.write(update("Too late"), resolve))
    expect(error ?? undefined).toBeUndefined()
    connection.socket.resume()
    expect((await connection.next())?.status).toBe(200)
    await connection.closed
    // Neither what was sent behind it nor what came later was begun: the rule would be used up.
    expect(await left()).toEqual({ reset: true, times: 1 })
    expect(await names()).toEqual([])
  })
})

describe("a delay", () => {
  it("ends when its time has come, and not before; then the request is answered as ever", async () => {
    let isAnswered = false
    const answer = rename("Late", { fault: "delay=30000" }).finally(() => (isAnswered = true))
    await proxy.run(waiting.await)
    await proxy.run(TestClock.adjust("29999 millis"))
    // By the time another request has been served, the answer would have come.
    expect(await statusOf(call(path))).toBe(200)
    expect([isAnswered, await names()]).toEqual([false, []])
    await proxy.run(TestClock.adjust("1 millis"))
    expect(await statusOf(answer)).toBe(200)
    expect(await names()).toEqual(["Late"])
  })

  it("comes before an error, too, and before a reset", async () => {
    for (const fault of ["delay=1000; status=404", "delay=1000; reset=true"]) {
      await proxy.run(waiting.close)
      const answer = rename("Changed", { fault }).then(
        ({ status }) => status,
        (reason: unknown) => reason,
      )
      await proxy.run(waiting.await)
      await proxy.run(TestClock.adjust("1 second"))
      expect(await answer).toEqual(fault.includes("404") ? 404 : expect.objectContaining({ message: "fetch failed" }))
    }
    expect(await names()).toEqual([])
  })

  it("ends with the server's stop: what waits is done and answered", async () => {
    using connection = await dial(proxy.origin)
    const delay = ["Webflow-Users-Fault: delay=60000"]
    connection.send(update("First", delay) + update("Second", delay))
    await proxy.run(waiting.await)
    await proxy.hangUp()
    const answers = [await connection.next(), await connection.next()]
    expect(answers.map((answer) => [answer?.status, answer?.headers["connection"]])).toEqual([
      [200, "keep-alive"],
      [200, "close"],
    ])
    expect(await names()).toEqual(["First", "Second"])
  })

  it("begins when the body has been read, so that none is left lying", async () => {
    using connection = await dial(proxy.origin)
    const text = update("Whole", ["Webflow-Users-Fault: delay=1"])
    connection.send(text.slice(0, -5))
    expect(await statusOf(call(path))).toBe(200)
    expect(isWaiting).toBe(false)
    connection.send(text.slice(-5))
    await proxy.run(waiting.await)
    await proxy.run(TestClock.adjust("1 second"))
    expect((await connection.next())?.status).toBe(200)
  })
})

const range = (low: number, high: number) => `must be a whole number from ${low} to ${high}`
const anyStatus = "must be one of 400, 401, 403, 404, 429, 500"
const anyCode = `must be one of ${table.map(([, code]) => code).join(", ")}`
const unknown = "is not a part of a fault: status, code, retryAfter, delay, reset, times"
const nothing = "needs a status, a code, a delay, or reset"

/** What is wrong with a fault, and what the answer says of it. */
const invalid: ReadonlyArray<[fault: unknown, ...details: Array<[param: string, description: string]>]> = [
  [{}, ["fault", nothing]],
  [{ times: 3 }, ["fault", nothing]],
  [{ reset: false }, ["fault", nothing]],
  [[], ["fault", "must be a JSON object"]],
  [null, ["fault", "must be a JSON object"]],
  ["status=429", ["fault", "must be a JSON object"]],
  [{ status: 418 }, ["status", anyStatus]],
  [{ status: "500" }, ["status", anyStatus]],
  [{ status: null }, ["status", anyStatus]],
  [{ code: "conflict" }, ["code", anyCode]],
  [{ code: "user_not_found", status: 400 }, ["code", "is answered with 404, not with 400"]],
  [{ status: 500, retryAfter: 3 }, ["retryAfter", "belongs to status 429 only"]],
  [{ delay: 1, retryAfter: 3 }, ["retryAfter", "belongs to status 429 only"]],
  [{ status: 429, retryAfter: 1.5 }, ["retryAfter", range(0, 31_536_000)]],
  [{ status: 429, retryAfter: -1 }, ["retryAfter", range(0, 31_536_000)]],
  [{ delay: 60_001 }, ["delay", range(0, 60_000)]],
  [{ delay: "1 second" }, ["delay", range(0, 60_000)]],
  [{ reset: "yes" }, ["reset", "must be true or false"]],
  [{ reset: true, status: 500 }, ["reset", "cannot stand beside a status"]],
  [{ reset: true, code: "forbidden" }, ["reset", "cannot stand beside a code"]],
  [{ status: 500, times: 0 }, ["times", range(1, 10_000)]],
  [{ status: 500, times: 10_001 }, ["times", range(1, 10_000)]],
  [{ status: 500, "retry-after": 3 }, ["retry-after", unknown]],
  [JSON.parse('{"status":500,"__proto__":1}'), ["__proto__", unknown]],
  [{ [`k${"x".repeat(100)}`]: 1 }, [`k${"x".repeat(63)}`, unknown]],
  [
    { status: 1, code: "x", delay: -1, times: 0, more: 1 },
    ["more", unknown],
    ["status", anyStatus],
    ["code", anyCode],
    ["delay", range(0, 60_000)],
    ["times", range(1, 10_000)],
  ],
]
const invalidHeaders: ReadonlyArray<[fault: string, param: string, description: string]> = [
  ["", "fault", nothing],
  [" ; ", "fault", nothing],
  ["429", "429", "needs a value, as in status=429"],
  ["status=429; reset", "reset", "needs a value, as in status=429"],
  ["status=429; status=500", "status", "is given twice"],
  ["status=", "status", anyStatus],
  ["status=429, status=500", "status", anyStatus],
  ["status=5e2", "status", anyStatus],
  ["STATUS=500", "STATUS", unknown],
  ["reset=1", "reset", "must be true or false"],
  ["__proto__=1", "__proto__", unknown],
  ["status=500; delay=-1", "delay", range(0, 60_000)],
]

const refused = (details: ReadonlyArray<readonly [param: string, description: string]>) => ({
  code: "validation_error",
  message: "Validation Error",
  externalReference: null,
  details: details.map(([param, description]) => ({ param, description })),
})

describe("an invalid fault is refused by name, and changes nothing", () => {
  it.each(invalid)("as JSON: %j", async (fault, ...details) => {
    await put({ code: "forbidden", times: 7 })
    const response = await put(fault)
    expect([response.status, await response.json()]).toEqual([400, refused(details)])
    expect(await left()).toEqual({ code: "forbidden", times: 7 })
  })

  it.each(invalidHeaders)("in the header: %s", async (fault, param, description) => {
    await put({ code: "forbidden", times: 7 })
    const response = await rename("Changed", { fault })
    expect([response.status, await response.json()]).toEqual([400, refused([[param, description]])])
    expect([await left(), await names()]).toEqual([{ code: "forbidden", times: 7 }, []])
  })

  it("names no more than fifty problems", async () => {
    const response = await put(Object.fromEntries(Array.from({ length: 1000 }, (_, index) => [`key${index}`, 1])))
    const { details } = (await response.json()) as { readonly details: ReadonlyArray<unknown> }
    expect([response.status, details.length]).toEqual([400, 50])
  })

  it("and so is a body that is no JSON", async () => {
    const headers = { authorization: `Bearer ${token}`, "content-type": "application/json" }
    const response = await fetch(proxy.origin + rule, { method: "PUT", headers, body: "{" })
    expect([response.status, await response.json()]).toMatchObject([400, { code: "bad_request" }])
  })
})

describe("a stranger", () => {
  const strangers: ReadonlyArray<[who: string, by: () => string | Promise<string>, status: number, code: string]> = [
    ["without a token that is known", () => "wrong", 401, "not_authorized"],
    ["with another site's token", () => proxy.token(otherSiteId), 403, "forbidden"],
    ["with a token for reading", () => proxy.token(siteId, ["users:read"]), 403, "missing_scopes"],
  ]
  it.each(strangers)("%s can neither set, nor see, nor take away a rule", async (_, by, status, code) => {
    const stranger = await by()
    await put({ code: "forbidden", times: 7 })
    for (const method of ["PUT", "GET", "DELETE"]) {
      const body = method === "PUT" ? { body: { status: 500 } } : {}
      const response = await call(rule, { method, by: stranger, ...body })
      expect([response.status, await response.json()]).toMatchObject([status, { code }])
    }
    expect(await left()).toEqual({ code: "forbidden", times: 7 })
  })

  it.each(strangers)("%s cannot ask for a fault by a header", async (_, by, status, code) => {
    const response = await call(path, { by: await by(), fault: "status=500; times=7" })
    expect([response.status, await response.json()]).toMatchObject([status, { code }])
    expect(await left()).toEqual({})
  })
})

describe("where rules are not", () => {
  it.each([
    ["/faults", 404, "resource_not_found"],
    ["/faults/", 404, "resource_not_found"],
    ["/faults/sites", 404, "resource_not_found"],
    [`/v2${rule}`, 404, "resource_not_found"],
    [`${rule}/`, 404, "resource_not_found"],
    ["/faults/sites/mine", 400, "validation_error"],
  ])("%s is %i", async (target, status, code) => {
    const response = await call(target)
    expect([response.status, await response.json()]).toMatchObject([status, { code }])
  })

  it.each(["POST", "PATCH", "HEAD"])("%s is not a method of theirs", async (method) => {
    const response = await call(rule, { method })
    expect([response.status, response.headers.get("allow")]).toEqual([405, "GET, PUT, DELETE"])
  })
})

describe("a proxy that was not started for faults", () => {
  let plain: Proxy
  beforeAll(async () => {
    plain = await start("memory:", { id: siteId, users: [user] })
  })
  afterAll(() => plain.stop())

  it.each<[what: string, target: string, options: Call]>([
    ["an update with the header", path, { method: "PATCH", body: { data: { name: "Changed" } }, fault: "status=500" }],
    ["a header that is invalid", path, { method: "PATCH", body: { data: { name: "Changed" } }, fault: "nonsense" }],
    ["a reading with the header", path, { fault: "reset=true" }],
    ["a rule", rule, { method: "PUT", body: { status: 500 } }],
    ["the question what is left", rule, {}],
    ["taking a rule away", rule, { method: "DELETE" }],
    ["anything else there", "/faults/else", { method: "POST" }],
  ])("refuses %s, says how to start it, and changes nothing", async (_, target, options) => {
    for (const scopes of [
      ["users:read", "users:write"],
      [options.method === "PATCH" ? "users:write" : "users:read"],
    ] as const) {
      const by = await plain.token(siteId, scopes)
      const response = await call(target, { ...options, on: plain, by })
      expect([response.status, await response.json()]).toEqual([
        400,
        {
          code: "bad_request",
          message: "Faults are not enabled: start webflow-users-proxy with --faults",
          externalReference: null,
          details: [],
        },
      ])
    }
    expect(await names(plain)).toEqual([])
  })
})

describe("the built proxy", () => {
  let folder: string
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), "webflow-users-faults-"))
  })
  afterEach(() => rm(folder, { recursive: true }))

  it.each<[how: string, told: Spawned.Told]>([
    ["with --faults", { args: ["--faults"] }],
    ["with WEBFLOW_USERS_FAULTS", { env: { WEBFLOW_USERS_FAULTS: "1" } }],
  ])("started %s says so, does as it is asked, and stops while somebody waits", async (_, told) => {
    const address = `file:${folder}/users.db`
    await using store = open(address)
    await store.add({ id: siteId, users: [user] })
    const by = await store.token(siteId)
    await using spawned = await Spawned.start(address, told)
    const ask = (fault: string) =>
      fetch(spawned.origin + path, { headers: { authorization: `Bearer ${by}`, "webflow-users-fault": fault } })
    const throttled = await ask("status=429; retryAfter=3; times=2")
    expect([throttled.status, throttled.headers.get("retry-after")]).toEqual([429, "3"])
    expect(await statusOf(ask("status=404"))).toBe(404)
    await expect(ask("reset=true")).rejects.toMatchObject({ cause: { code: "ECONNRESET" } })
    const headers = { authorization: `Bearer ${by}`, "content-type": "application/json" }
    await fetch(`${spawned.origin}${rule}`, { method: "PUT", headers, body: '{"delay":60000}' })
    const late = fetch(spawned.origin + path, { headers })
    // The rule is used up when the request has arrived.
    for (let seen = ""; seen !== "{}";) seen = await (await fetch(spawned.origin + rule, { headers })).text()
    const [ended, status] = await Promise.all([spawned.end("SIGTERM"), statusOf(late)])
    expect([ended.code, status]).toEqual([0, 200])
    expect(ended.stdout.split("\n").slice(1)).toEqual([
      "Faults are enabled: callers can ask for errors, resets and delays. This is for tests only",
      "",
    ])
  })

  it.each<[how: string, told: Spawned.Told]>([
    ["told nothing", {}],
    ["with an empty variable", { env: { WEBFLOW_USERS_FAULTS: "" } }],
    ["with false", { env: { WEBFLOW_USERS_FAULTS: "false" } }],
    ["with a flag against the variable", { args: ["--no-faults"], env: { WEBFLOW_USERS_FAULTS: "true" } }],
  ])("started %s has no faults", async (_, told) => {
    await using spawned = await Spawned.start("memory:", told)
    expect(await statusOf(fetch(spawned.origin + rule))).toBe(400)
    expect((await spawned.end("SIGTERM")).stdout).not.toContain("Faults")
  })

  it("does not start with a variable that is neither", async () => {
    const ended = await Spawned.run({ env: { WEBFLOW_USERS_STORE: "memory:", WEBFLOW_USERS_FAULTS: "maybe" } })
    expect(ended).toMatchObject({ code: 2, stdout: "" })
    expect(ended.stderr).toContain('"maybe". Expected: true or false (--faults or WEBFLOW_USERS_FAULTS)')
  })
})
