// A proxy by hand on undici's `request`, which validates nothing: method, path, headers and body go on, the answer comes back.
import { createServer } from "node:http"
import { Pool } from "undici"
import { endToEnd } from "./end-to-end.mjs"

const pool = new Pool(process.argv[2], { connections: 50 })

const server = createServer((request, response) => {
  const chunks = []
  request.on("data", (chunk) => chunks.push(chunk))
  request.on("end", async () => {
    try {
      const answer = await pool.request({
        path: request.url,
        method: request.method,
        headers: endToEnd(request.headers),
        body: chunks.length === 1 ? chunks[0] : Buffer.concat(chunks),
      })
      const body = Buffer.from(await answer.body.arrayBuffer())
      response.writeHead(answer.statusCode, { ...endToEnd(answer.headers), "content-length": body.length }).end(body)
    } catch {
      response.writeHead(502).end()
    }
  })
})
server.listen(0, "127.0.0.1", () => console.log(`listens on http://127.0.0.1:${server.address().port}`))
process.stdin.on("end", () => process.exit()).resume()
