/**
 * Rates that several processes share: counted in PostgreSQL, by its clock, in rows that are its table's own affair and no
 * disk's. SQLite has one server a file, which counts in memory. The table comes with `UserStore/Sql`'s.
 */
import { Effect, Layer, Semaphore } from "effect"
import { SqlClient } from "effect/sql"
import { batched } from "../Batched.ts"
import { type Allowance, RateLimits } from "../RateLimits.ts"
import { storeErrors } from "../StoreErrors.ts"

interface Take {
  readonly id: string
  readonly rate: number
}

/** What was asked of a token in this minute, those of this statement counted, and how long the minute still is. */
interface CountRow {
  readonly token_id: string
  readonly asked: number | string
  readonly minute: number | string
  readonly seconds_left: number
}

/** The rates of the tokens of a PostgreSQL database that `UserStore/Sql` has made ready. */
export const layer: Layer.Layer<RateLimits, never, SqlClient.SqlClient> = Layer.effect(
  RateLimits,
  Effect.gen(function* () {
    const sql = yield* SqlClient.SqlClient
    // One statement at a time: several would only wait for each other's rows, and keep connections from updates.
    const turn = yield* Semaphore.make(1)
    let swept = ""

    /**
     * Counts what is asked, allowed or not: from the sum that comes back follows who was within the rate. The clock is read
     * when the row is held, so that all processes count in one order, and once a row. In one order by token too, so that
     * two statements do not wait in a circle.
     */
    const count = (asked: ReadonlyMap<string, number>) =>
      sql<CountRow>`INSERT INTO rate_counts AS counted (token_id, minute, asked)
        SELECT token_id, ${thisMinute}, asked FROM unnest(${[...asked.keys()]}::text[], ${[...asked.values()]}::bigint[])
          AS t (token_id, asked) ORDER BY token_id
        ON CONFLICT (token_id) DO UPDATE SET (minute, asked) = (
          SELECT now.minute, excluded.asked + CASE counted.minute WHEN now.minute THEN counted.asked ELSE 0 END
          FROM (SELECT ${thisMinute} AS minute) AS now)
        RETURNING token_id, asked, minute,
          ((minute + 1) * 60 - extract(epoch FROM clock_timestamp()))::float8 AS seconds_left`
    const thisMinute = sql.literal("floor(extract(epoch FROM clock_timestamp()) / 60)::bigint")

    /** Takes out what is of minutes before, once a minute. What somebody holds is left to the next time. */
    const sweep = (minute: string) =>
      Effect.suspend(() => {
        if (minute === swept) return Effect.void
        swept = minute
        return Effect.asVoid(sql`DELETE FROM rate_counts WHERE token_id IN (
          SELECT token_id FROM rate_counts WHERE minute < ${minute}::bigint ORDER BY token_id FOR UPDATE SKIP LOCKED)`)
      })

    const take = batched(
      (takes: ReadonlyArray<Take>) =>
        Effect.gen(function* () {
          const asked = new Map<string, number>()
          for (const { id } of takes) asked.set(id, (asked.get(id) ?? 0) + 1)
          const rows = yield* count(asked)
          // Whether old counts are gone is nothing to who asks now.
          yield* Effect.ignore(sweep(String(rows[0]?.minute)))
          const counts = new Map(rows.map((row) => [row.token_id, row]))
          const before = new Map(rows.map((row) => [row.token_id, Number(row.asked) - (asked.get(row.token_id) ?? 0)]))
          return takes.map(({ id, rate }) => {
            const place = (before.get(id) ?? 0) + 1
            before.set(id, place)
            return allowance(rate, place, counts.get(id)?.seconds_left ?? 0)
          })
        }).pipe(storeErrors),
      turn.withPermit,
    )

    return {
      take: ({ id, rate }) => (rate === undefined ? Effect.succeed(undefined) : take({ id, rate })),
    }
  }),
)

/** What the request in this place of the minute may still ask. */
const allowance = (limit: number, place: number, secondsLeft: number): Allowance =>
  place <= limit
    ? { limit, remaining: limit - place }
    : // The minute may have turned since: then it is the next one already.
      { limit, remaining: 0, retryAfter: Math.max(1, Math.ceil(secondsLeft)) }
