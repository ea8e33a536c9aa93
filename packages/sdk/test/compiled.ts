/** What compiles, and what does not: `npm run check` compiles it, and nothing runs it. */
import {
  type AccessGroup,
  type CallResponse,
  type Client,
  createClient,
  isUserNotFound,
  type OptionValue,
  type RemoteClient,
  type StoreClient,
  type User,
  UserNotFound,
} from "@webflow-users/sdk"
import { Schema } from "effect"
import { expectTypeOf } from "vitest"
import { z } from "zod"
import { siteId, userId } from "./serve.ts"

interface Fields {
  "favorite-drink": string
  vip: boolean
  plan?: OptionValue
}
const remote = { baseUrl: "http://127.0.0.1:1/v2", token: "t" }

export const typedFields = async () => {
  const client = createClient<Fields>(remote)
  expectTypeOf(client).toEqualTypeOf<RemoteClient<Fields>>()
  const { users } = client
  const user = await users.update(siteId, userId, {
    accessGroups: ["a", { slug: "b", type: "admin" }],
    data: { "favorite-drink": "tea", vip: null, name: "Ada", acceptPrivacy: true, "accept-communications": false },
  })
  expectTypeOf(user.data["favorite-drink"]).toEqualTypeOf<string | null | undefined>()
  expectTypeOf(user.data.vip).toEqualTypeOf<boolean | null | undefined>()
  expectTypeOf(user.data.plan).toEqualTypeOf<OptionValue | null | undefined>()
  expectTypeOf(user.data.email).toEqualTypeOf<string | null | undefined>()
  expectTypeOf(user.status).toEqualTypeOf<User["status"]>()
  users.update(siteId, userId, { data: { data: { vip: true } } })
  users.updateMany(siteId, [{ id: userId, data: { vip: true, acceptCommunications: true }, addGroups: ["a"] }])

  // @ts-expect-error: a key that is none
  users.update(siteId, userId, { data: { "favourite-drink": "tea" } })
  // @ts-expect-error: nested, too
  users.update(siteId, userId, { data: { data: { "favourite-drink": "tea" } } })
  // @ts-expect-error: a value of another type
  users.update(siteId, userId, { data: { vip: "yes" } })
  // @ts-expect-error: a consent cannot be cleared
  users.update(siteId, userId, { data: { acceptPrivacy: null } })
  // @ts-expect-error: a property that is none
  users.update(siteId, userId, { groups: [] })
  // @ts-expect-error: of a change among many, too
  users.updateMany(siteId, [{ id: userId, data: { vips: true } }])
  // @ts-expect-error: and of what came back
  void user.data.vips
  for await (const outcome of users.updateMany(siteId, [])) {
    if (outcome.outcome === "updated") expectTypeOf(outcome.user.data.vip).toEqualTypeOf<boolean | null | undefined>()
  }
  for await (const one of users.list(siteId).items()) expectTypeOf(one).toEqualTypeOf<typeof user>()
  for await (const page of users.list(siteId)) expectTypeOf(page.users[0]).toEqualTypeOf<typeof user | undefined>()
  for await (const one of client.accessGroups.list(siteId).items()) expectTypeOf(one).toEqualTypeOf<AccessGroup>()
}

export const openFields = async () => {
  const client = createClient(remote)
  expectTypeOf(
    await client.users.update(siteId, userId, { data: { anything: 1, acceptPrivacy: true } }),
  ).toEqualTypeOf<User>()
  // @ts-expect-error: fields that no custom field can be
  createClient<{ when: Date }>(remote)
  // @ts-expect-error: an option that is none
  createClient({ ...remote, tokn: "t" })
  // @ts-expect-error: a token that may be missing
  createClient({ ...remote, token: undefined })
  // @ts-expect-error: an option of the other kind of client
  createClient({ ...remote, policy: {} })
}

export const schemas = async () => {
  const zod = z.object({ vip: z.boolean(), born: z.codec(z.string(), z.date(), { decode: Object, encode: String }) })
  const { users } = createClient({ ...remote, fields: zod })
  const user = await users.get(siteId, userId)
  expectTypeOf(user.data.vip).toEqualTypeOf<boolean>()
  expectTypeOf(user.data.born).toEqualTypeOf<Date>()
  users.update(siteId, userId, { data: { born: "1815-12-10", vip: null } })
  // @ts-expect-error: what is sent is as the wire has it
  users.update(siteId, userId, { data: { born: new Date(0) } })

  const effects = Schema.toStandardSchemaV1(Schema.Struct({ vip: Schema.Boolean }))
  const local = createClient({ store: "memory:", fields: effects })
  expectTypeOf((await local.users.get(siteId, userId)).data.vip).toEqualTypeOf<boolean>()
  expectTypeOf(local.importUsers).toBeFunction()
  // @ts-expect-error: a key that is none
  local.users.update(siteId, userId, { data: { vips: true } })
}

export const answers = async () => {
  const asked = await createClient(remote).users.get(siteId, userId).withResponse()
  expectTypeOf(asked.response).toEqualTypeOf<CallResponse>()
  const kept = await createClient({ store: "memory:" }).users.get(siteId, userId).withResponse()
  expectTypeOf(kept.response).toEqualTypeOf<undefined>()
  // What takes any client takes both.
  const either = (client: Client<Fields>) => client
  expectTypeOf(either).toBeCallableWith(createClient<Fields>(remote))
  expectTypeOf(either).toBeCallableWith(createClient<Fields>({ store: "memory:" }))
  expectTypeOf(createClient<Fields>({ store: "memory:" })).toEqualTypeOf<StoreClient<Fields>>()
}

export const guards = (error: unknown) => {
  if (!isUserNotFound(error)) return
  expectTypeOf(error).toExtend<UserNotFound>()
  expectTypeOf<typeof error.status>().toEqualTypeOf<404>()
  expectTypeOf(error.response).toEqualTypeOf<CallResponse | undefined>()
}
