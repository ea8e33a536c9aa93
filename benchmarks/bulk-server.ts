/**
 * The server of `bulk.bench.ts`: it has no limit, answers every update with the user's document, and counts them.
 * `GET /count` tells the count.
 */
import { createServer } from "node:http"

let updates = 0

const server = createServer((request, response) => {
  if (request.method === "GET") {
    response.end(String(updates))
    return
  }
  request.resume()
  request.on("end", () => {
    updates += 1
    const id = request.url?.slice(-24) ?? ""
    response.writeHead(200, { "content-type": "application/json" })
    response.end(
      JSON.stringify({
        id,
        isEmailVerified: true,
        lastUpdated: "2022-05-20T13:46:12.093Z",
        createdOn: "2022-05-20T13:46:12.093Z",
        status: "verified",
        accessGroups: [{ slug: "webflowers", type: "admin" }],
        data: { name: "Some One", email: `${id}@example.com`, plan: "gold" },
      }),
    )
  })
})
server.listen(0, "127.0.0.1", () => {
  const address = server.address()
  if (typeof address === "object") console.log(`listens on http://127.0.0.1:${address?.port}`)
})
// Whoever started it holds its input open: it does not outlive them.
process.stdin.on("end", () => process.exit(0)).resume()
