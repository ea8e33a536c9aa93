/** The drop-in beside `webflow-api` 3.1, against a server that answers what a proxy would not; and where the two differ. */
import { isUserNotFound } from "@webflow-users/sdk"
import * as Ours from "@webflow-users/sdk/webflow-api"
import { rolldown } from "rolldown"
import { describe, expect, expectTypeOf, it } from "vitest"
import * as Official from "webflow-api-3.1.3"
import {
  address,
  caught,
  clients,
  noting,
  quietly,
  says,
  seen,
  serverAnswers,
  siteId,
  urls,
  user,
  userId,
} from "./beside.ts"

describe("as in 3.1", () => {
  it.each([400, 401, 403, 404, 405, 408, 409, 413, 422, 429, 500, 502, 503])(
    "a %i rejects with the same",
    async (status) => {
      const code = status === 429 ? "too_many_requests" : "conflict"
      serverAnswers(says(status, { code, message: "Words", externalReference: null, details: [{ field: "a" }, "b"] }))
      const { official, ours } = clients()
      const theirs = await caught(official.users.update(siteId, userId, {}, { maxRetries: 0 }))
      const mine = await caught(ours.users.update(siteId, userId, {}, { maxRetries: 0 }))
      expect(seen(mine)).toStrictEqual(seen(theirs))
      expect(mine.message).toContain("Words")
    },
  )

  it.each([401, 404, 503])("a %i that is no JSON has the same class and status", async (status) => {
    serverAnswers((_, response) => response.writeHead(status).end("<html>"))
    const { official, ours } = clients()
    const theirs = await caught(official.users.get(siteId, userId, { maxRetries: 0 }))
    const mine = await caught(ours.users.get(siteId, userId, { maxRetries: 0 }))
    expect([mine.constructor.name, mine.statusCode]).toEqual([theirs.constructor.name, status])
    expect(mine.body).toMatchObject({ code: "internal_error", details: [] })
  })

  it.each([
    ["absent and null", { ...user, lastLogin: null, invitedOn: null, status: null, isEmailVerified: null }],
    ["what nobody documented", { ...user, extra: { deep: [null] }, nothing: null }],
    ["a moment that is none", { ...user, createdOn: "5", lastUpdated: "2022-05-20T13:46:12.093Z" }],
    ["nesting", { ...user, data: { data: { name: "A", "accept-privacy": true, drink: "Tea" } } }],
    ["nesting of nothing", { ...user, data: { data: {} } }],
    ["a field called data", { ...user, data: { data: "text", name: "A" } }],
    ["an option in a field called data", { ...user, data: { data: { id: "1", name: "A", slug: "a" } } }],
  ])("a user is read alike: %s", async (_, sent) => {
    serverAnswers(says(200, sent))
    const { official, ours } = clients()
    const theirs = await quietly(() => official.users.get(siteId, userId))
    expect(await ours.users.get(siteId, userId)).toStrictEqual(theirs)
  })

  it("names what 3.1 names, with the same types", () => {
    const values = Object.entries(Ours.Webflow).filter(([, value]) => typeof value === "object")
    expect({ ...Official.Webflow }).toMatchObject(Object.fromEntries(values))
    expect(values).toHaveLength(7)
    expect(Ours.WebflowEnvironment).toEqual(Official.WebflowEnvironment)

    expectTypeOf<Ours.Webflow.User>().toEqualTypeOf<Official.Webflow.User>()
    expectTypeOf<Ours.Webflow.UserList>().toEqualTypeOf<Official.Webflow.UserList>()
    expectTypeOf<Ours.Webflow.UsersListRequest>().toEqualTypeOf<Official.Webflow.UsersListRequest>()
    expectTypeOf<Ours.Webflow.UsersUpdateRequest>().toEqualTypeOf<Official.Webflow.UsersUpdateRequest>()
    expectTypeOf<Ours.Webflow.AccessGroupList>().toEqualTypeOf<Official.Webflow.AccessGroupList>()
    expectTypeOf<Ours.Webflow.AccessGroupsListRequest>().toEqualTypeOf<Official.Webflow.AccessGroupsListRequest>()
    expectTypeOf<Ours.Webflow.users.UsersUpdateRequest>().toEqualTypeOf<Official.Webflow.users.UsersUpdateRequest>()
    expectTypeOf<Ours.Webflow.accessGroups.AccessGroupsListRequest>().toEqualTypeOf<Official.Webflow.accessGroups.AccessGroupsListRequest>()
    expectTypeOf<Ours.Webflow.Error_>().toEqualTypeOf<Official.Webflow.Error_>()
    expectTypeOf<typeof Ours.Webflow.ErrorCode>().toEqualTypeOf<typeof Official.Webflow.ErrorCode>()
    type Users = Official.WebflowClient["users"]
    expectTypeOf<Ours.WebflowClient["users"]>().toExtend<Pick<Users, "get" | "list" | "update">>()
    type Groups = Official.WebflowClient["accessGroups"]
    expectTypeOf<Ours.WebflowClient["accessGroups"]>().toExtend<Pick<Groups, "list">>()
  })
})

