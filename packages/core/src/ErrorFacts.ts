/**
 * What every error of the list carries beside its kind.
 */
import { type Cause, Data, Predicate, type Schema } from "effect"

/** One problem with one part of a request, in the form real responses have. */
export type Detail = {
  readonly param: string
  readonly description: string
}

/** Whether one detail of an error, which may be anything, has that form. */
export const isDetail = (value: unknown): value is Detail =>
  Predicate.isObject(value) && Predicate.isString(value["param"]) && Predicate.isString(value["description"])

/** The answer that a call's result or error was read from: of the last request, where it took several. */
export interface CallResponse {
  readonly status: number
  /** The name that the server, or what stands before it, gave the request. */
  readonly requestId?: string
  /** What the server says of its limit: how many requests it allows in a window, and how many are left. */
  readonly rateLimit: { readonly limit?: number; readonly remaining?: number }
  /** All of its headers, by name in any letter case. In a browser, those that the server exposes to the page. */
  readonly headers: Pick<Headers, "get" | "has">
}

/** The facts that each error has, whichever it is. */
export interface Facts {
  /** What happened; of an error read from a response, the server's own words. */
  readonly message: string
  /** As any server may send them: strings, {field, message} and {param, description} all occur. */
  readonly details: ReadonlyArray<Schema.Json>
  /** How long the server asks to wait, in seconds. */
  readonly retryAfter?: number
  /** The name another server gave the request that failed, for who asks its owner about it. */
  readonly requestId?: string
  /** How often the request was sent to another server, where that was more than once. */
  readonly attempts?: number
  /** The answer that it was read from, where there was one: the promise client adds it. */
  readonly response?: CallResponse
}

/** What all errors of the list bear, so that one is known that comes from another copy of this package. */
export const brand = "~@webflow-users/core/UpdateUserError"

/** Lets Node print an error as it prints any: those of Effect print as the object of their facts, without name and stack. */
export const asError = (prototype: object): void =>
  void Object.defineProperty(prototype, Symbol.for("nodejs.util.inspect.custom"), { value: undefined })

/** What is given to make an error: its own facts, and of the others what differs from what it says by itself. */
type Given<Defaults extends object, Own extends object> = Partial<Facts & Defaults> & Own

type FailureClass<Tag extends string, Defaults extends object> = new <Own extends object = {}>(
  ...given: {} extends Own ? [facts?: Given<Defaults, Own>] : [facts: Given<Defaults, Own>]
) => Cause.YieldableError & Facts & Readonly<Omit<Defaults, "message">> & Readonly<Own> & { readonly _tag: Tag }

/** The class that an error extends: one that says this unless something else is known, and has facts of its own. */
export const failure = <const Tag extends string, Defaults extends { readonly message: string }>(
  tag: Tag,
  defaults: Defaults,
): FailureClass<Tag, Defaults> => {
  class Failure extends Data.TaggedError(tag)<Facts> {
    constructor(facts?: Partial<Facts>) {
      super({ details: [], ...defaults, ...facts })
    }
  }
  Object.defineProperty(Failure.prototype, brand, { value: brand })
  asError(Failure.prototype)
  return Failure as unknown as FailureClass<Tag, Defaults>
}
