/** Whether this process can serve: for who sends it requests, or waits with that. Not whether it lives, which `/health` tells. */
import { Cause, Context, Effect } from "effect"

/** What has to answer. Failures are not told: their words are for the log, and whoever asks needs no token. */
export type Checks = Readonly<Record<string, Effect.Effect<void, unknown>>>

/** Nothing, where there is nothing that could be away. The proxy provides what its settings say. */
export const Checks = Context.Reference<Checks>("@webflow-users/server/Ready/Checks", { defaultValue: () => ({}) })

/** The longest that a store may take to say that it is there. Who asks gives up after some seconds, as a rule. */
const patience = "2 seconds"

/** For how long an answer stands: anybody may ask, and as often as they like. */
const standing = "1 second"

/** What was found. */
export type Readiness =
  | { readonly status: "ready" }
  | { readonly status: "unavailable"; readonly checks: Readonly<Record<string, "ready" | "unavailable">> }

/** A check that remembers for a while what it found, and says in the log why something does not answer. */
export const remembered = (name: string, check: Effect.Effect<void, unknown>) =>
  Effect.cachedWithTTL(
    check.pipe(
      Effect.timeout(patience),
      Effect.tapCause((cause) =>
        Effect.annotateLogs(Effect.logWarning("Not ready to serve"), {
          check: name,
          cause: Cause.squash(cause),
        }),
      ),
    ),
    standing,
  )

/** Whether everything that has to answer does, and nobody has told this process to stop. */
export const readiness = (stopping: Effect.Effect<void>): Effect.Effect<Readiness> =>
  Effect.raceFirst(
    Effect.as(stopping, { status: "unavailable", checks: { server: "unavailable" } } as const),
    Effect.gen(function* () {
      const found = yield* Effect.forEach(
        Object.entries(yield* Checks),
        ([name, check]) =>
          Effect.matchCause(check, {
            onSuccess: () => [name, "ready"] as const,
            onFailure: () => [name, "unavailable"] as const,
          }),
        { concurrency: "unbounded" },
      )
      return found.every(([, state]) => state === "ready")
        ? { status: "ready" as const }
        : { status: "unavailable" as const, checks: Object.fromEntries(found) }
    }),
  )
