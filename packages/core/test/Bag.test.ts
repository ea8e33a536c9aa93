/** What is there for a while: who is there, and that who has gone is not kept. */
import { getHeapSpaceStatistics, setFlagsFromString } from "node:v8"
import { runInNewContext } from "node:vm"
import { expect, it } from "vitest"
import fc from "fast-check"
import * as Bag from "../src/Bag.ts"

it("has those that have come and not gone, whoever goes first", () => {
  fc.assert(
    fc.property(fc.array(fc.nat(9), { maxLength: 200 }), (steps) => {
      const bag = Bag.make<number>()
      const there = new Map<number, () => void>()
      const gone: Array<() => void> = []
      for (const [at, step] of steps.entries()) {
        const known = [...there.keys()]
        const leaving = known[step]
        if (step % 2 === 0 || leaving === undefined) there.set(at, bag.add(at))
        else {
          const leave = there.get(leaving)
          there.delete(leaving)
          leave?.()
          if (leave !== undefined) gone.push(leave)
        }
        // Who goes twice has gone once.
        gone.at(step)?.()
        expect(bag.size()).toBe(there.size)
        expect(bag.values().toSorted((a, b) => a - b)).toStrictEqual([...there.keys()])
      }
    }),
  )
})

it("does not keep who has gone until the next large collection", () => {
  const bag = Bag.make<object>()
  expect(keptOf((one) => bag.add(one))).toBeLessThan(0.01)
})

const old = () => getHeapSpaceStatistics().find(({ space_name }) => space_name === "old_space")?.space_used_size ?? 0

/** Lets many pass through that are there 50 at a time. Gives the part of them that came into the old generation. */
const keptOf = (add: (one: object) => () => unknown): number => {
  setFlagsFromString("--expose-gc")
  const collect = runInNewContext("gc") as (options?: { readonly type: "minor" }) => void
  const there: Array<() => unknown> = []
  const [many, bytes] = [20_000, 2_000]
  collect()
  const before = old()
  for (let at = 0; at < many; at += 1) {
    there.push(add({ parts: Array.from({ length: bytes / 40 }, (_, index) => ({ index })) }))
    if (there.length > 50) there.shift()?.()
    if (at % 500 === 0) collect({ type: "minor" })
  }
  return (old() - before) / (many * bytes)
}
