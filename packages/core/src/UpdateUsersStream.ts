/** Many updates as streams: changes in, outcomes out. What it takes to make them is in `UpdateUsers.ts`. */
import { Effect, Pull, Queue, type Scope, Stream } from "effect"
import type { UpdateUser } from "./UpdateUser.ts"
import type { UpdateUserError } from "./UpdateUserError.ts"
import { carryOut, type Options, type Outcome, type Source, type Update } from "./UpdateUsers.ts"
import type { UserStore } from "./UserStore.ts"

export * from "./UpdateUsers.ts"

/** The changes of a stream, in the portions in which it has them. */
export const sourceOf = <U extends Update, E, R>(
  updates: Stream.Stream<U, E, R>,
): Effect.Effect<Source<U, E, R>, never, R | Scope.Scope> =>
  // What is left of its failures is the stream's own.
  Effect.map(Stream.toPull(updates), (pull) => Pull.catchDone(pull, () => Effect.undefined) as Source<U, E, R>)

/**
 * Makes the updates and tells what became of each, as they end. One that fails does not stop the others, unless what it met
 * is no fault of its own: then the others are left, what is under way comes to its end, and the stream fails with that error.
 * What was left, or could not be finished because of it, has no outcome.
 */
export const updateUsers = <U extends Update, E, R>(
  site: string,
  updates: Stream.Stream<U, E, R>,
  options: Options = {},
): Stream.Stream<Outcome<U>, E | UpdateUserError, R | UpdateUser | UserStore> =>
  Stream.callback(
    Effect.fnUntraced(function* (outcomes) {
      const handOn = (outcome: Outcome<U>) => Queue.offer(outcomes, outcome)
      yield* carryOut(site, yield* sourceOf(updates), handOn, options)
      yield* Queue.end(outcomes)
    }),
    // Whoever made an update waits until it is heard of.
    { bufferSize: 0 },
  )
