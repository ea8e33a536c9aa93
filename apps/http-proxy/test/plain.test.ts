/** What becomes of a connection that is read without node:http, where each of its requests is the test's to answer. */
import { once } from "node:events"
import { createServer, type AddressInfo, type Socket } from "node:net"
import { setFlagsFromString } from "node:v8"
import { runInNewContext } from "node:vm"
import { Clock, Effect } from "effect"
import { describe, expect, it, onTestFinished } from "vitest"
import * as Plain from "../../../packages/server/src/Plain.ts"
import type { PlainResponse } from "../../../packages/server/src/PlainResponse.ts"
import { dial, request } from "./raw.ts"

/** One whose caller has to hurry where they have asked once, or from the beginning. */
const open = async ({ last = false, headersTimeout = 60_000 } = {}) => {
  const served: Array<PlainResponse> = []
  const late = Promise.withResolvers<Socket>()
  const left: Array<Socket> = []
  const accepted: Array<Socket> = []
  const errors: Array<Error> = []
  const clock = { now: 0 }
  const realClock = Effect.runSync(Clock.Clock)
  const accept = Plain.make(
    {
      serve: (_socket, _request, response) => {
        if (last) response.shouldKeepAlive = false
        served.push(response)
      },
      handOver: (socket) => left.push(socket),
      tooLate: (socket) => late.resolve(socket),
    },
    { headersTimeout, keepAliveTimeout: 30, keepAliveTimeoutBuffer: 10 },
    { ...realClock, currentTimeMillisUnsafe: () => clock.now },
  )
  const server = createServer({ allowHalfOpen: true }, (socket) => {
    accepted.push(socket)
    socket.on("error", (error) => errors.push(error))
    accept(socket)
  }).listen(0, "127.0.0.1")
  await once(server, "listening")
  onTestFinished(() => void server.close())
  const connection = await dial(`http://127.0.0.1:${(server.address() as AddressInfo).port}`)
  const [socket] = accepted.length > 0 ? accepted : ((await once(server, "connection")) as [Socket])
  onTestFinished(() => void socket?.destroy())
  return { connection, socket: socket as Socket, served, late: late.promise, left, errors, clock }
}
const answer = (response: PlainResponse | undefined) => {
  response?.writeHead(200, ["content-length", "2"])
  response?.end("{}")
}

