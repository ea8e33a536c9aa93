/** The server of `forwarding.bench.ts`: it answers the documented example to whatever it is asked, as fast as it can. */
import { createServer } from "node:http"

const user = JSON.stringify({
  id: "6287ec36a841b25637c663df",
  isEmailVerified: true,
  lastUpdated: "2022-05-20T13:46:12.093Z",
  invitedOn: "2022-05-20T13:46:12.093Z",
  createdOn: "2022-05-20T13:46:12.093Z",
  lastLogin: "2022-05-20T13:46:12.093Z",
  status: "verified",
  accessGroups: [{ slug: "webflowers", type: "admin" }],
  data: {
    name: "Arthur Dent",
    email: "arthur.dent@mostlyharmless.com",
    "accept-privacy": true,
    "accept-communications": true,
    favoriteDrink: "Tea",
    currentPlanet: "Somewhere in the vicinity of Betelgeuse",
  },
})

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
