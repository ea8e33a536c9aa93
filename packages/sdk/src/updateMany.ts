/** Many updates from a program: changes from any iterable, outcomes as a promise of their sum or one by one. */
import type { User } from "@webflow-users/core"
import type { UserChange } from "./fields.ts"
import type { FieldsMismatch } from "./fieldsSchema.ts"
import type { UpdateUserError } from "./guards.ts"
import type { RequestOptions } from "./options.ts"

/** Changes, as they come. */
export type Changes<Change = UserChange> = Iterable<Change> | AsyncIterable<Change>

/** What became of one change; `index` is its place among those given, from 0. */
export type UpdateManyOutcome<Change = UserChange, U = User> = { readonly index: number; readonly change: Change } & (
  | { readonly outcome: "updated"; readonly user: U }
  | {
      readonly outcome: "failed"
      /** With a `FieldsMismatch` the user is updated, and only what came back is not what was expected. */
      readonly error: UpdateUserError | FieldsMismatch
    }
)

/** What became of all. */
export interface UpdateManyReport {
  readonly updated: number
  readonly failed: number
}

/** How many updates are made, and what is heard of them. */
export interface UpdateManyOptions<Change = UserChange, U = User> extends RequestOptions {
  /** How many updates are under way at the most; 32 unless said. Those of one user follow each other in their order. */
  readonly concurrency?: number | undefined
  /** Nothing more is begun, what is under way comes to its end, and then the call rejects with the signal's reason. */
  readonly signal?: AbortSignal | undefined
  /** Called with each outcome, one after the other. If it throws or rejects, that ends the call as a signal does. */
  readonly onOutcome?: ((outcome: UpdateManyOutcome<Change, U>) => unknown) | undefined
}

/**
 * Many updates that begin at once. Awaited, it gives the sum. Iterated, from the call on, it gives the outcomes as they come, and
 * goes no faster than they are taken; to leave the loop ends it when what is under way has ended.
 */
export type UpdateMany<Change = UserChange, U = User> = Promise<UpdateManyReport> &
  AsyncIterable<UpdateManyOutcome<Change, U>>

/** Hands an outcome on. Gives what to wait for before more is begun in its place, where there is something. */
export type Deliver = (outcome: UpdateManyOutcome) => Promise<void> | undefined

/** What an iterable of changes threw. */
export class Thrown {
  readonly reason: unknown
  constructor(reason: unknown) {
    this.reason = reason
  }
}

const tooLate = "The outcomes have to be iterated when updateMany is called, and once: `for await (… of updateMany(…))`"

/** Starts the program, for whoever awaits its end or iterates over its outcomes. */
export const begun = (
  start: (deliver: Deliver, stopped: Promise<void>) => Promise<UpdateManyReport>,
  { signal, onOutcome }: UpdateManyOptions,
  begins: (beginning: Promise<unknown>) => void,
): UpdateMany => {
  const stopping = new AbortController()
  const stop = () => stopping.abort()
  const stopped = new Promise<void>((resolve) => stopping.signal.addEventListener("abort", () => resolve()))
  let why: { readonly reason: unknown } | undefined
  const end = (reason: unknown) => {
    why ??= { reason }
    stop()
  }
  const abort = () => end(signal?.reason)

  const begin = async (deliver: Deliver) => {
    signal?.throwIfAborted()
    signal?.addEventListener("abort", abort, { once: true })
    const tell = onOutcome === undefined ? deliver : telling(onOutcome, end, deliver)
    const report = await start(tell, stopped).catch((thrown: unknown) => {
      why ??= { reason: thrown instanceof Thrown ? thrown.reason : thrown }
      return { updated: 0, failed: 0 }
    })
    signal?.removeEventListener("abort", abort)
    if (why !== undefined) throw why.reason
    return report
  }

  let running: Promise<UpdateManyReport> | undefined
  // In the next moment: until then it may be iterated.
  const beginning = Promise.resolve().then(() => ({ report: (running ??= begin(() => undefined)) }))
  const whole = beginning.then(({ report }) => report)
  begins(beginning)
  return Object.assign(whole, {
    [Symbol.asyncIterator]: () => {
      // Whoever iterates hears of a failure there, and of coming too late here: then nothing more is begun.
      whole.catch(() => undefined)
      if (running !== undefined) {
        stop()
        throw new TypeError(tooLate)
      }
      return iterator((deliver) => (running = begin(deliver)), stop)
    },
  })
}

/** Tells each outcome before it is handed on, one after the other. `failed` hears of what telling threw. */
const telling = (
  tell: (outcome: UpdateManyOutcome) => unknown,
  failed: (thrown: unknown) => void,
  deliver: Deliver,
): Deliver => {
  let last = Promise.resolve()
  const inTurn = async (before: Promise<void>, outcome: UpdateManyOutcome) => {
    await before
    try {
      await tell(outcome)
    } catch (thrown) {
      failed(thrown)
    }
    await deliver(outcome)
  }
  return (outcome) => {
    last = inTurn(last, outcome)
    return last
  }
}

type Taker = {
  readonly take: (result: IteratorResult<UpdateManyOutcome, undefined>) => void
  readonly fail: (reason: unknown) => void
}

/** The outcomes one by one: each waits until it is asked for. */
const iterator = (
  begin: (deliver: Deliver) => Promise<unknown>,
  stop: () => void,
): AsyncIterator<UpdateManyOutcome, undefined> => {
  const offers: Array<{ readonly outcome: UpdateManyOutcome; readonly taken: () => void }> = []
  const takers: Array<Taker> = []
  let isLeft = false
  let isOver = false
  let failure: { readonly reason: unknown } | undefined

  /** Tells that there are no more, and of a failure once. */
  const last = ({ take, fail }: Taker) => {
    const told = failure
    failure = undefined
    if (told === undefined) take({ done: true, value: undefined })
    else fail(told.reason)
  }
  const offer: Deliver = (outcome) => {
    const taker = takers.shift()
    taker?.take({ done: false, value: outcome })
    return taker !== undefined || isLeft ? undefined : new Promise((taken) => offers.push({ outcome, taken }))
  }
  const finish = async () => {
    try {
      await begin(offer)
    } catch (reason) {
      failure = { reason }
    }
    isOver = true
    takers.splice(0).forEach(last)
  }
  const finished = finish()

  return {
    next: () =>
      new Promise((take, fail) => {
        const offered = offers.shift()
        if (offered !== undefined) {
          take({ done: false, value: offered.outcome })
          offered.taken()
        } else if (isOver) last({ take, fail })
        else takers.push({ take, fail })
      }),
    return: async () => {
      isLeft = true
      stop()
      for (const { taken } of offers.splice(0)) taken()
      await finished
      return { done: true, value: undefined }
    },
  }
}
