/**
 * Many updates, each made by the one {@link UpdateUser}: workers that take the next change, make it, and hand on what became of
 * it. As a stream they are in `UpdateUsersStream.ts`.
 */
import { Cause, Context, Deferred, Effect, Exit, identity, Option, Semaphore } from "effect"
import { UpdateUser } from "./UpdateUser.ts"
import type { UpdateUserError } from "./UpdateUserError.ts"
import { parseUserId, type User, type UserId } from "./User.ts"
import * as UserPatch from "./UserPatch.ts"
import { acceptSiteId, acceptUserId, Ending, finder, OnReplaced, type UserStore } from "./UserStore.ts"
import * as Pace from "./Pace.ts"
import * as Turns from "./Turns.ts"

/** One of many changes. */
export interface Update {
  /** The user's id or e-mail address. */
  readonly user: string
  /** A `UserPatch`, or the JSON body of a request of either era. */
  readonly patch: unknown
  /** The user as it was when this was planned, if it was. */
  readonly planned?: User | undefined
  /** Why it is refused, where that is known before it is made. */
  readonly refusal?: UpdateUserError | undefined
}

/** What became of one. */
export type Outcome<U extends Update = Update> =
  | {
      readonly _tag: "Updated"
      readonly update: U
      /** The user as the update found it, as far as that is known: a store of one's own sees it, others as it was planned. */
      readonly before: User | undefined
      readonly user: User
    }
  | { readonly _tag: "Failed"; readonly update: U; readonly error: UpdateUserError }

/** How many updates are made. */
export interface Options {
  /** How many updates are under way at the most. Those of one user follow each other, in their order. */
  readonly concurrency?: number | undefined
  /** How many updates to begin in a minute at the most. Where a server has limits they are kept without it. */
  readonly rate?: number | undefined
  /** Whether nothing more is to be begun once one has failed. What is under way then comes to its end. */
  readonly failFast?: boolean | undefined
  /** When it ends, nothing more is begun; what is under way comes to its end. */
  readonly ending?: Effect.Effect<void> | undefined
}

/** For who carries updates out without a stream. */
export interface Means extends Options {
  /** What each of those runs in who make updates, one after the other: to provide it with what is its own. */
  readonly around?: (<R>(work: Effect.Effect<void, never, R>) => Effect.Effect<void, never, R>) | undefined
}

/** What holds unless said otherwise. */
export const defaults = { concurrency: 32 } as const

/** How many updates in a row may fail because of the server before the others are left. */
const patience = 20

/** Gives the next changes, in their order, and nothing once there are no more. It is asked once at a time. */
export type Source<U extends Update, E = never, R = never> = Effect.Effect<ReadonlyArray<U> | undefined, E, R>

/** A change that was taken: of whom, and what to wait for where others of that user are before it; or why it is none. */
type Taken<U extends Update> =
  | { readonly update: U; readonly userId: UserId; readonly turn: Deferred.Deferred<void> | undefined }
  | { readonly update: U; readonly problem: UpdateUserError }

/**
 * Makes the updates and hands on what became of each, as they end. Whoever made one begins no other until its outcome is taken;
 * several may be handed on at once. One that fails does not stop the others, unless what it met is no fault of its own: then
 * the others are left, what is under way comes to its end, and this fails with that error; so it does with what nobody expected,
 * such as a function of the caller's that throws. What was left, or could not be finished because of it, has no outcome.
 */
