/**
 * The server of `pacing.bench.ts`: it allows so many updates in a window, refuses what is beyond with `Retry-After`, and
 * counts what it received. `GET /report` tells the count.
 *
 * Windows are `fixed`, beginning with the first request after the last one, or `sliding`, a log of what was accepted. Whoever
 * asks for a list of users, as a command does before it updates, is counted too.
 */
import { createServer } from "node:http"

export interface Report {
  readonly accepted: number
  readonly refused: number
  /** How many different users got their update. */
  readonly users: number
  /** From the first request to the last that the first window allows: nobody repeats it faster where windows slide. */
  readonly firstBurst: number
}

const [kind = "fixed", limitText = "200", windowText = "1000"] = process.argv.slice(2)
const limit = Number(limitText)
const window = Number(windowText)

/** When each update was accepted that still counts, oldest first. */
let counted: Array<number> = []
let windowEnd = 0
let [firstAt, firstBurst] = [0, 0]
const updated = new Set<string>()
let accepted = 0
let refused = 0

const settle = (now: number) => {
  if (kind === "fixed") {
    if (now < windowEnd) return
    counted = []
    windowEnd = now + window
  } else while (counted[0] !== undefined && counted[0] <= now - window) counted.shift()
}

const user = (id: string) => ({
  id,
  isEmailVerified: true,
  lastUpdated: new Date().toISOString(),
  createdOn: "2022-05-20T13:46:12.093Z",
  status: "verified",
  accessGroups: [{ slug: "webflowers", type: "admin" }],
  data: { name: "Some One", email: `${id}@example.com`, "accept-privacy": true },
})
const total = 3_000
const pageOf = (query: URLSearchParams) => {
  const [offset, most] = [Number(query.get("offset")), Number(query.get("limit"))]
  const count = Math.max(0, Math.min(most, total - offset))
  const users = Array.from({ length: count }, (_, index) => user((offset + index).toString(16).padStart(24, "0")))
  return { users, count, limit: most, offset, total }
}
const tooMany = JSON.stringify({
  code: "too_many_requests",
  message: "Too Many Requests",
  externalReference: null,
  details: [],
})

const server = createServer((request, response) => {
  if (request.url === "/report") {
    response.end(JSON.stringify({ accepted, refused, users: updated.size, firstBurst } satisfies Report))
    return
  }
  request.resume()
  request.on("end", () => {
    const now = performance.now()
    settle(now)
    const isAllowed = counted.length < limit
    if (isAllowed) counted.push(now)
    const headers = {
      "content-type": "application/json",
      "x-ratelimit-limit": String(limit),
      "x-ratelimit-remaining": String(limit - counted.length),
    }
    if (isAllowed) {
      accepted += 1
      if (accepted === 1) firstAt = now
      if (accepted === limit) firstBurst = now - firstAt
      const { pathname, searchParams } = new URL(request.url ?? "", "http://localhost")
      const id = pathname.split("/").at(-1) ?? ""
      if (id === "users") return void response.writeHead(200, headers).end(JSON.stringify(pageOf(searchParams)))
      if (request.method === "PATCH") updated.add(id)
      response.writeHead(200, headers).end(JSON.stringify(user(id)))
    } else {
      refused += 1
      response.writeHead(429, { ...headers, "retry-after": "1" }).end(tooMany)
    }
  })
})
server.listen(0, "127.0.0.1", () => {
  const address = server.address()
  if (typeof address === "object") console.log(`listens on http://127.0.0.1:${address?.port} `)
})
// Whoever started it holds its input open: it does not outlive them.
process.stdin.on("end", () => process.exit(0)).resume()
