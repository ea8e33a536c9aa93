// A proxy by hand that checks: `node:http`, the JSON parsed, the update's body held to a schema compiled by ajv, undici's
// `dispatch`, which is the least that undici does for a request.
import { createServer } from "node:http"
import { Ajv } from "ajv"
import { Pool } from "undici"
import { endToEnd } from "./end-to-end.mjs"
import { updateBody, updatePath } from "./update-body.mjs"

const pool = new Pool(process.argv[2], { connections: 50 })
const isUpdate = new Ajv({ allowUnionTypes: true }).compile(updateBody)

const refuse = (response, status, code, message, details = []) =>
  response
    .writeHead(status, { "content-type": "application/json" })
    .end(JSON.stringify({ code, message, externalReference: null, details }))

/** Passes on what another server answers. */
class Answer {
  chunks = []
  constructor(response) {
    this.response = response
  }
  onRequestStart() {}
  onResponseStart(_controller, status, headers) {
    this.status = status
    this.headers = endToEnd(headers)
  }
  onResponseData(_controller, chunk) {
    this.chunks.push(chunk)
  }
  onResponseEnd() {
    const body = this.chunks.length === 1 ? this.chunks[0] : Buffer.concat(this.chunks)
    this.headers["content-length"] = body.length
    this.response.writeHead(this.status, this.headers).end(body)
  }
  onResponseError() {
    refuse(this.response, 502, "bad_gateway", "Bad Gateway")
  }
}

const parsed = (text) => {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

const server = createServer((request, response) => {
  if (request.method !== "PATCH" || !updatePath.test(request.url)) {
    request.resume()
    return refuse(response, 404, "resource_not_found", "Requested resource not found")
  }
  const chunks = []
  request.on("data", (chunk) => chunks.push(chunk))
  request.on("end", () => {
    const body = chunks.length === 1 ? chunks[0] : Buffer.concat(chunks)
    const update = parsed(body.toString())
    if (update === undefined) return refuse(response, 400, "bad_request", "The body is not valid JSON")
    if (!isUpdate(update)) {
      const details = isUpdate.errors.map(({ instancePath, message }) => ({
        param: instancePath,
        description: message,
      }))
      return refuse(response, 400, "validation_error", "Validation Error", details)
    }
    const headers = endToEnd(request.headers)
    pool.dispatch({ path: request.url, method: "PATCH", headers, body }, new Answer(response))
  })
})
server.listen(0, "127.0.0.1", () => console.log(`listens on http://127.0.0.1:${server.address().port}`))
process.stdin.on("end", () => process.exit()).resume()