export const carryOut = <U extends Update, E, R, Told>(
  site: string,
  source: Source<U, E, R>,
  handOn: (outcome: Outcome<U>) => Effect.Effect<unknown, never, Told>,
  { concurrency = defaults.concurrency, rate, failFast = false, ending, around = identity }: Means = {},
): Effect.Effect<void, E | UpdateUserError, R | Told | UpdateUser | UserStore> =>
  Effect.gen(function* () {
    const updateUser = yield* UpdateUser
    const siteId = yield* acceptSiteId(site)
    const { byEmail } = yield* finder(siteId, { ids: 0, emails: Number.POSITIVE_INFINITY })
    const halt = Deferred.makeUnsafe<void>()
    const halted = Deferred.await(halt)
    const isHalted = () => Deferred.isDoneUnsafe(halt)
    let reason: Cause.Cause<E | UpdateUserError> | undefined
    let failuresInARow = 0
    const stop = (why?: Cause.Cause<E | UpdateUserError>) => {
      reason ??= why
      Deferred.doneUnsafe(halt, Exit.void)
    }
    /** Whoever waits for what is to begin is woken. */
    const untilHalted = <A, E2, R2>(effect: Effect.Effect<A, E2, R2>) =>
      Effect.raceFirst(effect, Effect.as(halted, undefined))

    /** What to tell of a failure: nothing where the update is left. */
    const failed = (update: U, error: UpdateUserError): Outcome<U> | undefined => {
      const kind = concerns[error._tag]
      if (kind === "everybody") stop(Cause.fail(error))
      if (kind === "everybody" || (isHalted() && !isFinal(error))) return undefined
      failuresInARow = kind === "server" ? failuresInARow + 1 : 0
      if (failuresInARow >= patience) stop(Cause.fail(error))
      // Here and not by who hears of it: until then others would have begun.
      if (failFast) stop()
      return { _tag: "Failed", update, error }
    }

    const turns = Turns.make()
    const pace = rate === undefined ? undefined : untilHalted(Pace.make(rate))
    let changes: ReadonlyArray<U> = []
    let place = 0
    let isAtEnd = false
    const hasToRead = () => place >= changes.length && !isAtEnd && !isHalted()
    const read = Effect.matchCause(untilHalted(source), {
      onSuccess: (given) => {
        isAtEnd = given === undefined
        changes = given ?? []
        place = 0
      },
      // What is under way is not to be broken off by it.
      onFailure: stop,
    })
    const idOf = ({ user, refusal }: U): Effect.Effect<UserId, UpdateUserError> => {
      if (refusal !== undefined) return Effect.fail(refusal)
      return user.includes("@") ? Effect.map(byEmail(user), ({ id }) => id) : acceptUserId(user)
    }
    const ofUser = (update: U, userId: UserId): Taken<U> => ({ update, userId, turn: turns.enter(userId) })
    /** The next change, if there is one and it is to begin. */
    const next = Effect.gen(function* () {
      while (hasToRead()) yield* read
      if (pace !== undefined && !isAtEnd && !isHalted()) yield* pace
      const update = changes[place]
      // Of those that came together, the others are not begun.
      if (update === undefined || isHalted()) return undefined
      place += 1
      return yield* Effect.match(idOf(update), {
        onSuccess: (userId) => ofUser(update, userId),
        onFailure: (problem): Taken<U> => ({ update, problem }),
      })
    })
    // One takes at a time, so that those of a user are in their order.
    const door = Semaphore.makeUnsafe(1)
    let atDoor = 0
    const take = Effect.map(
      Effect.suspend(() => {
        atDoor += 1
        return door.withPermit(next)
      }),
      (taken) => {
        atDoor -= 1
        return taken
      },
    )
    /** The next change where nobody has to wait for it. */
    const atHand = (): Taken<U> | undefined => {
      const update = changes[place]
      if (atDoor > 0 || pace !== undefined || update?.refusal !== undefined || isHalted()) return undefined
      const userId = parseUserId(update?.user ?? "")
      if (update === undefined || userId === undefined) return undefined
      place += 1
      return ofUser(update, userId)
    }

    const scope = yield* Effect.scope
    const services = Context.add(yield* Effect.context<R | Told>(), Ending, halted)
    const done = Deferred.makeUnsafe<void>()
    let workers = 0
    const worker = Effect.suspend((): Effect.Effect<void> => {
      let replaced: User | undefined
      const work = Effect.gen(function* () {
        for (;;) {
          const taken = atHand() ?? (yield* take)
          if (taken === undefined) return
          // Where another waits for the next change already, that is enough.
          if (atDoor === 0 && workers < concurrency) yield* begin
          const { update } = taken
          let outcome: Outcome<U> | undefined
          if ("problem" in taken) outcome = failed(update, taken.problem)
          else {
            const { userId, turn } = taken
            if (turn !== undefined) yield* Deferred.await(turn)
            replaced = undefined
            // Its turn may come when nothing more is to begin.
            if (!isHalted()) {
              outcome = yield* Effect.matchCause(updateUser({ siteId, userId, patch: update.patch }), {
                onSuccess: (user): Outcome<U> => {
                  failuresInARow = 0
                  return { _tag: "Updated", update, user, before: found(replaced, user, update.planned) }
                },
                onFailure: (cause) => {
                  const error = Cause.findErrorOption(cause)
                  if (Option.isSome(error)) return failed(update, error.value)
                  stop(cause)
                  return undefined
                },
              })
            }
            turns.leave(userId)
          }
          if (outcome !== undefined)
            yield* Effect.catchCause(handOn(outcome), (cause) => Effect.sync(() => stop(cause)))
        }
      })
      const hears = Context.add(services, OnReplaced, (before) => (replaced = before))
      return Effect.updateContext(around(work), () => hears)
    })
    const begin: Effect.Effect<unknown> = Effect.suspend(() => {
      workers += 1
      const ended = (exit: Exit.Exit<void>) => {
        workers -= 1
        if (workers === 0 || Exit.isFailure(exit)) Deferred.doneUnsafe(done, exit)
      }
      return Effect.forkIn(
        Effect.onExit(worker, (exit) => Effect.sync(() => ended(exit))),
        scope,
      )
    })
    if (ending !== undefined) {
      yield* Effect.forkScoped(
        Effect.andThen(
          ending,
          Effect.sync(() => stop()),
        ),
      )
    }
    yield* begin
    yield* Deferred.await(done)
    if (reason !== undefined) return yield* Effect.failCause(reason)
  }).pipe(Effect.scoped)

