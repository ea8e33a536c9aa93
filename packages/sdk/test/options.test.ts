/** What a client and a call can be told, and that what they cannot be told is refused at once. */
import { createClient, type RemoteOptions, type RequestOptions } from "@webflow-users/sdk"
import { describe, expect, it } from "vitest"
import { fail, json, reasonOf, serve, siteId, user, userId } from "./serve.ts"

const baseUrl = "http://127.0.0.1:1/v2"

describe("options that there are not, or that cannot be", () => {
  it.each<[string, object, RegExp]>([
    ["misspelt", { baseUrl, tokn: "t" }, /^createClient has no tokn: there is baseUrl, token, fetch/],
    ["misspelt within", { baseUrl, token: "t", retry: { attemps: 2 } }, /^retry has no attemps: there is attempts/],
    ["of the other kind of client", { baseUrl, token: "t", policy: {} }, /^createClient has no policy/],
    ["of the other kind of client too", { store: "memory:", baseUrl }, /^createClient has no baseUrl/],
    ["a misspelt decision", { store: "memory:", policy: { email: "ignore" } }, /^policy has no email:/],
    ["a decision of no kind", { store: "memory:", policy: { emailAndPassword: "drop" } }, /refuse or ignore$/],
    ["no token", { baseUrl }, /^token is not given$/],
    ["an undefined token", { baseUrl, token: undefined }, /^token is not given$/],
    ["no address", { token: "t" }, /^baseUrl is not given$/],
    ["an undefined store", { store: undefined }, /^store is not given$/],
    ["half an address", { baseUrl: "/v2", token: "t" }, /^baseUrl is not a whole URL/],
    ["an address with a query", { baseUrl: `${baseUrl}?a=1`, token: "t" }, /^baseUrl goes on after its path/],
    ["an address with a secret", { baseUrl: "http://a:b@example.com", token: "t" }, /^baseUrl holds a user name/],
    ["a token that is none", { baseUrl, token: 7 }, /^token has to be text, or a function/],
    ["an empty token", { baseUrl, token: "" }, /^token is empty$/],
    ["a token as a header has it", { baseUrl, token: "Bearer abc" }, /^token begins with Bearer, which is sent/],
    ["a number of retries", { baseUrl, token: "t", retry: 3 }, /^retry takes false, or an object of options: attempts/],
    ["no limit", { baseUrl, token: "t", rateLimit: false }, /^rateLimit takes an object of options: limit, window$/],
    ["a time that is none", { baseUrl, token: "t", timeout: "10 secs" }, /^timeout has to be a time, such as/],
    ["a signal that is none", { baseUrl, token: "t", signal: new AbortController() }, /^signal has to be an AbortSig/],
    ["a hook that is none", { baseUrl, token: "t", onRequest: true }, /^onRequest has to be a function$/],
    ["a schema that is none", { baseUrl, token: "t", fields: {} }, /^fields has to be a schema/],
    ["no options", Object(undefined), /^baseUrl is not given$/],
    ["what are no options", null as never, /^createClient takes an object of options: baseUrl/],
  ])("are refused with a TypeError that names them: %s", (_, options, message) => {
    expect(() => createClient(options as RemoteOptions)).toThrow(TypeError)
    expect(() => createClient(options as RemoteOptions)).toThrow(message)
  })

  it.each([
    [{ rateLimit: { limit: 0 } }, "rateLimit.limit"],
    [{ rateLimit: { limit: Number.NaN } }, "rateLimit.limit"],
    [{ rateLimit: { window: Infinity } }, "rateLimit.window"],
    [{ rateLimit: { window: 0 } }, "rateLimit.window"],
    [{ retry: { attempts: 1.5 } }, "retry.attempts"],
    [{ retry: { deadline: -1 } }, "retry.deadline"],
    [{ timeout: 0 }, "timeout"],
  ])("are refused where they are out of range: %j", (options, name) =>
    expect(() => createClient({ baseUrl, token: "t", ...options })).toThrow(new RegExp(`^${name} has to be`)),
  )

  it("may be there and undefined, where they may be left out", async () => {
    const nothing = { fetch: undefined, timeout: undefined, retry: undefined, rateLimit: undefined, signal: undefined }
    await using client = createClient({ baseUrl, token: "t", ...nothing, onRequest: undefined, onResponse: undefined })
    expect(await reasonOf(client.users.get(siteId, "short", { signal: undefined }))).toMatchObject({
      _tag: "InvalidId",
    })
  })

  it.each<[RequestOptions, RegExp]>([
    [{ timout: 1 } as RequestOptions, /: The call has no timout: there is signal, timeout, attempts, headers/],
    [{ attempts: 0 }, /: attempts has to be a whole number from 1$/],
    [{ headers: { Authorization: "Bearer x" } }, /: headers.Authorization is the client's own to send$/],
    [{ headers: { "a b": "c" } }, /: headers has a name that no header can have$/],
  ])("of a call are what it rejects with: %j", async (options, message) => {
    await using client = createClient({ store: "memory:" })
    const { users, accessGroups } = client
    const calls = [
      users.get(siteId, userId, options),
      users.update(siteId, userId, {}, options),
      users.list(siteId, options),
      accessGroups.list(siteId, options),
      client.importUsers(siteId, [], options),
    ]
    for (const reason of await Promise.all(calls.map(reasonOf))) expect(String(reason)).toMatch(message)
    expect(() => users.updateMany(siteId, [], options)).toThrow(/has (to be|no|a name)|the client's own/)
  })
})

describe("a token", () => {
  it("is asked for before each request, by a function or a promise, each try too", async () => {
    await using server = await serve((response) =>
      server.requests.length === 1 ? fail(response, 500, "internal_error") : json(response, 200, user),
    )
    let asked = 0
    const token = async () => `token-${(asked += 1)}`
    await using client = createClient({ baseUrl: server.baseUrl, token })
    await client.users.get(siteId, userId)
    await client.users.get(siteId, userId)
    expect(server.requests.map(({ headers }) => headers.authorization)).toEqual([
      "Bearer token-1",
      "Bearer token-2",
      "Bearer token-3",
    ])
  })

  it("that cannot be had is what the call rejects with, and nothing is sent", async () => {
    await using server = await serve((response) => json(response, 200, user))
    const thrown = new Error("the vault is closed")
    const throwing = () => {
      throw thrown
    }
    await using client = createClient({ baseUrl: server.baseUrl, token: throwing })
    expect(await reasonOf(client.users.get(siteId, userId))).toBe(thrown)
    expect(await reasonOf(client.users.updateMany(siteId, [{ id: userId }]))).toBe(thrown)
    await using other = createClient({ baseUrl: server.baseUrl, token: async () => Object(undefined) })
    expect(await reasonOf(other.users.get(siteId, userId))).toBeInstanceOf(TypeError)
    expect(server.requests).toEqual([])
  })
})

describe("one call", () => {
  it("can be tried less often, wait for less time and send headers along", async () => {
    await using server = await serve((response, { url }) =>
      url.endsWith("0") ? undefined : fail(response, 500, "internal_error"),
    )
    await using client = createClient({ baseUrl: server.baseUrl, token: "t" })
    const headers = { "X-Request-Id": "mine", "x-none": undefined }
    const failed = await reasonOf(client.users.get(siteId, userId, { attempts: 1, headers }))
    expect(failed).toMatchObject({ _tag: "InternalError" })
    expect(server.requests).toHaveLength(1)
    expect(server.requests[0]?.headers).toMatchObject({ "x-request-id": "mine", authorization: "Bearer t" })
    expect(server.requests[0]?.headers).not.toHaveProperty("x-none")
    const silent = client.users.get(siteId, `${userId.slice(0, -1)}0`, { attempts: 1, timeout: 20 })
    expect(await reasonOf(silent)).toMatchObject({ _tag: "TimedOut", cause: "no answer within 20ms" })
  })

  it.each([undefined, null, 7, {}, "short"])("with an id that is none rejects with InvalidId: %j", async (id) => {
    await using client = createClient({ store: "memory:" })
    const none = id as string
    const calls = [
      client.users.get(none, userId),
      client.users.get(siteId, none),
      client.users.update(siteId, none, {}),
      client.users.list(none),
      client.accessGroups.list(none),
      client.users.updateMany(none, []),
      client.importUsers(none, []),
      client.declareSite(none, {}),
    ]
    const invalid = { _tag: "InvalidId", details: [{ description: "must be 24 hexadecimal characters" }] }
    expect(await Promise.all(calls.map(reasonOf))).toMatchObject(calls.map(() => invalid))
  })
})

describe("a signal for the whole client", () => {
  it("ends all calls with its reason, those under way and those to come", async () => {
    const controller = new AbortController()
    const reason = new Error("the program ends")
    const all = Promise.withResolvers<void>()
    await using server = await serve(() => {
      if (server.requests.length === 3) all.resolve()
    })
    await using client = createClient({ baseUrl: server.baseUrl, token: "t", signal: controller.signal })
    const own = new AbortController()
    const calls = [
      client.users.get(siteId, userId),
      client.users.get(siteId, userId, { signal: own.signal }),
      client.users.updateMany(siteId, [{ id: userId }]),
    ].map(reasonOf)
    await all.promise
    controller.abort(reason)
    expect(await Promise.all(calls)).toEqual([reason, reason, reason])
    expect(await reasonOf(client.users.get(siteId, userId, { signal: own.signal }))).toBe(reason)
  })

  it("leaves a call's own signal what it is", async () => {
    await using server = await serve(() => own.abort("mine"))
    const own = new AbortController()
    const { signal } = new AbortController()
    await using client = createClient({ baseUrl: server.baseUrl, token: "t", signal })
    expect(await reasonOf(client.users.get(siteId, userId, { signal: own.signal }))).toBe("mine")
  })
})
