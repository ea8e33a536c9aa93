/** Sends spans to a collector, by OTLP over HTTP. */
import { Duration, Effect, Exit, Layer, Predicate, Redacted, Tracer } from "effect"
import { FetchHttpClient, HttpClient, HttpClientError, type HttpClientRequest } from "effect/http"
import { OtlpExporter, OtlpSerialization, OtlpTracer } from "effect/observability"
import type { Settings } from "./Tracing.ts"

/**
 * The most that is being sent at once. A collector that hangs must not make this process keep spans without end: past this
 * they are thrown away, for a minute.
 */
const mostAtOnce = 4

/** Makes spans, and sends them while it is open; what is left at the end is sent then, within three seconds. */
export const layerExport = (settings: Settings, version: string): Layer.Layer<never> =>
  Layer.effect(
    Tracer.Tracer,
    Effect.map(
      OtlpTracer.make({
        url: settings.url,
        headers: Redacted.value(settings.headers),
        resource: {
          serviceName: settings.serviceName,
          serviceVersion: settings.attributes["service.version"] ?? version,
          attributes: settings.attributes,
        },
        exportInterval: settings.interval,
        maxBatchSize: settings.batchSize,
        shutdownTimeout: "3 seconds",
      }),
      discreet,
    ),
  ).pipe(
    Layer.provide([
      OtlpExporter.layerFlusher,
      settings.protocol === "http/json" ? OtlpSerialization.layerJson : OtlpSerialization.layerProtobuf,
      Layer.effect(HttpClient.HttpClient, Effect.map(HttpClient.HttpClient, bounded(settings.timeout))).pipe(
        Layer.provide(FetchHttpClient.layer),
      ),
    ]),
  )

/** A client that gives up on a collector in time, and says that it did. */
const bounded = (timeout: Duration.Duration) => (client: HttpClient.HttpClient) => {
  let underWay = 0
  return HttpClient.transform(client, (sending, request) =>
    Effect.suspend(() => {
      // To the exporter a defect is the end of it, where a failure would be tried again.
      if (underWay >= mostAtOnce) {
        return Effect.andThen(complain("It does not keep up"), Effect.die(new Error("Too much is being sent")))
      }
      underWay += 1
      return sending.pipe(
        // The body too: it is read again, from memory, by whoever asked.
        Effect.tap((response) => response.arrayBuffer),
        Effect.timeoutOrElse({ duration: timeout, orElse: () => Effect.fail(late(request)) }),
        Effect.ensuring(Effect.sync(() => (underWay -= 1))),
        Effect.tap(({ status }) => (status < 400 ? Effect.void : complain(`It answered ${status}`))),
        Effect.tapError(() => complain("It could not be reached, or did not answer in time")),
      )
    }),
  )
}

const late = (request: HttpClientRequest.HttpClientRequest) =>
  new HttpClientError.HttpClientError({ reason: new HttpClientError.TransportError({ request }) })

// Nothing of the address: it may hold a password.
const complain = (reason: string) =>
  Effect.annotateLogs(Effect.logWarning("Traces could not be delivered to the collector"), { reason })

/**
 * Spans tell of a failure what it is called and not what it says: words of a database or of another server may repeat what was
 * sent to it. An answer of 500 and more is a failure, though nothing failed in making it.
 */
const discreet = (tracer: Tracer.Tracer): Tracer.Tracer =>
  Tracer.make({
    span: (options) => {
      const span = tracer.span(options)
      const end = span.end.bind(span)
      return Object.assign(span, {
        end: (at: bigint, exit: Exit.Exit<unknown, unknown>) => end(at, withoutWords(span, exit)),
      })
    },
  })

const withoutWords = (span: Tracer.Span, exit: Exit.Exit<unknown, unknown>): Exit.Exit<unknown, unknown> => {
  const status = span.attributes.get("http.response.status_code")
  if (Exit.isSuccess(exit)) return Number(status) >= 500 ? Exit.fail(bare(String(status))) : exit
  const reason = exit.cause.reasons.find(({ _tag }) => _tag !== "Interrupt")
  if (reason === undefined) return exit
  const isNamed = reason._tag === "Fail" && Predicate.hasProperty(reason.error, "_tag")
  return Exit.fail(bare(isNamed ? String((reason.error as { readonly _tag: unknown })._tag) : "Defect"))
}

const bare = (name: string) => ({ name, message: name, stack: name })