/** An update that changed nothing was made before, and nobody heard of it: what was there, only the plan knows. */
const found = (replaced: User | undefined, user: User, planned: User | undefined): User | undefined =>
  replaced === undefined || (planned !== undefined && UserPatch.diff(replaced, user) === undefined) ? planned : replaced

/** Whom each failure is about: the one user, everybody, or a server that may be well again. */
const concerns = {
  InvalidId: "user",
  InvalidPatch: "user",
  BadRequest: "user",
  BodyTooLarge: "user",
  UserNotFound: "user",
  ChangeForbidden: "user",
  NotAuthorized: "everybody",
  MissingScopes: "everybody",
  SiteForbidden: "everybody",
  UsersNotEnabled: "everybody",
  SiteNotFound: "everybody",
  RouteNotFound: "everybody",
  MethodNotAllowed: "everybody",
  UnsendableRequest: "everybody",
  TlsFailed: "everybody",
  UserAccountsRemoved: "everybody",
  TooManyRequests: "server",
  InternalError: "server",
  StoreUnavailable: "server",
  Overloaded: "server",
  Unreachable: "server",
  ConnectionLost: "server",
  TimedOut: "server",
  UpstreamInvalidResponse: "server",
  UnexpectedResponse: "server",
} as const satisfies Record<UpdateUserError["_tag"], "user" | "everybody" | "server">

/** Whether trying again would fail again. Otherwise it may even have been made: to make it again is safe. */
export const isFinal = (error: UpdateUserError): boolean =>
  concerns[error._tag] === "user" || !(error.isRetryable || isUnreadableSuccess(error))

/** An answer that says yes and cannot be read: by a server that did what it was asked, or by something in between. */
const isUnreadableSuccess = ({ status }: UpdateUserError): boolean => status >= 200 && status < 300
