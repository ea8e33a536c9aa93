/**
 * What holds for connections and not for single requests: order, callers who go, and the stop. The store of these tests
 * holds updates back until the test lets them go on, so that everything happens in the order that is written.
 */
import { AsyncLocalStorage } from "node:async_hooks"
import type { ServerResponse } from "node:http"
import { parseSiteId, type SiteId, type User, UserEvents, UserId } from "@webflow-users/core"
import { Effect, Latch } from "effect"
import { afterEach, beforeEach, describe, expect, it } from "vitest"
import { start } from "./proxy.ts"
import { dial, request } from "./raw.ts"
import * as ReadByNode from "./read-by-node.ts"

const siteId = parseSiteId("580e63e98c9a982ac9b8b741") as SiteId
const user: User = {
  id: UserId.make("6287ec36a841b25637c663df"),
  lastUpdated: "2024-05-20T13:46:12.093Z",
  accessGroups: [],
  data: { name: "Member", email: "member@example.com" },
}
const path = `/v2/sites/${siteId}/users/${user.id}`

let proxy: Awaited<ReturnType<typeof start>>
let token: string
/** Updates wait while it is closed. */
let gate: Latch.Latch
/** Opens when an update has come as far as the store. */
let arrived: Latch.Latch
/** Hears of an update that has come as far. */
let onUpdate: () => unknown
beforeEach(async () => {
  onUpdate = () => undefined
  gate = Latch.makeUnsafe(false)
  arrived = Latch.makeUnsafe(false)
  proxy = await start("memory:", { id: siteId, users: [user] }, (store) => ({
    ...store,
    update: (...call) =>
      Effect.suspend(() => {
        onUpdate()
        return Effect.andThen(Effect.andThen(arrived.open, gate.await), store.update(...call))
      }),
  }))
  token = await proxy.token()
})
afterEach(() => proxy.stop())

const open = (latch: Latch.Latch) => proxy.run(latch.open)
const headers = () => [`Authorization: Bearer ${token}`, "Content-Type: application/json"]
const rename = (name: string, more: ReadonlyArray<string> = []) =>
  request(`PATCH ${path}`, [...headers(), ...more], JSON.stringify({ data: { name } }))
const read = (more: ReadonlyArray<string> = []) => request(`GET ${path}`, [...headers(), ...more])
const nameIn = (answer: { readonly body: string } | undefined): unknown =>
  (JSON.parse(answer?.body ?? "null") as User | null)?.data.name
const names = async () => {
  const events = await proxy.run(UserEvents.use((service) => service.ofUser(siteId, user.id)))
  return events.map(({ after }) => after.data.name)
}
const invalid = { code: "bad_request", message: "The request is not valid HTTP", externalReference: null, details: [] }

