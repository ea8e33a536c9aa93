/** The last official SDK of v1, which is code that was written against Webflow and is run as it was published. */
import { parseSiteId, type SiteId, type User, UserId } from "@webflow-users/core"
import { afterAll, beforeAll, describe, expect, it } from "vitest"
import Webflow from "webflow-api-1.3.1"
import { start } from "./proxy.ts"

const siteId = parseSiteId("62749158efef318abc8d5a0f") as SiteId
const member = (index: number): User => ({
  id: UserId.make(`6287ec36a841b25637c6630${index}`),
  isEmailVerified: true,
  lastUpdated: "2022-05-20T13:46:12.093Z",
  createdOn: `2022-05-2${index}T13:46:12.093Z`,
  status: "verified",
  accessGroups: [{ slug: "webflowers", type: "admin" }],
  data: {
    name: `Member ${index}`,
    email: `member${index}@example.com`,
    "accept-privacy": true,
    "accept-communications": true,
    drink: "Tea",
  },
})
const users = Array.from({ length: 6 }, (_, index) => member(index))
const [ada, bob, cyd, dan, eve, fay] = users as [User, User, User, User, User, User]

let proxy: Awaited<ReturnType<typeof start>>
const tokens = { all: "", reading: "" }
beforeAll(async () => {
  proxy = await start("memory:", { id: siteId, users })
  tokens.all = await proxy.token()
  tokens.reading = await proxy.token(siteId, ["users:read"])
})
afterAll(() => proxy.stop())

/**
 * The SDK calls `https://api.<host>/` and nothing else; whoever uses it points a name of their own at the proxy, with TLS before
 * it. Here its own HTTP client is told the proxy's address instead. Nothing else of it is touched.
 */
const connect = (options: { readonly version?: string; readonly token?: string } = {}) => {
  const webflow = new Webflow({ token: tokens.all, ...options })
  const client = Reflect.get(webflow, "client") as { defaults: { baseURL?: string; proxy?: false } }
  client.defaults.baseURL = `${proxy.origin}/`
  client.defaults.proxy = false
  return webflow
}
const v1 = (token = tokens.all) => connect({ version: "1.0.0", token })

/** A user as v1 has it, and as it stands after an update. */
const inV1 = ({ id, isEmailVerified, lastUpdated, ...rest }: User) => ({
  ...rest,
  _id: id,
  emailVerified: isEmailVerified,
  updatedOn: lastUpdated,
})
const moved = expect.stringMatching(/^20\d\d-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/)
/** The record that the SDK makes of an answer, without what it carries beside it. */
const plain = (record: object): unknown => ({ ...record, siteId: undefined })

const documented = { name: "Some One", "accept-privacy": false, "accept-communications": false }

const unknown = "ffffffffffffffffffffffff"
const update = (userId: string, data: object) => (token: string) => v1(token).updateUser({ siteId, userId, data })

describe("the official SDK 1.3.1, told that v1 is spoken", () => {
  it("updates a user, and reads the change back", async () => {
    const updated = await v1().updateUser({ siteId, userId: ada.id, data: documented })
    const expected = { ...inV1(ada), updatedOn: moved, data: { ...ada.data, ...documented } }
    expect(plain(updated)).toEqual(expected)
    expect(plain(await v1().user({ siteId, userId: ada.id }))).toEqual(plain(updated))
  })

  it("updates as its own tests do: a user where the fields belong", async () => {
    const data = { status: "verified", data: { ...bob.data, ...documented } }
    const updated = await v1().updateUser({ siteId, userId: bob.id, data })
    expect(plain(updated)).toEqual({ ...inV1(bob), updatedOn: moved, data: { ...bob.data, ...documented } })
  })

  it("updates from the record of a user it holds: data, the bare map, groups, and the whole of it", async () => {
    const user = await v1().user({ siteId, userId: cyd.id })
    await user.update({ data: { name: "One" } })
    await user.update({ name: "Two", drink: null })
    await user.update({ accessGroups: ["gold"] })
    const { siteId: _, ...whole } = await v1().user({ siteId, userId: cyd.id })
    const last = await user.update({ ...whole, data: { ...whole.data, team: "red" } })
    const { drink: __, ...kept } = cyd.data
    expect(plain(last)).toEqual({
      ...inV1(cyd),
      updatedOn: moved,
      accessGroups: [{ slug: "gold", type: "admin" }],
      data: { ...kept, name: "Two", team: "red" },
    })
  })

  it("lists users and access groups", async () => {
    const list = await v1().users({ siteId }, { offset: 4, limit: 2 })
    expect(list.map(plain)).toEqual([inV1(eve), inV1(fay)])
    const groups = await v1().accessGroups({ siteId, sort: "CreatedOn", limit: 1 })
    expect(groups).toMatchObject({
      accessGroups: [{ _id: expect.stringMatching(/^[0-9a-f]{24}$/), slug: "webflowers", name: "Webflowers" }],
      count: 1,
      limit: 1,
      offset: 0,
    })
  })

  it.each([
    [400, "ValidationError", "Validation Failure", () => tokens.all, update(dan.id, { name: 5 })],
    [400, "ValidationError", "Validation Failure", () => tokens.all, update(dan.id, { email: "other@example.com" })],
    [401, "Unauthorized", "Cannot access resource", () => "wrong", update(dan.id, documented)],
    [
      403,
      "OAuthForbidden",
      "You are missing the following scopes - 'users:write'",
      () => tokens.reading,
      update(dan.id, documented),
    ],
    [404, "NotFound", "The user cannot be found", () => tokens.all, update(unknown, documented)],
    [404, "RouteNotFoundError", "Route not found", () => tokens.all, (token: string) => v1(token).webhooks({ siteId })],
    [
      405,
      "UnknownError",
      "Method not allowed",
      () => tokens.all,
      (token: string) => v1(token).removeUser({ siteId, userId: dan.id }),
    ],
  ])("throws what carries %i %s", async (status, name, msg, token, call) => {
    const error: unknown = await call(token()).then(
      () => undefined,
      (thrown: unknown) => thrown,
    )
    const path = expect.stringMatching(`^/sites/${siteId}/`)
    const data = { msg, code: status, name, path, err: `${name}: ${msg}` }
    expect(error).toMatchObject({ name: "AxiosError", response: { status, data } })
    expect(plain(await v1().user({ siteId, userId: dan.id }))).toEqual(inV1(dan))
  })
})

describe("the official SDK 1.3.1, told nothing", () => {
  it("works too, and gets today's names", async () => {
    const webflow = connect()
    const updated = await webflow.updateUser({ siteId, userId: eve.id, data: documented })
    expect(plain(updated)).toEqual({ ...eve, lastUpdated: moved, data: { ...eve.data, ...documented } })
    expect(plain(await webflow.user({ siteId, userId: fay.id }))).toEqual(fay)
    expect((await webflow.users({ siteId }, { offset: 5 })).map(plain)).toEqual([fay])
    expect(await webflow.accessGroups({ siteId })).toMatchObject({ accessGroups: [{ id: expect.any(String) }, {}] })
  })

  it("throws what carries today's envelope", async () => {
    const error: unknown = await connect({ token: "wrong" })
      .user({ siteId, userId: fay.id })
      .catch((thrown: unknown) => thrown)
    expect(error).toMatchObject({ response: { status: 401, data: { code: "not_authorized", details: [] } } })
  })
})
