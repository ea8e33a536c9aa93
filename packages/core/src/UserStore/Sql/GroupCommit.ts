/**
 * One transaction for all the updates that wait when it begins, for a database in this process that has one writer, which is SQLite.
 * A durable commit waits for the disk; what waits together waits once. Why, and what it is worth: docs/decisions/0005 and 0028.
 */
import { Cause, Clock, Context, DateTime, Deferred, Effect, Exit, Fiber, type Scope } from "effect"
import type { SqlClient, SqlError } from "effect/sql"
import type { Client, Execute } from "../../AtOnce.ts"
import { isHeard } from "../../Traced.ts"
import type { SiteId, UserId } from "../../User.ts"
import { type ChainedUser, insertEvent, selectUser, updateUser } from "../../EventChains.ts"
import {
  addGroup,
  type Decide,
  decided,
  fail,
  firstDue,
  groupsNow,
  isWithinTransaction,
  type Outcome,
  settle,
  type Update,
  type Waiting,
} from "./UserRows.ts"

/** The most that is committed together: whoever comes later need not wait for all who came before. */
const maxGroup = 256

interface Job extends Waiting {
  readonly siteId: SiteId
  readonly userId: UserId
  readonly decide: Decide
  /** Its caller's: a group goes by the clock of its first, and its spans belong to somebody who waits for them. */
  readonly context: Context.Context<never>
  /** Whether somebody traces, and each step has to be seen. */
  readonly isSeen: boolean
}

/** What the database, or a defect, broke off within a transaction: what was written by then must not be committed. */
class Spoiled {
  readonly cause: Cause.Cause<SqlError.SqlError>
  constructor(cause: Cause.Cause<SqlError.SqlError>) {
    this.cause = cause
  }
}

/** Updates that share transactions. What is under way when the scope closes is finished. */
export const make = (sql: Client): Effect.Effect<Update, never, Scope.Scope> =>
  Effect.suspend(() => {
    let waiting: Array<Job> = []
    let isLed = false
    let leader: Fiber.Fiber<void> | undefined
    const changesOf = changes(sql)

    /** In one step, where the database can and nobody wants to see the steps: most of the time it is so. */
    const commit = (jobs: Group): Effect.Effect<void> =>
      Effect.suspend(() => {
        const { context, isSeen } = jobs[0]
        const outcomes = isSeen ? undefined : sql.writeAtOnce?.((execute) => atOnce(changesOf(jobs), execute))
        if (outcomes === undefined) return Effect.updateContext(commitInSteps(jobs), () => context)
        settleAll(jobs, outcomes)
        return Effect.void
      })

    const commitInSteps = (jobs: Group): Effect.Effect<void> =>
      inSteps(sql, jobs[0].isSeen, changesOf(jobs)).pipe(
        Effect.catchCause((cause) => Effect.fail(new Spoiled(cause))),
        sql.withTransaction,
        Effect.matchCauseEffect({
          onSuccess: (outcomes) => Effect.sync(() => settleAll(jobs, outcomes)),
          onFailure: (cause) => {
            const spoiled = cause.reasons.find(isSpoiling)
            // The transaction could not be begun or committed: to try each for itself would be the same, many times.
            if (spoiled === undefined) return fail(jobs, cause as Cause.Cause<SqlError.SqlError>)
            // One of them did it. Each is tried for itself.
            return jobs.length === 1
              ? fail(jobs, spoiled.error.cause)
              : Effect.forEach(jobs, (job) => commit([job]), { discard: true })
          },
        }),
      )

    const take = (): Group | undefined => {
      const [first, ...others] = waiting.splice(0, maxGroup)
      return first && [first, ...others]
    }

    /** Commits until nobody waits. It is nobody's who waits for it, so that nobody takes it along who gives up. */
    const lead = Effect.gen(function* () {
      yield* whenAllHaveCome
      for (let jobs = take(); jobs !== undefined; jobs = take()) {
        yield* commit(jobs)
        // Whom that has answered may come again.
        yield* Effect.yieldNow
      }
      isLed = false
    })

    // Who gives up does so while waiting for the answer, and nowhere before: a leader that was promised and did not begin would be
    // waited for by everybody, for ever.
    const update: Update = (siteId, userId, decide) =>
      Effect.uninterruptibleMask((restore) =>
        Effect.withFiber((caller) => {
          const { context } = caller
          const job: Job = { siteId, userId, decide, context, isSeen: isHeard(caller), done: Deferred.makeUnsafe() }
          // Who has a transaction is updated in it, alone: others would wait for its end, and it for them.
          if (isWithinTransaction(sql, context)) {
            return restore(Effect.andThen(commitInSteps([job]), Deferred.await(job.done)))
          }
          waiting.push(job)
          const answer = Effect.onInterrupt(restore(Deferred.await(job.done)), () =>
            // Nobody waits for it any more, and it has not begun.
            Effect.sync(() => (waiting = waiting.filter((other) => other !== job))),
          )
          if (isLed) return answer
          isLed = true
          return Effect.flatMap(Effect.forkDetach(lead, { startImmediately: true }), (fiber) => {
            leader = fiber
            return answer
          })
        }),
      )
    const finish = Effect.suspend(() => (leader === undefined ? Effect.void : Fiber.await(leader)))
    return Effect.as(
      Effect.addFinalizer(() => finish),
      update,
    )
  })

