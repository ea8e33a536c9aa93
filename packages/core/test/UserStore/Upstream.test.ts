import { inspect } from "node:util"
import { describe, expect, it } from "@effect/vitest"
import {
  parseSiteId,
  type SiteId,
  Transport,
  Unreachable,
  UpdateGrant,
  type UpdateUserError,
  type User,
  UserId,
  UserPatch,
  UserStore,
} from "@webflow-users/core"
import { V1 } from "@webflow-users/core/wire"
import * as FetchTransport from "@webflow-users/core/Transport/Fetch"
import * as Upstream from "@webflow-users/core/UserStore/Upstream"
import { Effect, Fiber, Layer, Redacted } from "effect"
import { TestClock } from "effect/testing"

const siteId = parseSiteId("580e63e98c9a982ac9b8b741") as SiteId
const userId = UserId.make("6287ec36a841b25637c663df")
const token = "token-that-is-secret"
const base = "https://users.example.com/v2"
const userPath = `${base}/sites/${siteId}/users/${userId}`
const reading = { accept: "application/json", authorization: `Bearer ${token}` }
const writing = { ...reading, "content-type": "application/json" }

const arthur: User = {
  id: userId,
  status: "verified",
  accessGroups: [
    { slug: "webflowers", type: "admin" },
    { slug: "course", type: "ecommerce" },
  ],
  data: { name: "Arthur Dent", email: "arthur.dent@mostlyharmless.com" },
}
const member = (index: number): User => ({
  id: UserId.make(`6287ec36a841b25637c6${(0x4000 + index).toString(16)}`),
  accessGroups: [],
  data: { email: `member${index}@example.com` },
})

interface Answer {
  readonly status?: number
  readonly json?: unknown
  readonly text?: string
  readonly headers?: Readonly<Record<string, string>>
}
type Server = (request: Transport.TransportRequest) => Answer | Effect.Effect<Answer, Unreachable>

/** Asks a server that lives in this test, and gives back what came of it and what was sent. */
const ask = <A>(
  server: Server,
  operation: (store: UserStore.UserStore["Service"]) => Effect.Effect<A, UpdateUserError>,
  options: Partial<Upstream.Options> = {},
) => {
  const sent: Array<Transport.TransportRequest> = []
  const transport = Layer.succeed(Transport.Transport, {
    send: ({ patience, ...request }) =>
      Effect.suspend(() => {
        sent.push(request)
        const answer = server(request)
        return Effect.isEffect(answer) ? Transport.inTime(answer, patience) : Effect.succeed(answer)
      }).pipe(
        Effect.map(({ status = 200, json, text = JSON.stringify(json) ?? "", headers = {} }) => ({
          status,
          text,
          header: (name) => headers[name],
        })),
      ),
  })
  const layer = Upstream.layer({ baseUrl: base, token: Redacted.make(token), retry: false, ...options }).pipe(
    Layer.provide(transport),
  )
  return UserStore.UserStore.use(operation).pipe(
    Effect.match({
      onSuccess: (value) => ({ sent, value, error: undefined }),
      onFailure: (error) => ({ sent, value: undefined, error }),
    }),
    Effect.provide(layer),
  )
}
/** Answers one after the other. */
const inTurn = (...answers: ReadonlyArray<Answer>): Server => {
  const left = [...answers]
  return () => left.shift() ?? { status: 599, text: "asked once too often" }
}
const answering = (json: unknown): Server => inTurn({ json })

const patch = (body: unknown) => UserPatch.UserPatch.from(body)
const edit = (change: { readonly add?: ReadonlyArray<string>; readonly remove?: ReadonlyArray<string> }) =>
  new UserPatch.UserPatch({ data: { drink: "Tea" }, groups: { _tag: "EditGroups", add: [], remove: [], ...change } })

const sentFor = (url: string) => [{ method: "GET", url, headers: reading }]

