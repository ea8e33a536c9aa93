/** v1 over a real socket: the same requests with its header and without, under every prefix; each error in both envelopes. */
import {
  parseSiteId,
  type SiteId,
  StoreUnavailable,
  TooManyRequests,
  type User,
  UserId,
  UserStore,
} from "@webflow-users/core"
import { Effect } from "effect"
import { afterAll, beforeAll, describe, expect, it } from "vitest"
import { start } from "./proxy.ts"
import { dial, request } from "./raw.ts"

const siteId = parseSiteId("580e63e98c9a982ac9b8b741") as SiteId
const otherSiteId = parseSiteId("580e63e98c9a982ac9b8b742") as SiteId
const member = (index: number): User => ({
  id: UserId.make(`6287ec36a841b25637c6${(0x4000 + index).toString(16)}`),
  isEmailVerified: true,
  lastUpdated: "2024-05-20T13:46:12.093Z",
  createdOn: "2024-01-02T03:04:05.000Z",
  status: "verified",
  accessGroups: [{ slug: "webflowers", type: "admin" }],
  data: { name: `Member ${index}`, email: `member${index}@example.com`, "accept-privacy": true },
})
const users = Array.from({ length: 12 }, (_, index) => member(index))
/** Nothing changes this one. */
const [kept] = users as [User]

/** Whoever asks for these learns how the store fails. */
const failing = new Map<string, Effect.Effect<never, TooManyRequests | StoreUnavailable>>([
  ["6287ec36a841b25637c65000", Effect.fail(new TooManyRequests({ retryAfter: 7 }))],
  ["6287ec36a841b25637c65001", Effect.fail(new StoreUnavailable({ cause: "the disk is full" }))],
  ["6287ec36a841b25637c65002", Effect.die("nobody expected this")],
])
const [limited = "", unavailable = "", broken = ""] = [...failing.keys()].map((id) => `/sites/${siteId}/users/${id}`)

let proxy: Awaited<ReturnType<typeof start>>
const tokens = { all: "", reading: "", otherSite: "" }
beforeAll(async () => {
  proxy = await start("memory:", { id: siteId, users }, (store) => ({
    ...store,
    get: (site, id) => failing.get(id) ?? store.get(site, id),
  }))
  tokens.all = await proxy.token()
  tokens.reading = await proxy.token(siteId, ["users:read"])
  tokens.otherSite = await proxy.token(otherSiteId)
})
afterAll(() => proxy.stop())

const v1 = "Accept-Version: 1.0.0"
const authorized = () => [`Authorization: Bearer ${tokens.all}`]
const asJson = () => [...authorized(), "Content-Type: application/json"]

const ask = async (text: string) => {
  using connection = await dial(proxy.origin)
  connection.send(text)
  const answer = await connection.next()
  return { ...answer, json: JSON.parse(answer?.body ?? "null") as Record<string, unknown> }
}

const patch = (user: User, body: unknown, headers: ReadonlyArray<string> = [v1], prefix = "") =>
  ask(request(`PATCH ${prefix}${userPath(user)}`, [...asJson(), ...headers], JSON.stringify(body)))

/** A user as v1 has it. */
const inV1 = ({ id, isEmailVerified, lastUpdated, ...rest }: User) => ({
  ...rest,
  _id: id,
  emailVerified: isEmailVerified,
  updatedOn: lastUpdated,
})
const sitePath = `/sites/${siteId}`
const userPath = (user: User) => `${sitePath}/users/${user.id}`

/** What is v2's: a prefix, whatever the header says, and no header that says 1.0.0. */
const v2 = [
  ["", []],
  ["", ["Accept-Version: 2.0.0"]],
  ["", ["Accept-Version: 1"]],
  ["/v2", []],
  ["/v2", [v1]],
  ["/beta", [v1]],
] as const

describe("reading", () => {
  it("gives a user under v1's names", async () => {
    const { status, json } = await ask(request(`GET ${userPath(kept)}`, [...authorized(), v1]))
    expect({ status, json }).toEqual({ status: 200, json: inV1(kept) })
  })

  it("gives pages of users and of groups under v1's names", async () => {
    const page = { count: 2, limit: 2, offset: 1, total: users.length }
    const list = await ask(request(`GET ${sitePath}/users?offset=1&limit=2&sort=CreatedOn`, [...authorized(), v1]))
    expect(list.json).toEqual({ users: users.slice(1, 3).map(inV1), ...page })
    const groups = await ask(request(`GET ${sitePath}/accessgroups?sort=-CreatedOn`, [...authorized(), v1]))
    expect(groups.json).toEqual({
      accessGroups: [
        {
          _id: expect.stringMatching(/^[0-9a-f]{24}$/),
          name: "Webflowers",
          shortId: "webflowers",
          slug: "webflowers",
          createdOn: expect.any(String),
        },
      ],
      count: 1,
      limit: 10,
      offset: 0,
      total: 1,
    })
  })

  it.each(v2)("stays v2's below %j with %j", async (prefix, headers) => {
    const one = await ask(request(`GET ${prefix}${userPath(kept)}`, [...authorized(), ...headers]))
    expect(one.json).toEqual(kept)
    const list = await ask(request(`GET ${prefix}${sitePath}/users?limit=1`, [...authorized(), ...headers]))
    expect(list.json).toMatchObject({ users: [kept], total: users.length })
    const groups = await ask(request(`GET ${prefix}${sitePath}/accessgroups`, [...authorized(), ...headers]))
    expect(groups.json).toMatchObject({ accessGroups: [{ id: expect.any(String) }] })
  })
})

