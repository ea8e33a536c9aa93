/** The worker that tells webhooks of updates: when it tries, in which order, and when it gives up. With a clock of the test's. */
import { describe, expect, it } from "@effect/vitest"
import { StoreUnavailable, Transport, Unreachable, WebhookDelivery, WebhookOutbox, Webhooks } from "@webflow-users/core"
import { StoreAddress } from "@webflow-users/stores"
import { Clock, Effect, Exit, Fiber, Latch, Layer, Logger, Scope } from "effect"
import { TestClock } from "effect/testing"
import { mac } from "./receiver.ts"
import { ada, backlog, bob, claim, eve, hook, seed, update, users } from "./webhooks.ts"

interface Sent {
  readonly name: string
  readonly host: string
  /** Milliseconds since the test began. */
  readonly at: number
}
type Answering = Effect.Effect<number, Transport.TransportError>

/** A network that answers a message as it is told to, and keeps what was sent. */
const network = (answer: (sent: Sent) => Answering = () => Effect.succeed(200)) => {
  const sent: Array<Sent> = []
  const layer = Layer.succeed(Transport.Transport, {
    send: ({ url, body }) =>
      Effect.gen(function* () {
        const { payload } = JSON.parse(body ?? "")
        const one = { name: payload.data.name, host: new URL(url).host, at: yield* Clock.currentTimeMillis }
        sent.push(one)
        return { status: yield* answer(one), text: "", header: () => undefined }
      }),
  })
  return { sent, layer, told: () => sent.map(({ name, at }) => [name, at / 60_000]) }
}

/** Works until the test ends, or `stop` is run. */
const working = (at: ReturnType<typeof network>, options?: WebhookDelivery.Options) =>
  Effect.gen(function* () {
    const scope = yield* Effect.acquireRelease(Scope.make(), (made) =>
      // Who is still waited for is waited for by the test's clock.
      Effect.all([Scope.close(made, Exit.void), TestClock.adjust("1 minute")], { concurrency: 2 }),
    )
    yield* Scope.provide(WebhookDelivery.start(options).pipe(Effect.provide([at.layer, mac])), scope)
    return { stop: Scope.close(scope, Exit.void) }
  })

const store = StoreAddress.layerWithWebhooks("file::memory:")
const quiet = Logger.layer([])
const failing: Answering = Effect.succeed(500)

describe("a delivery that fails", () => {
  it.effect("is tried again three times, ten minutes apart, and then parked", () =>
    Effect.gen(function* () {
      yield* seed
      const { id } = yield* hook()
      const net = network(() => failing)
      yield* working(net)
      yield* update(ada, "x")
      yield* TestClock.adjust("2 hours")
      const minutes = net.told().map(([, at]) => at as number)
      expect(minutes.map((at) => Math.floor(at))).toStrictEqual([0, 10, 20, 30])
      expect(yield* backlog).toStrictEqual({ pending: 0, parked: 1 })
      const [delivery] = yield* Webhooks.use((webhooks) => webhooks.deliveries(id, 10))
      expect(delivery).toMatchObject({
        state: "parked",
        attempts: 4,
        lastFailure: { status: 500, reason: "It answered 500, and only 200 is a success" },
      })
      // Replayed, it has all its tries again.
      yield* Webhooks.use((webhooks) => webhooks.replayParked(id))
      yield* TestClock.adjust("2 hours")
      expect(net.sent.length).toBe(8)
    }).pipe(Effect.provide([store, quiet])),
  )

  it.effect("is tried as often, and after as long, as is set", () =>
    Effect.gen(function* () {
      yield* seed
      yield* hook()
      const net = network(() => failing)
      yield* working(net, { retries: 1, retryInterval: "1 minute" })
      yield* update(ada, "x")
      yield* TestClock.adjust("1 hour")
      expect(net.told().map(([, at]) => Math.floor(at as number))).toStrictEqual([0, 1])
      expect(yield* backlog).toStrictEqual({ pending: 0, parked: 1 })
      const other = network(() => failing)
      yield* working(other, { retries: 0 })
    }).pipe(Effect.provide([store, quiet])),
  )

  it.effect("is told when it succeeds, and no more", () =>
    Effect.gen(function* () {
      yield* seed
      yield* hook()
      let tries = 0
      const net = network(() => ((tries += 1) < 3 ? failing : Effect.succeed(200)))
      yield* working(net)
      yield* update(ada, "x")
      yield* TestClock.adjust("2 hours")
      expect(net.sent.length).toBe(3)
      expect(yield* backlog).toStrictEqual({ pending: 0, parked: 0 })
    }).pipe(Effect.provide([store, quiet])),
  )

  it.effect.each<[string, Answering, string]>([
    [
      "a server that is not there",
      Effect.suspend(() => Effect.fail(new Unreachable({ cause: "hush" }))),
      "The server could not be reached",
    ],
    ["a server that says nothing", Effect.never, "It did not answer within 10s"],
    ["a defect", Effect.suspend(() => Effect.die("hush")), ""],
  ])("by %s is tried again", ([_, answering, reason]) =>
    Effect.gen(function* () {
      yield* seed
      const { id } = yield* hook()
      const net = network(() => (net.sent.length === 1 ? answering : Effect.succeed(200)))
      yield* working(net)
      yield* update(ada, "x")
      yield* TestClock.adjust("15 seconds")
      const [delivery] = yield* Webhooks.use((webhooks) => webhooks.deliveries(id, 10))
      expect(delivery?.lastFailure?.reason ?? "").toBe(reason)
      yield* TestClock.adjust("1 hour")
      expect([net.sent.length, yield* backlog]).toStrictEqual([2, { pending: 0, parked: 0 }])
    }).pipe(Effect.provide([store, quiet])),
  )

  it.effect("is logged by the webhook's id and host, once a turn, without what it holds", () =>
    Effect.gen(function* () {
      const lines: Array<string> = []
      yield* Effect.gen(function* () {
        yield* seed
        const { id } = yield* hook("https://example.com/hook?key=hush")
        const net = network(() => failing)
        yield* working(net)
        yield* Effect.forEach([ada, bob, eve], (user) => update(user, "Personal"), { concurrency: "unbounded" })
        yield* TestClock.adjust("2 seconds")
        expect(net.sent.length).toBe(3)
        expect(lines.length).toBe(1)
        expect(lines[0]).toMatch(new RegExp(`webhook=${id} host=example.com failed=3 parked=0`))
        expect(lines[0]).not.toMatch(/hush|Personal|member\d/)
      }).pipe(Effect.provide([store, Logger.layer([Logger.map(Logger.formatLogFmt, (line) => void lines.push(line))])]))
    }),
  )
})

