/**
 * One contender of `bulk.bench.ts`, in a process of its own: updates so many users of a store or of a server, and prints what
 * that took. Each imports what it needs and no more, so that its memory is its own.
 */
import { randomBytes } from "node:crypto"
import type { UserChange } from "@webflow-users/sdk"
import type { StoreAddress } from "@webflow-users/stores"
import { begin, type Taken } from "./bulk-meter.ts"

export interface Job {
  readonly siteId: string
  /** The store's address. It comes by the environment, since it may hold a password. */
  readonly store: string
  readonly count: number
  /** For how long to begin updates, in seconds: a commit for each of them takes whatever the disk takes. */
  readonly seconds: number
}

/** Gives how many it has updated. */
type Contender = (job: Job) => Promise<number>

export const userIdOf = (index: number): string => `6287ec36${index.toString(16).padStart(16, "0")}`

/** What becomes of each user: one field changes, and one group is joined. */
const data = { plan: "gold" }
const group = "vip"

const token = "token"
/** How many requests are under way. */
const atOnce = 50
/** The window of a server with a limit. No header tells it. */
const window = 1_000

/** Which users to update: so many, as long as there is time. */
function* places({ count, seconds }: Job): Generator<number> {
  const end = performance.now() + seconds * 1000
  for (let index = 0; index < count && performance.now() < end; index += 1) yield index
}

function* changesOf(job: Job, change: Omit<UserChange, "id">): Generator<UserChange> {
  for (const index of places(job)) yield { id: userIdOf(index), ...change }
}

const allOf = ({ updated, failed }: { readonly updated: number; readonly failed: number }): number => {
  if (failed > 0) throw new Error(`${failed} have failed`)
  return updated
}

/** Puts the users there. Measured by nobody. */
const seed: Contender = async ({ siteId, store, count }) => {
  const users = Array.from({ length: count }, (_, index) => ({
    id: userIdOf(index),
    accessGroups: [{ slug: "free", type: "admin" }],
    data: { name: `User ${index}`, email: `user${index}@example.com`, plan: "basic" },
  }))
  const { createClient } = await import("@webflow-users/sdk")
  const client = createClient({ store })
  await client.importUsers(siteId, users)
  await client.close()
  return count
}

const sdk =
  (concurrency: number): Contender =>
  async (job) => {
    const { createClient } = await import("@webflow-users/sdk")
    const client = createClient({ store: job.store })
    const changes = changesOf(job, { data, addGroups: [group] })
    const report = await client.users.updateMany(job.siteId, changes, { concurrency })
    await client.close()
    return allOf(report)
  }

/** The same statements in the same order, without a library. */
const byHand =
  (each: number): Contender =>
  async (job) => {
    const { DatabaseSync } = await import("node:sqlite")
    const { siteId, store } = job
    const database = new DatabaseSync(store.replace("file:", ""))
    database.exec("PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA foreign_keys = ON")
    const read = database.prepare(
      `SELECT u.document, s.declaration FROM users u JOIN sites s ON s.id = u.site_id WHERE u.site_id = ? AND u.id = ?`,
    )
    const write = database.prepare("UPDATE users SET document = ?, updated_on = ? WHERE site_id = ? AND id = ?")
    const record = database.prepare(
      "INSERT INTO user_events (site_id, user_id, at, actor, before_user, after_user) VALUES (?, ?, ?, ?, ?, ?)",
    )
    const join = database.prepare(
      `INSERT INTO access_groups (site_id, slug, id, name, short_id, created_on) VALUES (?, ?, ?, ?, ?, ?)
       ON CONFLICT DO NOTHING`,
    )
    const update = (id: string) => {
      const before = String(read.get(siteId, id)?.["document"])
      const user = JSON.parse(before) as { readonly data: object; readonly accessGroups: ReadonlyArray<object> }
      const at = new Date().toISOString()
      const accessGroups = [...user.accessGroups, { slug: group, type: "admin" }]
      const after = JSON.stringify({ ...user, lastUpdated: at, accessGroups, data: { ...user.data, ...data } })
      write.run(after, at, siteId, id)
      record.run(siteId, id, at, "hand", before, after)
      join.run(siteId, group, randomBytes(12).toString("hex"), "Vip", group, at)
    }
    let updated = 0
    for (const index of places(job)) {
      if (updated % each === 0) database.exec("BEGIN IMMEDIATE")
      update(userIdOf(index))
      updated += 1
      if (updated % each === 0) database.exec("COMMIT")
    }
    if (database.isTransaction) database.exec("COMMIT")
    database.close()
    return updated
  }

