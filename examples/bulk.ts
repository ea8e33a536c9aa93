/** Many updates from a file of lines of JSON, such as `{"email": "ada@example.com", "addGroups": ["platinum"]}`. */
import { createReadStream } from "node:fs"
import { createInterface } from "node:readline"
import { createClient, type UserChange } from "@webflow-users/sdk"

const siteId = "580e63e98c9a982ac9b8b741"
const [file = "changes.ndjson"] = process.argv.slice(2)

const client = createClient({
  baseUrl: process.env.WEBFLOW_USERS_STORE ?? "http://127.0.0.1:8787/v2",
  token: process.env.WEBFLOW_USERS_TOKEN ?? "",
})

/** Read as they are needed: the file may be larger than memory. */
async function* changes(): AsyncGenerator<UserChange> {
  for await (const line of createInterface({ input: createReadStream(file), crlfDelay: Infinity })) {
    if (line.trim() !== "") yield JSON.parse(line)
  }
}

// Ctrl-C begins nothing more and waits for what is under way.
const stop = new AbortController()
process.once("SIGINT", () => stop.abort(new Error("Stopped; what is left can be run again")))

const counts = { updated: 0, failed: 0 }
for await (const outcome of client.users.updateMany(siteId, changes(), { signal: stop.signal })) {
  counts[outcome.outcome] += 1
  // One that fails stops no other. What would fail for all, such as a wrong token, is thrown.
  if (outcome.outcome === "failed") console.error(`line ${outcome.index + 1}: ${outcome.error.message}`)
}
console.log(`${counts.updated} updated, ${counts.failed} failed`)
await client.close()
