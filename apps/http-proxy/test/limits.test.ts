/** What a token with a rate gets, on a real socket; the minute is the test's own, so that it never turns unasked. */
import { mkdtemp, rm } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { parseSiteId, type SiteId, type User, UserEvents, UserId, UserStore } from "@webflow-users/core"
import { createClient, TooManyRequests } from "@webflow-users/sdk"
import { Effect, Layer, Logger } from "effect"
import { TestClock } from "effect/testing"
import { afterEach, beforeEach, describe, expect, it } from "vitest"
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
const tooMany = { code: "too_many_requests", message: "Too Many Requests", externalReference: null, details: [] }

// What is logged of an unexpected failure is not what is tested here.
const beside = Layer.merge(TestClock.layer(), Logger.layer([]))

let proxy: Awaited<ReturnType<typeof start>>
/** While it is set, reading a user fails with it. */
let failing: Error | undefined
beforeEach(async () => {
  failing = undefined
  const around = (store: UserStore.UserStore["Service"]) => ({
    ...store,
    get: (...call: Parameters<typeof store.get>) =>
      Effect.suspend(() => (failing === undefined ? store.get(...call) : Effect.die(failing))),
  })
  proxy = await start("memory:", { id: siteId, users: [user] }, around, beside)
  await at("12:00:18.500")
})
afterEach(() => proxy.stop())

const at = (time: string) => proxy.run(TestClock.setTime(Date.parse(`2026-03-01T${time}Z`)))
const limited = (rate: number, scopes?: Parameters<typeof proxy.token>[1]) => proxy.token(siteId, scopes, rate)

const ask = (token: string, target = path, init: RequestInit = {}) =>
  fetch(proxy.origin + target, { ...init, headers: { authorization: `Bearer ${token}`, ...init.headers } })
const rename = (token: string, name: string) =>
  ask(token, path, {
    method: "PATCH",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ data: { name } }),
  })
/** Status, limit and remaining of an answer. */
const told = ({ status, headers }: Response) => [
  status,
  headers.get("x-ratelimit-limit"),
  headers.get("x-ratelimit-remaining"),
]

describe("a token with a rate", () => {
  it("is told what it may still ask, then that it is too many, and how long to wait", async () => {
    const token = await limited(3)
    const answers = [await rename(token, "1"), await ask(token), await rename(token, "2"), await rename(token, "3")]
    expect(answers.map(told)).toEqual([
      [200, "3", "2"],
      [200, "3", "1"],
      [200, "3", "0"],
      [429, "3", "0"],
    ])
    const [, , third, last] = answers
    expect([third?.headers.get("retry-after"), last?.headers.get("retry-after")]).toEqual([null, "42"])
    expect(last?.headers.get("content-type")).toBe("application/json; charset=utf-8")
    expect(await last?.json()).toEqual(tooMany)
    const events = await proxy.run(UserEvents.use((service) => service.ofUser(siteId, user.id)))
    expect(events.map(({ after }) => after.data.name)).toEqual(["1", "2"])
  })

  it("succeeds after waiting as long as it was told, and no second earlier", async () => {
    const token = await limited(1)
    await ask(token)
    expect((await ask(token)).headers.get("retry-after")).toBe("42")
    await at("12:00:59.500")
    const early = await ask(token)
    expect([...told(early), early.headers.get("retry-after")]).toEqual([429, "1", "0", "1"])
    await at("12:01:00.500")
    expect(told(await ask(token))).toEqual([200, "1", "0"])
  })

  it("does not share it with another, nor with one that has none", async () => {
    const [one, another, free] = [await limited(1), await limited(2), await proxy.token()]
    await ask(one)
    expect(told(await ask(one))).toEqual([429, "1", "0"])
    expect(told(await ask(another))).toEqual([200, "2", "1"])
    expect(told(await ask(free))).toEqual([200, null, null])
  })

  it("never gets more than that, however many requests come at once", async () => {
    const token = await limited(20)
    const answers = await Promise.all(Array.from({ length: 50 }, (_, index) => rename(token, `Name ${index}`)))
    const passed = answers.filter(({ status }) => status === 200).map((answer) => told(answer)[2])
    expect(passed.map(Number).toSorted((a, b) => a - b)).toEqual(Array.from({ length: 20 }, (_, index) => index))
    expect(answers.filter(({ status }) => status === 429)).toHaveLength(30)
    const events = await proxy.run(UserEvents.use((service) => service.ofUser(siteId, user.id)))
    expect(events).toHaveLength(20)
  })

  it("never gets more than that on one connection, without waiting for answers", async () => {
    const token = await limited(20)
    using connection = await dial(proxy.origin)
    connection.send(request(`GET ${path}`, [`Authorization: Bearer ${token}`]).repeat(50))
    const statuses = []
    for (let index = 0; index < 50; index += 1) statuses.push((await connection.next())?.status)
    expect(statuses).toEqual([...Array.from({ length: 20 }, () => 200), ...Array.from({ length: 30 }, () => 429)])
  })

  it("sees the headers under Webflow's names, to the letter", async () => {
    const token = await limited(2)
    using connection = await dial(proxy.origin)
    let received = ""
    connection.socket.on("data", (chunk) => (received += chunk.toString("latin1")))
    connection.send(request(`GET ${path}`, [`Authorization: Bearer ${token}`]))
    await connection.next()
    expect(received.split("\r\n").filter((line) => /ratelimit/i.test(line))).toEqual([
      "X-RateLimit-Limit: 2",
      "X-RateLimit-Remaining: 1",
    ])
  })

  it("is a TooManyRequests with retryAfter to the SDK", async () => {
    const options = { baseUrl: `${proxy.origin}/v2`, token: await limited(1), retry: false } as const
    await using other = createClient(options)
    await other.users.get(siteId, user.id)
    await using client = createClient(options)
    const error = await client.users.update(siteId, user.id, {}).catch((reason: unknown) => reason)
    expect(error).toBeInstanceOf(TooManyRequests)
    expect(error).toMatchObject({ status: 429, retryAfter: 42, isRetryable: true })
  })
})

