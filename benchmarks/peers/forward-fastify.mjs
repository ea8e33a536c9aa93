// The proxy that somebody would write with fastify: its router, its ajv, and undici.
import fastify from "fastify"
import { Pool } from "undici"
import { endToEnd } from "./end-to-end.mjs"
import { updateBody } from "./update-body.mjs"

const pool = new Pool(process.argv[2], { connections: 50 })
const id = { type: "string", pattern: "^[0-9a-fA-F]{24}$" }
// What fastify's ajv would turn into the type that is wanted, or take away, is here what it is.
const app = fastify({ ajv: { customOptions: { allowUnionTypes: true, coerceTypes: false, removeAdditional: false } } })

app.route({
  method: "PATCH",
  url: "/v2/sites/:site_id/users/:user_id",
  schema: { params: { type: "object", properties: { site_id: id, user_id: id } }, body: updateBody },
  handler: async (request, reply) => {
    const answer = await pool.request({
      path: request.url,
      method: "PATCH",
      headers: endToEnd(request.headers),
      body: JSON.stringify(request.body),
    })
    const body = Buffer.from(await answer.body.arrayBuffer())
    return reply.code(answer.statusCode).headers(endToEnd(answer.headers)).send(body)
  },
})
console.log(`listens on ${await app.listen({ port: 0, host: "127.0.0.1" })}`)
process.stdin.on("end", () => process.exit()).resume()
