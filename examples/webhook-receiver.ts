/** Hears of updates by webhook: `webflow-users webhook add --site <site id> --url https://example.com/hook` gives the secret. */
import { appendFile } from "node:fs/promises"
import { createServer, type IncomingMessage } from "node:http"
import { readDelivery, UnacceptableDelivery, type UserAccountUpdated } from "@webflow-users/sdk/webhooks"

const secret = process.env.WEBHOOK_SECRET ?? ""
const file = process.env.MEMBERS_FILE ?? "members.ndjson"

/** No delivery is as long as that; anybody can send what is. */
const longest = 1_000_000

/** The body as it came, or nothing where it is too long: no framework may have parsed it before. */
const bodyOf = async (request: IncomingMessage): Promise<Buffer | undefined> => {
  const parts: Array<Buffer> = []
  let length = 0
  for await (const part of request) {
    length += part.length
    // Read to its end all the same, or the sender would not hear the answer.
    if (length <= longest) parts.push(part)
  }
  return length <= longest ? Buffer.concat(parts) : undefined
}

/** What there is to do, which may fail: a row of your database, here a line of a file. */
const keep = async ({ id, data }: UserAccountUpdated["payload"]) => {
  await appendFile(file, `${JSON.stringify({ id, name: data.name })}\n`)
}

/** An update may be told twice; your database would know what it has seen. */
const seen = new Map<string, string>()

const server = createServer(async (request, response) => {
  try {
    const body = await bodyOf(request)
    if (body === undefined) return response.writeHead(413).end()
    const { payload } = await readDelivery({ secret, headers: request.headers, body })
    if (seen.get(payload.id) !== payload.lastUpdated) {
      await keep(payload)
      // Only now: what fails has to be done when it is told again.
      seen.set(payload.id, payload.lastUpdated ?? "")
    }
    return response.end()
  } catch (error) {
    // Anything but a 200 is tried again, ten minutes later.
    if (error instanceof UnacceptableDelivery) return response.writeHead(error.reason === "unknown" ? 200 : 401).end()
    console.error(error)
    return response.writeHead(500).end()
  }
})

server.listen(Number(process.env.PORT ?? 9000), () => console.log("Listening on", server.address()))
