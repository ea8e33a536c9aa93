/** Many updates from a file of lines of JSON, such as `{"email": "ada@example.com", "addGroups": ["platinum"]}`. */
import { open } from "node:fs/promises"
import { createClient, type UserChange } from "@webflow-users/sdk"

const siteId = "580e63e98c9a982ac9b8b741"
const [file = "changes.ndjson"] = process.argv.slice(2)

const client = createClient({
  baseUrl: process.env.WEBFLOW_USERS_STORE ?? "http://127.0.0.1:8787/v2",
  token: process.env.WEBFLOW_USERS_TOKEN ?? "",
})

/** On which line each change stands whose outcome is still to come, by its index: empty lines are none. */
const lines = new Map<number, number>()

/** Read as they are needed: the file may be larger than memory. */
async function* changes(): AsyncGenerator<UserChange> {
  let [line, index] = [0, 0]
  for await (const text of (await open(file)).readLines()) {
    line += 1
    if (text.trim() === "") continue
    lines.set(index++, line)
    yield changeOf(text, line)
  }
}

/** The error that `JSON.parse` throws would show what the line says of somebody. */
function changeOf(text: string, line: number): UserChange {
  try {
    return JSON.parse(text)
  } catch {
    throw new Error(`Line ${line} is no JSON: it and what follows is not sent`)
  }
}

// Ctrl-C begins nothing more and waits for what is under way.
const stop = new AbortController()
process.once("SIGINT", () => {
  console.error("Stopping: what is under way is waited for")
  stop.abort(new Error("Stopped; the file can be run again"))
})

const counts = { updated: 0, failed: 0 }
try {
  for await (const outcome of client.users.updateMany(siteId, changes(), { signal: stop.signal })) {
    counts[outcome.outcome] += 1
    // One that fails stops no other.
    if (outcome.outcome === "failed") console.error(`line ${lines.get(outcome.index)}: ${outcome.error.message}`)
    lines.delete(outcome.index)
  }
} catch (error) {
  // What would fail for all, such as a wrong token; a line that cannot be read; Ctrl-C.
  console.error(error instanceof Error ? error.message : error)
  process.exitCode = 1
} finally {
  console.log(`${counts.updated} updated, ${counts.failed} failed`)
  if (counts.failed > 0) process.exitCode = 1
  await client.close()
}
