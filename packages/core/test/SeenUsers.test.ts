/** Where each user of a file came first: what a map would say. */
import { UserId } from "@webflow-users/core"
import fc from "fast-check"
import { expect, it } from "vitest"
import * as SeenUsers from "../src/SeenUsers.ts"

const idOf = (value: bigint): UserId => UserId.make(value.toString(16).padStart(24, "0"))

/** Tells a place of each, as they come, and compares with a map. */
const agrees = (ids: Iterable<UserId>, asked: Iterable<UserId> = []) => {
  const seen = SeenUsers.make()
  const map = new Map<UserId, number>()
  let place = 0
  for (const id of ids) {
    place += 1
    const known = map.get(id)
    if (known === undefined) map.set(id, place)
    // Not by `expect`, which takes longer than all the rest.
    if (seen.firstOf(id, place) !== known) expect.fail(`${id} at ${place} came first at ${known}`)
  }
  for (const id of [...map.keys(), ...asked]) {
    if (seen.has(id) !== map.has(id)) expect.fail(`${id} is taken for ${map.has(id) ? "new" : "known"}`)
  }
  for (const [id, first] of map) if (seen.firstOf(id, place + 1) !== first) expect.fail(`${id} came first at ${first}`)
}

// Few digits, so that many are alike.
const id = fc
  .oneof(fc.stringMatching(/^[01f]{24}$/), fc.stringMatching(/^[0-9a-f]{24}$/), fc.stringMatching(/^0{22}[0-9a-f]{2}$/))
  .map((text) => UserId.make(text))

it("is what a map says, for any ids in any order", () => fc.assert(fc.property(fc.array(id), fc.array(id), agrees)))

it("is what a map says for ids that differ in one digit, or in one of its words", () => {
  const ids = ["000000000000000000000000", "ffffffffffffffffffffffff", "6287ec36a841b25637c663df"].flatMap((base) =>
    Array.from({ length: 24 }, (_, at) =>
      [..."0123456789abcdef"].map((digit) => UserId.make(base.slice(0, at) + digit + base.slice(at + 1))),
    ).flat(),
  )
  agrees(ids)
  for (const one of ids.slice(0, 40)) agrees([one, ...ids.filter((another) => another !== one)])
  const [a, b] = ["6287ec36", "a841b256"] as const
  agrees([a + a + b, a + b + a, b + a + a, a + a + a, b + b + a, b + a + b, a + b + b].map((text) => UserId.make(text)))
})

it("holds for many thousands, one after the other, far apart, and twice", () => {
  for (const step of [1n, 256n, 2n ** 24n, 2n ** 32n, 2n ** 56n, 2n ** 64n, 0x9e3779b97f4a7c15n]) {
    const ids = Array.from({ length: 20_000 }, (_, index) => idOf((BigInt(index) * step) % 2n ** 96n))
    agrees([...ids, ...ids], [idOf(2n ** 96n - 1n)])
  }
})

it("keeps places as large as files can have them", () => {
  const seen = SeenUsers.make()
  expect(seen.firstOf(idOf(1n), 4_000_000_000)).toBeUndefined()
  expect(seen.firstOf(idOf(1n), 4_000_000_001)).toBe(4_000_000_000)
})
