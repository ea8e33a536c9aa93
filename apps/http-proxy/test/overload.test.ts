/**
 * More than is taken on at once: connections, requests, a pipeline. Nobody is left waiting for ever, and who was served goes
 * on being served. The store of these tests holds updates back until the test lets them go on.
 */
import { once } from "node:events"
import { parseSiteId, type SiteId, type User, UserId } from "@webflow-users/core"
import { Clock, Effect, Latch, Layer, Logger } from "effect"
import { TestClock } from "effect/testing"
import { describe, expect, it } from "vitest"
import { start } from "./proxy.ts"
import { dial, request } from "./raw.ts"
import type { Server } from "@webflow-users/server"
import * as Spawned from "./spawned.ts"

const siteId = parseSiteId("580e63e98c9a982ac9b8b741") as SiteId
const user: User = { id: UserId.make("6287ec36a841b25637c663df"), accessGroups: [], data: { name: "Member" } }
const path = `/v2/sites/${siteId}/users/${user.id}`
const health = request("GET /health")

const limited = async (limits: Partial<Server.Limits>) => {
  const gate = Latch.makeUnsafe(false)
  const arrivals: Array<() => void> = []
  const proxy = await start(
    "memory:",
    { id: siteId, users: [user] },
    (store) => ({
      ...store,
      update: (...call) =>
        Effect.suspend(() => {
          arrivals.pop()?.()
          return Effect.andThen(gate.await, store.update(...call))
        }),
    }),
    undefined,
    limits,
  )
  const token = await proxy.token()
  const rename = request(`PATCH ${path}`, [`Authorization: Bearer ${token}`, "Content-Type: application/json"], "{}")
  return {
    ...proxy,
    rename,
    dial: () => dial(proxy.origin),
    /** A caller whose update has come as far as the store; the others it has sent wait behind it. */
    begun: async (count = 1) => {
      const connection = await dial(proxy.origin)
      const arrived = new Promise<void>((resolve) => arrivals.push(resolve))
      connection.send(rename.repeat(count))
      await arrived
      return connection
    },
    letGo: () => proxy.run(gate.open),
    [Symbol.asyncDispose]: proxy.stop,
  }
}

/** A clock that goes on while the program is in the midst of a step. Who sleeps by it sleeps for ever. */
const clockOf = (seconds: () => number): Clock.Clock => {
  const millis = () => seconds() * 1_000
  const nanos = () => BigInt(seconds()) * 1_000_000_000n
  return {
    currentTimeMillisUnsafe: millis,
    currentTimeMillis: Effect.sync(millis),
    currentTimeNanosUnsafe: nanos,
    currentTimeNanos: Effect.sync(nanos),
    monotonicTimeNanosUnsafe: nanos,
    monotonicTimeNanos: Effect.sync(nanos),
    sleep: () => Effect.never,
  }
}

const busy = {
  status: 503,
  headers: expect.objectContaining({ "retry-after": "1", connection: "close" }),
  body: JSON.stringify({ code: "internal_error", message: "The server is busy", externalReference: null, details: [] }),
}

describe("connections beyond the most", () => {
  it("take the place of the one that has said nothing for longest", async () => {
    await using proxy = await limited({ connections: 3 })
    using first = await proxy.dial()
    using second = await proxy.dial()
    using third = await proxy.dial()
    for (const connection of [second, third, first]) {
      connection.send(health)
      expect(await connection.next()).toMatchObject({ status: 200 })
    }
    using fourth = await proxy.dial()
    fourth.send(health)
    expect(await fourth.next()).toMatchObject({ status: 200 })
    await second.closed
    for (const connection of [third, first, fourth]) {
      connection.send(health)
      expect(await connection.next()).toMatchObject({ status: 200 })
    }
  })

  it("take the place of one that is half-way through saying what it wants", async () => {
    await using proxy = await limited({ connections: 1 })
    using slow = await proxy.dial()
    slow.send(health.slice(0, -5))
    using another = await proxy.dial()
    another.send(health)
    expect(await another.next()).toMatchObject({ status: 200 })
    await slow.closed
    expect(slow.rest()).toBe("")
  })

  it("are told so where all others wait for their answers, which they get", async () => {
    await using proxy = await limited({ connections: 2 })
    using first = await proxy.begun()
    using second = await proxy.begun()
    using third = await proxy.dial()
    expect(await third.next()).toEqual(busy)
    await third.closed
    await proxy.letGo()
    for (const connection of [first, second]) expect(await connection.next()).toMatchObject({ status: 200 })
  })

  it("do no harm where their callers have gone before they are told", async () => {
    await using proxy = await limited({ connections: 1 })
    using first = await proxy.begun()
    for (let each = 0; each < 20; each += 1) (await proxy.dial()).socket.resetAndDestroy()
    using told = await proxy.dial()
    expect(await told.next()).toEqual(busy)
    await proxy.letGo()
    expect(await first.next()).toMatchObject({ status: 200 })
  })
})

