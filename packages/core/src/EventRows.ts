/** Rows of the record, and how those of a user or of a site are found: by an index, or in SQLite from one to the next. */
import { Effect } from "effect"
import type { SqlClient, SqlError, Statement } from "effect/sql"
import type { SiteId, UserId } from "./User.ts"
import type { PageRequest } from "./UserStore.ts"
import * as EventChains from "./EventChains.ts"

/** One event as its table has it, without whose it is. */
export interface EventRow {
  readonly sequence: number | string
  readonly at: string
  readonly actor: string
  readonly label: string | null
  readonly address: string | null
  readonly before_user: string
  readonly after_user: string
}

const columns = "sequence, at, actor, label, address, before_user, after_user"

/** Events, from the database's tables. */
export interface EventRows {
  /** A user's, oldest first. */
  readonly ofUser: (siteId: SiteId, userId: UserId) => Asking<ReadonlyArray<EventRow>>
  /** A part of a user's, the latest first, and how many there are in all. */
  readonly latest: (
    siteId: SiteId,
    userId: UserId,
    page: PageRequest,
  ) => Asking<{ readonly rows: ReadonlyArray<EventRow>; readonly total: number }>
  /** How many a site has: an expression. */
  readonly countOfSite: (siteId: SiteId) => Statement.Fragment
  /**
   * A statement, which has sequence and user of each event of a site since a moment, also of those that come before it is made. Looking for
   * them is done by then, so that whoever writes is not held up by it.
   */
  readonly since: (siteId: SiteId, at: string) => Asking<Statement.Fragment>
  /** A statement: the sequences between which those of a site are, as `first` and `last`, or null. */
  readonly spanOfSite: (siteId: SiteId) => Statement.Fragment
}

type Asking<A> = Effect.Effect<A, SqlError.SqlError>

/** In a database that has the tables. */
export const make = (sql: SqlClient.SqlClient): EventRows =>
  sql.onDialectOrElse({
    pg: () => indexed(sql, sql.literal(columns)),
    orElse: () => EventChains.make(sql, sql.literal(columns)),
  })

const indexed = (sql: SqlClient.SqlClient, selected: Statement.Fragment): EventRows => {
  const isOfUser = (siteId: SiteId, userId: UserId) => sql`site_id = ${siteId} AND user_id = ${userId}`
  const isOfSite = (siteId: SiteId) => sql`site_id = ${siteId}`
  return {
    ofUser: (siteId, userId) =>
      sql<EventRow>`SELECT ${selected} FROM user_events WHERE ${isOfUser(siteId, userId)} ORDER BY sequence`,
    latest: Effect.fnUntraced(function* (siteId, userId, { offset, limit }) {
      const rows = yield* sql<EventRow>`SELECT ${selected} FROM user_events WHERE ${isOfUser(siteId, userId)}
        ORDER BY sequence DESC LIMIT ${limit} OFFSET ${offset}`
      const [counted] = yield* sql<{ readonly total: string }>`SELECT count(*) AS total FROM user_events
        WHERE ${isOfUser(siteId, userId)}`
      return { rows, total: Number(counted?.total) }
    }),
    countOfSite: (siteId) => sql`(SELECT count(*) FROM user_events WHERE ${isOfSite(siteId)})`,
    // It holds nobody up.
    since: (siteId, at) =>
      Effect.succeed(sql`SELECT sequence, user_id FROM user_events WHERE ${isOfSite(siteId)} AND at >= ${at}`),
    // Of the numbers by themselves it would look for the first and the last that are of the site, in all of them.
    spanOfSite: (siteId) =>
      sql`SELECT min(sequence + 0) AS first, max(sequence + 0) AS last FROM user_events WHERE ${isOfSite(siteId)}`,
  }
}
