/** What is tried again, when, and how often: through the store, with a clock of the test's. */
import { describe, expect, it } from "@effect/vitest"
import {
  ConnectionLost,
  parseSiteId,
  type SiteId,
  TlsFailed,
  Transport,
  type UpdateUserError,
  Unreachable,
  type User,
  UserId,
  UserPatch,
  UserStore,
} from "@webflow-users/core"
import * as Upstream from "@webflow-users/core/UserStore/Upstream"
import { Clock, Deferred, Effect, Fiber, Layer, Random, Redacted } from "effect"
import { TestClock } from "effect/testing"
import { countings, serve } from "../limited-server.ts"

const siteId = parseSiteId("580e63e98c9a982ac9b8b741") as SiteId
const userId = UserId.make("6287ec36a841b25637c663df")
const user: User = { id: userId, accessGroups: [{ slug: "webflowers", type: "admin" }], data: { name: "Ada" } }

interface Answer {
  readonly status?: number
  readonly json?: unknown
  readonly headers?: Readonly<Record<string, string>>
}
type Answering = Effect.Effect<Answer, Transport.TransportError>

const ok: Answering = Effect.succeed({ json: user })
const failing = (status: number, headers: Readonly<Record<string, string>> = {}): Answering =>
  Effect.succeed({ status, json: { code: "oops", message: "Oops" }, headers })
const busy = (retryAfter: string) => failing(503, { "retry-after": retryAfter })
const limited = (retryAfter: string) => failing(429, { "retry-after": retryAfter })
const lost: Answering = Effect.suspend(() => Effect.fail(new ConnectionLost({ cause: "reset" })))

/** Makes calls to a server that answers in turn, and then as it did last; gives what came of them and what it was asked. */
const serving = (
  answers: readonly [Answering, ...ReadonlyArray<Answering>],
  options: Partial<Upstream.Options> = {},
) => {
  const sent: Array<{ readonly at: number; readonly method: string; readonly body: unknown }> = []
  const transport = Layer.succeed(Transport.Transport, {
    send: ({ method, body, patience }) =>
      Effect.gen(function* () {
        sent.push({
          at: yield* Clock.currentTimeMillis,
          method,
          body: body === undefined ? undefined : JSON.parse(body),
        })
        const answer = answers[Math.min(sent.length, answers.length) - 1] ?? ok
        const { status = 200, json, headers = {} } = yield* Transport.inTime(answer, patience)
        return { status, text: JSON.stringify(json), header: (name) => headers[name] }
      }),
  })
  const layer = Upstream.layer({ baseUrl: "https://users.example.com/v2", ...options }).pipe(Layer.provide(transport))
  return { sent, layer }
}

/** No more and no less than it says. */
const withoutJitter = Effect.provideService(Random.Random, { nextDoubleUnsafe: () => 0.5, nextIntUnsafe: () => 0 })

const outcome = <A>(call: (store: UserStore.UserStore["Service"]) => Effect.Effect<A, UpdateUserError>) =>
  UserStore.UserStore.use(call).pipe(
    Effect.match({
      onSuccess: (value) => ({ value, error: undefined }),
      onFailure: (error) => ({ value: undefined, error }),
    }),
  )
const update = (body: unknown = { data: { name: "Ada" } }) =>
  outcome((store) => store.update(siteId, userId, UserPatch.UserPatch.from(body)))

/** One update, for as long as it takes. */
const updating = Effect.fnUntraced(function* (
  answers: readonly [Answering, ...ReadonlyArray<Answering>],
  options?: Partial<Upstream.Options>,
) {
  const { sent, layer } = serving(answers, options)
  const start = yield* Clock.currentTimeMillis
  const fiber = yield* Effect.forkChild(update().pipe(Effect.provide(layer), withoutJitter))
  yield* TestClock.adjust("1 day")
  return { ...(yield* Fiber.join(fiber)), times: sent.map(({ at }) => at - start) }
})

