/** What a call tells of the answer behind it, and what hooks hear. */
import { createClient, type HeardResponse, isUpdateUserError, type SentRequest } from "@webflow-users/sdk"
import { describe, expect, it } from "vitest"
import { fail, json, reasonOf, serve, siteId, user, userId } from "./serve.ts"

const limits = { "x-ratelimit-limit": "60", "x-ratelimit-remaining": "41" }

describe.each([
  ["undici", undefined],
  ["fetch", globalThis.fetch],
])("over %s, the answer", (_, fetch) => {
  it("stands beside what came of a call", async () => {
    await using server = await serve((response) => json(response, 200, user, { ...limits, "x-request-id": "r-1" }))
    await using client = createClient({ baseUrl: server.baseUrl, token: "t", fetch })
    const { data, response } = await client.users.update(siteId, userId, {}).withResponse()
    expect(data).toEqual(user)
    expect(response).toMatchObject({ status: 200, requestId: "r-1", rateLimit: { limit: 60, remaining: 41 } })
    expect(response.headers.get("X-RateLimit-Limit")).toBe("60")
    expect(response.headers.has("x-nothing")).toBe(false)
    expect(response.headers.get("x-nothing")).toBe(null)
    // The call is one, however it is looked at.
    const call = client.users.get(siteId, userId)
    expect([await call, (await call.withResponse()).data]).toEqual([user, user])
    expect(server.requests).toHaveLength(2)
  })

  it("hangs on the error that was read from it, and is not printed with it", async () => {
    await using server = await serve((response) => fail(response, 404, "user_not_found", { ...limits, "cf-ray": "r" }))
    await using client = createClient({ baseUrl: server.baseUrl, token: "t", fetch })
    const error = await reasonOf(client.users.get(siteId, userId).withResponse())
    if (!isUpdateUserError(error)) throw error
    expect(error.response).toMatchObject({ status: 404, requestId: "r", rateLimit: { limit: 60, remaining: 41 } })
    expect(JSON.stringify(error)).not.toContain("rateLimit")
    // So does each of many.
    const errors: Array<unknown> = []
    const onOutcome = (outcome: object) => errors.push("error" in outcome && outcome.error)
    await client.users.updateMany(siteId, [{ id: userId }], { onOutcome })
    expect(errors).toMatchObject([{ _tag: "UserNotFound", response: { status: 404, requestId: "r" } }])
  })

  it("is the last one, and not that of a try before where none came", async () => {
    await using server = await serve((response) =>
      server.requests.length === 1 ? fail(response, 500, "internal_error") : response.destroy(),
    )
    await using client = createClient({ baseUrl: server.baseUrl, token: "t", fetch, retry: { attempts: 2 } })
    const lost = await reasonOf(client.users.get(siteId, userId))
    expect(lost).toMatchObject({ _tag: "ConnectionLost", attempts: 2 })
    expect(lost).not.toHaveProperty("response")
  })
})

it.each(["x-request-id", "request-id", "x-amzn-requestid", "cf-ray"])(
  "%s names the request, to the client and to core",
  async (name) => {
    await using server = await serve((response) => fail(response, 400, "bad_request", { [name]: "r-7" }))
    await using client = createClient({ baseUrl: server.baseUrl, token: "t" })
    const error = await reasonOf(client.users.get(siteId, userId))
    expect(error).toMatchObject({ requestId: "r-7", response: { requestId: "r-7" } })
  },
)

it("of a store in this process there is none", async () => {
  await using client = createClient({ store: "memory:" })
  await client.importUsers(siteId, [{ ...user, data: { email: "ada@example.com" } }])
  const { data, response } = await client.users.get(siteId, userId).withResponse()
  expect([data.id, response]).toEqual([userId, undefined])
  expect(await reasonOf(client.users.get(siteId, siteId))).not.toHaveProperty("response")
})

describe("hooks", () => {
  it("hear of every try, without the token and in their turn", async () => {
    await using server = await serve((response) =>
      server.requests.length === 1 ? fail(response, 500, "internal_error") : json(response, 200, user, limits),
    )
    const told: Array<string> = []
    const heard: Array<HeardResponse> = []
    const sent: Array<SentRequest> = []
    await using client = createClient({
      baseUrl: server.baseUrl,
      token: "top-secret",
      onRequest: async (request) => {
        await new Promise((resolve) => setImmediate(resolve))
        sent.push(request)
        told.push(`sent after ${server.requests.length}`)
      },
      onResponse: (response) => {
        heard.push(response)
        told.push(`heard ${response.status}`)
      },
    })
    await client.users.update(siteId, userId, { data: { name: "Ada" } }, { headers: { "X-Mine": "1" } })
    expect(told).toEqual(["sent after 0", "heard 500", "sent after 1", "heard 200"])
    expect(sent[1]).toEqual({
      method: "PATCH",
      url: `${server.baseUrl}/sites/${siteId}/users/${userId}`,
      headers: { accept: "application/json", "content-type": "application/json", "x-mine": "1" },
    })
    expect(heard[1]?.request).toBe(sent[1])
    expect(heard[1]?.headers.get("x-ratelimit-limit")).toBe("60")
    expect(heard.every(({ duration }) => duration > 0)).toBe(true)
    expect(JSON.stringify([sent, heard])).not.toContain("top-secret")
  })

  it.each(["onRequest", "onResponse"] as const)("end the call with what they throw: %s", async (hook) => {
    await using server = await serve((response) => json(response, 200, user))
    const thrown = new Error("mine")
    for (const reject of [() => Promise.reject(thrown), () => thrower(thrown)]) {
      await using client = createClient({ baseUrl: server.baseUrl, token: "t", [hook]: reject })
      expect(await reasonOf(client.users.get(siteId, userId))).toBe(thrown)
    }
    expect(server.requests).toHaveLength(hook === "onRequest" ? 0 : 2)
  })

  it.each(["onRequest", "onResponse"] as const)("are waited for as the answer is: %s", async (hook) => {
    await using server = await serve((response) => json(response, 200, user))
    await using client = createClient({
      baseUrl: server.baseUrl,
      token: "t",
      retry: false,
      timeout: 50,
      [hook]: hanging,
    })
    expect(await reasonOf(client.users.get(siteId, userId))).toMatchObject({
      _tag: "TimedOut",
      cause: "no answer within 50ms",
    })
  })
})

const hanging = () => new Promise<void>(() => {})

const thrower = (thrown: Error) => {
  throw thrown
}
