/** Pieces of work that are done together: when, in which order, and what becomes of them where one fails. */
import { expect, it } from "vitest"
import * as Gathering from "../src/Gathering.ts"

/** Does what was put off when it is told to, once for each time that it was asked to. */
const gathering = (work: (name: string) => void) => {
  const waiting: Array<() => void> = []
  return {
    take: Gathering.make((begin) => void waiting.push(begin), work),
    asked: () => waiting.length,
    go: () => waiting.shift()?.(),
  }
}

it("does nothing before it is time, and then all of it in the order in which it came", () => {
  const done: Array<string> = []
  const { take, asked, go } = gathering((name) => done.push(name))
  for (const name of ["a", "b", "c"]) take(name)
  expect(done).toStrictEqual([])
  expect(asked()).toBe(1)
  go()
  expect(done).toStrictEqual(["a", "b", "c"])
})

it("leaves what comes meanwhile to the next time", () => {
  const done: Array<string> = []
  const { take, asked, go } = gathering((name) => {
    done.push(name)
    if (name.length < 3) take(`${name}!`)
  })
  take("a")
  take("b")
  go()
  expect(done).toStrictEqual(["a", "b"])
  expect(asked()).toBe(1)
  go()
  expect(done).toStrictEqual(["a", "b", "a!", "b!"])
})

it("goes on after one that throws with those behind it, before what came meanwhile", () => {
  const done: Array<string> = []
  const { take, go } = gathering((name) => {
    if (name === "bad") throw new Error("bad")
    done.push(name)
    if (name === "a") take("later")
  })
  for (const name of ["a", "bad", "b", "c"]) take(name)
  expect(go).toThrow("bad")
  go()
  expect(done.toSorted()).toStrictEqual(["a", "b", "c", "later"])
  expect(done.indexOf("b")).toBeLessThan(done.indexOf("c"))
})
