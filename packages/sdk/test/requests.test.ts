/** How many requests it takes: each is a part of what a server allows in a minute. */
import { createClient } from "@webflow-users/sdk"
import { expect, it } from "vitest"
import { json, serve, siteId } from "./serve.ts"

const idOf = (index: number) => `6287ec36a841b25637c6${(0x4000 + index).toString(16)}`
const users = Array.from({ length: 250 }, (_, index) => ({
  id: idOf(index),
  accessGroups: [],
  data: { name: `Member ${index}`, email: `member${index}@example.com` },
}))

/** A server of these users, and what it was asked. */
const serveUsers = async () => {
  const server = await serve((response, { url }) => {
    const { pathname, searchParams } = new URL(url, "http://localhost")
    const one = users.find(({ id }) => pathname.endsWith(id))
    if (one !== undefined) return json(response, 200, one)
    const [offset, limit] = [Number(searchParams.get("offset")), Number(searchParams.get("limit"))]
    const page = users.slice(offset, offset + limit)
    return json(response, 200, { users: page, count: page.length, offset, limit, total: users.length })
  })
  const asked = () => server.requests.map(({ method, url }) => `${method} ${url.slice(url.indexOf("/users"))}`)
  return { ...server, asked }
}

it("an update is one request, and so is a read", async () => {
  await using server = await serveUsers()
  await using client = createClient({ baseUrl: server.baseUrl, token: "t" })
  const ids = users.slice(0, 50).map(({ id }) => id)
  await Promise.all(ids.map((id) => client.users.update(siteId, id, { data: { name: "New" } })))
  expect(server.asked().toSorted()).toStrictEqual(ids.map((id) => `PATCH /users/${id}`))
  await client.users.get(siteId, idOf(7))
  expect(server.asked().slice(50)).toStrictEqual([`GET /users/${idOf(7)}`])
})

it("many updates by e-mail address are a list, read once and no farther than it takes, and one request each", async () => {
  await using server = await serveUsers()
  await using client = createClient({ baseUrl: server.baseUrl, token: "t" })
  const emails = [3, 150, 120, 7].map((index) => ({ email: `Member${index}@Example.com`, data: { name: "New" } }))
  expect(await client.users.updateMany(siteId, emails)).toStrictEqual({ updated: 4, failed: 0 })
  const asked = server.asked()
  expect(asked.filter((request) => request.startsWith("GET"))).toStrictEqual([
    "GET /users?offset=0&limit=100",
    "GET /users?offset=100&limit=100",
  ])
  expect(asked.filter((request) => request.startsWith("PATCH")).toSorted()).toStrictEqual(
    [3, 7, 120, 150].map((index) => `PATCH /users/${idOf(index)}`),
  )
})