describe("requests sent without waiting for answers", () => {
  it("are worked off and answered one after the other", async () => {
    using connection = await dial(proxy.origin)
    const sent = Array.from({ length: 50 }, (_, index) => `Name ${index}`)
    connection.send(sent.flatMap((name) => [rename(name), read()]).join(""))
    await open(gate)

    const answered = []
    for (const _ of sent) answered.push([nameIn(await connection.next()), nameIn(await connection.next())])
    expect(answered).toEqual(sent.map((name) => [name, name]))
    expect(await names()).toEqual(sent)
  })

  it("do not begin before the one in front is done, though they would be quicker", async () => {
    using connection = await dial(proxy.origin)
    connection.send(rename("First") + read())
    await proxy.run(arrived.await)
    // By the time another connection has been served, the reading would have been done too.
    expect((await fetch(`${proxy.origin}/health`)).status).toBe(200)
    await open(gate)
    expect([nameIn(await connection.next()), nameIn(await connection.next())]).toEqual(["First", "First"])
  })

  it("are worked off in their order also where the last one asks for another protocol", async () => {
    await open(gate)
    using connection = await dial(proxy.origin)
    connection.send(rename("First") + rename("Second", ["Connection: Upgrade", "Upgrade: h2c"]))
    expect([nameIn(await connection.next()), nameIn(await connection.next())]).toEqual(["First", "Second"])
    expect(await names()).toEqual(["First", "Second"])
  })

  it("begin each in the asynchronous context in which it came", async () => {
    const context = new AsyncLocalStorage<string | undefined>()
    const began: Array<string | undefined> = []
    ReadByNode.hear(({ request: { url } }) => context.enterWith(url))
    onUpdate = () => began.push(context.getStore())
    await open(gate)
    using connection = await dial(proxy.origin)
    const paths = ["1", "2", "3"].map((digit) => `/v2/sites/${siteId}/users/${digit.repeat(24)}`)
    connection.send(paths.map((one) => request(`PATCH ${one}`, headers(), "{}")).join(""))
    for (const _ of paths) expect((await connection.next())?.status).toBe(404)
    expect(began).toEqual(paths)
  })

  it("are answered before what follows them is refused", async () => {
    using connection = await dial(proxy.origin)
    connection.send(`${rename("First")}${rename("Second")}\0\0\0`)
    await proxy.run(arrived.await)
    await open(gate)
    expect(nameIn(await connection.next())).toBe("First")
    expect(nameIn(await connection.next())).toBe("Second")
    const refusal = await connection.next()
    expect(refusal?.status).toBe(400)
    expect(JSON.parse(refusal?.body ?? "null")).toEqual(invalid)
    await connection.closed
    expect(connection.rest()).toBe("")
  })

  it("are answered before what follows them is refused once, in however many pieces it comes", async () => {
    const responses: Array<ServerResponse> = []
    ReadByNode.hear(({ response }) => responses.push(response))
    using connection = await dial(proxy.origin)
    connection.send(rename("First"))
    await proxy.run(arrived.await)
    const waiting = () => responses[0]?.listenerCount("close") ?? Number.NaN
    const before = waiting()
    for (let piece = 0; piece < 5; piece += 1) {
      connection.send("\0\0\0")
      // By the time another has been served, it has been read.
      using another = await dial(proxy.origin)
      another.send(request("GET /health"))
      await another.next()
    }
    expect(waiting()).toBe(before + 1)
    await open(gate)
    expect(nameIn(await connection.next())).toBe("First")
    expect((await connection.next())?.status).toBe(400)
    await connection.closed
    expect(connection.rest()).toBe("")
  })

  it("are answered before a tunnel is refused", async () => {
    using connection = await dial(proxy.origin)
    connection.send(rename("First") + request("CONNECT example.com:443"))
    await proxy.run(arrived.await)
    await open(gate)
    expect(nameIn(await connection.next())).toBe("First")
    expect((await connection.next())?.status).toBe(405)
    await connection.closed
  })

  it("are answered up to the one that says it is the last", async () => {
    using connection = await dial(proxy.origin)
    connection.send(rename("First") + rename("Second", ["Connection: close"]) + rename("Third"))
    await proxy.run(arrived.await)
    await open(gate)
    expect(nameIn(await connection.next())).toBe("First")
    expect(nameIn(await connection.next())).toBe("Second")
    await connection.closed
    expect(connection.rest()).toBe("")
    expect(await names()).toEqual(["First", "Second"])
  })
})

describe("a caller who closes their side after asking", () => {
  it("gets the answer all the same", async () => {
    using connection = await dial(proxy.origin)
    connection.socket.end(rename("Changed"))
    await proxy.run(arrived.await)
    await open(gate)
    expect(nameIn(await connection.next())).toBe("Changed")
    await connection.closed
  })

  it("gets all answers", async () => {
    using connection = await dial(proxy.origin)
    connection.socket.end(rename("First") + read() + read())
    await proxy.run(arrived.await)
    await open(gate)
    for (const _ of [1, 2, 3]) expect(nameIn(await connection.next())).toBe("First")
    await connection.closed
  })
})

describe("a request that stops half-way", () => {
  it("keeps nobody else from being served, and is answered when the rest comes", async () => {
    await open(gate)
    using inHead = await dial(proxy.origin)
    using inBody = await dial(proxy.origin)
    const text = rename("Late")
    const [cutInHead, cutInBody] = [20, text.length - 5]
    inHead.send(text.slice(0, cutInHead))
    inBody.send(text.slice(0, cutInBody))

    using another = await dial(proxy.origin)
    another.send(rename("Now"))
    expect(nameIn(await another.next())).toBe("Now")
    expect(await names()).toEqual(["Now"])

    inHead.send(text.slice(cutInHead))
    expect(nameIn(await inHead.next())).toBe("Late")
    inBody.send(text.slice(cutInBody))
    expect(nameIn(await inBody.next())).toBe("Late")
  })

  it.each([
    ["head", 20],
    ["body", -5],
  ])("in its %s and is ended is refused, and changes nothing", async (_, cut) => {
    await open(gate)
    using connection = await dial(proxy.origin)
    connection.socket.end(rename("Changed").slice(0, cut))
    const answer = await connection.next()
    expect(answer?.status).toBe(400)
    expect(JSON.parse(answer?.body ?? "null")).toEqual(invalid)
    await connection.closed
    expect(connection.rest()).toBe("")
    expect(await names()).toEqual([])
  })

  it("after others is refused after they are answered", async () => {
    using connection = await dial(proxy.origin)
    connection.socket.end(rename("First") + rename("Second").slice(0, -5))
    await proxy.run(arrived.await)
    await open(gate)
    expect(nameIn(await connection.next())).toBe("First")
    expect((await connection.next())?.status).toBe(400)
    await connection.closed
    expect(await names()).toEqual(["First"])
  })

  it("is answered once where the answer does not wait for the rest", async () => {
    using connection = await dial(proxy.origin)
    connection.send(request(`PATCH ${path}`, ["Transfer-Encoding: chunked"], "1\r\n{\r\n"))
    expect((await connection.next())?.status).toBe(401)
    connection.send("no chunk\r\n")
    await connection.closed
    expect(connection.rest()).toBe("")
  })
})

