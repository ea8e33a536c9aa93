/** What is counted and timed while the proxy runs. `MetricsServer.ts` tells it; the table of names is in docs/operating.md. */
import { UserStore } from "@webflow-users/core"
import type { StoreAddress } from "@webflow-users/stores"
import { Clock, Context, Effect, Exit, Layer, Metric } from "effect"
import * as Tracing from "./Tracing.ts"

/** Seconds, from a store in memory to the deadline of another server. */
const seconds = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60]

export interface Metrics {
  /** What the series are kept in, for whoever reads them. */
  readonly context: Context.Context<never>
  readonly requestBegan: () => void
  readonly requestEnded: (request: {
    readonly method: string
    readonly route: string
    readonly status: number
    readonly seconds: number
  }) => void
  readonly storeAnswered: (operation: string, seconds: number) => void
  readonly upstreamAnswered: (method: string, outcome: string, seconds: number) => void
  readonly upstreamWaited: (seconds: number) => void
}

/** The metrics of this process; nothing is counted where nobody reads them. */
export const Metrics = Context.Reference<Metrics | undefined>("@webflow-users/http-proxy/Metrics", {
  defaultValue: () => undefined,
})

export const make = (): Metrics => {
  const context = Context.make(Metric.MetricRegistry, new Map())
  const inFlight = Metric.gauge("webflow_users_http_requests_in_flight", {
    description: "Requests that are being answered",
  })
  inFlight.updateUnsafe(0, context)
  const requests = counter("webflow_users_http_requests_total", "Requests that were answered")
  const durations = histogram(
    "webflow_users_http_request_duration_seconds",
    "From a request's head to its answer, before that is sent",
  )
  const store = histogram("webflow_users_store_duration_seconds", "How long the store took, by operation")
  const upstream = counter(
    "webflow_users_upstream_requests_total",
    "Requests sent to the server behind, each try counted, by its status or by why there is none",
  )
  const upstreamDurations = histogram(
    "webflow_users_upstream_request_duration_seconds",
    "How long the server behind took to answer",
  )
  const waits = Metric.histogram("webflow_users_upstream_wait_seconds", {
    description: "How long requests to the server behind waited for their turn within its limit",
    boundaries: seconds,
  })

  return {
    context,
    requestBegan: () => inFlight.modifyUnsafe(1, context),
    requestEnded: ({ method, route, status, seconds: took }) => {
      inFlight.modifyUnsafe(-1, context)
      requests(`${method} ${route} ${status}`, () => ({ method, route, status: String(status) })).updateUnsafe(
        1,
        context,
      )
      durations(`${method} ${route}`, () => ({ method, route })).updateUnsafe(took, context)
    },
    storeAnswered: (operation, took) => store(operation, () => ({ operation })).updateUnsafe(took, context),
    upstreamAnswered: (method, outcome, took) => {
      upstream(`${method} ${outcome}`, () => ({ method, outcome })).updateUnsafe(1, context)
      upstreamDurations(method, () => ({ method })).updateUnsafe(took, context)
    },
    upstreamWaited: (took) => waits.updateUnsafe(took, context),
  }
}

const counter = (name: string, description: string) =>
  series((attributes) => Metric.counter(name, { description, incremental: true, attributes }))

const histogram = (name: string, description: string) =>
  series((attributes) => Metric.histogram(name, { description, boundaries: seconds, attributes }))

/** One metric a set of labels, made when it is first needed. */
const series = <M>(one: (labels: Record<string, string>) => M) => {
  const known = new Map<string, M>()
  return (key: string, labels: () => Record<string, string>): M => {
    const found = known.get(key)
    if (found !== undefined) return found
    const made = one(labels())
    known.set(key, made)
    return made
  }
}

/** Times something in seconds, however it ends. */
export const timed = <A, E, R>(
  effect: Effect.Effect<A, E, R>,
  tell: (took: number, exit: Exit.Exit<A, E>) => void,
): Effect.Effect<A, E, R> =>
  Clock.clockWith((clock) => {
    const began = clock.monotonicTimeNanosUnsafe()
    return Effect.onExitPrimitive(effect, (exit) => {
      tell(Number(clock.monotonicTimeNanosUnsafe() - began) / 1e9, exit)
      return undefined
    })
  })

/** The store, timed. */
export const timeStore = (
  store: UserStore.UserStore["Service"],
  { storeAnswered }: Metrics,
): UserStore.UserStore["Service"] => {
  const time =
    <A extends ReadonlyArray<unknown>, B, E>(operation: string, call: (...given: A) => Effect.Effect<B, E>) =>
    (...given: A) =>
      timed(call(...given), (took) => storeAnswered(operation, took))
  return {
    ...store,
    update: time("update", store.update),
    get: time("get", store.get),
    findByEmail: time("find_by_email", store.findByEmail),
    list: time("list", store.list),
    declaration: time("declaration", store.declaration),
    accessGroups: time("access_groups", store.accessGroups),
  }
}

/** Times the store of a layer, where anybody reads metrics. */
export const layerTimed = <A, E, R>(
  layer: Layer.Layer<A | UserStore.UserStore, E, R>,
): Layer.Layer<A | UserStore.UserStore, E, R> =>
  Layer.effect(
    UserStore.UserStore,
    Effect.gen(function* () {
      const metrics = yield* Metrics
      const store = yield* UserStore.UserStore
      return metrics === undefined ? store : timeStore(store, metrics)
    }),
  ).pipe(Layer.provideMerge(layer))

/** Counts and times what is sent to another server, and how long it waited for that. */
export const upstreamOptions = ({
  upstreamAnswered,
  upstreamWaited,
}: Metrics): Pick<StoreAddress.Options, "around" | "onTurn"> => ({
  around: (method, sending) =>
    timed(Tracing.aroundUpstream(method, sending), (took, exit) => upstreamAnswered(method, outcomeOf(exit), took)),
  onTurn: (waited) => upstreamWaited(waited / 1_000),
})

const outcomeOf = (exit: Exit.Exit<{ readonly status: number }, { readonly _tag: string }>): string => {
  if (Exit.isSuccess(exit))
    return exit.value.status >= 100 && exit.value.status < 600 ? String(exit.value.status) : "other"
  const failed = exit.cause.reasons.find((reason) => reason._tag === "Fail")
  // A caller who hung up.
  return failed?._tag === "Fail" ? failed.error._tag : "interrupted"
}