describe("a request to another server", () => {
  it.effect("updates with PATCH, in the object era's form", () =>
    Effect.gen(function* () {
      const change = patch({
        data: { name: "Ford", drink: null },
        accessGroups: ["gold", { slug: "course", type: "ecommerce" }],
      })
      const { sent, value } = yield* ask(answering({ ...arthur, data: { data: arthur.data } }), (store) =>
        store.update(siteId, userId, change),
      )
      expect(value).toStrictEqual(arthur)
      const accessGroups = [
        { slug: "gold", type: "admin" },
        { slug: "course", type: "ecommerce" },
      ]
      const body = JSON.stringify({ data: { name: "Ford", drink: null }, accessGroups })
      expect(sent).toStrictEqual([{ method: "PATCH", url: userPath, headers: writing, body }])
    }),
  )

  it.effect("sends read-only properties on, for the server to judge", () =>
    Effect.gen(function* () {
      const echo = { id: userId, lastUpdated: null, data: { email: "other@example.com", name: null } }
      const { sent } = yield* ask(answering(arthur), (store) => store.update(siteId, userId, patch(echo)))
      expect(sent.map(({ body = "" }) => JSON.parse(body))).toStrictEqual([echo])
    }),
  )

  it.effect("does not send what is refused whatever the user is, and reads the user to tell the rest", () =>
    Effect.gen(function* () {
      const hopeless = patch({ password: "hunter2", status: "invited", data: { name: "Ford" } })
      const { sent, error } = yield* ask(answering(arthur), (store) => store.update(siteId, userId, hopeless))
      expect(sent.map(({ method }) => method)).toStrictEqual(["GET"])
      expect(error).toMatchObject({ _tag: "InvalidPatch", details: [{ param: "password" }, { param: "status" }] })

      const forbidden = { status: 403, json: { code: "missing_scopes", message: "users:read", details: [] } }
      const blind = yield* ask(inTurn(forbidden), (store) => store.update(siteId, userId, hopeless))
      expect(blind.error).toMatchObject({ _tag: "InvalidPatch", details: [{ param: "password" }] })

      const unknown = { status: 404, json: { code: "user_not_found", message: "gone", details: [] } }
      const missing = yield* ask(inTurn(unknown), (store) => store.update(siteId, userId, hopeless))
      expect(missing.error).toMatchObject({ _tag: "UserNotFound" })
    }),
  )

  it.effect("sends an empty object for an empty patch", () =>
    Effect.gen(function* () {
      const { sent } = yield* ask(answering(arthur), (store) => store.update(siteId, userId, patch({})))
      expect(sent).toStrictEqual([{ method: "PATCH", url: userPath, headers: writing, body: "{}" }])
    }),
  )

  it.effect("gets a user, a list and groups with GET", () =>
    Effect.gen(function* () {
      const page = { count: 1, limit: 5, offset: 20, total: 21 }
      const group = { id: "1", name: "Gold", shortId: "g", slug: "gold", createdOn: "2022-08-01T19:41:48.349Z" }

      const one = yield* ask(answering(arthur), (store) => store.get(siteId, userId))
      expect(one).toMatchObject({ value: arthur, sent: sentFor(userPath) })

      const users = { users: [arthur], ...page }
      const list = yield* ask(answering(users), (store) =>
        store.list(siteId, { offset: 20, limit: 5, sort: "-CreatedOn" }),
      )
      expect(list).toMatchObject({
        value: users,
        sent: sentFor(`${base}/sites/${siteId}/users?offset=20&limit=5&sort=-CreatedOn`),
      })
      const unsorted = yield* ask(answering(users), (store) => store.list(siteId, { offset: 0, limit: 10 }))
      expect(unsorted.sent).toStrictEqual(sentFor(`${base}/sites/${siteId}/users?offset=0&limit=10`))

      const groups = { accessGroups: [group], ...page }
      const listed = yield* ask(answering(groups), (store) => store.accessGroups(siteId, { offset: 20, limit: 5 }))
      expect(listed).toMatchObject({
        value: groups,
        sent: sentFor(`${base}/sites/${siteId}/accessgroups?offset=20&limit=5`),
      })
      const sorted = yield* ask(answering(groups), (store) =>
        store.accessGroups(siteId, { offset: 0, limit: 10, sort: "-CreatedOn" }),
      )
      expect(sorted.sent).toStrictEqual(
        sentFor(`${base}/sites/${siteId}/accessgroups?offset=0&limit=10&sort=-CreatedOn`),
      )
    }),
  )

  it.effect("takes a base address with slashes at its end, and needs no token", () =>
    Effect.gen(function* () {
      const { sent } = yield* ask(answering(arthur), (store) => store.get(siteId, userId), {
        baseUrl: `${base}//`,
        token: undefined,
      })
      expect(sent).toStrictEqual([{ method: "GET", url: userPath, headers: { accept: "application/json" } }])
    }),
  )
})

