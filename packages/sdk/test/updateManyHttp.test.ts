/** Many updates to servers with limits, that break off, or that know no more than they say. */
import { createClient, type UpdateManyOutcome } from "@webflow-users/sdk"
import { describe, expect, it } from "vitest"
import { answer, idOf, many, seeded, serve, siteId } from "./updates.ts"

describe("updateMany, iterated too late", () => {
  it("refuses and begins nothing more, and a failure is nobody's surprise", async () => {
    await using server = await serve((_, response) => answer(response, 401, "not_authorized"))
    await using client = createClient({ baseUrl: server.baseUrl, token: "t" })
    const calling = client.users.updateMany(siteId, many(500))
    await client.users.get(siteId, idOf(0)).catch(() => undefined)
    expect(() => calling[Symbol.asyncIterator]()).toThrow(TypeError)

    await using good = await serve()
    await using other = createClient({ baseUrl: good.baseUrl, token: "t" })
    const late = other.users.updateMany(siteId, many(500))
    await Promise.resolve()
    expect(() => late[Symbol.asyncIterator]()).toThrow(TypeError)
    await late
    expect(good.applied.length).toBeLessThan(100)
  })
})

describe("updateMany, over HTTP", () => {
  it("keeps within a limit and loses nothing", async () => {
    const counts = { within: 0, refused: 0 }
    let windowEnds = 0
    await using server = await serve((_, response) => {
      const now = performance.now()
      if (now >= windowEnds) [windowEnds, counts.within] = [now + 1000, 0]
      counts.within += 1
      response.setHeader("x-ratelimit-limit", "100")
      response.setHeader("x-ratelimit-remaining", String(Math.max(0, 100 - counts.within)))
      if (counts.within <= 100) return false
      counts.refused += 1
      return answer(response, 429, "too_many_requests", { "retry-after": "1" })
    })
    await using client = createClient({ baseUrl: server.baseUrl, token: "t", rateLimit: { window: "1 second" } })
    expect(await client.users.updateMany(siteId, many(300))).toEqual({ updated: 300, failed: 0 })
    expect(new Set(server.applied.map(({ id }) => id)).size).toBe(300)
    expect(counts.refused).toBe(0)
  })

  it("reports nothing as failed that was made, where a server breaks off now and then", async () => {
    let asked = 0
    const made = new Set<string>()
    await using server = await serve(({ id }, response) => {
      asked += 1
      if (asked % 40 === 0) return answer(response, 500, "internal_error")
      made.add(id)
      if (asked % 55 !== 0) return false
      response.destroy()
      return true
    })
    await using client = createClient({ baseUrl: server.baseUrl, token: "t" })
    expect(await client.users.updateMany(siteId, many(400))).toEqual({ updated: 400, failed: 0 })
    expect(made.size).toBe(400)
  })
})

describe("updateMany, of groups that there are not", () => {
  it("tells of them as the change names them", async () => {
    await using client = await seeded(3)
    await client.declareSite(siteId, { accessGroups: [{ slug: "free", name: "Free" }] })
    const outcomes: Array<UpdateManyOutcome> = []
    const changes = [
      { id: idOf(0), addGroups: ["gold"] },
      { id: idOf(1), accessGroups: ["gold"] },
      { id: idOf(2), addGroups: ["gold"], data: { email: "x@example.com" } },
    ]
    await client.users.updateMany(siteId, changes, { concurrency: 1, onOutcome: (one) => outcomes.push(one) })
    const params = outcomes.map((one) => one.outcome === "failed" && one.error.details)
    expect(params).toMatchObject([
      [{ param: "addGroups" }],
      [{ param: "accessGroups" }],
      [{ param: "data.email" }, { param: "addGroups" }],
    ])
  })
})
