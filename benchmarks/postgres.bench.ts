/** Durable updates on PostgreSQL: our store beside the plain driver, for 64 callers at once, on one server in one run. */
import { parseSiteId, NewUsers, type SiteId, UserId, UserPatch, UserStore } from "@webflow-users/core"
import { StoreAddress } from "@webflow-users/stores"
import { ManagedRuntime } from "effect"
import pg from "pg"
import { onServer, prepareServer } from "../test/postgres-server.ts"

const siteId = parseSiteId("580e63e98c9a982ac9b8b741") as SiteId
const callers = 64
const seconds = 3
const rounds = 3
const ids = Array.from({ length: 1000 }, (_, index) =>
  UserId.make((0x62_87ec_36a8 + index).toString(16).padStart(24, "6")),
)

const server = await prepareServer()
await server.start()
const admin = new pg.Client({ connectionString: server.address })
await admin.connect()

/** A store with its users, in a database of its own. */
const opened = async (database: string) => {
  await admin.query(`CREATE DATABASE ${database}`)
  const address = onServer(server.address, database)
  const runtime = ManagedRuntime.make(StoreAddress.layerOwned(address))
  const users = ids.map((id, index) => ({
    id,
    accessGroups: [],
    data: { name: "Some One", email: `m${index}@example.com` },
  }))
  await runtime.runPromise(NewUsers.use((newUsers) => newUsers.add(siteId, () => users)))
  return { address, runtime }
}

type Update = (id: UserId, name: string) => Promise<unknown>

const ours = await opened("ours")
const store = await ours.runtime.runPromise(UserStore.UserStore)
const updateOurs: Update = (id, name) =>
  ours.runtime.runPromise(store.update(siteId, id, UserPatch.UserPatch.from({ data: { name } })))

/** The same work as it is written by hand: one transaction an update, statements prepared once a connection. */
const plain = await opened("plain")
await plain.runtime.dispose()
const pool = new pg.Pool({ connectionString: plain.address, max: 16 })
pool.on("error", () => {})
const updatePlain: Update = async (id, name) => {
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
}

/** Updates a second while all callers call, each as soon as it is answered. */
const measure = async (update: Update, users: ReadonlyArray<UserId>) => {
  const end = performance.now() + seconds * 1000
  const cpu = process.cpuUsage()
  let done = 0
  await Promise.all(
    Array.from({ length: callers }, async (_, caller) => {
      for (let turn = caller; performance.now() < end; turn += callers) {
        await update(users[turn % users.length] as UserId, `Name ${turn}`)
        done += 1
      }
    }),
  )
  const { user, system } = process.cpuUsage(cpu)
  return { perSecond: done / seconds, cpu: (user + system) / done }
}

const median = (numbers: ReadonlyArray<number>) => numbers.toSorted((a, b) => a - b)[numbers.length >> 1] ?? 0
for (const [what, users] of [
  ["1,000 users", ids],
  ["one user", ids.slice(0, 1)],
] as const) {
  const seen: Record<"ours" | "plain", Array<Awaited<ReturnType<typeof measure>>>> = { ours: [], plain: [] }
  for (let round = 0; round < rounds; round += 1) {
    const order = round % 2 === 0 ? (["ours", "plain"] as const) : (["plain", "ours"] as const)
    for (const who of order) seen[who].push(await measure(who === "ours" ? updateOurs : updatePlain, users))
  }
  for (const who of ["ours", "plain"] as const) {
    const each = seen[who].map(({ perSecond }) => perSecond.toFixed(0)).join(" / ")
    console.log(
      `${what.padEnd(12)} ${who.padEnd(6)} ${each} updates/s, ${median(seen[who].map(({ cpu }) => cpu)).toFixed(0)} µs CPU here`,
    )
  }
  const ratios = seen.ours.map(({ perSecond }, round) => perSecond / (seen.plain[round]?.perSecond ?? 1))
  console.log(`${what.padEnd(12)} ours ÷ plain: ${ratios.map((ratio) => ratio.toFixed(2)).join(" / ")}`)
}
await pool.end()
await ours.runtime.dispose()
await admin.end()
await server.stop()
