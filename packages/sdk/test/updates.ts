/** Many updates, and servers that take them. */
import { once } from "node:events"
import { createServer, type IncomingMessage, type ServerResponse } from "node:http"
import type { AddressInfo } from "node:net"
import { text } from "node:stream/consumers"
import { createClient, type UserChange } from "@webflow-users/sdk"

export const siteId = "580e63e98c9a982ac9b8b741"
export const idOf = (index: number) => `6287ec36a841b25637c6${(0x4000 + index).toString(16)}`
export const userOf = (index: number) => ({
  id: idOf(index),
  accessGroups: [{ slug: "free", type: "admin" }],
  data: { name: `User ${index}`, email: `u${index}@example.com` },
})
export const nameOf = (index: number, name = `New ${index}`): UserChange => ({ id: idOf(index), data: { name } })
export const many = (count: number): ReadonlyArray<UserChange> =>
  Array.from({ length: count }, (_, index) => nameOf(index))

/** A client of a store in memory with some users. */
export const seeded = async (count = 5) => {
  const client = createClient({ store: "memory:" })
  await client.importUsers(
    siteId,
    Array.from({ length: count }, (_, index) => userOf(index)),
  )
  return client
}

interface Served {
  readonly method: string
  readonly id: string
}
type Answer = (request: Served, response: ServerResponse) => boolean | Promise<boolean>

/** A server of the contract's PATCH, as far as it takes; `instead` may answer otherwise, and then says true. */
export const serve = async (instead: Answer = () => false) => {
  const applied: Array<Served> = []
  const server = createServer(async (request: IncomingMessage, response) => {
    const served = { method: request.method ?? "", id: /\/users\/(\w+)/.exec(request.url ?? "")?.[1] ?? "" }
    const body = await text(request)
    if (await instead(served, response)) return
    applied.push(served)
    response.setHeader("content-type", "application/json")
    response.end(
      JSON.stringify({ id: served.id, accessGroups: [], data: JSON.parse(body === "" ? "{}" : body).data ?? {} }),
    )
  }).listen(0, "127.0.0.1")
  await once(server, "listening")
  return {
    applied,
    baseUrl: `http://127.0.0.1:${(server.address() as AddressInfo).port}/v2`,
    [Symbol.asyncDispose]: async () => {
      server.closeAllConnections()
      server.close()
      await once(server, "close")
    },
  }
}

export const answer = (response: ServerResponse, status: number, code: string, headers = {}) => {
  response.writeHead(status, { "content-type": "application/json", ...headers })
  response.end(JSON.stringify({ code, message: code, externalReference: null, details: [] }))
  return true
}

export const reasonOf = (promise: PromiseLike<unknown>) =>
  Promise.resolve(promise).then(
    () => "kept",
    (reason: unknown) => reason,
  )
