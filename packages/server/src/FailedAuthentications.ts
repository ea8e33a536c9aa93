/**
 * Callers who present no token that is good: so many a minute from an address, and then 429 before any token is looked up.
 * Why a good token gets on, and what a guesser learns: docs/decisions/0012.
 */
import { type NotAuthorized, type StoreUnavailable, TooManyRequests, type TokenProblem } from "@webflow-users/core"
import { Clock, Context, Deferred, Effect, Layer } from "effect"

/** How many a minute an address may have, unless a setting says otherwise [ours]. */
export const standard = 20

/** How many each minute is logged of one by one, over all addresses; the others are summed up [ours]. */
const maxLogged = 20

/** The most that is kept of addresses, and of good tokens at them: who was heard of longest ago goes first. */
const maxKept = 10_000

const minuteMillis = 60_000

export class FailedAuthentications extends Context.Service<
  FailedAuthentications,
  {
    /**
     * Looks a token up, which is known here by its hash, unless too many from its address have failed in this minute. One that was good
     * there is looked up all the same. What fails is counted and logged.
     */
    readonly guard: <A>(
      presented: { readonly hash: string; readonly address: string },
      lookUp: Effect.Effect<A, NotAuthorized | StoreUnavailable>,
    ) => Effect.Effect<A, NotAuthorized | StoreUnavailable | TooManyRequests>
  }
>()("@webflow-users/server/FailedAuthentications") {
  /** `limit` is how many failures a minute an address may have: as many as come with `off`. */
  static readonly layer = (limit: number | "off" = standard): Layer.Layer<FailedAuthentications> =>
    Layer.effect(
      FailedAuthentications,
      Effect.gen(function* () {
        const failures = new Map<string, number>()
        /** Tokens that were good, by the network they came from and their hash, each with how many had been put there by then. */
        const good = new Map<string, number>()
        let puts = 0
        const remember = (key: string): void => keep(good, key, (puts += 1))
        const underWay = new Map<string, UnderWay>()
        let minute = Number.NaN
        let logged = 0
        let unlogged: Partial<Record<Reason, number>> = {}

        /** What is counted is of the minute that is, also where the clock was set back. */
        const turn = (now: number): void => {
          const current = Math.floor(now / minuteMillis)
          if (current === minute) return
          minute = current
          logged = 0
          failures.clear()
        }

        const sumUp = Effect.suspend(() => {
          const told = unlogged
          unlogged = {}
          return Object.keys(told).length === 0
            ? Effect.void
            : Effect.annotateLogs(Effect.logWarning("More authentications failed in this minute"), told)
        })
        const sumUpLater = Effect.flatMap(Clock.currentTimeMillis, (now) => Effect.delay(sumUp, untilTurn(now)))
        const scope = yield* Effect.scope
        yield* Effect.addFinalizer(() => sumUp)

        const log = (address: string, reason: Reason) =>
          Effect.suspend(() => {
            logged += 1
            if (logged <= maxLogged) {
              return Effect.annotateLogs(Effect.logWarning("An authentication failed"), { address, reason })
            }
            const isFirst = Object.keys(unlogged).length === 0
            unlogged[reason] = (unlogged[reason] ?? 0) + 1
            return isFirst ? Effect.asVoid(Effect.forkIn(sumUpLater, scope)) : Effect.void
          })

        /**
         * Takes a place for a token to be looked up; one that was good here needs none. Others go on as long as no more than
         * allowed can fail: what is being looked up is waited for, so that many at once are neither let through nor refused
         * by mistake.
         */
        const admit = (network: string, key: string): Effect.Effect<UnderWay | undefined, TooManyRequests> =>
          Effect.flatMap(Clock.currentTimeMillis, (now) => {
            turn(now)
            if (limit === "off" || good.has(key)) return Effect.succeed(undefined)
            const failed = failures.get(network) ?? 0
            if (failed >= limit) {
              return Effect.fail(new TooManyRequests({ retryAfter: Math.ceil(untilTurn(now) / 1000) }))
            }
            const others = underWay.get(network) ?? { count: 0, oneEnded: Deferred.makeUnsafe<void>() }
            if (failed + others.count >= limit) {
              return Effect.andThen(Deferred.await(others.oneEnded), admit(network, key))
            }
            others.count += 1
            underWay.set(network, others)
            return Effect.succeed(others)
          })

        const leave = (network: string, place: UnderWay | undefined): void => {
          if (place === undefined) return
          place.count -= 1
          if (place.count === 0) underWay.delete(network)
          const { oneEnded } = place
          place.oneEnded = Deferred.makeUnsafe()
          Deferred.doneUnsafe(oneEnded, Effect.void)
        }

        return {
          guard: ({ hash, address }, lookUp) => {
            const network = networkOf(address)
            const key = `${network} ${hash}`
            const judged = Effect.tapError(lookUp, (error) => {
              if (error._tag !== "NotAuthorized") return Effect.void
              good.delete(key)
              keep(failures, network, (failures.get(network) ?? 0) + 1)
              return log(address, error.reason ?? "unknown")
            })
            return Effect.clockWith((clock) => {
              turn(clock.currentTimeMillisUnsafe())
              const since = good.get(key)
              // Most requests are such: they take the short way. A map in which something is put anew with each of them would give the
              // collector much to do; halfway to being forgotten is early enough.
              if (since !== undefined) {
                if (puts - since >= maxKept / 2) remember(key)
                return judged
              }
              return Effect.acquireUseRelease(
                Effect.tapError(admit(network, key), () => log(address, "too_many")),
                () =>
                  Effect.map(judged, (found) => {
                    remember(key)
                    return found
                  }),
                (place) => Effect.sync(() => leave(network, place)),
              )
            })
          },
        }
      }),
    )
}

/** How many tokens from a network are being looked up, and what is done when one of them is. */
interface UnderWay {
  count: number
  oneEnded: Deferred.Deferred<void>
}

/** How long the clock's minute still is, in milliseconds. */
const untilTurn = (now: number): number => (Math.floor(now / minuteMillis) + 1) * minuteMillis - now

/** Why a token was not let in: what it is, or that it was not looked at. */
type Reason = TokenProblem | "too_many"

/** Puts it last, and lets go of what was put longest ago where there is too much. */
const keep = <Value>(map: Map<string, Value>, key: string, value: Value): void => {
  map.delete(key)
  map.set(key, value)
  const [oldest] = map.keys()
  if (map.size > maxKept && oldest !== undefined) map.delete(oldest)
}

/**
 * The part of an address that one caller holds: of version 6 the first half, since everybody with a line of their own has
 * all addresses that begin so.
 */
export const networkOf = (address: string): string => {
  if (!address.includes(":")) return address
  const [head = "", tail] = address.replace(/%.*/, "").split("::")
  const [first, last] = [head, tail ?? ""].map((part) => part.split(":").filter((group) => group !== ""))
  const missing = tail === undefined ? 0 : Math.max(0, 8 - (first?.length ?? 0) - (last?.length ?? 0))
  const groups = [...(first ?? []), ...Array.from({ length: missing }, () => "0"), ...(last ?? [])]
  return groups
    .slice(0, 4)
    .map((group) => Number.parseInt(group, 16).toString(16))
    .join(":")
}
