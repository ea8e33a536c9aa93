/** The official SDK and the drop-in, both before one server that answers as a test says. */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http"
import type { AddressInfo } from "node:net"
import { text } from "node:stream/consumers"
import * as Ours from "@webflow-users/sdk/webflow-api"
import { afterEach, beforeEach, expect, vi } from "vitest"
import * as Official from "webflow-api-3.1.3"

export const siteId = "580e63e98c9a982ac9b8b741"
export const userId = "6287ec36a841b25637c663df"
export const user = { id: userId, accessGroups: [], data: { name: "Some One" } }

type Answer = (request: IncomingMessage, response: ServerResponse) => unknown

let server: Server
let origin: string
let answer: Answer
beforeEach(async () => {
  server = createServer((request, response) => answer(request, response))
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve))
  origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
})
afterEach(() => {
  server.closeAllConnections()
  server.close()
})

/** From now on the server answers so. */
export const serverAnswers = (next: Answer): void => {
  answer = next
}

/** The server's address. */
export const address = (): string => origin

export const says =
  (status: number, body: unknown, headers = {}): Answer =>
  (_, response) =>
    response.writeHead(status, { "content-type": "application/json", ...headers }).end(JSON.stringify(body))

/** Answers with the user, and notes what was sent. */
export const noting =
  (sent: Array<unknown>): Answer =>
  async (request, response) => {
    const body = await text(request)
    sent.push(body === "" ? undefined : JSON.parse(body))
    says(200, user)(request, response)
  }

export const urls = () => ({
  base: origin,
  dataApi: origin,
  contentDeliveryApi: origin,
  production: origin,
  cdn: origin,
})
export const clients = (accessToken = "token") => {
  const options = { accessToken, environment: urls() }
  return { official: new Official.WebflowClient(options), ours: new Ours.WebflowClient(options) }
}

/** What a call rejects with. */
export const caught = async (call: Promise<unknown>): Promise<Ours.WebflowError> => {
  const error: unknown = await call.then(
    () => undefined,
    (thrown: unknown) => thrown,
  )
  expect(error).toBeInstanceOf(Error)
  return error as Ours.WebflowError
}

/** What somebody sees of an error. */
export const seen = (error: Error) => ({
  ...error,
  class: error.constructor.name,
  name: error.name,
  message: error.message,
})

/** Without what 3.1 says at the console of what does not fit its types. */
export const quietly = async <A>(call: () => Promise<A>): Promise<A> => {
  const warned = vi.spyOn(console, "warn").mockImplementation(() => undefined)
  try {
    return await call()
  } finally {
    warned.mockRestore()
  }
}
