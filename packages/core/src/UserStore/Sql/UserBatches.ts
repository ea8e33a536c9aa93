/**
 * Updates that wait, made together: PostgreSQL is a way off and a commit waits for its disk, so that those of a batch read with one
 * statement, are decided here, and are written with one. Why so, and what it is worth: docs/decisions/0029.
 */
import { Cause, Context, DateTime, Deferred, Effect, Exit } from "effect"
import { type SqlClient, SqlError } from "effect/sql"
import * as Conflict from "../../Conflict.ts"
import * as Monotonic from "../../Monotonic.ts"
import type { AccessGroup, SiteId, UserId } from "../../User.ts"
import {
  type AddGroups,
  type Decide,
  decided,
  type Decided,
  firstDue,
  newGroups,
  type Update,
  type UserRow,
} from "./UserRows.ts"

/** The most that is committed together: whoever comes later need not wait for all who came before. */
const maxBatch = 256

/** How many batches are under way at once, each on a connection of its own: while one waits for the disk, another is decided. */
const maxBatches = 2

/** So many are not divided among batches, and are enough to begin one beside another: a commit more costs more than it hides. */
const worthwhile = 16

/** A batch that is under way for longer waits for somebody else: then few are enough. Milliseconds. */
const longest = 100

type Answer = Effect.Success<ReturnType<Update>>
type Failure = Effect.Error<ReturnType<Update>>
type Outcome = Exit.Exit<Answer, Failure>

interface Job {
  /** Of one user, one batch at a time. */
  readonly row: string
  readonly siteId: SiteId
  readonly userId: UserId
  readonly decide: Decide
  readonly context: Context.Context<never>
  readonly done: Deferred.Deferred<Answer, Failure>
}

/** What the database refused within a transaction: nothing of it is left. */
class Spoiled {
  readonly error: SqlError.SqlError
  constructor(error: SqlError.SqlError) {
    this.error = error
  }
}

/** How often a batch may give way to somebody else, and whether it still waits for rows that somebody has locked. */
interface Patience {
  readonly conflicts: number
  readonly wait: typeof Conflict.LockWait.Service
}

const patient: Patience = { conflicts: Conflict.patience, wait: "wait" }

