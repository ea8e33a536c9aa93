import { inspect } from "node:util"
import { describe, expect, it } from "@effect/vitest"
import {
  parseSiteId,
  type SiteId,
  type UpdateUserError,
  type User,
  UserId,
  UserPatch,
  UserStore,
} from "@webflow-users/core"
import * as Upstream from "@webflow-users/core/UserStore/Upstream"
import { Context, Effect, Fiber, Layer, Redacted } from "effect"
import { type Driver, drivers } from "./drivers.ts"
import * as Hostile from "./hostile.ts"

const siteId = parseSiteId("580e63e98c9a982ac9b8b741") as SiteId
const userId = UserId.make("6287ec36a841b25637c663df")
const token = "token-that-is-secret"
const userPath = `/v2/sites/${siteId}/users/${userId}`

const member = (index: number, groups: ReadonlyArray<string> = []): User => ({
  id: UserId.make(`6287ec36a841b25637c6${(0x4000 + index).toString(16)}`),
  accessGroups: groups.map((slug) => ({ slug, type: "admin" })),
  data: { email: `member${index}@example.com` },
})
const ada = member(1)
const fine = Hostile.answer({ json: ada })
const page = (status: number, headers = {}) =>
  Hostile.answer({ status, text: "<html>It is not your fault</html>", headers })
const envelope = (status: number, code: string, message = "Its own words") =>
  Hostile.answer({ status, json: { code, message, externalReference: null, details: [] } })

type Store = UserStore.UserStore["Service"]
const get = (store: Store) => store.get(siteId, userId)
const rename = (store: Store) => store.update(siteId, userId, UserPatch.UserPatch.from({ data: { name: "Ada" } }))

/** Opens the store of another server, for as long as the test runs. */
const opened = ({ layer }: Driver, url: string, options: Partial<Upstream.Options> = {}) =>
  Upstream.layer({ baseUrl: `${url}/v2`, token: Redacted.make(token), ...options }).pipe(
    Layer.provide(layer(url)),
    Layer.build,
    Effect.map((context) => Context.get(context, UserStore.UserStore)),
  )

/** What comes of a call to a server that does this, and what the server counted. */
const outcomeOf = Effect.fnUntraced(function* <A>(
  driver: Driver,
  deed: Hostile.Deed,
  call: (store: Store) => Effect.Effect<A, UpdateUserError>,
  options?: Partial<Upstream.Options>,
) {
  const server = yield* Hostile.serve(deed)
  const store = yield* opened(driver, server.url, options)
  const outcome = yield* Effect.match(call(store), {
    onSuccess: (value) => ({ value, error: undefined }),
    onFailure: (error) => ({ value: undefined, error }),
  })
  return { ...outcome, server, requests: server.requests }
})

const methods = (requests: ReadonlyArray<Hostile.Received>) => requests.map(({ method }) => method)

/** A user who breaks off where the text does; the connection does not. */
const halfJson = JSON.stringify(ada).slice(0, -10)

/** A list in a list in a list…, of which JavaScript cannot write much more. */
const bottomless = `${"[".repeat(1000)}${"]".repeat(1000)}`
const deepUser = JSON.stringify({ ...ada, data: { x: 0 } }).replace("0}", `${bottomless}}`)
const deepError = `{"code":"internal_error","message":"Its own words","details":${bottomless}}`

