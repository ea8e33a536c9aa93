/**
 * Port: sends one HTTP request to another server. Adapters stand in `Transport/`.
 */
import { Context, type Effect } from "effect"
import type { Unreachable } from "./UpdateUserError.ts"

/** A request, whole: nothing is added to it but what HTTP needs. */
export interface TransportRequest {
  readonly method: string
  readonly url: string
  readonly headers: Readonly<Record<string, string>>
  readonly body?: string
}

/** An answer of any status. */
export interface TransportResponse {
  readonly status: number
  /** A header's value, by its name in lower case. */
  readonly header: (name: string) => string | undefined
  readonly text: string
}

/** Sends requests; it knows nothing of what they mean. */
export class Transport extends Context.Service<
  Transport,
  {
    /** Gives the answer, whatever its status. Interrupting it ends the request. */
    readonly send: (request: TransportRequest) => Effect.Effect<TransportResponse, Unreachable>
  }
>()("@webflow-users/core/Transport") {}