describe("a caller who goes on after being refused", () => {
  it("hears why all the same", async () => {
    using connection = await dial(proxy.origin)
    connection.socket.pause()
    connection.send(request(`GET ${path}`, [`X-A: ${"x".repeat(20_000)}`]))
    // What is sent to a socket that was closed at once would come back as a reset, and the answer be lost.
    for (const _ of [1, 2, 3, 4, 5]) {
      expect((await fetch(`${proxy.origin}/health`)).status).toBe(200)
      connection.send("x".repeat(10_000))
    }
    connection.socket.resume()
    expect((await connection.next())?.status).toBe(431)
    await connection.closed
  })
})

describe("a caller who is gone", () => {
  it("in the middle of a body leaves nothing behind", async () => {
    const connection = await dial(proxy.origin)
    connection.send(rename("Changed").slice(0, -5))
    connection.socket.resetAndDestroy()
    await connection.closed
    expect((await fetch(`${proxy.origin}/health`)).status).toBe(200)
    // It would wait for work that never ends.
    await proxy.hangUp()
    expect(await names()).toEqual([])
  })

  it("before its turn leaves nothing behind", async () => {
    const connection = await dial(proxy.origin)
    connection.send(rename("First") + rename("Second").slice(0, -5))
    await proxy.run(arrived.await)
    connection.socket.resetAndDestroy()
    await connection.closed
    expect((await fetch(`${proxy.origin}/health`)).status).toBe(200)
    await open(gate)
    await proxy.hangUp()
    expect(await names()).toEqual(["First"])
  })

  it("after asking for a tunnel leaves nothing behind", async () => {
    const connection = await dial(proxy.origin)
    connection.send(rename("First") + request("CONNECT example.com:443"))
    await proxy.run(arrived.await)
    connection.socket.resetAndDestroy()
    await connection.closed
    await open(gate)
    expect((await fetch(`${proxy.origin}/health`)).status).toBe(200)
    await proxy.hangUp()
    expect(await names()).toEqual(["First"])
  })

  it("before the answer does not undo what was accepted", async () => {
    const connection = await dial(proxy.origin)
    connection.send(rename("Changed"))
    await proxy.run(arrived.await)
    connection.socket.resetAndDestroy()
    await connection.closed
    await open(gate)
    await proxy.hangUp()
    expect(await names()).toEqual(["Changed"])
  })
})

/** More than sockets hold: written, it waits for the caller to read. */
const lists = () => Array.from({ length: 20 }, () => request(`GET /v2/sites/${siteId}/users?limit=100`, headers()))

const readLists = async (connection: Awaited<ReturnType<typeof dial>>) => {
  for (const _ of lists()) {
    const answer = await connection.next()
    expect((JSON.parse(answer?.body ?? "null") as { readonly count: number } | null)?.count).toBe(100)
  }
}

