/** A store in this process. */
import { asError, UpdatePolicy } from "@webflow-users/core"
import { Cause, Context, Data, Effect, Predicate, type Scope } from "effect"
import type { StoreOptions } from "./options.ts"
import type { Platform, StoreServices } from "./platform.ts"

/** Stores in this process do not run here: on an older Node, in a browser or a worker. A server can be asked from anywhere. */
export class StoreNotSupported extends Data.TaggedError("StoreNotSupported")<{
  readonly message: string
  readonly cause?: unknown
}> {
  readonly code = "store_not_supported"
  readonly isRetryable = false
  static {
    asError(this.prototype)
  }
}

export const local = (
  { openStore }: Platform,
  { store, policy }: StoreOptions,
): Effect.Effect<Context.Context<StoreServices>, unknown, Scope.Scope> => {
  if (openStore === undefined) {
    return Effect.fail(notSupported("Node, and what was loaded of this package is for other platforms"))
  }
  return openStore(store).pipe(
    // A store in memory needs less of Node than one in a file, which finds out when it is opened.
    Effect.catchCause((cause) => {
      const error = Cause.squash(cause)
      const isTooOld = Predicate.hasProperty(error, "message") && /built-in module/.test(String(error.message))
      return isTooOld ? Effect.fail(notLoaded(error)) : Effect.failCause(cause)
    }),
    Effect.map(Context.add(UpdatePolicy.Current, UpdatePolicy.of(policy))),
  )
}

const oldest = [22, 19] as const

/** Why stores cannot be had on a Node, as far as its version tells. */
export const notLoaded = (cause: unknown) => {
  const { process } = globalThis as { readonly process?: { readonly versions?: { readonly node?: string } } }
  const node = process?.versions?.node ?? ""
  const [major = 0, minor = 0] = node.split(".").map(Number)
  const isOld = major < oldest[0] || (major === oldest[0] && minor < oldest[1])
  return notSupported(
    isOld
      ? `Node ${oldest.join(".")} or newer, and this is Node ${node}`
      : "modules that could not be loaded: install the package anew",
    cause,
  )
}

const notSupported = (needed: string, cause?: unknown) => {
  const message = `A store in this process needs ${needed}. A server can be asked from here: createClient({ baseUrl, token })`
  return new StoreNotSupported({ message, ...(cause !== undefined && { cause }) })
}
