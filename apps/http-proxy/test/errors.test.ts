/** The contract's table of errors, each row from a real request: status, body and headers, whole. */
import { InternalError, parseSiteId, type SiteId, type User, UserId } from "@webflow-users/core"
import { Effect, Layer } from "effect"
import { TestClock } from "effect/testing"
import { afterAll, beforeAll, describe, expect, it } from "vitest"
import { Faults } from "@webflow-users/server"
import { start } from "./proxy.ts"

const siteId = parseSiteId("580e63e98c9a982ac9b8b741") as SiteId
const elsewhere = parseSiteId("580e63e98c9a982ac9b8b742") as SiteId
const user: User = {
  id: UserId.make("6287ec36a841b25637c663df"),
  lastUpdated: "2022-05-20T13:46:12.093Z",
  accessGroups: [],
  data: { name: "Arthur Dent", email: "arthur@example.com" },
}
const broken: User = { ...user, id: UserId.make("6287ec36a841b25637c663e0"), data: {} }

// The minute is the test's own, so that it does not turn between two requests.
const beside = Layer.merge(Faults.layer, TestClock.layer())

let proxy: Awaited<ReturnType<typeof start>>
const tokens = { good: "", reading: "", elsewhere: "", spent: "" }
beforeAll(async () => {
  const failing = (store: Parameters<NonNullable<Parameters<typeof start>[2]>>[0]) => ({
    ...store,
    update: (...[site, id, patch]: Parameters<typeof store.update>) =>
      id === broken.id ? Effect.fail(new InternalError()) : store.update(site, id, patch),
  })
  proxy = await start("memory:", { id: siteId, users: [user, broken] }, failing, beside)
  await proxy.run(TestClock.setTime(Date.parse("2026-03-01T12:00:18.500Z")))
  tokens.good = await proxy.token()
  tokens.reading = await proxy.token(siteId, ["users:read"])
  tokens.elsewhere = await proxy.token(elsewhere)
  tokens.spent = await proxy.token(siteId, ["users:read"], 1)
})
afterAll(() => proxy.stop())

interface Ask {
  readonly path?: string
  readonly token?: () => string
  readonly headers?: Readonly<Record<string, string>>
  readonly body?: string
  readonly method?: string
}

const pathOf = (site: string, id: string) => `/sites/${site}/users/${id}`
const update = (prefix: string, { path = pathOf(siteId, user.id), token, headers, body = "{}", method }: Ask) =>
  fetch(`${proxy.origin}${prefix}${path}`, {
    method: method ?? "PATCH",
    headers: {
      authorization: `Bearer ${(token ?? (() => tokens.good))()}`,
      "content-type": "application/json",
      ...headers,
    },
    body,
  })

interface Row {
  readonly name: string
  readonly ask: Ask
  readonly status: number
  readonly code: string
  readonly message: string
  readonly details?: ReadonlyArray<unknown>
  /** Those beside the ones that every answer has. */
  readonly headers?: Readonly<Record<string, unknown>>
}

