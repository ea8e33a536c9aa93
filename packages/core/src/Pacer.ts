/**
 * Keeps the requests of one token within what its server allows: a number of requests in a window of time, learned from
 * `X-RateLimit-Limit` and `X-RateLimit-Remaining`, and a pause for everyone where the server says 429.
 *
 * Never are more than the limit on their way or answered within the last window. A request counts from when it is sent
 * until a window after its answer, so that the server, whichever way it counts its windows, sees no more than it allows.
 * N requests take (⌈N ÷ limit⌉ − 1) windows, and what their answers take.
 */
import { Clock, Duration, Effect, Exit, type Fiber, FiberSet, Random, type Scope } from "effect"
import { TooManyRequests } from "./UpdateUserError.ts"
import { parseRetryAfter } from "./wire/Envelope.ts"

export interface Options {
  /** The most requests in a window. What the server says counts too; the smaller of both holds. */
  readonly limit?: number | undefined
  /** How long a window is: a minute, as documented of Webflow, unless said otherwise. No header tells it. */
  readonly window?: Duration.Input | undefined
  /** The longest pause that a server can ask for by `Retry-After`; 2 minutes unless said otherwise. */
  readonly maxPause?: Duration.Input | undefined
}

/** How a request waits for its turn. */
export interface Turn {
  /** What has begun goes before what has not: the next requests of a change whose first one was sent, and its retries. */
  readonly hasBegun: boolean
  /** Who would have to wait longer is refused at once. As long as it takes, unless said otherwise. */
  readonly maxWait?: Duration.Duration | undefined
}

/** What of an answer the pacer reads. */
export interface Told {
  readonly status: number
  readonly header: (name: string) => string | undefined
}

export interface Pacer {
  /** Sends a request when it is its turn. Fails with `TooManyRequests` where that would be too late. */
  readonly paced: <A extends Told, Err, R>(
    send: Effect.Effect<A, Err, R>,
    turn: Turn,
  ) => Effect.Effect<A, Err | TooManyRequests, R>
}

/** Clocks are read in whole milliseconds and tick differently: a window is taken for a little longer than it is. */
const safely = (window: number): number => Math.ceil(window * 1.002) + 2

/** How long the first request may keep the others waiting: a server that hangs would hold them for as long as it is let. */
const probePatience = 5_000

/** The most tokens that are kept in mind. Whoever passes on what tokens strangers bring must not grow with them. */
const maxTokens = 1_000

/** Gives each token of a server its pacer, the same one whenever it is asked for. */
export const make = Effect.fnUntraced(function* (
  options: Options = {},
): Effect.fn.Return<(token: string) => Pacer, never, Scope.Scope> {
  const clock = yield* Clock.Clock
  const random = yield* Random.Random
  const run = yield* FiberSet.runtime(yield* FiberSet.make<void>())()
  const pacers = new Map<string, Pacer>()
  return (token) => {
    const pacer = pacers.get(token) ?? pacerOf(options, { clock, random, run })
    // The last one asked for is the last one in the map.
    pacers.delete(token)
    pacers.set(token, pacer)
    if (pacers.size > maxTokens) {
      const [oldest] = pacers.keys()
      if (oldest !== undefined) pacers.delete(oldest)
    }
    return pacer
  }
})

interface Means {
  readonly clock: Clock.Clock
  readonly random: typeof Random.Random.Service
  readonly run: (effect: Effect.Effect<void>) => Fiber.Fiber<void>
}

