/** What a batch of updates on PostgreSQL sends: one statement reads, one writes. Why so: docs/decisions/0029. */
import { Effect } from "effect"
import type { SqlClient, SqlError } from "effect/sql"
import type { AccessGroup, SiteId, UserId } from "../../User.ts"
import { type AddGroups, type Decided, firstDue, newGroups, type UserRow } from "./UserRows.ts"

/**
 * When the users' rows are locked: later, by the statement that writes, which leaves out who has changed meanwhile; first, by the one
 * that reads, in a transaction; or so, but passing over what somebody holds.
 */
export type Locks = "later" | "first" | "held"

const locking = { later: "", first: "FOR UPDATE", held: "FOR UPDATE SKIP LOCKED" } satisfies Record<Locks, string>

/** A user somebody wants to update. */
export interface Wanted {
  readonly siteId: SiteId
  readonly userId: UserId
}

/** Of which version of a row something was decided, and what. */
export interface Decision {
  readonly row: string
  readonly version: string
  readonly decided: Decided
}

/** A row's name. */
export const rowOf = (siteId: string, userId: string) => `${siteId} ${userId}`

interface Key {
  readonly site_id: string
  readonly id: string
}

interface VersionedRow extends UserRow {
  /** Another one whenever somebody else has written it. */
  readonly version: string
}

export const make = (sql: SqlClient.SqlClient) => {
  // A subquery's length is nothing that PostgreSQL plans by: it then keeps one plan, instead of making one for each batch.
  const texts = (values: ReadonlyArray<string>) => sql`(SELECT ${values}::text[])`
  const keys = (wanted: ReadonlyArray<Wanted>) =>
    sql`SELECT * FROM unnest(${texts(wanted.map(({ siteId }) => siteId))}, ${texts(wanted.map(({ userId }) => userId))})`

  // Locked in one order by everybody: two batches then wait for each other never in a circle. Each is looked up by its key: joined, a
  // small site was read as a whole for one of its users.
  const read = (
    wanted: ReadonlyArray<Wanted>,
    locks: Locks,
  ): Effect.Effect<Map<string, VersionedRow>, SqlError.SqlError> =>
    Effect.map(
      sql<VersionedRow & Key>`SELECT u.site_id, u.id, u.document, u.version,
          (SELECT declaration FROM sites WHERE sites.id = u.site_id) AS declaration
        FROM (${keys(wanted)} AS t (site_id, id) ORDER BY site_id COLLATE "C", id COLLATE "C") wanted
        CROSS JOIN LATERAL (SELECT site_id, id, document, xmin::text AS version FROM users
          WHERE users.site_id = wanted.site_id AND users.id = wanted.id
          LIMIT 1 ${sql.literal(locking[locks])}) u`,
      (rows) => new Map(rows.map((row) => [rowOf(row.site_id, row.id), row])),
    )

  /** Of rows that were passed over, those that are there. */
  const present = (wanted: ReadonlyArray<Wanted>): Effect.Effect<Set<string>, SqlError.SqlError> =>
    wanted.length === 0
      ? Effect.succeed(new Set())
      : Effect.map(sql<Key>`SELECT site_id, id FROM users WHERE (site_id, id) IN (${keys(wanted)})`, toRows)

  /** What has been decided. It answers whose: those whose row is still the one that was read. */
  const write = Effect.fnUntraced(function* (decisions: ReadonlyArray<Decision>) {
    if (decisions.length === 0) return new Set<string>()
    const column = (name: keyof Decided["written"]) => decisions.map(({ decided }) => decided.written[name])
    // Of updates of one user, each is an event, and the last one is what becomes of the user, whose version it has. Of rows picked by a
    // text PostgreSQL expects few, and then looks users up by their key, one after the other.
    const last = new Set(new Map(decisions.map((decision) => [decision.row, decision])).values())
    const which = decisions.map((decision) => (last.has(decision) ? "last" : ""))
    const groups: Array<GroupOfUser> = []
    for (const { decided } of decisions) {
      const { siteId, userId } = decided.written
      for (const [, group] of yield* newGroups(siteId, decided.groups)) groups.push({ siteId, userId, group })
    }
    // In a subquery of their own the arrays' lengths are nothing to plan by either, and they are one, not one each.
    const rows = yield* sql<Key>`WITH written AS (
        SELECT t.* FROM (SELECT ${column("siteId")}::text[] AS site_id, ${column("userId")}::text[] AS id, ${column("at")}::text[] AS at,
            ${column("actor")}::text[] AS actor, ${column("label")}::text[] AS label, ${column("address")}::text[] AS address,
            ${column("before")}::text[] AS before_user, ${column("after")}::text[] AS after_user,
            ${column("updatedOn")}::text[] AS updated_on, ${decisions.map(({ version }) => version)}::text[] AS version,
            ${which}::text[] AS which OFFSET 0) a,
          unnest(a.site_id, a.id, a.at, a.actor, a.label, a.address, a.before_user, a.after_user, a.updated_on, a.version, a.which)
            WITH ORDINALITY
            AS t (site_id, id, at, actor, label, address, before_user, after_user, updated_on, version, which, place)
      ), unchanged AS (
        UPDATE users SET document = w.after_user, updated_on = w.updated_on
        FROM (SELECT * FROM written WHERE which = 'last' ORDER BY site_id COLLATE "C", id COLLATE "C") w
        WHERE users.site_id = w.site_id AND users.id = w.id AND users.xmin::text = w.version
        RETURNING users.site_id, users.id
      ), recorded AS (
        INSERT INTO user_events (site_id, user_id, at, actor, label, address, before_user, after_user)
        SELECT site_id, id, at, actor, NULLIF(label, ''), NULLIF(address, ''), before_user, after_user
        FROM written JOIN unchanged USING (site_id, id) ORDER BY place
        RETURNING sequence, site_id, user_id
      ), told AS (
        INSERT INTO webhook_deliveries (webhook_id, sequence, user_id, due_at)
        SELECT webhooks.id, sequence, user_id, ${firstDue(sql, sql`recorded.user_id`)} FROM recorded JOIN webhooks USING (site_id)
      ) ${grouped(groups)}
      SELECT site_id, id FROM unchanged`
    return toRows(rows)
  })

  // When the users are locked, in one order too: sorting comes behind the last of them.
  const grouped = (groups: ReadonlyArray<GroupOfUser>) => {
    const column = (name: keyof AccessGroup) => texts(groups.map(({ group }) => group[name]))
    return groups.length === 0
      ? sql``
      : sql`, grouped AS (
        INSERT INTO access_groups (site_id, slug, id, name, short_id, created_on)
        SELECT site_id, slug, g.id, name, short_id, created_on
        FROM unnest(${texts(groups.map(({ siteId }) => siteId))}, ${texts(groups.map(({ userId }) => userId))},
          ${column("slug")}, ${column("id")}, ${column("name")}, ${column("shortId")}, ${column("createdOn")})
          AS g (site_id, user_id, slug, id, name, short_id, created_on)
        JOIN unchanged USING (site_id) WHERE unchanged.id = g.user_id ORDER BY 1, 2 ON CONFLICT DO NOTHING
      )`
  }

  return { read, present, write }
}

interface GroupOfUser extends Wanted {
  readonly group: AccessGroup
}

const toRows = (rows: ReadonlyArray<Key>) => new Set(rows.map((row) => rowOf(row.site_id, row.id)))

/** In one order by everybody: whoever adds a group waits for who is about to add the same. */
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
