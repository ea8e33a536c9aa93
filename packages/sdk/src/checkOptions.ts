/** Refuses options that nobody knows or that cannot be, at once and by name: a misspelt one would otherwise just do nothing. */
import { UpdatePolicy } from "@webflow-users/core"
import * as Upstream from "@webflow-users/core/UserStore/Upstream"
import { Duration, Option } from "effect"
import type {
  FieldsOption,
  ListOptions,
  RateLimitOptions,
  RemoteOptions,
  RequestOptions,
  RetryOptions,
  StoreOptions,
} from "./options.ts"
import type { UpdateManyOptions } from "./updateMany.ts"

export type Check = (name: string, value: unknown) => void
/** What there is, with what each has to be. `undefined` is always allowed, as if it were left out. */
export type Checks<O> = { readonly [Name in keyof O]-?: Check }

export const refuse = (name: string, problem: string): never => {
  throw new TypeError(`${name} ${problem}`)
}
const outOfRange = (name: string, problem: string): never => {
  throw new RangeError(`${name} ${problem}`)
}

/** An object of options, each of which has its check. `name` is what it is called, `prefix` stands before its options' names. */
export const objectOf =
  (checks: Readonly<Record<string, Check>>, prefix: string): Check =>
  (name, value) => {
    if (typeof value !== "object" || value === null) {
      return refuse(name, `takes an object of options: ${Object.keys(checks).join(", ")}`)
    }
    for (const [key, given] of Object.entries(value)) {
      const check = Object.hasOwn(checks, key) ? checks[key] : undefined
      if (check === undefined) return refuse(name, `has no ${key}: there is ${Object.keys(checks).join(", ")}`)
      if (given !== undefined) check(prefix + key, given)
    }
    return undefined
  }

const text: Check = (name, value) => {
  if (typeof value !== "string") refuse(name, "has to be text")
}
export const callable: Check = (name, value) => {
  if (typeof value !== "function") refuse(name, "has to be a function")
}
const count: Check = (name, value) => {
  if (!(Number.isSafeInteger(value) && (value as number) > 0)) outOfRange(name, "has to be a whole number from 1")
}
/** What a list can ask for is core's to say. */
const whatever: Check = () => undefined

const millisOf = (name: string, value: unknown): number => {
  const duration = Option.getOrUndefined(Duration.fromInput(value as Duration.Input))
  return duration === undefined
    ? refuse(name, 'has to be a time, such as "10 seconds" or a number of milliseconds')
    : Duration.toMillis(duration)
}
const time: Check = (name, value) => {
  if (!(millisOf(name, value) > 0)) outOfRange(name, "has to be longer than nothing")
}
const endingTime: Check = (name, value) => {
  const millis = millisOf(name, value)
  if (!(millis > 0 && millis < Number.POSITIVE_INFINITY)) outOfRange(name, "has to be longer than nothing, and to end")
}

const address: Check = (name, value) => {
  text(name, value)
  const problem = Upstream.addressProblem(value as string)
  if (problem !== undefined) refuse(name, problem)
}
const token: Check = (name, value) => {
  if (typeof value !== "function" && typeof value !== "string") {
    return refuse(name, "has to be text, or a function that gives it")
  }
  const problem = typeof value === "string" ? tokenProblem(value) : undefined
  return problem === undefined ? undefined : refuse(name, problem)
}
/** What is wrong with a token that can be seen without asking the server. An unset variable is such a one. */
export const tokenProblem = (given: string): string | undefined => {
  if (given.trim() === "") return "is empty"
  return /^bearer\s/i.test(given) ? "begins with Bearer, which is sent before it anyway: leave that out" : undefined
}
const signal: Check = (name, value) => {
  const { aborted, addEventListener }: Partial<AbortSignal> = Object(value)
  if (typeof aborted !== "boolean" || typeof addEventListener !== "function") refuse(name, "has to be an AbortSignal")
}
const schema: Check = (name, value) => {
  const { validate }: { readonly validate?: unknown } = Object(Object(value)["~standard"])
  if (typeof validate !== "function") refuse(name, "has to be a schema that Standard Schema describes")
}

