/** The Effect client in somebody's program: their layers, their runtime, their clock. */
import { mkdtemp, rm } from "node:fs/promises"
import { createServer, type IncomingMessage, type ServerResponse } from "node:http"
import type { AddressInfo } from "node:net"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { setImmediate } from "node:timers/promises"
import { describe, expect, it } from "@effect/vitest"
import { parseSiteId, type SiteId, type User, UserId } from "@webflow-users/core"
import { UpdateUserCases } from "@webflow-users/core/testing"
import * as OnNode from "@webflow-users/sdk/effect"
import {
  Cause,
  Clock,
  Context,
  Deferred,
  Effect,
  Exit,
  Fiber,
  Layer,
  ManagedRuntime,
  Redacted,
  Ref,
  Stream,
  Tracer,
} from "effect"
import { TestClock } from "effect/testing"
import { rolldown } from "rolldown"
import { afterAll, afterEach, beforeAll, beforeEach, vi } from "vitest"
import { open } from "../../../apps/http-proxy/test/proxy.ts"
import * as Spawned from "../../../apps/http-proxy/test/spawned.ts"
import * as OnFetch from "../src/effect.ts"

const siteId = parseSiteId("580e63e98c9a982ac9b8b741") as SiteId
const idOf = (index: number) => UserId.make(`6287ec36a841b25637c6${(0x4000 + index).toString(16)}`)
const users = Array.from({ length: 150 }, (_, index): User => ({
  id: idOf(index),
  createdOn: "2024-01-01T00:00:00.000Z",
  accessGroups: [{ slug: "webflowers", type: "admin" }],
  data: { name: `Member ${index}`, email: `member${index}@example.com` },
}))
const { WebflowUsers, layerMemory } = OnNode
const limited = () => Response.json({ code: "too_many_requests" }, { status: 429, headers: { "retry-after": "17" } })
const answered: typeof fetch = async () => Response.json(users[0])

/** The client as a service of another name, on this layer: so that one program can have several. */
const given = (key: string, layer: Layer.Layer<OnNode.WebflowUsers>) => {
  const tag = Context.Service<OnNode.WebflowUsers["Service"]>(key)
  return { tag, layer: Layer.effect(tag, WebflowUsers).pipe(Layer.provide(layer)) }
}

const platforms = [
  ["on Node", OnNode],
  ["on fetch", OnFetch],
] as const

describe("the entries of the Effect client", () => {
  it("have the same names, and one service", () => {
    expect(Object.keys(OnNode).toSorted()).toEqual(Object.keys(OnFetch).toSorted())
    expect(OnFetch.WebflowUsers).toBe(OnNode.WebflowUsers)
    expect(OnFetch.layer).not.toBe(OnNode.layer)
  })

  it("share effect and core with the program, and need nothing of Node on the fetch path", async () => {
    const bundle = await rolldown({
      input: new URL("../src/effect.ts", import.meta.url).pathname,
      platform: "browser",
      external: [/^@webflow-users\/(core|stores)/, /^effect/],
      resolve: { conditionNames: ["@webflow-users/source", "import", "default"] },
    })
    const { output } = await bundle.generate({ format: "esm" })
    const chunks = output.filter((part) => part.type === "chunk")
    const eager = chunks.flatMap((chunk) => chunk.imports.filter((name) => !name.endsWith(".js")))
    expect(eager.filter((name) => !/^effect$|^@webflow-users\/core/.test(name))).toEqual([])
    expect(chunks.flatMap((chunk) => chunk.dynamicImports)).toEqual(["@webflow-users/stores/UpstreamSettings"])
  })
})

