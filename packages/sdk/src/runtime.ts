/** Runs programs for who holds promises. */
import { Actor, asError, isUpdateUserError, UpdateUser, type UserStore } from "@webflow-users/core"
import * as Upstream from "@webflow-users/core/UserStore/Upstream"
import { Cause, Context, Data, Effect, Exit, type Fiber, References, Scope } from "effect"
import { checkRequest } from "./checkOptions.ts"
import type { RequestOptions } from "./options.ts"
import { answered, type Heard, withHearing } from "./response.ts"

/** The client was closed before the call. */
export class ClientClosed extends Data.TaggedError("ClientClosed")<{ readonly message: string }> {
  readonly code = "client_closed"
  readonly isRetryable = false
  static {
    asError(this.prototype)
  }
}

/** Runs a program; what it fails with, or dies of, is what the promise rejects with. */
export type Run<R> = <A, E>(
  effect: Effect.Effect<A, E, R | UpdateUser.UpdateUser>,
  options?: RequestOptions,
  particular?: Particular,
) => Promise<A>

/** What is particular to a kind of call. */
interface Particular {
  readonly check?: typeof checkRequest | undefined
  /** Hears the answers, and is told of on what the call fails with. */
  readonly heard?: Heard | undefined
}

/** A call that was let in: what it runs is run, however late. */
export interface Admitted<R> {
  readonly run: Run<R>
  /** Lets `close` wait for this too, before anything is run. */
  readonly begins: (beginning: Promise<unknown>) => void
}

export interface Runtime<R> {
  /** Lets a call in. After `close`, whatever it runs rejects; what was let in before runs on until the store is let go of. */
  readonly admit: () => Admitted<R>
  /** Waits for the calls under way, then lets go of what the store holds. */
  readonly close: () => Promise<void>
}

/** A runtime on a store, which is opened for the first program. `ending` ends all that it runs. */
export const runtimeOf = <R, E>(
  store: Effect.Effect<Context.Context<R | UserStore.UserStore>, E, Scope.Scope>,
  ending?: AbortSignal,
): Runtime<R | UserStore.UserStore> => {
  type Has = R | UserStore.UserStore
  type Services = Context.Context<Has | UpdateUser.UpdateUser>
  let opening: Promise<Services> | undefined
  let opened: { readonly services: Services; readonly scope: Scope.Closeable } | undefined
  let isOver = false
  const open = async () => {
    const scope = Scope.makeUnsafe()
    try {
      const services = await Effect.runPromise(Effect.provideService(equipped(store), Scope.Scope, scope))
      opened = { services, scope }
      return services
    } catch (error) {
      // What is away now may be back for the next call.
      opening = undefined
      await Effect.runPromise(Scope.close(scope, Exit.void))
      throw error
    }
  }
  const fork = <A, F>(
    effect: Effect.Effect<A, F, Has | UpdateUser.UpdateUser>,
    heard: Heard | undefined,
    options: Effect.RunOptions | undefined,
  ): Fiber.Fiber<A, F | E> =>
    opened === undefined
      ? Effect.runFork(
          Effect.flatMap(
            Effect.promise(() => (opening ??= open())),
            (services) => Effect.provideContext(effect, withHearing(services, heard)),
          ),
          options,
        )
      : Effect.runForkWith(withHearing(opened.services, heard))(effect, options)
  /** How many calls are under way, and what waits until there are none. */
  let calls = 0
  let whenNone: (() => void) | undefined
  let closing: Promise<void> | undefined

  const ends = () => {
    calls -= 1
    if (calls === 0) whenNone?.()
  }
  const begins = (something: Promise<unknown>) => {
    calls += 1
    something.then(ends, ends)
  }
  const run: Run<Has> = <A, F>(
    effect: Effect.Effect<A, F, Has | UpdateUser.UpdateUser>,
    options: RequestOptions | undefined,
    { check = checkRequest, heard }: Particular = {},
  ) => {
    if (isOver) return closed()
    const failed = (error: unknown): never => {
      // Where in a fiber it was made says nothing to the caller. From here V8 finds who awaits the call.
      if (isUpdateUserError(error)) captureStackTrace?.(error, failed)
      throw heard === undefined ? error : answered(error, heard)
    }
    // What is thrown before anything runs, it rejects with too.
    return new Promise<A>((resolve, reject) => {
      if (options !== undefined) check("The call", options)
      const { signal, leave } = joined(ending, options?.signal)
      signal?.throwIfAborted()
      const told = options === undefined ? effect : asTold(effect, options)
      calls += 1
      fork(told, heard, signal && { signal }).addObserver((exit) => {
        ends()
        leave?.()
        if (Exit.isSuccess(exit)) resolve(exit.value)
        else if (signal?.aborted === true && Cause.hasInterruptsOnly(exit.cause)) reject(signal.reason)
        else reject(Cause.squash(exit.cause))
      })
    }).catch(failed)
  }
  const close = async () => {
    for (let left = calls; left > 0; left = calls) {
      await new Promise<void>((resolve) => (whenNone = resolve))
      // Whoever called is told before this goes on.
      await Effect.runPromise(Effect.yieldNow)
    }
    isOver = true
    // Who called may have given up before the store was open.
    await opening?.catch(() => undefined)
    if (opened !== undefined) await Effect.runPromise(Scope.close(opened.scope, Exit.void))
  }
  const admitted: Admitted<Has> = { run, begins }
  const refused: Admitted<Has> = { run: closed, begins }
  return {
    admit: () => (closing === undefined ? admitted : refused),
    close: () => (closing ??= close()),
  }
}

/** What programs need, on a store. Nobody sees the spans that they would make here. */
const equipped = <R, E>(store: Effect.Effect<Context.Context<R | UserStore.UserStore>, E, Scope.Scope>) =>
  Effect.flatMap(store, (services) =>
    UpdateUser.make.pipe(
      Effect.map((updateUser) => Context.add(services, UpdateUser.UpdateUser, updateUser)),
      Effect.map(Context.add(Actor, { actor: "sdk" })),
      Effect.map(Context.add(References.TracerEnabled, false)),
      Effect.provideContext(services),
    ),
  )

const { captureStackTrace } = Error as { readonly captureStackTrace?: (error: object, above: unknown) => void }

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
