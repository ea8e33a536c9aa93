/** Commands in front of another server: what they ask it for, and what they say of what it answers. */
import { type User, UserId } from "@webflow-users/core"
import { describe, expect, it } from "vitest"
import { cli, errorIn, siteId } from "./run.ts"
import { envelope, serve, serveUsers } from "./server.ts"

const members = Array.from({ length: 250 }, (_, index): User => ({
  id: UserId.make(`6287ec36a841b25637c6${(0x4000 + index).toString(16)}`),
  accessGroups: [
    { slug: "webflowers", type: "admin" },
    { slug: "course", type: "ecommerce" },
  ],
  data: { name: `Member ${index}`, email: `member${index}@example.com` },
}))
const id = (index: number): string => members[index]?.id ?? ""

describe("a user named by e-mail address on another server", { concurrent: true }, () => {
  it("is looked for page by page, no farther than he is, and updated by his id", async () => {
    await using server = await serveUsers(members)
    const args = ["update", siteId, "Member150@Example.com", "--name", "Al", "--store", server.address]
    expect(await cli(args)).toMatchObject({ code: 0, stderr: "" })
    expect(server.asked()).toEqual([
      "GET /users?offset=0&limit=100",
      "GET /users?offset=100&limit=100",
      `PATCH /users/${id(150)}`,
    ])
    expect([...server.users.values()].filter(({ data }) => data.name === "Al").map((user) => user.id)).toEqual([
      id(150),
    ])
  })

  it("joins a group: the list once, then read, merge, write", async () => {
    await using server = await serveUsers(members)
    const flags = ["--add-group", "gold", "--remove-group", "webflowers", "--store", server.address]
    expect(await cli(["update", siteId, "member240@example.com", ...flags])).toMatchObject({ code: 0, stderr: "" })
    expect(server.asked()).toEqual([
      "GET /users?offset=0&limit=100",
      "GET /users?offset=100&limit=100",
      "GET /users?offset=200&limit=100",
      `GET /users/${id(240)}`,
      `PATCH /users/${id(240)}`,
    ])
    expect(server.sent).toEqual([
      {
        accessGroups: [
          { slug: "gold", type: "admin" },
          { slug: "course", type: "ecommerce" },
        ],
      },
    ])
  })

  it("that nobody has is told after the whole list, and nothing is sent", async () => {
    await using server = await serveUsers(members)
    const outcome = await cli(["update", siteId, "nobody@example.com", "--name", "Al", "--store", server.address])
    expect(outcome.code).toBe(6)
    expect(errorIn(outcome)).toMatchObject({ tag: "UserNotFound", user: "nobody@example.com", outcome: "unchanged" })
    expect(server.asked()).toHaveLength(3)
    expect(server.sent).toEqual([])
  })

  it("is not looked for where an id is given", async () => {
    await using server = await serveUsers(members)
    await cli(["update", siteId, id(7), "--add-group", "gold", "--store", server.address])
    expect(server.asked()).toEqual([`GET /users/${id(7)}`, `PATCH /users/${id(7)}`])
  })

  it("sees what a dry run would do, and sends nothing", async () => {
    await using server = await serveUsers(members)
    const flags = ["--add-group", "gold", "--dry-run", "--store", server.address]
    const outcome = await cli(["update", siteId, "member0@example.com", ...flags])
    expect(JSON.parse(outcome.stdout).changes).toMatchObject([{ field: "accessGroups" }])
    expect(server.asked().filter((what) => !what.startsWith("GET"))).toEqual([])
  })

  it("joins the groups that are there when it is tried again", async () => {
    let refusals = 1
    await using server = await serveUsers(members, ({ method }) => {
      if (method !== "PATCH" || refusals === 0) return undefined
      refusals -= 1
      const user = members[0]
      if (user !== undefined) server.users.set(user.id, { ...user, accessGroups: [{ slug: "late", type: "admin" }] })
      return { status: 503, headers: { "retry-after": "0" }, body: "Later" }
    })
    const outcome = await cli(["update", siteId, id(0), "--add-group", "gold", "--store", server.address])
    expect(JSON.parse(outcome.stdout).accessGroups).toEqual([
      { slug: "late", type: "admin" },
      { slug: "gold", type: "admin" },
    ])
  })
})

describe("Webflow itself", { concurrent: true }, () => {
  /** Every host is this machine. */
  const env = { NODE_OPTIONS: `--import=${new URL("./resolve-here.mjs", import.meta.url).href}` }
  const askWebflow = async (status: number, body: string, more: Readonly<Record<string, string>> = {}) => {
    await using server = await serve(() => ({ status, body }))
    const store = `http://api.webflow.com:${server.port}/v2`
    const outcome = await cli(["update", siteId, id(0), "--name", "Al", "--store", store], { env: { ...env, ...more } })
    return { outcome, hosts: server.requests.map(({ headers }) => headers.host), port: server.port }
  }

  it.each([
    [403, envelope("users_not_enabled", "Users feature is not enabled")],
    [404, envelope("resource_not_found", "Requested resource not found")],
    [404, "<html>Not found</html>"],
    [410, envelope("gone", "This endpoint is gone")],
  ])("has no users any more: %i %s", async (status, body) => {
    const { outcome, hosts, port } = await askWebflow(status, body)
    expect(hosts).toEqual([`api.webflow.com:${port}`])
    expect(outcome.code).toBe(1)
    expect(errorIn(outcome)).toMatchObject({
      tag: "UserAccountsRemoved",
      code: "users_not_enabled",
      status,
      message: expect.stringMatching(/Webflow removed User Accounts.* on 2026-01-29\..*`webflow-users import`/),
      user: id(0),
      outcome: "unchanged",
      nextStep: expect.stringContaining("webflow-users import members.csv"),
    })
  })

  it.each([
    [401, envelope("not_authorized", "Request not authorized"), 3, "NotAuthorized"],
    [429, envelope("too_many_requests", "Too Many Requests"), 4, "TooManyRequests"],
  ])("says with %i what everybody does", async (status, body, code, tag) => {
    const { outcome } = await askWebflow(status, body, { WEBFLOW_USERS_UPSTREAM_ATTEMPTS: "1" })
    expect(outcome.code).toBe(code)
    expect(errorIn(outcome)).toMatchObject({ tag })
  })
})
