/**
 * Traces by OpenTelemetry's variables. Where none of them names a collector no span is made: to make them for nobody is a good
 * part of a request. `TracingExport.ts` sends them, and is loaded where they are sent.
 */
import type { Http, Request } from "@webflow-users/server"
import type { StoreAddress } from "@webflow-users/stores"
import { Config, Context, Data, Duration, Effect, Layer, Option, Random, Redacted, Tracer } from "effect"
import { Headers, HttpTraceContext } from "effect/http"

/** A variable of OpenTelemetry's has a value that is none. */
export class UnusableVariable extends Data.TaggedError("UnusableVariable")<{ readonly message: string }> {}

export interface Settings {
  /** Where spans are posted to. */
  readonly url: string
  readonly protocol: (typeof protocols)[number]
  readonly headers: Redacted.Redacted<Readonly<Record<string, string>>>
  /** As what this process is known to the collector. */
  readonly serviceName: string
  readonly attributes: Readonly<Record<string, string>>
  /** How long the collector may take. */
  readonly timeout: Duration.Duration
  /** How often spans are sent. */
  readonly interval: Duration.Duration
  readonly batchSize: number
}

/** Decides of a request whether it is traced: as its caller does, or anew. */
export type Sampler = (parent: Tracer.ExternalSpan | undefined, random: typeof Random.Random.Service) => boolean

/** Nothing where no traces are taken. */
export const Sampler = Context.Reference<Sampler | undefined>("@webflow-users/http-proxy/Tracing/Sampler", {
  defaultValue: () => undefined,
})

/** The languages a collector is spoken to in, over HTTP. */
export const protocols = ["http/protobuf", "http/json"] as const

const text = (variable: string) =>
  Effect.map(Effect.orDie(Config.option(Config.String(variable))), Option.getOrUndefined)

/** The value of the first variable that has one, read. */
const read = <A>(
  variables: readonly [string, ...Array<string>],
  expected: string,
  parse: (given: string) => A | undefined,
): Effect.Effect<A | undefined, UnusableVariable> =>
  Effect.gen(function* () {
    for (const variable of variables) {
      const given = (yield* text(variable))?.trim()
      if (given === undefined || given === "") continue
      const value = parse(given)
      // The value is not repeated: it may be the collector's address with a password, or headers with a key.
      return value ?? (yield* new UnusableVariable({ message: `${variable} has to be ${expected}` }))
    }
    return undefined
  })

const urlOf = (given: string): string | undefined =>
  /^https?:\/\//.test(given) && URL.canParse(given) ? given : undefined
const wholeNumber = (given: string): number | undefined =>
  /^\d{1,9}$/.test(given) && given !== "0" ? Number(given) : undefined
const oneOf =
  <const A extends string>(values: ReadonlyArray<A>) =>
  (given: string): A | undefined =>
    values.find((value) => value === given)
const aUrl = "an http: or https: URL, such as http://127.0.0.1:4318"
const milliseconds = "a number of milliseconds, from 1"

/** What the variables say; nothing where no traces are to be taken. */
export const settings: Effect.Effect<Settings | undefined, UnusableVariable> = Effect.gen(function* () {
  const isDisabled = yield* read(["OTEL_SDK_DISABLED"], "true or false", (given) =>
    /^(true|false)$/i.test(given) ? given.toLowerCase() : undefined,
  )
  const exporter = yield* read(["OTEL_TRACES_EXPORTER"], "otlp or none", oneOf(["otlp", "none"]))
  const whole = yield* read(["OTEL_EXPORTER_OTLP_TRACES_ENDPOINT"], aUrl, urlOf)
  const base = yield* read(["OTEL_EXPORTER_OTLP_ENDPOINT"], aUrl, urlOf)
  const url = whole ?? (base && `${base.replace(/\/$/, "")}/v1/traces`)
  if (url === undefined || isDisabled === "true" || exporter === "none") return undefined
  const protocol = yield* read(
    ["OTEL_EXPORTER_OTLP_TRACES_PROTOCOL", "OTEL_EXPORTER_OTLP_PROTOCOL"],
    protocols.join(" or "),
    oneOf(protocols),
  )
  const headers = yield* read(
    ["OTEL_EXPORTER_OTLP_TRACES_HEADERS", "OTEL_EXPORTER_OTLP_HEADERS"],
    "names and values, such as api-key=secret,other=value",
    pairsOf,
  )
  const timeout = yield* read(
    ["OTEL_EXPORTER_OTLP_TRACES_TIMEOUT", "OTEL_EXPORTER_OTLP_TIMEOUT"],
    milliseconds,
    wholeNumber,
  )
  const attributes = (yield* read(["OTEL_RESOURCE_ATTRIBUTES"], "names and values, such as a=b,c=d", pairsOf)) ?? {}
  return {
    url,
    protocol: protocol ?? protocols[0],
    headers: Redacted.make(headers ?? {}),
    serviceName: (yield* text("OTEL_SERVICE_NAME")) ?? attributes["service.name"] ?? "webflow-users-proxy",
    attributes,
    timeout: Duration.millis(timeout ?? 10_000),
    interval: Duration.millis((yield* read(["OTEL_BSP_SCHEDULE_DELAY"], milliseconds, wholeNumber)) ?? 5_000),
    batchSize: (yield* read(["OTEL_BSP_MAX_EXPORT_BATCH_SIZE"], "a whole number from 1", wholeNumber)) ?? 512,
  }
})

