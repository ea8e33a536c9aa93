/** What `webflow-api` 3.1 is given in ways its types do not tell of: the drop-in takes it too, or says in the caller's words why not. */
import * as Ours from "@webflow-users/sdk/webflow-api"
import { describe, expect, it } from "vitest"
import { caught, clients, noting, says, serverAnswers, siteId, urls, user, userId } from "./beside.ts"

/** For what the types do not allow. */
const any = <A>(value: unknown) => value as A

const never = () => new Promise<never>(() => undefined)

describe("as in 3.1", () => {
  it.each([
    ["null", null],
    ["half a retry", { maxRetries: 0.5 }],
    ["fewer retries than none", { maxRetries: -1 }],
    ["numbers in words", { maxRetries: "1", timeoutInSeconds: "5" }],
    ["null in each", { maxRetries: null, timeoutInSeconds: null, abortSignal: null, headers: null }],
    ["what there is not", { queryParams: { a: "1" } }],
  ])("requestOptions may be %s", async (_, options) => {
    serverAnswers(says(200, user))
    const { official, ours } = clients()
    const requestOptions = any<Ours.WebflowClient.RequestOptions>(options)
    expect(await ours.users.get(siteId, userId, requestOptions)).toEqual(
      await official.users.get(siteId, userId, requestOptions),
    )
  })

  it.each([
    [1.5, 3],
    [Number.NaN, 1],
    ["1", 2],
  ])("maxRetries %s are %i requests", async (maxRetries, requests) => {
    let asked = 0
    serverAnswers((request) => {
      asked += 1
      request.socket.destroy()
    })
    const { users } = new Ours.WebflowClient({ accessToken: "token", environment: urls() })
    await caught(users.get(siteId, userId, any({ maxRetries })))
    expect(asked).toBe(requests)
  })

  it("headers may be what has a text, and null is none", async () => {
    const asked: Array<unknown> = []
    serverAnswers((request, response) => {
      asked.push([request.headers["x-one"], request.headers["x-none"]])
      says(200, user)(request, response)
    })
    const { official, ours } = clients()
    const headers = any<Record<string, string>>({ "x-one": 1, "x-none": null })
    for (const { users } of [official, ours]) await users.get(siteId, userId, { headers })
    expect(asked).toEqual([
      ["1", undefined],
      ["1", undefined],
    ])
  })

  it("a Date, and what else knows how JSON writes it, is sent as its text", async () => {
    const sent: Array<unknown> = []
    serverAnswers(noting(sent))
    const { official, ours } = clients()
    const request = { data: { born: new Date(0), site: new URL("https://example.com/") } as object }
    for (const { users } of [official, ours]) await users.update(siteId, userId, request)
    expect(sent[1]).toEqual(sent[0])
    expect(sent[1]).toEqual({ data: { born: "1970-01-01T00:00:00.000Z", site: "https://example.com/" } })
  })
})

