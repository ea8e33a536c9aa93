/** A site's custom fields: the consents by both names, and schemas for what comes back. */
import {
  createClient,
  FieldsMismatch,
  isFieldsMismatch,
  type UpdateManyOutcome,
  type UserUpdate,
} from "@webflow-users/sdk"
import { Schema } from "effect"
import { describe, expect, it } from "vitest"
import { z } from "zod"
import { json, reasonOf, serve, siteId, userId } from "./serve.ts"

const stored = { email: "ada@example.com", "favorite-drink": "tea", vip: true, born: "1815-12-10" }

type Update = NonNullable<UserUpdate["data"]>

/** A client of a store in memory with one user. */
const seeded = async () => {
  const client = createClient({ store: "memory:" })
  await client.importUsers(siteId, [{ id: userId, data: stored }])
  return client
}

describe("the consents", () => {
  it.each<[string, Update]>([
    ["as the wire has them", { "accept-privacy": true, "accept-communications": false }],
    ["as JavaScript would", { acceptPrivacy: true, acceptCommunications: false }],
    ["mixed", { acceptPrivacy: true, "accept-communications": false }],
    ["nested", { data: { acceptPrivacy: true, acceptCommunications: false } }],
    ["nested and not", { acceptCommunications: false, data: { acceptPrivacy: true } }],
    ["twice the same", { acceptPrivacy: true, "accept-privacy": true, data: { acceptCommunications: false } }],
  ])("are taken by either name: %s", async (_, data) => {
    await using client = await seeded()
    const consents = { "accept-privacy": true, "accept-communications": false }
    const updated = await client.users.update(siteId, userId, { data: { ...data, name: "Ada" } })
    expect(updated.data).toEqual({ ...stored, ...consents, name: "Ada" })
    await client.users.update(siteId, userId, {
      data: { "accept-privacy": false, "accept-communications": true },
    })
    expect(await client.users.updateMany(siteId, [{ id: userId, data }])).toEqual({ updated: 1, failed: 0 })
    expect((await client.users.get(siteId, userId)).data).toEqual({ ...stored, ...consents, name: "Ada" })
  })

  it.each<Update>([
    { acceptPrivacy: true, "accept-privacy": false },
    { acceptPrivacy: false, data: { acceptPrivacy: true } },
    { "accept-privacy": false, data: { acceptPrivacy: true } },
    { acceptPrivacy: true, data: { "accept-privacy": false, name: "Ada" } },
  ])("given twice with different values are refused as any field is: %j", async (data) => {
    await using client = await seeded()
    const plainly = { "accept-privacy": true, data: { "accept-privacy": false } }
    const { details } = (await reasonOf(
      client.users.update(siteId, userId, { data: plainly as never }),
    )) as FieldsMismatch
    const twice = [{ param: "data.accept-privacy", description: "is given twice, with different values" }]
    expect(details).toEqual(twice)
    const refused = { _tag: "InvalidPatch", details: twice }
    expect(await reasonOf(client.users.update(siteId, userId, { data }))).toMatchObject(refused)
    const outcomes: Array<UpdateManyOutcome> = []
    const change = { id: userId, data }
    await client.users.updateMany(siteId, [change], { onOutcome: (outcome) => outcomes.push(outcome) })
    expect(outcomes).toMatchObject([{ outcome: "failed", error: refused }])
    // What is told of is the change as it was given.
    expect(outcomes[0]?.change).toBe(change)
  })

  it("are sent as the wire has them", async () => {
    await using server = await serve((response) => json(response, 200, { id: userId, accessGroups: [], data: {} }))
    await using client = createClient({ baseUrl: server.baseUrl, token: "t" })
    await client.users.update(siteId, userId, { data: { acceptPrivacy: true, plan: "x" } })
    expect(server.requests[0]?.body).toBe('{"data":{"plan":"x","accept-privacy":true}}')
  })
})

const date = z.codec(z.iso.date(), z.date(), { decode: (text) => new Date(text), encode: () => "" })
const zod = z.object({ "favorite-drink": z.string(), vip: z.boolean(), born: date })
const effects = Schema.toStandardSchemaV1(
  Schema.Struct({ "favorite-drink": Schema.String, vip: Schema.Boolean, born: Schema.DateFromString }),
)