describe("updating", () => {
  const moved = expect.stringMatching(/^20\d\d-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/)

  const bodies: ReadonlyArray<readonly [string, (user: User) => unknown, Partial<User>]> = [
    ["fields in data", () => ({ data: { name: "Some One" } }), { data: { name: "Some One" } }],
    ["the bare map", () => ({ name: "Some One", drink: "Tea" }), { data: { name: "Some One", drink: "Tea" } }],
    [
      "groups beside data",
      () => ({ data: { name: "Some One" }, accessGroups: ["gold"] }),
      { data: { name: "Some One" }, accessGroups: [{ slug: "gold", type: "admin" }] },
    ],
    [
      "a whole v1 user sent back",
      (user) => ({ ...inV1(user), data: { ...user.data, name: "Some One" } }),
      { data: { name: "Some One" } },
    ],
    [
      "a whole v1 user in place of the fields",
      (user) => ({ data: { ...inV1(user), data: { ...user.data, name: "Some One" } } }),
      { data: { name: "Some One" } },
    ],
    ["nothing", () => ({}), {}],
  ]
  const rowsOfOwnUsers = bodies.map((row, index) => [...row, users[index + 1] as User] as const)
  it.each(rowsOfOwnUsers)("takes %s", async (_, body, { data, ...rest }, user) => {
    const before = await proxy.run(UserStore.UserStore.use((store) => store.get(siteId, user.id)))
    const answer = await patch(user, body(before))
    const after: User = { ...before, ...rest, data: { ...before.data, ...data } }
    expect({ status: answer.status, json: answer.json }).toEqual({
      status: 200,
      json: { ...inV1(after), updatedOn: moved },
    })
    const stored = await proxy.run(UserStore.UserStore.use((store) => store.get(siteId, user.id)))
    expect(inV1(stored)).toEqual(answer.json)
  })

  it("takes nothing for the bare map where v2 is spoken", async () => {
    for (const [prefix, headers] of v2) {
      const answer = await patch(kept, { name: "Some One" }, headers, prefix)
      expect(answer).toMatchObject({ status: 400, json: { code: "validation_error", details: [{ param: "name" }] } })
      const whole = await patch(kept, { ...inV1(kept) }, headers, prefix)
      expect(whole.json["details"]).toMatchObject([
        { param: "_id" },
        { param: "emailVerified" },
        { param: "updatedOn" },
      ])
    }
  })
})

interface Told {
  readonly status: number
  readonly name: string
  readonly msg: string
  readonly problems?: ReadonlyArray<string>
  /** The code of the same in v2. */
  readonly code: string
  readonly headers?: Readonly<Record<string, string>>
}
type Make = (prefix: string, version: ReadonlyArray<string>) => string
type Row = readonly [name: string, path: string, make: Make, told: Told]

const get =
  (path: string, headers: () => ReadonlyArray<string> = authorized): Make =>
  (prefix, version) =>
    request(`GET ${prefix}${path}`, [...headers(), ...version])
const update =
  (body: string, headers: () => ReadonlyArray<string> = asJson, path = userPath(kept)): Make =>
  (prefix, version) =>
    request(`PATCH ${prefix}${path}`, [...headers(), ...version], body)
const change = '{"data":{"name":"Changed"}}'
const nobody = `${sitePath}/users/ffffffffffffffffffffffff`
const stranger = `/sites/${otherSiteId}/users/${kept.id}`
const serverError = { status: 500, name: "ServerError", msg: "An Internal Error occurred", code: "internal_error" }
const unauthorized: Told = {
  status: 401,
  name: "Unauthorized",
  msg: "Cannot access resource",
  code: "not_authorized",
  headers: { "www-authenticate": "Bearer" },
}
const noRoute: Told = { status: 404, name: "RouteNotFoundError", msg: "Route not found", code: "resource_not_found" }
const invalid = (...problems: ReadonlyArray<string>): Told => ({
  status: 400,
  name: "ValidationError",
  msg: "Validation Failure",
  problems,
  code: "validation_error",
})

