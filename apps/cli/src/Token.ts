/** `token create`, `token list`, `token revoke`: who may call a proxy that serves this store. */
import { type AccessToken, AccessTokens, RateLimits, ReadUsers, UserStore } from "@webflow-users/core"
import type { Routes } from "@webflow-users/core/wire"
import { StoreAddress } from "@webflow-users/stores"
import * as NodeCrypto from "@effect/platform-node/NodeCrypto"
import { Effect, Layer, Option } from "effect"
import { Argument, Command, Flag } from "effect/cli"
import { TokenNotFound } from "./Failure.ts"
import { Output } from "./Output.ts"
import * as Store from "./Store.ts"
import { table } from "./Text.ts"

const layer = AccessTokens.AccessTokens.layer.pipe(
  Layer.provide([NodeCrypto.layerDigest, NodeCrypto.layerSecureRandom]),
  Layer.provideMerge(Store.layerWithTokens),
)

const allScopes = ["users:read", "users:write"] as const satisfies ReadonlyArray<Routes.Scope>

const create = Command.make(
  "create",
  {
    site: Flag.String("site").pipe(
      Flag.withMetavar("SITE"),
      Flag.withDescription("The id of the only site it is good for"),
    ),
    scopes: Flag.Literals("scope", allScopes).pipe(
      Flag.withDescription("What it allows (repeatable)"),
      Flag.atLeast(1),
    ),
    // Read as text, so that everything that is no rate is explained alike.
    rate: Flag.String("rate").pipe(
      Flag.withMetavar("integer"),
      Flag.withDescription(
        "How many requests a minute it may make (default: as many as it likes). Webflow's were 60 and 120, by the site's plan",
      ),
      Flag.filterMap(
        (text) => Option.filter(Option.some(/^\d+$/.test(text) ? Number(text) : Number.NaN), RateLimits.isRate),
        () => `a whole number from 1 to ${RateLimits.maxRate}`,
      ),
      Flag.optional,
    ),
  },
  Effect.fnUntraced(function* ({ site, scopes, rate }) {
    const output = yield* Output
    const tokens = yield* AccessTokens.AccessTokens
    const siteId = yield* existingSite(site)
    const { token, ...issued } = yield* tokens.create(siteId, [...new Set(scopes)], {
      rate: Option.getOrUndefined(rate),
    })
    const { id, ...rest } = inJson(issued)
    yield* output.result({ id, token, ...rest }, () =>
      [token, "", `This is the only time it is shown. Revoke it with: webflow-users token revoke ${id}`].join("\n"),
    )
  }, Effect.provide(layer)),
).pipe(
  Command.withDescription("Issue a token"),
  Command.withExamples([{ command: "webflow-users token create --site SITE --scope users:read --scope users:write" }]),
)

const list = Command.make(
  "list",
  {},
  Effect.fnUntraced(function* () {
    const output = yield* Output
    const tokens = yield* (yield* AccessTokens.AccessTokens).list
    const rows = tokens.map(({ id, siteId, scopes, createdOn, rate }) => [
      id,
      siteId,
      scopes.join(" "),
      createdOn,
      rate === undefined ? "none" : `${rate} a minute`,
    ])
    yield* output.result(tokens.map(inJson), () =>
      rows.length === 0 ? "No tokens" : table([["ID", "SITE", "SCOPES", "CREATED", "RATE"], ...rows]),
    )
  }, Effect.provide(layer)),
).pipe(Command.withDescription("List the tokens that are valid"))

const revoke = Command.make(
  "revoke",
  { id: Argument.String("id").pipe(Argument.withDescription("The token's id, as token list has it")) },
  Effect.fnUntraced(function* ({ id }) {
    const output = yield* Output
    const tokens = yield* AccessTokens.AccessTokens
    // The id is not repeated: what was given may be a whole token.
    if (!(yield* tokens.revoke(id))) return yield* new TokenNotFound({ message: "There is no token with this id" })
    yield* output.result({ id, revoked: true }, () => `Revoked ${id}`)
  }, Effect.provide(layer)),
).pipe(Command.withDescription("Take a token back"))

export const token = Command.make("token").pipe(
  Command.withDescription("Issue, list and revoke the tokens of a proxy's callers"),
  Command.withSubcommands([create, list, revoke]),
)

/** No rate is said too: what is left out could as well be something an older program does not know of. */
const inJson = (issued: AccessToken) => ({ ...issued, rate: issued.rate ?? null })

/** A token for a site that is not there would only ever answer 404. What sites another server has is not asked here. */
const existingSite = Effect.fnUntraced(function* (site: string) {
  if (!StoreAddress.isRemote(yield* Store.Address)) yield* ReadUsers.listAccessGroups(site, { offset: 0, limit: 1 })
  return yield* UserStore.acceptSiteId(site)
})
