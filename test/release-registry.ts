/** A registry of packages on loopback that has none, and writes down what it is asked to take. */
import { createServer } from "node:http"
import type { AddressInfo } from "node:net"

export interface Upload {
  readonly name: string
  readonly authorization: string | undefined
}

export const startRegistry = async () => {
  const uploads: Array<Upload> = []
  const server = createServer(({ method, url = "", headers }, response) => {
    response.setHeader("content-type", "application/json")
    if (method !== "PUT") return void response.writeHead(404).end('{"error":"not_found"}')
    uploads.push({ name: decodeURIComponent(url.slice(1)), authorization: headers.authorization })
    response.writeHead(201).end('{"ok":true}')
  })
  await new Promise<void>((resolve) => void server.listen(0, "127.0.0.1", resolve))
  return {
    /** Without its scheme, as settings name whom a token is for. */
    host: `//127.0.0.1:${(server.address() as AddressInfo).port}/`,
    uploads,
    [Symbol.asyncDispose]: () => {
      server.closeAllConnections()
      return new Promise<void>((resolve) => void server.close(() => resolve()))
    },
  }
}
