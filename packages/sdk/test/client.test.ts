import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http"
import type { AddressInfo } from "node:net"
import { text } from "node:stream/consumers"
import {
  ClientClosed,
  createClient,
  isUpdateUserError,
  NotAuthorized,
  TooManyRequests,
  Unreachable,
} from "@webflow-users/sdk"
import { rolldown } from "rolldown"
import { afterEach, beforeEach, describe, expect, it } from "vitest"
import { freePort } from "../../../test/free-port.ts"

const siteId = "580e63e98c9a982ac9b8b741"
const userId = "6287ec36a841b25637c663df"
const user = { id: userId, accessGroups: [], data: { name: "Some One" } }

let server: Server
let baseUrl: string
let answer: (request: IncomingMessage, response: ServerResponse) => unknown

beforeEach(async () => {
  server = createServer((request, response) => answer(request, response))
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve))
  baseUrl = `http://127.0.0.1:${(server.address() as AddressInfo).port}/v2`
})
afterEach(() => {
  server.closeAllConnections()
  server.close()
})

const json = (response: ServerResponse, status: number, body: unknown, headers = {}) =>
  response.writeHead(status, { "content-type": "application/json", ...headers }).end(JSON.stringify(body))

describe("a client over HTTP", () => {
  it("sends the documented request and gives the user back", async () => {
    let seen: unknown
    answer = async (request, response) => {
      const { method, url, headers } = request
      seen = { method, url, token: headers.authorization, type: headers["content-type"], body: await text(request) }
      // The documented nesting of data, with what nobody documented beside it.
      json(response, 200, { ...user, data: { data: user.data }, extra: [1] })
    }
    await using client = createClient({ baseUrl: `${baseUrl}/`, token: "secret" })
    const updated = await client.users.update(siteId, userId, { data: { name: "Some One" }, accessGroups: ["a"] })
    expect(updated).toEqual({ ...user, extra: [1] })
    expect(seen).toEqual({
      method: "PATCH",
      url: `/v2/sites/${siteId}/users/${userId}`,
      token: "Bearer secret",
      type: "application/json",
      body: JSON.stringify({ data: { name: "Some One" }, accessGroups: [{ slug: "a", type: "admin" }] }),
    })
  })

  it("lists users and access groups", async () => {
    const asked: Array<string | undefined> = []
    const page = { count: 0, limit: 10, offset: 0, total: 0 }
    answer = (request, response) => {
      asked.push(request.url)
      json(response, 200, { users: [], accessGroups: [], ...page })
    }
    await using client = createClient({ baseUrl, token: "t" })
    expect(await client.users.list(siteId, { limit: 5, sort: "-Email" })).toMatchObject({ users: [], ...page })
    expect(await client.accessGroups.list(siteId, { offset: 20, sort: "-CreatedOn" })).toMatchObject({
      accessGroups: [],
      ...page,
    })
    expect(asked).toEqual([
      `/v2/sites/${siteId}/users?offset=0&limit=5&sort=-Email`,
      `/v2/sites/${siteId}/accessgroups?offset=20&limit=10&sort=-CreatedOn`,
    ])
  })

  it("rejects with the class of the error and the server's own words", async () => {
    const said = {
      code: "not_authorized",
      message: "Request not authorized",
      externalReference: null,
      details: ["why"],
    }
    answer = (_, response) => json(response, 401, said)
    await using client = createClient({ baseUrl, token: "wrong" })
    const error: unknown = await client.users.update(siteId, userId, {}).catch((reason: unknown) => reason)
    expect(error).toBeInstanceOf(NotAuthorized)
    expect(error).toBeInstanceOf(Error)
    expect(isUpdateUserError(error)).toBe(true)
    expect(error).toMatchObject({ status: 401, code: said.code, message: said.message, details: said.details })
    expect(error).toMatchObject({ isRetryable: false })
  })

  it("tells how long a throttled caller has to wait, where it does not wait itself", async () => {
    answer = (_, response) =>
      json(response, 429, { code: "too_many_requests", message: "Too Many Requests" }, { "retry-after": "17" })
    await using client = createClient({ baseUrl, token: "t", retry: false })
    const error: unknown = await client.users.get(siteId, userId).catch((reason: unknown) => reason)
    expect(error).toBeInstanceOf(TooManyRequests)
    expect(error).toMatchObject({ retryAfter: 17, isRetryable: true })
  })

  it("tries again what may pass, and tells how often it did where it does not", async () => {
    let asked = 0
    answer = (_, response) => {
      asked += 1
      json(response, asked === 1 ? 429 : 500, { code: "internal_error", message: "Oops" }, { "retry-after": "0" })
    }
    await using client = createClient({ baseUrl, token: "t", retry: { attempts: 2 } })
    const error: unknown = await client.users.update(siteId, userId, {}).catch((reason: unknown) => reason)
    expect(error).toMatchObject({ _tag: "InternalError", message: "Oops", attempts: 3 })
    expect(asked).toBe(3)
  })

  it("rejects with Unreachable when nobody answers, without the token", async () => {
    await using client = createClient({
      baseUrl: `http://127.0.0.1:${await freePort()}/v2`,
      token: "top-secret",
      retry: false,
    })
    const error: unknown = await client.users.get(siteId, userId).catch((reason: unknown) => reason)
    expect(error).toBeInstanceOf(Unreachable)
    expect(JSON.stringify(error) + String((error as Error).stack)).not.toContain("top-secret")
  })

  it("a signal ends the call and its request, and the call rejects with the signal's reason", async () => {
    const controller = new AbortController()
    const reason = new Error("enough")
    const closed = new Promise<void>((resolve) => {
      answer = (request) => {
        request.socket.once("close", () => resolve())
        controller.abort(reason)
      }
    })
    await using client = createClient({ baseUrl, token: "t" })
    await expect(client.users.update(siteId, userId, {}, { signal: controller.signal })).rejects.toBe(reason)
    await closed
    await expect(client.users.get(siteId, userId, { signal: controller.signal })).rejects.toBe(reason)
  })

  it("sends through the fetch it is given", async () => {
    const asked: Array<string> = []
    const fetch = async (url: string | URL | Request) => {
      asked.push(String(url))
      return Response.json(user)
    }
    await using client = createClient({ baseUrl: "https://users.example.com/v2", token: "t", fetch })
    expect(await client.users.get(siteId, userId)).toEqual(user)
    expect(asked).toEqual([`https://users.example.com/v2/sites/${siteId}/users/${userId}`])
  })

  it("finishes what is under way when it is closed, and rejects what comes after", async () => {
    const closing = new Promise<void>((resolve) => {
      answer = (_, response) => {
        resolve()
        setImmediate(() => json(response, 200, user))
      }
    })
    const client = createClient({ baseUrl, token: "t" })
    const pending = client.users.get(siteId, userId)
    await closing
    await Promise.all([client.close(), client.close()])
    expect(await pending).toEqual(user)
    await expect(client.users.get(siteId, userId)).rejects.toBeInstanceOf(ClientClosed)
  })

  it("imports nothing of Node", async () => {
    const bundle = await rolldown({
      input: new URL("../src/index.ts", import.meta.url).pathname,
      platform: "browser",
      resolve: { conditionNames: ["@webflow-users/source", "import", "default"] },
    })
    const { output } = await bundle.generate({ format: "esm" })
    const chunks = output.filter((part) => part.type === "chunk")
    const named = chunks.flatMap((chunk) => [...chunk.imports, ...chunk.dynamicImports])
    expect(named.filter((name) => !chunks.some(({ fileName }) => fileName === name))).toEqual([])
  })
})

