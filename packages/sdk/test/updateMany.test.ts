/** Many updates at once, as a promise and one by one, on stores of one's own and over HTTP. */
import { ClientClosed, createClient, type UpdateManyOutcome, type UserChange } from "@webflow-users/sdk"
import { describe, expect, it } from "vitest"
import { answer, idOf, many, nameOf, reasonOf, seeded, serve, siteId } from "./updates.ts"

describe("updateMany, awaited", () => {
  it("gives the sum, and tells each outcome as it ends", async () => {
    await using client = await seeded()
    const outcomes: Array<UpdateManyOutcome> = []
    const changes = [...many(3), { email: "U4@example.com", addGroups: ["gold"], removeGroups: ["free"] }, nameOf(77)]
    const report = await client.users.updateMany(siteId, changes, { onOutcome: (outcome) => outcomes.push(outcome) })
    expect(report).toEqual({ updated: 4, failed: 1 })
    expect(outcomes.map(({ index }) => index).toSorted()).toEqual([0, 1, 2, 3, 4])
    expect(outcomes.find(({ index }) => index === 4)).toMatchObject({
      outcome: "failed",
      error: { _tag: "UserNotFound" },
    })
    expect(outcomes.find(({ index }) => index === 3)).toMatchObject({
      change: changes[3],
      user: { id: idOf(4), accessGroups: [{ slug: "gold", type: "admin" }] },
    })
    expect((await client.users.get(siteId, idOf(1))).data.name).toBe("New 1")
  })

  it("tells what is wrong with a change and makes the others", async () => {
    await using client = await seeded()
    const outcomes: Array<UpdateManyOutcome> = []
    const wrong = [
      { data: {} },
      { id: idOf(1), nickname: "x" },
      { id: "short" },
      "text",
    ] as unknown as Array<UserChange>
    const report = await client.users.updateMany(siteId, [...wrong, nameOf(2)], {
      onOutcome: (one) => outcomes.push(one),
    })
    expect(report).toEqual({ updated: 1, failed: 4 })
    const params = outcomes
      .toSorted((a, b) => a.index - b.index)
      .map((one) => one.outcome === "failed" && one.error.details)
    expect(params).toMatchObject([
      [{ param: "id" }],
      [{ param: "nickname" }],
      [{ param: "id" }],
      [{ param: "change" }],
      false,
    ])
  })

  it("makes the changes of one user in their order", async () => {
    await using client = await seeded()
    const changes = Array.from({ length: 40 }, (_, index) => nameOf(index % 2, `Name ${index}`))
    await client.users.updateMany(siteId, changes, { concurrency: 10 })
    expect((await client.users.get(siteId, idOf(0))).data.name).toBe("Name 38")
    expect((await client.users.get(siteId, idOf(1))).data.name).toBe("Name 39")
  })

  it("rejects with what an iterable throws, when what it gave before is made", async () => {
    await using client = await seeded()
    const broken = new Error("broken")
    function* some() {
      yield nameOf(0)
      yield nameOf(1)
      throw broken
    }
    async function* slowly() {
      yield* some()
    }
    for (const changes of [some(), slowly()]) {
      const outcomes: Array<UpdateManyOutcome> = []
      const calling = client.users.updateMany(siteId, changes, { onOutcome: (one) => outcomes.push(one) })
      expect(await reasonOf(calling)).toBe(broken)
      expect(outcomes).toHaveLength(2)
    }
  })

  it("rejects with what everybody would meet, and leaves the others", async () => {
    await using server = await serve((_, response) => answer(response, 401, "not_authorized"))
    await using client = createClient({ baseUrl: server.baseUrl, token: "revoked" })
    expect(await reasonOf(client.users.updateMany(siteId, many(500)))).toMatchObject({ _tag: "NotAuthorized" })
  })

  it("ends with a signal when what is under way has ended, and with its reason", async () => {
    const controller = new AbortController()
    const reason = new Error("enough")
    let begun = 0
    await using server = await serve(async () => {
      if ((begun += 1) === 3) controller.abort(reason)
      return false
    })
    await using client = createClient({ baseUrl: server.baseUrl, token: "t" })
    const outcomes: Array<UpdateManyOutcome> = []
    const calling = client.users.updateMany(siteId, many(500), {
      signal: controller.signal,
      onOutcome: (one) => outcomes.push(one),
    })
    expect(await reasonOf(calling)).toBe(reason)
    expect(outcomes).toHaveLength(server.applied.length)
    expect(server.applied.length).toBeLessThan(100)
  })

  it("with a signal that has come already sends nothing", async () => {
    await using server = await serve()
    await using client = createClient({ baseUrl: server.baseUrl, token: "t" })
    const reason = new Error("before")
    const calling = client.users.updateMany(siteId, many(5), { signal: AbortSignal.abort(reason) })
    expect(await reasonOf(calling)).toBe(reason)
    expect(server.applied).toEqual([])
  })

  it("ends when onOutcome throws, with what it threw", async () => {
    await using client = await seeded(200)
    const thrown = new Error("mine")
    let told = 0
    const calling = client.users.updateMany(siteId, many(200), {
      concurrency: 2,
      onOutcome: () => {
        told += 1
        throw thrown
      },
    })
    expect(await reasonOf(calling)).toBe(thrown)
    expect(told).toBeLessThan(50)
  })

  it("waits for an onOutcome that takes its time, and ends when it rejects", async () => {
    await using client = await seeded(200)
    const thrown = new Error("mine")
    let [running, most, told] = [0, 0, 0]
    const onOutcome = async () => {
      running += 1
      most = Math.max(most, running)
      await new Promise((resolve) => setImmediate(resolve))
      running -= 1
      if ((told += 1) === 10) throw thrown
    }
    expect(await reasonOf(client.users.updateMany(siteId, many(200), { concurrency: 2, onOutcome }))).toBe(thrown)
    expect(most).toBe(1)
    expect(told).toBeLessThan(60)
  })

  it("refuses a concurrency that is none, by its name", async () => {
    await using client = await seeded()
    expect(() => client.users.updateMany(siteId, [], { concurrency: 0 })).toThrow(/^concurrency has to be/)
  })

  it("is waited for by close, and refused after it", async () => {
    const client = await seeded(50)
    const calling = client.users.updateMany(siteId, many(50))
    await client.close()
    expect(await calling).toEqual({ updated: 50, failed: 0 })
    expect(await reasonOf(client.users.updateMany(siteId, many(1)))).toBeInstanceOf(ClientClosed)
  })
})