describe.each(platforms)("the Effect client, %s, in front of the proxy", (_, { layer }) => {
  let folder: string
  let proxy: Awaited<ReturnType<typeof Spawned.start>>
  let token: string

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), "webflow-users-effect-"))
    const address = `file:${folder}/users.db`
    await using store = open(address)
    await store.add({ id: siteId, users })
    token = await store.token(siteId)
    proxy = await Spawned.start(address)
  })
  afterAll(async () => {
    await proxy[Symbol.asyncDispose]()
    await rm(folder, { recursive: true })
  })

  const live = () => layer({ baseUrl: `${proxy.origin}/v2`, token: Redacted.make(token), retry: false })

  it("updates and reads inside a program with layers and a runtime of its own", async () => {
    class Greeter extends Context.Service<Greeter, { readonly rename: (userId: string) => Effect.Effect<string> }>()(
      "test/Greeter",
    ) {
      static readonly layer = Layer.effect(
        Greeter,
        Effect.gen(function* () {
          const client = yield* WebflowUsers
          const greeted = yield* Ref.make(0)
          return {
            rename: (userId) =>
              Effect.gen(function* () {
                const count = yield* Ref.updateAndGet(greeted, (before) => before + 1)
                const user = yield* client.update(siteId, userId, { data: { name: `Number ${count}` } })
                return user.data.name ?? ""
              }).pipe(
                Effect.catchTag("UserNotFound", () => Effect.succeed("nobody")),
                Effect.orDie,
              ),
          }
        }),
      )
    }
    const runtime = ManagedRuntime.make(Greeter.layer.pipe(Layer.provideMerge(live())))
    const names = await runtime.runPromise(
      Greeter.use(({ rename }) => Effect.forEach([idOf(0), "6287ec36a841b25637c6ffff", idOf(1)], rename)),
    )
    expect(names).toEqual(["Number 1", "nobody", "Number 3"])
    const read = await runtime.runPromise(
      WebflowUsers.use((client) =>
        Effect.all({
          byId: client.get(siteId, idOf(0)),
          byEmail: client.find(siteId, "MEMBER1@example.com"),
          page: client.list(siteId, { offset: 149, limit: 5, sort: "Email" }),
          standard: client.list(siteId),
          groups: client.accessGroups(siteId),
          all: Stream.runCollect(client.all(siteId)),
        }),
      ),
    )
    expect(read.byId.data.name).toBe("Number 1")
    expect(read.byEmail.data.name).toBe("Number 3")
    expect(read.page).toMatchObject({ count: 1, offset: 149, limit: 5, total: 150 })
    expect(read.standard).toMatchObject({ count: 10, offset: 0, limit: 10 })
    expect(read.groups.accessGroups.map(({ slug }) => slug)).toEqual(["webflowers"])
    expect(read.all.map(({ id }) => id)).toEqual(users.map(({ id }) => id))
    await runtime.dispose()
  })

  it.effect("makes many updates of a stream, and tells of each", () =>
    Effect.gen(function* () {
      const client = yield* WebflowUsers
      const changes = Stream.make(
        { email: "member2@example.com", addGroups: ["gold"] },
        { id: "nonsense" },
        { id: "6287ec36a841b25637c6ffff", data: { name: "Nobody" } },
        { id: idOf(3), data: { company: "Engines" } },
      )
      const outcomes = yield* Stream.runCollect(client.updateMany(siteId, changes, { concurrency: 1 }))
      expect(
        outcomes.map((one) => [one.index, one._tag === "Updated" ? one.user.id : one.error._tag, "before" in one]),
      ).toEqual([
        [0, idOf(2), true],
        [1, "InvalidPatch", false],
        [2, "UserNotFound", false],
        [3, idOf(3), true],
      ])
      expect(outcomes[3]).toMatchObject({ change: { id: idOf(3), data: { company: "Engines" } } })
      const joined = yield* client.get(siteId, idOf(2))
      expect(joined.accessGroups.map(({ slug }) => slug)).toEqual(["webflowers", "gold"])
    }).pipe(Effect.provide(live())),
  )

  it.effect("fails a stream of updates with what all of them would meet, and with what the changes fail with", () =>
    Effect.gen(function* () {
      const client = yield* WebflowUsers
      const wrongSite = Stream.runDrain(client.updateMany("580e63e98c9a982ac9b8b742", [{ id: idOf(3) }]))
      expect((yield* Effect.flip(wrongSite))._tag).toBe("SiteForbidden")
      const torn = Stream.concat(Stream.make({ id: idOf(4), data: { name: "Kept" } }), Stream.fail("torn" as const))
      expect(yield* Effect.flip(Stream.runDrain(client.updateMany(siteId, torn)))).toBe("torn")
      expect((yield* client.get(siteId, idOf(4))).data.name).toBe("Kept")
    }).pipe(Effect.provide(live())),
  )
})