/** Names and values as these variables write them, the values escaped as in URLs. */
const pairsOf = (given: string): Readonly<Record<string, string>> | undefined => {
  const pairs = given.split(",").map((pair) => /^\s*([\w.-]+)\s*=\s*([^\r\n]*?)\s*$/.exec(pair))
  try {
    const named = pairs.map((pair) => [pair?.[1] ?? "", decodeURIComponent(pair?.[2] ?? "")] as const)
    return named.some(([name]) => name === "") ? undefined : Object.fromEntries(named)
  } catch {
    // A % that escapes nothing.
    return undefined
  }
}

const samplers = ["always_on", "always_off", "traceidratio"] as const

/** What decides whether a request is traced, as the variables say: as its caller says, and always where they say nothing. */
export const sampler: Effect.Effect<Sampler, UnusableVariable> = Effect.gen(function* () {
  const names = samplers.flatMap((name) => [name, `parentbased_${name}`] as const)
  const name = (yield* read(["OTEL_TRACES_SAMPLER"], names.join(", "), oneOf(names))) ?? "parentbased_always_on"
  const ratio = yield* read(["OTEL_TRACES_SAMPLER_ARG"], "a number from 0 to 1", (given) =>
    /^(0(\.\d+)?|1(\.0+)?)$/.test(given) ? Number(given) : undefined,
  )
  const share = name.endsWith("always_on") ? 1 : name.endsWith("always_off") ? 0 : (ratio ?? 1)
  const isParentBased = name.startsWith("parentbased_")
  return (parent, random) => {
    if (parent === undefined) return random.nextDoubleUnsafe() < share
    // Of one trace everybody keeps all or nothing: its id decides.
    return isParentBased ? parent.sampled : Number.parseInt(parent.traceId.slice(-8), 16) / 0x1_0000_0000 < share
  }
})

/** Takes traces where the variables name a collector. */
export const layer = (version: string): Layer.Layer<never, UnusableVariable> =>
  Layer.unwrap(
    Effect.gen(function* () {
      const found = yield* settings
      if (found === undefined) return Layer.empty
      const { layerExport } = yield* Effect.promise(() => import("./TracingExport.ts"))
      return Layer.merge(layerExport(found, version), Layer.succeed(Sampler, yield* sampler))
    }),
  )

/** A span for each request to another server; where no traces are taken it costs next to nothing beside what it sends. */
export const aroundUpstream: StoreAddress.Around = (method, sending) =>
  Effect.withFiber(({ cache }) => {
    // A span that nobody sees costs as much as one that somebody does.
    if (!cache.tracerEnabled || cache.tracer === undefined) return sending
    const options = { kind: "client", attributes: { "http.request.method": method } } as const
    return Effect.useSpan(`Upstream ${method}`, options, (span) =>
      Effect.tap(sending, ({ status }) => Effect.sync(() => span.attribute("http.response.status_code", status))),
    )
  })

/** The header that lets another server go on with the trace of a request, where one is taken. */
export const passedOn = (current: Request.Current): Effect.Effect<Readonly<Record<string, string>>> =>
  Effect.suspend(() =>
    current.traceId === undefined
      ? Effect.succeed({})
      : Effect.map(Effect.orDie(Effect.currentSpan), (span) => ({
          traceparent: `00-${span.traceId}-${span.spanId}-${span.sampled ? "01" : "00"}`,
        })),
  )

/** The span of a request: goes on with the caller's trace where they sent one. */
export const around = <R>(
  sample: Sampler,
  { path, method }: Request.Route,
  { header }: Http.Request,
  current: Request.Current,
  answering: Effect.Effect<Http.Answer, never, R>,
): Effect.Effect<Http.Answer, never, R> =>
  Effect.gen(function* () {
    const parent = Option.getOrUndefined(
      HttpTraceContext.w3c(Headers.fromInput({ traceparent: header("traceparent") })),
    )
    const options = {
      kind: "server",
      ...(parent === undefined ? { root: true } : { parent }),
      sampled: sample(parent, yield* Random.Random),
      attributes: { "http.request.method": method, "http.route": path, "webflow_users.request_id": current.id },
    } as const
    const traced = Effect.useSpan(`${method} ${path}`, options, (span) => {
      current.traceId = span.traceId
      const answered = Effect.tap(answering, (answer) =>
        Effect.sync(() => {
          if (answer !== "Reset") span.attribute("http.response.status_code", answer.status)
        }),
      )
      return Effect.withParentSpan(answered, span)
    })
    return yield* Effect.withTracerEnabled(traced, true)
  })
