/**
 * Which pages of other origins may call from the browser. None, unless the settings name them.
 *
 * Callers are known by a token, never by a cookie, so no answer allows credentials: without them a browser sends nothing that
 * the page does not hold itself, which is why `*` can be allowed at all.
 */
import { Context, Effect, Option } from "effect"
import type * as Http from "./Http.ts"

/** The origins whose pages may call. */
export type Origins = "*" | ReadonlySet<string>

/** Nothing where no page may; the proxy provides what its settings say. */
export const AllowedOrigins = Context.Reference<Origins | undefined>("@webflow-users/server/Cors/AllowedOrigins", {
  defaultValue: () => undefined,
})

/** Reads origins as browsers send them, such as `https://www.example.com`, or `*` alone; nothing where one of them is none. */
export const parse = (texts: ReadonlyArray<string>): Option.Option<Origins | undefined> => {
  const origins = texts.map((text) => text.trim()).filter((text) => text !== "" && text !== "none")
  if (origins.length === 0) return Option.some(undefined)
  if (origins.length === 1 && origins[0] === "*") return Option.some("*")
  return origins.every(isOrigin) ? Option.some(new Set(origins)) : Option.none()
}

/** What would do instead of the first one that does not. */
export const explain = (texts: ReadonlyArray<string>): string => {
  const wrong = texts.map((text) => text.trim()).find((text) => text !== "" && text !== "none" && !isOrigin(text)) ?? ""
  const meant = URL.canParse(wrong) ? new URL(wrong).origin : "null"
  const hint =
    wrong === "*" ? "* stands alone" : isOrigin(meant) ? `write ${meant}` : "scheme, host and port, and no more"
  return `origins as a browser sends them, such as https://www.example.com: ${hint} (--cors-origin or WEBFLOW_USERS_CORS_ORIGINS)`
}

/** To the URL standard a * can stand in a name, and so it would name nobody, silently. */
const isOrigin = (text: string): boolean =>
  /^https?:\/\/[\w.:[\]-]+$/.test(text) && URL.canParse(text) && new URL(text).origin === text

/** Headers that a request may have beside those that every page may send: the contract's, and what the official SDKs add. */
const allowedHeaders = [
  "Authorization",
  "Content-Type",
  "Accept-Version",
  "X-Request-Id",
  "X-Fern-Language",
  "X-Fern-SDK-Name",
  "X-Fern-SDK-Version",
  "X-Fern-Runtime",
  "X-Fern-Runtime-Version",
].join(", ")

/** What of an answer a page may read, beside its body and status. */
const exposedHeaders = ["X-RateLimit-Limit", "X-RateLimit-Remaining", "Retry-After", "X-Request-Id"].join(", ")

/** Two hours: no browser keeps it longer than Chromium does. */
const maxAge = "7200"

type Headers = Readonly<Record<string, string>>

/** What stands on every answer, whatever it says: a page may read why it was refused. */
export const headersFor = (origins: Origins | undefined, origin: string | undefined): Headers => {
  if (origins === undefined) return {}
  if (origins === "*") return { "access-control-allow-origin": "*", "access-control-expose-headers": exposedHeaders }
  return {
    // Whatever keeps the answer is not to give it to another page.
    vary: "Origin",
    ...(origin !== undefined &&
      origins.has(origin) && {
        "access-control-allow-origin": origin,
        "access-control-expose-headers": exposedHeaders,
      }),
  }
}

/** Answers what a browser asks before a page's request, and lets pages read the answers to all others. */
export const around = <R>(
  origins: Origins,
  request: Http.Request,
  answering: Effect.Effect<Http.Answer, never, R>,
): Effect.Effect<Http.Answer, never, R> => {
  const told = headersFor(origins, request.header("origin"))
  const preflight = "access-control-allow-origin" in told ? preflightOf(request) : undefined
  if (preflight !== undefined) {
    return Effect.succeed({ status: 204, headers: { "cache-control": "no-store", ...told, ...preflight }, body: "" })
  }
  return Effect.map(answering, (answer) =>
    answer === "Reset" ? answer : { ...answer, headers: { ...answer.headers, ...told } },
  )
}

/** The answer to a browser's question; nothing where it is none, or about a path that is none of the contract's. */
const preflightOf = ({ method, match, header }: Http.Request): Headers | undefined => {
  if (method !== "OPTIONS" || header("access-control-request-method") === undefined) return undefined
  if (match._tag !== "WrongMethod") return undefined
  return {
    "access-control-allow-methods": match.allow.join(", "),
    "access-control-allow-headers": allowedHeaders,
    "access-control-max-age": maxAge,
    vary: "Origin, Access-Control-Request-Method, Access-Control-Request-Headers",
  }
}
