/** The promise client behind the calls, and what is learned of its server. */
import { UpdateUserBody, type UserJson } from "@webflow-users/core/wire"
import { Effect, Predicate } from "effect"
import { clientOf, type RemoteClient } from "../client.ts"
import type { RequestOptions as CallOptions } from "../options.ts"
import type { Platform } from "../platform.ts"
import { failureOf, type Operation } from "./Failure.ts"
import { type Supplier, supplied } from "./Supplier.ts"
import { WebflowEnvironment, type WebflowEnvironmentUrls } from "./WebflowEnvironment.ts"

/** Where to call, and as whom. */
export interface Options {
  /**
   * The server's address, as 3.1 takes it, or the one address alone. Asked for each call where it is a function.
   * {@link WebflowEnvironment} unless given, where users are not served any more.
   */
  environment?: Supplier<WebflowEnvironment | WebflowEnvironmentUrls | string>
  /** The server's address with its prefix, as 3.2 takes it: `https://users.example.com/v2`. It goes before `environment`. */
  baseUrl?: Supplier<string>
  /** The token, its promise, or a function that is asked for each request. What it throws, the call rejects with. */
  accessToken: Supplier<string>
}

/** How one call is made. */
export interface RequestOptions {
  /** How long to wait for the answer to one request, in seconds. 60 unless said. */
  timeoutInSeconds?: number
  /** How often a request that fails is sent again. 2 unless said; 0 does not wait after a 429 either. */
  maxRetries?: number
  /** Ends the call: it rejects with a `WebflowError` that has no `statusCode`. */
  abortSignal?: AbortSignal
  /** Headers to send beside the call's own. */
  headers?: Record<string, string>
}

/** Makes a call: its operation is what a timeout tells of. */
export type Call = <A>(
  operation: Operation,
  requestOptions: RequestOptions | undefined,
  ask: (client: RemoteClient, options: CallOptions, nesting: () => UserJson.DataNesting) => Promise<A>,
) => Promise<A>

/** Calls, of a client for each address that the options come to name. */
export const calling = (options: Options, platform: Platform): Call => {
  const connections = new Map<string, ReturnType<typeof connect>>()
  return async (operation, requestOptions = {}, ask) => {
    const { abortSignal: signal, timeoutInSeconds, maxRetries, headers } = requestOptions
    const baseUrl = await addressOf(options)
    const connection = connections.get(baseUrl) ?? connect(baseUrl, options, platform)
    connections.set(baseUrl, connection)
    const callOptions: CallOptions = {
      ...(signal != null && { signal }),
      ...(timeoutInSeconds != null && { timeout: timeoutInSeconds * 1000 }),
      ...(maxRetries != null && { attempts: 1 + Math.max(0, maxRetries) }),
      ...(headers != null && { headers: withoutOwn(headers) }),
    }
    try {
      return await ask(connection.client, callOptions, connection.nesting)
    } catch (thrown) {
      throw failureOf(thrown, operation, signal)
    }
  }
}

/** Without the two that tell what the client tells by itself. In 3.1 they may be given, so here they may too. */
const withoutOwn = (headers: Record<string, string>): Record<string, string> =>
  Object.fromEntries(Object.entries(headers).filter(([name]) => !/^(accept|content-type)$/i.test(name)))

const addressOf = async ({ baseUrl, environment }: Options): Promise<string> => {
  const address = (await supplied(baseUrl)) ?? (await supplied(environment)) ?? WebflowEnvironment.DataApi
  return Predicate.isString(address) ? address : address.base
}

const connect = (baseUrl: string, { accessToken }: Options, platform: Platform) => {
  let nesting: UserJson.DataNesting = "flat"
  const heard = (text: string) => {
    nesting = nestingIn(text) ?? nesting
  }
  const client = clientOf(overheard(platform, heard))({
    baseUrl,
    token: Predicate.isString(accessToken) ? accessToken : () => tokenOf(accessToken),
    timeout: "60 seconds",
    retry: { attempts: 3 },
  })
  return { client, nesting: () => nesting }
}

const tokenOf = async (accessToken: Supplier<string>): Promise<string> => {
  const token: unknown = await supplied(accessToken)
  if (Predicate.isString(token)) return token
  throw new TypeError("accessToken has to be text, its promise, or a function that gives it")
}

/** Core reads both nestings into one. 3.1 gives whichever came, so what came has to be seen before. */
const overheard = (platform: Platform, heard: (text: string) => void): Platform => ({
  transport: (...where) =>
    Effect.map(platform.transport(...where), ({ send }) => ({
      send: (request) => Effect.tap(send(request), ({ text }) => Effect.sync(() => heard(text))),
    })),
})

/** How the first user in an answer has its fields. Only what looks nested is read: nearly nobody's is. */
const nestingIn = (text: string): UserJson.DataNesting | undefined => {
  const found = /"data"\s*:\s*\{(\s*"data"\s*:\s*\{)?/.exec(text)
  if (found === null) return undefined
  return found[1] !== undefined && isNested(text) ? "documented" : "flat"
}

const isNested = (text: string): boolean => {
  try {
    const { data, users } = JSON.parse(text) as {
      readonly data?: object
      readonly users?: ReadonlyArray<{ data: object }>
    }
    const fields = data ?? users?.[0]?.data
    // A field may be called data too.
    return fields !== undefined && UpdateUserBody.nestedData({ ...fields }) !== undefined
  } catch {
    return false
  }
}
