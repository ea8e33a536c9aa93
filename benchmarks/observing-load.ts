/** Answers the same request many times in this process, seen as the first argument says; prints the µs each took. */
import * as Log from "../apps/http-proxy/src/Log.ts"
import * as Metrics from "../apps/http-proxy/src/Metrics.ts"
import { layerExport } from "../apps/http-proxy/src/TracingExport.ts"
import * as Tracing from "../apps/http-proxy/src/Tracing.ts"
import * as Witness from "../apps/http-proxy/src/Witness.ts"
import { Routes } from "@webflow-users/core/wire"
import { AccessTokens, NewUsers, parseSiteId, RateLimits, type SiteId, UpdateUser, UserId } from "@webflow-users/core"
import { Callers, FailedAuthentications, Http, Observed } from "@webflow-users/server"
import { StoreAddress } from "@webflow-users/stores"
import * as NodeCrypto from "../apps/http-proxy/node_modules/@effect/platform-node/dist/NodeCrypto.js"
import { Duration, Effect, Fiber, Layer, ManagedRuntime, Redacted } from "effect"
import "effect/schema/SchemaJITCompiler/enable"

const siteId = parseSiteId("580e63e98c9a982ac9b8b741") as SiteId
const userId = UserId.make("6287ec36a841b25637c663df")
const [how = "", method = "GET", collector = "", requests = ""] = process.argv.slice(2)
const rounds = Number(requests)

const log = Log.layer({ format: "json", level: "info", ids: false })
const metrics = Layer.sync(Metrics.Metrics, Metrics.make)
const traces = Layer.merge(
  layerExport(
    {
      url: collector,
      protocol: "http/protobuf",
      headers: Redacted.make({}),
      serviceName: "bench",
      attributes: {},
      timeout: Duration.seconds(10),
      interval: Duration.seconds(5),
      batchSize: 512,
    },
    "0",
  ),
  Layer.succeed(Tracing.Sampler, () => true),
)
const seen: Record<string, Layer.Layer<never>> = {
  "nobody looks": Layer.empty,
  "request ids": Layer.empty,
  log,
  metrics,
  "log and metrics": Layer.merge(log, metrics),
  traces,
}

const runtime = ManagedRuntime.make(
  Layer.merge(UpdateUser.layer, Callers.tokens).pipe(
    Layer.provideMerge(
      Layer.mergeAll(
        AccessTokens.AccessTokens.layer,
        RateLimits.RateLimits.layerMemory,
        FailedAuthentications.FailedAuthentications.layer(),
      ),
    ),
    Layer.provideMerge(Metrics.layerTimed(StoreAddress.layerOwned("memory:"))),
    Layer.provide([NodeCrypto.layerDigest, NodeCrypto.layerSecureRandom]),
    Layer.provideMerge(Layer.provideMerge(Witness.layer, seen[how] ?? Layer.empty)),
  ),
)

const answering = (asked: Http.Request) => Http.answer(asked, () => undefined)

const program = Effect.gen(function* () {
  yield* NewUsers.use((users) =>
    users.add(siteId, () => [{ id: userId, accessGroups: [], data: { name: "Ada", email: "ada@example.com" } }]),
  )
  const tokens = yield* AccessTokens.AccessTokens
  const { token } = yield* tokens.create(siteId, ["users:read", "users:write"])
  const observer = yield* Observed.make
  const headers: Record<string, string> = { authorization: `Bearer ${token}`, "content-type": "application/json" }
  const path = `/v2/sites/${siteId}/users/${userId}`
  const request: Http.Request = {
    method,
    target: path,
    path,
    query: "",
    match: Routes.match(method, path),
    header: (name) => headers[name],
    headerNames: () => Object.keys(headers),
    address: "127.0.0.1",
    body: () => Effect.succeed(Buffer.from(method === "PATCH" ? '{"data":{"name":"Some One"}}' : "")),
    stopping: Effect.never,
  }
  const once =
    how === "nobody looks"
      ? answering(request)
      : Effect.suspend(() => observer.around(request, answering, (answer) => answer))
  // As the server does it: each request is a fiber of its own, and the loop turns.
  const many = (count: number) =>
    Effect.gen(function* () {
      for (let at = 0; at < count; at += 1) {
        const answer = yield* Effect.flatMap(Effect.forkChild(once), Fiber.join)
        if (answer === "Reset" || answer.status !== 200) throw new Error("It was not answered")
        if (at % 50 === 0) yield* Effect.promise(() => new Promise(setImmediate))
      }
    })
  yield* many(rounds / 2)
  const cpu = process.cpuUsage()
  yield* many(rounds)
  const { user, system } = process.cpuUsage(cpu)
  return (user + system) / rounds
})

process.stdout.write(`${await runtime.runPromise(Effect.withTracerEnabled(program, false))}\n`)
await runtime.dispose()
