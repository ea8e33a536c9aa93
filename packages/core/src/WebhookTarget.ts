/** Where a webhook may go: what can be told of an address by looking at it. */
import { Result } from "effect"
import { InvalidPatch } from "./UpdateUserError.ts"

/** The longest address [ours]; Webflow's limit is not known. */
const maxLength = 2_048

/**
 * Reads an address, and writes it in the one way that it is requested by. `isForbidden` judges its host: who connects knows
 * which addresses may be reached, and judges once more by what a name stands for when it does.
 */
export const decode = (
  text: string,
  isForbidden: (hostname: string) => boolean,
): Result.Result<string, InvalidPatch> => {
  const problem = problemOf(text, isForbidden)
  return problem === undefined
    ? Result.succeed(new URL(text).href)
    : Result.fail(new InvalidPatch({ details: [{ param: "url", description: problem }] }))
}

// The address itself is not repeated: it may hold a secret anywhere.
const problemOf = (text: string, isForbidden: (hostname: string) => boolean): string | undefined => {
  const url = URL.canParse(text) ? new URL(text) : undefined
  if (url === undefined || !/^https?:$/.test(url.protocol)) return "has to be a whole https: or http: address"
  if (text.length > maxLength) return `must have at most ${maxLength} characters`
  if (url.username + url.password !== "")
    return "must not hold a user name or a password; a secret can stand in its query"
  if (isForbidden(url.hostname)) return `is not public, ${howToAllow}`
  return undefined
}

/** How addresses are allowed that are not public, for whoever is refused. */
export const howToAllow =
  "and only --allow-private-webhooks (or WEBFLOW_USERS_ALLOW_PRIVATE_WEBHOOKS=true) lets webhooks go there"

/** A target as logs may name it. */
export const hostOf = (url: string): string => new URL(url).host
