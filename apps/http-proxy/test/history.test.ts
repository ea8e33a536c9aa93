/** `GET …/users/:id/history`: what happened to a user, over HTTP. */
import { parseSiteId, type SiteId, type User, UserId } from "@webflow-users/core"
import { afterAll, beforeAll, describe, expect, it } from "vitest"
import { start } from "./proxy.ts"

const siteId = parseSiteId("580e63e98c9a982ac9b8b741") as SiteId
const user: User = {
  id: UserId.make("6287ec36a841b25637c663df"),
  accessGroups: [{ slug: "gold", type: "admin" }],
  data: { name: "Arthur Dent", email: "arthur@example.com" },
}
const path = `/v2/sites/${siteId}/users/${user.id}`

let proxy: Awaited<ReturnType<typeof start>>
let token: string
const ask = async (target: string, bearer = token, init: RequestInit = {}) => {
  const response = await fetch(proxy.origin + target, { ...init, headers: { authorization: `Bearer ${bearer}` } })
  return { status: response.status, json: (await response.json()) as Record<string, unknown> }
}
beforeAll(async () => {
  proxy = await start("memory:", { id: siteId, users: [user] })
  token = await proxy.token()
  const body = JSON.stringify({ data: { name: "Ford Prefect", drink: "Tea" }, accessGroups: ["gold", "silver"] })
  const headers = { authorization: `Bearer ${token}`, "content-type": "application/json" }
  await fetch(proxy.origin + path, { method: "PATCH", headers, body })
  await fetch(proxy.origin + path, { method: "PATCH", headers })
})
afterAll(() => proxy.stop())

describe("a user's history", () => {
  const entry = {
    at: expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/),
    actor: expect.stringMatching(/^token:[0-9a-f]{24}$/),
    address: "127.0.0.1",
  }

  it("tells who changed what, when and from where, the latest first", async () => {
    const { status, json } = await ask(`${path}/history`)
    expect(status).toBe(200)
    expect(json).toEqual({
      history: [
        { ...entry, label: null, changes: [] },
        {
          ...entry,
          label: null,
          changes: [
            { field: "name", before: "Arthur Dent", after: "Ford Prefect" },
            { field: "drink", before: null, after: "Tea" },
            { field: "accessGroups", before: ["gold"], after: ["gold", "silver"] },
          ],
        },
      ],
      count: 2,
      limit: 10,
      offset: 0,
      total: 2,
    })
  })

  it("is given in parts", async () => {
    const { json } = await ask(`${path}/history?limit=1&offset=1`)
    expect(json).toMatchObject({ history: [{ changes: { length: 3 } }], count: 1, limit: 1, offset: 1, total: 2 })
  })

  it("is for who may read", async () => {
    expect((await ask(`${path}/history`, await proxy.token(siteId, ["users:write"]))).json).toMatchObject({
      code: "missing_scopes",
      message: "OAuthForbidden: You are missing the following scopes - 'users:read'",
    })
  })

  it.each([
    ["an offset that is none", `${path}/history?offset=-1`, 400, "validation_error"],
    ["a user who is not there", `/v2/sites/${siteId}/users/${"f".repeat(24)}/history`, 404, "user_not_found"],
    ["an id that is none", `/v2/sites/${siteId}/users/me/history`, 400, "validation_error"],
  ])("is refused for %s", async (_, target, status, code) => {
    expect(await ask(target)).toMatchObject({ status, json: { code } })
  })

  it("is only read", async () => {
    expect(await ask(`${path}/history`, token, { method: "PATCH" })).toMatchObject({ status: 405 })
  })
})
