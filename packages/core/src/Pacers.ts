/** The pacers of a server's tokens. */
import { Clock, Effect, FiberSet, Random, type Scope } from "effect"
import * as Pacer from "./Pacer.ts"

/** The most tokens that are kept in mind. Whoever passes on what tokens strangers bring must not grow with them. */
const maxTokens = 1_000

/** Gives each token its pacer, the same one whenever it is asked for. */
export const make = Effect.fnUntraced(function* (
  options: Pacer.Options = {},
): Effect.fn.Return<(token: string) => Pacer.Pacer, never, Scope.Scope> {
  const means = {
    clock: yield* Clock.Clock,
    random: yield* Random.Random,
    run: yield* FiberSet.runtime(yield* FiberSet.make<void>())(),
  }
  const pacers = new Map<string, Pacer.Pacer>()
  let last: { readonly token: string; readonly pacer: Pacer.Pacer } | undefined
  return (token) => {
    if (last?.token === token) return last.pacer
    const pacer = pacers.get(token) ?? Pacer.of(options, means)
    // The last one asked for is the last one in the map.
    pacers.delete(token)
    if (pacers.size >= maxTokens) pacers.delete(leastNeeded(pacers))
    pacers.set(token, pacer)
    last = { token, pacer }
    return pacer
  }
})

const leastNeeded = (pacers: ReadonlyMap<string, Pacer.Pacer>): string => {
  for (const [token, pacer] of pacers) if (pacer.isIdle()) return token
  return pacers.keys().next().value ?? ""
}
