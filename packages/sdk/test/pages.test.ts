/** Lists to their end: by pages and one by one, of a store of one's own and of servers that are no help. */
import { createClient, type RemoteClient } from "@webflow-users/sdk"
import { describe, expect, it } from "vitest"
import { fail, json, reasonOf, serve, siteId } from "./serve.ts"

const idOf = (index: number) => `6287ec36a841b25637c6${(0x4000 + index).toString(16)}`
const range = (from: number, to: number) => Array.from({ length: to - from }, (_, index) => from + index)

/** A server of a list: what is there when it is asked, and what it says of that. */
const serveList = async (there: (asked: number) => ReadonlyArray<number>, most = 100) =>
  serveAs(({ offset, limit }, asked) => {
    const all = there(asked)
    return { part: all.slice(offset, offset + Math.min(limit, most)), total: all.length }
  })

type Part = { readonly offset: number; readonly limit: number }

const serveAs = async (
  answer: (part: Part, asked: number) => { readonly part: ReadonlyArray<number>; readonly total: number },
) => {
  const server = await serve((response, { url }) => {
    const query = new URL(url, "http://localhost").searchParams
    const asked = { offset: Number(query.get("offset")), limit: Number(query.get("limit")) }
    const { part, total } = answer(asked, server.requests.length)
    const entries = part.map((index) => ({ id: idOf(index), accessGroups: [], data: { name: String(index) } }))
    const groups = part.map((index) => ({ id: idOf(index), name: "", shortId: "", slug: `g${index}`, createdOn: "" }))
    json(response, 200, { users: entries, accessGroups: groups, count: part.length, ...asked, total })
  })
  const client = createClient({ baseUrl: server.baseUrl, token: "t" })
  return {
    client,
    asked: () => server.requests.map(({ url }) => new URL(url, "http://localhost").search),
    [Symbol.asyncDispose]: async () => {
      await client.close()
      await server[Symbol.asyncDispose]()
    },
  }
}

const gathered = async <A>(list: AsyncIterable<A>, most = 1000) => {
  const all: Array<A> = []
  for await (const one of list) if (all.push(one) === most) break
  return all
}
const names = async (client: RemoteClient, options = {}) =>
  (await gathered(client.users.list(siteId, options).items())).map(({ data }) => Number(data.name))

describe("a list", () => {
  it("awaited is one part, of ten unless said", async () => {
    await using server = await serveList(() => range(0, 25))
    expect((await server.client.users.list(siteId)).users).toHaveLength(10)
    const { data, response } = await server.client.users.list(siteId, { limit: 3, offset: 24 }).withResponse()
    expect([data.users.length, data.total, response.status]).toEqual([1, 25, 200])
    expect(server.asked()).toEqual(["?offset=0&limit=10", "?offset=24&limit=3"])
  })

  it("iterated is all parts from where it begins, of a hundred unless said", async () => {
    await using server = await serveList(() => range(0, 250))
    const pages = await gathered(server.client.users.list(siteId, { offset: 20, sort: "Email" }))
    expect(pages.map(({ users }) => users.length)).toEqual([100, 100, 30])
    const small = await gathered(server.client.users.list(siteId, { offset: 240, limit: 5 }))
    expect(small.map(({ users }) => users.length)).toEqual([5, 5])
    expect(server.asked()).toEqual([
      "?offset=20&limit=100&sort=Email",
      "?offset=120&limit=100&sort=Email",
      "?offset=220&limit=100&sort=Email",
      "?offset=240&limit=5",
      "?offset=245&limit=5",
    ])
  })

  it("gives its users, or its access groups, one by one", async () => {
    await using server = await serveList(() => range(0, 120))
    expect(await names(server.client)).toEqual(range(0, 120))
    const groups = await gathered(server.client.accessGroups.list(siteId, { limit: 50 }).items())
    expect(groups.map(({ slug }) => slug)).toEqual(range(0, 120).map((index) => `g${index}`))
  })

  it("is asked for no further than somebody reads", async () => {
    await using server = await serveList(() => range(0, 500))
    await gathered(server.client.users.list(siteId, { limit: 10 }).items(), 15)
    expect(server.asked()).toHaveLength(2)
  })

  it("that shrinks, grows or moves meanwhile comes to its end, each user once", async () => {
    const limit = 10
    await using shrinking = await serveList((asked) => range(0, asked === 1 ? 30 : 15))
    expect(await names(shrinking.client, { limit })).toEqual(range(0, 15))
    await using emptied = await serveAs(({ offset }) => ({ part: offset === 0 ? range(0, 10) : [], total: 30 }))
    expect(await names(emptied.client, { limit })).toEqual(range(0, 10))
    await using growing = await serveList((asked) => range(0, 10 + asked * 5))
    expect(await names(growing.client, { limit })).toEqual(range(0, 20))
    await using moving = await serveList((asked) => (asked === 1 ? range(0, 20) : [99, ...range(0, 20)]))
    expect(await names(moving.client, { limit })).toEqual(range(0, 20))
  })

  it("of a server that knows no offset, or gives less than it is asked for, comes to its end", async () => {
    await using deaf = await serveAs(() => ({ part: range(0, 10), total: 25 }))
    expect(await names(deaf.client)).toEqual(range(0, 10))
    expect(deaf.asked()).toHaveLength(3)
    await using mean = await serveList(() => range(0, 25), 10)
    expect(await names(mean.client)).toEqual(range(0, 25))
    await using empty = await serveList(() => [])
    expect(await gathered(empty.client.users.list(siteId))).toEqual([])
  })

  it("rejects where it is read, and nowhere else", async () => {
    await using server = await serve((response) => fail(response, 401, "not_authorized"))
    await using client = createClient({ baseUrl: server.baseUrl, token: "t" })
    const refused = { _tag: "NotAuthorized", response: { status: 401 } }
    expect(await reasonOf(gathered(client.users.list(siteId)))).toMatchObject(refused)
    expect(await reasonOf(gathered(client.users.list(siteId).items()))).toMatchObject(refused)
    expect(await reasonOf(client.users.list(siteId).withResponse())).toMatchObject(refused)
    expect(await reasonOf(client.users.list(siteId))).toMatchObject(refused)
  })

  it("ends with its signal, between two parts too", async () => {
    await using server = await serveList(() => range(0, 500))
    const controller = new AbortController()
    const reason = new Error("enough")
    const reading = async () => {
      for await (const _ of server.client.users.list(siteId, { signal: controller.signal })) controller.abort(reason)
    }
    expect(await reasonOf(reading())).toBe(reason)
    expect(server.asked()).toHaveLength(1)
  })

  it("is waited for by a close that follows at once", async () => {
    await using server = await serveList(() => range(0, 5))
    const listing = server.client.users.list(siteId)
    await server.client.close()
    expect((await listing).total).toBe(5)
    expect(await reasonOf(server.client.users.list(siteId))).toMatchObject({ _tag: "ClientClosed" })
  })
})
