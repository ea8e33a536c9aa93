/** Callers without a good token: how many they may be, who gets on beside them, and what the log has of it. */
import { hash } from "node:crypto"
import { mkdtemp, rm } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { NotAuthorized, parseSiteId, type SiteId, StoreUnavailable, type User, UserId } from "@webflow-users/core"
import { Effect, Fiber, Latch, Layer, Logger, ManagedRuntime, References } from "effect"
import { TestClock } from "effect/testing"
import { afterEach, beforeEach, describe, expect, it } from "vitest"
import { FailedAuthentications } from "@webflow-users/server"
import { open } from "./proxy.ts"
import * as Spawned from "./spawned.ts"

interface Line {
  readonly level: string
  readonly message: unknown
  readonly annotations: Readonly<Record<string, unknown>>
}

/** The guard with a clock of the test's, at twenty seconds of some minute, and what it logs. */
const guarded = (limit: number | "off") => {
  const lines: Array<Line> = []
  const logger = Logger.make(({ logLevel, message, fiber }) => {
    lines.push({ level: logLevel, message, annotations: fiber.getRef(References.CurrentLogAnnotations) })
  })
  const runtime = ManagedRuntime.make(
    FailedAuthentications.FailedAuthentications.layer(limit).pipe(
      Layer.provideMerge(Layer.mergeAll(TestClock.layer(), Logger.layer([logger]))),
    ),
  )
  const good = new Set(["good", "better"])
  let lookedUp = 0
  const verify = (token: string) =>
    Effect.suspend(() => {
      lookedUp += 1
      return good.has(token) ? Effect.succeed(token) : Effect.fail(new NotAuthorized({ reason: "unknown" }))
    })
  const guard = (
    token: string,
    address = "192.0.2.1",
    lookUp: Effect.Effect<string, NotAuthorized | StoreUnavailable> = verify(token),
  ) =>
    FailedAuthentications.FailedAuthentications.use((service) => service.guard({ hash: token, address }, lookUp)).pipe(
      Effect.match({ onSuccess: () => "in", onFailure: (error) => error }),
    )
  const kinds = (outcomes: ReadonlyArray<Awaited<ReturnType<typeof present>>>) =>
    outcomes.map((outcome) => (typeof outcome === "string" ? outcome : outcome._tag))
  const present = (token: string, address?: string) => runtime.runPromise(guard(token, address))
  return {
    lines,
    good,
    runtime,
    guard,
    present,
    kinds,
    lookedUp: () => lookedUp,
    at: (seconds: number) => runtime.runPromise(TestClock.setTime(3_600_000 + seconds * 1000)),
  }
}

let seen: ReturnType<typeof guarded>
beforeEach(async () => {
  seen = guarded(3)
  await seen.at(20)
})
afterEach(() => seen.runtime.dispose())

const several = async (count: number, address?: string, prefix = "guess") => {
  const outcomes = []
  for (let index = 0; index < count; index += 1) outcomes.push(await seen.present(`${prefix}-${index}`, address))
  return outcomes
}

