/**
 * Tells other servers of updates: one attempt, and the worker that makes all of them. What is due is asked for again and
 * again; several workers on one store share the work. Why so: docs/decisions/0013.
 */
import { Cause, DateTime, Duration, Effect, Fiber, FiberSet, Latch } from "effect"
import type { Mac } from "effect/crypto"
import * as ObjectId from "./ObjectId.ts"
import { Transport, type TransportError } from "./Transport.ts"
import type { User } from "./User.ts"
import * as WebhookMessage from "./WebhookMessage.ts"
import { type ClaimedDelivery, type DeliveryOutcome, type SigningWebhook, WebhookOutbox } from "./Webhooks.ts"
import * as WebhookTarget from "./WebhookTarget.ts"

/** How patient to be with receivers. */
export interface Options {
  /** How often a delivery that fails is tried again before it is parked. Webflow's number unless said otherwise: 3. */
  readonly retries?: number | undefined
  /** How long to wait before it is. Webflow's too: 10 minutes. */
  readonly retryInterval?: Duration.Input | undefined
  /** How often to look for what is due. 1 second unless said otherwise. */
  readonly pollInterval?: Duration.Input | undefined
}

/** How long a receiver may take for its answer, its name and its connection included [ours]. */
export const timeout = Duration.seconds(10)

/** For how long a claim is nobody else's. Longer than an attempt: whoever still has it after that has been killed. */
const lease = Duration.seconds(30)

/** How many deliveries of one webhook are under way at once: a receiver that is slow holds up no other. */
const mostOfOne = 16

/** And of all of them together. */
const mostOfAll = 256

/** How long a stop waits for what is under way: for an attempt, and for what came of it to be written down. */
const stopTimeout = Duration.sum(timeout, Duration.seconds(5))

/** What came of one attempt. */
export interface Attempt {
  readonly isDelivered: boolean
  /** What the receiver answered, where it did. */
  readonly status?: number
  /** Why it was not delivered, in words of ours. */
  readonly reason?: string
}

/** Tells a webhook of a user, once and now. Whatever comes of it is a value: only a 200 is a success. */
export const attempt = (
  webhook: Pick<SigningWebhook, "url" | "secret">,
  user: User,
): Effect.Effect<Attempt, never, Transport | Mac.Mac> =>
  Effect.gen(function* () {
    const { send } = yield* Transport
    const { status } = yield* send(yield* WebhookMessage.make(webhook, user))
    return status === 200
      ? { isDelivered: true, status }
      : { isDelivered: false, status, reason: `It answered ${status}, and only 200 is a success` }
  }).pipe(
    Effect.timeoutOrElse({
      duration: timeout,
      orElse: () =>
        Effect.succeed({ isDelivered: false, reason: `It did not answer within ${Duration.format(timeout)}` }),
    }),
    Effect.catch((error) => Effect.succeed({ isDelivered: false, reason: reasonOf(error) })),
  )

/** These classes' words are ours; `details` says what of a request cannot be sent, or where it may not go. */
const reasonOf = ({ message, details }: TransportError): string =>
  [message, ...details.filter((detail) => typeof detail === "string")].join(": ")

interface Settled {
  readonly claimed: ClaimedDelivery
  readonly outcome: DeliveryOutcome
}

/**
 * Works until the scope closes; then nothing new is begun, and what is under way comes to its end. A store that is away is
 * asked again later, and told of once.
 */
