/**
 * The yardstick of `durable-patch.bench.ts`: the least a server can do that updates a user durably, written without any
 * library. One transaction a request, no checks beyond JSON.
 */
import { createServer } from "node:http"
import { DatabaseSync } from "node:sqlite"

const [file = ":memory:"] = process.argv.slice(2)
const db = new DatabaseSync(file)
db.exec("PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL")
const select = db.prepare("SELECT document FROM users WHERE site_id = ? AND id = ?")
const update = db.prepare("UPDATE users SET document = ? WHERE site_id = ? AND id = ?")
const record = db.prepare(
  "INSERT INTO user_events (site_id, user_id, at, actor, before_user, after_user) VALUES (?, ?, ?, ?, ?, ?)",
)

const server = createServer((request, response) => {
  const chunks: Array<Buffer> = []
  request.on("data", (chunk: Buffer) => chunks.push(chunk))
  request.on("end", () => {
    const [, , , siteId = "", , userId = ""] = (request.url ?? "").split("/")
    const patch = JSON.parse(Buffer.concat(chunks).toString()) as { readonly data: object }
    const at = new Date().toISOString()
    db.exec("BEGIN IMMEDIATE")
    const { document: before } = select.get(siteId, userId) as { readonly document: string }
    const user = JSON.parse(before) as { readonly data: object }
    const after = JSON.stringify({ ...user, lastUpdated: at, data: { ...user.data, ...patch.data } })
    update.run(after, siteId, userId)
    record.run(siteId, userId, at, "plain", before, after)
    db.exec("COMMIT")
    response.writeHead(200, { "content-type": "application/json" })
    response.end(after)
  })
})
server.listen(0, "127.0.0.1", () => {
  const address = server.address()
  if (typeof address === "object") console.log(`listens on http://127.0.0.1:${address?.port}`)
})
process.on("SIGTERM", () => process.exit(0))
