/**
 * Users and events by the hundred thousand, written by the database itself: no import would be done in the minutes a benchmark has. As
 * `Sql.ts` would have written them, in the tables of `migrations.ts`. Users come in the order of their ids, events user by user in turn:
 * of a million users, the first index would otherwise be written at a place of its own for each, which took longer than all the rest.
 */

/** How a database counts to `most`, makes text of a number, and what its identity column wants. */
interface Dialect {
  readonly numbers: (most: number) => string
  readonly hex: (number: string, digits: number) => string
  readonly time: (seconds: string) => string
}

export const dialects = {
  sqlite: {
    numbers: (most) =>
      `(WITH RECURSIVE n(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i + 1 < ${most}) SELECT i FROM n)`,
    hex: (number, digits) => `printf('%0${digits}x', ${number})`,
    time: (seconds) => `strftime('%Y-%m-%dT%H:%M:%fZ', ${seconds}, 'unixepoch')`,
  },
  postgres: {
    numbers: (most) => `(SELECT i FROM generate_series(0::bigint, ${most - 1}) AS t (i))`,
    hex: (number, digits) => `lpad(to_hex(${number}), ${digits}, '0')`,
    time: (seconds) => `to_char(to_timestamp(${seconds}) AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"')`,
  },
} satisfies Record<string, Dialect>

/** Users of each site: as many as Webflow allows. */
export const perSite = 20_000

/** Every store has a user who was updated so often. */
export const deep = { user: 7, events: 10_000 }

/** Ids that follow each other nowhere: each row is at a place of its own in every index by id. */
const scattered = (number: string) => `((${number}) * 2654435761 % 4294967296)`
const idOf = ({ hex }: Dialect, number: string) => `${hex(scattered(number), 8)} || ${hex(number, 16)}`

export const siteIdOf = (site: number) => (0x58_0000 + site).toString(16).padStart(24, "5")
export const userIdOf = (user: number) =>
  ((BigInt(user) * 2654435761n) % 4294967296n).toString(16).padStart(8, "0") + user.toString(16).padStart(16, "0")
export const emailOf = (user: number) => `member${user}@example.com`

/** An index, and the statement that makes it. */
export interface Index {
  readonly name: string
  readonly definition: string
}

/** The statements without the indexes, which are put in order once afterwards: quicker than to keep an order ten million times. */
const unindexed = (indexes: ReadonlyArray<Index>, ...statements: ReadonlyArray<string>): ReadonlyArray<string> => [
  ...indexes.map(({ name }) => `DROP INDEX ${name}`),
  ...statements,
  ...indexes.map(({ definition }) => definition),
]

/** Statements that fill empty tables with users, of as many sites as they need. */
const users = (dialect: Dialect, many: number): ReadonlyArray<string> => {
  const { numbers, hex, time } = dialect
  const id = idOf(dialect, "i")
  const site = (user: string) => hex(`${user} / ${perSite} + ${0x58_0000}`, 6)
  const created = time(`1600000000 + (i * 7919 % 1000003) * 60`)
  const login = `CASE i % 3 WHEN 0 THEN '' ELSE ${time(`1640000000 + (i * 104729 % 1000003) * 30`)} END`
  const status = "CASE i % 20 WHEN 0 THEN 'invited' ELSE 'verified' END"
  return [
    `INSERT INTO sites (id, created_on) SELECT '${"5".repeat(18)}' || ${hex(`i + ${0x58_0000}`, 6)}, '2024-01-01T00:00:00.000Z'
      FROM ${numbers(Math.ceil(many / perSite))} AS t`,
    `INSERT INTO users (site_id, id, email, status, created_on, last_login, updated_on, document)
      SELECT site_id, id, email, status, created_on, last_login, created_on, '{"id":"' || id || '","isEmailVerified":true,'
        || '"lastUpdated":"' || created_on || '","createdOn":"' || created_on || '","status":"' || status || '",'
        || CASE last_login WHEN '' THEN '' ELSE '"lastLogin":"' || last_login || '",' END
        || '"accessGroups":[{"slug":"webflowers","type":"admin"}],"data":{"name":"Some One","email":"' || email
        || '","accept-privacy":false,"accept-communications":false}}'
      FROM (SELECT '${"5".repeat(18)}' || ${site("i")} AS site_id, ${id} AS id, 'member' || i || '@example.com' AS email,
        ${status} AS status, ${created} AS created_on, ${login} AS last_login FROM ${numbers(many)} AS n) AS t
      ORDER BY site_id, id`,
  ]
}

/**
 * A statement that records events, of all users in turn, or of one. What they say of the user is the least that can be read: what is asked
 * here is how many rows there are, and not how long they are.
 */
const events = ({ numbers }: Dialect, each: number, where = "true") => `INSERT INTO user_events
  (site_id, user_id, at, actor, before_user, after_user)
  SELECT site_id, id, '2024-01-01T00:00:00.000Z', 'bench', '{"id":"' || id || '","accessGroups":[],"data":{}}',
    '{"id":"' || id || '","accessGroups":[],"data":{}}'
  FROM ${numbers(each)} AS n CROSS JOIN users WHERE ${where}`

/** Everything that fills a store, or what more a copy of a full one is to have. */
export const statements = (
  dialect: Dialect,
  wanted: { readonly users: number; readonly events: number; readonly isCopy: boolean },
  ofUsers: ReadonlyArray<Index>,
  ofEvents: ReadonlyArray<Index>,
): ReadonlyArray<string> => [
  ...(wanted.isCopy
    ? []
    : [
        ...unindexed(ofUsers, ...users(dialect, wanted.users)),
        events(dialect, deep.events, `id = '${userIdOf(deep.user)}'`),
      ]),
  ...(wanted.events > 0 ? unindexed(ofEvents, events(dialect, Math.ceil(wanted.events / wanted.users))) : []),
]
