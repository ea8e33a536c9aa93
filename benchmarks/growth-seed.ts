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
  /** Statements that record events. */
  readonly events: (wanted: Events) => ReadonlyArray<string>
}

/** So many events of each of these users, of all in turn; and so many events, whole hundreds, were recorded before. */
interface Events {
  readonly each: number
  readonly users: number
  readonly before: number
  /** The id, where it is one user. */
  readonly one?: string
}

const eventColumns = "site_id, user_id, at, actor, before_user, after_user"
/** What they say of the user is the least that can be read: what is asked here is how many rows there are, and not how long they are. */
const event = `site_id, id, '2024-01-01T00:00:00.000Z', 'bench', '{"id":"' || id || '","accessGroups":[],"data":{}}',
    '{"id":"' || id || '","accessGroups":[],"data":{}}'`
const whose = ({ one }: Events) => (one === undefined ? "true" : `id = '${one}'`)

export const dialects: Record<"sqlite" | "postgres", Dialect> = {
  sqlite: {
    numbers: (most) =>
      `(WITH RECURSIVE n(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i + 1 < ${most}) SELECT i FROM n)`,
    hex: (number, digits) => `printf('%0${digits}x', ${number})`,
    time: (seconds) => `strftime('%Y-%m-%dT%H:%M:%fZ', ${seconds}, 'unixepoch')`,
    events: (wanted) => {
      const { each, users, before, one } = wanted
      const hundredths = Math.floor(each / 100) * 100
      // Users have the row ids they were written in the order of.
      const sequence = (turn: string) => `${before} + (${turn}) * ${users} + ${one === undefined ? "users.rowid" : 1}`
      return [
        `INSERT INTO user_events (sequence, ${eventColumns}, previous, hundredth)
          SELECT ${sequence("i")}, ${event}, CASE i WHEN 0 THEN last_event ELSE ${sequence("i - 1")} END,
            CASE WHEN i < 100 THEN last_hundredth ELSE ${sequence("i / 100 * 100 - 1")} END
          FROM ${dialects.sqlite.numbers(each)} AS n CROSS JOIN users WHERE ${whose(wanted)}`,
        `UPDATE users SET events = events + ${each}, first_event = COALESCE(first_event, ${sequence("0")}),
          last_event = ${sequence(`${each - 1}`)},
          last_hundredth = ${hundredths === 0 ? "last_hundredth" : sequence(`${hundredths - 1}`)} WHERE ${whose(wanted)}`,
      ]
    },
  },
  postgres: {
    numbers: (most) => `(SELECT i FROM generate_series(0::bigint, ${most - 1}) AS t (i))`,
    hex: (number, digits) => `lpad(to_hex(${number}), ${digits}, '0')`,
    time: (seconds) => `to_char(to_timestamp(${seconds}) AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"')`,
    events: (wanted) => [
      `INSERT INTO user_events (${eventColumns}) SELECT ${event}
        FROM ${dialects.postgres.numbers(wanted.each)} AS n CROSS JOIN users WHERE ${whose(wanted)}`,
    ],
  },
}

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
        ...dialect.events({ each: deep.events, users: 1, before: 0, one: userIdOf(deep.user) }),
      ]),
  ...(wanted.events > 0
    ? unindexed(
        ofEvents,
        ...dialect.events({
          each: Math.ceil(wanted.events / wanted.users),
          users: wanted.users,
          before: deep.events,
        }),
      )
    : []),
]
