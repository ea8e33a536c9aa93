import * as Core from "@webflow-users/core"
import { UpdateUserBody, UserJson, V1 } from "@webflow-users/core/wire"
import fc from "fast-check"
import { describe, expect, it } from "vitest"
import { user, userAndBody } from "../arbitraries.ts"

const id = Core.UserId.make("6287ec36a841b25637c663df")

/** A user, and how the official SDK's recordings have v1 write one. */
const someone: Core.User = {
  id,
  createdOn: "2022-05-20T13:46:12.093Z",
  lastUpdated: "2022-05-20T13:46:12.093Z",
  isEmailVerified: true,
  status: "verified",
  accessGroups: [{ slug: "webflowers", type: "admin" }],
  data: { "accept-privacy": false, "accept-communications": false, email: "Some.One@home.com", name: "Some One" },
}
const recorded = {
  _id: "6287ec36a841b25637c663df",
  createdOn: "2022-05-20T13:46:12.093Z",
  updatedOn: "2022-05-20T13:46:12.093Z",
  emailVerified: true,
  status: "verified",
  accessGroups: [{ slug: "webflowers", type: "admin" }],
  data: { "accept-privacy": false, "accept-communications": false, email: "Some.One@home.com", name: "Some One" },
}
const page = { count: 1, limit: 10, offset: 0, total: 201 }

describe("asking for v1", () => {
  it.each(["1.0.0", " 1.0.0 "])("is done with %j", (header) => expect(V1.isV1(header)).toBe(true))
  it.each([
    undefined,
    "",
    "1",
    "1.0",
    "1.x",
    "^1.0.0",
    "v1.0.0",
    "1.0.00",
    "11.0.0",
    "2.0.0",
    "1.0.0, 1.0.0",
    "1.0.0-rc",
  ])("is not done with %j", (header) => expect(V1.isV1(header)).toBe(false))
})

describe("writing", () => {
  it("a user is what was recorded", () => expect(V1.encodeUser(someone)).toStrictEqual(recorded))

  it("what is absent stays absent, what is null stays null, what nobody documented stays as it is", () => {
    const odd = { id, lastUpdated: null, constructor: "kept", accessGroups: [], data: { id: "x", lastUpdated: "y" } }
    expect(V1.encodeUser(odd)).toStrictEqual({
      _id: id,
      updatedOn: null,
      constructor: "kept",
      accessGroups: [],
      data: { id: "x", lastUpdated: "y" },
    })
  })

  it("today's properties come before leftovers of v1 that bear their names", () => {
    const leftovers = { _id: "old", emailVerified: "old", updatedOn: "old" }
    expect(V1.encodeUser({ ...leftovers, ...someone })).toStrictEqual(recorded)
    expect(V1.encodeUser({ ...someone, ...leftovers })).toStrictEqual(recorded)
  })

  it("pages keep their counts", () => {
    expect(V1.encodeUserPage({ users: [someone], ...page })).toStrictEqual({ users: [recorded], ...page })
    const group = { name: "Webflowers", shortId: "jo", slug: "webflowers", createdOn: "2022-08-01T19:41:48.349Z" }
    expect(
      V1.encodeAccessGroupPage({ accessGroups: [{ id: "62be58d404be8a6cc900c081", ...group }], ...page }),
    ).toStrictEqual({ accessGroups: [{ _id: "62be58d404be8a6cc900c081", ...group }], ...page })
  })

  it("any user is read back as it was", () =>
    fc.assert(
      fc.property(user, (one) => {
        // A custom field `data` that holds an object is the documented nesting, in every version.
        fc.pre(UpdateUserBody.nestedData(one.data) === undefined)
        const json: unknown = JSON.parse(JSON.stringify(V1.encodeUser(one)))
        expect(UserJson.readUser(json)).toStrictEqual(one)
      }),
    ))
})

const read = (body: unknown) => V1.normalizeBody(body)

const inOneOrder = ({ objections, ...patch }: Core.UserPatch.UserPatch) => ({
  ...patch,
  objections: objections.toSorted((a, b) => (a.param < b.param ? -1 : 1)),
})