describe("what may pass", () => {
  it.effect.each<[string, Answering]>([
    ["500", failing(500)],
    ["503", failing(503)],
    ["408", failing(408)],
    ["a lost connection", lost],
    ["no connection", Effect.suspend(() => Effect.fail(new Unreachable({ cause: "refused" })))],
  ])("%s is tried again, after a while that doubles", ([_, failure]) =>
    Effect.gen(function* () {
      const { value, times } = yield* updating([failure, failure, failure, ok])
      expect(value).toStrictEqual(user)
      expect(times).toStrictEqual([0, 200, 600, 1_400])
    }),
  )

  it.effect("an answer that does not come is given up, and the request sent again", () =>
    Effect.gen(function* () {
      const { value, times } = yield* updating([Effect.never, ok], { timeout: "10 seconds" })
      expect([value, times]).toStrictEqual([user, [0, 10_200]])
    }),
  )

  it.effect("is tried four times, or as often as is said, and the last failure tells it", () =>
    Effect.gen(function* () {
      const standard = yield* updating([
        failing(500, { "x-request-id": "first" }),
        failing(502, { "x-request-id": "r" }),
      ])
      expect(standard.error).toMatchObject({
        _tag: "UnexpectedResponse",
        status: 502,
        message: "Oops",
        attempts: 4,
        requestId: "r",
      })
      expect(standard.times).toStrictEqual([0, 200, 600, 1_400])
      expect((yield* updating([failing(500)], { retry: { attempts: 2 } })).times.length).toBe(2)
      const patient = yield* updating([failing(500)], { retry: { attempts: 10 } })
      expect((patient.times[9] ?? 0) - (patient.times[8] ?? 0)).toBe(20_000)
    }),
  )

  it.effect("is tried once where that is said, and then the failure does not tell how often", () =>
    Effect.gen(function* () {
      for (const failure of [failing(500), limited("1"), lost]) {
        const { error, times } = yield* updating([failure], { retry: false })
        expect(times).toStrictEqual([0])
        expect(error).toBeDefined()
        expect(error).not.toHaveProperty("attempts")
      }
    }),
  )

  it.effect.each<[string, Answering]>([
    ...[400, 401, 403, 404, 405, 409, 413].map((status): [string, Answering] => [String(status), failing(status)]),
    ["a certificate that is not trusted", Effect.suspend(() => Effect.fail(new TlsFailed({ cause: "self-signed" })))],
    ["an answer that cannot be read", Effect.succeed({ json: { no: "user" } })],
  ])("is not %s", ([_, failure]) =>
    Effect.gen(function* () {
      const { error, times } = yield* updating([failure, ok])
      expect([error === undefined, times]).toStrictEqual([false, [0]])
    }),
  )

  it.effect("waits as the server asks, but no longer than is said", () =>
    Effect.gen(function* () {
      expect((yield* updating([busy("7"), ok])).times).toStrictEqual([0, 7_000])
      expect((yield* updating([busy("0"), ok])).times).toStrictEqual([0, 200])
      expect((yield* updating([busy("86400"), ok])).times).toStrictEqual([0, 120_000])
      const retry = { maxRetryAfter: "3 seconds" } as const
      expect((yield* updating([busy("86400"), ok], { retry })).times).toStrictEqual([0, 3_000])
      expect((yield* updating([limited("86400"), ok], { retry })).times).toStrictEqual([0, 3_000])
    }),
  )
})

describe("many 429s in a row", () => {
  it.effect("make it wait little longer than they ask", () =>
    Effect.gen(function* () {
      const refusal = limited("1")
      const { value, times } = yield* updating([refusal, ...Array.from({ length: 7 }, () => refusal), ok])
      expect(value).toStrictEqual(user)
      expect(Math.max(...times.slice(1).map((time, index) => time - (times[index] ?? 0)))).toBe(2_000)
    }),
  )
})

