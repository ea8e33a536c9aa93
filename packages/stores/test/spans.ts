/** Hears of all spans that an effect makes, as somebody who traces does. */
import { Effect, Tracer } from "effect"

/** Runs an effect, and gives its spans. */
export const spansOf = <A, E, R>(effect: Effect.Effect<A, E, R>): Effect.Effect<ReadonlyArray<Tracer.Span>, E, R> =>
  Effect.suspend(() => {
    const spans: Array<Tracer.Span> = []
    const tracer = Tracer.make({
      span: (options) => {
        const span = new Tracer.NativeSpan(options)
        spans.push(span)
        return span
      },
    })
    return Effect.as(Effect.withTracer(effect, tracer), spans)
  })
