/** The server behind the proxies of `forwarding.bench.ts` where no nginx is: it answers one user to whatever it is asked. */
import { createServer } from "node:http"
import { user } from "./forwarding-example.ts"

const server = createServer((request, response) => {
  request.resume()
  request.on("end", () => response.writeHead(200, { "content-type": "application/json" }).end(user))
})
server.listen(0, "127.0.0.1", () => {
  const address = server.address()
  if (typeof address === "object") console.log(`listens on http://127.0.0.1:${address?.port}`)
})
// Whoever started it holds its input open: it does not outlive them.
process.stdin.on("end", () => process.exit(0)).resume()