describe("joining and leaving groups on another server", () => {
  it.effect("reads the user and sends the complete set", () =>
    Effect.gen(function* () {
      const { sent } = yield* ask(inTurn({ json: arthur }, { json: arthur }), (store) =>
        store.update(siteId, userId, edit({ add: ["gold"], remove: ["nothing"] })),
      )
      const accessGroups = [
        { slug: "webflowers", type: "admin" },
        { slug: "gold", type: "admin" },
        // Named, so that a server whose policy is to replace bought groups leaves it.
        { slug: "course", type: "ecommerce" },
      ]
      expect(sent).toStrictEqual([
        { method: "GET", url: userPath, headers: reading },
        {
          method: "PATCH",
          url: userPath,
          headers: writing,
          body: JSON.stringify({ data: { drink: "Tea" }, accessGroups }),
        },
      ])
    }),
  )

  it.effect("sends nothing where the user is not there, or a group was bought", () =>
    Effect.gen(function* () {
      const unknown = { status: 404, json: { code: "user_not_found", message: "gone", details: [] } }
      const missing = yield* ask(inTurn(unknown), (store) => store.update(siteId, userId, edit({ add: ["gold"] })))
      const bought = yield* ask(answering(arthur), (store) =>
        store.update(siteId, userId, edit({ remove: ["course"] })),
      )
      expect([missing.error, bought.error]).toMatchObject([
        { _tag: "UserNotFound", message: "gone" },
        { _tag: "InvalidPatch" },
      ])
      expect([...missing.sent, ...bought.sent].map((request) => request.method)).toStrictEqual(["GET", "GET"])
    }),
  )
})

/** Serves users, as many a page as it is asked for and willing to. */
const listing =
  (users: ReadonlyArray<User>, most = 100): Server =>
  ({ url }) => {
    const query = new URL(url).searchParams
    const [offset, limit] = [Number(query.get("offset")), Math.min(Number(query.get("limit")), most)]
    const part = users.slice(offset, offset + limit)
    return { json: { users: part, count: part.length, limit, offset, total: users.length } }
  }
const queries = (sent: ReadonlyArray<Transport.TransportRequest>) => sent.map(({ url }) => new URL(url).search)
const wanted = (index: number) => (store: UserStore.UserStore["Service"]) =>
  store.findByEmail(siteId, ` MEMBER${index}@example.com `)

describe("finding a user by e-mail address on another server", () => {
  const users = Array.from({ length: 250 }, (_, index) => member(index))

  it.effect("goes page by page and stops where it is found", () =>
    Effect.gen(function* () {
      const { sent, value } = yield* ask(listing(users), wanted(150))
      expect(value).toStrictEqual(users[150])
      expect(queries(sent)).toStrictEqual(["?offset=0&limit=100", "?offset=100&limit=100"])
    }),
  )

  it.effect("goes to the end before it says that there is none", () =>
    Effect.gen(function* () {
      const { sent, error } = yield* ask(listing(users), wanted(250))
      expect(error).toMatchObject({ _tag: "UserNotFound" })
      expect(queries(sent)).toStrictEqual(["?offset=0&limit=100", "?offset=100&limit=100", "?offset=200&limit=100"])
      const exact = yield* ask(listing(users.slice(0, 100)), wanted(250))
      expect([exact.error?._tag, exact.sent.length]).toStrictEqual(["UserNotFound", 1])
      const nobody = yield* ask(listing([]), wanted(0))
      expect([nobody.error?._tag, nobody.sent.length]).toStrictEqual(["UserNotFound", 1])
    }),
  )

  it.effect("skips nobody where the server gives smaller pages than it was asked for", () =>
    Effect.gen(function* () {
      const { sent, value } = yield* ask(listing(users, 60), wanted(99))
      expect(value).toStrictEqual(users[99])
      expect(queries(sent)).toStrictEqual(["?offset=0&limit=100", "?offset=60&limit=100"])
    }),
  )

  it.effect("ends where the server has fewer users than it says", () =>
    Effect.gen(function* () {
      const { error, sent } = yield* ask(
        () => ({ json: { users: [], count: 0, limit: 100, offset: 0, total: 5 } }),
        wanted(1),
      )
      expect([error?._tag, sent.length]).toStrictEqual(["UserNotFound", 1])
    }),
  )
})

