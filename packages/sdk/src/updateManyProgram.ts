/** Many updates as a program. Loaded when it is asked for: who updates one user does without. */
import {
  UpdatePolicy,
  UpdateUser,
  type UpdateUserError as Failure,
  UpdateUsers,
  type UserChange as OpenChange,
  type UserStore,
} from "@webflow-users/core"
import { Effect } from "effect"
import { asked, type AskedUpdate, inWordsOf } from "./AskedUpdate.ts"
import type { UserChange } from "./fields.ts"
import type { FieldsMismatch, FieldsReader } from "./fieldsSchema.ts"
import type { UpdateUserError } from "./guards.ts"
import { answered, Heard, heardHere, hearing } from "./response.ts"
import {
  type Changes,
  type Deliver,
  Thrown,
  type UpdateManyOptions,
  type UpdateManyOutcome,
  type UpdateManyReport,
} from "./updateMany.ts"

/** How many changes of an iterable that need not be waited for are taken at once. */
const portion = 32

/** Changes as they come, each read when it comes: who gives many may use one object for all. Nothing where there are no more. */
interface Reading {
  readonly next: Effect.Effect<ReadonlyArray<AskedUpdate> | undefined, Thrown>
  /** Tells the iterable that no more is asked for. */
  readonly close: Effect.Effect<void>
}

type Read = (change: UserChange) => AskedUpdate

const readingOf = (changes: Changes, read: Read): Reading =>
  Symbol.asyncIterator in changes
    ? awaiting(changes[Symbol.asyncIterator](), read)
    : inPortions(changes[Symbol.iterator](), read)

const awaiting = (iterator: AsyncIterator<UserChange>, read: Read): Reading => {
  let isAsked = false
  let isOver = false
  const next = async () => {
    isAsked = true
    try {
      const { done, value } = await iterator.next()
      isOver = done === true
      return isOver ? undefined : [read(value as UserChange)]
    } catch (thrown) {
      isOver = true
      throw thrown
    } finally {
      isAsked = false
    }
  }
  return {
    next: Effect.tryPromise({ try: next, catch: (thrown) => new Thrown(thrown) }),
    close: Effect.promise(async () => {
      if (isOver) return
      const closing = iterator.return?.()
      // Where it is asked for the next change, it may not end before that has come.
      if (isAsked) closing?.catch(() => undefined)
      else await closing
    }),
  }
}

const inPortions = (iterator: Iterator<UserChange>, read: Read): Reading => {
  let isOver = false
  let failure: Thrown | undefined
  const take = (): ReadonlyArray<AskedUpdate> => {
    const taken: Array<AskedUpdate> = []
    try {
      while (!isOver && taken.length < portion) {
        const { done, value } = iterator.next()
        isOver = done === true
        if (!isOver) taken.push(read(value as UserChange))
      }
    } catch (thrown) {
      // What it gave before is there all the same.
      isOver = true
      failure = new Thrown(thrown)
    }
    return taken
  }
  return {
    next: Effect.suspend(() => {
      const taken = take()
      if (taken.length > 0) return Effect.succeed(taken)
      return failure === undefined ? Effect.undefined : Effect.fail(failure)
    }),
    close: Effect.sync(() => {
      if (!isOver) iterator.return?.()
    }),
  }
}

/** The updates as a program, which ends early when `stopped` is kept. */
export const program = Effect.fnUntraced(function* (
  siteId: string,
  changes: Changes<OpenChange.UserChange>,
  { concurrency }: UpdateManyOptions,
  fields: FieldsReader,
  deliver: Deliver,
  stopped: Promise<void>,
): Effect.fn.Return<UpdateManyReport, Failure | Thrown, UpdateUser.UpdateUser | UserStore.UserStore> {
  const policy = yield* UpdatePolicy.Current
  /** What is told of an outcome: of a refusal in the words of the change. */
  const toldOf = (outcome: UpdateUsers.Outcome<AskedUpdate>): Effect.Effect<UpdateManyOutcome> => {
    const { index: place, change } = outcome.update
    const failed = (error: UpdateUserError | FieldsMismatch): UpdateManyOutcome => ({
      index: place,
      change,
      outcome: "failed",
      error,
    })
    return outcome._tag === "Failed"
      ? Effect.succeed(failed(inWordsOf(change, outcome.error)))
      : Effect.match(fields.user(outcome.user), {
          onSuccess: (user): UpdateManyOutcome => ({ index: place, change, outcome: "updated", user }),
          onFailure: failed,
        })
  }
  const counts = { updated: 0, failed: 0 }
  let index = 0
  const reading = readingOf(changes, (change) => asked(change, index++, policy))
  const handOn = (outcome: UpdateUsers.Outcome<AskedUpdate>) =>
    Effect.flatMap(toldOf(outcome), (told) => {
      counts[told.outcome] += 1
      const delivering = deliver(told)
      return delivering === undefined ? Effect.void : Effect.promise(() => delivering)
    })
  const ending = Effect.promise(() => stopped)
  yield* UpdateUsers.carryOut(siteId, reading.next, handOn, { concurrency, ending, around: withEars }).pipe(
    Effect.ensuring(reading.close),
    Effect.updateService(UpdateUser.UpdateUser, answering),
  )
  return counts
})

/** Of updates that follow each other, each hears its answer by the same ear. */
const withEars = <R>(work: Effect.Effect<void, never, R>) => Effect.suspend(() => hearing(work, new Heard()))

const answering =
  (updateUser: UpdateUser.UpdateUser["Service"]): UpdateUser.UpdateUser["Service"] =>
  (request) =>
    Effect.flatMap(heardHere, (heard) => Effect.mapError(updateUser(request), (error) => answered(error, heard)))