describe("requests beyond the most", () => {
  it("are none where each is done in no time, however many come at once", async () => {
    await using proxy = await limited({ requests: 2 })
    using connection = await proxy.dial()
    const unknown = request("GET /v2/unknown")
    connection.send(unknown.repeat(300))
    for (let each = 0; each < 300; each += 1) expect((await connection.next())?.status).toBe(404)
  })

  it("are answered 503 at once, while those before them go on", async () => {
    await using proxy = await limited({ requests: 2 })
    using first = await proxy.begun()
    using second = await proxy.begun()
    using third = await proxy.dial()
    third.send(proxy.rename)
    expect(await third.next()).toEqual(busy)
    await third.closed

    await proxy.letGo()
    for (const connection of [first, second]) expect(await connection.next()).toMatchObject({ status: 200 })
    using fourth = await proxy.dial()
    fourth.send(proxy.rename)
    expect(await fourth.next()).toMatchObject({ status: 200 })
  })

  it("may ask whether the process is alive", async () => {
    await using proxy = await limited({ requests: 1 })
    using first = await proxy.begun()
    using second = await proxy.dial()
    second.send(health)
    expect(await second.next()).toMatchObject({ status: 200 })
    await proxy.letGo()
    expect(await first.next()).toMatchObject({ status: 200 })
  })

  it("do not count any more when their caller has gone and their work is done", async () => {
    await using proxy = await limited({ requests: 1 })
    const gone = await proxy.begun()
    gone.socket.resetAndDestroy()
    using second = await proxy.dial()
    second.send(proxy.rename)
    expect(await second.next()).toEqual(busy)
    await proxy.letGo()
    using third = await proxy.dial()
    third.send(proxy.rename)
    expect(await third.next()).toMatchObject({ status: 200 })
  })

  it("of one connection that sends without waiting end it, after the answers to those before", async () => {
    await using proxy = await limited({})
    using connection = await proxy.begun(300)
    // By the time another has been served, all that was sent has been read, as far as it is.
    using another = await proxy.dial()
    another.send(health)
    expect(await another.next()).toMatchObject({ status: 200 })
    await proxy.letGo()
    const statuses: Array<number> = []
    for (let answer = await connection.next(); answer !== undefined; answer = await connection.next()) {
      statuses.push(answer.status)
    }
    expect(statuses).toEqual([...Array<number>(200).fill(200), 503])
  })
})

