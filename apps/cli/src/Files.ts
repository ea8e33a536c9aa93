/** Files, standard input and all else of the system, for commands that need more than their arguments: loaded when they are. */
import { Effect, Layer } from "effect"

export const files = Layer.unwrap(
  Effect.map(
    Effect.promise(() => import("@effect/platform-node/NodeServices")),
    ({ layer }) => layer,
  ),
)
