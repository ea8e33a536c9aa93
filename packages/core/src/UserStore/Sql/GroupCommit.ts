/**
 * One transaction for all the updates that wait when it begins, for a database in this process that has one writer, which is SQLite.
 * A durable commit waits for the disk; what waits together waits once. Why, and what it is worth: docs/decisions/0005 and 0028.
 */
import { Cause, Clock, Context, DateTime, Deferred, Effect, Exit, Latch, type Scope } from "effect"
import type { SqlClient, SqlError } from "effect/sql"
import type { Client, Execute } from "../../AtOnce.ts"
import { isHeard } from "../../Traced.ts"
import type { SiteId, UserId } from "../../User.ts"
import { chainColumns, type ChainedUser, insertEvent, selectUser, updateUser } from "../../EventChains.ts"
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
  Effect.gen(function* () {
    let waiting: Array<Job> = []
    let isLed = false
    /** A group that could not be made at once. */
    let left: Group | undefined
    /** Who closes the store, and waits for what is under way. */
    let closing: Deferred.Deferred<void> | undefined
    const isWanted = Latch.makeUnsafe()
    const changesOf = changes(sql)

    /** In one step, where the database can and nobody wants to see the steps: most of the time it is so. */
    const isMadeAtOnce = (jobs: Group): boolean => {
      const outcomes = jobs[0].isSeen ? undefined : sql.writeAtOnce?.((execute) => atOnce(changesOf(jobs), execute))
      if (outcomes !== undefined) settleAll(jobs, outcomes)
      return outcomes !== undefined
    }

    const commit = (jobs: Group): Effect.Effect<void> =>
      Effect.suspend(() => (isMadeAtOnce(jobs) ? Effect.void : commitInItsContext(jobs)))

    const commitInItsContext = (jobs: Group): Effect.Effect<void> =>
      Effect.updateContext(commitInSteps(jobs), () => jobs[0].context)

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

    const isOver = () => {
      isLed = false
      if (closing !== undefined) settle({ done: closing }, Exit.void)
    }

    /** Makes the first group; of most there is nothing left to do. */
    const begin = () => {
      const jobs = take()
      if (jobs !== undefined && !isMadeAtOnce(jobs)) left = jobs
      if (left === undefined && waiting.length === 0) isOver()
      else isWanted.openUnsafe()
    }

    /** Goes on where `begin` has left something, until nobody waits. It is nobody's who waits: nobody who gives up takes it along. */
    const lead = Effect.gen(function* () {
      yield* isWanted.await
      isWanted.closeUnsafe()
      if (left !== undefined) yield* commitInItsContext(left)
      left = undefined
      // Whom a group has answered may come again.
      yield* Effect.yieldNow
      for (let jobs = take(); jobs !== undefined; jobs = take()) {
        yield* commit(jobs)
        yield* Effect.yieldNow
      }
      isOver()
    })

    const update: Update = (siteId, userId, decide) =>
      Effect.withFiber((caller) => {
        const { context } = caller
        const job: Job = { siteId, userId, decide, context, isSeen: isHeard(caller), done: Deferred.makeUnsafe() }
        // Who has a transaction is updated in it, alone: others would wait for its end, and it for them.
        if (isWithinTransaction(sql, context)) return Effect.andThen(commitInSteps([job]), Deferred.await(job.done))
        const answer = Effect.suspend(() => {
          waiting.push(job)
          if (!isLed) {
            isLed = true
            // When the step of the program is over in which the first came: who came at this moment waits too, which is what makes a
            // group more than one. Who is alone waits for no turn of the event loop.
            queueMicrotask(begin)
          }
          return Deferred.await(job.done)
        })
        // It has come once it can also give up: a caller may be interrupted between any two steps of its own.
        return Effect.onInterrupt(answer, () =>
          // Nobody waits for it any more, and it has not begun.
          Effect.sync(() => (waiting = waiting.filter((other) => other !== job))),
        )
      })

    yield* Effect.forkDetach(Effect.forever(lead), { startImmediately: true })
    const finish = Effect.suspend(() => {
      if (!isLed) return Effect.void
      closing = Deferred.makeUnsafe()
      return Deferred.await(closing)
    })
    yield* Effect.addFinalizer(() => finish)
    return update
  })

/** Jobs that are committed together. */
type Group = readonly [Job, ...ReadonlyArray<Job>]

interface SiteRow {
  readonly declaration: string | null
  readonly has_webhook: number
}

/** A site, and of its user what there is. */
type FirstOfSite = SiteRow & (ChainedUser | { readonly document: null })

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
    const sites = new Map<SiteId, SiteRow>()
    const outcomes: Array<Outcome> = []

    for (const { siteId, userId, decide } of jobs) {
      let site = sites.get(siteId)
      let user: ChainedUser | undefined
      if (site === undefined) {
        // The first of a site is asked for together with it.
        const found = first<FirstOfSite>(yield [selectFirst, [userId, siteId]])
        if (found !== undefined) sites.set(siteId, (site = found))
        if (found?.document != null) user = found
      } else user = first<ChainedUser>(yield [selectUser, [siteId, userId]])
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

const selectFirst = `SELECT sites.declaration, EXISTS (SELECT 1 FROM webhooks WHERE webhooks.site_id = sites.id) AS has_webhook,
  ${chainColumns} FROM sites LEFT JOIN users ON users.site_id = sites.id AND users.id = ? WHERE sites.id = ?`
const insertTold = `${insertEvent} RETURNING sequence`

const nobody = Exit.succeed(undefined)

const isSpoiling = (reason: Cause.Reason<unknown>): reason is Cause.Fail<Spoiled> =>
  Cause.isFailReason(reason) && reason.error instanceof Spoiled

const settleAll = (jobs: Group, outcomes: ReadonlyArray<Outcome>): void =>
  jobs.forEach((job, index) => settle(job, outcomes[index] as Outcome))
