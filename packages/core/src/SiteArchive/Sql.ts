/** Whole sites of the database that `UserStore/Sql` has made ready. */
import { Effect, Layer, Option, Schedule, Schema, Stream } from "effect"
import { SqlClient, SqlError } from "effect/sql"
import { DuplicateEntry, type Entry, isArchivable, SiteArchive, SiteOccupied, SiteUnreadable } from "../SiteArchive.ts"
import { SiteDeclaration } from "../SiteDeclarationSchema.ts"
import { storeError } from "../StoreErrors.ts"
import { SiteNotFound } from "../UpdateUserError.ts"
import type { AccessGroup, SiteId, User, UserId } from "../User.ts"
import { windowSize } from "../EventChains.ts"
import * as EventRows from "../EventRows.ts"
import * as ArchiveRows from "./Sql/ArchiveRows.ts"

interface SiteRow {
  readonly created_on: string
  readonly declaration: string | null
}

interface UserRow {
  readonly id: string
  readonly document: string
}

interface EventRow extends EventRows.EventRow {
  readonly user_id: UserId
}

interface SpanRow {
  readonly first: number | string | null
  readonly last: number | string | null
}

/** How much is asked for at once. */
const pageSize = 200

/** A server takes a session that stands still within a transaction for dead, and so does this side of it. */
const signOfLife = "10 seconds"

/** The sites of a database. */
export const layer: Layer.Layer<SiteArchive, never, SqlClient.SqlClient> = Layer.effect(
  SiteArchive,
  Effect.gen(function* () {
    const sql = yield* SqlClient.SqlClient
    const insert = ArchiveRows.make(sql)
    const eventRows = EventRows.make(sql)

    const accessGroups = (siteId: SiteId) =>
      pages<AccessGroup>((last) => {
        const isNext = last === undefined ? sql`true` : sql`slug > ${last.slug}`
        return sql`SELECT id, name, short_id AS ${sql("shortId")}, slug, created_on AS ${sql("createdOn")}
          FROM access_groups WHERE site_id = ${siteId} AND ${isNext} ORDER BY slug LIMIT ${pageSize}`
      })
    const users = (siteId: SiteId) =>
      pages<UserRow>(
        (last) => sql`SELECT id, document FROM users WHERE site_id = ${siteId} AND id > ${last?.id ?? ""}
          ORDER BY id LIMIT ${pageSize}`,
      )
    /**
     * Not by the index that has the site in front: for each page that would sort all that is left. Nor further than a window at once:
     * where other sites have ten million events, one statement that passes over them is ended before it is done.
     */
    const eventsBetween = (siteId: SiteId, first: number, last: number) =>
      Stream.paginate<number, EventRow, SqlError.SqlError>(first, (from) => {
        const end = from + windowSize
        return Effect.map(
          sql<EventRow>`SELECT sequence, user_id, at, actor, label, address, before_user, after_user FROM user_events
            WHERE site_id || '' = ${siteId} AND sequence >= ${from} AND sequence < ${end}
            ORDER BY sequence LIMIT ${pageSize}`,
          (rows) => {
            const next = rows.length < pageSize ? end : Number(rows[rows.length - 1]?.sequence) + 1
            return [rows, next > last ? Option.none() : Option.some(next)]
          },
        )
      })
    const events = (siteId: SiteId) =>
      Stream.unwrap(
        Effect.map(sql<SpanRow>`${eventRows.spanOfSite(siteId)}`, ([span]) =>
          span === undefined || span.first === null
            ? Stream.empty
            : eventsBetween(siteId, Number(span.first), Number(span.last)),
        ),
      )

    const site = Effect.fnUntraced(function* (siteId: SiteId) {
      const [row] = yield* sql<SiteRow>`SELECT created_on, declaration FROM sites WHERE id = ${siteId}`
      if (row === undefined) return yield* new SiteNotFound()
      const declaration = row.declaration === null ? null : parse(row.declaration)
      if (declaration !== null && !isDeclaration(declaration)) {
        return yield* new SiteUnreadable({ message: `The declaration of site ${siteId} in the store cannot be read` })
      }
      return { _tag: "Site", site: { siteId, createdOn: row.created_on, declaration } } as const
    })

    /** A connection of its own, on which nothing changes any more. */
    const snapshot = Effect.gen(function* () {
      const connection = yield* sql.reserve
      const begin = sql.onDialectOrElse({
        pg: () => "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY",
        orElse: () => "BEGIN",
      })
      yield* Effect.acquireRelease(connection.executeUnprepared(begin, [], undefined), () =>
        Effect.ignore(connection.executeUnprepared("ROLLBACK", [], undefined)),
      )
      return [connection, 0] as const
    })

    const ping = Effect.ignore(Effect.uninterruptible(sql`SELECT 1`))
    /** Lets the database know that somebody is there, however long the other side of an archive takes. */
    const staying = sql.onDialectOrElse({
      pg: () => Effect.asVoid(Effect.forkScoped(Effect.schedule(ping, Schedule.spaced(signOfLife)))),
      orElse: () => Effect.void,
    })

    const read = (siteId: SiteId) => {
      const entries: Stream.Stream<Entry, SqlError.SqlError | SiteNotFound | SiteUnreadable> = Stream.fromEffect(
        site(siteId),
      ).pipe(
        Stream.concat(
          Stream.map(accessGroups(siteId), (accessGroup) => ({ _tag: "AccessGroup", accessGroup }) as const),
        ),
        Stream.concat(Stream.mapArrayEffect(users(siteId), (rows) => Effect.forEach(rows, toUser))),
        Stream.concat(Stream.mapArrayEffect(events(siteId), (rows) => Effect.forEach(rows, toEvent))),
      )
      return Stream.unwrap(
        Effect.map(snapshot, (transaction) =>
          Stream.unwrap(Effect.as(staying, entries)).pipe(Stream.provideService(sql.transactionService, transaction)),
        ),
      ).pipe(Stream.mapError(storeError))
    }

    const contents = Effect.fnUntraced(function* (siteId: SiteId) {
      const count = (what: string) => sql`SELECT count(*) FROM ${sql(what)} WHERE site_id = ${siteId}`
      const [row] = yield* sql<Record<"users" | "groups" | "events" | "declarations", number | string>>`SELECT
        (${count("users")}) AS users, (${count("access_groups")}) AS ${sql("groups")}, (${eventRows.countOfSite(siteId)}) AS events,
        (SELECT count(declaration) FROM sites WHERE id = ${siteId}) AS declarations`
      return {
        accessGroups: Number(row?.groups),
        users: Number(row?.users),
        events: Number(row?.events),
        isDeclared: Number(row?.declarations) > 0,
      }
    })

    return SiteArchive.of({
      sites: sql<{ readonly id: SiteId }>`SELECT id FROM sites ORDER BY id`.pipe(
        Effect.map((rows) => rows.map(({ id }) => id)),
        Effect.mapError(storeError),
      ),
      read,
      contents: (siteId) => Effect.mapError(contents(siteId), storeError),
      write: Effect.fn("SiteArchive.write")(
        function* (siteId, entries) {
          // Whoever takes users in, or declares the site, waits: see UserStore/Sql, which takes the same lock.
          yield* sql.onDialectOrElse({
            pg: () => sql`SELECT pg_advisory_xact_lock(hashtextextended(${siteId}, 0))`,
            orElse: () => Effect.void,
          })
          const obstacle = SiteOccupied.by(siteId, yield* contents(siteId))
          if (obstacle !== undefined) return yield* obstacle
          yield* staying
          yield* Stream.runForEachArray(entries, (some) =>
            Effect.mapError(insert(siteId, some), (error) =>
              error.reason._tag === "UniqueViolation" ? DuplicateEntry.of(siteId) : error,
            ),
          )
        },
        Effect.scoped,
        sql.withTransaction,
        Effect.mapError(storeError),
      ),
    })
  }),
)

