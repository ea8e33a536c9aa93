/**
 * Durable updates on PostgreSQL: our store beside the plain driver, for 64 callers at once, on one server in one run. The event's row
 * is in every one of them.
 */
import { readFileSync } from "node:fs"
import { join } from "node:path"
import { parseSiteId, NewUsers, type SiteId, UserId, UserPatch, UserStore } from "@webflow-users/core"
import { StoreAddress } from "@webflow-users/stores"
import { ManagedRuntime } from "effect"
import pg from "pg"
import { onServer, prepareServer } from "../test/postgres-server.ts"
import { isQuick, report } from "./report.ts"
import { inTurn, median } from "./rounds.ts"

const siteId = parseSiteId("580e63e98c9a982ac9b8b741") as SiteId
const connections = 16
const { seconds, rounds } = isQuick ? { seconds: 0.3, rounds: 3 } : { seconds: 1, rounds: 5 }
const ids = Array.from({ length: 1000 }, (_, index) =>
  UserId.make((0x62_87ec_36a8 + index).toString(16).padStart(24, "6")),
)

const server = await prepareServer()
await server.start()
const admin = new pg.Client({ connectionString: server.address })
await admin.connect()

/** Users in a database, of which each contender has a copy. */
const template = onServer(server.address, "template1")
const seeded = ManagedRuntime.make(StoreAddress.layerOwned(template))
const users = ids.map((id, index) => ({
  id,
  accessGroups: [],
  data: { name: "Some One", email: `m${index}@example.com` },
}))
await seeded.runPromise(NewUsers.use((newUsers) => newUsers.add(siteId, () => users)))
await seeded.dispose()

const copied = async (database: string) => {
  await admin.query(`CREATE DATABASE ${database}`)
  return onServer(server.address, database)
}

interface Contender {
  readonly update: (id: UserId, name: string) => Promise<unknown>
  readonly close: () => Promise<unknown>
}

const openOurs = async (): Promise<Contender> => {
  const runtime = ManagedRuntime.make(StoreAddress.layerOwned(await copied("ours")))
  const store = await runtime.runPromise(UserStore.UserStore)
  return {
    update: (id, name) => runtime.runPromise(store.update(siteId, id, UserPatch.UserPatch.from({ data: { name } }))),
    close: () => runtime.dispose(),
  }
}

const poolOn = async (database: string) => {
  const pool = new pg.Pool({ connectionString: await copied(database), max: connections, idleTimeoutMillis: 0 })
  pool.on("error", () => {})
  return pool
}

/** The same work as it is written by hand: one transaction an update, statements prepared once a connection. */
const openTransactions = async (): Promise<Contender> => {
  const pool = await poolOn("transactions")
  return {
    update: async (id, name) => {
      const client = await pool.connect()
      try {
        await client.query("BEGIN")
        const { rows } = await client.query<{ document: string }>({
          name: "read",
          text: `SELECT u.document, s.declaration FROM users u JOIN sites s ON s.id = u.site_id
            WHERE u.site_id = $1 AND u.id = $2 FOR UPDATE OF u`,
          values: [siteId, id],
        })
        const before = rows[0]?.document ?? "{}"
        const user = JSON.parse(before) as { data: object }
        const now = new Date().toISOString()
        const after = JSON.stringify({ ...user, lastUpdated: now, data: { ...user.data, name } })
        await client.query({
          name: "write",
          text: "UPDATE users SET document = $1, updated_on = $2 WHERE site_id = $3 AND id = $4",
          values: [after, now, siteId, id],
        })
        await client.query({
          name: "record",
          text: `INSERT INTO user_events (site_id, user_id, at, actor, before_user, after_user) VALUES ($1, $2, $3, $4, $5, $6)`,
          values: [siteId, id, now, "bench", before, after],
        })
        await client.query("COMMIT")
      } finally {
        client.release()
      }
    },
    close: () => pool.end(),
  }
}

/**
 * Less work: one statement, in which the database itself makes the change, for who can say in SQL what a change is. One way to
 * the server and back, and nothing to begin or to commit.
 */
