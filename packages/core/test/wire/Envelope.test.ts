import * as Core from "@webflow-users/core"
import { Envelope } from "@webflow-users/core/wire"
import { describe, expect, it } from "vitest"

const cause = new Error("secret of the driver")

/** The contract's error table: what each error of the list is on the wire, and what a client makes of it again. */
const table: ReadonlyArray<{
  readonly error: Core.UpdateUserError
  readonly status: number
  readonly code: string
  readonly message: string
  readonly headers?: Readonly<Record<string, string>>
  /** Where the wire does not tell it apart from another. */
  readonly readAs?: Core.UpdateUserError["_tag"]
  readonly retryable?: true
}> = [
  {
    error: new Core.InvalidId({}),
    status: 400,
    code: "validation_error",
    message: "Validation Error: Provided ID is invalid",
  },
  { error: new Core.InvalidPatch({}), status: 400, code: "validation_error", message: "Validation Error" },
  { error: new Core.BadRequest({}), status: 400, code: "bad_request", message: "Bad Request" },
  { error: new Core.BodyTooLarge({}), status: 413, code: "bad_request", message: "Request body too large" },
  {
    error: new Core.NotAuthorized({}),
    status: 401,
    code: "not_authorized",
    message: "Request not authorized",
    headers: { "www-authenticate": "Bearer" },
  },
  {
    error: Core.MissingScopes.of(["users:write"]),
    status: 403,
    code: "missing_scopes",
    message: "OAuthForbidden: You are missing the following scopes - 'users:write'",
  },
  { error: new Core.SiteForbidden({}), status: 403, code: "forbidden", message: "The token is not for this site" },
  {
    error: new Core.UsersNotEnabled({}),
    status: 403,
    code: "users_not_enabled",
    message: "Users feature is not enabled",
  },
  {
    error: new Core.SiteNotFound({}),
    status: 404,
    code: "resource_not_found",
    message: "Requested resource not found: The site cannot be found",
  },
  {
    error: new Core.UserNotFound({}),
    status: 404,
    code: "user_not_found",
    message: "Requested resource not found: The user cannot be found",
  },
  {
    error: new Core.RouteNotFound({}),
    status: 404,
    code: "resource_not_found",
    message: "Requested resource not found: The path cannot be found",
  },
  {
    error: new Core.MethodNotAllowed({ allow: ["PATCH", "GET"] }),
    status: 405,
    code: "bad_request",
    message: "Method not allowed",
    headers: { allow: "PATCH, GET" },
    readAs: "UnexpectedResponse",
  },
  {
    error: new Core.TooManyRequests({ retryAfter: 59.2 }),
    status: 429,
    code: "too_many_requests",
    message: "Too Many Requests",
    headers: { "retry-after": "60" },
    retryable: true,
  },
  {
    error: new Core.InternalError({}),
    status: 500,
    code: "internal_error",
    message: "An Internal Error occurred",
    retryable: true,
  },
  {
    error: new Core.StoreUnavailable({ cause }),
    status: 500,
    code: "internal_error",
    message: "An Internal Error occurred",
    readAs: "InternalError",
    retryable: true,
  },
  {
    error: new Core.Unreachable({ cause }),
    status: 502,
    code: "internal_error",
    message: "The server could not be reached",
    readAs: "UnexpectedResponse",
    retryable: true,
  },
  {
    error: new Core.UnexpectedResponse({ status: 409, code: "conflict", message: "Taken" }),
    status: 409,
    code: "conflict",
    message: "Taken",
  },
]

const decode = (status: number, body: unknown, retryAfter?: string) =>
  Envelope.decodeError({ status, body, retryAfter })

