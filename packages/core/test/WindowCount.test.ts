import { describe, expect, it } from "vitest"
import * as WindowCount from "../src/WindowCount.ts"

describe("a count of the last window", () => {
  it("is over a window later, and not before", () => {
    const count = WindowCount.make(60_000)
    count.add(0, 2)
    count.add(100, 3)
    count.forget(59_999)
    expect([count.total(), count.nextEnd()]).toEqual([5, 60_000])
    count.forget(60_000)
    expect(count.total()).toBe(3)
    count.forget(60_200)
    expect([count.total(), count.nextEnd()]).toEqual([0, Number.POSITIVE_INFINITY])
  })

  it("takes no more room than a thousand steps, and loses none of what it counts", () => {
    const count = WindowCount.make(60_000)
    for (let now = 0; now < 60_000; now += 1) count.add(now, 1_000_000)
    expect(count.total()).toBe(60_000 * 1_000_000)
    expect(count.endings().length).toBeLessThanOrEqual(1_001)
  })
})

describe("the wait for a place", () => {
  const taken = { limit: 4, window: 60, underWay: 0 }
  const endings = [
    { at: 30, count: 1 },
    { at: 50, count: 1 },
    { at: 10, count: 2 },
  ]

  it.each([
    [0, 10],
    [1, 10],
    [2, 30],
    [3, 50],
    [4, 70],
  ])("behind %i others is %i, by what ends first", (ahead, wait) =>
    expect(WindowCount.waitFor(ahead, { ...taken, endings }, 0)).toBe(wait),
  )

  it.each([
    [0, 0],
    [1, 30],
    [2, 50],
    [3, 60],
    [4, 60],
  ])("behind %i others, where one place is free and one is under way, is %i", (ahead, wait) =>
    expect(WindowCount.waitFor(ahead, { ...taken, endings: endings.slice(0, 2), underWay: 1 }, 0)).toBe(wait),
  )

  it("is none where there is no limit", () =>
    expect(WindowCount.waitFor(9, { ...taken, limit: Number.POSITIVE_INFINITY, endings }, 0)).toBe(0))
})
