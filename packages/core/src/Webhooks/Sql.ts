/** Webhooks in the database that also holds the users; the tables come with `UserStore/Sql`'s, and so do deliveries. */
import { Context, DateTime, Effect, Layer, Option, Redacted, Schema } from "effect"
import { SqlClient, type SqlError, type Statement } from "effect/sql"
import * as Conflict from "../Conflict.ts"
import { storeErrors } from "../StoreErrors.ts"
import { type SiteId, User, type UserId } from "../UserSchema.ts"
import * as EventRows from "../EventRows.ts"
import {
  type WebhookBacklog,
  type ClaimedDelivery,
  type Delivery,
  type DeliveryFailure,
  type SigningWebhook,
  type WebhookStanding,
  WebhookOutbox,
  Webhooks,
} from "../Webhooks.ts"

interface WebhookRow {
  readonly id: string
  readonly site_id: string
  readonly url: string
  readonly secret: string
  readonly created_on: string
}

interface FailureRow {
  readonly failed_at: string | null
  readonly failure_status: number | null
  readonly failure_reason: string | null
}

interface DeliveryRow extends FailureRow {
  readonly sequence: number | string
  readonly user_id: string
  readonly state: "pending" | "parked"
  readonly attempts: number
  /** Empty is at once. */
  readonly due_at: string
}

const decodeUser = Schema.decodeUnknownOption(Schema.fromJsonString(User))

/** The webhooks of a database that `UserStore/Sql` has made ready. */
export const layer: Layer.Layer<Webhooks | WebhookOutbox, never, SqlClient.SqlClient> = Layer.effectContext(
  Effect.map(SqlClient.SqlClient, (sql) =>
    Context.make(Webhooks, ownersSide(sql)).pipe(Context.add(WebhookOutbox, workersSide(sql))),
  ),
)

const ownersSide = (sql: SqlClient.SqlClient): Webhooks["Service"] => {
  const { since: eventsSince } = EventRows.make(sql)
  // Whoever writes several deliveries has them in one order: then nobody waits for another in a circle.
  const lock = (condition: Statement.Fragment) =>
    sql.onDialectOrElse({
      pg: () => sql`SELECT 1 FROM webhook_deliveries WHERE ${condition} ORDER BY webhook_id, sequence FOR UPDATE`,
      orElse: () => Effect.void,
    })

  const standingOf = Effect.fnUntraced(function* ({ id, site_id, url, created_on }: WebhookRow) {
    const [failure] = yield* sql<FailureRow>`SELECT failed_at, failure_status, failure_reason FROM webhook_deliveries
      WHERE webhook_id = ${id} AND failed_at IS NOT NULL ORDER BY failed_at DESC LIMIT 1`
    const standing: WebhookStanding = {
      id,
      siteId: site_id as SiteId,
      url,
      createdOn: created_on,
      ...(yield* backlogWhere(sql, sql`d.webhook_id = ${id}`)),
      ...failureOf(failure),
    }
    return standing
  })

  return {
    add: ({ id, siteId, url, createdOn, secret }) =>
      sql`INSERT INTO webhooks (id, site_id, url, secret, created_on)
        VALUES (${id}, ${siteId}, ${url}, ${Redacted.value(secret)}, ${createdOn})`.pipe(Effect.asVoid, storeErrors),
    find: (id) =>
      sql<WebhookRow>`SELECT * FROM webhooks WHERE id = ${id}`.pipe(
        Effect.map(([row]) => row && toWebhook(row)),
        storeErrors,
      ),
    list: sql<WebhookRow>`SELECT * FROM webhooks ORDER BY created_on, id`.pipe(
      Effect.flatMap((rows) => Effect.forEach(rows, standingOf)),
      storeErrors,
    ),
    remove: (id) =>
      Effect.gen(function* () {
        const removed = yield* sql`DELETE FROM webhooks WHERE id = ${id} RETURNING id`
        // Of others too that are gone: an update that was under way then may have left something.
        const isNobodys = sql`webhook_id NOT IN (SELECT id FROM webhooks)`
        yield* lock(isNobodys)
        yield* sql`DELETE FROM webhook_deliveries WHERE ${isNobodys}`
        return removed.length > 0
      }).pipe(sql.withTransaction, Conflict.again, storeErrors),
    deliveries: (id, limit) =>
      sql<DeliveryRow>`SELECT * FROM webhook_deliveries WHERE webhook_id = ${id}
        ORDER BY state, sequence LIMIT ${limit}`.pipe(
        Effect.map((rows) => rows.map(toDelivery)),
        storeErrors,
      ),
    replayParked: (id) =>
      Effect.gen(function* () {
        const isParked = sql`webhook_id = ${id} AND state = 'parked'`
        yield* lock(isParked)
        const replayed = yield* sql`UPDATE webhook_deliveries SET state = 'pending', attempts = 0, due_at = ''
          WHERE ${isParked} RETURNING sequence`
        return replayed.length
      }).pipe(sql.withTransaction, Conflict.again, storeErrors),
    replaySince: ({ id, siteId }, since) =>
      Effect.gen(function* () {
        const events = yield* eventsSince(siteId, DateTime.formatIso(since))
        // What is under way is told once more when its lease ends, and what is behind it after that.
        const replayed = yield* sql`INSERT INTO webhook_deliveries (webhook_id, sequence, user_id, due_at)
          SELECT ${id}, sequence, user_id, '' FROM (${events}) AS events WHERE true ORDER BY sequence
          ON CONFLICT (webhook_id, sequence) DO UPDATE
            SET state = 'pending', attempts = 0, claimed_by = NULL,
              due_at = CASE WHEN webhook_deliveries.claimed_by IS NULL THEN '' ELSE webhook_deliveries.due_at END
          RETURNING sequence`
        return replayed.length
      }).pipe(Conflict.again, storeErrors),
  }
}

