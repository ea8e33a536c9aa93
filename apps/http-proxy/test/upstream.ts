/** A server behind the proxy: it remembers what it was asked, and answers as it is told. */
import { once } from "node:events"
import { createServer, type IncomingMessage, type ServerResponse } from "node:http"
import type { AddressInfo } from "node:net"
import { text } from "node:stream/consumers"

export interface Asked {
  readonly method: string | undefined
  readonly url: string | undefined
  readonly headers: ReadonlyArray<readonly [name: string, value: string]>
  readonly body: string
}

type Answering = (response: ServerResponse, request: IncomingMessage) => unknown
const nothing: Answering = (response) => response.end()

export const start = async () => {
  const asked: Array<Asked> = []
  let answer = nothing
  const server = createServer(async (request, response) => {
    const { method, url, rawHeaders } = request
    const headers = rawHeaders.flatMap((name, index) =>
      index % 2 === 0 ? [[name.toLowerCase(), rawHeaders[index + 1] ?? ""] as const] : [],
    )
    asked.push({ method, url, headers, body: await text(request) })
    answer(response, request)
  }).listen(0, "127.0.0.1")
  await once(server, "listening")
  const { port } = server.address() as AddressInfo
  return {
    port,
    address: `http://127.0.0.1:${port}/v2`,
    asked,
    /** Answers from now on so, and forgets what it was asked. */
    answers: (how: Answering) => {
      answer = how
      asked.length = 0
    },
    json: (status: number, body: unknown, headers: Readonly<Record<string, string>> = {}) => {
      answer = (response) => response.writeHead(status, headers).end(JSON.stringify(body))
      asked.length = 0
    },
    stop: async () => {
      server.closeAllConnections()
      server.close()
      await once(server, "close")
    },
  }
}