describe.each(platforms)("a request of the Effect client, %s", (_, { layer }) => {
  let server: ReturnType<typeof createServer>
  let baseUrl: string
  let answer: (request: IncomingMessage, response: ServerResponse) => unknown

  beforeEach(async () => {
    server = createServer((request, response) => answer(request, response))
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve))
    baseUrl = `http://127.0.0.1:${(server.address() as AddressInfo).port}/v2`
  })
  afterEach(() => {
    server.closeAllConnections()
    server.close()
  })

  it.effect("ends with the fiber that waits for it", () =>
    Effect.gen(function* () {
      const [asked, closed] = [yield* Deferred.make<void>(), yield* Deferred.make<void>()]
      answer = (request) => {
        request.socket.once("close", () => Deferred.doneUnsafe(closed, Exit.void))
        Deferred.doneUnsafe(asked, Exit.void)
      }
      const client = yield* WebflowUsers
      const waiting = yield* Effect.forkChild(client.update(siteId, idOf(0), {}))
      yield* Deferred.await(asked)
      yield* Fiber.interrupt(waiting)
      yield* Deferred.await(closed)
      expect(Exit.hasInterrupts(yield* Fiber.await(waiting))).toBe(true)
    }).pipe(Effect.provide(layer({ baseUrl, token: Redacted.make("secret") }))),
  )

  it.effect("carries the token, and tells it to nobody who reads a failure", () =>
    Effect.gen(function* () {
      let seen: string | undefined
      answer = ({ headers }, response) => {
        seen = headers.authorization
        const said = { code: "not_authorized", message: "Request not authorized: top-secret", details: [] }
        response.writeHead(401, { "content-type": "application/json" }).end(JSON.stringify(said))
      }
      const exit = yield* Effect.exit(WebflowUsers.use((client) => client.get(siteId, idOf(0))))
      expect(seen).toBe("Bearer top-secret")
      expect(Exit.isFailure(exit) && Cause.pretty(exit.cause)).toContain("NotAuthorized")
      expect(Exit.isFailure(exit) && Cause.pretty(exit.cause)).not.toContain("top-secret")
    }).pipe(Effect.provide(layer({ baseUrl, token: Redacted.make("top-secret") }))),
  )
})

describe("the Effect client's patience", () => {
  it.effect("is the program's clock's", () =>
    Effect.gen(function* () {
      const answers = [limited(), Response.json(users[0])]
      const live = OnNode.layer({
        baseUrl: "https://users.example.com/v2",
        fetch: async () => answers.shift() ?? Response.error(),
      })
      yield* Effect.gen(function* () {
        const client = yield* WebflowUsers
        const waiting = yield* Effect.forkChild(client.get(siteId, idOf(0)))
        while (waiting.pollUnsafe() === undefined) {
          yield* TestClock.adjust("1 second")
          // The answers are promises, and have to have their turns.
          yield* Effect.promise(() => setImmediate())
        }
        expect(yield* Fiber.join(waiting)).toEqual(users[0])
        expect(yield* Clock.currentTimeMillis).toBeGreaterThanOrEqual(17_000)
      }).pipe(Effect.provide(live))
    }),
  )

  it.effect("is another's for one call, which may hear of the answer", () =>
    Effect.gen(function* () {
      const heard: Array<number> = []
      const live = OnNode.layer({ baseUrl: "https://users.example.com/v2", fetch: async () => limited() })
      const error = yield* WebflowUsers.use((client) => client.get(siteId, idOf(0))).pipe(
        Effect.provideService(OnNode.Upstream.CallOptions, { attempts: 1 }),
        Effect.provideService(OnNode.Upstream.OnAnswer, ({ status }) => void heard.push(status)),
        Effect.provide(live),
        Effect.flip,
      )
      expect([error._tag, heard]).toEqual(["TooManyRequests", [429]])
    }),
  )

  it.effect("leaves to the program what it is told not to wait for", () =>
    Effect.gen(function* () {
      const live = OnNode.layer({ baseUrl: "https://users.example.com/v2", fetch: async () => limited(), retry: false })
      const seconds = yield* WebflowUsers.use((client) => client.update(siteId, idOf(0), {})).pipe(
        Effect.map(() => 0),
        Effect.catchTag("TooManyRequests", ({ retryAfter }) => Effect.succeed(retryAfter)),
        Effect.provide(live),
      )
      expect(seconds).toBe(17)
    }),
  )
})

