/** What becomes of callers who do not go on: they hold a socket for a while, and never the stop. */
import { parseSiteId, type SiteId, type User, UserEvents, UserId } from "@webflow-users/core"
import { mkdtemp, rm } from "node:fs/promises"
import { tmpdir } from "node:os"
import { setTimeout } from "node:timers/promises"
import { join } from "node:path"
import { afterAll, beforeAll, describe, expect, it } from "vitest"
import { open } from "./proxy.ts"
import { dial, request } from "./raw.ts"
import * as Spawned from "./spawned.ts"

const siteId = parseSiteId("580e63e98c9a982ac9b8b741") as SiteId
const filling = Object.fromEntries(Array.from({ length: 20 }, (_, index) => [`field-${index}`, "x".repeat(256)]))
const users = Array.from({ length: 100 }, (_, index): User => ({
  id: UserId.make(`6287ec36a841b25637c6${(0x7000 + index).toString(16)}`),
  lastUpdated: "2024-05-20T13:46:12.093Z",
  accessGroups: [],
  data: { ...filling, name: `Member ${index}`, email: `member${index}@example.com` },
}))

let folder: string
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "webflow-users-timeouts-"))
})
afterAll(() => rm(folder, { recursive: true }))

const prepare = async (name: string) => {
  const store = `file:${folder}/${name}.db`
  await using prepared = open(store)
  await prepared.add({ id: siteId, users })
  const token = await prepared.token(siteId)
  const headers = [`Authorization: Bearer ${token}`, "Content-Type: application/json"]
  const path = `/v2/sites/${siteId}/users`
  return {
    store,
    patch: request(`PATCH ${path}/${users[0]?.id}`, headers, JSON.stringify({ data: { name: "Changed" } })),
    list: request(`GET ${path}?limit=100`, headers),
  }
}

const changes = async (store: string) => {
  await using after = open(store)
  return await after.run(UserEvents.use((service) => service.ofUser(siteId, (users[0] as User).id)))
}

// Each waits for the server's own patience to end, so they wait together.
describe.concurrent("a caller who does not go on", { timeout: 120_000 }, () => {
  const late = {
    code: "bad_request",
    message: "The request did not arrive in time",
    externalReference: null,
    details: [],
  }

  it.each([
    ["having said nothing", () => ""],
    ["in the head of a request", (patch: string) => patch.slice(0, 20)],
    ["in the body of a request", (patch: string) => patch.slice(0, -5)],
  ])("%s is told so, and changes nothing", async (name, cut) => {
    const { store, patch } = await prepare(name.replaceAll(" ", "-"))
    await using proxy = await Spawned.start(store)
    using connection = await dial(proxy.origin)
    connection.send(cut(patch))
    const answer = await connection.next()
    expect([answer?.status, answer?.headers["connection"]]).toEqual([408, "close"])
    expect(JSON.parse(answer?.body ?? "null")).toEqual(late)
    await connection.closed
    expect(connection.rest()).toBe("")
    expect(await proxy.end("SIGTERM")).toMatchObject({ code: 0, stderr: "" })
    expect(await changes(store)).toEqual([])
  })

  it("in the head of a request is told so before one who has come as far as the body", async () => {
    const { store, patch } = await prepare("head-before-body")
    await using proxy = await Spawned.start(store)
    using inBody = await dial(proxy.origin)
    using inHead = await dial(proxy.origin)
    inBody.send(patch.slice(0, -5))
    inHead.send(patch.slice(0, 20))
    const told = [inBody.next().then(() => "body"), inHead.next().then(() => "head")]
    expect(await Promise.race(told)).toBe("head")
    expect(await Promise.all(told)).toEqual(["body", "head"])
  })

  it("in the body of a request holds up the stop until then, and no longer", async () => {
    const { store, patch } = await prepare("stop-in-body")
    await using proxy = await Spawned.start(store)
    using connection = await dial(proxy.origin)
    connection.send(patch + patch.slice(0, -5))
    expect((await connection.next())?.status).toBe(200)
    const ended = proxy.end("SIGTERM")
    expect((await connection.next())?.status).toBe(408)
    expect(await ended).toMatchObject({ code: 0, stderr: "" })
    expect(await changes(store)).toHaveLength(1)
  })

  it("after having fetched an answer is there to go on with for more than half a minute", async () => {
    const { store, list } = await prepare("quiet")
    await using proxy = await Spawned.start(store)
    using connection = await dial(proxy.origin)
    connection.send(list)
    expect((await connection.next())?.status).toBe(200)
    await setTimeout(40_000)
    connection.send(list)
    expect((await connection.next())?.status).toBe(200)
  })

  it("in reading the answers is waited for no longer than half a minute", async () => {
    const { store, list } = await prepare("unread")
    await using proxy = await Spawned.start(store)
    using connection = await dial(proxy.origin)
    connection.send(list.repeat(50))
    expect((await connection.next())?.status).toBe(200)
    connection.socket.pause()
    // A connection that is gone is seen by who writes to it, also by who does not read.
    const writing = setInterval(() => connection.socket.write("\r\n"), 500)
    await connection.closed
    clearInterval(writing)
  })

  it("in reading the answers holds up the stop for a while, and not for ever", async () => {
    const { store, list } = await prepare("stop-unread")
    await using proxy = await Spawned.start(store)
    using connection = await dial(proxy.origin)
    connection.send(list.repeat(50))
    expect((await connection.next())?.status).toBe(200)
    connection.socket.pause()
    expect(await proxy.end("SIGTERM")).toMatchObject({ code: 0, stderr: "" })
  })
})
