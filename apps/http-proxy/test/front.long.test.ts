/** nginx and Caddy as deploy/ shows them, before two real proxies on one PostgreSQL. */
import { once } from "node:events"
import { type AddressInfo, createServer } from "node:net"
import { text } from "node:stream/consumers"
import { parseSiteId, type SiteId, type User, UserEvents, UserId } from "@webflow-users/core"
import { JsonBody } from "@webflow-users/core/wire"
import { Effect, Exit, Scope } from "effect"
import { afterAll, beforeAll, describe, expect, it } from "vitest"
import { database } from "../../../test/postgres.ts"
import * as Front from "./front.ts"
import { open } from "./proxy.ts"
import * as Spawned from "./spawned.ts"

const siteId = parseSiteId("580e63e98c9a982ac9b8b741") as SiteId
const users = Array.from({ length: 12 }, (_, index): User => ({
  id: UserId.make(`6287ec36a841b25637c6${(0x7000 + index).toString(16)}`),
  lastUpdated: "2024-05-20T13:46:12.093Z",
  accessGroups: [],
  data: { name: `Member ${index}`, email: `member${index}@example.com` },
}))
const [ada] = users as [User]
const target = ({ id }: User) => `/v2/sites/${siteId}/users/${id}`

const scope = Scope.makeUnsafe()
let store: string
let token: string
beforeAll(async () => {
  store = await Effect.runPromise(Scope.provide(database(), scope))
  await using before = open(store)
  await before.add({ id: siteId, users })
  token = await before.token(siteId)
})
afterAll(() => Effect.runPromise(Scope.close(scope, Exit.void)))

const json = () => ({ authorization: `Bearer ${token}`, "content-type": "application/json" })
const rename = (name: string) => ({ method: "PATCH", headers: json(), body: JSON.stringify({ data: { name } }) })

const bodyOf = (size: number) => Buffer.from(JSON.stringify({ data: { name: "x".repeat(size) } }))

/** A replica that believes what is in front of it. */
const replica = () => Spawned.start(store, { env: { WEBFLOW_USERS_TRUSTED_PROXIES: "127.0.0.1" } })
const hostOf = ({ origin }: { readonly origin: string }) => new URL(origin).host

/** Two replicas, and what stands in front of them. */
const whole = async (kind: Front.Kind) => {
  const stack = new AsyncDisposableStack()
  const replicas = [stack.use(await replica()), stack.use(await replica())] as const
  const front = stack.use(await Front.start(kind, { upstreams: [hostOf(replicas[0]), hostOf(replicas[1])] }))
  return { front, replicas, [Symbol.asyncDispose]: () => stack.disposeAsync() }
}