describe("the errors of the list", () => {
  it("are all in this table", () =>
    expect(table.map(({ error }) => error._tag)).toStrictEqual(
      Core.UpdateUserError.members.map((member) => member.identifier),
    ))

  describe.each(table.map((row) => ({ tag: row.error._tag, ...row })))(
    "$tag",
    ({ error, readAs = error._tag, ...row }) => {
      const encoded = Envelope.encodeError(error)

      it(`is answered ${row.status} ${row.code}, in the envelope, and tells no cause`, () =>
        expect(encoded).toStrictEqual({
          status: row.status,
          headers: row.headers ?? {},
          body: { code: row.code, message: row.message, externalReference: null, details: [] },
        }))

      it(`is read back as ${readAs}, in the same words`, () => {
        const { status, headers, body } = encoded
        const read = decode(status, JSON.parse(JSON.stringify(body)), headers["retry-after"])
        expect(read).toMatchObject({ _tag: readAs, status: row.status, code: row.code, message: row.message })
        expect(read.isRetryable).toBe(row.retryable ?? false)
        expect(error.isRetryable).toBe(row.retryable ?? false)
      })
    },
  )

  it("keep their details", () => {
    const details = [{ param: "data.name", description: "must be a string" }]
    expect(Envelope.encodeError(new Core.InvalidPatch({ details })).body.details).toStrictEqual(details)
  })

  it("name each scope that is missing, where they are known", () => {
    const sentence = "OAuthForbidden: You are missing the following scopes"
    expect(Core.MissingScopes.of(["users:read", "users:write"]).message).toBe(
      `${sentence} - 'users:read', 'users:write'`,
    )
    expect(new Core.MissingScopes({}).message).toBe(sentence)
  })

  it("ask for no waiting time where none is known", () =>
    expect(Envelope.encodeError(new Core.TooManyRequests({})).headers).toStrictEqual({}))

  it.each([200, 204, 302])(
    "are never answered as a success or a redirect, also when another server's %i was the reason",
    (status) =>
      expect(Envelope.encodeError(new Core.UnexpectedResponse({ status, code: "" }))).toMatchObject({
        status: 502,
        body: { code: "internal_error", message: "The server's answer is not one of the contract" },
      }),
  )
})

describe("another server's error", () => {
  const details = [
    "a text",
    { field: "data.name", message: "too long" },
    { param: "data.x", description: "unknown", more: [1] },
  ]

  it.each([
    [400, "validation_error", "InvalidPatch"],
    [403, "users_not_enabled", "UsersNotEnabled"],
    [404, "user_not_found", "UserNotFound"],
    [409, "conflict", "UnexpectedResponse"],
    [404, "item_not_found", "UnexpectedResponse"],
    // A known code under another status is not the error that code means.
    [500, "not_authorized", "UnexpectedResponse"],
    [400, "a_code_of_tomorrow", "UnexpectedResponse"],
  ])("%i %s keeps status, code, message and details of every form", (status, code, tag) =>
    expect(
      decode(status, { code, message: "Its own words", externalReference: "https://example.com", details }),
    ).toMatchObject({
      _tag: tag,
      status,
      code,
      message: "Its own words",
      details,
    }),
  )

  it("is an InvalidId when the message says so", () =>
    expect(decode(400, { code: "validation_error", message: "Validation Error: Provided ID is invalid" })._tag).toBe(
      "InvalidId",
    ))

  it.each([
    ["nothing", undefined],
    ["a page of HTML", "<html>Bad Gateway</html>"],
    ["a list", [{ code: "conflict" }]],
    ["null", null],
    ["an object without a code", { error: "oops" }],
    ["parts of wrong types", { code: 5, message: {}, details: "none" }],
  ])("of %s keeps its status, and can be retried from 500 on", (_, body) => {
    const words = { message: "The server's answer is not one of the contract", details: [], code: "" }
    expect(decode(502, body)).toMatchObject({ _tag: "UnexpectedResponse", status: 502, isRetryable: true, ...words })
    expect(decode(499, body)).toMatchObject({ _tag: "UnexpectedResponse", status: 499, isRetryable: false, ...words })
  })

  it.each([
    ["60", 60],
    ["0", 0],
    ["-1", "no"],
    ["soon", "no"],
    ["", "no"],
    [undefined, "no"],
  ])("429 with Retry-After %j asks for %s seconds, whatever its body", (header, seconds) => {
    for (const body of [
      undefined,
      { code: "too_many_requests", message: "Slow down" },
      { code: "rate_limit", details: [1] },
    ]) {
      const said = { message: "Too Many Requests", details: [], ...body }
      const error = decode(429, body, header)
      expect(error).toMatchObject({ ...said, _tag: "TooManyRequests", code: "too_many_requests", isRetryable: true })
      expect("retryAfter" in error ? error.retryAfter : "no").toBe(seconds)
    }
  })

  it("asks for no waiting time with another status", () =>
    expect(decode(503, undefined, "60")).not.toHaveProperty("retryAfter"))
})
