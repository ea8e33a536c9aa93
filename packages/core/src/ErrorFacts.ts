/**
 * What every error of the list carries beside its kind.
 */
import { Effect, Schema } from "effect"

/** One problem with one part of a request, in the form real responses have. */
export const Detail = Schema.Struct({ param: Schema.String, description: Schema.String }).annotate({
  component: "Detail",
})
export type Detail = typeof Detail.Type

/** The fields of an error that says this unless something else is known. */
export const facts = (message: string) => ({
  message: Schema.String.pipe(Schema.withConstructorDefault(Effect.succeed(message))),
  // As any server may send them: strings, {field, message} and {param, description} all occur.
  details: Schema.Array(Schema.Json).pipe(Schema.withConstructorDefault(Effect.succeed([]))),
  /** How long the server asks to wait, in seconds. */
  retryAfter: Schema.optionalKey(Schema.Finite),
  /** The name another server gave the request that failed, for who asks its owner about it. */
  requestId: Schema.optionalKey(Schema.String),
  /** How often the request was sent to another server. */
  attempts: Schema.optionalKey(Schema.Int),
})