describe("other than in 3.1", () => {
  it("waits when the server asks to, however often that is", async () => {
    const limited = { code: "too_many_requests", message: "Too Many Requests", externalReference: null, details: [] }
    let asked = 0
    serverAnswers((request, response) => {
      asked += 1
      return (asked % 4 === 0 ? says(200, user) : says(429, limited, { "retry-after": "0" }))(request, response)
    })
    const { official, ours } = clients()
    expect(await ours.users.get(siteId, userId, { maxRetries: 1 })).toEqual(user)
    expect(asked).toBe(4)
    const theirs = await caught(official.users.get(siteId, userId, { maxRetries: 1 }))
    expect([theirs.constructor.name, asked]).toEqual(["TooManyRequestsError", 6])
  })

  it("sends a request that got no answer again", async () => {
    let asked = 0
    serverAnswers((request, response) => {
      asked += 1
      return asked === 2 ? says(200, user)(request, response) : request.socket.destroy()
    })
    const { official, ours } = clients()
    expect(await ours.users.get(siteId, userId)).toEqual(user)
    expect(asked).toBe(2)
    const theirs = await caught(official.users.get(siteId, userId, { timeoutInSeconds: 1 }))
    expect([theirs.message, asked]).toEqual(["fetch failed", 3])
  })

  it("leaves out what is undefined, where 3.1 sends null, which is refused", async () => {
    const sent: Array<unknown> = []
    serverAnswers(noting(sent))
    const { official, ours } = clients()
    const request = { data: { name: undefined, acceptPrivacy: true }, accessGroups: undefined } as object
    await official.users.update(siteId, userId, request)
    await ours.users.update(siteId, userId, request)
    expect(sent).toEqual([
      { data: { name: null, "accept-privacy": true }, accessGroups: null },
      { data: { "accept-privacy": true } },
    ])
  })

  it("takes an update as 3.2 writes it, where 3.1 throws", async () => {
    const sent: Array<unknown> = []
    serverAnswers(noting(sent))
    const { official, ours } = clients()
    const accessGroups = [{ slug: "platinum", type: "admin" }]
    const request = { data: { data: { acceptPrivacy: false } }, accessGroups } as object
    expect((await caught(official.users.update(siteId, userId, request))).constructor.name).toBe("JsonError")
    expect(await ours.users.update(siteId, userId, request)).toEqual(user)
    expect(sent).toEqual([{ data: { "accept-privacy": false }, accessGroups }])
  })

  it("a timeout is a WebflowTimeoutError, as is documented, and the WebflowError that comes in 3.1", async () => {
    serverAnswers(() => undefined)
    const { official, ours } = clients()
    const briefly = { timeoutInSeconds: 0.05, maxRetries: 0 }
    const theirs = await caught(official.users.get(siteId, userId, briefly))
    expect(theirs).toBeInstanceOf(Official.WebflowError)
    expect(theirs).not.toBeInstanceOf(Official.WebflowTimeoutError)
    for (const [operation, call] of [
      ["PATCH /sites/{site_id}/users/{user_id}", ours.users.update(siteId, userId, {}, briefly)],
      ["GET /sites/{site_id}/users", ours.users.list(siteId, {}, briefly)],
      ["GET /sites/{site_id}/accessgroups", ours.accessGroups.list(siteId, {}, briefly)],
    ] as const) {
      const mine = await caught(call)
      expect(mine).toBeInstanceOf(Ours.WebflowTimeoutError)
      expect(mine).toBeInstanceOf(Ours.WebflowError)
      expect(mine.message).toBe(`Timeout exceeded when calling ${operation}.`)
    }
  })

  it("an error's cause is the promise client's, and its answer", async () => {
    serverAnswers(says(404, { code: "user_not_found", message: "No such user" }, { "x-request-id": "r1" }))
    const { cause } = await caught(clients().ours.users.get(siteId, userId))
    if (!isUserNotFound(cause)) throw new Error("It is another error")
    expect([cause.message, cause.response?.requestId]).toEqual(["No such user", "r1"])
  })

  it("a redirect is not followed, and what is no user is an error", async () => {
    serverAnswers(says(302, {}, { location: "https://elsewhere.example.com/" }))
    const { official, ours } = clients()
    const redirected = await caught(ours.users.get(siteId, userId))
    expect(redirected).toMatchObject({ statusCode: 502, message: expect.stringContaining("elsewhere.example.com") })
    serverAnswers((_, response) => response.end("<html>"))
    expect(await official.users.get(siteId, userId)).toMatchObject({ ok: false })
    expect(await caught(ours.users.get(siteId, userId))).toMatchObject({ statusCode: 502 })
  })

  it("takes the address as 2.x and 3.2 do, too, and asks for it with each call", async () => {
    const asked: Array<string | undefined> = []
    serverAnswers((request, response) => {
      asked.push(request.url?.slice(0, 3))
      says(200, user)(request, response)
    })
    const paths = ["/a", "/b", "/a"]
    const environment = () => `${address()}${paths.shift()}/`
    const moving = new Ours.WebflowClient({ accessToken: "token", environment })
    for (const _ of [1, 2, 3]) await moving.users.get(siteId, userId)
    await new Ours.WebflowClient({ accessToken: "token", environment, baseUrl: `${address()}/c` }).users.get(
      siteId,
      userId,
    )
    expect(asked).toEqual(["/a/", "/b/", "/a/", "/c/"])
  })

  it("sends headers along, but for its own", async () => {
    const asked: Array<unknown> = []
    serverAnswers((request, response) => {
      asked.push([request.headers["x-mine"], request.headers.authorization])
      says(200, user)(request, response)
    })
    const { users } = clients().ours
    await users.get(siteId, userId, { headers: { "X-Mine": "1", "Content-Type": "application/json", Accept: "*/*" } })
    expect(asked).toEqual([["1", "Bearer token"]])
    await expect(users.get(siteId, userId, { headers: { Authorization: "Bearer other" } })).rejects.toThrow(
      "headers.Authorization is the client's own to send",
    )
  })
})

it("says which option is not given", async () => {
  const { users } = new Ours.WebflowClient({ accessToken: undefined as unknown as string, environment: urls() })
  await expect(users.get(siteId, userId)).rejects.toThrow("accessToken has to be text")
})

it("where there is no Node, it imports nothing of it", async () => {
  const input = new URL("../../src/webflow-api.ts", import.meta.url).pathname
  const bundle = await rolldown({
    input,
    // The stores are loaded for those who ask for one.
    external: [/^@webflow-users\/stores/],
    resolve: { conditionNames: ["@webflow-users/source", "import", "default"] },
  })
  const { output } = await bundle.generate({ format: "esm" })
  const chunks = output.filter((file) => file.type === "chunk")
  expect(chunks.flatMap((chunk) => chunk.imports.filter((name) => !name.endsWith(".js")))).toEqual([])
})
