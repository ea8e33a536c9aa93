/**
 * Every way a command can fail: core's list, the command line's own usage errors, and the few that only exist here.
 */
import {
  type AccessTokens,
  type ArchiveLines,
  type CopySite,
  isUpdateUserError,
  type SiteArchive,
  type UpdateUserError,
  type UserImport,
} from "@webflow-users/core"
import { StoreAddress, type UpstreamSettings } from "@webflow-users/stores"
import { Data } from "effect"
import type { CliError } from "effect/cli"
import * as NextStep from "./NextStep.ts"

/** A file, or standard input, that cannot be read as what it should be. */
export class UnreadableInput extends Data.TaggedError("UnreadableInput")<{ readonly message: string }> {
  readonly code = "unreadable_input"
}

/** A file with entries that cannot be taken in: none of it was. */
export class ImportRefused extends Data.TaggedError("ImportRefused")<{
  readonly message: string
  readonly details: ReadonlyArray<UserImport.Problem>
}> {
  readonly code = "import_refused"
}

/** A file that does not say whose users it has, and nobody did. */
export class SiteRequired extends Data.TaggedError("SiteRequired")<{ readonly message: string }> {
  readonly code = "site_required"
}

/** What is to be written is there already. */
export class OutputExists extends Data.TaggedError("OutputExists")<{ readonly message: string }> {
  readonly code = "output_exists"
}

/** What is to be written cannot be, or not to its end. */
export class OutputUnwritable extends Data.TaggedError("OutputUnwritable")<{
  readonly message: string
  /** Whoever read it has gone, as `head` does: there is nothing to mend. */
  readonly isClosed: boolean
}> {
  readonly code = "output_unwritable"
}

/** There is no such token. */
export class TokenNotFound extends Data.TaggedError("TokenNotFound")<{ readonly message: string }> {
  readonly code = "token_not_found"
}

/** There is no such webhook. */
export class WebhookNotFound extends Data.TaggedError("WebhookNotFound")<{ readonly message: string }> {
  readonly code = "webhook_not_found"
}

/** What a webhook was to tell did not arrive. */
export class DeliveryFailed extends Data.TaggedError("DeliveryFailed")<{
  readonly message: string
  /** What the receiver answered, where it did. */
  readonly status: number | null
}> {
  readonly code = "delivery_failed"
}

/** There is no such run. */
export class RunNotFound extends Data.TaggedError("RunNotFound")<{ readonly message: string }> {
  readonly code = "run_not_found"
}

/** Another process is at the run. */
export class RunBusy extends Data.TaggedError("RunBusy")<{ readonly message: string }> {
  readonly code = "run_busy"
}

/** A run that is for something else than what it is asked for. */
export class RunMismatch extends Data.TaggedError("RunMismatch")<{ readonly message: string }> {
  readonly code = "run_mismatch"
}

/** What a run does cannot be written down, so it does not go on. */
export class RunUnwritable extends Data.TaggedError("RunUnwritable")<{ readonly message: string }> {
  readonly code = "run_unwritable"
}

/** Many users would be changed, and nobody said that they are to be. */
export class ConfirmationRequired extends Data.TaggedError("ConfirmationRequired")<{ readonly message: string }> {
  readonly code = "confirmation_required"
}

/** Not all was done that was to be, and why was told already. */
export class Incomplete extends Data.TaggedError("Incomplete")<{ readonly message: string }> {
  readonly code = "incomplete"
}

export type Failure =
  | UpdateUserError
  | StoreAddress.NotOpened
  | UpstreamSettings.UnusableSetting
  | UnreadableInput
  | ImportRefused
  | SiteRequired
  | OutputExists
  | OutputUnwritable
  | ArchiveLines.ArchiveDamaged
  | SiteArchive.SiteOccupied
  | SiteArchive.SiteUnreadable
  | SiteArchive.DuplicateEntry
  | CopySite.CopyDiffers
  | TokenNotFound
  | WebhookNotFound
  | DeliveryFailed
  | AccessTokens.TokenExpired
  | RunNotFound
  | RunBusy
  | RunMismatch
  | RunUnwritable
  | ConfirmationRequired
  | Incomplete
  | CliError.CliError

/** A failure as it is told: the value of `error` in JSON, and what a person's version is made of. */
export interface Told {
  readonly tag: string
  readonly code: string
  /** The status on the wire, where the failure has one. */
  readonly status: number | null
  readonly message: string
  readonly details: ReadonlyArray<unknown>
  /** In seconds. */
  readonly retryAfter?: number
  /** What a driver or the network said. */
  readonly cause?: string
  /** How an answer begins that is none of the contract, such as a gateway's page. */
  readonly excerpt?: string
  /** How often another server was asked. */
  readonly attempts?: number
  /** What another server calls the request. */
  readonly requestId?: string
  /** Whom the command was about, as the caller named them. */
  readonly user?: string
  /** What has become of an update. */
  readonly outcome?: "unchanged" | "unknown"
  readonly nextStep?: string
  /** How the command is called, when it was not called so. */
  readonly usage?: string
  /** Where in the program it happened, when asked for. */
  readonly trace?: string
}

export const tell = (failure: Failure): Told => {
  const attempts = attemptsOf(failure)
  const nextStep = NextStep.of(failure)
  return {
    tag: failure._tag,
    code: "code" in failure ? failure.code : "usage",
    status: "status" in failure ? failure.status : null,
    message: failure.message,
    details: "details" in failure ? failure.details : [],
    ...("retryAfter" in failure && failure.retryAfter !== undefined && { retryAfter: failure.retryAfter }),
    ...("cause" in failure && failure.cause !== undefined && { cause: StoreAddress.rootMessage(failure.cause) }),
    ...("excerpt" in failure && failure.excerpt !== "" && { excerpt: failure.excerpt }),
    ...("requestId" in failure && failure.requestId !== undefined && { requestId: failure.requestId }),
    ...(attempts !== undefined && { attempts }),
    ...(nextStep !== undefined && { nextStep }),
  }
}

/** What could have been tried again and was not says so too; a store of one's own is not tried again. */
const attemptsOf = (failure: Failure): number | undefined => {
  if (!isUpdateUserError(failure)) return undefined
  const { attempts, isRetryable, _tag } = failure
  return attempts ?? (isRetryable && _tag !== "StoreUnavailable" ? 1 : undefined)
}

/** Something nobody expected. Its text may hold anything, so it is told only to who asks for it. */
export const tellDefect = (): Told => ({
  tag: "Unexpected",
  code: "unexpected",
  status: null,
  message: "Something unexpected went wrong. The same command with --debug tells where",
  details: [],
})