describe("every answer to a token with a rate tells it, and counts", () => {
  const json = { "content-type": "application/json" }
  it.each<[status: number, what: string, target: string, init?: RequestInit]>([
    [200, "a list", `/sites/${siteId}/users`],
    [400, "a site id that is none", "/v2/sites/mine/users"],
    [400, "a user id that is none", `/beta/sites/${siteId}/users/me`],
    [400, "a query that is none", `/v2/sites/${siteId}/users?limit=0`],
    [400, "a body that is no JSON", path, { method: "PATCH", headers: json, body: "{" }],
    [400, "a body of another type", path, { method: "PATCH", body: "{}" }],
    [400, "an update that cannot be", path, { method: "PATCH", headers: json, body: '{"nickname":1}' }],
    [413, "a body that is too large", path, { method: "PATCH", headers: json, body: " ".repeat(1024 * 1024 + 1) }],
    [403, "another site", `/v2/sites/${otherSiteId}/users`],
    [404, "a user that is not there", `/v2/sites/${siteId}/users/${"0".repeat(24)}`],
  ])("%i for %s", async (status, _, target, init) => {
    const token = await limited(9)
    expect(told(await ask(token, target, init))).toEqual([status, "9", "8"])
    expect(told(await ask(token))).toEqual([200, "9", "7"])
  })

  it("403 for a scope it lacks", async () => {
    const token = await limited(9, ["users:read"])
    expect(told(await rename(token, "Changed"))).toEqual([403, "9", "8"])
  })

  it("404 for a site that is not there", async () => {
    const token = await proxy.token(otherSiteId, ["users:read"], 9)
    expect(told(await ask(token, `/v2/sites/${otherSiteId}/users`))).toEqual([404, "9", "8"])
  })

  it("500 for what nobody expected", async () => {
    const token = await limited(9)
    failing = new Error("unexpected")
    expect(told(await ask(token))).toEqual([500, "9", "8"])
  })
})

describe("an answer to nobody known tells no rate, and does not count", () => {
  it.each<[status: number, what: string, target: string, init?: RequestInit]>([
    [401, "a token that is none", path, { headers: { authorization: "Bearer wrong" } }],
    [404, "a path that is none", "/v2/nowhere"],
    [405, "a method that is not there", path, { method: "DELETE" }],
    [200, "the health check", "/health"],
  ])("%i for %s", async (status, _, target, init) => {
    const token = await limited(1)
    expect(told(await ask(token, target, init))).toEqual([status, null, null])
    expect(told(await ask(token))).toEqual([200, "1", "0"])
  })
})

it("the built proxy limits a token of its store", async () => {
  const folder = await mkdtemp(join(tmpdir(), "webflow-users-limits-"))
  const address = `file:${folder}/users.db`
  await using store = open(address)
  await store.add({ id: siteId, users: [user] })
  // Asked more often than two minutes allow: the real clock's minute may turn in between.
  const headers = { authorization: `Bearer ${await store.token(siteId, ["users:read"], 9)}` }
  await using spawned = await Spawned.start(address)
  const answers = []
  for (let index = 0; index < 19; index += 1) answers.push(await fetch(spawned.origin + path, { headers }))
  expect(answers.map((answer) => told(answer)[1])).toEqual(answers.map(() => "9"))
  const refused = answers.find(({ status }) => status === 429)
  expect(Number(refused?.headers.get("retry-after"))).toBeGreaterThanOrEqual(1)
  expect(Number(refused?.headers.get("retry-after"))).toBeLessThanOrEqual(60)
  expect(await refused?.json()).toEqual(tooMany)
  await spawned.end("SIGTERM")
  await rm(folder, { recursive: true })
})
