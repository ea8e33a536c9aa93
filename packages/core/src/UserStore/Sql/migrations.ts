/** The tables, and how each version of them becomes the next. A migration that has landed is never edited. */
import { Effect } from "effect"
import { Migrator, SqlClient } from "effect/sql"

const createTables = Effect.gen(function* () {
  const sql = yield* SqlClient.SqlClient
  const sequence = sql.onDialectOrElse({
    pg: () => sql.literal("BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY"),
    orElse: () => sql.literal("INTEGER PRIMARY KEY AUTOINCREMENT"),
  })
  // SQLite orders text by code points; PostgreSQL as its database is told to, each with its own idea of an alphabet.
  const text = sql.onDialectOrElse({ pg: () => sql.literal('TEXT COLLATE "C"'), orElse: () => sql.literal("TEXT") })

  yield* sql`CREATE TABLE sites (
    id ${text} PRIMARY KEY,
    created_on ${text} NOT NULL
  )`
  // The document is the user; the columns beside it repeat what users are found and ordered by.
  yield* sql`CREATE TABLE users (
    site_id ${text} NOT NULL REFERENCES sites (id),
    id ${text} NOT NULL,
    email ${text} NOT NULL,
    status ${text} NOT NULL,
    created_on ${text} NOT NULL,
    last_login ${text} NOT NULL,
    updated_on ${text} NOT NULL,
    document ${text} NOT NULL,
    PRIMARY KEY (site_id, id)
  )`
  yield* sql`CREATE UNIQUE INDEX users_by_email ON users (site_id, email) WHERE email <> ''`
  yield* sql`CREATE INDEX users_by_creation ON users (site_id, created_on, id)`
  yield* sql`CREATE TABLE access_groups (
    site_id ${text} NOT NULL REFERENCES sites (id),
    slug ${text} NOT NULL,
    id ${text} NOT NULL,
    name ${text} NOT NULL,
    short_id ${text} NOT NULL,
    created_on ${text} NOT NULL,
    PRIMARY KEY (site_id, slug)
  )`
  yield* sql`CREATE TABLE user_events (
    sequence ${sequence},
    site_id ${text} NOT NULL,
    user_id ${text} NOT NULL,
    at ${text} NOT NULL,
    actor ${text} NOT NULL,
    before_user ${text} NOT NULL,
    after_user ${text} NOT NULL
  )`
  yield* sql`CREATE INDEX user_events_by_user ON user_events (site_id, user_id, sequence)`
  yield* sql`CREATE TABLE access_tokens (
    id ${text} PRIMARY KEY,
    site_id ${text} NOT NULL,
    scopes ${text} NOT NULL,
    hash ${text} NOT NULL,
    created_on ${text} NOT NULL
  )`
})

/** Requests a minute; the tokens there are already keep what they had, which is no limit. */
const addTokenRates = Effect.gen(function* () {
  const sql = yield* SqlClient.SqlClient
  yield* sql`ALTER TABLE access_tokens ADD COLUMN rate INTEGER`
})

const addDeclarations = Effect.gen(function* () {
  const sql = yield* SqlClient.SqlClient
  yield* sql`ALTER TABLE sites ADD COLUMN declaration TEXT`
})

/**
 * For the orders a list can be asked in: deep in a long one, sorting holds everything else up. An update changes none of these
 * columns; `updated_on`, which every update changes, has no index.
 */
const indexSortOrders = Effect.gen(function* () {
  const sql = yield* SqlClient.SqlClient
  for (const column of ["email", "status", "last_login"]) {
    yield* sql`CREATE INDEX ${sql(`users_sorted_by_${column}`)} ON users (site_id, ${sql(column)}, id)`
  }
})

/** From where, and by which token's name, an update was asked for; of earlier ones nobody knows. */
const addEventOrigins = Effect.gen(function* () {
  const sql = yield* SqlClient.SqlClient
  yield* sql`ALTER TABLE user_events ADD COLUMN label TEXT`
  yield* sql`ALTER TABLE user_events ADD COLUMN address TEXT`
})

/**
 * What a token may do beside its scopes, and the secret before its present one. The tokens there are keep what they had,
 * which is no limit. A token for all sites has the word `all` for its site: no id is that, so that a program from before
 * takes it for one of a site that is not there.
 */
const addTokenGrants = Effect.gen(function* () {
  const sql = yield* SqlClient.SqlClient
  const columns = ["label", "expires_on", "allowed_fields", "allowed_groups", "previous_hash", "previous_until"]
  for (const column of columns) yield* sql`ALTER TABLE access_tokens ADD COLUMN ${sql(column)} TEXT`
})

/**
 * Requests of tokens in the minute that is. Not logged: after a crash of the database, and on one that takes over, counting
 * begins anew, and a request does not wait for the disk to be counted. A SQLite file has one server, which counts in memory.
 */
