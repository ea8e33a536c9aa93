/**
 * How an update reads and writes. SQLite is in this process: a statement an update costs little. PostgreSQL is a way off:
 * there the updates of a group read with one statement, and write with one (docs/decisions/0011).
 */
import { Effect } from "effect"
import { type SqlClient, SqlError, type Statement } from "effect/sql"
import { batched } from "../../Batched.ts"
import { LockWait } from "../../Conflict.ts"
import type { AccessGroup, SiteId, UserId } from "../../User.ts"

/** What an update goes by. */
export interface UserRow {
  readonly document: string
  readonly declaration: string | null
}

/** What an update leaves: the user, the event that records it, and that it has to be told to the site's webhooks. */
export interface Written {
  readonly siteId: SiteId
  readonly userId: UserId
  readonly at: string
  readonly actor: string
  /** Empty where there is none, as the address: an array that has nothing but nulls has no type to its driver. */
  readonly label: string
  readonly address: string
  readonly before: string
  readonly after: string
  readonly updatedOn: string
}

export interface UserRows {
  /** A user's row as it is. */
  readonly read: (siteId: SiteId, userId: UserId) => Effect.Effect<UserRow | undefined, SqlError.SqlError>
  /** The same, and nobody else's to change until the transaction ends. */
  readonly lock: (siteId: SiteId, userId: UserId) => Effect.Effect<UserRow | undefined, SqlError.SqlError>
  readonly write: (written: Written) => Effect.Effect<void, SqlError.SqlError>
  /** Groups of a site, where they are not there yet. */
  readonly addGroups: AddGroups
  /** The same, for those who are alone in their transaction. */
  readonly addGroupsAlone: AddGroups
}

type AddGroups = (siteId: SiteId, groups: ReadonlyArray<AccessGroup>) => Effect.Effect<void, SqlError.SqlError>

/**
 * When an update is first due: at once, which is the empty text before every time, and by no clock: that of who updates may be
 * minutes ahead of the one that delivers. Behind one of the user's that waits for its retry, it is due with that one, so that it is
 * not looked at again and again.
 */
const firstDue = (sql: SqlClient.SqlClient, userId: Statement.Fragment) => sql`COALESCE((
  SELECT CASE WHEN first.claimed_by IS NULL THEN first.due_at END FROM webhook_deliveries first
  WHERE first.webhook_id = webhooks.id AND first.user_id = ${userId} AND first.state = 'pending'
  ORDER BY first.sequence LIMIT 1), '')`

export const make = (sql: SqlClient.SqlClient): UserRows => {
  const read: UserRows["read"] = (siteId, userId) =>
    Effect.map(
      sql<UserRow>`SELECT u.document, s.declaration FROM users u JOIN sites s ON s.id = u.site_id
        WHERE u.site_id = ${siteId} AND u.id = ${userId}`,
      ([row]) => row,
    )
  return sql.onDialectOrElse({
    pg: () => ({ read, ...together(sql, read) }),
    // The transaction has locked the whole file.
    orElse: () => ({ read, lock: read, ...oneByOne(sql) }),
  })
}

const oneByOne = (sql: SqlClient.SqlClient): Omit<UserRows, "read" | "lock"> => {
  const addGroups: AddGroups = (siteId, groups) =>
    Effect.forEach(
      groups,
      ({ slug, id, name, shortId, createdOn }) => sql`INSERT INTO access_groups
        (site_id, slug, id, name, short_id, created_on)
        VALUES (${siteId}, ${slug}, ${id}, ${name}, ${shortId}, ${createdOn}) ON CONFLICT DO NOTHING`,
      { discard: true },
    )
  const write: UserRows["write"] = ({ siteId, userId, at, actor, label, address, before, after, updatedOn }) => {
    const event = Effect.andThen(
      sql`UPDATE users SET document = ${after}, updated_on = ${updatedOn} WHERE site_id = ${siteId} AND id = ${userId}`,
      sql<{ readonly sequence: number; readonly has_webhook: number }>`
        INSERT INTO user_events (site_id, user_id, at, actor, label, address, before_user, after_user)
        VALUES (${siteId}, ${userId}, ${at}, ${actor}, NULLIF(${label}, ''), NULLIF(${address}, ''), ${before}, ${after})
        RETURNING sequence, EXISTS (SELECT 1 FROM webhooks WHERE webhooks.site_id = user_events.site_id) AS has_webhook`,
    )
    return Effect.flatMap(event, ([recorded]) =>
      // Most sites have no webhook, and are not asked for any.
      recorded?.has_webhook === 1
        ? Effect.asVoid(sql`INSERT INTO webhook_deliveries (webhook_id, sequence, user_id, due_at)
            SELECT id, ${recorded.sequence}, ${userId}, ${firstDue(sql, sql`${userId}`)} FROM webhooks WHERE site_id = ${siteId}`)
        : Effect.void,
    )
  }
  return { write, addGroups, addGroupsAlone: addGroups }
}