describe("reading a body", () => {
  it.each<[string, unknown, unknown]>([
    ["nothing", {}, { data: {} }],
    ["fields in data", { data: { name: "A" } }, { data: { name: "A" } }],
    ["no fields in data", { data: {} }, { data: {} }],
    [
      "the bare map",
      { name: "A", "accept-privacy": true, team: null },
      { data: { name: "A", "accept-privacy": true, team: null } },
    ],
    ["groups beside data", { accessGroups: ["a"], data: { name: "A" } }, { accessGroups: ["a"], data: { name: "A" } }],
    ["groups alone", { accessGroups: ["a"] }, { accessGroups: ["a"], data: {} }],
    ["groups in the bare map", { name: "A", accessGroups: [] }, { accessGroups: [], data: { name: "A" } }],
    [
      "v1's names in the bare map",
      { _id: "1", updatedOn: "2", emailVerified: true },
      { id: "1", lastUpdated: "2", isEmailVerified: true, data: {} },
    ],
    [
      "today's names in the bare map",
      { id: "1", lastUpdated: "2", status: "invited", drink: "Tea" },
      { id: "1", lastUpdated: "2", status: "invited", data: { drink: "Tea" } },
    ],
    ["e-mail and password in the bare map", { email: "e", password: "p" }, { data: { email: "e", password: "p" } }],
    ["v1's name and today's: neither is lost", { _id: "1", id: "2", data: {} }, { _id: "1", id: "2", data: {} }],
    ["unknown properties beside data", { data: {}, team: "red" }, { data: {}, team: "red" }],
    [
      "a field that is called as a property is",
      { data: { status: "x", _id: "y" } },
      { data: { status: "x", _id: "y" } },
    ],
    ["the documented nesting", { data: { data: { name: "A" } } }, { data: { data: { name: "A" } } }],
    [
      "a user in place of the fields",
      { data: { _id: "1", status: "verified", team: "red", accessGroups: [], data: { name: "A" } } },
      { id: "1", status: "verified", accessGroups: [], data: { team: "red", data: { name: "A" } } },
    ],
    [
      "the same, with more outside",
      { status: "invited", data: { status: "verified", data: {} } },
      { status: "invited", data: { data: {} } },
    ],
    [
      "an option called data",
      { data: { status: "x", data: { id: "1", name: "Red", slug: "red" } } },
      { data: { status: "x", data: { id: "1", name: "Red", slug: "red" } } },
    ],
    ["data that is none", { data: "x", name: "A" }, { data: "x", name: "A" }],
    ["data that is null", { data: null }, { data: null }],
    ["a list", [1], [1]],
    ["null", null, null],
    ["a text", "x", "x"],
  ])("takes %s", (_, body, expected) => expect(read(body)).toStrictEqual(expected))

  it("takes __proto__ for a name like any other, for the rules to refuse", () => {
    const body = read(JSON.parse('{"__proto__":{"x":1},"constructor":1,"toString":2}'))
    expect(UpdateUserBody.decodeBody(body).objections).toMatchObject([
      { param: "data.__proto__" },
      { param: "data.constructor" },
    ])
    expect(Object.getPrototypeOf({})).toBe(Object.prototype)
  })

  it("accepts any user sent back whole, as it was written, and takes no property for a field", () =>
    fc.assert(
      fc.property(user, (one) => {
        fc.pre(UpdateUserBody.nestedData(one.data) === undefined && one["undocumented"] === undefined)
        const json: unknown = JSON.parse(JSON.stringify(V1.encodeUser(one)))
        for (const body of [read(json), read({ data: json })]) {
          const patch = Core.UserPatch.UserPatch.from(body)
          const { email: _, ...fields } = one.data
          // What may not be set is only compared, and equals what is stored.
          for (const [key, value] of Object.entries(fields)) {
            if (value !== null || !["name", "accept-privacy"].includes(key))
              expect(patch.data[key]).toStrictEqual(value)
          }
          expect(Object.keys(patch.data).filter((key) => !Object.hasOwn(one.data, key))).toStrictEqual([])
          expect(patch.objections).toContainEqual({
            param: "id",
            description: expect.any(String),
            unless: { in: "user", key: "id", value: one.id },
          })
        }
      }),
    ))

  it("means what the same body means today, under v1's names", () =>
    fc.assert(
      fc.property(userAndBody, ([_, body]) => {
        const names: Record<string, string> = { id: "_id", isEmailVerified: "emailVerified" }
        const renamed = Object.entries(body).map(([key, value]) => [names[key] ?? key, value])
        const v1 = { ...Object.fromEntries(renamed), data: body["data"] ?? {} }
        const today = Core.UserPatch.UserPatch.from(body)
        expect(inOneOrder(Core.UserPatch.UserPatch.from(read(v1)))).toStrictEqual(inOneOrder(today))
      }),
    ))
})

