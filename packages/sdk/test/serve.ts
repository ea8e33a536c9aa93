/** A server of the tests' own on a real socket: it answers as it is told to and remembers what it was asked. */
import { once } from "node:events"
import { createServer, type IncomingHttpHeaders, type ServerResponse } from "node:http"
import type { AddressInfo } from "node:net"
import { text } from "node:stream/consumers"

export interface Asked {
  readonly method: string
  readonly url: string
  readonly headers: IncomingHttpHeaders
  readonly body: string
}

export const siteId = "580e63e98c9a982ac9b8b741"
export const userId = "6287ec36a841b25637c663df"
export const user = { id: userId, accessGroups: [], data: { name: "Some One" } }

export const json = (response: ServerResponse, status: number, body: unknown, headers = {}) =>
  response.writeHead(status, { "content-type": "application/json", ...headers }).end(JSON.stringify(body))

/** An error of the contract's form. */
export const fail = (response: ServerResponse, status: number, code: string, headers = {}) =>
  json(response, status, { code, message: code, externalReference: null, details: [] }, headers)

export const serve = async (answer: (response: ServerResponse, asked: Asked) => unknown) => {
  const requests: Array<Asked> = []
  const server = createServer(async (request, response) => {
    const { method = "", url = "", headers } = request
    const asked = { method, url, headers, body: await text(request) }
    requests.push(asked)
    await answer(response, asked)
  }).listen(0, "127.0.0.1")
  await once(server, "listening")
  return {
    requests,
    baseUrl: `http://127.0.0.1:${(server.address() as AddressInfo).port}/v2`,
    [Symbol.asyncDispose]: async () => {
      server.closeAllConnections()
      server.close()
      await once(server, "close")
    },
  }
}

/** What a promise rejects with. */
export const reasonOf = (promise: PromiseLike<unknown>): Promise<unknown> =>
  Promise.resolve(promise).then(
    (value) => {
      throw new Error(`It was kept: ${JSON.stringify(value)}`)
    },
    (reason: unknown) => reason,
  )
