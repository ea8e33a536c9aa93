/** Calls that come at once, answered together: a statement, and its way to a database and back, costs more than its rows. */
import { Deferred, Effect } from "effect"

/**
 * Calls that come at once are answered by one `ask`: the first to come lets the others come, and asks for all, whatever
 * becomes of itself. `inTurn` is for who asks once at a time only: whoever comes until it is their turn is asked for too.
 */
export const batched = <I, O, E>(
  ask: (inputs: ReadonlyArray<I>) => Effect.Effect<ReadonlyArray<O>, E>,
  inTurn: (asking: Effect.Effect<void>) => Effect.Effect<void> = (asking) => asking,
) => {
  let waiting: Array<{ readonly input: I; readonly done: Deferred.Deferred<O, E> }> = []
  const askForAll = Effect.suspend(() => {
    const calls = waiting
    waiting = []
    return Effect.matchCause(ask(calls.map(({ input }) => input)), {
      onSuccess: (answers) =>
        calls.forEach(({ done }, index) => Deferred.doneUnsafe(done, Effect.succeed(answers[index] as O))),
      onFailure: (cause) => calls.forEach(({ done }) => Deferred.doneUnsafe(done, Effect.failCause(cause))),
    })
  })
  const lead = Effect.andThen(Effect.yieldNow, inTurn(askForAll))
  return (input: I): Effect.Effect<O, E> =>
    // Who gives up does so while waiting for the answer, and nowhere before: others rely on the first to ask.
    Effect.uninterruptibleMask((restore) => {
      const done = Deferred.makeUnsafe<O, E>()
      waiting.push({ input, done })
      const answer = restore(Deferred.await(done))
      return waiting.length > 1 ? answer : Effect.andThen(lead, answer)
    })
}
