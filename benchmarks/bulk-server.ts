/**
 * The server of `sdk.bench.ts` and `bulk.bench.ts`: it has 20,000 users and no limit, answers every update with the user's
 * document, keeps nothing of it, and counts. `GET /count` tells the count.
 */
import { createServer } from "node:http"

const total = 20_000
let updates = 0

const userAt = (id: string, plan: string) =>
  `{"id":"${id}","isEmailVerified":true,"lastUpdated":"2022-05-20T13:46:12.093Z","createdOn":"2022-05-20T13:46:12.093Z",` +
  `"status":"verified","accessGroups":[{"slug":"webflowers","type":"admin"}],` +
  `"data":{"name":"Some One","email":"${id}@example.com","plan":"${plan}"}}`

const pageAt = (offset: number, limit: number): string => {
  const count = Math.max(0, Math.min(limit, total - offset))
  const ids = Array.from({ length: count }, (_, index) => (offset + index).toString(16).padStart(24, "0"))
  const users = ids.map((id) => userAt(id, "basic"))
  return `{"count":${count},"limit":${limit},"offset":${offset},"total":${total},"users":[${users.join(",")}]}`
}

const headers = { "content-type": "application/json" }
const server = createServer((request, response) => {
  const { url = "" } = request
  if (request.method === "PATCH") {
    request.resume().on("end", () => {
      updates += 1
      response.writeHead(200, headers).end(userAt(url.slice(-24), "gold"))
    })
    return
  }
  const { pathname, searchParams } = new URL(url, "http://localhost")
  if (pathname === "/count") response.end(String(updates))
  else {
    const [offset, limit] = [Number(searchParams.get("offset")), Number(searchParams.get("limit"))]
    const isList = pathname.endsWith("/users")
    response.writeHead(200, headers).end(isList ? pageAt(offset, limit) : userAt(pathname.slice(-24), "basic"))
  }
})
server.listen(0, "127.0.0.1", () => {
  const address = server.address()
  if (typeof address === "object") console.log(`listens on http://127.0.0.1:${address?.port} `)
})
// Whoever started it holds its input open: it does not outlive them.
process.stdin.on("end", () => process.exit(0)).resume()