const workersSide = (sql: SqlClient.SqlClient): WebhookOutbox["Service"] => {
  /**
   * What may be told now: due, and the first of its user. Asked for so that each is looked up by an index, in any number of
   * them: PostgreSQL would make a join of `NOT EXISTS`, and of all that is pending, each time.
   */
  const isNext = (now: string) => sql`d.state = 'pending' AND d.due_at <= ${now} AND d.sequence = (
    SELECT first.sequence FROM webhook_deliveries first
    WHERE first.webhook_id = d.webhook_id AND first.user_id = d.user_id AND first.state = 'pending'
    ORDER BY first.sequence LIMIT 1)`
  // What another worker is about to claim is passed over. SQLite has one writer at a time anyway.
  const unlocked = sql.literal(sql.onDialectOrElse({ pg: () => "FOR UPDATE OF d SKIP LOCKED", orElse: () => "" }))

  const claimOf = Effect.fnUntraced(function* (worker: string, webhook: SigningWebhook, most: number, until: string) {
    const now = DateTime.formatIso(yield* DateTime.now)
    const rows = yield* sql<Pick<DeliveryRow, "sequence" | "attempts"> & { readonly after_user: string }>`
      SELECT d.sequence, d.attempts, (SELECT after_user FROM user_events WHERE sequence = d.sequence) AS after_user
      FROM webhook_deliveries d
      WHERE d.webhook_id = ${webhook.id} AND ${isNext(now)} ORDER BY d.due_at, d.sequence LIMIT ${most} ${unlocked}`
    if (rows.length === 0) return []
    yield* sql`UPDATE webhook_deliveries SET claimed_by = ${worker}, due_at = ${until}
      WHERE webhook_id = ${webhook.id} AND ${sql.in(
        "sequence",
        rows.map((row) => row.sequence),
      )}`
    const claimed: Array<ClaimedDelivery> = []
    for (const { sequence, attempts, after_user } of rows) {
      const user = decodeUser(after_user)
      if (Option.isSome(user)) claimed.push({ webhook, sequence: Number(sequence), attempts, user: user.value })
      // It was not written here. All the others are still to be told.
      else {
        yield* sql`UPDATE webhook_deliveries SET state = 'parked', claimed_by = NULL, failed_at = ${now},
          failure_reason = 'What the event says of the user cannot be read'
          WHERE webhook_id = ${webhook.id} AND sequence = ${sequence}`
      }
    }
    return claimed
  })

  const settleOne = Effect.fnUntraced(function* (
    worker: string,
    { claimed: { webhook, sequence, user, attempts }, outcome }: Settled,
  ) {
    const isOurs = sql`webhook_id = ${webhook.id} AND sequence = ${sequence} AND claimed_by = ${worker}`
    if (outcome._tag === "Delivered") return yield* sql`DELETE FROM webhook_deliveries WHERE ${isOurs}`
    const { at, reason, status = null } = outcome.failure
    const state = outcome._tag === "Parked" ? "parked" : "pending"
    const dueAt = outcome._tag === "Parked" ? at : DateTime.formatIso(outcome.at)
    const kept =
      yield* sql`UPDATE webhook_deliveries SET state = ${state}, attempts = ${attempts + 1}, due_at = ${dueAt},
        claimed_by = NULL, failed_at = ${at}, failure_status = ${status}, failure_reason = ${reason}
      WHERE ${isOurs} RETURNING sequence`
    if (kept.length === 0 || outcome._tag === "Parked") return
    // What waits behind it need not be looked at before.
    yield* sql`UPDATE webhook_deliveries SET due_at = ${dueAt} WHERE webhook_id = ${webhook.id} AND user_id = ${user.id}
      AND state = 'pending' AND sequence > ${sequence} AND due_at < ${dueAt}`
  })

  return {
    due: Effect.gen(function* () {
      const now = DateTime.formatIso(yield* DateTime.now)
      const rows = yield* sql<WebhookRow>`SELECT * FROM webhooks WHERE (
        SELECT 1 FROM webhook_deliveries d WHERE d.webhook_id = webhooks.id AND ${isNext(now)}
        ORDER BY d.due_at, d.sequence LIMIT 1) = 1`
      return rows.map(toWebhook)
    }).pipe(storeErrors),
    claim: (worker, wanted, leaseEnds) =>
      Effect.forEach(wanted, ({ webhook, most }) => claimOf(worker, webhook, most, DateTime.formatIso(leaseEnds))).pipe(
        sql.withTransaction,
        Conflict.again,
        (transaction) => Conflict.waitOutside(sql, transaction),
        Effect.map((claims) => claims.flat()),
        storeErrors,
      ),
    // What an update under way has left of a webhook that was removed meanwhile is nobody's.
    backlog: storeErrors(backlogWhere(sql, sql`EXISTS (SELECT 1 FROM webhooks WHERE webhooks.id = d.webhook_id)`)),
    settle: (worker, settled) =>
      Effect.forEach(settled.toSorted(byPlace), (one) => settleOne(worker, one), { discard: true }).pipe(
        sql.withTransaction,
        Conflict.again,
        (transaction) => Conflict.waitOutside(sql, transaction),
        storeErrors,
      ),
  }
}

