/** How an update reads and writes, one after the other; together, as PostgreSQL has it, it does in `UserBatches.ts`. */
import { type Cause, Clock, Context, DateTime, Deferred, Effect, Exit, Option, Random, Result } from "effect"
import type { SqlClient, SqlError, Statement } from "effect/sql"
import * as ObjectId from "../../ObjectId.ts"
import type { ChangeForbidden, InvalidPatch } from "../../UpdateUserError.ts"
import { accessGroup, type AccessGroup, type SiteId, type User, type UserId } from "../../User.ts"

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

/** What an update comes to. */
export interface Decided {
  readonly before: User
  readonly after: User
  readonly written: Written
  /** Groups the user comes to have. */
  readonly groups: ReadonlyArray<AccessGroup["slug"]>
}

/** Says what becomes of a user, by the row as it was read: it counts only where the row is the same when that is written. */
export type Decide = (row: UserRow, now: DateTime.Utc) => Result.Result<Decided, InvalidPatch | ChangeForbidden>

/** What becomes of an update by its own rules. A document that cannot be read is a defect, and the others are not concerned. */
export const decided = (
  decide: Decide,
  row: UserRow,
  now: DateTime.Utc,
): Exit.Exit<Decided, InvalidPatch | ChangeForbidden> => {
  try {
    const result = decide(row, now)
    return Result.isSuccess(result) ? Exit.succeed(result.success) : Exit.fail(result.failure)
  } catch (defect) {
    return Exit.die(defect)
  }
}

/**
 * Makes an update, durably: it succeeds when user and event are committed. There is nothing where there is no such user. Updates of one
 * user are made in the order they come in.
 */
export type Update = (
  siteId: SiteId,
  userId: UserId,
  decide: Decide,
) => Effect.Effect<Decided | undefined, SqlError.SqlError | InvalidPatch | ChangeForbidden>

/** What becomes of an update that waits. */
export type Outcome = Exit.Exit<Answer, Failure>
type Answer = Effect.Success<ReturnType<Update>>
type Failure = Effect.Error<ReturnType<Update>>

/** Whoever waits for what becomes of an update. */
export interface Waiting {
  readonly done: Deferred.Deferred<Answer, Failure>
}

/**
 * Tells what became of what is waited for. Its caller goes on at once, and what that throws, or who watches it, is no affair of the others that are told
 * after it: they would never be.
 */
export const settle = <A, E>({ done }: { readonly done: Deferred.Deferred<A, E> }, outcome: Exit.Exit<A, E>): void => {
  try {
    Deferred.doneUnsafe(done, outcome)
  } catch (error) {
    queueMicrotask(() => {
      throw error
    })
  }
}

/** Tells all of them that it came to nothing. */
export const fail = (waiting: ReadonlyArray<Waiting>, cause: Cause.Cause<SqlError.SqlError>): Effect.Effect<void> =>
  Effect.sync(() => waiting.forEach((one) => settle(one, Exit.failCause(cause))))

/** Whether who has this context has a transaction of their own. */
export const isWithinTransaction = (sql: SqlClient.SqlClient, context: Context.Context<never>): boolean =>
  Option.isSome(Context.getOption(context, sql.transactionService))

/** Groups of a site, where they are not there yet. */
export type AddGroups = (groups: ReadonlyArray<SiteGroup>) => Effect.Effect<void, SqlError.SqlError>

export type SiteGroup = readonly [siteId: SiteId, group: AccessGroup]

/**
 * When an update is first due: at once, which is the empty text before every time, and by no clock: that of who updates may be
 * minutes ahead of the one that delivers. Behind one of the user's that waits for its retry, it is due with that one, so that it is
 * not looked at again and again.
 */
export const firstDue = (sql: SqlClient.SqlClient, userId: Statement.Fragment) => sql`COALESCE((
  SELECT CASE WHEN first.claimed_by IS NULL THEN first.due_at END FROM webhook_deliveries first
  WHERE first.webhook_id = webhooks.id AND first.user_id = ${userId} AND first.state = 'pending'
  ORDER BY first.sequence LIMIT 1), '')`

/** A user's row as it is. */
export const read = (sql: SqlClient.SqlClient, siteId: SiteId, userId: UserId) =>
  Effect.map(
    sql<UserRow>`SELECT u.document, s.declaration FROM users u JOIN sites s ON s.id = u.site_id
      WHERE u.site_id = ${siteId} AND u.id = ${userId}`,
    ([row]) => row,
  )

/** Groups with these slugs, as they are where nobody has said more of them. */
export const newGroups = (siteId: SiteId, slugs: Iterable<string>): Effect.Effect<ReadonlyArray<SiteGroup>> =>
  Effect.contextWith((context: Context.Context<never>) => Effect.succeed(groupsNow(context, siteId, [...slugs])))

/** The same in the middle of a step, by the clock of whoever has this context. */
export const groupsNow = (
  context: Context.Context<never>,
  siteId: SiteId,
  slugs: ReadonlyArray<string>,
): ReadonlyArray<SiteGroup> => {
  // Most updates add none.
  if (slugs.length === 0) return []
  const millis = Context.get(context, Clock.Clock).currentTimeMillisUnsafe()
  const random = Context.get(context, Random.Random)
  const now = DateTime.makeUnsafe(millis)
  return slugs.map((slug) => [siteId, accessGroup(slug, ObjectId.of(millis, random), now)])
}

export const addGroups =
  (sql: SqlClient.SqlClient): AddGroups =>
  (groups) =>
    Effect.forEach(groups, (group) => addGroup(sql, group), { discard: true })

export const addGroup = (
  sql: SqlClient.SqlClient,
  [siteId, { slug, id, name, shortId, createdOn }]: SiteGroup,
) => sql`INSERT INTO access_groups (site_id, slug, id, name, short_id, created_on)
  VALUES (${siteId}, ${slug}, ${id}, ${name}, ${shortId}, ${createdOn}) ON CONFLICT DO NOTHING`
