/** What a command has asked of another server: told to a person who waits, and what a failure says of an update goes by it. */
import { isPassing, type Transport } from "@webflow-users/core"
import { Envelope, Routes } from "@webflow-users/core/wire"
import type { StoreAddress } from "@webflow-users/stores"
import { Clock, Context, Effect, Exit, Layer, Option } from "effect"
import { Output } from "./Output.ts"
import { inTime } from "./Text.ts"

type Sent = Exit.Exit<Transport.TransportResponse, Transport.TransportError>

export class Calls extends Context.Service<
  Calls,
  {
    readonly around: StoreAddress.Around
    /** Whether an update was sent of which it is not known that the server refused it, or that it never arrived. */
    readonly mayHaveChanged: Effect.Effect<boolean>
    /** Hears for how many milliseconds calls have to wait for the server's limit. */
    readonly onWait: (millis: number) => void
    /** For how much longer they have to, in milliseconds. */
    readonly waitLeft: Effect.Effect<number>
    /** From now on nothing is told of single calls: there are too many. */
    readonly hush: Effect.Effect<void>
  }
>()("@webflow-users/cli/Calls") {
  static readonly layer = Layer.effect(
    Calls,
    Effect.gen(function* () {
      const output = yield* Output
      let mayHaveChanged = false
      let problem: string | undefined
      let isHushed = false
      let waitEnds = 0
      const clock = yield* Clock.Clock
      const note = (words: string) => (isHushed ? Effect.void : output.note(words))

      /** At once, where nothing is to be told: that is once for each of a hundred thousand updates. */
      const look = (method: string, sent: Sent): Effect.Effect<void> => {
        if (method === Routes.routes.updateUser.method && !isWithoutEffect(sent)) mayHaveChanged = true
        problem = problemOf(sent)
        if (problem === undefined || !Exit.isSuccess(sent)) return Effect.void
        return Effect.flatMap(pauseAsked(sent.value), (seconds = 0) =>
          seconds > 0 ? note(`The server asks to wait ${inTime(seconds)}.`) : Effect.void,
        )
      }

      return Calls.of({
        around: (method, sending) =>
          Effect.suspend(() =>
            problem === undefined ? sending : Effect.andThen(note(`${problem}. Trying again …`), sending),
          ).pipe(Effect.onExit((sent) => look(method, sent))),
        mayHaveChanged: Effect.sync(() => mayHaveChanged),
        onWait: (millis) => (waitEnds = clock.currentTimeMillisUnsafe() + millis),
        waitLeft: Effect.map(Clock.currentTimeMillis, (now) => Math.max(0, waitEnds - now)),
        hush: Effect.sync(() => (isHushed = true)),
      })
    }),
  )
}

/** A redirect or a refusal was answered before anything was done; what never came to the server did nothing there. */
const isWithoutEffect = (sent: Sent): boolean => {
  if (Exit.isSuccess(sent)) return sent.value.status >= 300 && sent.value.status < 500
  const error = Option.getOrUndefined(Exit.findErrorOption(sent))
  return error?._tag === "Unreachable" || error?._tag === "TlsFailed" || error?._tag === "UnsendableRequest"
}

/** Why the same may be asked once more, where it may. */
const problemOf = (sent: Sent): string | undefined => {
  if (Exit.isSuccess(sent)) {
    const { status } = sent.value
    return status === 429 || isPassing(status) ? `The server answered ${status}` : undefined
  }
  // Whoever no longer waits interrupts the request.
  return Option.match(Exit.findErrorOption(sent), {
    onNone: () => "The server did not answer in time",
    onSome: ({ message }) => message,
  })
}

const pauseAsked = ({ header }: Transport.TransportResponse) =>
  Effect.map(Clock.currentTimeMillis, (now) => Envelope.parseRetryAfter(header("retry-after"), now))
