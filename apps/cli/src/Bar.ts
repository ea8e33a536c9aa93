/** A bar on a terminal that shows how far something is. */
import { Effect } from "effect"

/** Draws it, until the scope ends. The words stand beside it. */
export const draw = Effect.fnUntraced(function* (total: number, at: number, words: string) {
  // Loaded here, so that no other command waits for it.
  const { SingleBar } = yield* Effect.promise(async () => (await import("cli-progress")).default)
  const drawn = new SingleBar({
    // The whole of it fits a terminal of 80 columns.
    format: "{bar} {words}",
    barCompleteChar: "█",
    barIncompleteChar: "░",
    barsize: 10,
    stream: process.stderr,
    hideCursor: true,
    // Ctrl-C is heard elsewhere, where what is under way comes to its end.
    gracefulExit: false,
  })
  drawn.start(total, at, { words })
  const end = Effect.sync(() => drawn.stop())
  // Whoever ends the process at once is given back the cursor, too.
  const stopAtExit = () => drawn.stop()
  process.once("exit", stopAtExit)
  yield* Effect.addFinalizer(() =>
    Effect.andThen(
      end,
      Effect.sync(() => process.off("exit", stopAtExit)),
    ),
  )
  return { tell: (now: number, said: string) => Effect.sync(() => drawn.update(now, { words: said })), end }
})
