/** Why a store cannot be opened, in words for who gave its address. */
import { asError } from "@webflow-users/core"
import { Cause, Data, Effect, Layer, Predicate } from "effect"

/** The address names no store that can be opened. The message says why and what would do. */
export class UnusableAddress extends Data.TaggedError("UnusableAddress")<{ readonly message: string }> {
  readonly code = "unusable_address"
  readonly isRetryable = false
  static {
    asError(this.prototype)
  }
}

/** The store at an address that is good does not answer: its server is away, or somebody holds it. It can be tried again. */
export class StoreAway extends Data.TaggedError("StoreAway")<{ readonly message: string }> {
  readonly code = "store_away"
  readonly isRetryable = true
  static {
    asError(this.prototype)
  }
}

/** Why a store cannot be opened. */
export type NotOpened = UnusableAddress | StoreAway

/** The refusal of an address. */
export const refuse = (message: string) => Layer.effectContext(Effect.fail(new UnusableAddress({ message })))

/** Opening is where a wrong path, a missing folder, a file that is no database or a server that is away shows. */
export const explain = <A>(opening: Layer.Layer<A, unknown>, remedy: string): Layer.Layer<A, NotOpened> =>
  Layer.catchCause(opening, (cause) =>
    // Loaded when one cannot be: what databases say is much to know.
    Effect.promise(() => import("./WhyNotOpened.ts")).pipe(
      Effect.flatMap(({ reasonOf }) => Effect.fail(reasonOf(Cause.squash(cause), remedy))),
      Layer.effectContext,
    ),
  )

/** `Failed to execute`, `fetch failed`: the reason is in the error that they wrap. Its words, which name no more than an address. */
export const rootMessage = (error: unknown): string => {
  // A name with several addresses fails with an error for each, and no words of its own.
  if (error instanceof AggregateError && error.errors.length > 0) return rootMessage(error.errors[0])
  if (Predicate.hasProperty(error, "cause") && error.cause !== undefined) return rootMessage(error.cause)
  if (Predicate.hasProperty(error, "reason") && error.reason !== undefined) return rootMessage(error.reason)
  if (error instanceof Error) return error.message || ("code" in error ? String(error.code) : error.name)
  return String(error)
}
