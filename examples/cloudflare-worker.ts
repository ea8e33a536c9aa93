/** The same on Cloudflare Workers, or wherever a server is `fetch`: nothing of Node is needed. */
import { verifySignature } from "@webflow-users/sdk/webhooks"

interface Env {
  /** `wrangler secret put WEBHOOK_SECRET` */
  readonly WEBHOOK_SECRET: string
}

export default {
  fetch: async (request: Request, env: Env): Promise<Response> => {
    const body = await request.text()
    const isGenuine = await verifySignature({ secret: env.WEBHOOK_SECRET, headers: request.headers, body })
    if (!isGenuine) return new Response(null, { status: 401 })
    const { payload } = JSON.parse(body)
    console.log(`${payload.id} is ${payload.data.name}`)
    return new Response()
  },
}