describe("the deadline", () => {
  it.effect("ends the waiting before a wait that would pass it", () =>
    Effect.gen(function* () {
      const { error, times } = yield* updating([limited("60")], { retry: { deadline: "150 seconds" } })
      expect(times).toStrictEqual([0, 60_000, 120_000])
      expect(error).toMatchObject({ _tag: "TooManyRequests", retryAfter: 60, attempts: 3 })
    }),
  )

  it.effect("cuts off the last try", () =>
    Effect.gen(function* () {
      const { layer, sent } = serving([Effect.never], { timeout: "20 seconds", retry: { deadline: "50 seconds" } })
      const fiber = yield* Effect.forkChild(
        Effect.flatMap(update().pipe(Effect.provide(layer), withoutJitter), ({ error }) =>
          Effect.map(Clock.currentTimeMillis, (at) => ({ error, at })),
        ),
      )
      yield* TestClock.adjust("1 hour")
      expect(yield* Fiber.join(fiber)).toMatchObject({ at: 50_000, error: { _tag: "TimedOut", attempts: 3 } })
      expect(sent.map(({ at }) => at)).toStrictEqual([0, 20_200, 40_600])
    }),
  )

  it.effect("does not count the wait for the first turn", () =>
    Effect.gen(function* () {
      const headers = { "x-ratelimit-limit": "1", "x-ratelimit-remaining": "0" }
      const one = Effect.succeed({ json: user, headers })
      const { layer, sent } = serving([one], { retry: { deadline: "1 second" } })
      const all = yield* Effect.forkChild(
        Effect.all([update(), update(), update()], { concurrency: 3 }).pipe(Effect.provide(layer)),
      )
      yield* TestClock.adjust("1 hour")
      expect((yield* Fiber.join(all)).map(({ value }) => value)).toStrictEqual([user, user, user])
      expect(sent.length).toBe(3)
    }),
  )

  it.effect("who may not be kept waiting is told at once how long it would be", () =>
    Effect.gen(function* () {
      const headers = { "x-ratelimit-limit": "1", "x-ratelimit-remaining": "0" }
      const { layer, sent } = serving([Effect.succeed({ json: user, headers })], {
        retry: { deadline: "10 seconds", countsWaiting: true },
      })
      const both = yield* Effect.all([update(), update()]).pipe(Effect.provide(layer))
      expect(both[1].error).toMatchObject({ _tag: "TooManyRequests", retryAfter: 61 })
      expect(both[1].error).not.toHaveProperty("attempts")
      expect(sent.length).toBe(1)
    }),
  )
})

describe("who has to stop", () => {
  it.effect("tries nothing again, and is told at once what went wrong", () =>
    Effect.gen(function* () {
      const { layer, sent } = serving([busy("100"), ok])
      const ending = yield* Deferred.make<void>()
      const calling = yield* Effect.forkChild(
        update().pipe(Effect.provide(layer), Effect.provideService(UserStore.Ending, Deferred.await(ending))),
      )
      yield* TestClock.adjust("1 second")
      yield* Deferred.succeed(ending, undefined)
      expect((yield* Fiber.join(calling)).error).toMatchObject({ _tag: "UnexpectedResponse", status: 503 })
      expect(sent.length).toBe(1)
    }),
  )
})

describe("a retry that may not wait for its turn", () => {
  it.effect("fails with what went wrong before", () =>
    Effect.gen(function* () {
      const headers = { "x-ratelimit-limit": "2", "x-ratelimit-remaining": "0" }
      const full = Effect.succeed({ json: user, headers: { ...headers, "x-ratelimit-remaining": "1" } })
      const { layer, sent } = serving([full, lost], { retry: { deadline: "50 seconds", countsWaiting: true } })
      const calling = yield* Effect.forkChild(
        Effect.flatMap(Effect.andThen(update(), update()).pipe(Effect.provide(layer), withoutJitter), ({ error }) =>
          Effect.map(Clock.currentTimeMillis, (at) => ({ error, at })),
        ),
      )
      yield* TestClock.adjust("1 hour")
      // Known at once, it is told at once.
      expect(yield* Fiber.join(calling)).toMatchObject({ error: { _tag: "ConnectionLost" }, at: 200 })
      expect(sent.length).toBe(2)
    }),
  )

  it.effect("nor longer than it has is told so, where the server asks for it", () =>
    Effect.gen(function* () {
      const { error, times } = yield* updating([limited("600")], {
        retry: { deadline: "5 minutes", countsWaiting: true },
      })
      expect([error, times]).toMatchObject([{ _tag: "TooManyRequests", retryAfter: 600 }, [0]])
    }),
  )
})