type Settled = Parameters<WebhookOutbox["Service"]["settle"]>[1][number]

/** The order in which rows are locked by everybody. */
const byPlace = ({ claimed: a }: Settled, { claimed: b }: Settled): number =>
  a.webhook.id === b.webhook.id ? a.sequence - b.sequence : a.webhook.id < b.webhook.id ? -1 : 1

/** Counted by the two indexes of what is pending and what is parked. */
const backlogWhere = (
  sql: SqlClient.SqlClient,
  condition: Statement.Fragment,
): Effect.Effect<WebhookBacklog, SqlError.SqlError> =>
  Effect.map(
    sql<{ readonly pending: number | string; readonly parked: number | string }>`SELECT
      (SELECT count(*) FROM webhook_deliveries d WHERE d.state = 'pending' AND ${condition}) AS pending,
      (SELECT count(*) FROM webhook_deliveries d WHERE d.state = 'parked' AND ${condition}) AS parked`,
    ([row]) => ({ pending: Number(row?.pending), parked: Number(row?.parked) }),
  )

const toWebhook = (row: WebhookRow): SigningWebhook => ({
  id: row.id,
  siteId: row.site_id as SiteId,
  url: row.url,
  createdOn: row.created_on,
  secret: Redacted.make(row.secret),
})

const toDelivery = (row: DeliveryRow): Delivery => ({
  sequence: Number(row.sequence),
  userId: row.user_id as UserId,
  state: row.state,
  attempts: row.attempts,
  dueAt: row.due_at || null,
  ...failureOf(row),
})

const failureOf = (row: FailureRow | undefined): { readonly lastFailure?: DeliveryFailure } =>
  row === undefined || row.failed_at === null
    ? {}
    : {
        lastFailure: {
          at: row.failed_at,
          ...(row.failure_status !== null && { status: row.failure_status }),
          reason: row.failure_reason ?? "",
        },
      }
