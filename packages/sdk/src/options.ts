/** What a client is made with, and what one call can be told. */
import type { UpdatePolicy, UserSort } from "@webflow-users/core"
import type { Duration } from "effect"
import type { StandardSchemaV1 } from "effect/StandardSchema"
import type { CallResponse } from "./response.ts"

/** A server that speaks the contract. */
export interface RemoteOptions {
  /** Its address with the prefix: `https://users.example.com/v2`. */
  readonly baseUrl: string
  /**
   * What lets the client in, or a function that gives it, which is asked before each request: for tokens that do not last. What
   * it throws is what the call rejects with.
   *
   * Keep one client for a token, and use it for all calls: what the server allows, it keeps within for its own calls.
   */
  readonly token: string | (() => string | Promise<string>)
  /** Sends the requests. Unless it is given, undici does in Node, and the platform's `fetch` elsewhere. */
  readonly fetch?: typeof globalThis.fetch | undefined
  /** How long to wait for the answer to one request, such as `"10 seconds"`; a number is milliseconds. 30 seconds unless said. */
  readonly timeout?: Duration.Input | undefined
  /** How to try again what may pass. `false` tries once. */
  readonly retry?: RetryOptions | false | undefined
  /**
   * How many requests the server allows, a minute unless said: `{ limit: 60 }`. What it says of it by itself, in
   * `X-RateLimit-Limit`, is learned; calls wait for their turn.
   */
  readonly rateLimit?: RateLimitOptions | undefined
  /** Ends all calls of the client, each of which rejects with the signal's reason. */
  readonly signal?: AbortSignal | undefined
  /**
   * Called before each request that is sent, so for each try. It is waited for, within the request's timeout; what it throws
   * is what the call rejects with.
   */
  readonly onRequest?: ((request: SentRequest) => unknown) | undefined
  /** Called with each answer, whatever its status; not where none comes. Waited for as `onRequest` is. */
  readonly onResponse?: ((response: HeardResponse) => unknown) | undefined
}

/** How a call is tried again after a 429, 408 or 5xx, or when there is no answer. */
export interface RetryOptions {
  /** How often a request that fails is sent at the most: 4 times unless said. A 429 does not count, unless this is 1. */
  readonly attempts?: number | undefined
  /** How long a call may take with all its tries: 5 minutes unless said. */
  readonly deadline?: Duration.Input | undefined
  /** The longest that is waited where the server asks for longer, before it is tried again: 2 minutes unless said. */
  readonly maxRetryAfter?: Duration.Input | undefined
}

/** What a server allows a token. */
export interface RateLimitOptions {
  readonly limit?: number | undefined
  /** In how long. A minute unless said. */
  readonly window?: Duration.Input | undefined
}

/** A request, as it is told to `onRequest`: without the token, and without what is personal in a body. */
export interface SentRequest {
  readonly method: string
  readonly url: string
  /** Names in lower case. */
  readonly headers: Readonly<Record<string, string>>
}

/** An answer, as it is told to `onResponse`. */
export interface HeardResponse extends Pick<CallResponse, "status" | "headers"> {
  /** From the request's sending to the whole answer, in milliseconds. */
  readonly duration: number
  /** The very object that `onRequest` was called with. */
  readonly request: SentRequest
}

/** A store in this process. In a file, or in PostgreSQL, it needs Node 22.19 or newer. */
export interface StoreOptions {
  /** Its address: `file:./users.db`, or `memory:` for tests. */
  readonly store: string
  /** Decisions about updates that are made otherwise than by this project. */
  readonly policy?: Partial<UpdatePolicy.UpdatePolicy> | undefined
  /** Ends all calls of the client, each of which rejects with the signal's reason. */
  readonly signal?: AbortSignal | undefined
}

/**
 * Says what a site's custom fields are: a schema of zod, valibot, arktype, Effect (`Schema.toStandardSchemaV1`), or any other
 * Standard Schema, for an object with the custom fields of one user.
 */
export interface FieldsOption<S extends StandardSchemaV1> {
  /**
   * Reads the custom fields of every user that comes back; what it gives is what `data` has beside the four built-in fields. So
   * what becomes of fields that it does not know is the schema's to say: most leave them out, a strict one refuses them.
   * What does not fit rejects with `FieldsMismatch`. What is sent is not read by it, only held to its type.
   */
  readonly fields: S
}

/** How one call is made. To a store in this process, only `signal` says something. */
export interface RequestOptions {
  /** Ends the call: it rejects with the signal's reason. */
  readonly signal?: AbortSignal | undefined
  /** How long to wait for the answer to each of its requests, in place of what the client was made with. */
  readonly timeout?: Duration.Input | undefined
  /**
   * How often a request that fails is sent at the most, in place of what the client was made with. With 1 it is not tried
   * again, nor is a 429 waited out.
   */
  readonly attempts?: number | undefined
  /** Sent along, such as `{ "x-request-id": "…" }`. */
  readonly headers?: Readonly<Record<string, string | undefined>> | undefined
}

/** Which part of a list is asked for, and in which order: of users unless said otherwise. */
export interface ListOptions<Sort extends string = UserSort> extends RequestOptions {
  /** How many entries to skip. 0 unless said. */
  readonly offset?: number | undefined
  /** How many to give, 1 to 100: unless said 10, or 100 where all pages are asked for. */
  readonly limit?: number | undefined
  readonly sort?: Sort | undefined
}