const table: ReadonlyArray<Row> = [
  {
    name: "an id that is none",
    ask: { path: pathOf(siteId, "12") },
    status: 400,
    code: "validation_error",
    message: "Validation Error: Provided ID is invalid",
    details: [{ param: "user_id", description: "must be 24 hexadecimal characters" }],
  },
  {
    name: "a body that asks for what cannot be",
    ask: { body: '{"data":{"name":5,"email":"other@example.com"}}' },
    status: 400,
    code: "validation_error",
    message: "Validation Error",
    details: [
      { param: "data.name", description: "must be a string" },
      { param: "data.email", description: "cannot be updated" },
    ],
  },
  {
    name: "a body that is no JSON",
    ask: { body: '{"data":' },
    status: 400,
    code: "bad_request",
    message: "The body is not valid JSON",
  },
  {
    name: "a body of another type",
    ask: { headers: { "content-type": "text/plain" } },
    status: 400,
    code: "bad_request",
    message: "The content-type has to be application/json",
  },
  {
    name: "a body that is too large, by HTTP's own status for it",
    ask: { body: `"${"x".repeat(1024 * 1024)}"` },
    status: 413,
    code: "bad_request",
    message: "Request body too large: at most 1048576 bytes are read",
  },
  {
    name: "a token that was never issued",
    ask: { token: () => "nobody" },
    status: 401,
    code: "not_authorized",
    message: "Request not authorized",
    headers: { "www-authenticate": "Bearer" },
  },
  {
    name: "a token without the scope",
    ask: { token: () => tokens.reading },
    status: 403,
    code: "missing_scopes",
    message: "OAuthForbidden: You are missing the following scopes - 'users:write'",
  },
  {
    name: "a token for another site",
    ask: { token: () => tokens.elsewhere },
    status: 403,
    code: "forbidden",
    message: "The token is not for this site",
  },
  {
    // A store of one's own has no switch for it: only who asks for the fault gets it.
    name: "User Accounts switched off",
    ask: { headers: { [Faults.headerName]: "code=users_not_enabled" } },
    status: 403,
    code: "users_not_enabled",
    message: "Users feature is not enabled",
  },
  {
    name: "a site that is not there",
    ask: { path: pathOf(elsewhere, user.id), token: () => tokens.elsewhere },
    status: 404,
    code: "resource_not_found",
    message: "Requested resource not found: The site cannot be found",
  },
  {
    name: "a user who is not there",
    ask: { path: pathOf(siteId, "6287ec36a841b25637c66300") },
    status: 404,
    code: "user_not_found",
    message: "Requested resource not found: The user cannot be found",
  },
  {
    name: "more requests than the token may make",
    ask: { token: () => tokens.spent },
    status: 429,
    code: "too_many_requests",
    message: "Too Many Requests",
    headers: {
      "retry-after": "42",
      "x-ratelimit-limit": "1",
      "x-ratelimit-remaining": "0",
    },
  },
  {
    name: "a failure of the server",
    ask: { path: pathOf(siteId, broken.id) },
    status: 500,
    code: "internal_error",
    message: "An Internal Error occurred",
  },
  {
    name: "a path that is not there",
    ask: { path: "/sites" },
    status: 404,
    code: "resource_not_found",
    message: "Requested resource not found: The path cannot be found",
  },
  {
    name: "a method that the path has not",
    ask: { method: "PUT" },
    status: 405,
    code: "bad_request",
    message: "Method not allowed",
    headers: { allow: "PATCH, GET" },
  },
]

describe.each(["/v2", "/beta", ""])("below %j", (prefix) => {
  it.each(table)("$name: $status $code", async ({ ask, status, code, message, details = [], headers = {} }) => {
    // The first request of the token is one it may not make either, though for want of a scope.
    if (status === 429) expect((await update(prefix, ask)).status).toBeGreaterThanOrEqual(403)
    const response = await update(prefix, ask)
    const text = await response.text()
    expect(response.status).toBe(status)
    expect(JSON.parse(text)).toEqual({ code, message, externalReference: null, details })
    expect(Object.fromEntries(response.headers)).toEqual({
      "content-type": "application/json; charset=utf-8",
      "cache-control": "no-store",
      "content-length": String(Buffer.byteLength(text)),
      date: expect.any(String),
      "x-request-id": expect.stringMatching(/^[0-9a-f]{16}$/),
      connection: expect.any(String),
      ...(response.headers.has("keep-alive") && { "keep-alive": expect.any(String) }),
      ...headers,
    })
  })

  it("leaves the user as it was", async () => {
    const response = await fetch(`${proxy.origin}${prefix}${pathOf(siteId, user.id)}`, {
      headers: { authorization: `Bearer ${tokens.good}` },
    })
    expect(await response.json()).toEqual(user)
  })
})
