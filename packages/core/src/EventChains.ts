/**
 * The record in SQLite: a user has the last of its events, and each of them the one before it. An index by user would have an entry of each
 * event at a place of its own, which is nearly half of what an update writes. Why so, and what it is worth: docs/decisions/0032.
 *
 * Events of earlier versions, of one that runs beside this one, and of an archive are in no chain: their `previous` is NULL, where zero is
 * that there is none before, and an index has them, and no others.
 */
import { Effect } from "effect"
import type { SqlClient, Statement } from "effect/sql"
import type { SiteId, UserId } from "./User.ts"
import type { PageRequest } from "./UserStore.ts"
import type { EventRow, EventRows } from "./EventRows.ts"

/** So many events at a time are passed over on the way to those that are long past. */
const stride = 100

/** So many events, of all sites, are looked at at once, by an export too. */
export const windowSize = 20_000

/** What an update needs of a user's chain, beside the document: {@link ChainedUser}. */
export const chainColumns = "document, last_event, last_hundredth"

/** By site and user. */
export const selectUser = `SELECT ${chainColumns} FROM users WHERE site_id = ? AND id = ?`

/** A user as `selectUser` finds it. */
export interface ChainedUser {
  readonly document: string
  readonly last_event: number
  readonly last_hundredth: number
}

/** Adds an event: the two last values are the user's `last_event` and `last_hundredth`. */
export const insertEvent = `INSERT INTO user_events
  (site_id, user_id, at, actor, label, address, before_user, after_user, previous, hundredth)
  VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`

/** Makes the event that was added right before the user's last: document, `updated_on`, site, user. */
export const updateUser = `UPDATE users SET document = ?, updated_on = ?, events = events + 1,
  first_event = COALESCE(first_event, last_insert_rowid()), last_event = last_insert_rowid(),
  last_hundredth = IIF((events + 1) % ${stride} = 0, last_insert_rowid(), last_hundredth) WHERE site_id = ? AND id = ?`

/** What a user's history consists of. */
interface Known {
  /** How many events are in the chain, and the sequence of the last of them. */
  readonly events: number
  readonly last_event: number
  /** How many are in no chain, and how many of those are later than the first that is. */
  readonly indexed: number
  readonly amid: number
}

/** The record of a database that has the tables: `selected` are the columns of an `EventRow`. */
export const make = (sql: SqlClient.SqlClient, selected: Statement.Fragment): EventRows => {
  const isIndexedOfSite = (siteId: SiteId) => sql`site_id = ${siteId} AND previous IS NULL`
  const isIndexed = (siteId: SiteId, userId: UserId) => sql`${isIndexedOfSite(siteId)} AND user_id = ${userId}`

  const knownOf = (siteId: SiteId, userId: UserId) =>
    Effect.map(
      sql<Known>`SELECT COALESCE(u.events, 0) AS events, COALESCE(u.last_event, 0) AS last_event,
        (SELECT count(*) FROM user_events WHERE ${isIndexed(siteId, userId)}) AS indexed,
        (SELECT count(*) FROM user_events WHERE ${isIndexed(siteId, userId)} AND sequence > u.first_event) AS amid
        FROM (SELECT 1) LEFT JOIN users u ON u.site_id = ${siteId} AND u.id = ${userId}`,
      ([row]) => row ?? nothing,
    )

  // The chain is what it was when the user was read, whoever adds to it. Whatever somebody has done to the tables by hand, it has nobody
  // else's events.
  const sequences = (
    siteId: SiteId,
    userId: UserId,
    { events, last_event, amid }: Known,
    { offset, limit }: PageRequest,
  ) => {
    // So many of the chain are before the page, whichever of the others are.
    const passed = Math.min(Math.max(0, offset - amid), events)
    const top = events - passed
    const most = offset - passed + limit
    /** The place of the hundredth before, counted from the first event. */
    const below = sql.literal(`(place - 1) / ${stride} * ${stride}`)
    return sql`SELECT sequence FROM (
      WITH RECURSIVE chain (sequence, previous, hundredth, place) AS (
        SELECT sequence, previous, hundredth, CAST(${events} AS INTEGER) FROM user_events
        WHERE sequence = ${last_event} AND site_id = ${siteId} AND user_id = ${userId}
        UNION ALL
        SELECT e.sequence, e.previous, e.hundredth, IIF(${below} >= ${top}, ${below}, place - 1)
        FROM chain CROSS JOIN user_events e ON e.sequence = IIF(${below} >= ${top}, chain.hundredth, chain.previous)
        WHERE place > ${top - most + 1} AND e.site_id = ${siteId} AND e.user_id = ${userId}
      )
      SELECT sequence FROM chain WHERE place <= ${top} UNION ALL
      SELECT sequence FROM (SELECT sequence FROM user_events WHERE ${isIndexed(siteId, userId)}
        ORDER BY sequence DESC LIMIT ${most})
      ) ORDER BY sequence DESC LIMIT ${limit} OFFSET ${offset - passed}`
  }

  const spanOfSite = (siteId: SiteId) => sql`SELECT min(first) AS first, max(last) AS last FROM (
    SELECT min(first_event) AS first, max(last_event) AS last FROM users WHERE site_id = ${siteId} UNION ALL
    SELECT min(sequence), max(sequence) FROM user_events WHERE ${isIndexedOfSite(siteId)})`

  const latest: EventRows["latest"] = Effect.fnUntraced(function* (siteId, userId, page) {
    const known = yield* knownOf(siteId, userId)
    const rows = yield* sql<EventRow>`SELECT ${selected} FROM user_events
      WHERE sequence IN (${sequences(siteId, userId, known, page)}) ORDER BY sequence DESC`
    return { rows, total: known.events + known.indexed }
  })

  return {
    ofUser: (siteId, userId) =>
      Effect.map(latest(siteId, userId, { offset: 0, limit: noLimit }), ({ rows }) => rows.toReversed()),
    latest,
    countOfSite: (siteId) => sql`(SELECT count(*) FROM user_events WHERE ${isIndexedOfSite(siteId)})
      + COALESCE((SELECT sum(events) FROM users WHERE site_id = ${siteId}), 0)`,
    since: Effect.fnUntraced(function* (siteId, at) {
      const [span] = yield* sql<Record<"first" | "last" | "newest", number | null>>`SELECT first, last,
        (SELECT max(sequence) FROM user_events) AS newest FROM (${spanOfSite(siteId)})`
      const isWanted = sql`site_id = ${siteId} AND at >= ${at}`
      const found: Array<number> = []
      for (let from = span?.first ?? 1; from <= (span?.last ?? 0); from += windowSize) {
        const rows = yield* sql<{ readonly sequence: number }>`SELECT sequence FROM user_events
          WHERE ${isWanted} AND sequence >= ${from} AND sequence < ${from + windowSize}`
        for (const { sequence } of rows) found.push(sequence)
      }
      return sql`SELECT sequence, user_id FROM user_events
        WHERE sequence IN (SELECT value FROM json_each(${JSON.stringify(found)}))
        UNION ALL SELECT sequence, user_id FROM user_events WHERE sequence > ${span?.newest ?? 0} AND ${isWanted}`
    }),
    spanOfSite,
  }
}

/** More events than a user has. */
const noLimit = 2 ** 40

const nothing: Known = { events: 0, last_event: 0, indexed: 0, amid: 0 }