/** Every error of the list, with what v1 calls it. */
const errors: Record<Core.UpdateUserError["_tag"], readonly [Core.UpdateUserError, number, name: string, msg: string]> =
  {
    InvalidPatch: [new Core.InvalidPatch({}), 400, "ValidationError", "Validation Failure"],
    InvalidId: [new Core.InvalidId({}), 400, "ValidationError", "Provided ID is invalid"],
    BadRequest: [
      new Core.BadRequest({ message: "The body is not valid JSON" }),
      400,
      "SyntaxError",
      "The body is not valid JSON",
    ],
    BodyTooLarge: [new Core.BodyTooLarge({}), 413, "UnknownError", "Request body too large"],
    NotAuthorized: [new Core.NotAuthorized({}), 401, "Unauthorized", "Cannot access resource"],
    MissingScopes: [
      Core.MissingScopes.of(["users:write"]),
      403,
      "OAuthForbidden",
      "You are missing the following scopes - 'users:write'",
    ],
    SiteForbidden: [new Core.SiteForbidden({}), 403, "Unauthorized", "The token is not for this site"],
    ChangeForbidden: [new Core.ChangeForbidden({}), 403, "Unauthorized", "The token may not make this change"],
    UsersNotEnabled: [new Core.UsersNotEnabled({}), 403, "UnknownError", "Users feature is not enabled"],
    SiteNotFound: [new Core.SiteNotFound({}), 404, "NotFound", "The site cannot be found"],
    UserNotFound: [new Core.UserNotFound({}), 404, "NotFound", "The user cannot be found"],
    RouteNotFound: [new Core.RouteNotFound({}), 404, "RouteNotFoundError", "Route not found"],
    MethodNotAllowed: [new Core.MethodNotAllowed({ allow: ["GET"] }), 405, "UnknownError", "Method not allowed"],
    TooManyRequests: [new Core.TooManyRequests({ retryAfter: 3 }), 429, "RateLimit", "Rate limit hit"],
    InternalError: [new Core.InternalError({}), 500, "ServerError", "An Internal Error occurred"],
    StoreUnavailable: [
      new Core.StoreUnavailable({ cause: "disk" }),
      503,
      "ServerError",
      "The store could not be read or written",
    ],
    Overloaded: [new Core.Overloaded({}), 503, "ServerError", "The server is busy"],
    UnsendableRequest: [new Core.UnsendableRequest({}), 500, "ServerError", "The request to the server cannot be sent"],
    Unreachable: [new Core.Unreachable({ cause: "down" }), 502, "ServerError", "The server could not be reached"],
    ConnectionLost: [new Core.ConnectionLost({ cause: "x", message: "Lost" }), 502, "ServerError", "Lost"],
    TimedOut: [new Core.TimedOut({ cause: "x" }), 504, "ServerError", "The server did not answer in time"],
    TlsFailed: [new Core.TlsFailed({ cause: "x", message: "No TLS" }), 502, "ServerError", "No TLS"],
    UpstreamInvalidResponse: [
      new Core.UpstreamInvalidResponse({ status: 404, message: "Nonsense" }),
      502,
      "ServerError",
      "Nonsense",
    ],
    UserAccountsRemoved: [new Core.UserAccountsRemoved({ status: 410 }), 410, "UnknownError", Core.Webflow.removed],
    UnexpectedResponse: [
      new Core.UnexpectedResponse({ status: 418, code: "teapot", message: "Tea" }),
      418,
      "UnknownError",
      "Tea",
    ],
  }
const path = `/sites/580e63e98c9a982ac9b8b741/users/${id}`

describe("an error", () => {
  it.each(Object.values(errors))("$_tag has its envelope", (error, status, name, msg) => {
    const { body, ...rest } = V1.encodeError(error, path)
    expect(body).toStrictEqual({ msg, code: status, name, path, err: `${name}: ${msg}` })
    expect(rest.status).toBe(status)
  })

  it("keeps the headers it has today", () => {
    const tags = ["MethodNotAllowed", "NotAuthorized", "TooManyRequests", "InvalidPatch"] as const
    expect(tags.map((tag) => V1.encodeError(errors[tag][0], path).headers)).toStrictEqual([
      { allow: "GET" },
      { "www-authenticate": "Bearer" },
      { "retry-after": "3" },
      {},
    ])
  })

  it("names every problem, by v1's names, and repeats no value", () => {
    const details = [
      { param: "id", description: "is read-only" },
      { param: "lastUpdated", description: "is read-only" },
      { param: "isEmailVerified", description: "is read-only" },
      { param: "data.name", description: "must be a string" },
      { param: "status", description: "is read-only" },
    ]
    expect(V1.encodeError(new Core.InvalidPatch({ details }), path).body).toStrictEqual({
      msg: "Validation Failure",
      code: 400,
      name: "ValidationError",
      path,
      err: "ValidationError: Validation Failure",
      problems: [
        "Field '_id': is read-only",
        "Field 'updatedOn': is read-only",
        "Field 'emailVerified': is read-only",
        "Field 'data.name': must be a string",
        "Field 'status': is read-only",
      ],
      problem_data: [
        { slug: "_id", msg: "is read-only" },
        { slug: "updatedOn", msg: "is read-only" },
        { slug: "emailVerified", msg: "is read-only" },
        { slug: "data.name", msg: "must be a string" },
        { slug: "status", msg: "is read-only" },
      ],
    })
  })

  it("of another server keeps that server's words", () => {
    const details = ["Its own", { field: "name", message: "too long" }]
    const error = new Core.InvalidPatch({ details })
    expect(V1.encodeError(error, path).body).toMatchObject({
      problems: ["Its own", '{"field":"name","message":"too long"}'],
      problem_data: [],
    })
    const failed = new Core.UnexpectedResponse({ status: 503, code: "", message: "Later" })
    expect(V1.encodeError(failed, path)).toMatchObject({
      status: 503,
      body: { name: "ServerError", err: "ServerError: Later" },
    })
    const redirect = new Core.UnexpectedResponse({ status: 302, code: "" })
    expect(V1.encodeError(redirect, path)).toMatchObject({ status: 502, body: { code: 502, name: "ServerError" } })
  })
})
