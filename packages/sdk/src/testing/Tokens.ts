/** The tokens that a server for tests accepts: texts of the test's choice, since nothing is to be guarded. */
import { AccessTokens, NotAuthorized, parseSiteId } from "@webflow-users/core"
import type { Routes } from "@webflow-users/core/wire"
import { Effect, Layer, Predicate } from "effect"
import { anyObject, inWords, objectOf } from "./Given.ts"
import { InvalidOption } from "./InvalidOption.ts"

/** What a token may do; all of it, where nothing is said. */
export interface TokenGrants {
  /** The only site it is good for; every site unless said. */
  readonly siteId?: string
  /** `"users:read"`, `"users:write"`; both unless said. */
  readonly scopes?: ReadonlyArray<Routes.Scope>
  /** How many requests a minute, which the headers of its answers tell; one more gets 429. As many as come unless said. */
  readonly rateLimit?: number
  /** The only fields of `data` that it may change; any unless said. */
  readonly fields?: ReadonlyArray<string>
  /** The only groups that it may add and take away; any unless said. */
  readonly groups?: ReadonlyArray<string>
}

const allScopes: ReadonlyArray<Routes.Scope> = ["users:read", "users:write"]

const keys = Object.keys({
  siteId: true,
  scopes: true,
  rateLimit: true,
  fields: true,
  groups: true,
} satisfies Record<keyof TokenGrants, true>)

type Token = Effect.Success<ReturnType<AccessTokens.AccessTokens["Service"]["verify"]>>

/** What is given of tokens: the one that may do everything, and those that may do less. */
export interface Given {
  readonly token: string
  readonly rateLimit?: number | undefined
  readonly tokens: Readonly<Record<string, TokenGrants>>
}

/** Reads what each token may do. */
export const read = ({ token, rateLimit, tokens }: Given): ReadonlyMap<string, Token> => {
  const known = new Map([readToken("token", token, { rateLimit }, 1)])
  for (const [index, [text, grants]] of Object.entries(anyObject("tokens", tokens)).entries()) {
    // By its place: a token is not repeated, also where it is one of a test.
    const at = `tokens, number ${index + 1}`
    if (known.has(text)) {
      const message = `${at}: is the token that may do everything; give that one another text, by the option token`
      throw new InvalidOption({ message })
    }
    known.set(...readToken(at, text, objectOf(at, "a token", keys, grants), index + 2))
  }
  return known
}

const readToken = (
  at: string,
  token: unknown,
  { siteId, scopes = allScopes, rateLimit, fields, groups }: Readonly<Record<string, unknown>>,
  number: number,
): [string, Token] => {
  const refuse = (problem: string): never => {
    throw new InvalidOption({ message: `${at}: ${problem}` })
  }
  if (!Predicate.isString(token) || !/^[\x21-\x7E]+$/.test(token)) {
    return refuse("must be printable ASCII without spaces, as a header can carry it")
  }
  const site = siteId === undefined ? "all" : Predicate.isString(siteId) ? parseSiteId(siteId) : undefined
  if (site === undefined) return refuse("siteId is not 24 hexadecimal characters")
  const texts = (key: string, value: unknown): ReadonlyArray<string> =>
    Array.isArray(value) && value.every(Predicate.isString) ? value : refuse(`${key} must be an array of strings`)
  const asked = texts("scopes", scopes)
  if (!asked.every((scope) => allScopes.some((one) => one === scope))) refuse(`scopes are ${inWords(allScopes)}`)
  if (rateLimit !== undefined && !Predicate.isNumber(rateLimit)) return refuse("rateLimit must be a number")
  const grants = {
    ...(rateLimit !== undefined && { rate: rateLimit }),
    ...(fields !== undefined && { fields: texts("fields", fields) }),
    ...(groups !== undefined && { groups: texts("groups", groups) }),
  }
  const problem = AccessTokens.grantsProblem(grants)
  if (problem !== undefined) refuse(problem)
  const createdOn = "1970-01-01T00:00:00.000Z"
  return [
    token,
    { id: `test-${number}`, siteId: site, scopes: asked as ReadonlyArray<Routes.Scope>, createdOn, ...grants },
  ]
}

/** Knows these tokens, and no way to have others. */
export const layer = (known: ReadonlyMap<string, Token>): Layer.Layer<AccessTokens.AccessTokens> => {
  const none = Effect.die(new Error("The tokens of a server for tests are given when it starts"))
  return Layer.succeed(AccessTokens.AccessTokens, {
    verify: (token) =>
      Effect.suspend(() => {
        const found = known.get(token)
        return found === undefined ? Effect.fail(new NotAuthorized({ reason: "unknown" })) : Effect.succeed(found)
      }),
    list: Effect.sync(() => [...known.values()]),
    create: () => none,
    rotate: () => none,
    revoke: () => none,
  })
}