const openStatements = async (): Promise<Contender> => {
  const pool = await poolOn("statements")
  return {
    update: (id, name) => {
      const now = new Date().toISOString()
      return pool.query({
        name: "update",
        text: `WITH found AS (
            SELECT site_id, id, document FROM users WHERE site_id = $1 AND id = $2 FOR UPDATE
          ), changed AS (
            UPDATE users u SET updated_on = $3, document = (f.document::jsonb
              || jsonb_build_object('lastUpdated', $3::text, 'data', f.document::jsonb -> 'data' || $4::jsonb))::text
            FROM found f WHERE u.site_id = f.site_id AND u.id = f.id RETURNING u.site_id, u.id, u.document
          )
          INSERT INTO user_events (site_id, user_id, at, actor, before_user, after_user)
          SELECT f.site_id, f.id, $3, $5, f.document, c.document FROM found f JOIN changed c ON c.id = f.id`,
        values: [siteId, id, now, JSON.stringify({ name }), "bench"],
      })
    },
    close: () => pool.end(),
  }
}

const contenders: Record<string, Contender> = {
  ours: await openOurs(),
  [`\`pg\`, ${connections} connections, one transaction an update`]: await openTransactions(),
  [`\`pg\`, ${connections} connections, one statement an update, the change made by the database`]:
    await openStatements(),
}
const [ours = "", yardstick = "", inDatabase = ""] = Object.keys(contenders)

const [postmaster = ""] = readFileSync(join(server.folder, "postmaster.pid"), "utf8").split("\n")
const statOf = (pid: string) => {
  try {
    return readFileSync(`/proc/${pid}/stat`, "utf8").split(") ")[1]?.split(" ").map(Number) ?? []
  } catch {
    // It has ended meanwhile.
    return []
  }
}
/** Microseconds of processor that the server has used: its processes, and those of them that have ended, which are added to its own. */
const cpuOfServer = () => {
  const children = readFileSync(`/proc/${postmaster}/task/${postmaster}/children`, "utf8").trim().split(" ")
  const ticks = [...children.map((pid) => statOf(pid).slice(11, 13)), statOf(postmaster).slice(11, 15)]
  return ticks.flat().reduce((sum, each) => sum + each, 0) * 10_000
}

interface Load {
  readonly what: string
  readonly callers: number
  readonly users: ReadonlyArray<UserId>
  /** How many updates there are to be, over those of the yardstick. */
  readonly atLeast: number
}

/** Updates while all callers call, each as soon as it is answered. */
const measure = async ({ update }: Contender, { callers, users: among }: Load, length = seconds) => {
  const begun = performance.now()
  const end = begun + length * 1000
  const cpu = process.cpuUsage()
  const cpuBefore = cpuOfServer()
  let done = 0
  await Promise.all(
    Array.from({ length: callers }, async (_, caller) => {
      for (let turn = caller; performance.now() < end; turn += callers) {
        await update(among[turn % among.length] as UserId, `Name ${turn}`)
        done += 1
      }
    }),
  )
  const took = (performance.now() - begun) / 1000
  const { user, system } = process.cpuUsage(cpu)
  return { perSecond: done / took, cpu: (user + system) / done, server: (cpuOfServer() - cpuBefore) / done }
}

const tables = []
const goals = []
for (const load of [
  { what: "64 callers, 1,000 users", callers: 64, users: ids, atLeast: 1.5 },
  { what: "64 callers, one user", callers: 64, users: ids.slice(0, 1), atLeast: 1.5 },
  // Who is alone has nobody to share with, and is not to be slower for that.
  { what: "one caller, 1,000 users", callers: 1, users: ids, atLeast: 1 },
]) {
  for (const contender of Object.values(contenders)) await measure(contender, load, seconds / 4)
  const seen = await inTurn(Object.keys(contenders), rounds, (name) => measure(contenders[name] as Contender, load))
  const of = (name: string) => seen.get(name) ?? []
  const ratios = (name: string) =>
    of(name).map(({ perSecond }, round) => perSecond / (of(yardstick)[round]?.perSecond ?? 0))
  tables.push({
    title: load.what,
    columns: ["updates/s", "over the second", "its rounds", "CPU µs here", "CPU µs of the server"],
    rows: [ours, yardstick, inDatabase].map(
      (name) =>
        [
          name,
          median(of(name).map(({ perSecond }) => perSecond)),
          median(ratios(name)),
          ratios(name)
            .map((ratio) => ratio.toFixed(2))
            .join(" / "),
          median(of(name).map(({ cpu }) => cpu)),
          median(of(name).map(({ server: used }) => used)),
        ] as const,
    ),
  })
  goals.push({ what: `${load.what}: updates, over \`pg\``, atLeast: load.atLeast, measured: median(ratios(ours)) })
}
report(tables, goals)
for (const { close } of Object.values(contenders)) await close()
await admin.end()
await server.stop()
