/** Many updates as a program. Loaded when it is asked for: who updates one user does without streams. */
import {
  UpdatePolicy,
  UpdateUser,
  type UpdateUserError as Failure,
  UpdateUsers,
  type UserChange as OpenChange,
  type UserStore,
} from "@webflow-users/core"
import { Effect, Stream } from "effect"
import { asked, type AskedUpdate, inWordsOf } from "./AskedUpdate.ts"
import type { UserChange } from "./fields.ts"
import type { FieldsMismatch, FieldsReader } from "./fieldsSchema.ts"
import type { UpdateUserError } from "./guards.ts"
import { answered, Heard, hearing } from "./response.ts"
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

/** Of an iterable that throws, what it gave before is there all the same. */
async function* portions(changes: Changes): AsyncGenerator<ReadonlyArray<UserChange>> {
  if (Symbol.asyncIterator in changes) {
    for await (const change of changes) yield [change]
    return
  }
  let taken: Array<UserChange> = []
  try {
    for (const change of changes) {
      taken.push(change)
      if (taken.length < portion) continue
      yield taken
      taken = []
    }
  } catch (thrown) {
    if (taken.length > 0) yield taken
    throw thrown
  }
  if (taken.length > 0) yield taken
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
  const updates = Stream.fromAsyncIterable(portions(changes), (thrown) => new Thrown(thrown)).pipe(
    Stream.map((taken) => taken.map((change) => asked(change, index++, policy))),
    Stream.flattenIterable,
  )
  yield* UpdateUsers.updateUsers(siteId, updates, { concurrency, ending: Effect.promise(() => stopped) }).pipe(
    Stream.mapEffect(toldOf),
    Stream.runForEach((outcome) => {
      counts[outcome.outcome] += 1
      return Effect.promise(() => deliver(outcome))
    }),
    Effect.updateService(UpdateUser.UpdateUser, answering),
  )
  return counts
})

/** Each update for itself hears of its answer. */
const answering =
  (updateUser: UpdateUser.UpdateUser["Service"]): UpdateUser.UpdateUser["Service"] =>
  (request) =>
    Effect.suspend(() => {
      const heard = new Heard()
      return Effect.mapError(hearing(updateUser(request), heard), (error) => answered(error, heard))
    })
