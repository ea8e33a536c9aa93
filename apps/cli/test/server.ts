/** Servers of somebody else's, that remember what they were asked. */
import { once } from "node:events"
import { createServer, type IncomingMessage } from "node:http"
import type { AddressInfo } from "node:net"
import { text } from "node:stream/consumers"
import type { User } from "@webflow-users/core"

export interface Answer {
  readonly status: number
  readonly headers?: Readonly<Record<string, string>>
  readonly body: string
}

interface Means {
  /** Lets nobody connect any more. Who is connected already gets an answer. */
  readonly close: () => void
}

type Answers = (request: IncomingMessage, means: Means) => Answer | undefined | Promise<Answer | undefined>

/** `undefined` lets the caller wait for ever. */
export const serve = async (answer: Answers) => {
  const requests: Array<IncomingMessage> = []
  const server = createServer(async (request, response) => {
    requests.push(request)
    const given = await answer(request, { close: () => server.close() })
    if (given !== undefined) response.writeHead(given.status, given.headers).end(given.body)
  }).listen(0, "127.0.0.1")
  await once(server, "listening")
  const { port } = server.address() as AddressInfo
  return {
    address: `http://127.0.0.1:${port}/v2`,
    port,
    requests,
    /** What was asked for, below the site. */
    asked: () => requests.map(({ method, url = "" }) => `${method} ${url.replace(/^\/v2\/sites\/[^/]+/, "")}`),
    [Symbol.asyncDispose]: async () => {
      if (!server.listening) return server.closeAllConnections()
      server.closeAllConnections()
      server.close()
      await once(server, "close")
    },
  }
}

/** The envelope of an error. */
export const envelope = (code: string, message: string, details: ReadonlyArray<unknown> = []): string =>
  JSON.stringify({ code, message, externalReference: null, details })

const ok = (value: unknown): Answer => ({ status: 200, body: JSON.stringify(value) })

/** Serves users by the contract, as far as it takes, unless `instead` has another answer; `users` are as updates left them. */
export const serveUsers = async (
  members: ReadonlyArray<User>,
  instead: (request: IncomingMessage, means: Means) => Answer | undefined = () => undefined,
) => {
  const users = new Map<string, User>(members.map((user) => [user.id, user]))
  const sent: Array<unknown> = []
  const server = await serve(async (request, means) => {
    const other = instead(request, means)
    if (other !== undefined) return other
    const { pathname, searchParams } = new URL(request.url ?? "", "http://localhost")
    const id = /\/users\/(\w+)$/.exec(pathname)?.[1]
    if (id === undefined) {
      const [offset, limit] = [Number(searchParams.get("offset")), Number(searchParams.get("limit"))]
      const page = [...users.values()].slice(offset, offset + limit)
      return ok({ users: page, count: page.length, limit, offset, total: users.size })
    }
    const user = users.get(id)
    if (user === undefined) return { status: 404, body: envelope("user_not_found", "Nobody") }
    if (request.method !== "PATCH") return ok(user)
    const body = JSON.parse(await text(request))
    sent.push(body)
    const updated = { ...user, ...body, data: { ...user.data, ...body.data } }
    users.set(id, updated)
    return ok(updated)
  })
  return Object.assign(server, { users, sent })
}
