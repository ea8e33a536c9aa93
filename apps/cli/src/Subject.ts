/** Which user a command is about: what fails in it carries that along, to where it is told. */
import { Cause, Context, Effect } from "effect"

export class Subject extends Context.Service<
  Subject,
  {
    /** As the caller named them: an id or an e-mail address. */
    readonly user: string
    /** Whether the command is to change the user. */
    readonly isUpdate: boolean
  }
>()("@webflow-users/cli/Subject") {}

export const about = <A, E, R>(command: Effect.Effect<A, E, R>, subject: Subject["Service"]): Effect.Effect<A, E, R> =>
  Effect.catchCause(command, (cause) => Effect.failCause(Cause.annotate(cause, Context.make(Subject, subject))))

/** Whom a failure is about, where it is about someone. */
export const of = (cause: Cause.Cause<unknown>): Subject["Service"] | undefined =>
  Context.getOrUndefined(Cause.annotations(cause), Subject)
