/** Tokens that may do some things and not others, over HTTP: what a form on a website holds, and what its operator does to it. */
import { it } from "@effect/vitest"
import {
  AccessTokens,
  NotAuthorized,
  parseSiteId,
  RateLimits,
  type SiteId,
  type User,
  UserEvents,
  UserId,
  UserStore,
} from "@webflow-users/core"
import { Callers, FailedAuthentications } from "@webflow-users/server"
import { DateTime, Deferred, Effect, Exit, Fiber, Layer, Logger } from "effect"
import { TestClock } from "effect/testing"
import { afterEach, beforeEach, describe, expect } from "vitest"
import { start } from "./proxy.ts"

const siteId = parseSiteId("580e63e98c9a982ac9b8b741") as SiteId
const otherSiteId = parseSiteId("580e63e98c9a982ac9b8b742") as SiteId
const user: User = {
  id: UserId.make("6287ec36a841b25637c663df"),
  isEmailVerified: true,
  lastUpdated: "2022-05-20T13:46:12.093Z",
  createdOn: "2022-01-01T00:00:00.000Z",
  status: "verified",
  accessGroups: [
    { slug: "webflowers", type: "admin" },
    { slug: "course", type: "ecommerce" },
  ],
  data: { name: "Ada", email: "ada@example.com", "accept-privacy": true, company: "Engines", plan: "free" },
}
const form: AccessTokens.Grants = { fields: ["name", "company"], groups: [], label: "Profile form" }

let proxy: Awaited<ReturnType<typeof start>>
beforeEach(async () => {
  const sites: Parameters<typeof start>[1] = [
    { id: siteId, users: [user] },
    { id: otherSiteId, users: [user] },
  ]
  proxy = await start("memory:", sites, undefined, Layer.merge(TestClock.layer(), Logger.layer([])))
})
afterEach(() => proxy.stop())

const ask = async (token: string, body?: unknown, path = `/v2/sites/${siteId}/users/${user.id}`, headers = {}) => {
  const response = await fetch(proxy.origin + path, {
    method: body === undefined ? "GET" : "PATCH",
    headers: { authorization: `Bearer ${token}`, "content-type": "application/json", ...headers },
    ...(body !== undefined && { body: JSON.stringify(body) }),
  })
  return { status: response.status, json: (await response.json()) as Record<string, unknown> }
}
const stored = () => proxy.run(UserStore.UserStore.use((store) => store.get(siteId, user.id)))

const own = (data: object) => ({ ...user, data: { data: { ...user.data, ...data } } })

describe("a token for a form", () => {
  it.each<[string, string, object]>([
    ["one field", "/v2", { data: { name: "Bea" } }],
    ["both of its fields, nested, on beta", "/beta", { data: { data: { name: "Bea", company: null } } }],
    ["the whole user sent back as SDK 3.2 does", "/v2", own({ name: "Bea" })],
    ["nothing at all", "/v2", {}],
  ])("may change %s", async (_, prefix, body) => {
    const token = await proxy.token(siteId, ["users:write"], form)
    const { status, json } = await ask(token, body, `${prefix}/sites/${siteId}/users/${user.id}`)
    expect([status, json]).toEqual([200, await stored()])
    const [event, ...more] = await proxy.run(UserEvents.use((events) => events.ofUser(siteId, user.id)))
    expect(more).toEqual([])
    expect(event).toMatchObject({ actor: `token:${token.split("_")[1]}`, label: "Profile form", address: "127.0.0.1" })
  })

  it.each<[string, object, ReadonlyArray<string>]>([
    ["another field", { data: { name: "Bea", plan: "gold" } }, ["data.plan"]],
    ["a consent, in the whole user", own({ "accept-privacy": false }), ["data.accept-privacy"]],
    ["a group", { accessGroups: ["webflowers", "platinum"] }, ["accessGroups"]],
    ["no groups", { accessGroups: [] }, ["accessGroups"]],
  ])("may not change %s, and nothing is", async (_, body, params) => {
    const token = await proxy.token(siteId, ["users:write"], form)
    const { status, json } = await ask(token, body)
    expect([status, json]).toEqual([
      403,
      {
        code: "forbidden",
        message: "The token may not make this change",
        externalReference: null,
        details: params.map((param) => ({ param, description: expect.stringMatching(/with this token$/) })),
      },
    ])
    expect(await stored()).toEqual(user)
    expect(await proxy.run(UserEvents.use((events) => events.ofUser(siteId, user.id)))).toEqual([])
  })

  it("is held to it in v1 too, in v1's words", async () => {
    const token = await proxy.token(siteId, ["users:write"], form)
    const v1 = (body: object) => ask(token, body, `/sites/${siteId}/users/${user.id}`, { "accept-version": "1.0.0" })
    const { status, json } = await v1({ data: { name: "Bea", plan: "gold" } })
    expect(status).toBe(403)
    expect(json).toMatchObject({
      code: 403,
      name: "Unauthorized",
      msg: "The token may not make this change",
      problems: ["Field 'data.plan': may not be changed with this token"],
    })
    expect(await stored()).toEqual(user)
    expect((await v1({ name: "Bea", company: "Looms" })).status).toBe(200)
    expect((await stored()).data).toMatchObject({ name: "Bea", company: "Looms", plan: "free" })
  })

  it("reads what it likes with users:read, and nothing without", async () => {
    const [reading, writing] = [
      await proxy.token(siteId, ["users:read", "users:write"], form),
      await proxy.token(siteId, ["users:write"], form),
    ]
    expect(await ask(reading)).toEqual({ status: 200, json: user })
    expect((await ask(writing)).json).toMatchObject({ code: "missing_scopes" })
  })

  it("does not limit anybody else", async () => {
    await ask(await proxy.token(siteId, ["users:write"], form), { data: { plan: "gold" } })
    expect((await ask(await proxy.token(), { data: { plan: "gold" }, accessGroups: [] })).status).toBe(200)
  })
})