export const make = (sql: SqlClient.SqlClient): Effect.Effect<Update> =>
  Effect.sync(() => {
    let waiting: Array<Job> = []
    let batches = 0
    let begun = 0
    let isComing = false
    /** Users in a batch that is under way. Who wants one of them waits here, and holds no connection. */
    const busy = new Set<string>()

    /** A share of those who can go; all that are of one user go together, since they cannot go beside each other. */
    const take = (): ReadonlyArray<Job> => {
      const share = Math.ceil(waiting.length / (maxBatches - batches))
      const most = Math.min(maxBatch, Math.max(worthwhile, share))
      const taken: Array<Job> = []
      const left: Array<Job> = []
      const rows = new Set<string>()
      for (const job of waiting) {
        const isTaken = taken.length < maxBatch && !busy.has(job.row) && (taken.length < most || rows.has(job.row))
        if (isTaken) rows.add(job.row)
        ;(isTaken ? taken : left).push(job)
      }
      waiting = left
      for (const row of rows) busy.add(row)
      return taken
    }

    /** Begins as many batches with those who wait as there may be. They go on whoever of their callers gives up. */
    const begin: Effect.Effect<void> = Effect.flatMap(Monotonic.millis, (now): Effect.Effect<void> => {
      const isWorthwhile = batches === 0 || waiting.length >= worthwhile || now - begun >= longest
      if (batches === maxBatches || !isWorthwhile) return Effect.void
      const jobs = take()
      const [first] = jobs
      if (first === undefined) return Effect.void
      batches += 1
      begun = now
      const end = Effect.sync(() => {
        batches -= 1
        for (const { row } of jobs) busy.delete(row)
      })
      return commit(jobs).pipe(
        Effect.andThen(end),
        Effect.andThen(come),
        // Spans of a batch are seen where the first of its updates is.
        Effect.provideContext(first.context),
        Effect.forkDetach,
        Effect.andThen(begin),
      )
    })

    /** Letting others come first makes a batch more than one. Not to be interrupted: others rely on it. */
    const come: Effect.Effect<void> = Effect.suspend(() => {
      if (isComing) return Effect.void
      isComing = true
      const arrived = Effect.sync(() => void (isComing = false))
      return Effect.yieldNow.pipe(Effect.andThen(arrived), Effect.andThen(begin))
    })

    const makeAll = transaction(sql)
    const commit = (jobs: ReadonlyArray<Job>, patience = patient): Effect.Effect<void> =>
      makeAll(jobs, patience.wait).pipe(
        Effect.mapError((error) => new Spoiled(error)),
        sql.withTransaction,
        Effect.matchCauseEffect({
          onSuccess: (outcomes) =>
            Effect.sync(() => jobs.forEach((job, index) => settle(job, outcomes[index] as Outcome))),
          onFailure: (cause) => {
            const spoiled = cause.reasons.find(isSpoiling)
            // The transaction could not be begun or committed: to try each for itself would be the same, many times.
            return spoiled === undefined
              ? fail(jobs, cause as Cause.Cause<SqlError.SqlError>)
              : mend(jobs, spoiled.error.error, patience)
          },
        }),
      )

    /** What becomes of a batch that the database has refused. */
    const mend = (
      jobs: ReadonlyArray<Job>,
      error: SqlError.SqlError,
      { conflicts, wait }: Patience,
    ): Effect.Effect<void> => {
      const reason = error.reason._tag
      if (Conflict.isConflict(reason) && conflicts > 0) return commit(jobs, { conflicts: conflicts - 1, wait })
      // Somebody holds on to a row. All have waited for it; now who wants that row fails, and the others need not wait again.
      if (isWait(reason) && wait === "wait") return commit(jobs, { conflicts, wait: "fail" })
      // Each is tried for itself.
      return jobs.length === 1
        ? fail(jobs, Cause.fail(error))
        : Effect.forEach(jobs, (job) => commit([job], { ...patient, wait }), { discard: true })
    }

    // Who gives up does so while waiting for the answer, and nowhere before: a beginning that was promised and did not come would be
    // waited for by everybody, for ever.
    return (siteId, userId, decide) =>
      Effect.uninterruptibleMask((restore) =>
        Effect.contextWith((context: Context.Context<never>) => {
          const job: Job = {
            row: `${siteId} ${userId}`,
            siteId,
            userId,
            decide,
            context,
            done: Deferred.makeUnsafe<Answer, Failure>(),
          }
          waiting.push(job)
          const answer = restore(Deferred.await(job.done)).pipe(
            // Nobody waits for it any more, and it has not begun.
            Effect.onInterrupt(() => Effect.sync(() => (waiting = waiting.filter((other) => other !== job)))),
          )
          return isComing ? answer : Effect.andThen(come, answer)
        }),
      )
  })

