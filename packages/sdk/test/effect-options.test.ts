/** What the Effect client can be told: it refuses what the promise client does, and reads what is outside the program by `Config`. */
import { createServer } from "node:http"
import type { AddressInfo } from "node:net"
import { describe, expect, it } from "@effect/vitest"
import { createClient } from "@webflow-users/sdk"
import * as OnNode from "@webflow-users/sdk/effect"
import { Cause, ConfigProvider, Context, Effect, Exit, Layer, Redacted } from "effect"
import { vi } from "vitest"
import * as OnFetch from "../src/effect.ts"
import { siteId, user, userId } from "./serve.ts"

const { WebflowUsers } = OnNode
const baseUrl = "https://users.example.com/v2"
const ask = WebflowUsers.use((client) => client.get(siteId, userId))
const platforms = [
  ["on Node", OnNode],
  ["on fetch", OnFetch],
] as const

/** What a layer that is built dies of, or nothing. */
const defectOf = (options: unknown, of: Effect.Effect<unknown, unknown, OnNode.WebflowUsers> = WebflowUsers) =>
  Effect.map(Effect.exit(Effect.provide(of, OnNode.layer(options as OnNode.Options))), (exit) => {
    const reasons = Exit.isFailure(exit) ? exit.cause.reasons : []
    return reasons.find(Cause.isDieReason)?.defect
  })

type Store = OnNode.UserStore.UserStore["Service"]
class First extends Context.Service<First, Store>()("test/First") {}
class Second extends Context.Service<Second, Store>()("test/Second") {}

/** The store that `layerConfig` gives, under another name. */
const storeAs = <I>(tag: Context.Key<I, Store>) =>
  Layer.provide(Layer.effect(tag, OnNode.UserStore.UserStore), OnNode.layerConfig)

describe("options of a server", () => {
  it.effect.each<object>([
    { baseUrl: "users.example.com" },
    { baseUrl: "https://me:hush@users.example.com" },
    { baseUrl: undefined },
    { baseUrl: 7 },
    { fetch: 5 },
    { timeout: 0 },
    { timeout: -1 },
    { timeout: "nonsense" },
    { timout: 1 },
    { retry: true },
    { retry: { attempts: 1.5 } },
    { retry: { deadline: "x" } },
    { retry: { deadline: Number.POSITIVE_INFINITY } },
    { retry: { maxRetryAfter: -1 } },
    { rateLimit: { limit: 0 } },
    { rateLimit: { window: "x" } },
    { rateLimit: { limit: 10, window: 0 } },
    { rateLimit: { limit: 10, window: Number.POSITIVE_INFINITY } },
    { rateLimit: { limt: 10 } },
  ])("that cannot be are defects, and those of the promise client: %j", (options) =>
    Effect.gen(function* () {
      const asked = { baseUrl, ...options }
      const defect = yield* defectOf(asked)
      const thrown = yield* Effect.flip(
        Effect.try({ try: () => createClient({ token: "t", ...asked }), catch: String }),
      )
      // The two have other names, and other options beside those that they share.
      const [message] = thrown.replace("createClient has", "layer has").split(/: there is|, maxRetryAfter$/)
      expect(String(defect)).toContain(message)
      expect(String(defect)).toMatch(/^(Type|Range)Error: /)
      expect(String(defect)).not.toContain("hush")
    }),
  )

  it.effect.each<[unknown, string]>([
    [{ baseUrl, tokn: "t" }, "TypeError: layer has no tokn: there is baseUrl, token, fetch, timeout, retry"],
    [{ baseUrl, retry: { attemps: 1 } }, "TypeError: retry has no attemps: there is attempts, deadline"],
    [{ baseUrl, retry: { countsWaiting: 1 } }, "TypeError: retry.countsWaiting has to be true or false"],
    [{ baseUrl, onWait: 1 }, "TypeError: onWait has to be a function"],
    [{ baseUrl, onTurn: 1 }, "TypeError: onTurn has to be a function"],
    [{ baseUrl, token: "hush" }, "TypeError: token has to be text that is Redacted"],
    [{ baseUrl, token: Redacted.make(7) }, "TypeError: token has to be text that is Redacted"],
    [null, "TypeError: layer takes an object of options"],
    [undefined, "TypeError: layer takes an object of options"],
  ])("that are its own are told of, too: %j", ([options, message]) =>
    Effect.gen(function* () {
      const defect = String(yield* defectOf(options))
      expect(defect).toContain(message)
      expect(defect).not.toContain("hush")
    }),
  )

  it.effect("are not kept from what an effect gives for a token", () =>
    Effect.gen(function* () {
      const sent = vi.fn<typeof fetch>(async () => Response.json(user))
      const defect = yield* defectOf({ baseUrl, token: Effect.succeed("hush"), fetch: sent }, ask)
      expect(String(defect)).toBe("TypeError: token is an effect, which has to give text that is Redacted")
      expect(sent).not.toHaveBeenCalled()
      expect(yield* defectOf({ baseUrl, token: Effect.succeed(Redacted.make("t")), fetch: sent }, ask)).toBeUndefined()
      expect(new Headers(sent.mock.calls[0]?.[1]?.headers).get("authorization")).toBe("Bearer t")
    }),
  )

  it.effect("may be there and undefined, where they may be left out", () =>
    Effect.gen(function* () {
      const nothing = { token: undefined, fetch: undefined, timeout: undefined, retry: undefined, rateLimit: undefined }
      expect(yield* defectOf({ baseUrl, ...nothing, onWait: undefined, onTurn: undefined })).toBeUndefined()
      expect(yield* defectOf({ baseUrl, retry: false, rateLimit: { limit: undefined } })).toBeUndefined()
    }),
  )
})

