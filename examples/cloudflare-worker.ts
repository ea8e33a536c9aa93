/** The same on Cloudflare Workers, or wherever a server is `fetch`: nothing of Node is needed. */
import { readDelivery, UnacceptableDelivery } from "@webflow-users/sdk/webhooks"

interface Env {
  /** `wrangler secret put WEBHOOK_SECRET` */
  readonly WEBHOOK_SECRET: string
}

export default {
  fetch: async (request: Request, env: Env): Promise<Response> => {
    const body = await request.text()
    try {
      const { payload } = await readDelivery({ secret: env.WEBHOOK_SECRET, headers: request.headers, body })
      console.log(`${payload.id} is ${payload.data.name}`)
      return new Response()
    } catch (error) {
      // What goes wrong here is answered with a 500, and tried again.
      if (!(error instanceof UnacceptableDelivery)) throw error
      return new Response(null, { status: error.reason === "unknown" ? 200 : 401 })
    }
  },
}