const serving = (users: ReadonlyArray<object>) =>
  serve((response, { url }) =>
    url.includes("?")
      ? json(response, 200, { users, count: users.length, offset: 0, limit: 100, total: users.length })
      : json(response, 200, users[0]),
  )
const userWith = (data: object, id = userId) => ({ id, accessGroups: [], data: { name: "Ada", ...data } })

describe.each([
  ["zod", zod],
  ["Effect", effects],
])("a schema of %s", (_, fields) => {
  const fitting = { ...stored, unknown: 1 }
  const read = { email: stored.email, name: "Ada", "favorite-drink": "tea", vip: true, born: new Date(stored.born) }

  it("reads what comes back of every call, and says what is there", async () => {
    await using server = await serving([userWith(fitting)])
    await using client = createClient({ baseUrl: server.baseUrl, token: "t", fields })
    expect((await client.users.get(siteId, userId)).data).toEqual(read)
    expect((await client.users.update(siteId, userId, { data: { vip: true } })).data).toEqual(read)
    const { data, response } = await client.users.list(siteId).withResponse()
    expect([data.users[0]?.data, response.status]).toEqual([read, 200])
    for await (const user of client.users.list(siteId).items()) expect(user.data.born.getFullYear()).toBe(1815)
    const outcomes: Array<object> = []
    const onOutcome = (outcome: object) => outcomes.push(outcome)
    await client.users.updateMany(siteId, [{ id: userId, data: { vip: true } }], { onOutcome })
    expect(outcomes).toMatchObject([{ outcome: "updated", user: { data: read } }])
  })

  it("rejects what does not fit by the names of the fields, and never repeats what they hold", async () => {
    const wrong = { ...fitting, "favorite-drink": 4_711, vip: "a secret" }
    await using server = await serving([userWith(fitting), userWith(wrong, siteId)])
    await using client = createClient({ baseUrl: server.baseUrl, token: "t", fields })
    const error = await reasonOf(client.users.list(siteId))
    if (!isFieldsMismatch(error)) throw error
    expect(error).toBeInstanceOf(FieldsMismatch)
    const params = error.details.map(({ param }) => param)
    expect(params.toSorted()).toEqual(["users[1].data.favorite-drink", "users[1].data.vip"])
    expect(error).toMatchObject({ name: "FieldsMismatch", code: "fields_mismatch", isRetryable: false })
    expect(error.response?.status).toBe(200)
    expect(`${error.stack}${JSON.stringify(error)}`).not.toMatch(/4711|secret/)
  })

  it("tells of an update that was made that it failed to be read", async () => {
    await using server = await serving([userWith({ vip: 1 })])
    await using client = createClient({ baseUrl: server.baseUrl, token: "t", fields })
    expect(await reasonOf(client.users.update(siteId, userId, {}))).toMatchObject({ _tag: "FieldsMismatch" })
    const outcomes: Array<object> = []
    const onOutcome = (outcome: object) => outcomes.push(outcome)
    expect(await client.users.updateMany(siteId, [{ id: userId }], { onOutcome })).toEqual({ updated: 0, failed: 1 })
    expect(outcomes).toMatchObject([{ outcome: "failed", error: { _tag: "FieldsMismatch" } }])
  })
})

it("a schema that knows of more refuses it, keeps it or waits, as it is made to", async () => {
  const only = createClient({ store: "memory:", fields: z.strictObject({ vip: z.boolean() }) })
  const any = createClient({ store: "memory:", fields: z.looseObject({ vip: z.boolean() }).refine(async () => true) })
  for (const client of [only, any]) await client.importUsers(siteId, [{ id: userId, data: stored }])
  expect(await reasonOf(only.users.get(siteId, userId))).toMatchObject({ _tag: "FieldsMismatch" })
  expect((await any.users.get(siteId, userId)).data).toEqual(stored)
  await Promise.all([only.close(), any.close()])
})
