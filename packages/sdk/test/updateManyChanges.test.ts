/** What `updateMany` does with an iterable of changes: how it asks it for more, and how it leaves it. */
import { createClient, type UserChange } from "@webflow-users/sdk"
import { describe, expect, it } from "vitest"
import { json, serve } from "./serve.ts"
import { many, nameOf, reasonOf, seeded, siteId } from "./updates.ts"

const change = (index: number) => ({ done: false, value: nameOf(index % 5) }) as const
const end = { done: true, value: undefined } as const

/** An iterable that tells what is done with it. `next` gives its changes. */
const watched = (next: (asked: number) => Promise<IteratorResult<UserChange, undefined>>) => {
  const seen = { asked: 0, most: 0, left: 0 }
  let waiting = 0
  const changes: AsyncIterable<UserChange> = {
    [Symbol.asyncIterator]: () => ({
      next: async () => {
        seen.most = Math.max(seen.most, (waiting += 1))
        const result = await next((seen.asked += 1))
        waiting -= 1
        return result
      },
      // As of a generator: it ends after what it was asked for.
      return: () => {
        seen.left += 1
        return waiting > 0 ? new Promise(() => undefined) : Promise.resolve(end)
      },
    }),
  }
  return { changes, seen }
}

describe("an iterable to wait for", () => {
  it("is asked for one change at a time, and not told to end where it has ended", async () => {
    await using client = await seeded()
    const { changes, seen } = watched(async (asked) => (asked <= 20 ? change(asked) : end))
    expect(await client.users.updateMany(siteId, changes)).toEqual({ updated: 20, failed: 0 })
    expect(seen).toMatchObject({ most: 1, left: 0 })
  })

  it("is told to end when no more is asked for, and not where it has thrown", async () => {
    await using client = await seeded()
    const endless = watched(async (asked) => change(asked))
    for await (const _ of client.users.updateMany(siteId, endless.changes, { concurrency: 2 })) break
    expect(endless.seen.left).toBe(1)

    const broken = watched(async () => Promise.reject(new Error("broken")))
    expect(await reasonOf(client.users.updateMany(siteId, broken.changes))).toMatchObject({ message: "broken" })
    expect(broken.seen.left).toBe(0)
  })

  it("that gives nothing for ever does not keep the call from its end", async () => {
    await using client = await seeded()
    const controller = new AbortController()
    const reason = new Error("enough")
    const stuck = watched((asked) => {
      if (asked === 1) return Promise.resolve(change(1))
      setImmediate(() => controller.abort(reason))
      return new Promise(() => undefined)
    })
    const calling = client.users.updateMany(siteId, stuck.changes, { signal: controller.signal })
    expect(await reasonOf(calling)).toBe(reason)
    expect(stuck.seen).toMatchObject({ asked: 2, left: 1 })
  })
})

describe("an iterable", () => {
  it("that throws at once, or is none, is why the call rejects", async () => {
    await using client = await seeded()
    const broken = new Error("broken")
    const throwing = {
      [Symbol.iterator]: () => {
        throw broken
      },
    }
    expect(await reasonOf(client.users.updateMany(siteId, throwing))).toBe(broken)
    expect(await reasonOf(client.users.updateMany(siteId, 5 as unknown as []))).toBeInstanceOf(TypeError)
  })

  it("has its outcomes told one after the other, also where they are iterated", async () => {
    await using client = await seeded(20)
    let [telling, most] = [0, 0]
    const calling = client.users.updateMany(siteId, many(20), {
      onOutcome: async () => {
        most = Math.max(most, (telling += 1))
        await new Promise((resolve) => setImmediate(resolve))
        telling -= 1
      },
    })
    const seen: Array<number> = []
    for await (const { index } of calling) seen.push(index)
    expect(seen.toSorted((a, b) => a - b)).toEqual(Array.from({ length: 20 }, (_, index) => index))
    expect(most).toBe(1)
  })
})

const idOf = (index: number) => `6287ec36a841b25637c663d${index}`
const answering = () =>
  serve((response, { url }) => json(response, 200, { id: url.slice(-24), accessGroups: [], data: {} }))

it("changes that are one object, told anew each time, are each what it was", async () => {
  await using server = await answering()
  await using client = createClient({ baseUrl: server.baseUrl, token: "t" })
  const one = { id: "", data: { name: "" } }
  function* changes() {
    for (const index of [0, 1, 2]) {
      one.id = idOf(index)
      one.data.name = `n${index}`
      yield one
    }
  }
  expect(await client.users.updateMany(siteId, changes(), { concurrency: 1 })).toEqual({ updated: 3, failed: 0 })
  expect(
    server.requests.map(({ url, body }) => [url.slice(-24), (JSON.parse(body) as { data: unknown }).data]),
  ).toEqual([0, 1, 2].map((index) => [idOf(index), { name: `n${index}` }]))
})

it("what the caller's own function throws ends the call after the outcomes of all that was sent", async () => {
  for (const broken of ["token", "onRequest", "onResponse"]) {
    await using server = await answering()
    const told: Array<number> = []
    let calls = 0
    const breaks = () => {
      // The first goes alone, and then four at once: some are sent before it breaks.
      if ((calls += 1) > 6) throw new Error(`${broken} is broken`)
      return "t"
    }
    await using client = createClient({ baseUrl: server.baseUrl, token: "t", retry: false, [broken]: breaks })
    const changes = Array.from({ length: 9 }, (_, index) => ({ id: idOf(index), data: { name: "New" } }))
    const running = client.users.updateMany(siteId, changes, {
      concurrency: 4,
      onOutcome: ({ index }) => void told.push(index),
    })
    expect(await reasonOf(running)).toEqual(new Error(`${broken} is broken`))
    // Of those whose answer the hook did not let through, nobody can tell.
    const hidden = broken === "onResponse" ? server.requests.length - 6 : 0
    expect(told).toHaveLength(server.requests.length - hidden)
    expect(told.length).toBeGreaterThan(2)
  }
})
