/** Runs programs for who holds promises. */
import { Actor, UpdateUser, type UserStore } from "@webflow-users/core"
import * as Upstream from "@webflow-users/core/UserStore/Upstream"
import { Cause, Data, Effect, Exit, Layer, ManagedRuntime } from "effect"
import { checkRequest } from "./checkOptions.ts"
import type { RequestOptions } from "./options.ts"

/** The client was closed before the call. */
export class ClientClosed extends Data.TaggedError("ClientClosed")<{ readonly message: string }> {
  readonly code = "client_closed"
  readonly isRetryable = false
}

/** Runs a program; what it fails with, or dies of, is what the promise rejects with. */
export type Run<R> = <A, E>(
  effect: Effect.Effect<A, E, R | UpdateUser.UpdateUser>,
  options?: RequestOptions,
  check?: typeof checkRequest,
) => Promise<A>

/** A call that was let in: what it runs is run, however late. */
export interface Admitted<R> {
  readonly run: Run<R>
  /** Lets `close` wait for this too, before anything is run. */
  readonly begins: (beginning: Promise<unknown>) => void
}

export interface Runtime<R> {
  /** Lets a call in. After `close`, whatever it runs rejects. */
  readonly admit: () => Admitted<R>
  /** Waits for the calls under way, then lets go of what the store holds. */
  readonly close: () => Promise<void>
}

/** A runtime on a store. `ending` ends all that it runs. */
export const runtimeOf = <R, E>(
  store: Layer.Layer<R | UserStore.UserStore, E>,
  ending?: AbortSignal,
): Runtime<R | UserStore.UserStore> => {
  type Has = R | UserStore.UserStore
  const runtime = ManagedRuntime.make(UpdateUser.layer.pipe(Layer.provideMerge(store)))
  const underWay = new Set<Promise<unknown>>()
  let closing: Promise<void> | undefined

  const begins = (something: Promise<unknown>) => {
    underWay.add(something)
    const ends = () => void underWay.delete(something)
    something.then(ends, ends)
  }
  const run: Run<Has> = async (effect, options, check = checkRequest) => {
    if (options !== undefined) check("The call", options)
    const { signal, leave } = joined(ending, options?.signal)
    signal?.throwIfAborted()
    const told = Effect.provideService(options === undefined ? effect : asTold(effect, options), Actor, {
      actor: "sdk",
    })
    const running = runtime.runPromiseExit(told, signal === undefined ? undefined : { signal })
    begins(running)
    const exit = await running
    leave?.()
    if (Exit.isSuccess(exit)) return exit.value
    if (signal?.aborted === true && Cause.hasInterruptsOnly(exit.cause)) throw signal.reason
    throw Cause.squash(exit.cause)
  }
  const close = async () => {
    while (underWay.size > 0) await Promise.allSettled(underWay)
    await runtime.dispose()
  }
  return {
    admit: () => ({ run: closing === undefined ? run : closed, begins }),
    close: () => (closing ??= close()),
  }
}

const closed = () => Promise.reject(new ClientClosed({ message: "The client is closed" }))

/** The call, in the way that it is to be made. */
const asTold = <A, E, R>(effect: Effect.Effect<A, E, R>, { timeout, attempts, headers }: RequestOptions) => {
  const patient =
    timeout === undefined && attempts === undefined
      ? effect
      : Effect.provideService(effect, Upstream.CallOptions, { timeout, attempts })
  return headers === undefined ? patient : Effect.provideService(patient, Upstream.Correlation, inLowerCase(headers))
}

const inLowerCase = (headers: Readonly<Record<string, string | undefined>>): Readonly<Record<string, string>> =>
  Object.fromEntries(
    Object.entries(headers).flatMap(([name, value]) => (value === undefined ? [] : [[name.toLowerCase(), value]])),
  )

interface Joined {
  readonly signal: AbortSignal | undefined
  /** Lets go of the signals: one that ends a whole client may outlive all calls. */
  readonly leave?: () => void
}

/** What ends when one of both does, with its reason. */
const joined = (one: AbortSignal | undefined, other: AbortSignal | undefined): Joined => {
  if (one === undefined || other === undefined || one.aborted) return { signal: one ?? other }
  if (other.aborted) return { signal: other }
  const either = new AbortController()
  const abort = () => either.abort((one.aborted ? one : other).reason)
  for (const signal of [one, other]) signal.addEventListener("abort", abort)
  return {
    signal: either.signal,
    leave: () => {
      for (const signal of [one, other]) signal.removeEventListener("abort", abort)
    },
  }
}