describe("a client of a store in this process", () => {
  it("says what is wrong with users it cannot take in, and takes in none", async () => {
    await using client = createClient({ store: "memory:" })
    const report = await client.importUsers(siteId, [
      { data: { email: "a@example.com" } },
      { data: { email: "nonsense" } },
    ])
    expect(report).toMatchObject({ added: 0, problems: [{ place: "user 2" }] })
    await expect(client.users.list(siteId)).rejects.toMatchObject({ _tag: "SiteNotFound" })
    await expect(client.importUsers(siteId, "users")).rejects.toMatchObject({ details: [{ param: "users" }] })
  })

  it.each([{ limit: 0 }, { limit: 101 }, { limit: 1.5 }, { offset: -1 }, { sort: "Name" as "Email" }])(
    "refuses the part of a list that a server would: %j",
    async (part) => {
      await using client = createClient({ store: "memory:" })
      await expect(client.users.list(siteId, part)).rejects.toMatchObject({
        _tag: "InvalidPatch",
        details: [{ param: Object.keys(part)[0] }],
      })
    },
  )

  it("rejects when its address is no store's", async () => {
    await using client = createClient({ store: "mysql://localhost/users" })
    await expect(client.users.list(siteId)).rejects.toThrow(/mysql:.*file:\.\/users\.db/s)
  })
})

describe("decisions made otherwise", () => {
  it("hold for the updates of that client", async () => {
    await using client = createClient({ store: "memory:", policy: { emailAndPassword: "ignore" } })
    const bought = { slug: "course", type: "ecommerce" }
    await client.importUsers(siteId, [{ id: userId, accessGroups: [bought], data: { email: "ada@example.com" } }])
    const updated = await client.users.update(siteId, userId, {
      data: { email: "other@example.com", name: "Ada" },
      accessGroups: [],
    })
    expect(updated.data).toEqual({ email: "ada@example.com", name: "Ada" })
    // The other decision is as it was.
    expect(updated.accessGroups).toEqual([bought])
  })

  it("a declaration holds updates, and is told when it cannot be", async () => {
    await using client = createClient({ store: "memory:" })
    await client.importUsers(siteId, [{ id: userId, data: { email: "ada@example.com" } }])
    const report = await client.declareSite(siteId, { fields: [{ slug: "age", type: "Number" }] })
    expect(report.fields).toEqual({ isDeclared: true, added: ["age"], changed: [], removed: [] })
    const refused: unknown = await client.users.update(siteId, userId, { data: { age: "36" } }).catch((error) => error)
    expect(refused).toMatchObject({ _tag: "InvalidPatch", details: [{ param: "data.age" }] })
    const twice = {
      fields: [
        { slug: "a", type: "Switch" as const },
        { slug: "a", type: "Email" as const },
      ],
    }
    await expect(client.declareSite(siteId, twice)).rejects.toMatchObject({
      _tag: "InvalidPatch",
      details: [{ param: "fields.1.slug" }],
    })
  })
})
