/** Many updates as a program. Loaded when it is asked for: who updates one user does without streams. */
import {
  InvalidPatch,
  UpdatePolicy,
  UpdateUser,
  type UpdateUserError as Failure,
  UpdateUsers,
  UserChange as Change,
  type UserStore,
} from "@webflow-users/core"
import { Effect, Predicate, Result, Stream } from "effect"
import { onWire } from "./consents.ts"
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

interface Asked extends UpdateUsers.Update {
  readonly index: number
  readonly change: UserChange
}

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
  changes: Changes,
  { concurrency }: UpdateManyOptions,
  fields: FieldsReader,
  deliver: Deliver,
  stopped: Promise<void>,
): Effect.fn.Return<UpdateManyReport, Failure | Thrown, UpdateUser.UpdateUser | UserStore.UserStore> {
  const policy = yield* UpdatePolicy.Current
  const ask = (given: unknown, index: number): Asked => {
    const change = given as UserChange
    const read = Change.fromJson(onWire(given))
    if (Result.isFailure(read)) {
      return { index, change, user: "", patch: {}, refusal: new InvalidPatch({ details: read.failure }) }
    }
    const who = Change.who(read.success)
    return { index, change, user: "id" in who ? who.id : who.email, patch: Change.patchOf(read.success, policy) }
  }
  /** What is told of an outcome: of a refusal in the words of the change. */
  const toldOf = (outcome: UpdateUsers.Outcome<Asked>): Effect.Effect<UpdateManyOutcome> => {
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
  const asked = Stream.fromAsyncIterable(portions(changes), (thrown) => new Thrown(thrown)).pipe(
    Stream.map((taken) => taken.map((change) => ask(change, index++))),
    Stream.flattenIterable,
  )
  yield* UpdateUsers.updateUsers(siteId, asked, { concurrency, ending: Effect.promise(() => stopped) }).pipe(
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

/** What was found wrong with the user's groups is told of those that the change adds, or takes away. */
const inWordsOf = (change: UserChange, error: Failure): Failure => {
  const { details } = error
  if (error._tag !== "InvalidPatch" || !Predicate.isObject(change) || !details.every(isDetail)) return error
  return Object.assign(error, { details: Change.problemsOf(change, details) })
}

const isDetail = (detail: unknown): detail is Parameters<typeof Change.problemsOf>[1][number] =>
  Predicate.isObject(detail) && Predicate.isString(detail.param) && Predicate.isString(detail.description)
