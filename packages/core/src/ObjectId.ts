/**
 * New ids in the form Webflow's have: the seconds since 1970 and sixteen random digits, 24 hexadecimal characters.
 */
import { Clock, Effect, Random } from "effect"

const hex = (value: number, digits: number): string => value.toString(16).padStart(digits, "0")

/** Mints one. Ids name things and guard nothing: they need to be unique, not secret. */
export const make: Effect.Effect<string> = Effect.gen(function* () {
  const seconds = Math.floor((yield* Clock.currentTimeMillis) / 1000)
  const left = yield* Random.nextIntBetween(0, 0xffff_ffff)
  const right = yield* Random.nextIntBetween(0, 0xffff_ffff)
  return hex(seconds, 8) + hex(left, 8) + hex(right, 8)
})