describe("a server that does not answer", () => {
  it.effect("is given up after 30 seconds, and the request is ended", () =>
    Effect.gen(function* () {
      let ended = false
      const silent = () => Effect.never.pipe(Effect.onInterrupt(() => Effect.sync(() => void (ended = true))))
      const asking = yield* Effect.forkChild(ask(silent, (store) => store.get(siteId, userId)))
      yield* TestClock.adjust("29999 millis")
      expect([asking.pollUnsafe(), ended]).toStrictEqual([undefined, false])
      yield* TestClock.adjust("1 millis")
      const { error } = yield* Fiber.join(asking)
      expect(error).toMatchObject({
        _tag: "TimedOut",
        isRetryable: true,
        status: 504,
        cause: "no answer within 30s",
      })
      expect(ended).toBe(true)
    }),
  )

  it.effect("is waited for as long as asked", () =>
    Effect.gen(function* () {
      const slow = () => Effect.delay(Effect.succeed({ json: arthur }), "2 minutes")
      const patient = yield* Effect.forkChild(ask(slow, (store) => store.get(siteId, userId), { timeout: "3 minutes" }))
      const hasty = yield* Effect.forkChild(ask(slow, (store) => store.get(siteId, userId), { timeout: 1500 }))
      yield* TestClock.adjust("2 minutes")
      expect((yield* Fiber.join(patient)).value).toStrictEqual(arthur)
      expect((yield* Fiber.join(hasty)).error).toMatchObject({
        _tag: "TimedOut",
        cause: "no answer within 1s 500ms",
      })
    }),
  )

  it.effect("is Unreachable as the transport says, and asked once", () =>
    Effect.gen(function* () {
      const cause = new Error("ECONNREFUSED")
      const { error, sent } = yield* ask(
        () => Effect.fail(new Unreachable({ cause })),
        (store) => store.update(siteId, userId, patch({})),
      )
      expect(error).toMatchObject({ _tag: "Unreachable", cause })
      expect(sent.length).toBe(1)
    }),
  )
})

