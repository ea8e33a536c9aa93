/** What this process tells of its requests: a line in the log each, numbers, a span. */
import { parseSiteId, parseUserId } from "@webflow-users/core"
import { Addresses, Observed, type Request } from "@webflow-users/server"
import { Clock, Effect, Layer } from "effect"
import { type Fields, Lines } from "./Log.ts"
import { Metrics } from "./Metrics.ts"
import * as Tracing from "./Tracing.ts"

/** What a request has come to whose connection was reset, because a fault was asked for. */
const reset = 0

/** Health checks come every few seconds: lines about them are for who looks for them. */
const probes: ReadonlySet<string> = new Set(["/health", "/ready"])

const forwardedUnread =
  "X-Forwarded-For is not read, since no proxy in front is trusted: all callers behind one count as one address. " +
  "--trusted-proxies names it"

/** Tells of requests what is to be told by what this is run with. */
const make: Effect.Effect<Observed.Witness> = Effect.gen(function* () {
  const lines = yield* Lines
  const metrics = yield* Metrics
  const sample = yield* Tracing.Sampler
  // Said once: it is about how the proxy is set up, and anybody can write the header.
  let untold = (yield* Addresses.TrustedProxies).isNone
  const clock = yield* Clock.Clock

  return {
    began: (request) => {
      if (untold && request?.header("x-forwarded-for") !== undefined) {
        untold = false
        lines?.write("warn", new Date(clock.currentTimeMillisUnsafe()), forwardedUnread, {})
      }
      metrics?.requestBegan()
    },

    ended: (seen) => {
      const { route, current, answer, seconds } = seen
      const status = typeof answer === "object" ? answer.status : answer === "Reset" ? reset : answer
      metrics?.requestEnded({ method: route.method, route: route.path, status, seconds })
      const level = probes.has(route.path) && status < 500 ? "debug" : "info"
      if (lines?.says(level) !== true) return
      lines.write(level, new Date(clock.currentTimeMillisUnsafe()), "request", {
        request_id: current.id,
        trace_id: current.traceId,
        method: route.method,
        route: route.path,
        status,
        duration_ms: Math.round(seconds * 1e6) / 1e3,
        bytes: typeof answer === "object" ? Buffer.byteLength(answer.body) : 0,
        actor: current.caller,
        ...(lines.settings.ids && idsOf(seen)),
      })
    },

    ...(sample !== undefined && {
      around: <R>(
        request: Parameters<Observed.Answering<R>>[0],
        { route, current }: { readonly route: Request.Route; readonly current: Request.Current },
        answering: Observed.Answering<R>,
      ) => Tracing.around(sample, route, request, current, answering(request)),
      passedOn: Tracing.passedOn,
    }),
  }
})

/** Tells of every request that this process answers. */
export const layer: Layer.Layer<never> = Layer.effect(Observed.Witness, make)

/** Whose a request was. Only what can be an id: a path may say anything. */
const idsOf = ({ route, address }: Observed.Seen): Fields => ({
  site_id: parseSiteId(route.siteId ?? ""),
  user_id: parseUserId(route.userId ?? ""),
  address,
})
