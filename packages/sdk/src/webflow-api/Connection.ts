/** The promise client behind the calls. */
import * as Upstream from "@webflow-users/core/UserStore/Upstream"
import { Predicate } from "effect"
import type { Call as Asked } from "../calls.ts"
import { clientOf, type RemoteClient } from "../client.ts"
import type { Platform } from "../platform.ts"
import type { CallResponse } from "../response.ts"
import { type CallOptions, callOptionsOf, type RequestOptions, standard } from "./CallOptions.ts"
import { failureOf, late, type Operation } from "./Failure.ts"
import { jsonOf, overheard } from "./Overheard.ts"
import { type Supplier, supplied } from "./Supplier.ts"
import { WebflowEnvironment, type WebflowEnvironmentUrls } from "./WebflowEnvironment.ts"
import { WebflowError } from "./WebflowError.ts"

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

/** Makes a call, and gives its answer's JSON. The operation is what a timeout tells of. */
export type Call = (
  operation: Operation,
  requestOptions: RequestOptions | null | undefined,
  ask: (client: RemoteClient, options: CallOptions) => Asked<unknown, CallResponse>,
) => Promise<unknown>

/** Calls, by a client for each address that the options come to name. */
export const calling = (options: Options, platform: Platform): Call => {
  const clients = new Map<string, RemoteClient>()
  return async (operation, requestOptions, ask) => {
    const callOptions = callOptionsOf(requestOptions)
    const { signal, timeout } = callOptions
    try {
      // A time that is over before it begins.
      if (!(timeout > 0)) throw late(operation)
      const baseUrl = await inTime(addressOf(options), callOptions, () => late(operation))
      const client = clients.get(baseUrl) ?? connect(baseUrl, options, platform)
      clients.set(baseUrl, client)
      const { response } = await ask(client, callOptions).withResponse()
      return jsonOf(response)
    } catch (thrown) {
      throw failureOf(thrown, operation, signal)
    }
  }
}

/** The longest that a timer can wait. */
const longest = 2 ** 31 - 1

/** Whoever gives the address may take for ever. */
const inTime = <A>(asked: Promise<A>, { signal, timeout }: CallOptions, tooLate: () => Error): Promise<A> => {
  const over = new AbortController()
  const ended = new Promise<never>((_, reject) => {
    const timer = setTimeout(() => reject(tooLate()), Math.min(timeout, longest))
    over.signal.addEventListener("abort", () => clearTimeout(timer))
    const abort = () => reject(signal?.reason)
    if (signal?.aborted === true) abort()
    signal?.addEventListener("abort", abort, { signal: over.signal })
  })
  return Promise.race([asked, ended]).finally(() => over.abort())
}

const addressOf = async ({ baseUrl, environment }: Options): Promise<string> => {
  const preferred = await supplied(baseUrl)
  const given = preferred ?? (await supplied(environment)) ?? WebflowEnvironment.DataApi
  const address: unknown = Predicate.isString(given) ? given : given.base
  const problem = Predicate.isString(address) ? Upstream.addressProblem(address) : "names no base"
  if (problem === undefined) return address as string
  throw new WebflowError({ message: `${preferred == null ? "environment" : "baseUrl"} ${problem}` })
}

const connect = (baseUrl: string, { accessToken }: Options, platform: Platform): RemoteClient =>
  clientOf(overheard(platform))({
    baseUrl,
    token: Predicate.isString(accessToken) ? accessToken : () => tokenOf(accessToken),
    timeout: `${standard.timeoutInSeconds} seconds`,
    retry: { attempts: 1 + standard.maxRetries },
  })

const tokenOf = async (accessToken: Supplier<string>): Promise<string> => {
  const token: unknown = await supplied(accessToken)
  if (Predicate.isString(token)) return token
  throw new WebflowError({ message: "accessToken has to be text, its promise, or a function that gives it" })
}
