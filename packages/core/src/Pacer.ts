/**
 * Keeps the requests of one token within what its server allows: a number of requests in a window of time, learned from
 * `X-RateLimit-Limit` and `X-RateLimit-Remaining`, and a pause for everyone where the server says 429.
 * A request counts from when it is sent until a window after its answer, so that the server, whichever way it counts its
 * windows, has seen no more than it allows. What the server says that it has left may be sent besides: it knows better when
 * its window has passed. N requests take (⌈N ÷ limit⌉ − 1) windows, and what their answers take.
 */
import { type Clock, Data, Duration, Effect, Exit, type Fiber, type Random } from "effect"
import * as Monotonic from "./Monotonic.ts"
import type { TransportResponse } from "./Transport.ts"
import * as WindowCount from "./WindowCount.ts"
import { parseRetryAfter } from "./wire/Envelope.ts"
import * as RateLimitHeaders from "./wire/RateLimitHeaders.ts"

/** What is allowed, and what is told of waiting. */
export interface Options {
  /** The most requests in a window, a whole number from 1. What the server says counts too. */
  readonly limit?: number | undefined
  /** How long a window is: a minute, as documented of Webflow, unless said otherwise. No header tells it. */
  readonly window?: Duration.Input | undefined
  /** The longest pause that a server can ask for by `Retry-After`; 2 minutes unless said otherwise. */
  readonly maxPause?: Duration.Input | undefined
  /** Hears for how long nobody can go, in milliseconds, when that is because of the limit. */
  readonly onWait?: ((millis: number) => void) | undefined
}

/** What holds unless said otherwise. */
export const defaults = { window: "1 minute", maxPause: "2 minutes" } as const

/** How a request waits for its turn. */
export interface Turn {
  /** What has begun goes before what has not: the next requests of a change whose first one was sent, and its retries. */
  readonly hasBegun: boolean
  /** Who would have to wait longer is refused, at once where that is known. As long as it takes, unless said otherwise. */
  readonly maxWait?: Duration.Duration | undefined
  /** When it ends, nobody waits any longer. */
  readonly ending?: Effect.Effect<void> | undefined
}

/** A turn would come too late. Nothing was sent. */
export class TooLate extends Data.TaggedError("TooLate")<{
  /** When it would have come, in seconds. */
  readonly retryAfter: number
}> {}

/** What of an answer the pacer reads. */
export type Told = Pick<TransportResponse, "status" | "header">

/** Keeps the requests of one token within what its server allows. Those that have to wait go in the order they came. */
export interface Pacer {
  /** Sends a request when it is its turn. */
  readonly paced: <A extends Told, Err, R>(
    send: Effect.Effect<A, Err, R>,
    turn: Turn,
  ) => Effect.Effect<A, Err | TooLate, R>
  /** Whether nobody needs what it knows: nothing waits, is under way, or counts. */
  readonly isIdle: () => boolean
}

/** How long nothing may be answered before more is asked, in milliseconds: a server that hangs would hold everybody. */
const patience = 5_000

/** Of a request that was sent: its number, from 1; others on their way; counted by the server, at most; strangers seen. */
interface Sent {
  readonly number: number
  readonly beside: number
  readonly counted: number
  readonly strangers: number
}

/** What a pacer runs with. */
export interface Means {
  readonly clock: Clock.Clock
  readonly random: typeof Random.Random.Service
  /** Runs what has to happen later. */
  readonly run: (effect: Effect.Effect<void>) => Fiber.Fiber<void>
}

