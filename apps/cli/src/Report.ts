/** How a command ends that failed: it is told why, and the shell by an exit code. */
import { Cause, Effect, Option } from "effect"
import { Calls } from "./Calls.ts"
import * as ExitCode from "./ExitCode.ts"
import { type Failure, tell, tellDefect } from "./Failure.ts"
import { Output } from "./Output.ts"
import * as Subject from "./Subject.ts"

/** Prints why a command failed and gives the exit code that says so. */
export const report = Effect.fnUntraced(function* (cause: Cause.Cause<Failure>) {
  const { failure, isDebug } = yield* Output
  const expected = Option.getOrUndefined(Cause.findErrorOption(cause))
  // The presenter has shown it, with the usage of the command; of what is incomplete, its summary has told.
  if (expected?._tag === "ShowHelp" || expected?._tag === "Incomplete") return ExitCode.of(expected)

  const subject = Subject.of(cause)
  const { mayHaveChanged } = yield* Calls
  // A store of one's own keeps an update or refuses it; what nobody expected may have come after it.
  const isUnchanged = expected !== undefined && !(yield* mayHaveChanged)
  yield* failure({
    ...(expected === undefined ? tellDefect() : tell(expected)),
    ...(subject !== undefined && { user: subject.user }),
    ...(subject?.isUpdate === true && { outcome: isUnchanged ? "unchanged" : "unknown" }),
    ...(isDebug && { trace: Cause.pretty(cause) }),
  })
  return expected === undefined ? ExitCode.defect : ExitCode.of(expected)
})