describe("the words for a deadline that cuts a request off", () => {
  it.effect("are not those for one that took too long", () =>
    Effect.gen(function* () {
      const { error } = yield* updating([busy("8"), Effect.never], { retry: { deadline: "10 seconds" } })
      expect(error).toMatchObject({ _tag: "TimedOut", cause: "no answer before the deadline of the whole call" })
      for (const retry of [false, {}] as const) {
        const once = yield* updating([Effect.never], { retry, timeout: "10 minutes" })
        expect(once.error).toMatchObject({ _tag: "TimedOut", cause: "no answer within 10m" })
      }
    }),
  )
})

describe("a change of groups", () => {
  const join = new UserPatch.UserPatch({ groups: { _tag: "EditGroups", add: ["gold"], remove: [] } })

  it.effect("reads again before each try, and merges into what is there by then", () =>
    Effect.gen(function* () {
      const later = { ...user, accessGroups: [...user.accessGroups, { slug: "silver", type: "admin" }] }
      const { layer, sent } = serving([ok, lost, failing(500), Effect.succeed({ json: later }), limited("5"), ok, ok])
      const fiber = yield* Effect.forkChild(
        outcome((store) => store.update(siteId, userId, join)).pipe(Effect.provide(layer), withoutJitter),
      )
      yield* TestClock.adjust("1 hour")
      expect((yield* Fiber.join(fiber)).value).toStrictEqual(user)
      const slugs = (body: unknown) =>
        body === undefined
          ? undefined
          : (body as { readonly accessGroups: typeof user.accessGroups }).accessGroups.map(({ slug }) => slug)
      expect(sent.map(({ method, at, body }) => [method, at, slugs(body)])).toStrictEqual([
        ["GET", 0, undefined],
        ["PATCH", 0, ["webflowers", "gold"]],
        ["GET", 200, undefined],
        ["GET", 600, undefined],
        ["PATCH", 600, ["webflowers", "silver", "gold"]],
        ["GET", 5_600, undefined],
        ["PATCH", 5_600, ["webflowers", "gold"]],
      ])
    }),
  )
})

describe("a change of groups that cannot be made", () => {
  const join = new UserPatch.UserPatch({ groups: { _tag: "EditGroups", add: ["gold"], remove: [] } })
  const joining = outcome((store) => store.update(siteId, userId, join))

  it.effect("is counted by its tries, not by its requests", () =>
    Effect.gen(function* () {
      const { layer, sent } = serving([ok, lost, ok, lost, ok, lost], { retry: { attempts: 3 } })
      const fiber = yield* Effect.forkChild(Effect.provide(joining, layer))
      yield* TestClock.adjust("1 hour")
      expect((yield* Fiber.join(fiber)).error).toMatchObject({ _tag: "ConnectionLost", attempts: 3 })
      expect(sent.length).toBe(6)
    }),
  )

  it.effect("before its deadline is given up when that is known", () =>
    Effect.gen(function* () {
      const headers = { "x-ratelimit-limit": "1", "x-ratelimit-remaining": "0" }
      const { layer, sent } = serving([Effect.succeed({ json: user, headers })], { retry: { deadline: "10 seconds" } })
      const { error } = yield* Effect.provide(joining, layer)
      expect(error).toMatchObject({ _tag: "TooManyRequests", retryAfter: 61 })
      expect(sent.map(({ method }) => method)).toStrictEqual(["GET"])
    }),
  )
})