describe("other than in 3.1", () => {
  it("data that is null says nothing, and a list may be asked for with null", async () => {
    const sent: Array<unknown> = []
    serverAnswers(noting(sent))
    const { users, accessGroups } = clients().ours
    await users.update(siteId, userId, any({ data: null, accessGroups: ["a"] }))
    expect(sent).toEqual([{ accessGroups: [{ slug: "a", type: "admin" }] }])
    const page = { count: 0, limit: 10, offset: 0, total: 0 }
    serverAnswers(says(200, { users: [], accessGroups: [], ...page }))
    expect(await users.list(siteId, any(null))).toMatchObject(page)
    expect(await accessGroups.list(siteId, any({ limit: null }))).toMatchObject(page)
  })

  it.each([
    ["a number that is none", Number.NaN],
    ["a moment that is none", new Date(Number.NaN)],
  ])("%s, which 3.1 sends as null and so clears the field, is refused", async (_, value) => {
    const sent: Array<unknown> = []
    serverAnswers(noting(sent))
    const { official, ours } = clients()
    const request = { data: { drink: value } as object }
    await official.users.update(siteId, userId, request)
    expect(sent).toEqual([{ data: { drink: null } }])
    const mine = await caught(ours.users.update(siteId, userId, request))
    expect(mine).toMatchObject({ statusCode: 400, body: { details: [{ param: "data.drink" }] } })
    expect(sent.slice(1)).toEqual([undefined])
  })

  it.each([0, -1, Number.NaN])("timeoutInSeconds %s is over before anything is sent", async (timeoutInSeconds) => {
    let asked = 0
    serverAnswers(() => (asked += 1))
    const mine = await caught(clients().ours.users.get(siteId, userId, { timeoutInSeconds }))
    expect(mine).toBeInstanceOf(Ours.WebflowTimeoutError)
    expect(asked).toBe(0)
  })

  it("timeoutInSeconds may be for ever, which in 3.1 is a moment", async () => {
    serverAnswers(says(200, user))
    const forEver = { timeoutInSeconds: Number.POSITIVE_INFINITY }
    expect(await clients().ours.users.get(siteId, userId, forEver)).toEqual(user)
  })

  it.each([
    [{ headers: { Authorization: "Bearer other" } }, "headers.Authorization is the client's own to send"],
    [{ headers: { "not a name": "1" } }, "headers has a name that no header can have"],
    [{ abortSignal: {} }, "abortSignal has to be an AbortSignal"],
  ])("requestOptions %j reject with a WebflowError", async (requestOptions, message) => {
    const mine = await caught(clients().ours.users.get(siteId, userId, any(requestOptions)))
    expect(mine).toBeInstanceOf(Ours.WebflowError)
    expect([mine.message, mine.statusCode]).toEqual([message, undefined])
  })

  it.each([
    [{ environment: "users.example.com" }, "environment is not a whole URL, as https://users.example.com/v2 is"],
    [{ environment: {} }, "environment names no base"],
    [{ environment: () => 5 }, "environment names no base"],
    [{ baseUrl: "ftp://users.example.com" }, "baseUrl does not begin with https: or http:"],
    [
      { environment: "http://127.0.0.1:9", accessToken: undefined },
      "accessToken has to be text, its promise, or a function",
    ],
  ])("a client that cannot be rejects with a WebflowError: %j", async (options, message) => {
    const { users } = new Ours.WebflowClient(any({ accessToken: "token", ...options }))
    const mine = await caught(users.get(siteId, userId))
    expect(mine).toBeInstanceOf(Ours.WebflowError)
    expect(mine.message).toContain(message)
  })

  it("what a function throws is what the call rejects with", async () => {
    const thrown = new RangeError("none left")
    const fails = () => {
      throw thrown
    }
    const known = { accessToken: "token", environment: urls() }
    for (const options of [{ accessToken: fails }, { environment: fails }, { baseUrl: fails }]) {
      const { users } = new Ours.WebflowClient({ ...known, ...options })
      expect(await caught(users.get(siteId, userId))).toBe(thrown)
    }
  })
})

describe("a function that never gives", () => {
  it.each(["environment", "baseUrl", "accessToken"])("%s does not outlast the signal", async (name) => {
    const { users } = new Ours.WebflowClient({ accessToken: "token", environment: urls(), [name]: never })
    const aborting = new AbortController()
    const call = caught(users.get(siteId, userId, { abortSignal: aborting.signal }))
    aborting.abort()
    expect(await call).toBeInstanceOf(Ours.WebflowError)
    expect((await call).message).toBe("The user aborted a request")
    expect((await caught(users.get(siteId, userId, { abortSignal: aborting.signal }))).message).toBe(
      "The user aborted a request",
    )
  })

  it.each(["environment", "baseUrl"])("%s does not outlast timeoutInSeconds", async (name) => {
    const { users } = new Ours.WebflowClient({ accessToken: "token", environment: urls(), [name]: never })
    const mine = await caught(users.get(siteId, userId, { timeoutInSeconds: 0.02 }))
    expect(mine).toBeInstanceOf(Ours.WebflowTimeoutError)
  })
})
