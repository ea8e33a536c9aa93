/** What is seen of requests from outside their answering: an id on each, a line in the log, numbers, a span. */
import { parseSiteId, parseUserId } from "@webflow-users/core"
import { Correlation } from "@webflow-users/core/UserStore/Upstream"
import { Clock, Effect, Random } from "effect"
import { TrustedProxies } from "./Addresses.ts"
import * as Cors from "./Cors.ts"
import { EndsWithCaller } from "./Forwarding.ts"
import type * as Http from "./Http.ts"
import { type Fields, Lines } from "./Log.ts"
import { Metrics } from "./Metrics.ts"
import * as Request from "./Request.ts"
import * as Tracing from "./Tracing.ts"

/** What a request has come to whose caller hung up before it was answered, as nginx writes it. */
const hungUp = 499

/** What a request has come to whose connection was reset, because a fault was asked for. */
const reset = 0

/** Health checks come every few seconds: lines about them are for who looks for them. */
const probes: ReadonlySet<string> = new Set(["/health", "/ready"])

const forwardedUnread =
  "X-Forwarded-For is not read, since no proxy in front is trusted: all callers behind one count as one address. " +
  "--trusted-proxies names it"

export interface Observer {
  /** Answers a request, and lets it be seen. */
  readonly around: <R>(
    request: Http.Request,
    answering: Effect.Effect<Http.Answer, never, R>,
  ) => Effect.Effect<Http.Answer, never, R>
  /** The answer to what is no request that could be read. */
  readonly refused: (answer: Http.TextResponse) => Http.TextResponse
}

/** Sees what is to be seen by what this is run with. */
export const make: Effect.Effect<Observer> = Effect.gen(function* () {
  const lines = yield* Lines
  const metrics = yield* Metrics
  const origins = yield* Cors.AllowedOrigins
  const sample = yield* Tracing.Sampler
  const goesOn = yield* EndsWithCaller
  // Said once: it is about how the proxy is set up, and anybody can write the header.
  let untold = (yield* TrustedProxies).isNone
  const clock = yield* Clock.Clock
  const random = yield* Random.Random

  const tellOfForwarding = () => {
    untold = false
    lines?.write("warn", new Date(clock.currentTimeMillisUnsafe()), forwardedUnread, {})
  }

  const tell = (
    seen: { readonly route: Request.Route; readonly current: Request.Current; readonly address?: string },
    answer: Http.Answer | typeof hungUp,
    took: number,
  ) => {
    const { route, current } = seen
    const status = typeof answer === "object" ? answer.status : answer === "Reset" ? reset : answer
    metrics?.requestEnded({ method: route.method, route: route.path, status, seconds: took })
    lines?.write(
      probes.has(route.path) && status < 500 ? "debug" : "info",
      new Date(clock.currentTimeMillisUnsafe()),
      "request",
      {
        request_id: current.id,
        trace_id: current.traceId,
        method: route.method,
        route: route.path,
        status,
        duration_ms: Math.round(took * 1e6) / 1e3,
        bytes: typeof answer === "object" ? Buffer.byteLength(answer.body) : 0,
        actor: current.caller,
        ...(lines.settings.ids && idsOf(seen)),
      },
    )
  }

  return {
    around: (request, answering) =>
      Effect.suspend(() => {
        const began = clock.monotonicTimeNanosUnsafe()
        const current: Request.Current = { id: Request.idOf(request.header(Request.idHeader), random) }
        const route = Request.routeOf(request.method, request.target)
        if (untold && request.header("x-forwarded-for") !== undefined) tellOfForwarding()
        metrics?.requestBegan()
        const end = (answer: Http.Answer | typeof hungUp) => {
          const took = Number(clock.monotonicTimeNanosUnsafe() - began) / 1e9
          tell({ route, current, address: request.address }, answer, took)
        }
        // What nobody has asked for is left out, step by step: all of this stands in the way of every request.
        const asking = goesOn
          ? Effect.onInterrupt(correlated(current, answering), () => Effect.sync(() => end(hungUp)))
          : answering
        const allowed = origins === undefined ? asking : Cors.around(origins, request, asking)
        const traced = sample === undefined ? allowed : Tracing.around(sample, route, request, current, allowed)
        return Effect.map(Effect.provideService(traced, Request.Current, current), (answer) => {
          end(answer)
          return answer === "Reset" ? answer : withId(answer, current.id)
        })
      }),

    refused: (answer) => {
      const current = { id: Request.newId(random) }
      metrics?.requestBegan()
      tell({ route: Request.unknown, current }, answer, 0)
      return withId({ ...answer, headers: { ...answer.headers, ...Cors.headersFor(origins, undefined) } }, current.id)
    },
  }
})

/** Asks another server so that it can tell what its requests belong to. */
const correlated = <A, E, R>(current: Request.Current, asking: Effect.Effect<A, E, R>) =>
  Effect.flatMap(Tracing.passedOn(current), (traced) =>
    Effect.provideService(asking, Correlation, { [Request.idHeader]: current.id, ...traced }),
  )

const withId = <A extends Http.Response>(answer: A, id: string): A => ({
  ...answer,
  headers: { ...answer.headers, [Request.idHeader]: id },
})

/** Whose a request was. Only what can be an id: a path may say anything. */
const idsOf = ({ route, address }: { readonly route: Request.Route; readonly address?: string }): Fields => ({
  site_id: parseSiteId(route.siteId ?? ""),
  user_id: parseUserId(route.userId ?? ""),
  address,
})
