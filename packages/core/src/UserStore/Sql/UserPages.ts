/** Pages of a site's users, in one of their orders: each with how many users there are at that same moment, in one statement. */
import { Effect } from "effect"
import type { SqlClient, SqlError, Statement } from "effect/sql"
import * as Monotonic from "../../Monotonic.ts"
import type { SiteId, UserSort } from "../../User.ts"
import * as UserOrder from "../../UserOrder.ts"
import type { PageRequest } from "../../UserStore.ts"
import { isWithinTransaction } from "./UserRows.ts"

export interface Page {
  readonly documents: ReadonlyArray<string>
  /** How many users the site has; none may also mean that there is no such site. */
  readonly total: number
}

interface Row {
  readonly total: number | string
  /** There is none in the one row that tells the total where the page is empty. */
  readonly document: string | null
  readonly sort_key: string
  readonly id: string
}

/** The last user of a page, behind whom the next one begins as long as the site has so many users. */
interface Place {
  readonly key: string
  readonly id: string
  readonly total: number
  readonly seenAt: number
}

const columns = {
  createdOn: "created_on",
  email: "email",
  status: "status",
  lastLogin: "last_login",
  updatedOn: "updated_on",
} as const satisfies Record<keyof UserOrder.SortKeys, string>

/** Of how many sites the size is remembered, and of how many pages where they end. */
const maxRemembered = 1000

/** For how long the end of a page is remembered, in milliseconds: who reads page after page asks sooner. */
const maxAge = 60_000

export const make = (sql: SqlClient.SqlClient) => {
  // Which is their word for it, of two numbers.
  const [least, most] = sql
    .onDialectOrElse({ pg: () => ["LEAST", "GREATEST"], orElse: () => ["min", "max"] })
    .map((name) => sql.literal(name))
  /**
   * How many users sites had when they were asked for last: what lies behind the middle is nearer from the end. A page is right whatever this
   * says, since it counts for itself; from the wrong end it only takes longer.
   */
  const sizes = new Map<SiteId, number>()

  /**
   * Where pages ended, by where the next one begins. Users are only ever added, and no update changes what has an index here: a site that
   * has as many users as then has the same, and in the same order. Whoever removes users by hand is found out by their number too, unless as
   * many are added before that page is asked for.
   */
  const places = new Map<string, Place>()

  return Effect.fnUntraced(function* (
    siteId: SiteId,
    { limit, offset, sort }: PageRequest & { readonly sort?: UserSort | undefined },
  ): Effect.fn.Return<Page, SqlError.SqlError> {
    const { key, descending } = UserOrder.direction(sort)
    const column = sql.literal(columns[key])
    const directed = (isDescending: boolean) => sql.literal(isDescending ? "DESC" : "ASC")
    const shown = directed(descending)
    const total = sql.literal("(SELECT total FROM counted)")
    // What is passed over is keys and ids, in an index's order: 20,000 documents carried along to give 100 of them take ten times as
    // long. The 100 are asked for one by one, since a join leaves PostgreSQL free to read all of the site for them.
    const read = (page: Statement.Fragment) =>
      sql<Row>`WITH counted AS MATERIALIZED (SELECT count(*) AS total FROM users WHERE site_id = ${siteId})
      SELECT counted.total, page.sort_key, page.id, (SELECT document FROM users WHERE site_id = ${siteId} AND id = page.id) AS document
      FROM counted LEFT JOIN (SELECT id, ${column} AS sort_key FROM users WHERE site_id = ${siteId} ${page}) page ON true
      ORDER BY page.sort_key ${shown}, page.id ${shown}`
    const passing = () => {
      const isFromEnd = 2 * offset + limit > (sizes.get(siteId) ?? Number.POSITIVE_INFINITY)
      const walked = directed(descending !== isFromEnd)
      const part = isFromEnd
        ? sql`LIMIT ${most}(${least}(${limit}, ${total} - ${offset}), 0) OFFSET ${most}(${total} - ${offset} - ${limit}, 0)`
        : sql`LIMIT ${limit} OFFSET ${offset}`
      return read(sql`ORDER BY ${column} ${walked}, id ${walked} ${part}`)
    }
    const behind = (place: Place) =>
      read(sql`AND (${column}, id) ${sql.literal(descending ? "<" : ">")} (${place.key}, ${place.id})
        ORDER BY ${column} ${shown}, id ${shown} LIMIT ${limit}`)

    const order = `${key} ${descending}`
    const now = yield* Monotonic.millis
    const known = places.get(nameOf(siteId, order, offset))
    // A transaction may see what never comes to be.
    const isAlone = !isWithinTransaction(sql, yield* Effect.context<never>())
    const place = isAlone && known !== undefined && now - known.seenAt < maxAge ? known : undefined
    let rows = place === undefined ? undefined : yield* behind(place)
    if (rows === undefined || Number(rows[0]?.total) !== place?.total) rows = yield* passing()

    const size = Number(rows[0]?.total)
    remember(sizes, siteId, size)
    const last = rows.at(-1)
    const isIndexed = key !== "updatedOn"
    if (isAlone && isIndexed && last !== undefined && last.document !== null && rows.length === limit) {
      remember(places, nameOf(siteId, order, offset + limit), {
        key: last.sort_key,
        id: last.id,
        total: size,
        seenAt: now,
      })
    }
    return { documents: rows.flatMap(({ document }) => (document === null ? [] : [document])), total: size }
  })
}

/** Of whom a place is: a site's users in one order, from this one on. */
const nameOf = (siteId: SiteId, sort: string, offset: number) => `${siteId} ${sort} ${offset}`

/** What was remembered first is forgotten first. */
const remember = <K, V>(all: Map<K, V>, name: K, value: V) => {
  all.delete(name)
  all.set(name, value)
  const [first] = all.size > maxRemembered ? all.keys() : []
  if (first !== undefined) all.delete(first)
}
