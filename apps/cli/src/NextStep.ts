/** What a person can do about each failure. */
import { UpstreamSettings } from "@webflow-users/stores"
import type { Failure } from "./Failure.ts"
import { inTime } from "./Text.ts"

const { deadline, timeout, rate } = UpstreamSettings.settings

const again = "Run the same command again"
const store = "--store (or WEBFLOW_USERS_STORE)"
const checkAddress = `Check ${store}: a server's address goes as far as its prefix, as in https://users.example.com/v2.`
const keeps = "whoever runs the server"

/** Nothing where the message says it all. */
const nextSteps = {
  InvalidId:
    "Give ids of 24 hexadecimal digits, as `webflow-users site list` and `webflow-users list SITE` show them; " +
    "for a user the e-mail address does too.",
  InvalidPatch: "Correct what is named here, then run the command again.",
  BadRequest: `Give --data as JSON, as in --data '{"data": {"name": "Ada"}}'.`,
  BodyTooLarge: "Change less at once, in several updates.",
  NotAuthorized:
    "Set WEBFLOW_USERS_TOKEN to a token that this server has issued and not taken back; " +
    "whoever runs a webflow-users-proxy makes one with `webflow-users token create`.",
  MissingScopes: "Set WEBFLOW_USERS_TOKEN to a token with users:read, and users:write to update.",
  SiteForbidden: "Check the site's id, or set WEBFLOW_USERS_TOKEN to a token of this site.",
  ChangeForbidden: "Leave out what is named here, or set WEBFLOW_USERS_TOKEN to a token that may change it.",
  UsersNotEnabled: `Check the site's id, or ask ${keeps} to enable users for the site.`,
  SiteNotFound: `Check the site's id, and that ${store} is where its users are: \`webflow-users site list\` shows the sites of a store of your own.`,
  UserNotFound: `See who is there with \`webflow-users list SITE\`, and check ${store}.`,
  RouteNotFound: checkAddress,
  MethodNotAllowed: checkAddress,
  TooManyRequests: `${again}. To send fewer requests a minute, set ${rate.variable}.`,
  InternalError: `${again}. If it fails for long, ask ${keeps}.`,
  StoreUnavailable: `${again}. If it fails for long, check that the file can be written and the disk has room.`,
  Overloaded: `${again}.`,
  UnsendableRequest: `Correct ${store}, or WEBFLOW_USERS_TOKEN, as said here.`,
  Unreachable: `Check ${store}, and that the server runs; then run the same command again.`,
  ConnectionLost: `${again}.`,
  TimedOut:
    `${again}. To wait longer, set ${timeout.variable}, as in ${timeout.variable}="2 minutes", ` +
    `and ${deadline.variable} for all tries together.`,
  TlsFailed:
    `Check that ${store} begins as the server wants it, https: or http:, and has the host that its certificate is for. ` +
    "A certificate of your own authority is trusted with NODE_EXTRA_CA_CERTS=FILE.",
  UpstreamInvalidResponse: checkAddress,
  UnexpectedResponse: `Ask ${keeps} what it means.`,
  UserAccountsRemoved:
    "Run `webflow-users import members.csv --site SITE --store file:./members.db`, then this command with the same --store.",

  UnusableAddress: undefined,
  StoreAway: `${again} when the store answers, or check ${store}.`,
  UnusableSetting: "Set it so, or leave it out.",
  UnreadableInput: "Correct it, or name another, then run the command again.",
  ImportRefused: undefined,
  SiteRequired: "Run the command again with --site and the site's id.",
  OutputExists: "Name another file.",
  OutputUnwritable: "Make room on the disk, or see to it that it can be written.",
  ArchiveDamaged: "Take another copy of it, or make it anew with `webflow-users export`; nothing was taken in.",
  SiteOccupied:
    "Name a store that does not have the site, as in --store file:./restored.db (copy: --to); users are added to a site with CSV or JSON.",
  SiteUnreadable: "Something else than webflow-users has written there: correct it, or restore an earlier export.",
  DuplicateEntry: "Make the archive anew with `webflow-users export`; nothing was taken in.",
  CopyDiffers: "See to it that nothing writes to the other store yet, then copy into an empty one.",
  TokenNotFound: "See which tokens there are with `webflow-users token list`.",
  WebhookNotFound: "See which webhooks there are with `webflow-users webhook list`.",
  DeliveryFailed: "See to it that the receiver answers with a 200, then run the same command again.",
  TokenExpired: "Issue another with `webflow-users token create`, and revoke this one.",
  RunNotFound: "See which runs there are with `webflow-users runs`, in the folder in which they were begun.",
  RunBusy:
    "Wait until it is done, or stop it with Ctrl-C there. If that number is another program's, " +
    "remove the file lock and the number from the run's folder.",
  RunMismatch: undefined,
  RunUnwritable: "Make room on the disk, or see to it that the folder can be written.",
  ConfirmationRequired: "See what would be changed with --dry-run, then run it with --yes.",
  Incomplete: undefined,

  UnrecognizedOption: undefined,
  DuplicateOption: undefined,
  MissingOption: undefined,
  MissingArgument: undefined,
  UnexpectedArgument: undefined,
  InvalidValue: undefined,
  UnknownSubcommand: undefined,
  ValidationError: undefined,
  ShowHelp: undefined,
  UserError: undefined,
} as const satisfies Record<Failure["_tag"], string | undefined>

export const of = (failure: Failure): string | undefined => {
  const step = ofKind(failure)
  if (step === undefined || !step.startsWith(again) || !("retryAfter" in failure) || !failure.retryAfter) return step
  return `Wait ${inTime(failure.retryAfter)}, then r${step.slice(1)}`
}

const ofKind = (failure: Failure): string | undefined => {
  if (failure._tag === "OutputUnwritable" && failure.isClosed) return undefined
  // What is outside the contract still has a status.
  if (failure._tag === "UnexpectedResponse" || failure._tag === "UpstreamInvalidResponse") {
    if (failure.status === 401 || failure.status === 403) return nextSteps.NotAuthorized
    if (failure.isRetryable) return nextSteps.InternalError
  }
  return nextSteps[failure._tag]
}
