/** Lets the updates of one user follow each other, in the order in which they came. */
import { Deferred, Exit } from "effect"
import type { UserId } from "./User.ts"

export interface Turns {
  /** Comes for a user. Gives what to wait for, where others have come before and not left. */
  readonly enter: (userId: UserId) => Deferred.Deferred<void> | undefined
  /** Lets the next one of that user go. */
  readonly leave: (userId: UserId) => void
}

export const make = (): Turns => {
  /** Who waits, for each user that somebody has come for. Most often nobody does. */
  const waiting = new Map<UserId, Array<Deferred.Deferred<void>> | undefined>()
  return {
    enter: (userId) => {
      if (!waiting.has(userId)) {
        waiting.set(userId, undefined)
        return undefined
      }
      const turn = Deferred.makeUnsafe<void>()
      const others = waiting.get(userId)
      if (others === undefined) waiting.set(userId, [turn])
      else others.push(turn)
      return turn
    },
    leave: (userId) => {
      const next = waiting.get(userId)?.shift()
      if (next === undefined) waiting.delete(userId)
      else Deferred.doneUnsafe(next, Exit.void)
    },
  }
}
