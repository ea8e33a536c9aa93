/** The work for requests, while it is done. */
import * as Bag from "@webflow-users/core/Bag"
import { Context, Effect, Fiber, Latch, type Scope } from "effect"

export interface Works<R> {
  /** Begins some, and tells when it has ended, in whatever way. */
  readonly run: (work: Effect.Effect<void, never, R>, ended: () => void) => Fiber.Fiber<void>
  /** Gives up all that there is. */
  readonly interruptAll: Effect.Effect<void>
  /** Waits until nothing is left. */
  readonly awaitNone: Effect.Effect<void>
}

/** Runs work with the services that there are, for as long as the scope is open. */
export const make = <R>(): Effect.Effect<Works<R>, never, R | Scope.Scope> =>
  Effect.gen(function* () {
    const run = Effect.runForkWith(flattened(yield* Effect.context<R>()))
    const underWay = Bag.make<Fiber.Fiber<void>>()
    const isNone = Latch.makeUnsafe(true)
    const interruptAll = Effect.suspend(() => Fiber.interruptAll(underWay.values()))
    let isOver = false
    yield* Effect.addFinalizer(() => {
      isOver = true
      return interruptAll
    })

    return {
      run: (work, ended) => {
        const fiber = run(isOver ? Effect.interrupt : work)
        const leave = underWay.add(fiber)
        isNone.closeUnsafe()
        fiber.addObserver(() => {
          leave()
          if (underWay.size() === 0) isNone.openUnsafe()
          ended()
        })
        return fiber
      },
      interruptAll,
      awaitNone: isNone.await,
    }
  })

/** The same services in one map: a context is a chain of what was added, and the ninth link copies all of it. Requests add seven. */
const flattened = <R>(context: Context.Context<R>): Context.Context<R> => Context.makeUnsafe(new Map(context.mapUnsafe))