describe("updateMany, iterated", () => {
  it("gives each outcome once, and then the sum too", async () => {
    await using client = await seeded(50)
    const calling = client.users.updateMany(siteId, [...many(50), nameOf(77)])
    const seen: Array<number> = []
    for await (const outcome of calling) seen.push(outcome.index)
    expect(seen.toSorted((a, b) => a - b)).toEqual(Array.from({ length: 51 }, (_, index) => index))
    expect(await calling).toEqual({ updated: 50, failed: 1 })
    expect(() => calling[Symbol.asyncIterator]()).toThrow(TypeError)
  })

  it.each(["an iterable", "an iterable to wait for"])("goes no faster than %s's outcomes are taken", async (kind) => {
    await using client = await seeded()
    let given = 0
    function* endless() {
      for (;;) {
        given += 1
        yield nameOf(given % 5)
      }
    }
    async function* slowly() {
      yield* endless()
    }
    const changes = kind === "an iterable" ? endless() : slowly()
    const seen: Array<number> = []
    for await (const { index } of client.users.updateMany(siteId, changes, { concurrency: 4 })) {
      seen.push(index)
      if (seen.length < 5) continue
      // Whatever could go on without being asked has gone on by then.
      for (let turn = 0; turn < 500; turn += 1) await new Promise((resolve) => setImmediate(resolve))
      if (seen.length === 6) break
    }
    expect(new Set(seen).size).toBe(6)
    expect(given).toBeLessThan(100)
  })

  it("ends what is under way when the loop is left, and then closes the iterable", async () => {
    await using server = await serve()
    await using client = createClient({ baseUrl: server.baseUrl, token: "t" })
    let isClosed = false
    function* changes() {
      try {
        yield* many(1000)
      } finally {
        isClosed = true
      }
    }
    for await (const _ of client.users.updateMany(siteId, changes())) break
    const applied = server.applied.length
    expect(isClosed).toBe(true)
    expect(applied).toBeLessThan(200)
    await client.users.get(siteId, idOf(0))
    expect(server.applied.length).toBe(applied + 1)
  })

  it("tells a failure in the loop, after the outcomes before it", async () => {
    await using server = await serve(({ id }, response) => id === idOf(20) && answer(response, 401, "not_authorized"))
    await using client = createClient({ baseUrl: server.baseUrl, token: "t" })
    const seen: Array<UpdateManyOutcome> = []
    const loop = async () => {
      for await (const outcome of client.users.updateMany(siteId, many(500), { concurrency: 1 })) seen.push(outcome)
    }
    expect(await reasonOf(loop())).toMatchObject({ _tag: "NotAuthorized" })
    expect(seen.map(({ index }) => index)).toEqual(Array.from({ length: 20 }, (_, index) => index))
  })
})