describe("the order", () => {
  it.effect("is that of a user's updates, a failed one first; another user is not kept waiting", () =>
    Effect.gen(function* () {
      yield* seed
      yield* hook()
      let isDown = true
      const net = network(({ name }) => (name.startsWith("ada") && isDown ? failing : Effect.succeed(200)))
      yield* working(net)
      for (const name of ["ada 1", "ada 2", "ada 3"]) yield* update(ada, name)
      yield* update(bob, "bob 1")
      yield* TestClock.adjust("5 minutes")
      expect(net.sent.map(({ name }) => name).toSorted()).toStrictEqual(["ada 1", "bob 1"])
      isDown = false
      yield* update(ada, "ada 4")
      yield* TestClock.adjust("6 minutes")
      expect(net.sent.slice(2).map(({ name }) => name)).toStrictEqual(["ada 1", "ada 2", "ada 3", "ada 4"])
    }).pipe(Effect.provide([store, quiet])),
  )

  it.effect("goes on when one is parked", () =>
    Effect.gen(function* () {
      yield* seed
      yield* hook()
      const net = network(({ name }) => (name === "1" ? failing : Effect.succeed(200)))
      yield* working(net, { retries: 1 })
      for (const name of ["1", "2"]) yield* update(ada, name)
      yield* TestClock.adjust("1 hour")
      expect(net.sent.map(({ name }) => name)).toStrictEqual(["1", "1", "2"])
    }).pipe(Effect.provide([store, quiet])),
  )
})