describe("from one address", () => {
  it("so many may fail in a minute; the rest of them is not looked up", async () => {
    const outcomes = await several(5)
    expect(seen.kinds(outcomes)).toEqual([
      "NotAuthorized",
      "NotAuthorized",
      "NotAuthorized",
      "TooManyRequests",
      "TooManyRequests",
    ])
    expect(outcomes[4]).toMatchObject({ status: 429, code: "too_many_requests", retryAfter: 40 })
    expect(seen.lookedUp()).toBe(3)
    await seen.at(59.5)
    expect(await seen.present("guess")).toMatchObject({ retryAfter: 1 })
    await seen.at(60)
    expect(await seen.present("guess")).toMatchObject({ _tag: "NotAuthorized" })
  })

  it("does not concern another, unless it is another of the same line", async () => {
    await several(3, "2001:db8:1:2::1")
    expect(seen.kinds(await several(1, "2001:db8:1:2:ffff::9"))).toEqual(["TooManyRequests"])
    expect(seen.kinds(await several(1, "2001:db8:1:3::1"))).toEqual(["NotAuthorized"])
    expect(seen.kinds(await several(1, "192.0.2.1"))).toEqual(["NotAuthorized"])
  })

  it("a token that was good there gets on, and no other: to guess one right tells nothing", async () => {
    expect(await seen.present("good")).toBe("in")
    await several(3)
    expect(await seen.present("good")).toBe("in")
    // Good, and not seen here before: it cannot be told from a guess.
    expect(await seen.present("better")).toMatchObject({ _tag: "TooManyRequests" })
    // Nor does it count what was good elsewhere.
    await several(3, "192.0.2.2")
    expect(await seen.present("good", "192.0.2.2")).toMatchObject({ _tag: "TooManyRequests" })
    expect(await seen.present("good", "192.0.2.3")).toBe("in")
    await seen.at(61)
    expect(await seen.present("better")).toBe("in")
  })

  it("one that was good and is no longer counts as any other", async () => {
    await seen.present("good")
    await several(3)
    seen.good.delete("good")
    expect(await seen.present("good")).toMatchObject({ _tag: "NotAuthorized" })
    expect(await seen.present("good")).toMatchObject({ _tag: "TooManyRequests" })
  })

  it("a good one does not make up for bad ones", async () => {
    await several(2)
    await seen.present("good")
    expect(seen.kinds(await several(2))).toEqual(["NotAuthorized", "TooManyRequests"])
  })

  it("many at once are exactly as many", async () => {
    let lookedUp = 0
    const outcomes = await seen.runtime.runPromise(
      Effect.gen(function* () {
        const latch = yield* Latch.make()
        const lookUp = Effect.suspend(() => {
          lookedUp += 1
          return Effect.andThen(latch.await, Effect.fail(new NotAuthorized({ reason: "unknown" })))
        })
        const guesses = Array.from({ length: 50 }, (_, index) => seen.guard(`guess-${index}`, undefined, lookUp))
        const fiber = yield* Effect.forkChild(Effect.all(guesses, { concurrency: "unbounded" }), {
          startImmediately: true,
        })
        yield* latch.open
        return yield* Fiber.join(fiber)
      }),
    )
    expect(seen.kinds(outcomes).filter((kind) => kind === "NotAuthorized")).toHaveLength(3)
    expect(lookedUp).toBe(3)
  })

  it("a good token's many first requests at once all get in, though they are more than may fail", async () => {
    const outcomes = await seen.runtime.runPromise(
      Effect.gen(function* () {
        const latch = yield* Latch.make()
        const lookUp = Effect.andThen(latch.await, Effect.succeed("good"))
        const many = Array.from({ length: 50 }, () => seen.guard("good", undefined, lookUp))
        const fiber = yield* Effect.forkChild(Effect.all(many, { concurrency: "unbounded" }), {
          startImmediately: true,
        })
        yield* latch.open
        return yield* Fiber.join(fiber)
      }),
    )
    expect(new Set(outcomes)).toEqual(new Set(["in"]))
  })

  it("who gives up while being looked up leaves their place", async () => {
    await seen.runtime.runPromise(
      Effect.gen(function* () {
        const waiting = Array.from({ length: 3 }, (_, index) => seen.guard(`slow-${index}`, undefined, Effect.never))
        const fiber = yield* Effect.forkChild(Effect.all(waiting, { concurrency: 3 }), { startImmediately: true })
        yield* Effect.yieldNow
        yield* Fiber.interrupt(fiber)
      }),
    )
    expect(seen.kinds(await several(4))).toEqual([
      ...Array.from({ length: 3 }, () => "NotAuthorized"),
      "TooManyRequests",
    ])
  })

  it("a store that is away is nobody's failure", async () => {
    const away = Effect.fail(new StoreUnavailable({ cause: "away" }))
    for (let index = 0; index < 9; index += 1) {
      expect(await seen.runtime.runPromise(seen.guard("x", undefined, away))).toMatchObject({
        _tag: "StoreUnavailable",
      })
    }
    expect(await seen.present("guess")).toMatchObject({ _tag: "NotAuthorized" })
    expect(seen.lines).toHaveLength(1)
  })

  it("a clock that is set back keeps nobody out for longer", async () => {
    await seen.at(3600)
    await several(4)
    await seen.at(20)
    expect(await seen.present("guess")).toMatchObject({ _tag: "NotAuthorized" })
  })
})