describe("the Effect client's options", () => {
  const ask = WebflowUsers.use((client) => client.get(siteId, idOf(0)))

  it.effect.each(platforms)("let requests go through a fetch that is given, %s", ([, { layer }]) =>
    Effect.gen(function* () {
      const user = yield* Effect.provide(ask, layer({ baseUrl: "https://users.example.com/v2", fetch: answered }))
      expect(user).toEqual(users[0])
    }),
  )

  it.effect("are those of each server, where a program has two", () =>
    Effect.gen(function* () {
      const asked: Array<string> = []
      const listening: typeof fetch = async (url) => {
        asked.push(new URL(String(url)).host)
        return Response.json(users[0])
      }
      const server = (host: string) => OnNode.layer({ baseUrl: `https://${host}/v2`, fetch: listening })
      const [a, b] = [given("a", server("a.example")), given("b", server("b.example"))]
      yield* Effect.gen(function* () {
        yield* (yield* a.tag).get(siteId, idOf(0))
        yield* (yield* b.tag).get(siteId, idOf(0))
      }).pipe(Effect.provide(Layer.merge(a.layer, b.layer)))
      expect(asked).toEqual(["a.example", "b.example"])
    }),
  )

  it.effect("let all users be asked for a hundred at a time, and given once", () =>
    Effect.gen(function* () {
      const asked: Array<string> = []
      // Somebody joined while the first hundred was read: the last of them comes again.
      const pages: typeof fetch = async (url) => {
        const { search, searchParams } = new URL(String(url))
        asked.push(search)
        const offset = Number(searchParams.get("offset"))
        const part = users.slice(Math.max(offset - 1, 0), offset + 100)
        return Response.json({ users: part, count: part.length, limit: 100, offset, total: 151 })
      }
      const all = yield* Stream.runCollect(
        Stream.unwrap(Effect.map(WebflowUsers, (client) => client.all(siteId, { sort: "-Email" }))),
      ).pipe(Effect.provide(OnNode.layer({ baseUrl: "https://users.example.com/v2", fetch: pages })))
      expect(all.map(({ id }) => id)).toEqual(users.map(({ id }) => id))
      expect(asked).toEqual(["?offset=0&limit=100&sort=-Email", "?offset=100&limit=100&sort=-Email"])
    }),
  )

  it("send by fetch where undici is not to be had", async () => {
    vi.doMock("@webflow-users/stores/Undici", () => {
      throw new Error("Cannot find package 'undici'")
    })
    vi.stubGlobal("fetch", answered)
    const user = await Effect.runPromise(Effect.provide(ask, OnNode.layer({ baseUrl: "https://users.example.com/v2" })))
    expect(user).toEqual(users[0])
    vi.unstubAllGlobals()
    vi.doUnmock("@webflow-users/stores/Undici")
  })
})

