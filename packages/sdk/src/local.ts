/** A store in this process. */
import { type NewUsers, type Sites, UpdatePolicy, type UserStore } from "@webflow-users/core"
import { Cause, Data, Effect, Layer, Predicate } from "effect"
import type { StoreOptions } from "./options.ts"

/** Stores in this process do not run here: on an older Node, in a browser or a worker. A server can be asked from anywhere. */
export class StoreNotSupported extends Data.TaggedError("StoreNotSupported")<{
  readonly message: string
  readonly cause: unknown
}> {
  readonly code = "store_not_supported"
  readonly isRetryable = false
}

// Imported when it is asked for: a client over HTTP runs where Node's modules are not to be had.
export const local = ({ store, policy }: StoreOptions): Layer.Layer<UserStore.UserStore | NewUsers | Sites, unknown> =>
  Layer.unwrap(
    Effect.map(
      Effect.tryPromise({ try: () => import("@webflow-users/stores"), catch: notSupported }),
      ({ StoreAddress }) => StoreAddress.layerOwned(store),
    ),
  ).pipe(
    // A store in memory needs less of Node than one in a file, which finds out when it is opened.
    Layer.catchCause((cause) => {
      const error = Cause.squash(cause)
      const isTooOld = Predicate.hasProperty(error, "message") && /built-in module/.test(String(error.message))
      return Layer.effectContext(isTooOld ? Effect.fail(notSupported(error)) : Effect.failCause(cause))
    }),
    Layer.merge(Layer.succeed(UpdatePolicy.Current, { ...UpdatePolicy.standard, ...policy })),
  )

const oldest = [22, 19] as const

const notSupported = (cause: unknown) => {
  const { process } = globalThis as { readonly process?: { readonly versions?: { readonly node?: string } } }
  const node = process?.versions?.node
  const [major = 0, minor = 0] = (node ?? "").split(".").map(Number)
  const isOld = major < oldest[0] || (major === oldest[0] && minor < oldest[1])
  const needed = isOld ? `Node ${oldest.join(".")} or newer` : "the package @webflow-users/stores"
  const here = node === undefined ? "this is no Node" : isOld ? `this is Node ${node}` : "it could not be loaded"
  const message = `A store in this process needs ${needed}, and ${here}. A server can be asked from here: createClient({ baseUrl, token })`
  return new StoreNotSupported({ message, cause })
}