const rows: ReadonlyArray<Row> = [
  ["no token", userPath(kept), get(userPath(kept), () => []), unauthorized],
  ["a token nobody issued", userPath(kept), update(change, () => ["Authorization: Bearer wrong"]), unauthorized],
  [
    "a token that lacks the scope",
    userPath(kept),
    update(change, () => [`Authorization: Bearer ${tokens.reading}`, "Content-Type: application/json"]),
    {
      status: 403,
      name: "OAuthForbidden",
      msg: "You are missing the following scopes - 'users:write'",
      code: "missing_scopes",
    },
  ],
  [
    "another site's token",
    `${sitePath}/users`,
    get(`${sitePath}/users?limit=5`, () => [`Authorization: Bearer ${tokens.otherSite}`]),
    { status: 403, name: "Unauthorized", msg: "The token is not for this site", code: "forbidden" },
  ],
  [
    "an unknown user",
    nobody,
    update(change, asJson, nobody),
    { status: 404, name: "NotFound", msg: "The user cannot be found", code: "user_not_found" },
  ],
  [
    "an unknown site",
    stranger,
    get(stranger, () => [`Authorization: Bearer ${tokens.otherSite}`]),
    { status: 404, name: "NotFound", msg: "The site cannot be found", code: "resource_not_found" },
  ],
  ["an unknown path of a site", `${sitePath}/items`, get(`${sitePath}/items`), noRoute],
  ["a path v1 had and we have not", "/info", get("/info"), noRoute],
  [
    "a method the path has not",
    userPath(kept),
    (prefix, version) => request(`DELETE ${prefix}${userPath(kept)}`, [...authorized(), ...version]),
    {
      status: 405,
      name: "UnknownError",
      msg: "Method not allowed",
      code: "bad_request",
      headers: { allow: "PATCH, GET" },
    },
  ],
  [
    "an id that is none",
    `${sitePath}/users/42`,
    get(`${sitePath}/users/42`),
    {
      status: 400,
      name: "ValidationError",
      msg: "Provided ID is invalid",
      problems: ["Field 'user_id': must be 24 hexadecimal characters"],
      code: "validation_error",
    },
  ],
  [
    "a query that cannot be",
    `${sitePath}/accessgroups`,
    get(`${sitePath}/accessgroups?sort=Email`),
    invalid("Field 'sort': must be one of CreatedOn, -CreatedOn"),
  ],
  [
    "fields that cannot be",
    userPath(kept),
    update('{"data":{"name":5,"email":["x"]},"accessGroups":"a"}'),
    invalid(
      "Field 'data.name': must be a string",
      "Field 'data.email': cannot be updated",
      "Field 'accessGroups': must be a list of slugs or of {slug, type}",
    ),
  ],
  [
    "a body that is no JSON",
    userPath(kept),
    update('{"data":'),
    { status: 400, name: "SyntaxError", msg: "The body is not valid JSON", code: "bad_request" },
  ],
  [
    "a body of another type",
    userPath(kept),
    update(change, () => [...authorized(), "Content-Type: text/plain"]),
    { status: 400, name: "SyntaxError", msg: "The content-type has to be application/json", code: "bad_request" },
  ],
  [
    "a body that is too large",
    userPath(kept),
    update(change, () => [...asJson(), "Content-Length: 1048577"]),
    {
      status: 413,
      name: "UnknownError",
      msg: "Request body too large: at most 1048576 bytes are read",
      code: "bad_request",
    },
  ],
  [
    "no Host",
    userPath(kept),
    (prefix, version) => get(userPath(kept))(prefix, version).replace("Host: localhost\r\n", ""),
    { status: 400, name: "SyntaxError", msg: "A request needs a Host header", code: "bad_request" },
  ],
  [
    "more requests than it may make",
    limited,
    get(limited),
    {
      status: 429,
      name: "RateLimit",
      msg: "Rate limit hit",
      code: "too_many_requests",
      headers: { "retry-after": "7" },
    },
  ],
  [
    "a store that is away",
    unavailable,
    get(unavailable),
    { ...serverError, status: 503, msg: "The store could not be read or written" },
  ],
  ["what nobody expected", broken, get(broken), serverError],
]

describe.each(rows)("%s", (_, path, make, { status, name, msg, problems, code, headers = {} }) => {
  it("is told in v1's envelope, with today's status and headers", async () => {
    const answer = await ask(make("", [v1]))
    const { problem_data: parts, ...envelope } = answer.json
    expect(envelope).toEqual({ msg, code: status, name, path, err: `${name}: ${msg}`, ...(problems && { problems }) })
    expect(Array.isArray(parts) ? parts.length : undefined).toBe(problems?.length)
    expect(answer).toMatchObject({
      status,
      headers: { "content-type": "application/json; charset=utf-8", "cache-control": "no-store", ...headers },
    })
  })

  it.each(v2)("is told in v2's below %j with %j", async (prefix, version) => {
    const answer = await ask(make(prefix, version))
    expect(answer).toMatchObject({ status, headers, json: { code, externalReference: null } })
    expect(Object.keys(answer.json)).toEqual(["code", "message", "externalReference", "details"])
  })
})

it("none of it changed anything", async () => {
  expect(await proxy.run(UserStore.UserStore.use((store) => store.get(siteId, kept.id)))).toEqual(kept)
})