/**
 * When the step of the program is over in which the first came: who came at this moment waits too, which is what makes a group more than one.
 * Who is alone waits for no turn of the event loop.
 */
const whenAllHaveCome = Effect.callback<void>((resume) => queueMicrotask(() => resume(Effect.void)))

/** Jobs that are committed together. */
type Group = readonly [Job, ...ReadonlyArray<Job>]

interface SiteRow {
  readonly declaration: string | null
  readonly has_webhook: number
}

interface Recorded {
  readonly sequence: number
}

/** A statement's text, and what stands in its places. */
type Asked = readonly [text: string, parameters: ReadonlyArray<unknown>]

/** What a group does within its transaction, one after the other: it asks, and is given the rows. */
type Changes = Generator<Asked, ReadonlyArray<Outcome>, ReadonlyArray<unknown>>

/** The statements are the database's own texts, prepared once. */
const changes = (sql: SqlClient.SqlClient) => {
  const [insertDeliveries] = sql`INSERT INTO webhook_deliveries (webhook_id, sequence, user_id, due_at)
    SELECT id, ${"sequence"}, ${"user"}, ${firstDue(sql, sql`${"user"}`)} FROM webhooks
    WHERE site_id = ${"site"}`.compile()

  return function* (jobs: Group): Changes {
    const { context } = jobs[0]
    const now = DateTime.makeUnsafe(Context.get(context, Clock.Clock).currentTimeMillisUnsafe())
    const sites = new Map<SiteId, SiteRow | undefined>()
    const outcomes: Array<Outcome> = []

    for (const { siteId, userId, decide } of jobs) {
      if (!sites.has(siteId)) sites.set(siteId, first<SiteRow>(yield [selectSite, [siteId]]))
      const site = sites.get(siteId)
      const user = first<ChainedUser>(yield [selectUser, [siteId, userId]])
      if (site === undefined || user === undefined) {
        outcomes.push(nobody)
        continue
      }
      const outcome = decided(decide, { document: user.document, declaration: site.declaration }, now)
      outcomes.push(outcome)
      if (Exit.isFailure(outcome)) continue

      const { written, groups } = outcome.value
      const { at, actor, label, address, before, after, updatedOn } = written
      const chain = [user.last_event, user.last_hundredth]
      const event = [siteId, userId, at, actor, label || null, address || null, before, after, ...chain]
      // Most sites have no webhook, and are not asked for any.
      const isTold = site.has_webhook === 1
      const recorded = first<Recorded>(yield [isTold ? insertTold : insertEvent, event])
      yield [updateUser, [after, updatedOn, siteId, userId]]
      if (isTold) yield [insertDeliveries, [recorded?.sequence, userId, userId, siteId]]
      for (const group of groupsNow(context, siteId, groups)) yield addGroup(sql, group).compile()
    }
    return outcomes
  }
}

const first = <Row>(rows: ReadonlyArray<unknown>): Row | undefined => rows[0] as Row | undefined

const atOnce = (changing: Changes, execute: Execute): ReadonlyArray<Outcome> => {
  let next = changing.next()
  while (next.done !== true) next = changing.next(execute(...next.value))
  return next.value
}

/** On the connection of the transaction in which this is run. */
const inSteps = Effect.fnUntraced(function* (sql: SqlClient.SqlClient, isSeen: boolean, changing: Changes) {
  const [connection] = Context.getUnsafe(yield* Effect.context<never>(), sql.transactionService)
  let next = changing.next()
  while (next.done !== true) {
    const [text, parameters] = next.value
    const asking = connection.execute(text, parameters, undefined)
    // The same span that a statement of `sql` has.
    const attributes = { "db.system.name": "sqlite", "db.query.text": text }
    const span = { kind: "client", attributes, captureStackTrace: false } as const
    next = changing.next(yield* isSeen ? Effect.withSpan(asking, "sqlite", span) : asking)
  }
  return next.value
})

const selectSite = `SELECT declaration, EXISTS (SELECT 1 FROM webhooks WHERE webhooks.site_id = sites.id) AS has_webhook
  FROM sites WHERE id = ?`
const insertTold = `${insertEvent} RETURNING sequence`

const nobody = Exit.succeed(undefined)

const isSpoiling = (reason: Cause.Reason<unknown>): reason is Cause.Fail<Spoiled> =>
  Cause.isFailReason(reason) && reason.error instanceof Spoiled

const settleAll = (jobs: Group, outcomes: ReadonlyArray<Outcome>): void =>
  jobs.forEach((job, index) => settle(job, outcomes[index] as Outcome))