/** Rows in the order of a key, page by page: each page begins behind the last row of the one before. */
const pages = <Row>(page: (last: Row | undefined) => Effect.Effect<ReadonlyArray<Row>, SqlError.SqlError>) =>
  Stream.paginate<Row | undefined, Row, SqlError.SqlError>(undefined, (last) =>
    Effect.map(page(last), (rows) => [
      rows,
      rows.length < pageSize ? Option.none() : Option.some(rows[rows.length - 1]),
    ]),
  )

const isDeclaration = Schema.is(SiteDeclaration)

const parse = (text: string): unknown => {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

const readUser = (document: string): User | undefined => {
  const json = parse(document)
  return isArchivable(json) ? json : undefined
}

const toUser = ({ id, document }: UserRow): Effect.Effect<Entry, SiteUnreadable> => {
  const user = readUser(document)
  return user?.id === id ? Effect.succeed({ _tag: "User", user }) : unreadable(`User ${id}`)
}

const toEvent = (row: EventRow): Effect.Effect<Entry, SiteUnreadable> => {
  const { user_id: userId, at, actor } = row
  // An empty one is none: nothing of ours writes it.
  const [label, address] = [row.label || null, row.address || null]
  const [before, after] = [readUser(row.before_user), readUser(row.after_user)]
  return before?.id === userId && after?.id === userId
    ? Effect.succeed({ _tag: "Event", event: { userId, at, actor, label, address, before, after } })
    : unreadable(`Event ${row.sequence}, of user ${userId},`)
}

const unreadable = (what: string) => Effect.fail(new SiteUnreadable({ message: `${what} in the store cannot be read` }))
