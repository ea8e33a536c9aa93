/** Pages of a site's users, in one of their orders: each with how many users there are at that same moment, in one statement. */
import { Effect } from "effect"
import type { SqlClient, SqlError } from "effect/sql"
import type { SiteId, UserSort } from "../../User.ts"
import * as UserOrder from "../../UserOrder.ts"
import type { PageRequest } from "../../UserStore.ts"

export interface Page {
  readonly documents: ReadonlyArray<string>
  /** How many users the site has; none may also mean that there is no such site. */
  readonly total: number
}

interface Row {
  readonly total: number | string
  /** There is none in the one row that tells the total where the page is empty. */
  readonly document: string | null
}

const columns = {
  createdOn: "created_on",
  email: "email",
  status: "status",
  lastLogin: "last_login",
  updatedOn: "updated_on",
} as const satisfies Record<keyof UserOrder.SortKeys, string>

/** Of how many sites the size is remembered. */
const maxSizes = 1000

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

  return Effect.fnUntraced(function* (
    siteId: SiteId,
    { limit, offset, sort }: PageRequest & { readonly sort?: UserSort | undefined },
  ): Effect.fn.Return<Page, SqlError.SqlError> {
    const { key, descending } = UserOrder.direction(sort)
    const column = sql.literal(columns[key])
    const isFromEnd = 2 * offset + limit > (sizes.get(siteId) ?? Number.POSITIVE_INFINITY)
    const order = (isDescending: boolean) => sql.literal(isDescending ? "DESC" : "ASC")
    const [walked, shown] = [order(descending !== isFromEnd), order(descending)]
    const total = sql.literal("(SELECT total FROM counted)")
    const part = isFromEnd
      ? sql`LIMIT ${most}(${least}(${limit}, ${total} - ${offset}), 0) OFFSET ${most}(${total} - ${offset} - ${limit}, 0)`
      : sql`LIMIT ${limit} OFFSET ${offset}`
    // What is passed over is keys and ids, in an index's order: 20,000 documents carried along to give 100 of them take ten times as
    // long. The 100 are asked for one by one, since a join leaves PostgreSQL free to read all of the site for them.
    const rows =
      yield* sql<Row>`WITH counted AS MATERIALIZED (SELECT count(*) AS total FROM users WHERE site_id = ${siteId})
      SELECT counted.total, (SELECT document FROM users WHERE site_id = ${siteId} AND id = page.id) AS document
      FROM counted LEFT JOIN (
        SELECT id, ${column} AS sort_key FROM users WHERE site_id = ${siteId}
        ORDER BY ${column} ${walked}, id ${walked} ${part}
      ) page ON true ORDER BY page.sort_key ${shown}, page.id ${shown}`
    const size = Number(rows[0]?.total)
    if (sizes.size >= maxSizes) sizes.clear()
    sizes.set(siteId, size)
    return { documents: rows.flatMap(({ document }) => (document === null ? [] : [document])), total: size }
  })
}
