/**
 * Two built proxies that hold one token of another server's, which limits it: each counts for itself, and sees in the
 * answers what the other has taken. Together they may meet a 429; nobody who calls them hears of it, and no update is lost.
 */
import { parseSiteId, type SiteId, UserId } from "@webflow-users/core"
import { expect, it, onTestFinished } from "vitest"
import * as Spawned from "./spawned.ts"
import * as Upstream from "./upstream.ts"

const siteId = parseSiteId("580e63e98c9a982ac9b8b741") as SiteId
const userId = UserId.make("6287ec36a841b25637c663df")
const limit = 20
const windowMillis = 400
const updates = 100

it("two proxies in front of a server that limits their token", { timeout: 60_000 }, async () => {
  const server = await Upstream.start()
  onTestFinished(server.stop)
  // So many requests in a window, which begins with the first one after the last window; the others are refused.
  let began = Number.NEGATIVE_INFINITY
  let taken = 0
  let refused = 0
  let accepted = 0
  server.answers((response) => {
    const now = performance.now()
    if (now - began >= windowMillis) [began, taken] = [now, 0]
    const isWithin = taken < limit
    if (isWithin) [taken, accepted] = [taken + 1, accepted + 1]
    else refused += 1
    response.writeHead(isWithin ? 200 : 429, {
      "x-ratelimit-limit": String(limit),
      "x-ratelimit-remaining": String(limit - taken),
      ...(!isWithin && { "retry-after": "1" }),
    })
    const failure = { code: "too_many_requests", message: "Too Many Requests", externalReference: null, details: [] }
    response.end(JSON.stringify(isWithin ? { id: userId, accessGroups: [], data: {} } : failure))
  })
  const start = () =>
    Spawned.start(server.address, { args: ["--auth", "passthrough", "--upstream-window", `${windowMillis} millis`] })
  await using one = await start()
  await using two = await start()

  const statuses = await Promise.all(
    Array.from({ length: updates }, async (_, index) => {
      const { origin } = index % 2 === 0 ? one : two
      const response = await fetch(`${origin}/v2/sites/${siteId}/users/${userId}`, {
        method: "PATCH",
        headers: { authorization: "Bearer shared", "content-type": "application/json" },
        body: JSON.stringify({ data: { name: `Member ${index}` } }),
      })
      await response.body?.cancel()
      return response.status
    }),
  )
  expect(statuses).toEqual(Array.from({ length: updates }, () => 200))
  expect(accepted).toBe(updates)
  // Each as often as it was refused, and once more.
  const names = server.asked.map(({ body }) => (JSON.parse(body) as { data: { name: string } }).data.name)
  expect(new Set(names).size).toBe(updates)
  expect(names).toHaveLength(updates + refused)
})
