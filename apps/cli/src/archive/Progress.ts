/** How far an archive is, while it is written or read: a bar on a terminal, a line now and then off one, events where JSON is asked for. */
import { Effect, Schedule, Stream } from "effect"
import * as Bar from "../Bar.ts"
import { Output } from "../Output.ts"
import { number } from "../Text.ts"

const barEvery = "200 millis"
const lineEvery = "5 seconds"

/**
 * Tells how far it is, until the scope ends. Gives what hears of each step. `total` is as good a guess as there is: others may
 * write meanwhile. Nothing is told as an event where standard output is for something else.
 */
export const make = Effect.fnUntraced(function* (
  total: number,
  { verb, isSilent = false }: { readonly verb: string; readonly isSilent?: boolean },
) {
  const output = yield* Output
  let done = 0
  const words = () => `${number(done)} of ${number(total)} ${verb}`
  const isBar = output.progress === "bar" && total > 0
  const line = Effect.suspend(() =>
    output.progress !== "events"
      ? output.remark(words())
      : isSilent
        ? Effect.void
        : output.event({ event: "progress", done, total }),
  )
  const drawn = isBar ? yield* Bar.draw(total, 0, words()) : undefined
  const tell = drawn === undefined ? line : Effect.suspend(() => drawn.tell(Math.min(done, total), words()))
  yield* Effect.forkScoped(Effect.schedule(tell, Schedule.spaced(isBar ? barEvery : lineEvery)))
  if (drawn !== undefined) yield* Effect.addFinalizer(() => tell)
  return (steps: number): Effect.Effect<void> =>
    Effect.sync(() => {
      done += steps
    })
})

/** The same for what comes as a stream, from its first piece to its last. */
export const alongside = <A, E, R>(
  stream: Stream.Stream<A, E, R>,
  total: number,
  told: Parameters<typeof make>[1],
  stepsOf: (some: ReadonlyArray<A>) => number,
) =>
  Stream.unwrap(
    Effect.map(make(total, told), (advance) =>
      Stream.mapArrayEffect(stream, (some) => Effect.as(advance(stepsOf(some)), some)),
    ),
  )