describe.concurrent.each(drivers)("a server that misbehaves, over $name", (driver) => {
  const once = { retry: { attempts: 1 } }
  const twice = { retry: { attempts: 2 } }

  it.live.each<[string, Hostile.Deed, number]>([
    ["resets before the answer", Hostile.inTurn(Hostile.reset, Hostile.reset, fine), 3],
    ["resets within the answer", Hostile.inTurn(Hostile.breakOff("reset"), fine), 2],
    ["closes within the answer", Hostile.inTurn(Hostile.breakOff("close"), fine), 2],
    ["answers what is no HTTP", Hostile.inTurn(Hostile.raw("SSH-2.0-OpenSSH_9.2\r\n"), fine), 2],
    ["has a gateway that answers for it", Hostile.inTurn(page(502), page(504), fine), 3],
    ["has failed by itself", Hostile.inTurn(envelope(500, "internal_error"), fine), 2],
    ["waited too long for the request", Hostile.inTurn(page(408), fine), 2],
    ["asks to come again at once", Hostile.inTurn(page(503, { "retry-after": "0" }), fine), 2],
    ["is asked too often", Hostile.inTurn(page(429, { "retry-after": "0" }), fine), 2],
    ["drips", Hostile.drip(JSON.stringify(ada)), 1],
  ])("is asked again until it answers: %s", ([_, deed, attempts]) =>
    Effect.gen(function* () {
      const { value, requests } = yield* outcomeOf(driver, deed, rename)
      expect(value).toStrictEqual(ada)
      expect(methods(requests)).toStrictEqual(Array.from({ length: attempts }, () => "PATCH"))
      expect(new Set(requests.map(({ path, body }) => `${path} ${body}`))).toStrictEqual(
        new Set([`${userPath} {"data":{"name":"Ada"}}`]),
      )
    }),
  )

  it.live.each<[string, Hostile.Deed, object]>([
    ["resets", Hostile.reset, { _tag: "ConnectionLost" }],
    ["closes", Hostile.close, { _tag: "ConnectionLost" }],
    ["breaks off", Hostile.breakOff("close"), { _tag: "ConnectionLost" }],
    ["is no HTTP server", Hostile.raw("hello\r\n"), { _tag: "UpstreamInvalidResponse", status: 502 }],
    ["has failed", envelope(500, "internal_error"), { _tag: "InternalError", message: "Its own words" }],
    ["has failed, in its own way", envelope(507, "disk_full"), { _tag: "UnexpectedResponse", status: 507 }],
    ["tells of it without end", Hostile.answer({ status: 500, text: deepError }), { _tag: "UpstreamInvalidResponse" }],
    ["has a gateway", page(503), { _tag: "UpstreamInvalidResponse", status: 503 }],
    ["waited too long", page(408), { _tag: "UpstreamInvalidResponse", status: 408 }],
  ])("is asked as often as it is let, and no more: %s", ([_, deed, expected]) =>
    Effect.gen(function* () {
      const { error, requests } = yield* outcomeOf(driver, deed, get, twice)
      expect(error).toMatchObject({ ...expected, attempts: 2 })
      expect(requests.length).toBe(2)
      const impatient = yield* outcomeOf(driver, deed, get, once)
      expect(impatient.error).toMatchObject(expected)
      expect(impatient.error).not.toHaveProperty("attempts")
      expect(impatient.requests.length).toBe(1)
    }),
  )

  it.live("is asked four times unless said otherwise", () =>
    Effect.gen(function* () {
      const { error, requests } = yield* outcomeOf(driver, page(500), get)
      expect([error?.attempts, requests.length]).toStrictEqual([4, 4])
    }),
  )

  it.live("is given up where nobody listens", () =>
    Effect.gen(function* () {
      const store = yield* opened(driver, `http://127.0.0.1:${yield* Hostile.vacant}`, twice)
      expect(yield* Effect.flip(get(store))).toMatchObject({ _tag: "Unreachable", attempts: 2 })
    }),
  )

  it.live.each<[string, Hostile.Deed, object]>([
    ["a bad request", envelope(400, "validation_error"), { _tag: "InvalidPatch" }],
    ["no token it knows", envelope(401, "not_authorized"), { _tag: "NotAuthorized" }],
    ["no scope", envelope(403, "missing_scopes"), { _tag: "MissingScopes" }],
    ["no user", envelope(404, "user_not_found"), { _tag: "UserNotFound" }],
    ["no page", page(404), { _tag: "UpstreamInvalidResponse", status: 404 }],
    ["a conflict", envelope(409, "conflict"), { _tag: "UnexpectedResponse", status: 409 }],
    ["a page for a success", page(200), { _tag: "UpstreamInvalidResponse", status: 200 }],
    ["half a user", Hostile.answer({ text: halfJson }), { _tag: "UpstreamInvalidResponse", excerpt: "" }],
    ["a user without bottom", Hostile.answer({ text: deepUser }), { _tag: "UpstreamInvalidResponse", excerpt: "" }],
    ["100 MB, announced", Hostile.flood({ isAnnounced: true }), { _tag: "UpstreamInvalidResponse", status: 200 }],
    ["100 MB", Hostile.flood({ isAnnounced: false }), { _tag: "UpstreamInvalidResponse", status: 200 }],
    ["a redirect", page(307, { location: "/v3" }), { _tag: "UpstreamInvalidResponse", status: 307 }],
  ])("is asked once where asking again changes nothing: %s", ([_, deed, expected]) =>
    Effect.gen(function* () {
      const { error, requests } = yield* outcomeOf(driver, deed, rename)
      expect(error).toMatchObject({ ...expected, isRetryable: false })
      expect(error).not.toHaveProperty("attempts")
      expect(methods(requests)).toStrictEqual(["PATCH"])
    }),
  )

  it.live.each<[string, Hostile.Deed]>([
    ["says nothing", Hostile.hang],
    ["stops within its headers", Hostile.hangWithinHeaders],
    ["stops within its answer", Hostile.hangWithinAnswer],
    ["drips without end", Hostile.dripForever],
  ])("is given up in time, each time: %s", ([_, deed]) =>
    Effect.gen(function* () {
      const { error, requests } = yield* outcomeOf(driver, deed, get, { ...twice, timeout: "1 second" })
      expect(error).toMatchObject({ _tag: "TimedOut", cause: "no answer within 1s", attempts: 2 })
      const ends = yield* Effect.all(requests.map(({ end }) => end))
      expect(ends).toStrictEqual(["abandoned", "abandoned"])
    }),
  )

  it.live("may close a connection between two requests, and under one", () =>
    Effect.gen(function* () {
      const deeds = Hostile.inTurn(fine, Hostile.close, Hostile.answerAndClose({ json: ada }), fine)
      const server = yield* Hostile.serve(deeds)
      const store = yield* opened(driver, server.url)
      for (const _ of [1, 2, 3]) expect(yield* get(store)).toStrictEqual(ada)
      const ends = yield* Effect.all(server.requests.map(({ end }) => end))
      expect(ends).toStrictEqual(["answered", "broken", "answered", "answered"])
    }),
  )

  it.live("has the user read again before a change of groups is sent again", () =>
    Effect.gen(function* () {
      const deeds = Hostile.inTurn(
        Hostile.answer({ json: member(1, ["old", "kept"]) }),
        Hostile.reset,
        // In between, somebody else has let the user join another group.
        Hostile.answer({ json: member(1, ["old", "kept", "theirs"]) }),
        Hostile.answer({ json: member(1, ["kept", "theirs", "new"]) }),
      )
      const patch = new UserPatch.UserPatch({ groups: { _tag: "EditGroups", add: ["new"], remove: ["old"] } })
      const { value, requests } = yield* outcomeOf(driver, deeds, (store) => store.update(siteId, userId, patch))
      expect(value).toStrictEqual(member(1, ["kept", "theirs", "new"]))
      expect(methods(requests)).toStrictEqual(["GET", "PATCH", "GET", "PATCH"])
      const sent = requests.map(({ body }) => (body === "" ? [] : slugs(body).toSorted()))
      expect(sent).toStrictEqual([[], ["kept", "new"], [], ["kept", "new", "theirs"]])
    }),
  )

  it.live("has its list read on from where it was", () =>
    Effect.gen(function* () {
      const users = Array.from({ length: 150 }, (_, index) => member(index))
      const part = (offset: number) => {
        const some = users.slice(offset, offset + 100)
        return Hostile.answer({ json: { users: some, count: some.length, limit: 100, offset, total: users.length } })
      }
      const deeds = Hostile.inTurn(part(0), Hostile.breakOff("reset"), page(502), part(100))
      const { value, requests } = yield* outcomeOf(driver, deeds, (store) =>
        store.findByEmail(siteId, "member120@example.com"),
      )
      expect(value).toStrictEqual(users[120])
      const offsets = requests.map(({ path }) => new URL(path, "http://host").searchParams.get("offset"))
      expect(offsets).toStrictEqual(["0", "100", "100", "100"])
    }),
  )

  it.live.each<[string, Hostile.Deed]>([
    ["before its answer", Hostile.hang],
    ["within its answer", Hostile.hangWithinAnswer],
  ])("is left alone when the call is interrupted %s", ([_, deed]) =>
    Effect.gen(function* () {
      const server = yield* Hostile.serve(deed)
      const store = yield* opened(driver, server.url)
      const asking = yield* Effect.forkChild(rename(store))
      yield* server.arrived(1)
      yield* Fiber.interrupt(asking)
      expect(yield* server.requests[0]!.end).toBe("abandoned")
      expect(server.requests.length).toBe(1)
    }),
  )

  const echo = {
    code: "internal_error",
    message: `You sent ${token}`,
    details: [`Bearer ${token}`, { [token]: token }],
  }
  it.live.each<[string, Hostile.Deed]>([
    ["a page", Hostile.answer({ status: 500, text: `<html>You sent Bearer ${token}</html>` })],
    ["a page for a success", Hostile.answer({ text: `<html>You sent Bearer ${token}</html>` })],
    ["a long page", Hostile.answer({ status: 500, text: `${"x".repeat(190)}${token}` })],
    ["an error", Hostile.answer({ status: 500, json: echo })],
    ["an error in older words", Hostile.answer({ status: 409, json: { msg: token, problems: [token] } })],
    ["an error's code", Hostile.answer({ status: 418, json: { ...echo, code: token } })],
    ["an error that escapes it", Hostile.answer({ status: 500, text: `{"message":"\\u0074${token.slice(1)}"}` })],
    ["JSON that is no error", Hostile.answer({ status: 500, json: [token, { authorization: token }] })],
    ["a user who is none", Hostile.answer({ json: { id: token, [token]: token } })],
    ["a redirect to a path", page(307, { location: `https://users.example.com/${token}?token=${token}` })],
    ["a redirect to a host", page(307, { location: `https://${token.toUpperCase()}.example.com/` })],
    ["a redirect to somebody", page(307, { location: `https://${token}:${token}@users.example.com/` })],
    ["a request's name", page(500, { "x-request-id": token, "retry-after": token, "cf-ray": token })],
    ["a success's name", page(200, { "x-request-id": token })],
    ["a redirect's name", page(302, { "x-request-id": token })],
    ["what is no HTTP", Hostile.raw(`You sent ${token}\r\n`)],
    ["a chunk that is none", Hostile.raw(`HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n${token}\r\n`)],
    ["a header that is none", Hostile.raw(`HTTP/1.1 200 OK\r\n${token}\r\n\r\n`)],
    ["a reason", Hostile.raw(`HTTP/1.1 500 ${token}\r\ncontent-length: 0\r\n\r\n`)],
    ["an answer that breaks off", Hostile.breakOff("close", { "content-length": 100, "x-echo": token })],
    ["headers without end", Hostile.raw(`HTTP/1.1 200 OK\r\n${`x-echo: ${token}\r\n`.repeat(2000)}`)],
  ])("does not get its token into an error by sending it back: %s", ([_, deed]) =>
    Effect.gen(function* () {
      const { error, requests } = yield* outcomeOf(driver, deed, get, { retry: false })
      expect(requests.map(({ header }) => header("authorization"))).toStrictEqual([`Bearer ${token}`])
      expect(error).toBeDefined()
      expect(mentions(error)).not.toContain(token)
    }),
  )

  it.live("does not get its token into an error either where a file's last line came with it", () =>
    Effect.gen(function* () {
      const deed = envelope(500, "internal_error", `You sent ${token}`)
      const options = { retry: false, token: Redacted.make(`${token}\n`) } as const
      const { error, requests } = yield* outcomeOf(driver, deed, get, options)
      expect(requests.map(({ header }) => header("authorization"))).toStrictEqual([`Bearer ${token}`])
      expect(error?.message).toBe("You sent <token>")
    }),
  )

  it.live.each(["error", "code"])("is understood where its words hold a token too short to be one: %s", (word) =>
    Effect.gen(function* () {
      const deed = envelope(500, "internal_error", `An ${word} of ours`)
      const options = { retry: false, token: Redacted.make(word) } as const
      const { error } = yield* outcomeOf(driver, deed, get, options)
      expect(error).toMatchObject({ _tag: "InternalError", message: `An ${word} of ours` })
    }),
  )
})

const slugs = (body: string): ReadonlyArray<string> => {
  const { accessGroups }: { readonly accessGroups: ReadonlyArray<{ readonly slug: string }> } = JSON.parse(body)
  return accessGroups.map(({ slug }) => slug)
}

/** All that can be read off an error, by any of the ways it may be written somewhere; host names lose their case. */
const mentions = (error: unknown): string =>
  (JSON.stringify(error) + inspect(error, { depth: 20, showHidden: true, maxStringLength: null })).toLowerCase()