const pathOf = (siteId: string, id: string) => `/v2/sites/${siteId}/users/${id}`
const request = {
  method: "PATCH",
  headers: { authorization: `Bearer ${token}`, "content-type": "application/json" },
  body: JSON.stringify({ data }),
} as const

const limited = async (job: Job, update: (id: string) => Promise<unknown>) => {
  const left = places(job)
  let updated = 0
  const worker = async () => {
    for (let next = left.next(); next.done !== true; next = left.next()) {
      await update(userIdOf(next.value))
      updated += 1
    }
  }
  await Promise.all(Array.from({ length: atOnce }, worker))
  return updated
}

const overUndici =
  (options: StoreAddress.Options): Contender =>
  async (job) => {
    const { Effect, Layer, Redacted, Stream } = await import("effect")
    const { UpdateUser, UpdateUsers } = await import("@webflow-users/core")
    const { StoreAddress } = await import("@webflow-users/stores")
    const updates = Stream.map(Stream.fromIterable(places(job), { chunkSize: atOnce }), (index) => ({
      user: userIdOf(index),
      patch: { data },
    }))
    const store = StoreAddress.layer(job.store, { token: Redacted.make(token), ...options })
    return await UpdateUsers.updateUsers(job.siteId, updates, { concurrency: atOnce }).pipe(
      Stream.runFold(
        () => ({ updated: 0, failed: 0 }),
        (counts, { _tag }) => {
          counts[_tag === "Updated" ? "updated" : "failed"] += 1
          return counts
        },
      ),
      Effect.map(allOf),
      Effect.provide(Layer.provideMerge(UpdateUser.layer, store)),
      Effect.runPromise,
    )
  }

export const onSqlite = {
  "by hand, one a transaction": byHand(1),
  "by hand, 256 a transaction": byHand(256),
} satisfies Record<string, Contender>

export const onAnyStore = {
  "updateMany, 1 at a time": sdk(1),
  "updateMany, 32 at a time": sdk(32),
  "updateMany, 64 at a time": sdk(64),
  "updateMany, 256 at a time": sdk(256),
} satisfies Record<string, Contender>

export const overHttp = {
  "undici, Pool.request": async (job) => {
    const { Pool } = await import("undici")
    const pool = new Pool(new URL(job.store).origin, { connections: atOnce })
    const updated = await limited(job, async (id) => {
      const { body } = await pool.request({ path: pathOf(job.siteId, id), ...request })
      return await body.json()
    })
    await pool.close()
    return updated
  },

  "undici, RetryAgent": async (job) => {
    const { Pool, RetryAgent } = await import("undici")
    const { origin } = new URL(job.store)
    const agent = new RetryAgent(new Pool(origin, { connections: atOnce }), { methods: ["PATCH"], statusCodes: [429] })
    const updated = await limited(job, async (id) => {
      const { body } = await agent.request({ origin, path: pathOf(job.siteId, id), ...request })
      return await body.json()
    })
    await agent.close()
    return updated
  },

  "UpdateUsers over undici": overUndici({}),

  "updateMany over fetch": async (job) => {
    const { createClient } = await import("@webflow-users/sdk")
    const client = createClient({ baseUrl: job.store, token })
    const report = await client.users.updateMany(job.siteId, changesOf(job, { data }), { concurrency: atOnce })
    await client.close()
    return allOf(report)
  },
} satisfies Record<string, Contender>

/** On a server that allows so many in a window. */
export const throttled = { "UpdateUsers, throttled": overUndici({ rateLimit: { window } }) }

export interface Outcome extends Taken {
  readonly updates: number
}

if (import.meta.main) {
  const [name = "", siteId = "", count = "0", seconds = "0"] = process.argv.slice(2)
  const all: Record<string, Contender> = { seed, ...onSqlite, ...onAnyStore, ...overHttp, ...throttled }
  const run = all[name]
  if (run === undefined) throw new Error(`There is no contender ${name}`)
  const job = { siteId, store: process.env["STORE"] ?? "", count: Number(count), seconds: Number(seconds) }
  // Once with nothing to do, so that no time goes into loading modules.
  if (run !== seed) await run({ ...job, count: 0 })
  const end = begin()
  const updates = await run(job)
  console.log(JSON.stringify({ ...end(), updates } satisfies Outcome))
  // Some keep their connections open.
  process.exit(0)
}