describe("the stop", () => {
  it("waits for the work that has begun, answers it, and says that the connection ends", async () => {
    using connection = await dial(proxy.origin)
    connection.send(rename("Changed"))
    await proxy.run(arrived.await)
    const stopped = proxy.hangUp()
    await open(gate)
    const answer = await connection.next()
    expect([answer?.status, answer?.headers["connection"], nameIn(answer)]).toEqual([200, "close", "Changed"])
    await stopped
    await connection.closed
    await expect(fetch(`${proxy.origin}/health`)).rejects.toThrow("fetch failed")
  })

  it("answers every request that was accepted on a connection, and ends with the last", async () => {
    using connection = await dial(proxy.origin)
    connection.send(["First", "Second", "Third"].map((name) => rename(name)).join(""))
    await proxy.run(arrived.await)
    const stopped = proxy.hangUp()
    await open(gate)
    const answers = [await connection.next(), await connection.next(), await connection.next()]
    expect(answers.map(nameIn)).toEqual(["First", "Second", "Third"])
    expect(answers.map((answer) => answer?.headers["connection"])).toEqual(["keep-alive", "keep-alive", "close"])
    await stopped
    expect(await names()).toEqual(["First", "Second", "Third"])
  })

  it("answers what was on its way over a quiet connection, and begins nothing that comes after the last answer", async () => {
    using busy = await dial(proxy.origin)
    using quiet = await dial(proxy.origin)
    await open(gate)
    quiet.send(read())
    expect((await quiet.next())?.status).toBe(200)
    await proxy.run(gate.close)
    busy.send(rename("First"))
    await proxy.run(arrived.await)

    const stopped = proxy.hangUp()
    await expect(fetch(`${proxy.origin}/health`)).rejects.toThrow("fetch failed")
    quiet.send(read())
    const answer = await quiet.next()
    expect([answer?.status, answer?.headers["connection"]]).toEqual([200, "close"])
    quiet.send(rename("Too late"))
    await quiet.closed
    await open(gate)
    expect(nameIn(await busy.next())).toBe("First")
    busy.send(rename("Too late"))
    await stopped
    expect(await names()).toEqual(["First"])
  })

  it("waits for the rest of a request whose head has come", async () => {
    await open(gate)
    using connection = await dial(proxy.origin)
    connection.send(read() + rename("Changed").slice(0, -5))
    expect((await connection.next())?.status).toBe(200)
    const stopped = proxy.hangUp()
    await expect(fetch(`${proxy.origin}/health`)).rejects.toThrow("fetch failed")
    connection.send(rename("Changed").slice(-5))
    const answer = await connection.next()
    expect([answer?.status, answer?.headers["connection"], nameIn(answer)]).toEqual([200, "close", "Changed"])
    await stopped
  })

  it("does not wait for connections on which nothing was asked, or not all of it", async () => {
    using silent = await dial(proxy.origin)
    using inHead = await dial(proxy.origin)
    inHead.send(rename("Changed").slice(0, 20))
    // A connection that is served tells that those before it have been seen.
    using asked = await dial(proxy.origin)
    asked.send(read())
    expect((await asked.next())?.status).toBe(200)

    await proxy.hangUp()
    await Promise.all([silent.closed, inHead.closed, asked.closed])
  })

  describe("while answers are still to be read", () => {
    beforeEach(async () => {
      const data = Object.fromEntries(Array.from({ length: 20 }, (_, index) => [`field-${index}`, "x".repeat(256)]))
      const many = Array.from({ length: 100 }, (_, index): User => {
        const id = UserId.make(`6287ec36a841b25637c6${(0x4000 + index).toString(16)}`)
        return { ...user, id, data: { ...user.data, ...data, email: `member${index}@example.com` } }
      })
      await proxy.add({ id: siteId, users: many })
    })

    it("waits until they are, those given before it as well as those after", async () => {
      using before = await dial(proxy.origin)
      using during = await dial(proxy.origin)
      before.socket.pause()
      during.socket.pause()
      await open(gate)
      before.send(lists().join("") + rename("Before"))
      await proxy.run(arrived.await)
      await proxy.run(gate.close)
      await proxy.run(arrived.close)
      during.send(lists().join("") + rename("During"))
      await proxy.run(arrived.await)
      expect(await names()).toEqual(["Before"])

      const stopped = proxy.hangUp()
      await open(gate)
      for (const [connection, name, says] of [
        [before, "Before", "keep-alive"],
        [during, "During", "close"],
      ] as const) {
        connection.socket.resume()
        await readLists(connection)
        const answer = await connection.next()
        expect([nameIn(answer), answer?.headers["connection"]]).toEqual([name, says])
        await connection.closed
      }
      await stopped
    })

    it("begins nothing behind the last one", async () => {
      using connection = await dial(proxy.origin)
      using another = await dial(proxy.origin)
      connection.socket.pause()
      connection.send(lists().join("") + rename("Last"))
      await proxy.run(arrived.await)
      await proxy.run(arrived.close)
      another.send(rename("Meanwhile"))
      await proxy.run(arrived.await)
      const stopped = proxy.hangUp()
      await open(gate)
      expect(nameIn(await another.next())).toBe("Meanwhile")
      // So much that some of it is still to be read when the connection ends.
      connection.send(rename("Too late").repeat(5_000))
      connection.socket.resume()
      await readLists(connection)
      expect(nameIn(await connection.next())).toBe("Last")
      await connection.closed
      await stopped
      expect(await names()).toEqual(["Last", "Meanwhile"])
    })
  })

  it("does not wait for a caller who never closes their side", { timeout: 15_000 }, async () => {
    using connection = await dial(proxy.origin, { allowHalfOpen: true })
    connection.send(read())
    expect((await connection.next())?.status).toBe(200)
    await proxy.hangUp()
  })
})
