/** A request's bytes as JSON. */
import { Predicate, Result } from "effect"
import { BadRequest } from "../UpdateUserError.ts"

/** The most a server of ours reads: 1 MiB [ours]. A full update of one user is some thousand bytes. */
export const maxBodyBytes = 1024 * 1024

/** How many objects and lists may stand in each other [ours]. A user needs four. */
export const maxDepth = 32

const utf8 = new TextDecoder("utf-8", { fatal: true })

/** Reads a body. An empty one is `{}`: it changes nothing and is valid. No answer repeats what was in it. */
export const parseJsonBody = (bytes: Uint8Array): Result.Result<unknown, BadRequest> => {
  let text: string
  let json: unknown
  try {
    text = utf8.decode(bytes)
    if (text.trim() === "") return Result.succeed({})
    json = JSON.parse(text)
  } catch (thrown) {
    const message = thrown instanceof SyntaxError ? "The body is not valid JSON" : "The body is not valid UTF-8"
    return Result.fail(new BadRequest({ message }))
  }
  return isTextDeeperThan(text, json, maxDepth)
    ? Result.fail(new BadRequest({ message: `The body is nested more than ${maxDepth} levels deep` }))
    : Result.succeed(json)
}

/** The same of JSON as it was read from a text: most do not open as many objects and lists, and need not be walked through. */
export const isTextDeeperThan = (text: string, json: unknown, limit: number): boolean => {
  let opened = 0
  for (const sign of ["{", "["]) {
    for (let at = text.indexOf(sign); at >= 0 && opened < limit; at = text.indexOf(sign, at + 1)) opened += 1
  }
  return opened >= limit && isDeeperThan(json, limit)
}

/** Level by level and not by recursion: depth is what must not be trusted here. */
export const isDeeperThan = (json: unknown, limit: number): boolean => {
  let level = [json]
  for (let depth = 0; level.length > 0; depth += 1) {
    if (depth >= limit) return true
    level = level
      .flatMap((value) => (Predicate.isObjectKeyword(value) ? Object.values(value) : []))
      .filter(Predicate.isObjectKeyword)
  }
  return false
}

/** Whether an object was made by a literal or a parser, here or in another realm, and by no class. */
export const isPlain = (value: object): boolean => {
  const prototype: unknown = Object.getPrototypeOf(value)
  return prototype === null || Object.getPrototypeOf(prototype) === null
}