/** A pacer for one token at one server. */
export const of = (options: Options, { clock, random, run }: Means): Pacer => {
  const window = WindowCount.safely(Duration.toMillis(options.window ?? defaults.window))
  const maxPause = Duration.toMillis(options.maxPause ?? defaults.maxPause)
  const own = options.limit ?? Number.POSITIVE_INFINITY

  /** The limit, as the server said it last. */
  let said = Number.POSITIVE_INFINITY
  /** How many may be under way: one until the server has answered well, so that its limit is known before it is met. */
  let most = 1
  /** Up to here `most` grows fast after a 429 of a server that says no limit, and from here on slowly, as in TCP. */
  let threshold = Number.POSITIVE_INFINITY
  /** When something was last sent, or more was allowed because nothing was answered. */
  let grownAt = 0
  let underWay = 0
  let sent = 0
  let strangers = 0
  /** How many may be sent in all, by what the server last said that it has left. */
  let granted = 0
  const ours = WindowCount.make(window)
  const others = WindowCount.make(window)
  let pausedUntil = 0
  /** Pauses in a row for which the server did not say how long. */
  let vaguePauses = 0
  /** What lets them go: who has begun, and who has not. */
  const queues: readonly [Array<(sent: Sent) => void>, Array<(sent: Sent) => void>] = [[], []]
  let alarm: { readonly at: number; readonly fiber: Fiber.Fiber<void> } | undefined
  let isLettingGo = false

  const now = () => Monotonic.millisOf(clock)
  const forget = (at: number) => {
    ours.forget(at)
    others.forget(at)
  }

  /** How many may be sent now. */
  const room = (at: number): number => {
    if (at < pausedUntil) return 0
    forget(at)
    const allowed = Math.max(said - underWay - ours.total() - others.total(), granted - sent)
    return Math.min(Math.floor(most) - underWay, own - underWay - ours.total(), allowed)
  }

  /** When there may be room where there is none; nothing where only an answer can make some. */
  const nextRoom = (at: number): number => {
    if (at < pausedUntil) return pausedUntil
    const patient = Math.floor(most) <= underWay ? grownAt + patience : Number.POSITIVE_INFINITY
    return Math.min(patient, ours.nextEnd(), others.nextEnd())
  }

  /** How long who waits behind so many others will have to wait, as far as can be told. */
  const expected = (ahead: number, at: number): number => {
    forget(at)
    const common = { underWay, window }
    const endings = ours.endings()
    return Math.max(
      0,
      pausedUntil - at,
      WindowCount.waitFor(ahead, { ...common, limit: own, endings }, at),
      ahead < granted - sent
        ? 0
        : WindowCount.waitFor(ahead, { ...common, limit: said, endings: [...endings, ...others.endings()] }, at),
    )
  }

  const send = (at: number): Sent => {
    forget(at)
    sent += 1
    underWay += 1
    grownAt = at
    return { number: sent, beside: underWay - 1, counted: ours.total() + others.total() + underWay, strangers }
  }

  /** How many go before one that comes now: before one that has not begun, all that wait. */
  const ahead = (hasBegun: boolean) => queues[0].length + (hasBegun ? 0 : queues[1].length)

  /** Lets go whoever may go, and sees to it that the next one goes in time. */
  const letGo = () => {
    // Who is let go may be answered before this comes back, and let go others: the loop sees it.
    if (isLettingGo) return
    isLettingGo = true
    if (Math.floor(most) <= underWay && now() >= grownAt + patience) {
      most *= 2
      grownAt = now()
    }
    while (ahead(false) > 0 && room(now()) > 0) {
      const next = queues[0].shift() ?? queues[1].shift()
      next?.(send(now()))
    }
    isLettingGo = false
    if (ahead(false) === 0) return
    const at = now()
    const next = nextRoom(at)
    if (next === Number.POSITIVE_INFINITY || next === alarm?.at) return
    alarm?.fiber.interruptUnsafe()
    if (at < pausedUntil || Math.floor(most) > underWay) options.onWait?.(next - at)
    const ring = Effect.sync(() => {
      alarm = undefined
      letGo()
    })
    alarm = { at: next, fiber: run(Effect.delay(ring, Math.ceil(next - at))) }
  }

  /** Waits, and says when it is let go as what: it may be let go and not wait any longer. */
  const turn = ({ hasBegun, maxWait, ending }: Turn, letGoAs: (as: Sent) => void): Effect.Effect<void, TooLate> => {
    const queue = queues[hasBegun ? 0 : 1]
    const queued = Effect.callback<void>((resume) => {
      const go = (as: Sent) => {
        letGoAs(as)
        resume(Effect.void)
      }
      queue.push(go)
      letGo()
      return Effect.sync(() => {
        const place = queue.indexOf(go)
        if (place >= 0) queue.splice(place, 1)
        // An alarm that nobody waits for would keep a program from its end.
        if (ahead(false) === 0) alarm = void alarm?.fiber.interruptUnsafe()
      })
    })
    const late = Effect.suspend(() => tooLate(expected(ahead(hasBegun), now())))
    return Effect.suspend(() => {
      const delay = maxWait === undefined ? 0 : expected(ahead(hasBegun), now())
      if (maxWait !== undefined && delay > Duration.toMillis(maxWait)) return tooLate(delay)
      const inTime = ending === undefined ? queued : Effect.raceFirst(queued, Effect.andThen(ending, late))
      // It may come otherwise: by a pause that nobody could expect.
      return maxWait === undefined ? inTime : Effect.timeoutOrElse(inTime, { duration: maxWait, orElse: () => late })
    })
  }

  const learn = ({ status, header }: Told, request: Sent) => {
    const at = now()
    const { limit, remaining } = RateLimitHeaders.read(header)
    if (limit !== undefined && limit !== said) [said, granted] = [limit, 0]
    ours.add(at, 1)
    if (said < Number.POSITIVE_INFINITY && remaining !== undefined) {
      // It counted some time between the sending and now: what was there then counts, and what was sent since. What it has
      // counted beyond that, others with the same token have sent.
      const known = request.counted + (sent - request.number) + (strangers - request.strangers)
      const unknown = Math.max(0, said - remaining - known)
      others.add(at, unknown)
      strangers += unknown
      // Those on their way beside it may have come after it. What was granted before, others have taken part of.
      granted = Math.max(unknown > 0 ? 0 : granted, request.number - request.beside + Math.min(remaining, said))
    }
    if (status === 429) refused(header("retry-after"), at)
    // It was sent before the server refused, and says nothing of what it takes now.
    else if (at < pausedUntil) return
    else if (limit !== undefined || (status >= 200 && status <= 299)) accepted()
    else most += 1
  }

  const accepted = () => {
    vaguePauses = 0
    const isOpen = said < Number.POSITIVE_INFINITY || threshold === Number.POSITIVE_INFINITY
    most = isOpen ? Number.POSITIVE_INFINITY : most + (most < threshold ? 1 : 1 / most)
  }

  const refused = (retryAfter: string | undefined, at: number) => {
    const isFirst = at >= pausedUntil
    if (isFirst) threshold = Math.max(1, Math.floor(Math.min(most, underWay) / 2))
    most = 1
    const seconds = parseRetryAfter(retryAfter, clock.currentTimeMillisUnsafe())
    // When the server has said, one may be sent then, whatever is counted here.
    granted = seconds === undefined ? 0 : sent + 1
    // Those that were under way together are refused together, and that is once.
    if (seconds === undefined && !isFirst) return
    const pause = seconds === undefined ? guess() : seconds * 1000
    pausedUntil = Math.max(pausedUntil, at + Math.min(pause, maxPause))
    grownAt = pausedUntil
  }

  /** A second, doubled with every pause in a row, and up to half as much again so that not all programs come back at once. */
  const guess = (): number => {
    vaguePauses = Math.min(vaguePauses + 1, 10)
    return 500 * 2 ** vaguePauses * (1 + random.nextDoubleUnsafe() / 2)
  }

  const end = () => {
    underWay -= 1
    letGo()
  }

  return {
    isIdle: () => {
      forget(now())
      const isCounted = Math.min(said, own) < Number.POSITIVE_INFINITY && ours.total() > 0
      return !isCounted && underWay + queues[0].length + queues[1].length === 0 && now() >= pausedUntil
    },
    paced: <A extends Told, Err, R>(sending: Effect.Effect<A, Err, R>, how: Turn) =>
      Effect.suspend(() => {
        let gone: Sent | undefined
        let isSent = false
        const begin = () => {
          isSent = true
          return sending
        }
        const letGoAs = (as: Sent) => void (gone = as)
        // Within what hears of its end: nobody is counted as under way who could end unheard.
        const going = Effect.suspend((): Effect.Effect<A, Err | TooLate, R> => {
          const at = now()
          if (ahead(how.hasBegun) > 0 || room(at) <= 0) return Effect.andThen(turn(how, letGoAs), Effect.suspend(begin))
          // As nearly always, where the limit is not what there is to wait for.
          letGoAs(send(at))
          return begin()
        })
        return Effect.onExitPrimitive(going, (exit) => {
          if (gone === undefined) return undefined
          // It may also have been let go, and not be sent.
          if (isSent && Exit.isSuccess(exit)) learn(exit.value, gone)
          else if (isSent) {
            // The server may have counted it. It has told nothing, which is no reason to hold all the others.
            ours.add(now(), 1)
            most += 1
          }
          return void end()
        })
      }),
  }
}

const tooLate = (delay: number) => Effect.fail(new TooLate({ retryAfter: Math.ceil(delay / 1000) }))
