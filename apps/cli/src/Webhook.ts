/** `webhook add`, `list`, `deliveries`, `test`, `replay`, `remove`: whom a site's updates are told to. */
import {
  AddWebhook,
  type Delivery,
  type DeliveryFailure,
  WebhookDelivery,
  WebhookMessage,
  type WebhookStanding,
  Webhooks,
} from "@webflow-users/core"
import { WebhookTargets } from "@webflow-users/stores"
import * as NodeCrypto from "@effect/platform-node/NodeCrypto"
import { Config, DateTime, Effect, Layer, Option, Redacted } from "effect"
import { Argument, CliError, Command, Flag } from "effect/cli"
import { DeliveryFailed, WebhookNotFound } from "./Failure.ts"
import { Output } from "./Output.ts"
import * as Store from "./Store.ts"
import { summaries } from "./Summaries.ts"
import { counted, number, printable, table } from "./Text.ts"

const layer = Layer.mergeAll(Store.layerWithWebhooks, NodeCrypto.layerSecureRandom, NodeCrypto.layerMac)

const id = Argument.String("id").pipe(Argument.withDescription("The webhook's id, as webhook list has it"))

const allowPrivate = Flag.Boolean("allow-private-webhooks").pipe(
  Flag.withDescription(
    "Let it go to an address that is not public; the proxy has to be told so too. " +
      "WEBFLOW_USERS_ALLOW_PRIVATE_WEBHOOKS, default false",
  ),
  Flag.withoutNegation,
  Flag.withFallbackConfig(Config.Boolean("WEBFLOW_USERS_ALLOW_PRIVATE_WEBHOOKS")),
  Flag.withDefault(false),
)

/** The webhook of an id. */
const existing = Effect.fnUntraced(function* (webhookId: string) {
  const webhooks = yield* Webhooks
  return (yield* webhooks.find(webhookId)) ?? (yield* notFound)
})

const notFound = new WebhookNotFound({ message: "There is no webhook with this id" })

const add = Command.make(
  "add",
  {
    site: Flag.String("site").pipe(Flag.withMetavar("SITE"), Flag.withDescription("The id of the site")),
    url: Flag.String("url").pipe(
      Flag.withMetavar("URL"),
      Flag.withDescription("Where to tell of its updates: an https: or http: address"),
    ),
    allowPrivate,
  },
  Effect.fnUntraced(function* ({ site, url, allowPrivate: isAllowed }) {
    const output = yield* Output
    const { secret, ...added } = yield* AddWebhook.addWebhook(
      site,
      url,
      WebhookTargets.isForbidden({ allowPrivate: isAllowed }),
    )
    yield* output.result({ ...added, secret: Redacted.value(secret) }, () =>
      [
        `Webhook ${added.id} tells of the updates of site ${added.siteId} from now on, signed by this secret:`,
        "",
        Redacted.value(secret),
        "",
        "This is the only time it is shown. A message is genuine when its header x-webflow-signature is the HMAC-SHA256, in",
        "hexadecimal and under the secret, of the header x-webflow-timestamp, a colon, and the body as it came.",
        `Try it with: webflow-users webhook test ${added.id}`,
      ].join("\n"),
    )
  }, Effect.provide(layer)),
).pipe(
  Command.withDescription(
    [
      "Tell another server of a site's updates.",
      "",
      "Each accepted update, whoever makes it, is sent there by the proxies that serve this store: a POST of",
      '{"triggerType": "user_account_updated", "payload": <the user>}. Any answer but a 200 fails; it is tried again as often',
      "as the proxy is set to, and then parked: webhook list shows how many are, webhook replay sends them anew.",
      "The secret is kept in the store as it is, since it has to sign; it is not shown again.",
    ].join("\n  "),
  ),
  Command.withShortDescription("Tell another server of a site's updates"),
  Command.withExamples([{ command: "webflow-users webhook add --site SITE --url https://example.com/hooks/users" }]),
)

const list = Command.make(
  "list",
  {},
  Effect.fnUntraced(function* () {
    const output = yield* Output
    const webhooks = yield* (yield* Webhooks).list
    yield* output.result(webhooks.map(inJson), () =>
      webhooks.length === 0
        ? "No webhooks"
        : table([
            ["ID", "SITE", "URL", "PENDING", "PARKED", "LAST FAILURE"],
            ...webhooks.map((one) => [
              one.id,
              one.siteId,
              printable(one.url),
              number(one.pending),
              number(one.parked),
              failureInWords(one),
            ]),
          ]),
    )
  }, Effect.provide(layer)),
).pipe(Command.withDescription("List the webhooks, how much they have still to tell, and what was given up"))

/** The most deliveries that are shown. */
const mostShown = 1_000