describe("a server that fails", () => {
  it.effect("is sent a tenth more than it is asked, and ten retries", () =>
    Effect.gen(function* () {
      const { layer, sent } = serving([failing(500)])
      const calls = 1_000
      const all = yield* Effect.forkChild(
        Effect.forEach(Array.from({ length: calls }), () => update(), { concurrency: 5 }).pipe(Effect.provide(layer)),
      )
      yield* TestClock.adjust("1 day")
      expect((yield* Fiber.join(all)).every(({ error }) => error !== undefined)).toBe(true)
      expect(sent.length).toBeGreaterThanOrEqual(calls + 10)
      expect(sent.length).toBeLessThanOrEqual(calls + 10 + calls / 10)
    }),
  )

  it.effect("now and then is asked again for every update it has lost", () =>
    Effect.gen(function* () {
      let index = 0
      const now = Effect.suspend(() => ((index += 1) % 20 === 0 ? failing(500) : ok))
      const { layer } = serving([now])
      const all = yield* Effect.forkChild(
        Effect.forEach(Array.from({ length: 1_000 }), () => update(), { concurrency: 20 }).pipe(Effect.provide(layer)),
      )
      yield* TestClock.adjust("1 day")
      expect((yield* Fiber.join(all)).filter(({ error }) => error !== undefined)).toStrictEqual([])
    }),
  )
})

const through = (send: ReturnType<typeof serve>["send"], options: Partial<Upstream.Options>) =>
  Upstream.layer({ baseUrl: "https://users.example.com/v2", token: Redacted.make("t"), ...options }).pipe(
    Layer.provide(
      Layer.succeed(Transport.Transport, {
        send: () => Effect.map(send, (answer) => ({ ...answer, text: JSON.stringify(user) })),
      }),
    ),
  )

describe("a server that limits", () => {
  it.effect("takes what it has refused before what it has not seen", () =>
    Effect.gen(function* () {
      const { layer, sent } = serving([limited("30"), ok])
      const both = yield* Effect.forkChild(
        Effect.all([update({ data: { name: "first" } }), update({ data: { name: "second" } })], {
          concurrency: 2,
        }).pipe(Effect.provide(layer)),
      )
      yield* TestClock.adjust("1 hour")
      yield* Fiber.join(both)
      expect(sent.map(({ at, body }) => [at, body])).toStrictEqual(
        [
          [0, "first"],
          [30_000, "first"],
          [30_000, "second"],
        ].map(([at, name]) => [at, { data: { name } }]),
      )
    }),
  )

  it.effect("and refuses at random loses no update, and is not hurried", () =>
    Effect.gen(function* () {
      let [seed, refused] = [1, 0]
      const random = () => (seed = (seed * 16_807) % 2_147_483_647) / 2_147_483_647
      const answered = serve(countings["a sliding window"], { limit: 200, window: 1_000 }, () => 5)
      const send: ReturnType<typeof serve>["send"] = Effect.suspend(() => {
        if (random() >= 0.3) return answered.send
        refused += 1
        return Effect.map(Clock.currentTimeMillis, (at) => ({
          status: 429,
          at,
          header: (name: string) => (name === "retry-after" ? "1" : undefined),
        }))
      })
      const calls = 3_000
      const all = yield* Effect.forkChild(
        Effect.forEach(Array.from({ length: calls }), () => update(), { concurrency: "unbounded" }).pipe(
          Effect.provide(through(send, { rateLimit: { window: "1 second" } })),
        ),
      )
      yield* TestClock.adjust("1 day")
      expect((yield* Fiber.join(all)).filter(({ error }) => error !== undefined)).toStrictEqual([])
      expect(answered.seen).toMatchObject({ accepted: calls, refused: 0 })
      expect(refused).toBeGreaterThan(calls / 4)
    }),
  )
})
