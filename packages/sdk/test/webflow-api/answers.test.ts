/** Answers that leave the contract: the drop-in gives them as `webflow-api` 3.1 does, where an update was made above all. */
import * as Ours from "@webflow-users/sdk/webflow-api"
import { describe, expect, it } from "vitest"
import { caught, clients, quietly, says, seen, serverAnswers, siteId, user, userId } from "./beside.ts"

const page = { count: 2, limit: 10, offset: 0, total: 2 }
const nested = { ...user, data: { data: { name: "A", "accept-privacy": true } } }
const consents = { data: { "accept-privacy": null, "accept-communications": false } }

describe("what came is given as it came", () => {
  it.each([
    ["a status that nobody knows", { ...user, status: "blocked" }],
    ["nothing but an id", { id: userId }],
    ["null where objects are", { id: userId, accessGroups: null, data: null }],
    ["groups that say less, or else", { ...user, accessGroups: [{ slug: "a" }, { slug: "b", type: "new" }] }],
    ["fields of another type", { ...user, data: { name: 5, email: false } }],
    ["properties of another type", { ...user, isEmailVerified: "yes", lastUpdated: 7 }],
    ["fields beside the nesting", { ...user, data: { besides: 1, ...nested.data } }],
    ["null in the nesting", { ...user, data: consents }],
  ])("of an update: %s", async (_, sent) => {
    serverAnswers(says(200, sent))
    const { official, ours } = clients()
    const theirs = await quietly(() => official.users.update(siteId, userId))
    expect(await ours.users.update(siteId, userId)).toStrictEqual(theirs)
  })

  it.each([
    ["each with its nesting", { users: [{ ...user, data: {} }, nested, user], ...page }],
    ["one without numbers", { users: [user] }],
    ["one with numbers in words", { users: [user], ...page, total: "2" }],
    ["one with null", { users: [], ...page, limit: null }],
  ])("of a list: %s", async (_, sent) => {
    serverAnswers(says(200, sent))
    const { official, ours } = clients()
    const theirs = await quietly(() => official.users.list(siteId))
    expect(await ours.users.list(siteId)).toStrictEqual(theirs)
  })

  it("of a list of groups without numbers", async () => {
    const group = { id: "1", name: "A", shortId: "a", slug: "a", createdOn: "2022-08-01T19:41:48.349Z", more: null }
    serverAnswers(says(200, { accessGroups: [group] }))
    const { official, ours } = clients()
    expect(await ours.accessGroups.list(siteId)).toStrictEqual(await official.accessGroups.list(siteId))
  })

  it("of what is called as a part of every object is, where 3.1 throws", async () => {
    const sent = { ...user, constructor: null, data: { data: { toString: 1 } } }
    serverAnswers(says(200, sent))
    expect(await clients().ours.users.get(siteId, userId)).toEqual(sent)
  })

  it("of two calls at once, each its own", async () => {
    const other = "6287ec36a841b25637c66300"
    serverAnswers((request, response) =>
      says(200, request.url?.endsWith(other) === true ? { ...nested, id: other } : user)(request, response),
    )
    const { users } = clients().ours
    const both = await Promise.all([users.get(siteId, userId), users.get(siteId, other)])
    expect(both.map(({ data }) => data)).toEqual([user.data, { data: { name: "A", acceptPrivacy: true } }])
  })
})

const bodies = [
  ["no envelope", { error: "nope" }],
  ["an empty one", {}],
  ["more than an envelope", { code: "conflict", message: "Words", externalReference: "x", more: [1] }],
  ["less than an envelope", { message: "Words" }],
  ["null in it", { code: null, message: null, externalReference: null, details: null, other: null }],
] as const

describe("the body of an error is the answer's", () => {
  it.each(
    [400, 401, 403, 404, 409, 422, 429, 500, 503].flatMap((status) => bodies.map((one) => [status, ...one] as const)),
  )("of a %i: %s", async (status, _, sent) => {
    serverAnswers(says(status, sent))
    const { official, ours } = clients()
    const theirs = await quietly(() => caught(official.users.get(siteId, userId, { maxRetries: 0 })))
    const mine = await caught(ours.users.get(siteId, userId, { maxRetries: 0 }))
    expect(seen(mine)).toStrictEqual(seen(theirs))
  })

  it.each([[["x"]], ["text"], [null]])("a list, a text, nothing: %j", async (sent) => {
    serverAnswers(says(400, sent))
    const { official, ours } = clients()
    expect(seen(await caught(ours.users.get(siteId, userId)))).toStrictEqual(
      seen(await caught(official.users.get(siteId, userId))),
    )
    // Of these, 3.1 throws a `ParseError` that knows no status.
    serverAnswers(says(404, sent))
    const mine = await caught(ours.users.get(siteId, userId))
    expect([mine.constructor.name, mine.body]).toEqual(["NotFoundError", sent])
  })

  it("without the token, however it is spelled", async () => {
    const token = "secret-Token/1"
    serverAnswers((_, response) =>
      response.writeHead(400).end(`{"you sent":"Bearer secret-\\u0054oken\\/1","${token}":["secret-token/1"]}`),
    )
    const { body, message } = await caught(clients(token).ours.users.get(siteId, userId))
    expect(body).toEqual({ "you sent": "Bearer <token>", "<token>": ["<token>"] })
    expect(message).not.toMatch(/oken\/1/i)
  })

  it("is the envelope's where it is found out here, whatever the server said before", async () => {
    serverAnswers(says(200, user))
    const { users } = clients().ours
    const mine = await caught(users.update(siteId, userId, { data: { drink: Number.NaN } as object }))
    expect(mine).toBeInstanceOf(Ours.Webflow.BadRequestError)
    expect(mine.body).toMatchObject({ code: "validation_error", details: [{ param: "data.drink" }] })
  })

  it("is the envelope's where it is nested without end", async () => {
    const deep = `${"[".repeat(5_000)}${"]".repeat(5_000)}`
    serverAnswers((_, response) => response.writeHead(400).end(deep))
    const mine = await caught(clients().ours.users.get(siteId, userId))
    expect(mine.body).toMatchObject({ code: "internal_error" })
  })
})

it.each([
  ["no id", { data: {} }],
  ["an id that is none", { ...user, id: "abc" }],
  ["no list of users", {}],
])("what is no user and no list is an error still: %s", async (_, sent) => {
  serverAnswers(says(200, sent))
  const { users } = clients().ours
  const call = "data" in sent ? users.get(siteId, userId) : users.list(siteId)
  expect(await caught(call)).toMatchObject({ statusCode: 502, body: { code: "internal_error" } })
})