describe("answers that nobody fetches", () => {
  /** 100 of them are a list of 2.6 MB. */
  const users = Array.from({ length: 100 }, (_, index): User => ({
    ...user,
    id: UserId.make(`6287ec36a841b25637c6${(0x7000 + index).toString(16)}`),
    data: Object.fromEntries(Array.from({ length: 100 }, (_value, field) => [`field-${field}`, "x".repeat(256)])),
  }))
  // Time is the test's: a machine that is slow has nobody wait for longer.
  const listing = async (limits?: Partial<Server.Limits>, clock: Layer.Layer<never> = TestClock.layer()) => {
    const made = { count: 0, meanwhile: () => {} }
    const gate = Latch.makeUnsafe(true)
    const counting: Parameters<typeof start>[2] = (store) => ({
      ...store,
      list: (...call) =>
        Effect.suspend(() => {
          made.count += 1
          return gate.await.pipe(
            Effect.andThen(Effect.suspend(() => store.list(...call))),
            Effect.tap(() => Effect.sync(made.meanwhile)),
          )
        }),
    })
    const beside = Layer.merge(clock, Logger.layer([]))
    const proxy = await start("memory:", { id: siteId, users }, counting, beside, limits)
    const list = request(`GET /v2/sites/${siteId}/users?limit=100`, [`Authorization: Bearer ${await proxy.token()}`])
    const dialed: Array<Disposable> = []
    const dialHere = async () => {
      const connection = await dial(proxy.origin)
      dialed.push(connection)
      return connection
    }
    /** One who asks, and reads no more than how the answers begin. */
    const greedy = async (asking: string) => {
      const connection = await dialHere()
      const begun = once(connection.socket, "data").then(() => connection.socket.pause())
      connection.send(asking)
      await Promise.race([begun, connection.closed])
      return connection
    }
    /** What another is answered on a connection of its own; of a list the beginning, which is enough to be shown. */
    const another = async (asking: string) => {
      using connection = await dial(proxy.origin)
      connection.send(asking)
      const answer = await connection.next()
      return answer && { ...answer, body: answer.body.slice(0, 200) }
    }
    /** Those that keep the place have as long as they are given where it is needed; then who comes after is served. */
    const servesAfterASecond = async (asking: string) => {
      await proxy.run(TestClock.adjust("999 millis"))
      expect(await another(asking)).toEqual(busy)
      await proxy.run(TestClock.adjust("1 millis"))
      expect(await another(asking)).toMatchObject({ status: 200 })
    }
    /** Who still fetched nothing would be waited for, by a clock that stands still. */
    const stop = async () => {
      for (const connection of dialed) connection[Symbol.dispose]()
      await proxy.stop()
    }
    return {
      ...proxy,
      made,
      gate,
      list,
      dial: dialHere,
      greedy,
      another,
      servesAfterASecond,
      [Symbol.asyncDispose]: stop,
    }
  }
  it("are not made beyond what there is room for", async () => {
    await using proxy = await listing()
    const greedy = await proxy.greedy(proxy.list.repeat(100))
    // In the same time, and longer, all of them would have been made.
    using another = await dial(proxy.origin)
    for (let round = 0; round < 500; round += 1) {
      another.send(health)
      await another.next()
    }
    expect(proxy.made.count).toBeGreaterThan(20)
    expect(proxy.made.count).toBeLessThan(60)

    greedy.socket.resume()
    const statuses = new Set<number | undefined>()
    for (let each = 0; each < 100; each += 1) statuses.add((await greedy.next())?.status)
    expect([...statuses]).toEqual([200, 503])
    expect(await proxy.another(proxy.list)).toMatchObject({ status: 200 })
  })

  /** What 80 callers are answered whose lists are made in one step. */
  const madeAtOnce = async (proxy: Awaited<ReturnType<typeof listing>>) => {
    await proxy.run(proxy.gate.close)
    const asked = await Promise.all(Array.from({ length: 80 }, proxy.dial))
    for (const { socket } of asked) socket.pause()
    for (const connection of asked) connection.send(proxy.list)
    using another = await dial(proxy.origin)
    while (proxy.made.count < 80) {
      another.send(health)
      await another.next()
    }
    await proxy.run(proxy.gate.open)
    for (const { socket } of asked) socket.resume()
    return new Set(await Promise.all(asked.map(async ({ next }) => (await next())?.status)))
  }
  it("are not kept beyond what there is room for, where many are made at once", async () => {
    await using proxy = await listing()
    expect(await madeAtOnce(proxy)).toEqual(new Set([200, 503]))
  })

  it("end nobody who was not sent any yet, however long it takes to make them", async () => {
    let seconds = 0
    await using proxy = await listing(
      {},
      Layer.succeed(
        Clock.Clock,
        clockOf(() => seconds),
      ),
    )
    proxy.made.meanwhile = () => void (seconds += 1)
    expect(await madeAtOnce(proxy)).toEqual(new Set([200, 503]))
  })

  it("are not begun for who has gone", async () => {
    await using proxy = await listing()
    await proxy.run(proxy.gate.close)
    const gone = await dial(proxy.origin)
    gone.send(proxy.list.repeat(10))
    using another = await dial(proxy.origin)
    const turn = async () => {
      another.send(health)
      await another.next()
    }
    while (proxy.made.count === 0) await turn()
    gone.socket.resetAndDestroy()
    await gone.closed
    await turn()
    await proxy.run(proxy.gate.open)
    for (let round = 0; round < 50; round += 1) await turn()
    expect(proxy.made.count).toBe(1)
  })

  it("of many callers give way to who comes after", async () => {
    await using proxy = await listing()
    const greedy = await Promise.all(Array.from({ length: 10 }, () => proxy.greedy(proxy.list.repeat(20))))
    // Each left room for one more: the system had taken some of what it was sent first. Of the first one it takes no more now.
    greedy[0]?.send(proxy.list.repeat(20))
    for (let round = 0; round < 50; round += 1) await proxy.another(health)
    await proxy.servesAfterASecond(proxy.list)
    expect(proxy.made.count).toBeLessThan(70)
  })

  it("keep no connections from others, also where all have the same", async () => {
    await using proxy = await listing({ connections: 2 })
    const scripts = request("GET /docs/swagger-ui-bundle.js").repeat(20)
    const first = await proxy.greedy(scripts)
    const second = await proxy.greedy(scripts)
    await proxy.servesAfterASecond(health)
    for (const { socket } of [first, second]) socket.resume()
    await Promise.race([first.closed, second.closed])
  })
})

describe("a connection that has been used for long", () => {
  it("is asked to be made anew", async () => {
    await using proxy = await limited({})
    using connection = await proxy.dial()
    const ask = async (count: number) => {
      connection.send(health.repeat(count))
      const answers = []
      for (let each = 0; each < count; each += 1) answers.push((await connection.next())?.headers["connection"])
      return answers
    }
    for (let round = 0; round < 99; round += 1) expect(new Set(await ask(100))).toEqual(new Set(["keep-alive"]))
    expect(await ask(100)).toEqual([...Array<string>(99).fill("keep-alive"), "close"])
    await connection.closed
  })
})

describe("how much is taken on", () => {
  it("is a setting", async () => {
    await using proxy = await Spawned.start("memory:", { args: ["--max-connections", "1"] })
    using first = await dial(proxy.origin)
    using second = await dial(proxy.origin)
    second.send(health)
    expect(await second.next()).toMatchObject({ status: 200 })
    await first.closed
  })

  it.each([
    [["--max-requests", "0"], "a whole number from 1 to 9999999 (--max-requests or WEBFLOW_USERS_MAX_REQUESTS)"],
    [["--max-connections", "many"], "(--max-connections or WEBFLOW_USERS_MAX_CONNECTIONS)"],
  ])("is a number: %j", async (args, words) => {
    const { code, stderr } = await Spawned.run({ args })
    expect(code).toBe(2)
    expect(stderr).toContain(words)
  })
})
