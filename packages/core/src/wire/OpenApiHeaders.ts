/** The headers of answers, as the OpenAPI document describes them. */
import type { JsonObject } from "./OpenApiSchemas.ts"

const headers: Readonly<Record<string, readonly [name: string, description: string, type: string]>> = {
  allow: ["Allow", "The methods that the path has", "string"],
  "retry-after": ["Retry-After", "How many seconds to wait", "integer"],
  "www-authenticate": ["WWW-Authenticate", "That a bearer token is asked for", "string"],
  "x-ratelimit-limit": [
    "X-RateLimit-Limit",
    "How many requests a minute the token may make, if that is limited",
    "integer",
  ],
  "x-ratelimit-remaining": ["X-RateLimit-Remaining", "How many of them are left in this minute", "integer"],
}

/** They stand on every answer to a good token. */
export const limits = ["x-ratelimit-limit", "x-ratelimit-remaining"]

/** The headers of these names, described. */
export const pick = (names: ReadonlyArray<string>): JsonObject =>
  Object.fromEntries(
    names.map((key) => {
      const [name, text, type] = headers[key] ?? [key, "", "string"]
      return [name, { description: text, schema: { type } }]
    }),
  )
