/** `token create`, `token list`, `token revoke`: who may call a proxy that serves this store. */
import { AccessTokens, ReadUsers, UserStore } from "@webflow-users/core"
import type { Routes } from "@webflow-users/core/wire"
import * as NodeCrypto from "@effect/platform-node/NodeCrypto"
import { Effect, Layer } from "effect"
import { Argument, Command, Flag } from "effect/cli"
import { TokenNotFound } from "./Failure.ts"
import { Output } from "./Output.ts"
import * as Store from "./Store.ts"
import { table } from "./Text.ts"

const layer = AccessTokens.AccessTokens.layer.pipe(
  Layer.provide([NodeCrypto.layerDigest, NodeCrypto.layerSecureRandom]),
  Layer.provideMerge(Store.layerOwned),
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
  },
  Effect.fnUntraced(function* ({ site, scopes }) {
    const output = yield* Output
    const tokens = yield* AccessTokens.AccessTokens
    const siteId = yield* existingSite(site)
    const { id, token, ...rest } = yield* tokens.create(siteId, [...new Set(scopes)])
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
    const rows = tokens.map(({ id, siteId, scopes, createdOn }) => [id, siteId, scopes.join(" "), createdOn])
    yield* output.result(tokens, () =>
      rows.length === 0 ? "No tokens" : table([["ID", "SITE", "SCOPES", "CREATED"], ...rows]),
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

/** A token for a site that is not there would only ever answer 404. */
const existingSite = Effect.fnUntraced(function* (site: string) {
  yield* ReadUsers.listAccessGroups(site, { offset: 0, limit: 1 })
  return yield* UserStore.acceptSiteId(site)
})