it("is not limited where it is off", async () => {
  const off = guarded("off")
  for (let index = 0; index < 30; index += 1) expect(await off.present("x")).toMatchObject({ _tag: "NotAuthorized" })
  await off.runtime.dispose()
})

const addressOf = (index: number) => `10.${index >> 16}.${(index >> 8) & 255}.${index & 255}`

it("keeps so many addresses and no more: whoever was heard of longest ago is forgotten", async () => {
  await several(3, addressOf(0))
  await seen.runtime.runPromise(
    Effect.forEach(
      Array.from({ length: 9_999 }, (_, index) => index + 1),
      (index) => seen.guard("x", addressOf(index)),
      {
        discard: true,
      },
    ),
  )
  expect(await seen.present("x", addressOf(0))).toMatchObject({ _tag: "TooManyRequests" })
  await seen.present("x", addressOf(10_000))
  expect(await seen.present("x", addressOf(0))).toMatchObject({ _tag: "NotAuthorized" })
}, 60_000)

it("keeps so many good tokens and no more: one that others' came after is forgotten, one that is used among them is not", async () => {
  const found = Effect.succeed("found")
  const look = (token: string, address?: string) => seen.guard(token, address, found)
  await seen.runtime.runPromise(Effect.all([look("idle"), look("busy")]))
  await several(3)
  // All in one minute, in which a token that is forgotten is not let in again here.
  const outcomes = await seen.runtime.runPromise(
    Effect.forEach(
      Array.from({ length: 15_000 }, (_, index) => index),
      (index) =>
        Effect.andThen(look(`${index}`, "192.0.2.2"), index % 4_000 === 0 ? look("busy") : Effect.succeed("in")),
    ),
  )
  expect(new Set(outcomes)).toEqual(new Set(["in"]))
  expect(await seen.runtime.runPromise(Effect.all([look("busy"), look("idle")]))).toMatchObject([
    "in",
    { _tag: "TooManyRequests" },
  ])
  await several(3, "192.0.2.2")
  // The busy one is among the last 10,000, put there again.
  expect(
    await seen.runtime.runPromise(Effect.forEach(["5001", "5000"], (token) => look(token, "192.0.2.2"))),
  ).toMatchObject(["in", { _tag: "TooManyRequests" }])
}, 60_000)

describe("the log", () => {
  it("has each failure with address and reason, and nothing of the token", async () => {
    await seen.present("guess-0")
    await seen.runtime.runPromise(seen.guard("", "2001:db8::1", Effect.fail(new NotAuthorized({ reason: "no_token" }))))
    await several(3)
    expect(seen.lines.map(({ level, annotations }) => [level, annotations])).toEqual([
      ["Warn", { address: "192.0.2.1", reason: "unknown" }],
      ["Warn", { address: "2001:db8::1", reason: "no_token" }],
      ["Warn", { address: "192.0.2.1", reason: "unknown" }],
      ["Warn", { address: "192.0.2.1", reason: "unknown" }],
      ["Warn", { address: "192.0.2.1", reason: "too_many" }],
    ])
    expect(JSON.stringify(seen.lines)).not.toMatch(new RegExp(`guess|${hash("sha256", "guess-0")}`))
  })

  it("has the first of a minute, and then one line at its end that sums up the others", async () => {
    await several(3 + 40)
    for (let index = 0; index < 5; index += 1) await seen.present("x", `192.0.2.${100 + index}`)
    expect(seen.lines).toHaveLength(20)
    await seen.at(59.9)
    expect(seen.lines).toHaveLength(20)
    await seen.at(60)
    expect(seen.lines.slice(20).map(({ level, annotations }) => [level, annotations])).toEqual([
      ["Warn", { too_many: 23, unknown: 5 }],
    ])
    // A quiet minute says nothing, and a new one begins anew.
    await seen.at(180)
    expect(seen.lines).toHaveLength(21)
    await several(1)
    expect(seen.lines).toHaveLength(22)
  })

  it("has the rest when the proxy ends", async () => {
    await several(3 + 20)
    await seen.runtime.dispose()
    expect(seen.lines.at(-1)?.annotations).toEqual({ too_many: 3 })
  })
})

