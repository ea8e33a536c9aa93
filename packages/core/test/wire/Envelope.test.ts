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
  /** Whether who reads it thinks so, knowing less. */
  readonly readsRetryable?: true
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
    error: new Core.ChangeForbidden({}),
    status: 403,
    code: "forbidden",
    message: "The token may not make this change",
  },
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
    status: 503,
    code: "internal_error",
    message: "The store could not be read or written",
    headers: { "retry-after": "5" },
    readAs: "UnexpectedResponse",
    retryable: true,
  },
  {
    error: new Core.Overloaded({}),
    status: 503,
    code: "internal_error",
    message: "The server is busy",
    headers: { "retry-after": "1" },
    readAs: "UnexpectedResponse",
    retryable: true,
  },
  {
    error: new Core.UnsendableRequest({}),
    status: 500,
    code: "internal_error",
    message: "The request to the server cannot be sent",
    readAs: "InternalError",
    readsRetryable: true,
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
    error: new Core.ConnectionLost({ cause }),
    status: 502,
    code: "internal_error",
    message: "The connection to the server was lost before its answer had come",
    readAs: "UnexpectedResponse",
    retryable: true,
  },
  {
    error: new Core.TimedOut({ cause }),
    status: 504,
    code: "internal_error",
    message: "The server did not answer in time",
    readAs: "UnexpectedResponse",
    retryable: true,
  },
  {
    error: new Core.TlsFailed({ cause }),
    status: 502,
    code: "internal_error",
    message: "No secure connection to the server could be made",
    readAs: "UnexpectedResponse",
    readsRetryable: true,
  },
  {
    // What it began with is nobody's who asks a server that asked it.
    error: new Core.UpstreamInvalidResponse({ status: 404, excerpt: "<html>secret" }),
    status: 502,
    code: "internal_error",
    message: "The server's answer is not one of the contract",
    readAs: "UnexpectedResponse",
    readsRetryable: true,
  },
  {
    error: new Core.UnexpectedResponse({ status: 409, code: "conflict", message: "Taken" }),
    status: 409,
    code: "conflict",
    message: "Taken",
  },
  {
    error: new Core.UserAccountsRemoved({ status: 410 }),
    status: 410,
    code: "users_not_enabled",
    message: Core.Webflow.removed,
    readAs: "UnexpectedResponse",
  },
]

const decode = (status: number, body: unknown, retryAfter?: number) =>
  Envelope.decodeError({ status, body, retryAfter, excerpt: "how it began" })

describe("the errors of the list", () => {
  it("are all in this table", () =>
    expect(table.map(({ error }) => error._tag)).toStrictEqual(Object.keys(Core.errors)))

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
        const retryAfter = Envelope.parseRetryAfter(headers["retry-after"], 0)
        const read = decode(status, JSON.parse(JSON.stringify(body)), retryAfter)
        expect(read).toMatchObject({ _tag: readAs, status: row.status, code: row.code, message: row.message })
        expect(read.isRetryable).toBe(row.readsRetryable ?? row.retryable ?? false)
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

  it.each([200, 204, 302, 404])(
    "are a failure of that server where its answer, of %i, could not be understood",
    (status) =>
      expect(Envelope.encodeError(new Core.UpstreamInvalidResponse({ status }))).toMatchObject({
        status: 502,
        body: { code: "internal_error", message: "The server's answer is not one of the contract" },
      }),
  )

  it("ask for the waiting time that was asked for, whatever they are", () =>
    expect(
      Envelope.encodeError(new Core.UnexpectedResponse({ status: 503, code: "x", retryAfter: 7.5 })).headers,
    ).toStrictEqual({ "retry-after": "8" }))
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
    ["a list", [{ code: "conflict" }]],
    ["null", null],
    ["an object without a code", { error: "oops" }],
    ["parts of wrong types", { code: 5, message: {}, details: "none" }],
  ])("of %s is none of the contract, and can be retried from 500 on", (_, body) => {
    const words = { message: "The server's answer is not one of the contract", details: [], excerpt: "how it began" }
    const invalid = { _tag: "UpstreamInvalidResponse", code: "internal_error", ...words }
    expect(decode(502, body)).toMatchObject({ ...invalid, status: 502, isRetryable: true })
    expect(decode(408, body)).toMatchObject({ ...invalid, status: 408, isRetryable: true })
    expect(decode(499, body)).toMatchObject({ ...invalid, status: 499, isRetryable: false })
  })

  it("in v1's form keeps its words", () =>
    expect(
      decode(404, {
        msg: "The user cannot be found",
        code: 404,
        name: "NotFound",
        path: "/",
        err: "",
        problems: ["x"],
      }),
    ).toMatchObject({ _tag: "UnexpectedResponse", code: "", message: "The user cannot be found", details: ["x"] }))

  it("of 429 is a limit whatever its body, and any error keeps its waiting time and its server's name for it", () => {
    for (const body of [undefined, { code: "too_many_requests", message: "Slow down" }, { code: "x", details: [1] }]) {
      const said = { message: "Too Many Requests", details: [], ...body }
      const error = decode(429, body, 7)
      expect(error).toMatchObject({ ...said, _tag: "TooManyRequests", code: "too_many_requests", retryAfter: 7 })
      expect(decode(429, body)).not.toHaveProperty("retryAfter")
    }
    for (const body of [undefined, { code: "internal_error" }]) {
      const error = Envelope.decodeError({ status: 500, body, retryAfter: 3, requestId: "a-b" })
      expect(error).toMatchObject({ retryAfter: 3, requestId: "a-b" })
    }
  })
})

describe("Retry-After", () => {
  const now = Date.parse("2026-01-29T12:00:00.500Z")
  it.each<[string | undefined, number | undefined]>([
    ["60", 60],
    ["0", 0],
    ["1.5", 1.5],
    ["Thu, 29 Jan 2026 12:01:00 GMT", 59.5],
    ["Thursday, 29-Jan-26 12:01:00 GMT", 59.5],
    ["Thu, 29 Jan 2026 11:00:00 GMT", 0],
    ["-1", undefined],
    ["1e3", undefined],
    ["2026-01-29", undefined],
    ["soon", undefined],
    ["", undefined],
    [undefined, undefined],
  ])("%j is %s seconds", (text, seconds) => expect(Envelope.parseRetryAfter(text, now)).toBe(seconds))
})