/** A server that says it is well, takes every other request in, and then hangs up on whoever made it. */
const deserter = async () => {
  const heard: Array<string> = []
  const server = createServer((socket) => {
    socket.on("error", () => {})
    socket.once("data", (chunk) => {
      const [method = "", path] = String(chunk).split(" ")
      if (path === "/health") return socket.end("HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
      heard.push(method)
      socket.destroy()
    })
  }).listen(0, "127.0.0.1")
  await once(server, "listening")
  const host = `127.0.0.1:${(server.address() as AddressInfo).port}`
  const stop = async () => {
    server.close()
    await once(server, "close")
  }
  return { host, heard, stop, [Symbol.asyncDispose]: stop }
}

describe.each(["nginx", "caddy"] as const)("%s", (kind) => {
  it("passes an update on over TLS, with the caller's own address and nobody else's", async () => {
    await using stack = await whole(kind)
    const claimed = { "x-forwarded-for": "203.0.113.7", forwarded: "for=203.0.113.8" }
    const { headers, ...asked } = rename("Ada over TLS")
    const answer = await stack.front.ask(target(ada), {
      ...asked,
      headers: { ...headers, ...claimed },
      localAddress: "127.0.0.5",
      agent: false,
    })
    expect(answer.status).toBe(200)
    expect(JSON.parse(answer.content)).toMatchObject({ id: ada.id, data: { name: "Ada over TLS" } })
    expect(answer.headers).toMatchObject({ "strict-transport-security": expect.stringContaining("max-age") })
    await using after = open(store)
    const events = await after.run(UserEvents.use((record) => record.ofUser(siteId, ada.id)))
    expect(events.at(-1)).toMatchObject({ address: "127.0.0.5", after: { data: { name: "Ada over TLS" } } })
  })

  it("sends an update that was sent nowhere else, and says so in the contract's words", async () => {
    await using first = await deserter()
    await using second = await deserter()
    await using front = await Front.start(kind, { upstreams: [first.host, second.host] })
    const lost = await front.ask(target(ada), rename("Ada, sent once"))
    expect(lost).toMatchObject({ status: 503, headers: { "retry-after": "5" } })
    expect(JSON.parse(lost.content)).toEqual({
      code: "internal_error",
      message: "No proxy answered",
      externalReference: null,
      details: [],
    })
    expect([...first.heard, ...second.heard]).toEqual(["PATCH"])
  })

  it("refuses what is too large in the contract's words, its own and the proxy's", async () => {
    await using stack = await whole(kind)
    for (const size of [JsonBody.maxBodyBytes + 1000, 3 * JsonBody.maxBodyBytes]) {
      const answer = await stack.front.ask(target(ada), { ...rename(""), body: bodyOf(size), agent: false })
      expect(answer).toMatchObject({
        status: 413,
        headers: { "content-type": expect.stringContaining("application/json") },
      })
      expect(JSON.parse(answer.content)).toEqual({
        code: "bad_request",
        message: `Request body too large: at most ${JsonBody.maxBodyBytes} bytes are read`,
        externalReference: null,
        details: [],
      })
    }
  })

  it("lets who sends half a request go, of its head and of its body", { timeout: 60_000 }, async () => {
    await using stack = await whole(kind)
    const request = `PATCH ${target(ada)} HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100\r\n\r\n{`
    const answers = [request.slice(0, 40), request].map(async (half) => {
      const socket = stack.front.connect()
      socket.write(half)
      return text(socket)
    })
    for (const answer of await Promise.all(answers)) expect(answer).not.toContain("HTTP/1.1 2")
  })

  it("keeps the metrics to itself", async () => {
    await using upstream = await deserter()
    await using front = await Front.start(kind, { upstreams: [upstream.host, upstream.host] })
    const { status, content } = await front.ask("/metrics")
    expect({ status, ...JSON.parse(content) }).toMatchObject({ status: 404, code: "resource_not_found" })
    expect(upstream.heard).toEqual([])
  })
})

describe("nginx", () => {
  it("has nothing against its example", async () => {
    await using upstream = await deserter()
    await using front = await Front.start("nginx", { upstreams: [upstream.host, upstream.host] })
    expect(front.said()).toBe("")
  })

  it("does not let callers notice that a replica is stopped, nor that it is back", { timeout: 60_000 }, async () => {
    await using stack = await whole("nginx")
    const [first] = stack.replicas
    let answered = 0
    const over = new AbortController()
    const marks = new Map<number, () => void>()
    /** Resolves when so many more have been answered. */
    const more = (count: number) => new Promise<void>((resolve) => void marks.set(answered + count, resolve))
    const call = async (user: User) => {
      for (let round = 0; !over.signal.aborted; round += 1) {
        const { status, content } = await stack.front.ask(target(user), rename(`Round ${round}`))
        expect({ status, content }).toMatchObject({ status: 200, content: expect.stringContaining(`Round ${round}`) })
        answered += 1
        marks.get(answered)?.()
      }
    }
    const calls = Promise.all(users.map(call))
    await Promise.race([calls, more(200)])
    expect(await first.end("SIGTERM")).toMatchObject({ code: 0 })
    await Promise.race([calls, more(400)])
    const port = new URL(first.origin).port
    await using back = await Spawned.start(store, { env: { PORT: port } })
    await Promise.race([calls, more(400)])
    over.abort()
    await calls
    expect(back.hasEnded()).toBe(false)
  })

  it("asks the other replica for an update where one cannot be reached", async () => {
    await using gone = await deserter()
    await using live = await replica()
    await using front = await Front.start("nginx", { upstreams: [gone.host, hostOf(live)] })
    await gone.stop()
    for (const name of ["Ada, one", "Ada, two", "Ada, three"]) {
      expect(await front.ask(target(ada), rename(name))).toMatchObject({ status: 200 })
    }
  })
})