const oneOf =
  (values: ReadonlyArray<string>): Check =>
  (name, value) => {
    if (!values.includes(value as string)) refuse(name, `has to be ${values.join(" or ")}`)
  }

const ownHeaders = [
  "authorization",
  "accept",
  "content-type",
  "content-length",
  "host",
  // About the connection, which is nobody's who makes calls.
  "connection",
  "expect",
  "keep-alive",
  "te",
  "trailer",
  "transfer-encoding",
  "upgrade",
]

const headers: Check = (name, value) => {
  if (typeof value !== "object" || value === null) return refuse(name, "takes an object of headers")
  for (const [header, given] of Object.entries(value)) {
    if (ownHeaders.includes(header.toLowerCase())) refuse(`${name}.${header}`, "is the client's own to send")
    if (!/^[\w!#$%&'*+.^`|~-]+$/.test(header)) refuse(name, "has a name that no header can have")
    if (given !== undefined) text(`${name}.${header}`, given)
  }
  return undefined
}

export const retryChecks = { attempts: count, deadline: endingTime, maxRetryAfter: time } satisfies Checks<RetryOptions>
/** How a call is tried again: these options, or `false` for not at all. */
export const retryOf =
  (checks: Readonly<Record<string, Check>>): Check =>
  (name, value) => {
    if (value === false) return undefined
    if (typeof value === "object") return objectOf(checks, "retry.")(name, value)
    return refuse(name, `takes false, or an object of options: ${Object.keys(checks).join(", ")}`)
  }

export const remoteChecks = {
  baseUrl: address,
  token,
  fetch: callable,
  timeout: time,
  retry: retryOf(retryChecks),
  rateLimit: objectOf({ limit: count, window: endingTime } satisfies Checks<RateLimitOptions>, "rateLimit."),
  signal,
  onRequest: callable,
  onResponse: callable,
  fields: schema,
} satisfies Checks<RemoteOptions & FieldsOption<never>>

const policyChecks = {
  emailAndPassword: oneOf(UpdatePolicy.settings.emailAndPassword.values),
  ecommerceGroups: oneOf(UpdatePolicy.settings.ecommerceGroups.values),
} satisfies Checks<UpdatePolicy.UpdatePolicy>

const storeChecks = {
  store: text,
  policy: objectOf(policyChecks, "policy."),
  signal,
  fields: schema,
} satisfies Checks<StoreOptions & FieldsOption<never>>

const requestChecks = { signal, timeout: time, attempts: count, headers } satisfies Checks<RequestOptions>
const listChecks = {
  ...requestChecks,
  offset: whatever,
  limit: whatever,
  sort: whatever,
} satisfies Checks<ListOptions>
const updateManyChecks = {
  concurrency: count,
  signal,
  timeout: time,
  attempts: count,
  headers,
  onOutcome: callable,
} satisfies Checks<UpdateManyOptions>

/** What a client can be made with, for a server. */
export const checkRemote = (options: RemoteOptions): void => {
  objectOf(remoteChecks, "")("createClient", options)
  for (const name of ["baseUrl", "token"] as const) if (options[name] === undefined) refuse(name, "is not given")
}

/** What a client can be made with, for a store in this process. */
export const checkStore = (options: StoreOptions): void => {
  objectOf(storeChecks, "")("createClient", options)
  if (options.store === undefined) refuse("store", "is not given")
}

export const checkRequest = objectOf(requestChecks, "")
export const checkList = objectOf(listChecks, "")
export const checkUpdateMany = objectOf(updateManyChecks, "")

/** What is no text is no id either, and refused as such a one. */
export const idOf = (id: unknown): string => (typeof id === "string" ? id : "")