describe("an answer that is no success", () => {
  const personal = "secret@example.com"
  const html = "<html>Bad Gateway</html>"
  const outside = "The server's answer is not one of the contract"
  const longer = "x".repeat(300)
  it.effect.each<[string, Answer, object]>([
    [
      "an envelope",
      {
        status: 403,
        json: { code: "missing_scopes", message: "Its own words", details: ["a", { field: "x", message: "y" }] },
        headers: { "x-request-id": "req-1" },
      },
      {
        _tag: "MissingScopes",
        message: "Its own words",
        details: ["a", { field: "x", message: "y" }],
        requestId: "req-1",
      },
    ],
    [
      "a limit",
      { status: 429, text: "slow down", headers: { "retry-after": "7", "cf-ray": "8f0-AMS" } },
      { _tag: "TooManyRequests", retryAfter: 7, isRetryable: true, requestId: "8f0-AMS" },
    ],
    [
      "a page of a gateway",
      { status: 502, text: html },
      { _tag: "UpstreamInvalidResponse", status: 502, isRetryable: true, message: outside, excerpt: html },
    ],
    [
      "a page of a website",
      { status: 404, text: html },
      { _tag: "UpstreamInvalidResponse", status: 404, isRetryable: false, excerpt: html },
    ],
    [
      "a page that repeats the token, and is long",
      { status: 500, text: `You sent ${token}, ${token}!${longer}` },
      { excerpt: `You sent <token>, <token>!${longer}`.slice(0, 200) },
    ],
    [
      "a page that would be cut within a character",
      { status: 500, text: `${"x".repeat(199)}😀` },
      { excerpt: `${"x".repeat(199)}\u{fffd}` },
    ],
    [
      "an envelope that repeats the token",
      {
        status: 400,
        json: { code: "bad_request", message: `Not for ${token}`, details: [token] },
        headers: { "x-request-id": `id-${token}` },
      },
      { _tag: "BadRequest", message: "Not for <token>", details: ["<token>"], requestId: "id-<token>" },
    ],
    [
      "a page for a success",
      { status: 200, text: html, headers: { "x-request-id": "req-2" } },
      { _tag: "UpstreamInvalidResponse", status: 200, isRetryable: false, excerpt: html, requestId: "req-2" },
    ],
    [
      "a redirect",
      { status: 302, json: arthur, headers: { location: `https://elsewhere.example.com/?user=${personal}` } },
      {
        _tag: "UpstreamInvalidResponse",
        status: 302,
        isRetryable: false,
        message:
          "The server redirects to https://elsewhere.example.com, and a redirect is not followed, since it would take the token along",
        excerpt: "",
      },
    ],
    [
      "a redirect to nowhere",
      { status: 301, text: "" },
      { message: "The server redirects, and a redirect is not followed, since it would take the token along" },
    ],
    ["a success of nothing", { status: 204, text: "" }, { _tag: "UpstreamInvalidResponse", status: 204 }],
    [
      "a user who breaks off",
      { text: JSON.stringify({ ...arthur, data: { email: personal } }).slice(0, -2) },
      { _tag: "UpstreamInvalidResponse", status: 200, excerpt: "" },
    ],
    [
      "a user who is none",
      { json: { ...arthur, id: personal, data: { email: [personal] } } },
      { _tag: "UpstreamInvalidResponse", status: 200, details: [], excerpt: "" },
    ],
  ])("is an error of the list: %s", ([_, answer, expected]) =>
    Effect.gen(function* () {
      const { error, sent } = yield* ask(inTurn(answer), (store) => store.get(siteId, userId))
      expect(error).toMatchObject(expected)
      expect(sent.length).toBe(1)
      const told = JSON.stringify(error) + inspect(error, { depth: 10, showHidden: true })
      for (const secret of [token, personal]) expect(told).not.toContain(secret)
    }),
  )

  it.effect("takes any 2xx with a user for a success", () =>
    Effect.gen(function* () {
      const { value } = yield* ask(inTurn({ status: 203, json: arthur }), (store) => store.get(siteId, userId))
      expect(value).toStrictEqual(arthur)
    }),
  )
})

describe("over fetch", () => {
  // What fetch throws for these repeats the header, or the whole address.
  it.live.each<[string, Partial<Upstream.Options>]>([
    ["a token that no header can carry", { token: Redacted.make(`two\n${token}`) }],
    ["a password in the address", { baseUrl: `http://someone:${token}@127.0.0.1:9/v2` }],
    ["a password in an address that is none", { baseUrl: `http://someone:${token}@[127/v2` }],
    ["a user name that is a token", { baseUrl: `http://${token}@127.0.0.1:9/v2` }],
  ])("no error repeats %s", ([_, options]) =>
    Effect.gen(function* () {
      const layer = Upstream.layer({ baseUrl: "http://127.0.0.1:9/v2", ...options }).pipe(
        Layer.provide(FetchTransport.layer()),
      )
      const error = yield* UserStore.UserStore.use((store) => Effect.flip(store.get(siteId, userId))).pipe(
        Effect.provide(layer),
      )
      expect(error._tag).toBe("UnsendableRequest")
      expect(JSON.stringify(error) + inspect(error, { depth: 10, showHidden: true })).not.toContain(token)
    }),
  )
})

const updateAs = (body: unknown, grant: UpdateGrant.UpdateGrant, groups?: UserPatch.EditGroups) =>
  ask(
    ({ method }) => ({
      json: method === "GET" ? { ...arthur, accessGroups: [{ slug: "gold", type: "admin" }] } : arthur,
    }),
    (store) =>
      store
        .update(siteId, userId, groups ? new UserPatch.UserPatch({ groups }) : UserPatch.UserPatch.from(body))
        .pipe(Effect.provideService(UpdateGrant.Current, grant)),
  )

