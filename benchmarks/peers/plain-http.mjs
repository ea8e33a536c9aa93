/** The least that Node can do about an update: reads the JSON and answers by itself. It keeps nothing and knows nobody. */
import { createServer } from "node:http"

const user = {
  id: "6287ec36a841b25637c663df",
  isEmailVerified: true,
  lastUpdated: "2022-05-20T13:46:12.093Z",
  createdOn: "2022-05-20T13:46:12.093Z",
  status: "verified",
  accessGroups: [{ slug: "webflowers", type: "admin" }],
  data: { name: "Some One", email: "some.one@example.com", "accept-privacy": false },
}

const server = createServer((request, response) => {
  const chunks = []
  request.on("data", (chunk) => chunks.push(chunk))
  request.on("end", () => {
    const patch = JSON.parse(Buffer.concat(chunks).toString())
    response.writeHead(200, { "content-type": "application/json" })
    response.end(JSON.stringify({ ...user, data: { ...user.data, ...patch.data } }))
  })
})
server.listen(0, "127.0.0.1", () => console.log(`listens on http://127.0.0.1:${server.address().port} `))
process.on("SIGTERM", () => process.exit(0))
