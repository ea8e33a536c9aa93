/** `token create`, `list`, `rotate`, `revoke`: who may call a proxy that serves this store, and what they may do there. */
import { type AccessToken, AccessTokens, ReadUsers, UserStore } from "@webflow-users/core"
import { StoreAddress } from "@webflow-users/stores"
import * as NodeCrypto from "@effect/platform-node/NodeCrypto"
import { Clock, Effect, Layer, Option } from "effect"
import { Argument, CliError, Command } from "effect/cli"
import { TokenNotFound } from "./Failure.ts"
import { Output } from "./Output.ts"
import * as Store from "./Store.ts"
import { summaries } from "./Summaries.ts"
import { printable, table } from "./Text.ts"
import { grace, grantsOf, tokenFlags } from "./TokenFlags.ts"

const layer = AccessTokens.AccessTokens.layer.pipe(
  Layer.provide([NodeCrypto.layerDigest, NodeCrypto.layerSecureRandom]),
  Layer.provideMerge(Store.layerWithTokens),
)

/** As every other wrong call is shown. */
const showUsage = (error: CliError.ValidationError) =>
  Effect.fail(new CliError.ShowHelp({ commandPath: ["webflow-users", "token", "create"], errors: [error] }))

const create = Command.make(
  "create",
  tokenFlags,
  Effect.fnUntraced(function* (flags) {
    const output = yield* Output
    const grants = yield* grantsOf(flags).pipe(Effect.catchTag("ValidationError", showUsage))
    yield* Effect.gen(function* () {
      const tokens = yield* AccessTokens.AccessTokens
      const siteId = Option.isSome(flags.site) ? yield* existingSite(flags.site.value) : ("all" as const)
      const { token, ...issued } = yield* tokens.create(siteId, [...new Set(flags.scopes)], grants)
      const { id, ...rest } = inJson(issued, yield* Clock.currentTimeMillis)
      yield* output.result({ id, token, ...rest }, () =>
        [token, "", `This is the only time it is shown. Revoke it with: webflow-users token revoke ${id}`].join("\n"),
      )
    }).pipe(Effect.provide(layer))
  }),
).pipe(
  Command.withDescription("Issue a token"),
  Command.withExamples([
    { command: "webflow-users token create --site SITE --scope users:read --scope users:write" },
    {
      command:
        'webflow-users token create --site SITE --scope users:write --field name --field company --no-groups --rate 60 --expires "90 days" --label "Profile form"',
    },
  ]),
)

const list = Command.make(
  "list",
  {},
  Effect.fnUntraced(function* () {
    const output = yield* Output
    const now = yield* Clock.currentTimeMillis
    const tokens = yield* (yield* AccessTokens.AccessTokens).list
    const head = ["ID", "LABEL", "SITE", "SCOPES", "MAY CHANGE", "RATE", "EXPIRES", "CREATED"]
    yield* output.result(
      tokens.map((token) => inJson(token, now)),
      () => (tokens.length === 0 ? "No tokens" : table([head, ...tokens.map((token) => cells(token, now))])),
    )
  }, Effect.provide(layer)),
).pipe(Command.withDescription("List the tokens there are, those that have expired too"))

const tokenId = Argument.String("id").pipe(Argument.withDescription("The token's id, as token list has it"))

// The id is not repeated: what was given may be a whole token.
const notFound = Effect.suspend(() => Effect.fail(new TokenNotFound({ message: "There is no token with this id" })))

const rotate = Command.make(
  "rotate",
  { id: tokenId, grace },
  Effect.fnUntraced(function* ({ id, grace: duration }) {
    const output = yield* Output
    const tokens = yield* AccessTokens.AccessTokens
    const now = yield* Clock.currentTimeMillis
    const { token, ...rotated } =
      (yield* tokens.rotate(id, { grace: Option.getOrUndefined(duration) })) ?? (yield* notFound)
    const { id: _, ...rest } = inJson(rotated, now)
    yield* output.result({ id, token, ...rest }, () =>
      [
        token,
        "",
        `This is the only time it is shown. The old one is ${
          rotated.previousUntil === undefined ? "refused from now on" : `good until ${rotated.previousUntil}`
        }.`,
      ].join("\n"),
    )
  }, Effect.provide(layer)),
).pipe(
  Command.withDescription("Give a token a new secret: what it may do stays, and the old secret ends"),
  Command.withExamples([{ command: 'webflow-users token rotate ID --grace "1 hour"' }]),
)

const revoke = Command.make(
  "revoke",
  { id: tokenId },
  Effect.fnUntraced(function* ({ id }) {
    const output = yield* Output
    const tokens = yield* AccessTokens.AccessTokens
    if (!(yield* tokens.revoke(id))) return yield* notFound
    yield* output.result({ id, revoked: true }, () => `Revoked ${id}`)
  }, Effect.provide(layer)),
).pipe(Command.withDescription("Take a token back"))

export const token = Command.make("token").pipe(
  Command.withDescription(summaries.token),
  Command.withSubcommands([create, list, rotate, revoke]),
)

/**
 * What does not limit it is said too, as null: what is left out could as well be something an older program does not know of.
 * The secret before the present one is told of as long as it is good.
 */
const inJson = (
  { id, label, siteId, scopes, rate, fields, groups, createdOn, expiresOn, previousUntil }: AccessToken,
  now: number,
) => ({
  id,
  label: label ?? null,
  siteId,
  scopes,
  fields: fields ?? null,
  groups: groups ?? null,
  rate: rate ?? null,
  createdOn,
  expiresOn: expiresOn ?? null,
  isExpired: AccessTokens.isExpired({ expiresOn }, now),
  previousUntil: stillGood(previousUntil, now) ?? null,
})

const stillGood = (until: string | undefined, now: number): string | undefined =>
  AccessTokens.isExpired({ expiresOn: until }, now) ? undefined : until

const cells = (one: AccessToken, now: number): ReadonlyArray<string> => {
  const { id, label, siteId, scopes, rate, createdOn, expiresOn } = one
  return [
    id,
    label === undefined ? "–" : printable(label),
    siteId === "all" ? "all sites" : siteId,
    scopes.join(" "),
    mayChange(one),
    rate === undefined ? "none" : `${rate} a minute`,
    expiresOn === undefined ? "never" : AccessTokens.isExpired(one, now) ? `expired ${expiresOn}` : expiresOn,
    createdOn,
  ]
}

const mayChange = ({ scopes, fields, groups }: AccessToken): string => {
  if (!scopes.includes("users:write")) return "nothing"
  const parts = [named("field", fields), named("group", groups)].filter((part) => part !== undefined)
  return parts.length === 0 ? "anything" : parts.join("; ")
}

const named = (what: string, names: ReadonlyArray<string> | undefined): string | undefined =>
  names && (names.length === 0 ? `no ${what}s` : `${what}s ${names.map(printable).join(", ")}`)

/** A token for a site that is not there would only ever answer 404. What sites another server has is not asked here. */
const existingSite = Effect.fnUntraced(function* (site: string) {
  if (!StoreAddress.isRemote(yield* Store.Address)) yield* ReadUsers.listAccessGroups(site, { offset: 0, limit: 1 })
  return yield* UserStore.acceptSiteId(site)
})
