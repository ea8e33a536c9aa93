/** What an error says that was met when a store was opened. */
import { Predicate } from "effect"
import { SqlError } from "effect/sql"
import { type NotOpened, rootMessage, StoreAway, UnusableAddress } from "./Opening.ts"

/** The failure that it is, with what would do. */
export const reasonOf = (error: unknown, remedy: string): NotOpened => {
  if (error instanceof UnusableAddress) return error
  const message = `The store cannot be opened: ${rootMessage(error)}. ${remedy}`.trim()
  return isAway(error) ? new StoreAway({ message }) : new UnusableAddress({ message })
}

/** What passes by itself. A file that cannot be opened is another matter: its driver calls that a connection too. */
const isAway = (error: unknown): boolean => {
  const isWrapped = Predicate.isTagged(error, "StoreUnavailable") || Predicate.isTagged(error, "MigrationError")
  if (isWrapped && "cause" in error) return isAway(error.cause)
  if (!SqlError.isSqlError(error)) return false
  const { _tag: reason, cause } = error.reason
  if (reason === "ConnectionError") return !Predicate.hasProperty(cause, "errcode")
  return passing.has(reason) || (Predicate.hasProperty(cause, "code") && notYet.test(String(cause.code)))
}

const passing: ReadonlySet<string> = new Set([
  "LockTimeoutError",
  "StatementTimeoutError",
  "DeadlockError",
  "SerializationError",
])

/** PostgreSQL starts, stops, or has as many callers as it takes. */
const notYet = /^(53|57P0)/
