/** The official SDKs, each told where to call in the way its version has for that, and otherwise as it was published. */
import Webflow from "webflow-api-1.3.1"
import * as V2_1 from "webflow-api-2.1.1"
import * as V2_5 from "webflow-api-2.5.0"
import * as V3_1 from "webflow-api-3.1.3"
import * as V3_2 from "webflow-api-3.2.2"

export interface Connection {
  readonly origin: string
  readonly token: string
  /** How often a request is tried again; what the SDK does by itself where absent. */
  readonly maxRetries?: number
}

/** Calls with any body: what the types of an SDK forbid is asked of it too. */
export interface Client {
  readonly update: (siteId: string, userId: string, body: object) => Promise<unknown>
  readonly get: (siteId: string, userId: string) => Promise<unknown>
}

export interface OfficialClient {
  readonly version: string
  /** An update of the name, as its reference writes it. */
  readonly rename: (name: string) => object
  readonly connect: (connection: Connection) => Client
  /** Its error classes by their names; v1's SDK throws those of the library below it. */
  readonly errors: Readonly<Record<string, unknown>> | undefined
}

interface Users {
  update(siteId: string, userId: string, body: object, options: { maxRetries?: number }): PromiseLike<unknown>
  get(siteId: string, userId: string, options: { maxRetries?: number }): PromiseLike<unknown>
}

const through = (users: Users, { maxRetries }: Connection): Client => {
  const options = maxRetries === undefined ? {} : { maxRetries }
  return {
    update: async (siteId, userId, body) => await users.update(siteId, userId, body, options),
    get: async (siteId, userId) => await users.get(siteId, userId, options),
  }
}

/** The record that 1.3.1 makes of an answer, without the connection that it carries beside the user. */
const plain = (record: object): unknown => JSON.parse(JSON.stringify({ ...record, siteId: undefined }))

export const officialClients: ReadonlyArray<OfficialClient> = [
  {
    version: "1.3.1",
    rename: (name) => ({ data: { name } }),
    connect: ({ origin, token }) => {
      const webflow = new Webflow({ token, version: "1.0.0" })
      // It calls `https://api.<host>/` and nothing else: whoever uses it points a name of their own at the proxy. Here its
      // own HTTP client is told the address instead.
      const client = Reflect.get(webflow, "client") as { defaults: { baseURL?: string; proxy?: false } }
      client.defaults.baseURL = `${origin}/`
      client.defaults.proxy = false
      return {
        // Its types know `data` only; it sends whatever stands beside the ids.
        update: async (siteId, userId, body) =>
          plain(await webflow.updateUser({ siteId, userId, ...body } as Parameters<typeof webflow.updateUser>[0])),
        get: async (siteId, userId) => plain(await webflow.user({ siteId, userId })),
      }
    },
    errors: undefined,
  },
  {
    version: "2.1.1",
    rename: (name) => ({ data: { name } }),
    connect: (connection) => {
      const environment = `${connection.origin}/v2`
      const { users } = new V2_1.WebflowClient({ accessToken: connection.token, environment })
      return through(users as unknown as Users, connection)
    },
    errors: V2_1.Webflow,
  },
  {
    version: "2.5.0",
    rename: (name) => ({ data: { name } }),
    connect: (connection) => {
      const environment = `${connection.origin}/v2`
      const { users } = new V2_5.WebflowClient({ accessToken: connection.token, environment })
      return through(users as unknown as Users, connection)
    },
    errors: V2_5.Webflow,
  },
  {
    version: "3.1.3",
    rename: (name) => ({ data: { name } }),
    connect: (connection) => {
      const url = `${connection.origin}/v2`
      const environment = { base: url, dataApi: url, contentDeliveryApi: url, production: url, cdn: url }
      const { users } = new V3_1.WebflowClient({ accessToken: connection.token, environment })
      return through(users as unknown as Users, connection)
    },
    errors: V3_1.Webflow,
  },
  {
    version: "3.2.2",
    rename: (name) => ({ data: { data: { name } } }),
    connect: (connection) => {
      const baseUrl = `${connection.origin}/v2`
      const { users } = new V3_2.WebflowClient({ accessToken: connection.token, baseUrl })
      return through(users as unknown as Users, connection)
    },
    errors: V3_2.Webflow,
  },
]

/** What somebody who catches an SDK's error finds in it. */
export interface Failure {
  readonly className: string
  readonly statusCode: number | undefined
  /** `code` of the envelope; of v1's, whose `code` is the status, the `name`. */
  readonly code: string | undefined
  readonly message: string
}

export const failureOf = (error: unknown): Failure => {
  const { statusCode, body, response, message } = error as {
    readonly statusCode?: number
    readonly body?: { readonly code?: string }
    readonly response?: { readonly status: number; readonly data?: { readonly name?: string } }
    readonly message?: string
  }
  return {
    className: (error as object).constructor.name,
    statusCode: statusCode ?? response?.status,
    code: body?.code ?? response?.data?.name,
    message: String(message),
  }
}
