/** Stores in databases, whole: what is loaded once it is known that the store is one. */
import { RateLimits } from "@webflow-users/core"
import * as SqlTokens from "@webflow-users/core/AccessTokenStore/Sql"
import * as SqlRates from "@webflow-users/core/RateLimits/Sql"
import * as SqlArchive from "@webflow-users/core/SiteArchive/Sql"
import * as SqlUsers from "@webflow-users/core/UserStore/Sql"
import * as SqlWebhooks from "@webflow-users/core/Webhooks/Sql"
import { Effect, Layer } from "effect"
import type { SqlClient } from "effect/sql"
import type { PostgresAddress } from "./PostgresAddress.ts"
import * as Sqlite from "./Sqlite.ts"
import type { ArchivedServices, WebhookServices } from "./StoreAddress.ts"

type Services = ArchivedServices | WebhookServices

/** Two databases may be open at once: without `fresh`, the second would be given the first. */
const sql = (
  driver: Layer.Layer<SqlClient.SqlClient, unknown>,
  rates: Layer.Layer<RateLimits.RateLimits, never, SqlClient.SqlClient>,
) =>
  Layer.fresh(Layer.mergeAll(SqlUsers.layer, SqlTokens.layer, SqlArchive.layer, SqlWebhooks.layer, rates)).pipe(
    Layer.provide(driver),
  )

/** In a file. One server serves it, which sees every request, so that rates are counted in memory. */
export const inFile = (path: string): Layer.Layer<Services, unknown> =>
  sql(Sqlite.layer(path), RateLimits.RateLimits.layerMemory)

/** In a PostgreSQL database. */
export const inPostgres = (address: string, parsed: PostgresAddress): Layer.Layer<Services, unknown> => {
  // Loaded when a database is opened: files do without.
  const driver = Effect.promise(() => import("./Postgres.ts"))
  return sql(Layer.unwrap(Effect.map(driver, ({ layer }) => layer(address, parsed))), SqlRates.layer)
}