const addRateCounts = Effect.gen(function* () {
  const sql = yield* SqlClient.SqlClient
  yield* sql.onDialectOrElse({
    pg: () => sql`CREATE UNLOGGED TABLE rate_counts (
      token_id TEXT COLLATE "C" PRIMARY KEY,
      minute BIGINT NOT NULL,
      asked BIGINT NOT NULL
    )`,
    orElse: () => Effect.void,
  })
})

/**
 * An event is what there is to tell; a delivery is that a webhook has still to tell it. Deliveries refer to their webhook by no
 * constraint: an update would wait for who removes the webhook, and fail. What is left of a removed one is never due.
 */
const addWebhooks = Effect.gen(function* () {
  const sql = yield* SqlClient.SqlClient
  const text = sql.onDialectOrElse({ pg: () => sql.literal('TEXT COLLATE "C"'), orElse: () => sql.literal("TEXT") })
  yield* sql`CREATE TABLE webhooks (
    id ${text} PRIMARY KEY,
    site_id ${text} NOT NULL REFERENCES sites (id),
    url TEXT NOT NULL,
    secret TEXT NOT NULL,
    created_on ${text} NOT NULL
  )`
  yield* sql`CREATE INDEX webhooks_by_site ON webhooks (site_id)`
  yield* sql`CREATE TABLE webhook_deliveries (
    webhook_id ${text} NOT NULL,
    sequence BIGINT NOT NULL,
    user_id ${text} NOT NULL,
    state TEXT NOT NULL DEFAULT 'pending',
    attempts INTEGER NOT NULL DEFAULT 0,
    due_at ${text} NOT NULL,
    claimed_by TEXT,
    failed_at ${text},
    failure_status INTEGER,
    failure_reason TEXT,
    PRIMARY KEY (webhook_id, sequence)
  )`
  const pending = sql.literal("WHERE state = 'pending'")
  yield* sql`CREATE INDEX webhook_deliveries_due ON webhook_deliveries (webhook_id, due_at, sequence) ${pending}`
  yield* sql`CREATE INDEX webhook_deliveries_of_user ON webhook_deliveries (webhook_id, user_id, sequence) ${pending}`
  yield* sql`CREATE INDEX webhook_deliveries_parked ON webhook_deliveries (webhook_id, sequence) WHERE state = 'parked'`
})

/**
 * From event to event of a user, in SQLite; how it is written and read is in `EventChains.ts`. The events there are stay in an index, to which
 * a program from before goes on to add its own, since it gives them no `previous`.
 */
const chainEvents = Effect.gen(function* () {
  const sql = yield* SqlClient.SqlClient
  yield* sql.onDialectOrElse({
    pg: () => Effect.void,
    orElse: () =>
      Effect.gen(function* () {
        yield* sql`ALTER TABLE users ADD COLUMN events INTEGER NOT NULL DEFAULT 0`
        yield* sql`ALTER TABLE users ADD COLUMN first_event INTEGER`
        yield* sql`ALTER TABLE users ADD COLUMN last_event INTEGER NOT NULL DEFAULT 0`
        yield* sql`ALTER TABLE users ADD COLUMN last_hundredth INTEGER NOT NULL DEFAULT 0`
        yield* sql`ALTER TABLE user_events ADD COLUMN previous INTEGER`
        yield* sql`ALTER TABLE user_events ADD COLUMN hundredth INTEGER`
        yield* sql`DROP INDEX IF EXISTS user_events_by_user`
        yield* sql`CREATE INDEX user_events_indexed ON user_events (site_id, user_id, sequence) WHERE previous IS NULL`
      }),
  })
})

const migrations = {
  "0001_create_tables": createTables,
  "0002_token_rates": addTokenRates,
  "0003_site_declarations": addDeclarations,
  "0004_sort_orders": indexSortOrders,
  "0005_event_origins": addEventOrigins,
  "0006_token_grants": addTokenGrants,
  "0007_webhooks": addWebhooks,
  "0008_rate_counts": addRateCounts,
  "0009_event_chains": chainEvents,
}
const table = "webflow_users_migrations"

const run = Migrator.make({})({ loader: Migrator.fromRecord(migrations), table })

/** Whether a database has the present tables, or those of a later version that runs beside this one. */
export const isMigrated = Effect.gen(function* () {
  const sql = yield* SqlClient.SqlClient
  const done = yield* sql`SELECT migration_id FROM ${sql(table)}`
  return done.length >= Object.keys(migrations).length
})

/**
 * Brings a database to the present tables. One that has them is only read: to migrate takes the write lock, and who opens a
 * store to read it need not wait for who writes.
 */
export const migrate = Effect.gen(function* () {
  // Where it fails there is no such table yet.
  if (!(yield* Effect.orElseSucceed(isMigrated, () => false))) yield* run
})