const deliveries = Command.make(
  "deliveries",
  { id },
  Effect.fnUntraced(function* ({ id: webhookId }) {
    const output = yield* Output
    const { deliveries: find } = yield* Webhooks
    yield* existing(webhookId)
    const found = yield* find(webhookId, mostShown)
    yield* output.result(found.map(inJson), () =>
      found.length === 0
        ? "Everything was told"
        : table([
            ["EVENT", "USER", "STATE", "FAILED", "DUE", "LAST FAILURE"],
            ...found.map((one) => [
              String(one.sequence),
              one.userId,
              one.state,
              counted(one.attempts, "time"),
              one.state === "parked" ? "" : (one.dueAt ?? "now"),
              failureInWords(one),
            ]),
          ]),
    )
  }, Effect.provide(layer)),
).pipe(Command.withDescription(`List what a webhook has not told: what is parked first, ${mostShown} at the most`))

const test = Command.make(
  "test",
  { id, allowPrivate },
  Effect.fnUntraced(function* ({ id: webhookId, allowPrivate: isAllowed }) {
    const output = yield* Output
    const { isDelivered, status, reason } = yield* WebhookDelivery.attempt(
      yield* existing(webhookId),
      WebhookMessage.sampleUser,
    ).pipe(Effect.provide(WebhookTargets.layer({ allowPrivate: isAllowed })))
    if (!isDelivered) return yield* new DeliveryFailed({ message: reason ?? "", status: status ?? null })
    yield* output.result({ id: webhookId, status }, () => `Delivered: it answered ${status}`)
  }, Effect.provide(layer)),
).pipe(Command.withDescription("Send a signed sample now, about a user who says that they are one"))

const moment = /^\d{4}-\d\d-\d\d(T\d\d:\d\d(:\d\d(\.\d+)?)?(Z|[+-]\d\d:\d\d))?$/

const replay = Command.make(
  "replay",
  {
    id,
    isParked: Flag.Boolean("parked").pipe(
      Flag.withDescription("What is parked; so it is unless said otherwise"),
      Flag.withoutNegation,
      Flag.withDefault(false),
    ),
    since: Flag.String("since").pipe(
      Flag.withMetavar("DATE"),
      Flag.withDescription(
        "Every update since then, also those that were told, as 2026-11-25 (UTC) or 2026-11-25T09:30:00Z",
      ),
      Flag.filterMap(
        (text) => (moment.test(text) ? DateTime.make(text) : Option.none()),
        () => "a date, such as 2026-11-25, or a time with its zone, such as 2026-11-25T09:30:00Z",
      ),
      Flag.optional,
    ),
  },
  Effect.fnUntraced(function* ({ id: webhookId, isParked, since }) {
    const output = yield* Output
    if (isParked && Option.isSome(since)) return yield* contradiction
    const webhook = yield* existing(webhookId)
    const { replayParked, replaySince } = yield* Webhooks
    const replayed = yield* Option.match(since, {
      onNone: () => replayParked(webhookId),
      onSome: (start) => replaySince(webhook, start),
    })
    yield* output.result({ id: webhookId, replayed }, () => `${counted(replayed, "update")} will be told anew`)
  }, Effect.provide(layer)),
).pipe(
  Command.withDescription("Have what was given up, or every update since a day, told anew by the proxies"),
  Command.withExamples([{ command: "webflow-users webhook replay ID --since 2026-11-25" }]),
)

const contradiction = new CliError.ShowHelp({
  commandPath: ["webflow-users", "webhook", "replay"],
  errors: [
    new CliError.ValidationError({ message: "--since has what is parked since then among it: leave out --parked" }),
  ],
})

const remove = Command.make(
  "remove",
  { id },
  Effect.fnUntraced(function* ({ id: webhookId }) {
    const output = yield* Output
    const webhooks = yield* Webhooks
    if (!(yield* webhooks.remove(webhookId))) return yield* notFound
    yield* output.result({ id: webhookId, removed: true }, () => `Removed ${webhookId}`)
  }, Effect.provide(layer)),
).pipe(Command.withDescription("Remove a webhook, with all that it still had to tell"))

export const webhook = Command.make("webhook").pipe(
  Command.withDescription(summaries.webhook),
  Command.withSubcommands([add, list, deliveries, test, replay, remove]),
)

/** No failure is said too, as of tokens no rate is. */
const inJson = <A extends WebhookStanding | Delivery>({ lastFailure, ...rest }: A) => ({
  ...rest,
  lastFailure: lastFailure === undefined ? null : { ...lastFailure, status: lastFailure.status ?? null },
})

const failureInWords = ({ lastFailure }: { readonly lastFailure?: DeliveryFailure }): string =>
  lastFailure === undefined ? "none" : `${lastFailure.at}: ${printable(lastFailure.reason)}`
