/** Users in a SQL database: SQLite, PostgreSQL. Which one is the `SqlClient`'s affair. */
import { Context, DateTime, Effect, Layer, Result } from "effect"
import { SqlClient } from "effect/sql"
import * as Conflict from "../Conflict.ts"
import { NewUsers } from "../NewUsers.ts"
import * as AtOnce from "../AtOnce.ts"
import { Sites } from "../Sites.ts"
import { storeErrors } from "../StoreErrors.ts"
import { traced } from "../Traced.ts"
import * as UpdateGrant from "../UpdateGrant.ts"
import * as UpdatePolicy from "../UpdatePolicy.ts"
import * as E from "../UpdateUserError.ts"
import type { AccessGroup, SiteId, User, UserId } from "../User.ts"
import { isUser } from "../UserShape.ts"
import { Actor } from "../Actor.ts"
import { type UserEvent, UserEvents } from "../UserEvents.ts"
import * as UserOrder from "../UserOrder.ts"
import * as UserPatch from "../UserPatch.ts"
import { OnReplaced, UserStore } from "../UserStore.ts"
import * as EventRows from "../EventRows.ts"
import * as GroupCommit from "./Sql/GroupCommit.ts"
import { declarationReader, encodeDeclaration } from "./Sql/declarations.ts"
import { isMigrated, migrate } from "./Sql/migrations.ts"
import * as UserPages from "./Sql/UserPages.ts"
import * as UserRows from "./Sql/UserRows.ts"

/** A document that is no user was not written here: a defect, told without the document, which is personal. */
const readUser = (document: string): User => {
  const user = jsonOf(document)
  if (!isUser(user)) throw new Error("A user's document in the database cannot be read")
  return user
}

