/** Stoplight Prism as a mock, which checks each request, answers with an example and keeps nothing. In one process, without its log. */
import prism from "@stoplight/prism-cli/dist/util/createServer.js"

const [document] = process.argv.slice(2)
// "start" is the level of the one line that says where it listens; the command line has no word for it.
const options = {
  document,
  host: "127.0.0.1",
  port: 0,
  cors: true,
  dynamic: false,
  errors: false,
  verboseLevel: "start",
}
await prism.createSingleProcessPrism(options)
process.on("SIGTERM", () => process.exit(0))
