/**
 * One transaction for all the updates that wait when it begins, for a database in this process that has one writer, which is SQLite.
 * A durable commit waits for the disk; what waits together waits once. Why, and what it is worth: docs/decisions/0005 and 0028.
 */
import { Cause, Context, DateTime, Deferred, Effect, Exit, Fiber, type Scope } from "effect"
import { type SqlClient, SqlError } from "effect/sql"
import { isTraced } from "../../Traced.ts"
import type { ChangeForbidden, InvalidPatch } from "../../UpdateUserError.ts"
import type { SiteId, UserId } from "../../User.ts"
import {
  addGroups,
  type Decide,
  decided,
  type Decided,
  firstDue,
  newGroups,
  type Update,
  type UserRow,
} from "./UserRows.ts"

/** The most that is committed together: whoever comes later need not wait for all who came before. */
const maxGroup = 256

type Failure = SqlError.SqlError | InvalidPatch | ChangeForbidden
type Outcome = Exit.Exit<Decided | undefined, Failure>

interface Job {
  readonly siteId: SiteId
  readonly userId: UserId
  readonly decide: Decide
  /** Its caller's: a group runs in that of its first, and its spans belong to somebody who waits for them. */
  readonly context: Context.Context<never>
  readonly done: Deferred.Deferred<Decided | undefined, Failure>
}

/** What the database, or a defect, broke off within a transaction: what was written by then must not be committed. */
class Spoiled {
  readonly cause: Cause.Cause<SqlError.SqlError>
  constructor(cause: Cause.Cause<SqlError.SqlError>) {
    this.cause = cause
  }
}

/** Updates that share transactions. What is under way when the scope closes is finished. */
export const make = (sql: SqlClient.SqlClient): Effect.Effect<Update, never, Scope.Scope> =>
  Effect.suspend(() => {
    let waiting: Array<Job> = []
    let isLed = false
    let leader: Fiber.Fiber<void> | undefined
    const inTurn = changes(sql)

    const commit = (jobs: ReadonlyArray<Job>): Effect.Effect<void> =>
      inTurn(jobs).pipe(
        Effect.catchCause((cause) => Effect.fail(new Spoiled(cause))),
        sql.withTransaction,
        Effect.matchCauseEffect({
          onSuccess: (outcomes) =>
            Effect.sync(() => jobs.forEach((job, index) => settle(job, outcomes[index] as Outcome))),
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

    /** Commits until nobody waits. It is nobody's who waits for it, so that nobody takes it along who gives up. */
    const lead = Effect.gen(function* () {
      for (let [first] = waiting; first !== undefined; [first] = waiting) {
        yield* Effect.provideContext(commit(waiting.splice(0, maxGroup)), first.context)
        // Whom that has answered may come again.
        yield* Effect.yieldNow
      }
      isLed = false
    })

    // Who gives up does so while waiting for the answer, and nowhere before: a leader that was promised and did not begin would be
    // waited for by everybody, for ever.
    const update: Update = (siteId, userId, decide) =>
      Effect.uninterruptibleMask((restore) =>
        Effect.withFiber(({ context }) => {
          const job: Job = { siteId, userId, decide, context, done: Deferred.makeUnsafe() }
          waiting.push(job)
          const answer = Effect.onInterrupt(restore(Deferred.await(job.done)), () =>
            // Nobody waits for it any more, and it has not begun.
            Effect.sync(() => (waiting = waiting.filter((other) => other !== job))),
          )
          if (isLed) return answer
          isLed = true
          // It begins when all who came at this moment wait too: that is what makes a group more than one.
          return Effect.flatMap(Effect.forkDetach(lead), (fiber) => {
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

interface SiteRow {
  readonly declaration: string | null
  readonly has_webhook: number
}

/** What a group does within its transaction, one after the other: the statements are the database's own texts, prepared once. */
const changes = (sql: SqlClient.SqlClient) => {
  const insertGroups = addGroups(sql)

  return Effect.fnUntraced(function* (jobs: ReadonlyArray<Job>) {
    const connection = yield* connectionOf(sql)
    const isHeard = yield* isTraced
    const ask = <Row>(
      text: string,
      ...parameters: ReadonlyArray<unknown>
    ): Effect.Effect<ReadonlyArray<Row>, SqlError.SqlError> => {
      const asking = connection.execute(text, parameters, undefined)
      if (!isHeard) return asking
      // The same span that a statement of `sql` has.
      const attributes = { "db.system.name": "sqlite", "db.query.text": text }
      return Effect.withSpan(asking, "sqlite", { kind: "client", attributes, captureStackTrace: false })
    }
    const now = yield* DateTime.now
    const sites = new Map<SiteId, SiteRow | undefined>()
    const outcomes: Array<Outcome> = []

    for (const { siteId, userId, decide } of jobs) {
      if (!sites.has(siteId)) sites.set(siteId, (yield* ask<SiteRow>(selectSite, siteId))[0])
      const site = sites.get(siteId)
      const [user] = yield* ask<Pick<UserRow, "document">>(selectUser, siteId, userId)
      if (site === undefined || user === undefined) {
        outcomes.push(nobody)
        continue
      }
      const outcome = decided(decide, { document: user.document, declaration: site.declaration }, now)
      outcomes.push(outcome)
      if (Exit.isFailure(outcome)) continue

      const { written, groups } = outcome.value
      const { at, actor, label, address, before, after, updatedOn } = written
      yield* ask(updateUser, after, updatedOn, siteId, userId)
      const event = [siteId, userId, at, actor, label || null, address || null, before, after]
      // Most sites have no webhook, and are not asked for any.
      if (site.has_webhook === 0) yield* ask(insertEvent, ...event)
      else {
        const [recorded] = yield* ask<{ readonly sequence: number }>(`${insertEvent} RETURNING sequence`, ...event)
        yield* sql`INSERT INTO webhook_deliveries (webhook_id, sequence, user_id, due_at)
          SELECT id, ${recorded?.sequence}, ${userId}, ${firstDue(sql, sql`${userId}`)} FROM webhooks WHERE site_id = ${siteId}`
      }
      if (groups.length > 0) yield* Effect.flatMap(newGroups(siteId, groups), insertGroups)
    }
    return outcomes
  })
}

const selectSite = `SELECT declaration, EXISTS (SELECT 1 FROM webhooks WHERE webhooks.site_id = sites.id) AS has_webhook
  FROM sites WHERE id = ?`
const selectUser = "SELECT document FROM users WHERE site_id = ? AND id = ?"
const updateUser = "UPDATE users SET document = ?, updated_on = ? WHERE site_id = ? AND id = ?"
const insertEvent = `INSERT INTO user_events (site_id, user_id, at, actor, label, address, before_user, after_user)
  VALUES (?, ?, ?, ?, ?, ?, ?, ?)`

/** The connection that a transaction has. */
const connectionOf = (sql: SqlClient.SqlClient) =>
  Effect.withFiber(({ context }) => Effect.succeed(Context.getUnsafe(context, sql.transactionService)[0]))

const nobody = Exit.succeed(undefined)

const isSpoiling = (reason: Cause.Reason<unknown>): reason is Cause.Fail<Spoiled> =>
  Cause.isFailReason(reason) && reason.error instanceof Spoiled

const fail = (jobs: ReadonlyArray<Job>, cause: Cause.Cause<SqlError.SqlError>): Effect.Effect<void> =>
  Effect.sync(() => jobs.forEach((job) => settle(job, Exit.failCause(cause))))

const settle = ({ done }: Job, outcome: Outcome): void => void Deferred.doneUnsafe(done, outcome)
