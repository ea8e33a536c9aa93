/** The tokens that a server for tests accepts: texts of the test's choice, since nothing is to be guarded. */
import { AccessTokens, NotAuthorized, parseSiteId } from "@webflow-users/core"
import type { Routes } from "@webflow-users/core/wire"
import { Effect, Layer } from "effect"
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

type Token = Effect.Success<ReturnType<AccessTokens.AccessTokens["Service"]["verify"]>>

/** Reads what each token may do; the first is the one that may do everything. */
export const read = (given: Readonly<Record<string, TokenGrants>>): ReadonlyMap<string, Token> =>
  new Map(
    Object.entries(given).map(([token, { siteId, scopes = allScopes, rateLimit, fields, groups }], index) => {
      const refuse = (problem: string): never => {
        // By its place: a token is not repeated, also where it is one of a test.
        throw new InvalidOption({ message: `${index === 0 ? "token" : `tokens, number ${index}`}: ${problem}` })
      }
      if (!/^[\x21-\x7E]+$/.test(token)) refuse("must be printable ASCII without spaces, as a header can carry it")
      const site = siteId === undefined ? "all" : parseSiteId(siteId)
      if (site === undefined) return refuse("siteId is not 24 hexadecimal characters")
      const unknown = scopes.find((scope) => !allScopes.includes(scope))
      if (unknown !== undefined) refuse(`scopes are ${allScopes.join(" and ")}`)
      const grants = {
        ...(rateLimit !== undefined && { rate: rateLimit }),
        ...(fields !== undefined && { fields }),
        ...(groups !== undefined && { groups }),
      }
      const problem = AccessTokens.grantsProblem(grants)
      if (problem !== undefined) refuse(problem)
      const createdOn = "1970-01-01T00:00:00.000Z"
      return [token, { id: `test-${index + 1}`, siteId: site, scopes, createdOn, ...grants }]
    }),
  )

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
