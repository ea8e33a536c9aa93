/**
 * What somebody good writes by hand who needs nothing but a durable update: `node:http`, SQLite, one file, no checks beyond JSON. On
 * the tables of a store of ours, with the row of the event, which leads to no other and is in no index: to find a user's events would cost
 * more. Each request has a transaction of its own, or shares one with those that came beside it.
 *
 * `node durable-server.mjs node:sqlite|better-sqlite3 each|group|worker FILE`; `worker` is `group` in a thread of its own.
 */
import { createServer } from "node:http"
import { isMainThread, parentPort, Worker } from "node:worker_threads"

const [driver, commits, file] = process.argv.slice(2)
const open = {
  "node:sqlite": async () => new (await import("node:sqlite")).DatabaseSync(file),
  "better-sqlite3": async () => new (await import("better-sqlite3")).default(file),
}
const db = await open[driver]()
db.exec("PRAGMA journal_mode = WAL")
db.exec("PRAGMA synchronous = FULL")
const select = db.prepare("SELECT document FROM users WHERE site_id = ? AND id = ?")
const update = db.prepare("UPDATE users SET document = ?, updated_on = ? WHERE site_id = ? AND id = ?")
const record = db.prepare(
  "INSERT INTO user_events (site_id, user_id, at, actor, before_user, after_user, previous) VALUES (?, ?, ?, ?, ?, ?, 0)",
)
const begin = db.prepare("BEGIN IMMEDIATE")
const commit = db.prepare("COMMIT")

const change = ({ siteId, userId, patch }) => {
  const row = select.get(siteId, userId)
  if (row === undefined) return undefined
  const at = new Date().toISOString()
  const user = JSON.parse(row.document)
  const after = JSON.stringify({ ...user, lastUpdated: at, data: { ...user.data, ...patch.data } })
  update.run(after, at, siteId, userId)
  record.run(siteId, userId, at, "plain", row.document, after)
  return after
}

const answer = (response, text) => {
  response.writeHead(text === undefined ? 404 : 200, { "content-type": "application/json" })
  response.end(text ?? "{}")
}

const commitEach = (job) => {
  begin.run()
  const after = change(job)
  commit.run()
  answer(job.response, after)
}

const committed = (jobs) => {
  begin.run()
  const answers = jobs.map(change)
  commit.run()
  return answers
}
const answerAll = (jobs, answers) => {
  for (const [index, { response }] of jobs.entries()) answer(response, answers[index])
}

let waiting = []
const taken = () => {
  const jobs = waiting
  waiting = []
  return jobs
}
const commitAll = () => {
  const jobs = taken()
  answerAll(jobs, committed(jobs))
}
const commitTogether = (job) => {
  // What else has come by now is read from its sockets before this runs.
  if (waiting.push(job) === 1) setImmediate(commitAll)
}

let worker
let away = []
const commitAway = () => {
  away = taken()
  // oxlint-disable-next-line unicorn/require-post-message-target-origin -- a thread has no origin
  worker.postMessage(away.map(({ siteId, userId, patch }) => ({ siteId, userId, patch })))
}
const commitInWorker = (job) => {
  if (worker === undefined) {
    worker = new Worker(new URL(import.meta.url), { argv: process.argv.slice(2) })
    worker.on("message", (answers) => {
      answerAll(away, answers)
      away = []
      if (waiting.length > 0) setImmediate(commitAway)
    })
  }
  // While one group is away, the next one gathers.
  if (waiting.push(job) === 1 && away.length === 0) setImmediate(commitAway)
}

const handle = { each: commitEach, group: commitTogether, worker: commitInWorker }[commits]

const server = createServer((request, response) => {
  const chunks = []
  request.on("data", (chunk) => chunks.push(chunk))
  request.on("end", () => {
    const [, , , siteId, , userId] = request.url.split("/")
    handle({ siteId, userId, patch: JSON.parse(Buffer.concat(chunks).toString()), response })
  })
})
if (isMainThread) {
  server.listen(0, "127.0.0.1", () => console.log(`listens on http://127.0.0.1:${server.address().port} `))
} else {
  // oxlint-disable-next-line unicorn/require-post-message-target-origin -- a thread has no origin
  parentPort.on("message", (jobs) => parentPort.postMessage(committed(jobs)))
}
process.on("SIGTERM", () => process.exit(0))
