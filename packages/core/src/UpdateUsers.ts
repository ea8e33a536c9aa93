/**
 * Many updates: a stream of changes in, a stream of outcomes out, each made by the one {@link UpdateUser}.
 */
import { Cause, Deferred, Effect, Exit, Result, Stream } from "effect"
import { UpdateUser } from "./UpdateUser.ts"
import { type UpdateUserError } from "./UpdateUserError.ts"
import type { User, UserId } from "./User.ts"
import * as UserPatch from "./UserPatch.ts"
import { acceptSiteId, acceptUserId, Ending, finder, OnReplaced, type UserStore } from "./UserStore.ts"

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

/** What holds unless said otherwise. */
export const defaults = { concurrency: 32 } as const

/** How many updates in a row may fail because of the server before the others are left. */
const patience = 20

/**
 * Makes the updates and tells what became of each, as they end. One that fails does not stop the others, unless what it met
 * is no fault of its own: then the others are left, what is under way comes to its end, and the stream fails with that error.
 * What was left, or could not be finished because of it, has no outcome.
 */
export const updateUsers = <U extends Update, E, R>(
  site: string,
  updates: Stream.Stream<U, E, R>,
  { concurrency = defaults.concurrency, rate, failFast = false, ending = Effect.never }: Options = {},
): Stream.Stream<Outcome<U>, E | UpdateUserError, R | UpdateUser | UserStore> =>
  Stream.unwrap(
    Effect.gen(function* () {
      const updateUser = yield* UpdateUser
      const siteId = yield* acceptSiteId(site)
      const { byEmail } = yield* finder(siteId, { ids: 0, emails: Number.POSITIVE_INFINITY })
      const halt = Deferred.makeUnsafe<void>()
      const halted = Deferred.await(halt)
      let reason: Cause.Cause<E | UpdateUserError> | undefined
      let failuresInARow = 0
      const stop = (why?: Cause.Cause<E | UpdateUserError>) => {
        reason ??= why
        Deferred.doneUnsafe(halt, Exit.void)
      }

      const idOf = ({ user, refusal }: U): Effect.Effect<UserId, UpdateUserError> => {
        if (refusal !== undefined) return Effect.fail(refusal)
        return user.includes("@") ? Effect.map(byEmail(user), ({ id }) => id) : acceptUserId(user)
      }
      const resolve = (update: U) => Effect.map(Effect.result(idOf(update)), (id) => ({ update, id }))

      const carryOut = (update: U, userId: UserId) =>
        Effect.suspend(() => {
          let replaced: User | undefined
          return updateUser({ siteId, userId, patch: update.patch }).pipe(
            Effect.provideService(OnReplaced, (before) => (replaced = before)),
            Effect.map((user): Outcome<U> => ({
              _tag: "Updated",
              update,
              user,
              before: found(replaced, user, update.planned),
            })),
          )
        })

      /** What to tell of a failure: nothing where the update is left. */
      const failed = (update: U, error: UpdateUserError): Outcome<U> | undefined => {
        const kind = concerns[error._tag]
        if (kind === "everybody") stop(Cause.fail(error))
        if (kind === "everybody" || (Deferred.isDoneUnsafe(halt) && !isFinal(error))) return undefined
        failuresInARow = kind === "server" ? failuresInARow + 1 : 0
        if (failuresInARow >= patience) stop(Cause.fail(error))
        // Here and not by who hears of it: until then others would have begun.
        if (failFast) stop()
        return { _tag: "Failed", update, error }
      }

      const inTurn = turns()
      const make = ({ update, id }: { readonly update: U; readonly id: Result.Result<UserId, UpdateUserError> }) => {
        if (Result.isFailure(id)) return Effect.sync(() => failed(update, id.failure))
        const outcome = Effect.match(carryOut(update, id.success), {
          onSuccess: (made) => {
            failuresInARow = 0
            return made
          },
          onFailure: (error) => failed(update, error),
        })
        // Its turn may come when nothing more is to begin.
        const unlessHalted = Effect.suspend(() => (Deferred.isDoneUnsafe(halt) ? Effect.succeed(undefined) : outcome))
        return inTurn(id.success, unlessHalted)
      }

      yield* Effect.forkScoped(
        Effect.andThen(
          ending,
          Effect.sync(() => stop()),
        ),
      )
      const source = Stream.catchCause(updates, (cause) => {
        // What is under way is not to be broken off by it.
        stop(cause)
        return Stream.empty
      })
      return (rate === undefined ? source : paced(source, rate)).pipe(
        // Whoever waits for the next change is woken; of those that came together, the others are not begun.
        Stream.interruptWhen(halted),
        Stream.takeWhile(() => !Deferred.isDoneUnsafe(halt)),
        Stream.mapEffect(resolve),
        Stream.mapEffect(make, { concurrency, unordered: true }),
        Stream.filter((outcome) => outcome !== undefined),
        Stream.provideService(Ending, halted),
        Stream.concat(Stream.suspend(() => (reason === undefined ? Stream.empty : Stream.failCause(reason)))),
      )
    }),
  )

/** Evenly, in portions of a tenth of a second. */
const paced = <A, E, R>(source: Stream.Stream<A, E, R>, rate: number) => {
  const units = Math.max(1, rate / 600)
  const duration = (60_000 * units) / rate
  return Stream.throttle(Stream.rechunk(source, 1), { cost: () => 1, units, duration, strategy: "shape" })
}

/** Lets the updates of one user follow each other, in the order in which they were asked for. */
const turns = () => {
  const last = new Map<UserId, Deferred.Deferred<void>>()
  return <A, R>(userId: UserId, effect: Effect.Effect<A, never, R>): Effect.Effect<A, never, R> => {
    const before = last.get(userId)
    const done = Deferred.makeUnsafe<void>()
    last.set(userId, done)
    const end = Effect.sync(() => {
      Deferred.doneUnsafe(done, Exit.void)
      if (last.get(userId) === done) last.delete(userId)
    })
    return Effect.ensuring(before === undefined ? effect : Effect.andThen(Deferred.await(before), effect), end)
  }
}

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