it.each([
  ["192.0.2.1", "192.0.2.1"],
  ["2001:db8:1:2:3:4:5:6", "2001:db8:1:2"],
  ["2001:0DB8:0001:0002::", "2001:db8:1:2"],
  ["2001:db8::1", "2001:db8:0:0"],
  ["::1", "0:0:0:0"],
  ["::", "0:0:0:0"],
  ["fe80::1%eth0", "fe80:0:0:0"],
  ["64:ff9b::192.0.2.1", "64:ff9b:0:0"],
  ["1::2:3:4:5:6:7", "1:0:2:3"],
  ["", ""],
])("the network of %s is %s", (address, network) => expect(FailedAuthentications.networkOf(address)).toBe(network))

it("the built proxy answers 429 after so many, before it looks, and lets a token on that it knows", async () => {
  const folder = await mkdtemp(join(tmpdir(), "webflow-users-failed-"))
  const address = `file:${folder}/users.db`
  const siteId = parseSiteId("580e63e98c9a982ac9b8b741") as SiteId
  const user: User = { id: UserId.make("6287ec36a841b25637c663df"), accessGroups: [], data: { name: "Member" } }
  await using store = open(address)
  await store.add({ id: siteId, users: [user] })
  const token = await store.token(siteId)
  await using proxy = await Spawned.start(address, { args: ["--failed-authentications", "4"] })
  const ask = (bearer?: string, version = "2.0.0") =>
    fetch(`${proxy.origin}${version === "2.0.0" ? "/v2" : ""}/sites/${siteId}/users/${user.id}`, {
      headers: { "accept-version": version, ...(bearer !== undefined && { authorization: `Bearer ${bearer}` }) },
    })
  expect((await ask(token)).status).toBe(200)
  const wrong = `wfu_${"0".repeat(24)}_${"c0ffee00".repeat(8)}`
  // Asked more often than two minutes allow: the real clock's may turn in between.
  const answers = []
  for (let index = 0; index < 9; index += 1) answers.push(await ask(index % 2 === 0 ? wrong : undefined))
  const refused = answers.find(({ status }) => status === 429)
  expect(answers.slice(0, 4).map(({ status }) => status)).toEqual([401, 401, 401, 401])
  expect(Number(refused?.headers.get("retry-after"))).toBeGreaterThanOrEqual(1)
  expect(Number(refused?.headers.get("retry-after"))).toBeLessThanOrEqual(60)
  expect(refused?.headers.get("x-ratelimit-limit")).toBeNull()
  expect(await refused?.json()).toMatchObject({ code: "too_many_requests", message: "Too Many Requests", details: [] })
  expect((await ask(token)).status).toBe(200)
  const v1 = await Promise.all([1, 2, 3, 4, 5, 6, 7, 8, 9].map(() => ask(wrong, "1.0.0")))
  expect(await v1.find(({ status }) => status === 429)?.json()).toMatchObject({ name: "RateLimit" })
  const { stdout, stderr } = await proxy.end("SIGTERM")
  const said = stdout + stderr
  for (const reason of ["unknown", "no_token", "too_many"])
    expect(said).toMatch(new RegExp(`127\\.0\\.0\\.1.*${reason}`))
  expect(said).not.toMatch(new RegExp(`c0ffee|${token}|${hash("sha256", wrong)}|wfu_`))
  await rm(folder, { recursive: true })
})
