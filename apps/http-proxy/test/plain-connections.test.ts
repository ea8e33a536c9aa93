/** Connections that are read without node:http, and those that are left to it on the way. */
import { parseSiteId, type SiteId, type User, UserId } from "@webflow-users/core"
import { Effect, Latch } from "effect"
import { afterEach, beforeEach, describe, expect, it } from "vitest"
import { start } from "./proxy.ts"
import { dial, request } from "./raw.ts"
import * as ReadByNode from "./read-by-node.ts"

const siteId = parseSiteId("580e63e98c9a982ac9b8b741") as SiteId
const user: User = {
  id: UserId.make("6287ec36a841b25637c663df"),
  lastUpdated: "2024-05-20T13:46:12.093Z",
  accessGroups: [],
  data: { name: "Mémber", email: "member@example.com" },
}
const path = `/v2/sites/${siteId}/users/${user.id}`

let proxy: Awaited<ReturnType<typeof start>>
let headers: ReadonlyArray<string>
/** Updates wait while it is closed. */
let gate: Latch.Latch
/** Opens when an update has come as far as the store. */
let arrived: Latch.Latch
beforeEach(async () => {
  gate = Latch.makeUnsafe(false)
  arrived = Latch.makeUnsafe(false)
  proxy = await start("memory:", { id: siteId, users: [user] }, (store) => ({
    ...store,
    update: (...call) => Effect.andThen(Effect.andThen(arrived.open, gate.await), store.update(...call)),
  }))
  headers = [`Authorization: Bearer ${await proxy.token()}`, "Content-Type: application/json"]
})
afterEach(() => proxy.stop())

/** Which requests node:http has read since, by their paths and queries. */
const readByNode = () => {
  const urls: Array<string> = []
  ReadByNode.hear(({ request: { url } }) => urls.push(url ?? ""))
  return urls
}

const read = (number: number, more: ReadonlyArray<string> = []) =>
  request(`GET ${path}?${number}`, [...headers, ...more])
const rename = (name: string) => request(`PATCH ${path}`, headers, JSON.stringify({ data: { name } }))

describe("an answer", () => {
  it.each([
    ["to an update", () => rename("Ünlike")],
    ["to an update that cannot be", () => request(`PATCH ${path}`, headers, '{"data":{"name":1}}')],
    ["to a body that is no JSON", () => request(`PATCH ${path}`, headers, "{")],
    ["to a question", () => read(1)],
    ["to nobody known", () => request(`GET ${path}`)],
    ["to a path that is none", () => request("GET /nowhere")],
    ["to a method that is none there", () => request(`OPTIONS ${path}`, headers)],
    ["of the health check", () => request("GET /health")],
    ["with a description", () => request("GET /openapi.json")],
    ["with a page", () => request("GET /docs")],
    ["with an id of the caller's", () => request("GET /health", ["X-Request-Id: mine"])],
  ])("%s is written as node:http writes it", async (_, asked) => {
    await proxy.run(gate.open)
    const written = async () => {
      using connection = await dial(proxy.origin)
      connection.socket.end(asked())
      await connection.closed
      return connection
        .rest()
        .replace(/x-request-id: [0-9a-f]{16}\r\n/, "")
        .replace(/Date: \w{3}, \d\d \w{3} \d{4} \d\d:\d\d:\d\d GMT\r\n/, "Date\r\n")
        .replaceAll(/"lastUpdated":"[^"]*"/g, "")
    }
    const here = await written()
    const urls = readByNode()
    expect(here).toBe(await written())
    expect(urls).toHaveLength(1)
    expect(here).toMatch(/^HTTP\/1\.1 \d{3} [^]*\r\nDate\r\nConnection: keep-alive\r\nKeep-Alive: timeout=65\r\n\r\n/)
  })
})

describe("a request that is not plain", () => {
  it("and all behind it are left to node:http, and answered in their order", async () => {
    using connection = await dial(proxy.origin)
    connection.send(rename("First"))
    await proxy.run(arrived.await)
    const chunked = request(`PATCH ${path}?2`, [...headers, "Transfer-Encoding: chunked"], "2\r\n{}\r\n0\r\n\r\n")
    // Somebody who listens only from now on finds a connection on which all has been plain.
    const urls = readByNode()
    connection.send(read(1) + chunked + read(3))
    await proxy.run(gate.open)
    const names = []
    for (const _ of [0, 1, 2, 3]) {
      const answer = await connection.next()
      names.push((JSON.parse(answer?.body ?? "null") as User | null)?.data.name)
    }
    expect(names).toEqual(["First", "First", "First", "First"])
    expect(urls).toEqual([`${path}?2`, `${path}?3`])
  })

  it("is asked for its body when those before it are answered", async () => {
    using connection = await dial(proxy.origin)
    connection.send(rename("First"))
    await proxy.run(arrived.await)
    const body = '{"data":{"name":"Second"}}'
    connection.send(request(`PATCH ${path}`, [...headers, "Expect: 100-continue", `Content-Length: ${body.length}`]))
    // By the time another has been served, it has been read.
    expect((await fetch(`${proxy.origin}/health`)).status).toBe(200)
    await proxy.run(gate.open)
    expect((await connection.next())?.status).toBe(200)
    expect((await connection.next())?.status).toBe(100)
    connection.send(body)
    expect(JSON.parse((await connection.next())?.body ?? "null")).toMatchObject({ data: { name: "Second" } })
  })

  it.each(["garbage\r\n\r\n", "gar"])(
    "is refused behind an answer where it is none: %j, and then the end",
    async (garbage) => {
      using connection = await dial(proxy.origin, { allowHalfOpen: true })
      connection.send(rename("First"))
      await proxy.run(arrived.await)
      connection.socket.end(garbage)
      // By the time another has been served, it has been read.
      expect((await fetch(`${proxy.origin}/health`)).status).toBe(200)
      await proxy.run(gate.open)
      expect((await connection.next())?.status).toBe(200)
      expect((await connection.next())?.status).toBe(400)
      await connection.closed
    },
  )

  it("is none where it is an empty line, with which a caller closes their side", async () => {
    using connection = await dial(proxy.origin)
    connection.send(rename("Changed"))
    await proxy.run(arrived.await)
    connection.socket.end("\r\n\n")
    // By the time another has been served, it has been read.
    expect((await fetch(`${proxy.origin}/health`)).status).toBe(200)
    await proxy.run(gate.open)
    expect(JSON.parse((await connection.next())?.body ?? "null")).toMatchObject({ data: { name: "Changed" } })
    await connection.closed
  })

  it("is whole when its rest comes, in however many pieces", async () => {
    await proxy.run(gate.open)
    using connection = await dial(proxy.origin)
    connection.send(read(1))
    expect((await connection.next())?.status).toBe(200)
    const urls = readByNode()
    for (const byte of rename("Changed")) {
      connection.send(byte)
      // By the time another has been served, it has been read.
      expect((await fetch(`${proxy.origin}/health`)).status).toBe(200)
    }
    expect(JSON.parse((await connection.next())?.body ?? "null")).toMatchObject({ data: { name: "Changed" } })
    expect(urls.filter((url) => url === path)).toHaveLength(1)
  })
})
