/** Keeps a token out of what is told of an answer: errors are logged, and a server may quote what it was sent. */
import { Predicate } from "effect"

/** A shorter token than any server issues would be found in words that are none. */
const shortestSecret = 8

/** Takes the token out of what a server says, which may quote it: as it is, as JSON has it, and as the name of a host. */
export const of = (token: string): ((text: string) => string) => {
  // As it was sent: space around it is no part of a header.
  const secret = token.trim()
  if (secret.length < shortestSecret) return (text: string) => text
  const quoted = JSON.stringify(secret).slice(1, -1)
  const forms = [secret, quoted, quoted.replaceAll("/", "\\/"), secret.toLowerCase()]
  return (text: string) => forms.reduce((left, form) => left.replaceAll(form, "<token>"), text)
}

/** The same while JSON is read, in whatever way it spells what it says. */
export const inJson =
  (hide: (text: string) => string) =>
  (_: string, value: unknown): unknown => {
    if (Predicate.isString(value)) return hide(value)
    return Predicate.isObject(value)
      ? Object.fromEntries(Object.entries(value).map(([name, held]) => [hide(name), held]))
      : value
  }