type Key = readonly [siteId: SiteId, userId: UserId]

const together = (sql: SqlClient.SqlClient, read: UserRows["read"]): Omit<UserRows, "read"> => {
  const texts = (values: ReadonlyArray<string>) => sql`${values}::text[]`

  // Locked in one order by everybody: two groups then wait for each other never in a circle.
  const lock = batched((keys: ReadonlyArray<Key>) =>
    Effect.gen(function* () {
      const wait = yield* LockWait
      const rows = yield* sql<UserRow & { readonly site_id: string; readonly id: string }>`
        SELECT u.site_id, u.id, u.document, s.declaration FROM users u JOIN sites s ON s.id = u.site_id
        WHERE (u.site_id, u.id) IN (SELECT * FROM unnest(
          ${texts(keys.map(([siteId]) => siteId))}, ${texts(keys.map(([, userId]) => userId))}))
        ORDER BY u.site_id, u.id FOR UPDATE OF u ${sql.literal(wait === "fail" ? "SKIP LOCKED" : "")}`
      const found = new Map(rows.map((row) => [`${row.site_id} ${row.id}`, row]))
      return keys.map(([siteId, userId]) => found.get(`${siteId} ${userId}`))
    }),
  )

  const write = batched((all: ReadonlyArray<Written>) => {
    const column = (name: keyof Written) => texts(all.map((written) => written[name]))
    return Effect.as(
      sql`WITH written AS (
          SELECT * FROM unnest(${column("siteId")}, ${column("userId")}, ${column("at")}, ${column("actor")},
            ${column("label")}, ${column("address")}, ${column("before")}, ${column("after")}, ${column("updatedOn")})
            AS t (site_id, id, at, actor, label, address, before_user, after_user, updated_on)
        ), updated AS (
          UPDATE users SET document = w.after_user, updated_on = w.updated_on FROM written w
          WHERE users.site_id = w.site_id AND users.id = w.id
        ), recorded AS (
          INSERT INTO user_events (site_id, user_id, at, actor, label, address, before_user, after_user)
          SELECT site_id, id, at, actor, NULLIF(label, ''), NULLIF(address, ''), before_user, after_user FROM written
          RETURNING sequence, site_id, user_id
        )
        INSERT INTO webhook_deliveries (webhook_id, sequence, user_id, due_at)
        SELECT webhooks.id, sequence, user_id, ${firstDue(sql, sql`recorded.user_id`)} FROM recorded JOIN webhooks USING (site_id)`,
      all.map(() => undefined),
    )
  })

  // In one order too: whoever adds a group waits for who is about to add the same.
  const insertGroups = (all: ReadonlyArray<readonly [SiteId, AccessGroup]>) => {
    const column = (name: keyof AccessGroup) => texts(all.map(([, group]) => group[name]))
    return Effect.asVoid(sql`INSERT INTO access_groups (site_id, slug, id, name, short_id, created_on)
      SELECT * FROM unnest(${texts(all.map(([siteId]) => siteId))}, ${column("slug")}, ${column("id")},
        ${column("name")}, ${column("shortId")}, ${column("createdOn")}) 
      ORDER BY 1, 2 ON CONFLICT DO NOTHING`)
  }
  const addGroups = batched((all: ReadonlyArray<ReturnType<typeof groupsOf>>) =>
    Effect.as(
      insertGroups(all.flat()),
      all.map(() => undefined),
    ),
  )

  return {
    lock: Effect.fnUntraced(function* (siteId, userId) {
      const row = yield* lock([siteId, userId])
      if (row !== undefined || (yield* LockWait) === "wait" || (yield* read(siteId, userId)) === undefined) return row
      return yield* stillLocked
    }),
    write,
    addGroups: (siteId, groups) => (groups.length === 0 ? Effect.void : addGroups(groupsOf(siteId, groups))),
    addGroupsAlone: (siteId, groups) => (groups.length === 0 ? Effect.void : insertGroups(groupsOf(siteId, groups))),
  }
}

const groupsOf = (siteId: SiteId, groups: ReadonlyArray<AccessGroup>) => groups.map((group) => [siteId, group] as const)

const stillLocked = new SqlError.SqlError({
  reason: new SqlError.LockTimeoutError({ cause: new Error("Somebody else has the row locked"), operation: "lock" }),
})
