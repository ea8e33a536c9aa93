/**
 * Tells the metrics to Prometheus, on a socket of its own: the public one is for callers, and this is for who runs it.
 */
import { createServer, type ServerResponse } from "node:http"
import type { AddressInfo } from "node:net"
import { monitorEventLoopDelay } from "node:perf_hooks"
import { WebhookOutbox } from "@webflow-users/core"
import { Server } from "@webflow-users/server"
import { Clock, type Context, Effect, FiberSet, Metric, Option, type Scope } from "effect"
import { PrometheusMetrics } from "effect/observability"
import type { Metrics } from "./Metrics.ts"

/** The version of the text format, as Prometheus asks for it. */
const contentType = "text/plain; version=0.0.4; charset=utf-8"

/** Whoever is allowed to ask sends next to nothing, and at once. */
const serverOptions = { headersTimeout: 5_000, requestTimeout: 5_000, keepAliveTimeout: 65_000, maxHeaderSize: 8_192 }

/** Listens until the scope closes. Gives the address it listens on. */
export const listen = Effect.fn("MetricsServer.listen")(function* (
  options: Server.Options,
  { context }: Metrics,
  version: string,
): Effect.fn.Return<AddressInfo, Server.CannotListen, Scope.Scope> {
  yield* watchProcess(context, version)
  const readOutbox = yield* outboxReader(context)
  const run = yield* FiberSet.runtime(yield* FiberSet.make<void>())()
  const tell = Effect.map(readOutbox, () => PrometheusMetrics.formatUnsafe(context))

  const server = createServer(serverOptions, (request, response) => {
    const path = request.url?.split("?", 1)[0]
    if (path !== "/metrics") return write(response, 404, "The metrics are at /metrics\n")
    if (request.method !== "GET" && request.method !== "HEAD") {
      return write(response.setHeader("allow", "GET, HEAD"), 405, "The metrics are read with GET\n")
    }
    run(Effect.map(tell, (text) => write(response, 200, text)))
  })
  yield* Effect.acquireRelease(Server.bind(server, options), () =>
    Effect.sync(() => server.close().closeAllConnections()),
  )
  return server.address() as AddressInfo
})

const write = (response: ServerResponse, status: number, text: string): void => {
  response.writeHead(status, { "content-type": contentType, "content-length": Buffer.byteLength(text) }).end(text)
}

/** What the process is and takes, under the names that the field has for it; read when it is asked for. */
const watchProcess = Effect.fnUntraced(function* (context: Context.Context<never>, version: string) {
  const delay = yield* Effect.acquireRelease(
    Effect.sync(() => {
      const histogram = monitorEventLoopDelay({ resolution: 20 })
      histogram.enable()
      return histogram
    }),
    (histogram) => Effect.sync(() => histogram.disable()),
  )
  const began = (yield* Clock.currentTimeMillis) / 1_000 - process.uptime()
  const gauge = (name: string, description: string, value: () => number) =>
    Metric.registerUnsafe(
      Metric.gauge(name, { description }),
      context,
      readOnly(() => ({ value: value() })),
    )

  Metric.gauge("webflow_users_build_info", {
    description: "The version that runs; always 1",
    attributes: { version, node: process.versions.node },
  }).updateUnsafe(1, context)
  gauge("process_start_time_seconds", "When the process began, in seconds since 1970", () => began)
  gauge("process_resident_memory_bytes", "Memory of the process", () => process.memoryUsage.rss())
  gauge("nodejs_heap_size_used_bytes", "Memory that JavaScript's objects take", () => process.memoryUsage().heapUsed)
  Metric.registerUnsafe(
    Metric.counter("process_cpu_seconds_total", { description: "CPU time of the process" }),
    context,
    readOnly(() => {
      const { user, system } = process.cpuUsage()
      return { count: (user + system) / 1e6, incremental: true }
    }),
  )
  gauge("nodejs_eventloop_lag_p99_seconds", "How late the process gets to what is due, since last asked", () => {
    const late = delay.percentile(99) / 1e9
    delay.reset()
    return late
  })
})

/** A metric that the process keeps itself. */
const readOnly = <State>(get: () => State) => ({ get, update: () => undefined, modify: () => undefined })

const deliveries = (state: string) =>
  Metric.gauge("webflow_users_webhook_deliveries", {
    description: "Deliveries of webhooks that are still to be made, and those that were given up",
    attributes: { state },
  })

/** Reads the outbox, where there is one, before it is told. What cannot be read in time is not told, rather than wrongly. */
const outboxReader = Effect.fnUntraced(function* (context: Context.Context<never>) {
  const outbox = yield* Effect.serviceOption(WebhookOutbox)
  if (Option.isNone(outbox)) return Effect.void
  const pending = deliveries("pending")
  const parked = deliveries("parked")
  return outbox.value.backlog.pipe(
    Effect.timeout("2 seconds"),
    Effect.matchCause({
      onSuccess: (backlog) => {
        pending.updateUnsafe(backlog.pending, context)
        parked.updateUnsafe(backlog.parked, context)
      },
      onFailure: () => {
        Metric.removeUnsafe(pending, context)
        Metric.removeUnsafe(parked, context)
      },
    }),
  )
})
