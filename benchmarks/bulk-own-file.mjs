/** One contender of `bulk-own-file.ts`: who it is, the file, how many in a transaction or at a time, and how many updates. */
import { randomBytes } from "node:crypto"
import { begin, siteId } from "./updates-meter.mjs"

const [name = "", file = "", each = "1", count = "0"] = process.argv.slice(2)
/** @param {number} index */
const userIdOf = (index) => `6287ec36${index.toString(16).padStart(16, "0")}`
const [data, group] = [{ plan: "gold" }, "vip"]

/** @param {number} number */
function* changes(number) {
  for (let index = 0; index < number; index += 1) yield { id: userIdOf(index), data, addGroups: [group] }
}

const sdk = async () => {
  const { createClient } = await import("@webflow-users/sdk")
  const client = createClient({ store: `file:${file}` })
  // Once with nothing to do, so that no time goes into loading modules.
  await client.users.updateMany(siteId, changes(0))
  return async () => {
    const { failed } = await client.users.updateMany(siteId, changes(Number(count)), { concurrency: Number(each) })
    if (failed > 0) throw new Error(`${failed} have failed`)
    await client.close()
  }
}

/** Nearly the same statements in the same order, without a library. */
const byHand = async () => {
  const { DatabaseSync } = await import("node:sqlite")
  const database = new DatabaseSync(file)
  database.exec("PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA foreign_keys = ON")
  const read = database.prepare(
    `SELECT u.document, u.last_event, u.last_hundredth, s.declaration FROM users u JOIN sites s ON s.id = u.site_id
     WHERE u.site_id = ? AND u.id = ?`,
  )
  const record = database.prepare(
    `INSERT INTO user_events (site_id, user_id, at, actor, before_user, after_user, previous, hundredth)
     VALUES (?, ?, ?, ?, ?, ?, ?, ?)`,
  )
  const write = database.prepare(
    `UPDATE users SET document = ?, updated_on = ?, events = events + 1,
       first_event = COALESCE(first_event, last_insert_rowid()), last_event = last_insert_rowid(),
       last_hundredth = IIF((events + 1) % 100 = 0, last_insert_rowid(), last_hundredth) WHERE site_id = ? AND id = ?`,
  )
  const join = database.prepare(
    `INSERT INTO access_groups (site_id, slug, id, name, short_id, created_on) VALUES (?, ?, ?, ?, ?, ?)
     ON CONFLICT DO NOTHING`,
  )
  /** @param {string} id */
  const update = (id) => {
    const row = read.get(siteId, id)
    const before = String(row?.["document"])
    const user = JSON.parse(before)
    const at = new Date().toISOString()
    const accessGroups = [...user.accessGroups, { slug: group, type: "admin" }]
    const after = JSON.stringify({ ...user, lastUpdated: at, accessGroups, data: { ...user.data, ...data } })
    record.run(siteId, id, at, "hand", before, after, Number(row?.["last_event"]), Number(row?.["last_hundredth"]))
    write.run(after, at, siteId, id)
    join.run(siteId, group, randomBytes(12).toString("hex"), "Vip", group, at)
  }
  return () => {
    for (let index = 0; index < Number(count); index += 1) {
      if (index % Number(each) === 0) database.exec("BEGIN IMMEDIATE")
      update(userIdOf(index))
      if ((index + 1) % Number(each) === 0) database.exec("COMMIT")
    }
    if (database.isTransaction) database.exec("COMMIT")
    database.close()
  }
}

const run = await (name.startsWith("by hand") ? byHand() : sdk())
const end = begin()
await run()
console.log(JSON.stringify(end()))