const jsonOf = (text: string): unknown => {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

interface UserRow {
  readonly document: string
}

interface SiteRow {
  readonly declaration: string | null
}

/**
 * The users, and the record, of a database; its tables are made where they are missing. An update is answered when it is
 * committed, and a commit is as durable as the `SqlClient` makes it. Other programs may write beside it.
 */
export const layer: Layer.Layer<UserStore | UserEvents | NewUsers | Sites, E.StoreUnavailable, SqlClient.SqlClient> =
  Layer.effectContext(
    Effect.gen(function* () {
      const sql = yield* SqlClient.SqlClient
      yield* migrate.pipe(Effect.mapError((cause) => new E.StoreUnavailable({ cause })))
      const { makeUpdate, addGroupRows } = yield* sql.onDialectOrElse({
        // Loaded where there is such a database: a store in a file does without.
        pg: () =>
          Effect.flatMap(
            Effect.promise(() => import("./Sql/UserBatches.ts")),
            (batches) =>
              Effect.map(batches.make(sql), (update) => ({ makeUpdate: update, addGroupRows: batches.addGroups(sql) })),
          ),
        orElse: () =>
          Effect.map(GroupCommit.make(sql), (update) => ({
            makeUpdate: update,
            addGroupRows: UserRows.addGroups(sql),
          })),
      })
      const userPage = UserPages.make(sql)
      const documentOf = AtOnce.reading(
        sql,
        sql<UserRow>`SELECT document FROM users WHERE site_id = ${"site"} AND id = ${"user"}`,
        ([row]) => row?.document,
      )
      // SQLite has one writer at a time anyway; elsewhere two who take users of a site in, or declare it, have to queue.
      const alone = (siteId: SiteId) =>
        sql.onDialectOrElse({
          pg: () => sql`SELECT pg_advisory_xact_lock(hashtextextended(${siteId}, 0))`,
          orElse: () => Effect.void,
        })
      const readDeclaration = declarationReader()

      /** The site's declaration; a site that is not there is the reason why nothing else is. */
      const declarationOf = Effect.fnUntraced(function* (siteId: SiteId) {
        const [row] = yield* sql<SiteRow>`SELECT declaration FROM sites WHERE id = ${siteId}`
        return row === undefined ? yield* new E.SiteNotFound() : readDeclaration(row.declaration)
      })
      /** Why there is no user. */
      const missing = (siteId: SiteId) => Effect.andThen(declarationOf(siteId), Effect.fail(new E.UserNotFound()))
      /** The one user that was found; when there is none, the reason. */
      const single = <Row>(siteId: SiteId, row: Row | undefined) =>
        row === undefined ? missing(siteId) : Effect.succeed(row)
      const addGroups = (siteId: SiteId, slugs: Iterable<string>) =>
        Effect.flatMap(UserRows.newGroups(siteId, slugs), addGroupRows)

      /** What would become of a user. */
      const judge = Effect.fnUntraced(function* (siteId: SiteId, userId: UserId, decide: UserRows.Decide) {
        const row = yield* UserRows.read(sql, siteId, userId)
        return row && (yield* Effect.fromResult(decide(row, yield* DateTime.now)))
      })

      const addSite = Effect.fnUntraced(function* (siteId: SiteId) {
        const now = DateTime.formatIso(yield* DateTime.now)
        yield* sql`INSERT INTO sites (id, created_on) VALUES (${siteId}, ${now}) ON CONFLICT DO NOTHING`
      })

      const store = UserStore.of({
        update: (siteId, userId, patch) =>
          Effect.withFiber((fiber) => {
            const actor = fiber.getRef(Actor)
            const policy = fiber.getRef(UpdatePolicy.Current)
            const grant = fiber.getRef(UpdateGrant.Current)
            const decide: UserRows.Decide = (row, now) => {
              const user = readUser(row.document)
              const rules = { policy, declaration: readDeclaration(row.declaration), grant }
              return Result.map(UserPatch.apply(user, patch, now, rules), (changed) => {
                const held = new Set(user.accessGroups.map((group) => group.slug))
                return {
                  before: user,
                  after: changed,
                  written: {
                    siteId,
                    userId,
                    at: DateTime.formatIso(now),
                    actor: actor.actor,
                    label: actor.label ?? "",
                    address: actor.address ?? "",
                    before: row.document,
                    after: JSON.stringify(changed),
                    // The one key to sort by that an update changes, which has given it the spelling that sorts.
                    updatedOn: changed.lastUpdated ?? "",
                  },
                  groups: changed.accessGroups.map((group) => group.slug).filter((slug) => !held.has(slug)),
                }
              })
            }
            // What is refused whatever the user is writes nothing, and need not wait for who does.
            const isHopeless = patch.objections.some(({ unless }) => unless === undefined)
            const deciding = isHopeless ? judge(siteId, userId, decide) : makeUpdate(siteId, userId, decide)
            return Effect.flatMap(deciding, (decided) => {
              if (decided === undefined) return missing(siteId)
              fiber.getRef(OnReplaced)(decided.before)
              return Effect.succeed(decided.after)
            })
          }).pipe(storeErrors, traced("UserStore.update")),

        get: (siteId, userId) =>
          Effect.flatMap(documentOf(siteId, userId), (document) =>
            document === undefined ? missing(siteId) : Effect.succeed(readUser(document)),
          ).pipe(storeErrors, traced("UserStore.get")),

        findByEmail: Effect.fn("UserStore.findByEmail")(function* (siteId, email) {
          const [row] = yield* sql<UserRow>`SELECT document FROM users
            WHERE site_id = ${siteId} AND email = ${UserOrder.emailKey(email)} AND email <> ''`
          return readUser((yield* single(siteId, row)).document)
        }, storeErrors),

        list: Effect.fn("UserStore.list")(function* (siteId, request) {
          const { documents, total } = yield* userPage(siteId, request)
          if (total === 0) yield* declarationOf(siteId)
          const users = documents.map(readUser)
          return { users, count: users.length, limit: request.limit, offset: request.offset, total }
        }, storeErrors),

        declaration: Effect.fn("UserStore.declaration")(declarationOf, storeErrors),

        accessGroups: Effect.fn("UserStore.accessGroups")(function* (siteId, { limit, offset, sort }) {
          const { accessGroups: declared } = yield* declarationOf(siteId)
          const { key, descending } = UserOrder.groupDirection(sort)
          const order = sql.literal(`${groupColumns[key]} ${descending ? "DESC" : "ASC"}, slug ASC`)
          const slugs = declared?.map((group) => group.slug)
          const isListed = slugs === undefined ? sql`true` : sql.in("slug", slugs)
          const accessGroups = yield* sql<AccessGroup>`SELECT id, name, short_id AS ${sql("shortId")}, slug,
            created_on AS ${sql("createdOn")} FROM access_groups WHERE site_id = ${siteId} AND ${isListed}
            ORDER BY ${order} LIMIT ${limit} OFFSET ${offset}`
          const [counted] = yield* sql<{ total: number }>`SELECT count(*) AS total FROM access_groups
            WHERE site_id = ${siteId} AND ${isListed}`
          return { accessGroups, count: accessGroups.length, limit, offset, total: Number(counted?.total) }
        }, storeErrors),

        ping: Effect.gen(function* () {
          const behind = new Error("The database has tables of an earlier version")
          if (!(yield* isMigrated)) return yield* new E.StoreUnavailable({ cause: behind })
        }).pipe(Effect.provideService(SqlClient.SqlClient, sql), Effect.withSpan("UserStore.ping"), storeErrors),
      })

      const newUsers = NewUsers.of({
        add: Effect.fn("NewUsers.add")(function* (siteId, choose) {
          yield* Effect.gen(function* () {
            yield* alone(siteId)
            const known = yield* sql<{ id: string; email: string }>`SELECT id, email FROM users
              WHERE site_id = ${siteId}`
            const added = choose({
              ids: new Set(known.map((row) => row.id)),
              idByEmail: new Map(known.map((row) => [row.email, row.id])),
            })
            if (added === undefined) return
            yield* addSite(siteId)
            for (const user of added) {
              const keys = UserOrder.sortKeys(user)
              yield* sql`INSERT INTO users
                (site_id, id, email, status, created_on, last_login, updated_on, document)
                VALUES (${siteId}, ${user.id}, ${keys.email}, ${keys.status}, ${keys.createdOn}, ${keys.lastLogin},
                  ${keys.updatedOn}, ${JSON.stringify(user)})`
            }
            yield* addGroups(siteId, new Set(added.flatMap((user) => user.accessGroups.map((group) => group.slug))))
          }).pipe(sql.withTransaction, Conflict.again)
        }, storeErrors),
      })

      const sites = Sites.of({
        declare: Effect.fn("Sites.declare")(function* (siteId, declaration) {
          return yield* Effect.gen(function* () {
            yield* alone(siteId)
            const [known] = yield* sql<SiteRow>`SELECT declaration FROM sites WHERE id = ${siteId}`
            yield* addSite(siteId)
            yield* sql`UPDATE sites SET declaration = ${encodeDeclaration(declaration)} WHERE id = ${siteId}`
            const { accessGroups = [] } = declaration
            yield* addGroups(
              siteId,
              accessGroups.map((group) => group.slug),
            )
            for (const { slug, name } of accessGroups) {
              yield* sql`UPDATE access_groups SET name = ${name} WHERE site_id = ${siteId} AND slug = ${slug}`
            }
            return known && readDeclaration(known.declaration)
          }).pipe(sql.withTransaction, Conflict.again)
        }, storeErrors),
      })

      const eventRows = EventRows.make(sql)
      const userEvents = UserEvents.of({
        ofUser: Effect.fn("UserEvents.ofUser")(function* (siteId, userId) {
          const rows = yield* eventRows.ofUser(siteId, userId)
          return rows.map((row) => toEvent(siteId, userId, row))
        }, storeErrors),
        latest: Effect.fn("UserEvents.latest")(function* (siteId, userId, page) {
          const { rows, total } = yield* eventRows.latest(siteId, userId, page)
          return { events: rows.map((row) => toEvent(siteId, userId, row)), total }
        }, storeErrors),
      })

      return Context.make(UserStore, store).pipe(
        Context.add(NewUsers, newUsers),
        Context.add(Sites, sites),
        Context.add(UserEvents, userEvents),
      )
    }),
  )

const groupColumns = { slug: "slug", createdOn: "created_on" } as const

const toEvent = (siteId: SiteId, userId: UserId, row: EventRows.EventRow): UserEvent => ({
  sequence: Number(row.sequence),
  siteId,
  userId,
  at: row.at,
  actor: row.actor,
  ...(row.label !== null && { label: row.label }),
  ...(row.address !== null && { address: row.address }),
  before: readUser(row.before_user),
  after: readUser(row.after_user),
})