describe("options outside the program", () => {
  it.effect("are read by Config, with the variables of the command line", () =>
    Effect.gen(function* () {
      let asked = 0
      let bearer: string | undefined
      const server = createServer(({ headers }, response) => {
        asked += 1
        bearer = headers.authorization
        response.writeHead(500, { "content-type": "application/json" }).end('{"code":"internal_error"}')
      })
      yield* Effect.promise(() => new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve)))
      const env = {
        WEBFLOW_USERS_STORE: `http://127.0.0.1:${(server.address() as AddressInfo).port}/v2`,
        WEBFLOW_USERS_TOKEN: "from-the-environment",
        WEBFLOW_USERS_UPSTREAM_ATTEMPTS: "1",
      }
      const error = yield* Effect.flip(Effect.provide(ask, OnNode.layerConfig)).pipe(
        Effect.provide(ConfigProvider.layer(ConfigProvider.fromEnv({ env }))),
        Effect.ensuring(Effect.sync(() => server.close())),
      )
      expect(error._tag).toBe("InternalError")
      expect([asked, bearer]).toEqual([1, "Bearer from-the-environment"])
    }),
  )

  it.effect.each([
    [{}, "WEBFLOW_USERS_STORE"],
    [{ WEBFLOW_USERS_STORE: "file:./users.db" }, "WEBFLOW_USERS_STORE does not begin with https:"],
    [{ WEBFLOW_USERS_STORE: "https://me:hush@a.example" }, "WEBFLOW_USERS_STORE holds a user name"],
    [
      { WEBFLOW_USERS_STORE: "https://a.example/v2", WEBFLOW_USERS_UPSTREAM_TIMEOUT: "soon" },
      "WEBFLOW_USERS_UPSTREAM_TIMEOUT has to be a duration",
    ],
  ] as ReadonlyArray<[Record<string, string>, string]>)("that are wrong there are told: %j", ([env, message]) =>
    Effect.gen(function* () {
      const error = yield* Effect.flip(Effect.provide(ask, OnFetch.layerConfig)).pipe(
        Effect.provide(ConfigProvider.layer(ConfigProvider.fromEnv({ env }))),
      )
      expect(error._tag).toBe("ConfigError")
      expect(error.message).toContain(message)
      expect(error.message).not.toContain("hush")
    }),
  )

  it.effect.each(platforms)("are those of each server, where a program has two, %s", ([, { layerConfig }]) =>
    Effect.gen(function* () {
      const servers = yield* Effect.forEach(["a", "b"], (name) =>
        Effect.acquireRelease(
          Effect.callback<
            { readonly env: Record<string, string>; readonly asked: Array<string | undefined> } & {
              readonly close: () => void
            }
          >((resume) => {
            const asked: Array<string | undefined> = []
            const server = createServer(({ headers }, response) => {
              asked.push(headers.authorization)
              response.writeHead(200, { "content-type": "application/json" }).end(JSON.stringify(user))
            }).listen(0, "127.0.0.1", () => {
              const { port } = server.address() as AddressInfo
              const env = { WEBFLOW_USERS_STORE: `http://127.0.0.1:${port}/v2`, WEBFLOW_USERS_TOKEN: name }
              const close = () => {
                server.closeAllConnections()
                server.close()
              }
              resume(Effect.succeed({ env, asked, close }))
            })
          }),
          ({ close }) => Effect.sync(close),
        ),
      )
      class A extends Context.Service<A, OnNode.WebflowUsers["Service"]>()("test/A") {}
      class B extends Context.Service<B, OnNode.WebflowUsers["Service"]>()("test/B") {}
      const [a, b] = servers.map(({ env }) =>
        Layer.provide(layerConfig, ConfigProvider.layer(ConfigProvider.fromEnv({ env }))),
      )
      const both = Layer.merge(
        Layer.provide(Layer.effect(A, WebflowUsers), a!),
        Layer.provide(Layer.effect(B, WebflowUsers), b!),
      )
      yield* Effect.gen(function* () {
        yield* (yield* A).get(siteId, userId)
        yield* (yield* B).get(siteId, userId)
      }).pipe(Effect.provide(both))
      expect(servers.map(({ asked }) => asked)).toEqual([["Bearer a"], ["Bearer b"]])
    }),
  )

  it.effect("make one client of all that are under one provider", () =>
    Effect.gen(function* () {
      const same = Effect.map(Effect.all([First, Second]), ([a, b]) => a === b)
      const provider = ConfigProvider.layer(ConfigProvider.fromEnv({ env: { WEBFLOW_USERS_STORE: baseUrl } }))
      const both = Layer.mergeAll(storeAs(First), storeAs(Second))
      expect(yield* Effect.provide(same, Layer.provide(both, provider))).toBe(true)
    }),
  )
})
