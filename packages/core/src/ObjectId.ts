/**
 * New ids in the form Webflow's have: the seconds since 1970 and sixteen random digits, 24 hexadecimal characters.
 */
import { Clock, Effect, Random } from "effect"

const hex = (value: number, digits: number): string => value.toString(16).padStart(digits, "0")

/** Mints one. Ids name things and guard nothing: they need to be unique, not secret. */
export const make: Effect.Effect<string> = Effect.withFiber((fiber) =>
  Effect.succeed(of(fiber.getRef(Clock.Clock).currentTimeMillisUnsafe(), fiber.getRef(Random.Random))),
)

/** One of this moment, in milliseconds since 1970, for who is in the middle of a step. */
export const of = (millis: number, random: typeof Random.Random.Service): string =>
  hex(Math.floor(millis / 1000), 8) + half(random) + half(random)

const half = (random: typeof Random.Random.Service): string =>
  hex(Math.floor(random.nextDoubleUnsafe() * 0x1_0000_0000), 8)