export const start = Effect.fn("WebhookDelivery.start")(function* (options: Options = {}) {
  const { retries = 3, retryInterval = "10 minutes", pollInterval = "1 second" } = options
  const outbox = yield* WebhookOutbox
  const worker = yield* ObjectId.make
  const deliveries = yield* FiberSet.make<void>()
  const news = Latch.makeUnsafe(false)
  const underWay = new Map<string, number>()
  let settled: ReadonlyArray<Settled> = []
  let isStopping = false
  let isAway = false

  const many = (id: string) => underWay.get(id) ?? 0
  const count = (id: string, change: number) =>
    many(id) + change === 0 ? underWay.delete(id) : underWay.set(id, many(id) + change)
  const total = () => [...underWay.values()].reduce((sum, of) => sum + of, 0)

  const deliver = Effect.fnUntraced(function* (claimed: ClaimedDelivery) {
    const { isDelivered, reason = "", status } = yield* attempt(claimed.webhook, claimed.user)
    const now = yield* DateTime.now
    const failure = { at: DateTime.formatIso(now), reason, ...(status !== undefined && { status }) }
    const outcome: DeliveryOutcome = isDelivered
      ? { _tag: "Delivered" }
      : claimed.attempts < retries
        ? { _tag: "Retry", at: DateTime.addDuration(now, retryInterval), failure }
        : { _tag: "Parked", failure }
    settled = [...settled, { claimed, outcome }]
  })

  /** An attempt that breaks off has no outcome: its lease ends, and it is tried again. */
  const begin = (claimed: ClaimedDelivery) => {
    const { id } = claimed.webhook
    count(id, 1)
    return FiberSet.run(
      deliveries,
      deliver(claimed).pipe(
        Effect.catchDefect((defect) => Effect.logError("A webhook's delivery failed unexpectedly", defect)),
        Effect.ensuring(
          Effect.sync(() => {
            count(id, -1)
            news.openUnsafe()
          }),
        ),
      ),
    )
  }

  const settle = Effect.suspend(() => {
    const those = settled
    if (those.length === 0) return Effect.void
    return outbox
      .settle(worker, those)
      .pipe(Effect.andThen(Effect.sync(() => (settled = settled.slice(those.length)))), Effect.andThen(tell(those)))
  })

  const claim = Effect.gen(function* () {
    const left = mostOfAll - total()
    if (left === 0) return
    // Who has least under way comes first, and none gets all that is left.
    const due = (yield* outbox.due)
      .filter(({ id }) => many(id) < mostOfOne)
      .toSorted((a, b) => many(a.id) - many(b.id))
      .slice(0, left)
    if (due.length === 0) return
    const share = Math.floor(left / due.length)
    const wanted = due.map((webhook) => ({ webhook, most: Math.min(share, mostOfOne - many(webhook.id)) }))
    const leaseEnds = DateTime.addDuration(yield* DateTime.now, lease)
    yield* Effect.forEach(yield* outbox.claim(worker, wanted, leaseEnds), begin, { discard: true })
  })

  const turn = Effect.gen(function* () {
    news.closeUnsafe()
    yield* settle
    if (!isStopping) yield* claim
    isAway = false
  }).pipe(
    Effect.catchCauseIf(
      (cause) => !Cause.hasInterruptsOnly(cause),
      (cause) => {
        if (isAway) return Effect.void
        isAway = true
        return Effect.logError("Webhooks are not delivered for now: the store cannot be asked", cause)
      },
    ),
  )

  const work = Effect.gen(function* () {
    while (true) {
      yield* turn
      if (isStopping && total() === 0 && settled.length === 0) return
      yield* Effect.timeoutOption(isAway ? Effect.never : news.await, pollInterval)
    }
  })

  const working = yield* Effect.forkScoped(work)
  yield* Effect.addFinalizer(() =>
    Effect.suspend(() => {
      isStopping = true
      news.openUnsafe()
      return Effect.timeoutOption(Effect.interruptible(Fiber.await(working)), stopTimeout)
    }),
  )
})

/** One line a webhook and a turn, however many of its deliveries have failed, and nothing of what they hold. */
const tell = (settled: ReadonlyArray<Settled>) =>
  Effect.forEach(
    Map.groupBy(settled, ({ claimed }) => claimed.webhook.id),
    ([webhook, those]) => {
      const failures = those.flatMap(({ claimed, outcome }) =>
        outcome._tag === "Delivered" ? [] : [{ ...outcome, url: claimed.webhook.url }],
      )
      const last = failures.at(-1)
      if (last === undefined) return Effect.void
      const parked = failures.filter(({ _tag }) => _tag === "Parked").length
      return Effect.logWarning("Deliveries of a webhook failed").pipe(
        Effect.annotateLogs({
          webhook,
          host: WebhookTarget.hostOf(last.url),
          failed: failures.length,
          parked,
          reason: last.failure.reason,
        }),
      )
    },
    { discard: true },
  )
