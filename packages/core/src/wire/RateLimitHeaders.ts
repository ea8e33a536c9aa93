/** What an answer tells of the limit of a token: how many requests it allows in a window, and how many are left [doc]. */

const limitName = "X-RateLimit-Limit"
const remainingName = "X-RateLimit-Remaining"

/** As answers have them that were read. */
const [limitKey, remainingKey] = [limitName.toLowerCase(), remainingName.toLowerCase()]

/** Requests that a token may make in a window, and how many of them are left; absent where the server does not say. */
export interface RateLimit {
  readonly limit?: number | undefined
  readonly remaining?: number | undefined
}

/** Reads them, by their names in lower case; what is no number of requests is left out. */
export const read = (header: (name: string) => string | undefined): RateLimit => {
  const limit = wholeNumber(header(limitKey))
  return { limit: limit === 0 ? undefined : limit, remaining: wholeNumber(header(remainingKey)) }
}

/** The headers where nothing is known. */
export const none: Readonly<Record<string, string>> = {}

/** The headers that tell what is known. */
export const write = ({ limit, remaining }: RateLimit): Readonly<Record<string, string>> =>
  limit === undefined && remaining === undefined
    ? none
    : {
        ...(limit !== undefined && { [limitName]: String(limit) }),
        ...(remaining !== undefined && { [remainingName]: String(remaining) }),
      }

const wholeNumber = (text: string | undefined): number | undefined =>
  text !== undefined && /^\d{1,9}$/.test(text) ? Number(text) : undefined
