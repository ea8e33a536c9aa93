/**
 * A test of code that calls Update User, against a real server in the test's own process: `node --test examples/testing.ts`.
 * Any other runner does as well.
 */
import assert from "node:assert/strict"
import { after, before, beforeEach, test } from "node:test"
import { type Client, createClient } from "@webflow-users/sdk"
import { sample, startServer, type TestServer } from "@webflow-users/sdk/testing"

/** What is to be tested: it makes somebody a member. */
const welcome = (client: Client, userId: string) =>
  client.users.update(sample.siteId, userId, { accessGroups: ["members"], data: { plan: "free" } })

const { chiyo } = sample.userIds
let server: TestServer
let client: Client
before(async () => {
  server = await startServer()
  client = createClient({ baseUrl: server.baseUrl, token: server.token })
})
beforeEach(() => server.reset())
after(async () => {
  await client.close()
  await server.close()
})

test("makes somebody a member", async () => {
  await welcome(client, chiyo)
  const { accessGroups, data } = await server.user(chiyo)
  assert.deepEqual(accessGroups, [{ slug: "members", type: "admin" }])
  assert.equal(data["plan"], "free")
})

test("is patient with a server that has too much to do", async () => {
  server.faults.set({ status: 429, retryAfter: 0, times: 2 })
  await welcome(client, chiyo)
  assert.deepEqual(
    server.requests.map(({ method, status }) => `${method} ${status}`),
    ["PATCH 429", "PATCH 429", "PATCH 200"],
  )
})

test("says so where there is no such user", async () => {
  await assert.rejects(welcome(client, "000000000000000000000000"), { status: 404, code: "user_not_found" })
})