describe("the Effect client on memory", () => {
  it.effect("is told of by core's spans", () =>
    Effect.gen(function* () {
      const names: Array<string> = []
      const tracer = Tracer.make({
        span: (options) => {
          names.push(options.name)
          return new Tracer.NativeSpan(options)
        },
      })
      const client = yield* WebflowUsers
      yield* Effect.all([client.update(siteId, idOf(0), {}), client.get(siteId, idOf(0)), client.list(siteId)]).pipe(
        Effect.withTracer(tracer),
      )
      expect(names.join()).toBe(
        "UpdateUser,UserStore.update,ReadUsers.getUser,UserStore.get,ReadUsers.listUsers,UserStore.list",
      )
    }).pipe(Effect.provide(layerMemory([{ id: siteId, users }]))),
  )

  it.effect("says what each update replaced, and begins no other once it is to end", () =>
    Effect.gen(function* () {
      const client = yield* WebflowUsers
      const ended = yield* Deferred.make<void>()
      const changes = users.slice(0, 5).map(({ id }) => ({ id, data: { name: "New" } }))
      const outcomes = yield* client
        .updateMany(siteId, changes, { concurrency: 1, ending: Deferred.await(ended) })
        .pipe(
          Stream.tap(() => Deferred.succeed(ended, undefined)),
          Stream.runCollect,
        )
      expect(outcomes.length).toBeLessThan(5)
      expect(outcomes[0]).toMatchObject({ before: { data: { name: "Member 0" } }, user: { data: { name: "New" } } })
    }).pipe(Effect.provide(layerMemory([{ id: siteId, users }]))),
  )

  it.effect("takes the consents by either name, and tells a refusal in the words of the change", () =>
    Effect.gen(function* () {
      const client = yield* WebflowUsers
      const data = { acceptPrivacy: true, "accept-communications": false }
      const updated = yield* client.update(siteId, idOf(0), { data })
      expect(updated.data).toMatchObject({ "accept-privacy": true, "accept-communications": false })
      expect(updated.data).not.toHaveProperty("acceptPrivacy")
      const outcomes = yield* Stream.runCollect(
        client.updateMany(
          siteId,
          [
            { id: idOf(1), data },
            { id: idOf(2), addGroups: ["gold"] },
          ],
          { concurrency: 1 },
        ),
      )
      expect(outcomes).toMatchObject([
        { user: { data: { "accept-privacy": true } } },
        { error: { _tag: "InvalidPatch", details: [{ param: "addGroups" }] } },
      ])
    }).pipe(
      Effect.provide(
        layerMemory([{ id: siteId, users, declaration: { accessGroups: [{ slug: "webflowers", name: "W" }] } }]),
      ),
    ),
  )

  it.effect("is one store for all of a program that are given it, and another for those given another", () =>
    Effect.gen(function* () {
      const seeds = [{ id: siteId, users: users.slice(0, 1) }]
      const [first, second] = [layerMemory(seeds), layerMemory(seeds)]
      const [a, b, c] = [given("a", first), given("b", first), given("c", second)]
      yield* Effect.gen(function* () {
        const rename = (yield* a.tag).update(siteId, idOf(0), { data: { name: "Changed" } })
        yield* rename
        expect((yield* (yield* b.tag).get(siteId, idOf(0))).data.name).toBe("Changed")
        expect((yield* (yield* c.tag).get(siteId, idOf(0))).data.name).toBe("Member 0")
      }).pipe(Effect.provide(Layer.mergeAll(a.layer, b.layer, c.layer)))
    }),
  )

  it.effect.each([
    [{ id: "nonsense", users: [] }, "24 hexadecimal"],
    [{ id: siteId, users: "users" }, "users must be List Users JSON"],
    [{ id: siteId, users: [{ data: { email: "nonsense" } }] }, "user 1"],
  ] as const)("dies of a seed that no store would take: %j", ([seed, message]) =>
    Effect.gen(function* () {
      const exit = yield* Effect.exit(Effect.provide(Effect.void, layerMemory([seed])))
      const [reason] = Exit.isFailure(exit) ? exit.cause.reasons : []
      const defect = reason?._tag === "Die" ? reason.defect : undefined
      expect(JSON.stringify(defect) + String(defect)).toContain(message)
    }),
  )
})

describe("the case table, by the Effect client", () => {
  const runtime = ManagedRuntime.make(layerMemory(UpdateUserCases.sites))
  afterAll(() => runtime.dispose())

  it.each(UpdateUserCases.all.map((one, index) => ({ ...one, index })))("$name", async ({ index, ...one }) => {
    const before = UpdateUserCases.users[index]!
    const judged = await runtime.runPromise(
      Effect.gen(function* () {
        const client = yield* WebflowUsers
        const outcome = yield* client
          .update(one.siteId, one.userId, JSON.parse(one.body))
          .pipe(Effect.match({ onSuccess: (user) => ({ user }), onFailure: UpdateUserCases.failed }))
        return UpdateUserCases.judge(one, { outcome, before, after: yield* client.get(one.home, before.id) })
      }),
    )
    expect(judged.actual).toEqual(judged.expected)
  })
})
