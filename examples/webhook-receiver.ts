/** Hears of updates by webhook: `webflow-users webhook add --site <site id> --url https://example.com/hook` gives the secret. */
import { createServer } from "node:http"
import { buffer } from "node:stream/consumers"
import { readDelivery, UnacceptableDelivery } from "@webflow-users/sdk/webhooks"

const secret = process.env.WEBHOOK_SECRET ?? ""

/** An update may be told twice; your database would know what it has seen. */
const seen = new Map<string, string>()

const server = createServer(async (request, response) => {
  try {
    // The body as it came: no framework may have parsed it before.
    const body = await buffer(request)
    const { payload } = await readDelivery({ secret, headers: request.headers, body })
    if (seen.get(payload.id) !== payload.lastUpdated) {
      seen.set(payload.id, payload.lastUpdated ?? "")
      console.log(`${payload.id} is ${payload.data.name}`)
    }
    // Anything but a 200 is tried again, ten minutes later.
    response.end()
  } catch (error) {
    if (!(error instanceof UnacceptableDelivery)) console.error(error)
    response.writeHead(error instanceof UnacceptableDelivery ? 401 : 500).end()
  }
})

server.listen(Number(process.env.PORT ?? 9000), () => console.log("Listening on", server.address()))