describe("a connection", () => {
  it("on which nothing comes is told of", async () => {
    const { socket, late } = await open({ headersTimeout: 20 })
    expect(await late).toBe(socket)
  })

  it("on which nothing comes after an answer is ended", async () => {
    const { connection, socket, served } = await open()
    connection.send(request("GET /"))
    await once(socket, "data")
    answer(served[0])
    expect(socket.timeout).toBe(40)
    expect((await connection.next())?.headers["keep-alive"]).toBe("timeout=0.03")
    await connection.closed
  })

  it("is not ended while an answer is waited for", async () => {
    const { connection, socket, served } = await open()
    connection.send(request("GET /"))
    await once(socket, "data")
    await once(socket, "timeout")
    answer(served[0])
    expect((await connection.next())?.status).toBe(200)
    // From then on it is quiet.
    await connection.closed
  })

  it("is ended by a caller who asks nothing", async () => {
    const { connection, socket } = await open()
    connection.socket.end()
    await once(socket, "end")
    await connection.closed
  })

  it("is read no further behind a request that is the last", async () => {
    const { connection, socket, served, left } = await open({ last: true })
    connection.send(`${request("GET /")}${request("GET /")}no request`)
    await once(socket, "data")
    expect([served.length, left]).toEqual([1, []])
    answer(served[0])
    expect((await connection.next())?.headers["connection"]).toBe("close")
    await connection.closed
  })

  it("asks for no more while answers are not fetched", async () => {
    const { connection, socket, served } = await open()
    connection.socket.pause()
    connection.send(request("GET /"))
    await once(socket, "data")
    served[0]?.writeHead(200, ["content-length", "20000000"])
    served[0]?.end("x".repeat(20_000_000))
    connection.send(`${request("GET /")}\r\n`)
    await once(socket, "data")
    expect(socket.isPaused()).toBe(true)
    connection.socket.resume()
    await once(socket, "drain")
    expect(socket.isPaused()).toBe(false)
  })

  it("goes on behind empty lines", async () => {
    const { connection, socket, served, left } = await open()
    connection.send(`${request("GET /")}\r`)
    await once(socket, "data")
    // From here on its caller need not hurry.
    socket.setTimeout(0)
    answer(served[0])
    expect((await connection.next())?.status).toBe(200)
    connection.send("\n\r\n")
    await once(socket, "data")
    connection.send(request("GET /"))
    await once(socket, "data")
    answer(served[1])
    expect((await connection.next())?.status).toBe(200)
    expect([served.length, left]).toEqual([2, []])
  })

  it("before whose first request an empty line comes is left to node:http, which waits no longer for it", async () => {
    const { connection, socket, left } = await open()
    connection.send("\r\n")
    await once(socket, "data")
    expect(left).toEqual([socket])
  })

  it("is left with nothing of what was there to read it", async () => {
    const { connection, socket, served, left } = await open()
    connection.send(`${request("GET /")}no request`)
    await once(socket, "data")
    expect(left).toEqual([])
    answer(served[0])
    expect((await connection.next())?.status).toBe(200)
    expect([left, socket.timeout]).toEqual([[socket], 0])
    expect(["data", "timeout"].map((event) => socket.listenerCount(event))).toEqual([0, 0])
  })

  it("is left to nobody when its caller has gone", async () => {
    const { connection, socket, served, left } = await open()
    connection.send(`${request("GET /")}no request`)
    await once(socket, "data")
    socket.destroy()
    const closed = new Promise<void>((resolve) => served[0]?.once("close", resolve))
    answer(served[0])
    await closed
    expect([left, served[0]?.writableFinished]).toEqual([[], false])
  })

  it("on which the last word was said is given no answer, and no error", async () => {
    const { connection, socket, served, errors } = await open()
    connection.send(request("GET /"))
    await once(socket, "data")
    socket.end("The last word")
    answer(served[0])
    await connection.closed
    expect([connection.rest(), errors]).toEqual(["The last word", []])
  })

  it("is left to nobody where what is no request comes behind the last one", async () => {
    const { connection, socket, served, left } = await open()
    connection.send(`${request("GET /")}no request`)
    await once(socket, "data")
    const [response] = served
    if (response !== undefined) response.shouldKeepAlive = false
    answer(response)
    expect((await connection.next())?.headers["connection"]).toBe("close")
    await connection.closed
    expect([connection.rest(), left]).toEqual(["", []])
  })

  it("keeps nothing of who waited for an answer that is given", async () => {
    setFlagsFromString("--expose-gc")
    const collect = runInNewContext("gc") as () => void
    const { connection, socket, served } = await open()
    connection.send(request("GET /"))
    await once(socket, "data")
    const waiting = (() => {
      const kept = {}
      served[0]?.once("close", () => void kept)
      return new WeakRef(kept)
    })()
    answer(served[0])
    expect((await connection.next())?.status).toBe(200)
    await new Promise((resolve) => setImmediate(resolve))
    collect()
    expect([served.length, waiting.deref()]).toEqual([1, undefined])
  })

  it("answers with the date of that second", async () => {
    const { connection, socket, served, clock } = await open()
    for (const second of ["Mon, 30 Nov 2026 10:00:00 GMT", "Mon, 30 Nov 2026 10:00:01 GMT"]) {
      clock.now = Date.parse(second)
      connection.send(request("GET /"))
      await once(socket, "data")
      socket.setTimeout(0)
      answer(served.at(-1))
      expect((await connection.next())?.headers["date"]).toBe(second)
    }
  })

  it("answers with no header that holds another", async () => {
    const { connection, socket, served } = await open()
    connection.send(request("GET /"))
    await once(socket, "data")
    expect(() => served[0]?.writeHead(200, ["x-a", "b\r\nx-c: d"])).toThrow("Invalid character in header")
  })
})
