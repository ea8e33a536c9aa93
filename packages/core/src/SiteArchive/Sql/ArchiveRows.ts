/** How the entries of an archive become rows: one by one in SQLite, which is in this process, and many at a time elsewhere. */
import { Effect } from "effect"
import type { SqlClient, SqlError } from "effect/sql"
import type { Entry } from "../../SiteArchive.ts"
import type { SiteId } from "../../User.ts"
import * as UserOrder from "../../UserOrder.ts"

/** Adds entries to a site, in their order. */
export type Insert = (siteId: SiteId, entries: ReadonlyArray<Entry>) => Effect.Effect<void, SqlError.SqlError>

interface Table {
  readonly name: string
  readonly columns: ReadonlyArray<string>
}

const tables = {
  AccessGroup: { name: "access_groups", columns: ["slug", "id", "name", "short_id", "created_on"] },
  User: {
    name: "users",
    columns: ["id", "email", "status", "created_on", "last_login", "updated_on", "document"],
  },
  Event: {
    name: "user_events",
    columns: ["user_id", "at", "actor", "label", "address", "before_user", "after_user"],
  },
} as const satisfies Record<Exclude<Entry["_tag"], "Site">, Table>

/** The values of a row, in the order of its table's columns. Empty is nothing where nothing is allowed. */
const valuesOf = (entry: Exclude<Entry, { readonly _tag: "Site" }>): ReadonlyArray<string> => {
  switch (entry._tag) {
    case "AccessGroup": {
      const { slug, id, name, shortId, createdOn } = entry.accessGroup
      return [slug, id, name, shortId, createdOn]
    }
    case "User": {
      const { email, status, createdOn, lastLogin, updatedOn } = UserOrder.sortKeys(entry.user)
      return [entry.user.id, email, status, createdOn, lastLogin, updatedOn, JSON.stringify(entry.user)]
    }
    case "Event": {
      const { userId, at, actor, label, address, before, after } = entry.event
      return [userId, at, actor, label ?? "", address ?? "", JSON.stringify(before), JSON.stringify(after)]
    }
  }
}

const isNullable = (column: string): boolean => column === "label" || column === "address"

export const make = (sql: SqlClient.SqlClient): Insert => {
  const addSite = (siteId: SiteId, createdOn: string, declaration: string | null) =>
    sql`INSERT INTO sites (id, created_on, declaration) VALUES (${siteId}, ${createdOn}, ${declaration})
      ON CONFLICT (id) DO UPDATE SET created_on = ${createdOn}, declaration = ${declaration}`

  const into = ({ name, columns }: Table) => sql.literal(`${name} (site_id, ${columns.join(", ")})`)
  const selected = ({ columns }: Table) =>
    sql.literal(columns.map((column) => (isNullable(column) ? `NULLIF(${column}, '')` : column)).join(", "))

  const addRows = sql.onDialectOrElse({
    pg: () => (siteId: SiteId, table: Table, rows: ReadonlyArray<ReadonlyArray<string>>) => {
      const arrays = sql.csv(table.columns.map((_, at) => sql`${rows.map((row) => row[at])}::text[]`))
      // Identities are given in the order of the rows.
      return sql`INSERT INTO ${into(table)} SELECT ${siteId}, ${selected(table)}
        FROM unnest(${arrays}) WITH ORDINALITY AS t (${sql.literal(table.columns.join(", "))}, place) ORDER BY place`
    },
    orElse: () => (siteId: SiteId, table: Table, rows: ReadonlyArray<ReadonlyArray<string>>) =>
      Effect.forEach(
        rows,
        (row) => {
          const values = sql.csv(
            row.map((value, at) => (value === "" && isNullable(table.columns[at] ?? "") ? sql`NULL` : sql`${value}`)),
          )
          return sql`INSERT INTO ${into(table)} VALUES (${siteId}, ${values})`
        },
        { discard: true },
      ),
  })

  return Effect.fnUntraced(function* (siteId, entries) {
    const site = entries.find((entry) => entry._tag === "Site")
    if (site !== undefined) {
      const { createdOn, declaration } = site.site
      yield* addSite(siteId, createdOn, declaration === null ? null : JSON.stringify(declaration))
    }
    for (const tag of ["AccessGroup", "User", "Event"] as const) {
      const rows = entries.flatMap((entry) => (entry._tag === tag ? [valuesOf(entry)] : []))
      if (rows.length > 0) yield* addRows(siteId, tables[tag], rows)
    }
  })
}
