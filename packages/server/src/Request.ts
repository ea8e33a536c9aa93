/** The request that is being answered, for whatever speaks of it: its id, who asks, which route it takes. */
import { Context, type Random } from "effect"
import { Routes } from "@webflow-users/core/wire"
import type * as Http from "./Http.ts"

export interface Current {
  /** The caller's own, where they gave one; on the answer, on each line of the log, and on what another server is asked for it. */
  readonly id: string
  /** As whom the caller is known, as soon as they are. */
  caller?: string
  /** The trace it belongs to, where traces are taken. */
  traceId?: string
}

/** Nothing outside a request. */
export const Current = Context.Reference<Current | undefined>("@webflow-users/server/Request/Current", {
  defaultValue: () => undefined,
})

/** The header that carries the id. */
export const idHeader = "x-request-id"

/** The id that the caller gave, or a new one: what else there is could be anything, and goes into logs. */
export const idOf = (given: string | undefined, random: typeof Random.Random.Service): string =>
  given !== undefined && /^[A-Za-z0-9._-]{1,128}$/.test(given) ? given : newId(random)

/** 64 random bits, in hexadecimal. */
export const newId = (random: typeof Random.Random.Service): string => half(random) + half(random)

const half = (random: typeof Random.Random.Service): string => {
  const bits = random.nextDoubleUnsafe() * 0x1_0000_0000
  return hexOf(bits >>> 24) + hexOf(bits >>> 16) + hexOf(bits >>> 8) + hexOf(bits)
}

/** The last byte of a number, in hexadecimal: from a table, since to write a number so takes V8 longer than all else about an id. */
const hexOf = (bits: number): string => hexadecimals[bits & 0xff] ?? ""

const hexadecimals = Array.from({ length: 0x100 }, (_, byte) => byte.toString(16).padStart(2, "0"))

/** The paths that every server answers to anyone. */
export const pages = ["/health", "/ready", "/openapi.json"] as const
export type Page = (typeof pages)[number]

const methods: ReadonlySet<string> = new Set(["GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT", "DELETE"])

export interface Route {
  /** The path as the contract writes it, without prefix and ids; `other` of whatever is none of ours. */
  readonly path: string
  /** `other` of methods that nobody has heard of: what callers make up is to fill no table. */
  readonly method: string
  readonly siteId?: string
  readonly userId?: string
}

/** The route of what cannot be read as a request. */
export const unknown: Route = { path: "other", method: "other" }

/** Which route a request takes, where these pages are served. */
export const routeOf = (
  { method, path, match }: Pick<Http.Request, "method" | "path" | "match">,
  served: ReadonlySet<string>,
): Route => {
  if (match._tag === "Found") {
    const { siteId, userId } = match.parameters
    return { path: Routes.routes[match.route].path, method, siteId, userId }
  }
  const known = methods.has(method) ? method : "other"
  if (served.has(path)) return { path, method: known }
  if (match._tag === "WrongMethod") {
    const allowed = match.allow[0] ?? ""
    return { path: routeOf({ method: allowed, path, match: Routes.match(allowed, path) }, served).path, method: known }
  }
  return { path: path.startsWith("/faults/sites/") ? "/faults/sites/:site_id" : "other", method: known }
}