describe("a token", () => {
  it("for all sites is good for each, and one for a site for that", async () => {
    const [all, one] = [await proxy.token("all"), await proxy.token(siteId)]
    const there = `/v2/sites/${otherSiteId}/users/${user.id}`
    expect((await ask(all)).status).toBe(200)
    expect((await ask(all, undefined, there)).status).toBe(200)
    expect((await ask(all, undefined, `/v2/sites/${"0".repeat(24)}/users`)).json).toMatchObject({
      code: "resource_not_found",
    })
    expect((await ask(one, undefined, there)).json).toMatchObject({ code: "forbidden" })
  })

  it("is refused from the moment on which it expires, in the words for every token that is not good", async () => {
    const expiresOn = DateTime.makeUnsafe("1970-01-01T00:10:00Z")
    const token = await proxy.token(siteId, ["users:read"], { expiresOn })
    await proxy.run(TestClock.setTime(599_999))
    expect((await ask(token)).status).toBe(200)
    await proxy.run(TestClock.setTime(600_000))
    expect(await ask(token)).toEqual(await ask(`wfu_${"0".repeat(24)}_${"0".repeat(64)}`))
    expect((await ask(token)).json).toMatchObject({ code: "not_authorized", message: "Request not authorized" })
  })

  it("is told from others that come at the same moment", async () => {
    const good = await proxy.token(siteId)
    const wrong = good.replace(/.$/, (last) => (last === "0" ? "1" : "0"))
    const callers = [good, await proxy.token(otherSiteId), wrong, good]
    const all = () => Promise.all(Array.from({ length: 32 }, async (_, index) => ask(String(callers[index % 4]))))
    // The first time, connections are made one after the other.
    await all()
    expect((await all()).map(({ status }) => status)).toEqual(
      Array.from({ length: 32 }, (_, index) => [200, 403, 401, 200][index % 4]),
    )
  })

  it("that is rotated, or revoked, is so for the next request", async () => {
    const tokens = <A, E>(
      use: (service: AccessTokens.AccessTokens["Service"]) => import("effect").Effect.Effect<A, E>,
    ) => proxy.run(AccessTokens.AccessTokens.use(use))
    const first = await proxy.token()
    const id = String(first.split("_")[1])
    expect((await ask(first)).status).toBe(200)
    const second = (await tokens(({ rotate }) => rotate(id)))?.token ?? ""
    expect([(await ask(first)).status, (await ask(second)).status]).toEqual([401, 200])
    const third = (await tokens(({ rotate }) => rotate(id, { grace: "1 minute" })))?.token ?? ""
    expect([(await ask(second)).status, (await ask(third)).status]).toEqual([200, 200])
    await proxy.run(TestClock.adjust("1 minute"))
    expect([(await ask(second)).status, (await ask(third)).status]).toEqual([401, 200])
    await tokens(({ revoke }) => revoke(id))
    expect((await ask(third)).status).toBe(401)
  })
})

/** How often tokens are looked up, by something that may be waited for. */
const callersOf = (verify: AccessTokens.AccessTokens["Service"]["verify"]) => {
  let lookUps = 0
  const tokens = Layer.mock(AccessTokens.AccessTokens, {
    verify: (token) => {
      lookUps += 1
      return verify(token)
    },
  })
  const layer = Callers.tokens.pipe(
    Layer.provide([tokens, RateLimits.RateLimits.layerMemory, FailedAuthentications.FailedAuthentications.layer()]),
  )
  return { layer, lookUps: () => lookUps }
}

describe("who brings a token in the same step of the program as another", () => {
  const address = "192.0.2.1"
  const token = {
    id: "0".repeat(24),
    siteId: "all",
    scopes: ["users:read"],
    createdOn: "2026-01-01T00:00:00.000Z",
  } as const

  it.effect("is known by the same look-up, from the same address", () => {
    const { layer, lookUps } = callersOf(() => Effect.succeed(token))
    return Effect.gen(function* () {
      const { identify } = yield* Callers
      yield* Effect.all([identify("one", address), identify("one", address), identify("one", "198.51.100.1")])
      expect(lookUps()).toBe(2)
      yield* Effect.promise(() => Promise.resolve())
      yield* identify("one", "198.51.100.1")
      expect(lookUps()).toBe(3)
    }).pipe(Effect.provide(layer))
  })

  it.effect("is not known by what was read in an earlier step: it may have been taken back since", () => {
    const read = Deferred.makeUnsafe<typeof token>()
    let isRevoked = false
    const { layer } = callersOf(() =>
      isRevoked ? Effect.fail(new NotAuthorized({ reason: "unknown" })) : Deferred.await(read),
    )
    return Effect.gen(function* () {
      const { identify } = yield* Callers
      const first = yield* Effect.forkChild(identify("one", address), { startImmediately: true })
      yield* Effect.promise(() => Promise.resolve())
      isRevoked = true
      // The first goes on in the step in which the second comes.
      const second = Effect.andThen(Deferred.succeed(read, token), Effect.exit(identify("one", address)))
      expect(Exit.isFailure(yield* second)).toBe(true)
      expect((yield* Fiber.join(first)).actor.actor).toBe(`token:${token.id}`)
    }).pipe(Effect.provide(layer))
  })
})