describe("for who may change only some of a user", () => {
  it.effect("an update that names nothing else is sent", () =>
    Effect.gen(function* () {
      const { error, sent } = yield* updateAs({ data: { name: "Arthur" } }, { fields: ["name"], groups: [] })
      expect([error, sent.length]).toStrictEqual([undefined, 1])
      const joined = yield* updateAs({}, { groups: ["gold"] }, { _tag: "EditGroups", add: ["gold"], remove: [] })
      expect([joined.error, joined.sent.map(({ method }) => method)]).toStrictEqual([undefined, ["GET", "PATCH"]])
    }),
  )

  it.effect.each<[string, unknown, UpdateGrant.UpdateGrant]>([
    ["a field, though it may be equal there", { data: { name: "Arthur", plan: "x" } }, { fields: ["name"] }],
    ["a set of groups, which may take others away", { accessGroups: ["gold"] }, { groups: ["gold"] }],
  ])("nothing is sent of one that names %s", ([_, body, grant]) =>
    Effect.gen(function* () {
      const { error, sent } = yield* updateAs(body, grant)
      expect(error).toMatchObject({
        _tag: "ChangeForbidden",
        details: [{ param: expect.stringMatching(/plan|access/) }],
      })
      expect(sent).toStrictEqual([])
    }),
  )

  // Each of these is sent where there is no list: that server may have that value, or set it.
  const smuggled: ReadonlyArray<readonly [param: string, body: Readonly<Record<string, unknown>>]> = [
    ["data.bio", { data: { bio: "x".repeat(300) } }],
    ["data.bio", { data: { bio: ["x"] } }],
    ["data.email", { data: { email: "attacker@evil.org" } }],
    ["data.bio", { data: { data: { bio: "x".repeat(300) } } }],
    ["data.email", { data: { data: { name: "Arthur", email: "attacker@evil.org" } } }],
    ["data.email", V1.normalizeBody({ data: { email: "attacker@evil.org" } }) as Record<string, unknown>],
    ["data.email", { email: "attacker@evil.org" }],
    ["bio", { bio: "x".repeat(300) }],
    ["bio", { bio: ["x"] }],
    ["role", { role: "owner", status: "verified" }],
    ["status", { status: "verified", data: { name: "Arthur" } }],
  ]
  it.effect.each(smuggled)("nothing is sent of one that names %s only to be compared (%#)", ([param, body]) =>
    Effect.gen(function* () {
      const { error, sent } = yield* updateAs(body, { fields: ["name"], groups: [] })
      expect(error).toMatchObject({ _tag: "ChangeForbidden" })
      expect(error).toHaveProperty("details.0.param", param)
      expect(sent).toStrictEqual([])
      expect((yield* updateAs(body, {})).sent).toHaveLength(1)
    }),
  )

  it.effect("nothing is sent that another server may read as all the fields", () =>
    Effect.gen(function* () {
      const { error, sent } = yield* updateAs(
        { data: { data: { data: { email: "attacker@evil.org" } } } },
        { fields: ["data"] },
      )
      expect([error?._tag, sent.length]).toStrictEqual(["ChangeForbidden", 0])
    }),
  )

  it.effect("a list of groups alone lets pass what a server sets, and nothing that nobody knows", () =>
    Effect.gen(function* () {
      const known = yield* updateAs({ id: userId, data: { name: "Arthur", bio: ["x"] } }, { groups: [] })
      expect([known.error, known.sent.length]).toStrictEqual([undefined, 1])
      const unknown = yield* updateAs({ groups: ["gold"] }, { groups: [] })
      expect([unknown.error?._tag, unknown.sent.length]).toStrictEqual(["ChangeForbidden", 0])
    }),
  )

  it.effect("what may be changed may be sent back, also as no update could set it", () =>
    Effect.gen(function* () {
      const { error, sent } = yield* updateAs({ data: { bio: "x".repeat(300) } }, { fields: ["bio"], groups: [] })
      expect([error, sent.length]).toStrictEqual([undefined, 1])
    }),
  )

  it.effect("nothing is sent of one that names a group to leave", () =>
    Effect.gen(function* () {
      const { error, sent } = yield* updateAs(
        {},
        { groups: ["gold"] },
        { _tag: "EditGroups", add: [], remove: ["silver"] },
      )
      expect([error?._tag, sent.length]).toStrictEqual(["ChangeForbidden", 0])
    }),
  )
})