/** What a batch does within its transaction. It fails with what the database refuses; what a rule refuses is an outcome. */
const transaction = (sql: SqlClient.SqlClient) => {
  // A subquery's length is nothing that PostgreSQL plans by: it then keeps one plan, instead of making one for each batch.
  const texts = (values: ReadonlyArray<string>) => sql`(SELECT ${values}::text[])`
  const insertGroups = addGroups(sql)

  // Locked in one order by everybody: two batches then wait for each other never in a circle. Each is looked up by its key: joined, a
  // small site was read as a whole for one of its users.
  const lock = (jobs: ReadonlyArray<Job>, wait: Patience["wait"]) => sql<
    UserRow & { readonly site_id: string; readonly id: string }
  >`
    SELECT u.site_id, u.id, u.document, (SELECT declaration FROM sites WHERE sites.id = u.site_id) AS declaration
    FROM (SELECT * FROM unnest(${texts(jobs.map(({ siteId }) => siteId))}, ${texts(jobs.map(({ userId }) => userId))})
      AS t (site_id, id) ORDER BY site_id COLLATE "C", id COLLATE "C") wanted
    CROSS JOIN LATERAL (SELECT site_id, id, document FROM users
      WHERE users.site_id = wanted.site_id AND users.id = wanted.id
      LIMIT 1 FOR UPDATE ${sql.literal(wait === "fail" ? "SKIP LOCKED" : "")}) u`

  /** Of rows that were passed over, those that are there. */
  const present = (jobs: ReadonlyArray<Job>) =>
    jobs.length === 0
      ? Effect.succeed(new Set<string>())
      : Effect.map(
          sql<{ readonly site_id: string; readonly id: string }>`SELECT site_id, id FROM users WHERE (site_id, id) IN (
            SELECT * FROM unnest(${texts(jobs.map(({ siteId }) => siteId))}, ${texts(jobs.map(({ userId }) => userId))}))`,
          (rows) => new Set(rows.map((row) => `${row.site_id} ${row.id}`)),
        )

  const write = (all: ReadonlyArray<Decided["written"]>) => {
    const column = (name: keyof Decided["written"]) => texts(all.map((written) => written[name]))
    // Of updates of one user, each is an event, and the last one is what becomes of the user. Of rows picked by a text PostgreSQL expects
    // few, and then looks users up by their key.
    const last = new Set(new Map(all.map((written) => [`${written.siteId} ${written.userId}`, written])).values())
    return Effect.asVoid(sql`WITH written AS (
        SELECT * FROM unnest(${column("siteId")}, ${column("userId")}, ${column("at")}, ${column("actor")},
          ${column("label")}, ${column("address")}, ${column("before")}, ${column("after")}, ${column("updatedOn")},
          ${texts(all.map((written) => (last.has(written) ? "last" : "")))}) WITH ORDINALITY
          AS t (site_id, id, at, actor, label, address, before_user, after_user, updated_on, which, place)
      ), updated AS (
        UPDATE users SET document = w.after_user, updated_on = w.updated_on FROM written w
        WHERE users.site_id = w.site_id AND users.id = w.id AND w.which = 'last'
      ), recorded AS (
        INSERT INTO user_events (site_id, user_id, at, actor, label, address, before_user, after_user)
        SELECT site_id, id, at, actor, NULLIF(label, ''), NULLIF(address, ''), before_user, after_user FROM written ORDER BY place
        RETURNING sequence, site_id, user_id
      )
      INSERT INTO webhook_deliveries (webhook_id, sequence, user_id, due_at)
      SELECT webhooks.id, sequence, user_id, ${firstDue(sql, sql`recorded.user_id`)} FROM recorded JOIN webhooks USING (site_id)`)
  }

  return Effect.fnUntraced(function* (jobs: ReadonlyArray<Job>, wait: Patience["wait"]) {
    const wanted = [...new Map(jobs.map((job) => [job.row, job])).values()]
    const found = yield* lock(wanted, wait)
    const rows = new Map(found.map((row): [string, UserRow] => [`${row.site_id} ${row.id}`, row]))
    const held = yield* present(wait === "fail" ? wanted.filter(({ row }) => !rows.has(row)) : [])
    const now = yield* DateTime.now
    const outcomes = jobs.map((job): Outcome => {
      const row = rows.get(job.row)
      if (row === undefined) return held.has(job.row) ? stillLocked : nobody
      const outcome = decided(job.decide, row, now)
      // The next one of the same user goes by what this one has left.
      if (Exit.isSuccess(outcome)) rows.set(job.row, { ...row, document: outcome.value.written.after })
      return outcome
    })
    const done = outcomes.flatMap((outcome) =>
      Exit.isSuccess(outcome) && outcome.value !== undefined ? [outcome.value] : [],
    )
    if (done.length > 0) yield* write(done.map(({ written }) => written))
    const groups = yield* Effect.forEach(done, ({ written, groups: slugs }) => newGroups(written.siteId, slugs))
    yield* insertGroups(groups.flat())
    return outcomes
  })
}

/** In one order too: whoever adds a group waits for who is about to add the same. */
export const addGroups =
  (sql: SqlClient.SqlClient): AddGroups =>
  (groups) => {
    const column = (name: keyof AccessGroup) => sql`${groups.map(([, group]) => group[name])}::text[]`
    return groups.length === 0
      ? Effect.void
      : Effect.asVoid(sql`INSERT INTO access_groups (site_id, slug, id, name, short_id, created_on)
      SELECT * FROM unnest(${groups.map(([siteId]) => siteId)}::text[], ${column("slug")}, ${column("id")},
        ${column("name")}, ${column("shortId")}, ${column("createdOn")})
      ORDER BY 1, 2 ON CONFLICT DO NOTHING`)
  }

const nobody = Exit.succeed(undefined)

const stillLocked = Exit.fail(
  new SqlError.SqlError({
    reason: new SqlError.LockTimeoutError({ cause: new Error("Somebody else has the row locked"), operation: "lock" }),
  }),
)

const isSpoiling = (reason: Cause.Reason<unknown>): reason is Cause.Fail<Spoiled> =>
  Cause.isFailReason(reason) && reason.error instanceof Spoiled

const isWait = (reason: SqlError.SqlErrorReason["_tag"]): boolean =>
  reason === "LockTimeoutError" || reason === "StatementTimeoutError"

const fail = (jobs: ReadonlyArray<Job>, cause: Cause.Cause<SqlError.SqlError>): Effect.Effect<void> =>
  Effect.sync(() => jobs.forEach((job) => settle(job, Exit.failCause(cause))))

const settle = ({ done }: Job, outcome: Outcome): void => void Deferred.doneUnsafe(done, outcome)
