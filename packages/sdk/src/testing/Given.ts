/** Reads what a test gives, which no compiler may have seen. */
import { Predicate } from "effect"
import { InvalidOption } from "./InvalidOption.ts"

/**
 * What has to be an object with none but these keys. `at` says where it stands, `what` what it is: `a token has siteId, scopes and
 * fields`.
 */
export const objectOf = (
  at: string,
  what: string,
  keys: ReadonlyArray<string>,
  given: unknown,
): Readonly<Record<string, unknown>> => {
  const one = anyObject(at, given)
  const strange = Object.keys(one).find((key) => !keys.includes(key))
  if (strange !== undefined) {
    throw new InvalidOption({ message: `${at}.${strange}: ${what} has ${inWords(keys)}` })
  }
  return one
}

/** What has to be an object, whatever its keys. */
export const anyObject = (at: string, given: unknown): Readonly<Record<string, unknown>> => {
  if (!Predicate.isObject(given)) throw new InvalidOption({ message: `${at} must be an object` })
  return given
}

/** One of these; nothing where it is not said. */
export const oneOf = (at: string, values: ReadonlyArray<string>, given: unknown): void => {
  if (given !== undefined && !values.some((value) => value === given)) {
    throw new InvalidOption({ message: `${at} must be ${inWords(values, "or")}` })
  }
}

/** Words as a sentence lists them. */
export const inWords = (words: ReadonlyArray<string>, joint = "and"): string =>
  words.length < 2 ? words.join() : `${words.slice(0, -1).join(", ")} ${joint} ${words.at(-1)}`