describe("a receiver that is slow", () => {
  it.effect("holds up neither other webhooks nor more than its own part of the work", () =>
    Effect.gen(function* () {
      yield* seed
      yield* hook("https://slow.example.com/")
      yield* hook("https://quick.example.com/")
      const net = network(({ host }) => (host.startsWith("slow") ? Effect.never : Effect.succeed(200)))
      yield* working(net)
      for (const round of [1, 2, 3]) yield* Effect.forEach(users, (user) => update(user, `${round}`))
      yield* TestClock.adjust("3 seconds")
      const at = (host: string) => net.sent.filter((one) => one.host.startsWith(host)).length
      expect([at("quick"), at("slow")]).toStrictEqual([18, 6])
    }).pipe(Effect.provide([store, quiet])),
  )

  it.effect("is sent no more than 16 at once", () =>
    Effect.gen(function* () {
      const many = Array.from({ length: 40 }, (_, index) => index)
      yield* seed
      const webhook = yield* hook()
      let most = 0
      const wanted: Array<number> = []
      const outbox = yield* WebhookOutbox
      const counted = WebhookOutbox.of({
        ...outbox,
        due: Effect.succeed([webhook]),
        claim: (_, [one]) =>
          Effect.sync(() => {
            wanted.push(one!.most)
            return many.slice(0, one!.most).map((sequence) => ({ webhook, sequence, attempts: 0, user: ada }))
          }),
      })
      let underWay = 0
      const net = network(() =>
        Effect.suspend(() => {
          underWay += 1
          most = Math.max(most, underWay)
          return Effect.never
        }),
      )
      yield* working(net).pipe(Effect.provideService(WebhookOutbox, counted))
      yield* TestClock.adjust("5 seconds")
      expect([most, wanted]).toStrictEqual([16, [16]])
    }).pipe(Effect.provide([store, quiet])),
  )

  it.effect("are, all together, sent no more than 256 at once, each its share", () =>
    Effect.gen(function* () {
      yield* seed
      const webhooks = yield* Effect.forEach(
        Array.from({ length: 20 }, (_, index) => index),
        (index) => hook(`https://slow${index}.example.com/`),
      )
      const wanted: Array<number> = []
      const outbox = WebhookOutbox.of({
        ...(yield* WebhookOutbox),
        due: Effect.succeed(webhooks),
        claim: (_, of) =>
          Effect.sync(() => {
            wanted.push(...of.map(({ most }) => most))
            return of.flatMap(({ webhook, most }) =>
              Array.from({ length: most }, (__, sequence) => ({ webhook, sequence, attempts: 0, user: ada })),
            )
          }),
      })
      const net = network(() => Effect.never)
      yield* working(net).pipe(Effect.provideService(WebhookOutbox, outbox))
      yield* TestClock.adjust("5 seconds")
      expect(wanted.slice(0, 20)).toStrictEqual(webhooks.map(() => 12))
      expect(net.sent.length).toBe(256)
    }).pipe(Effect.provide([store, quiet])),
  )
})

describe("a stop", () => {
  it.effect("begins nothing more, and waits for what is under way, which is kept", () =>
    Effect.gen(function* () {
      yield* seed
      const webhook = yield* hook()
      const answer = Latch.makeUnsafe(false)
      const net = network(() => Effect.as(answer.await, 200))
      const { stop } = yield* working(net)
      yield* update(ada, "1")
      yield* TestClock.adjust("1 second")
      yield* update(bob, "2")
      const stopping = yield* Effect.forkChild(stop)
      yield* TestClock.adjust("5 seconds")
      expect([net.sent.length, stopping.pollUnsafe()]).toStrictEqual([1, undefined])
      yield* answer.open
      yield* Fiber.join(stopping)
      expect(yield* backlog).toStrictEqual({ pending: 1, parked: 0 })
      expect((yield* claim(webhook)).map(({ user }) => user.data.name)).toStrictEqual(["2"])
    }).pipe(Effect.provide([store, quiet])),
  )

  it.effect("waits no longer than an attempt may take", () =>
    Effect.gen(function* () {
      yield* seed
      yield* hook()
      const { stop } = yield* working(network(() => Effect.never))
      yield* update(ada, "1")
      yield* TestClock.adjust("1 second")
      const stopping = yield* Effect.forkChild(stop)
      yield* TestClock.adjust("10 seconds")
      expect(stopping.pollUnsafe()).toStrictEqual(Exit.void)
      expect(yield* backlog).toStrictEqual({ pending: 1, parked: 0 })
    }).pipe(Effect.provide([store, quiet])),
  )
})

describe("a store that is away", () => {
  it.effect("is asked again, told of once, and what was delivered meanwhile is kept when it is back", () =>
    Effect.gen(function* () {
      const lines: Array<string> = []
      yield* Effect.gen(function* () {
        yield* seed
        yield* hook()
        const outbox = yield* WebhookOutbox
        let isAway = false
        const sometimes = <A>(asking: Effect.Effect<A, StoreUnavailable>) =>
          Effect.suspend(() => (isAway ? Effect.fail(new StoreUnavailable({ cause: "away" })) : asking))
        const flaky = WebhookOutbox.of({
          ...outbox,
          due: sometimes(outbox.due),
          settle: (...given) => sometimes(outbox.settle(...given)),
        })
        const net = network(() => Effect.sync(() => ((isAway = true), 200)))
        yield* working(net).pipe(Effect.provideService(WebhookOutbox, flaky))
        yield* update(ada, "1")
        yield* TestClock.adjust("20 seconds")
        expect([net.sent.length, lines.length]).toStrictEqual([1, 1])
        expect(lines[0]).toContain("Webhooks are not delivered for now")
        isAway = false
        yield* TestClock.adjust("1 second")
        expect(yield* backlog).toStrictEqual({ pending: 0, parked: 0 })
        yield* TestClock.adjust("1 minute")
        expect(net.sent.length).toBe(1)
      }).pipe(Effect.provide([store, Logger.layer([Logger.map(Logger.formatLogFmt, (line) => void lines.push(line))])]))
    }),
  )
})