const pacerOf = (options: Options, { clock, random, run }: Means): Pacer => {
  const window = safely(Duration.toMillis(options.window ?? "1 minute"))
  const maxPause = Duration.toMillis(options.maxPause ?? "2 minutes")

  let limit = options.limit
  /** Whether the server has answered, since the start or since it last said 429. Until then it is asked one at a time. */
  let isKnown = false
  let probingSince = 0
  let underWay = 0
  /** When requests were answered, those of others with the same token too; from `oldest` on within the last window. */
  let answered: Array<number> = []
  let oldest = 0
  let pausedUntil = 0
  /** 429s in a row that did not say how long to wait. */
  let vagueRefusals = 0
  /** What lets them go: who has begun, and who has not. */
  const queues: readonly [Array<() => void>, Array<() => void>] = [[], []]
  let alarm: { readonly at: number; readonly fiber: Fiber.Fiber<void> } | undefined
  let isLettingGo = false

  const now = () => clock.currentTimeMillisUnsafe()

  const forget = (at: number) => {
    while ((answered[oldest] ?? Number.POSITIVE_INFINITY) + window <= at) oldest += 1
    // Now and then, and not for each: a limit may be high.
    if (oldest * 2 <= answered.length) return
    answered = answered.slice(oldest)
    oldest = 0
  }

  /** How many may be sent now. */
  const room = (at: number): number => {
    if (at < pausedUntil) return 0
    if (!isKnown) return underWay === 0 || at >= probingSince + probePatience ? 1 : 0
    if (limit === undefined) return Number.POSITIVE_INFINITY
    forget(at)
    return limit - underWay - (answered.length - oldest)
  }

  /** When there may be room where there is none; `undefined` where only an answer can make some. */
  const nextRoom = (at: number): number | undefined => {
    if (at < pausedUntil) return pausedUntil
    if (!isKnown) return probingSince + probePatience
    const time = answered[oldest]
    return time === undefined ? undefined : time + window
  }

  /** How long who waits behind so many others will have to wait, as far as can be told. */
  const expected = (ahead: number, at: number): number => {
    const pause = Math.max(0, pausedUntil - at)
    if (limit === undefined) return pause
    forget(at)
    // What is under way makes room a window after its answer, and that may come any time.
    const ends = [...answered.slice(oldest), ...Array.from({ length: underWay }, () => at)].map(
      (time) => time + window - at,
    )
    const place = ahead - Math.max(0, limit - ends.length)
    return place < 0 ? pause : Math.max(pause, (ends[place % ends.length] ?? 0) + Math.floor(place / limit) * window)
  }

  const send = (at: number) => {
    if (!isKnown && underWay === 0) probingSince = at
    underWay += 1
  }

  /** Lets go whoever may go, and sees to it that the next one goes in time. */
  const letGo = () => {
    // Who is let go may be answered before this comes back, and let go others: the loop sees it.
    if (isLettingGo) return
    isLettingGo = true
    for (let at = now(); room(at) > 0; at = now()) {
      const next = queues[0].shift() ?? queues[1].shift()
      if (next === undefined) break
      send(at)
      next()
    }
    isLettingGo = false
    if (queues[0].length + queues[1].length === 0) return
    const at = now()
    const next = nextRoom(at)
    if (next === undefined || next === alarm?.at) return
    alarm?.fiber.interruptUnsafe()
    alarm = { at: next, fiber: run(Effect.andThen(Effect.sleep(next - at), Effect.sync(ring))) }
  }

  const ring = () => {
    alarm = undefined
    letGo()
  }

  /** Waits, and says at the end whether it is under way. */
  const turn = ({ hasBegun, maxWait }: Turn) => {
    let hasGone = false
    const queue = queues[hasBegun ? 0 : 1]
    const queued = Effect.callback<void>((resume) => {
      const go = () => {
        hasGone = true
        resume(Effect.void)
      }
      queue.push(go)
      letGo()
      return Effect.sync(() => {
        const place = queue.indexOf(go)
        if (place >= 0) queue.splice(place, 1)
      })
    })
    const waiting: Effect.Effect<void, TooManyRequests> = Effect.suspend(() => {
      const at = now()
      const ahead = queues[0].length + (hasBegun ? 0 : queues[1].length)
      if (ahead === 0 && room(at) > 0) {
        hasGone = true
        send(at)
        return Effect.void
      }
      if (maxWait === undefined) return queued
      const delay = expected(ahead, at)
      if (delay > Duration.toMillis(maxWait)) return tooLate(delay)
      // It may come otherwise: by a pause that nobody could expect.
      return Effect.timeoutOrElse(queued, { duration: maxWait, orElse: () => tooLate(expected(ahead, now())) })
    })
    return { waiting, hasGone: () => hasGone }
  }

  const end = () => {
    underWay -= 1
    letGo()
  }

  /** A request that was sent counts from its end on, however it ended: the server may have counted it. */
  const count = (at: number) => {
    if (limit !== undefined) answered.push(at)
  }

  const learn = ({ status, header }: Told) => {
    const at = now()
    const said = wholeNumber(header("x-ratelimit-limit"))
    if (said !== undefined && said > 0) limit = Math.min(said, options.limit ?? said)
    count(at)
    const remaining = wholeNumber(header("x-ratelimit-remaining"))
    if (said !== undefined && remaining !== undefined) {
      forget(at)
      // What the server has counted and was not sent from here, others with the same token have sent.
      const others = said - remaining - (answered.length - oldest) - (underWay - 1)
      for (let index = 0; index < others; index += 1) answered.push(at)
    }
    isKnown = status !== 429
    if (status !== 429) {
      vagueRefusals = 0
      return
    }
    const seconds = parseRetryAfter(header("retry-after"), at)
    const pause = seconds === undefined ? guess() : seconds * 1000
    pausedUntil = Math.max(pausedUntil, at + Math.min(pause, maxPause))
    probingSince = pausedUntil
  }

  /** A second, doubled with every 429 in a row, and up to half as much again so that not all programs come back at once. */
  const guess = (): number => {
    vagueRefusals = Math.min(vagueRefusals + 1, 10)
    return 500 * 2 ** vagueRefusals * (1 + random.nextDoubleUnsafe() / 2)
  }

  return {
    paced: (sending, how) =>
      Effect.uninterruptibleMask((restore) => {
        const { waiting, hasGone } = turn(how)
        return Effect.matchCauseEffect(restore(waiting), {
          onFailure: (cause) => {
            // Its turn had come, and it is not taken.
            if (hasGone()) end()
            return Effect.failCause(cause)
          },
          onSuccess: () =>
            Effect.onExit(restore(sending), (sent) =>
              Effect.sync(() => {
                if (Exit.isSuccess(sent)) learn(sent.value)
                else {
                  count(now())
                  // It has told nothing, and that is no reason to keep the others waiting.
                  isKnown = true
                }
                end()
              }),
            ),
        })
      }),
  }
}

const tooLate = (delay: number) => Effect.fail(new TooManyRequests({ retryAfter: Math.ceil(delay / 1000) }))

const wholeNumber = (text: string | undefined): number | undefined =>
  text !== undefined && /^\d{1,9}$/.test(text) ? Number(text) : undefined
