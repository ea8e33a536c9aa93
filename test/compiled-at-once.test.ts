/** What the bundles' functions are made into, so that V8 compiles them with their file: the program has to stay what it was. */
import { runInNewContext } from "node:vm"
import { expect, it } from "vitest"
import { compiledAtOnce } from "../scripts/bundle/compiled-at-once.mjs"

/** Every place there is: all functions are taken for called. */
const everywhere = (text: string): ReadonlySet<string> =>
  new Set(
    Array.from({ length: text.length + 1 }, (_, start) =>
      Array.from({ length: text.length + 1 - start }, (__, length) => `${start}-${start + length}`),
    ).flat(),
  )

const rewritten = (text: string, isFirst = true) => compiledAtOnce(text, everywhere(text), isFirst)

it.each([
  ["an expression", "(f => f(2))((a) => a => a)(3)"],
  ["a declaration that is called before it stands there", "made(); function made() { return made.name + made.length }"],
  [
    "one within another, behind a directive",
    "function f() { 'use strict'; return g(); function g() { return this } } f()",
  ],
  ["one that writes over its name", "function f() { f = () => 2; return 1 } f() + f()"],
  ["one in a block, which stays where it is", "if (true) { function f() { return 1 } } f()"],
  [
    "generators and what is waited for",
    "function* g() { yield* [1, 2] } async function w() {} [...g(), w.constructor.name].join()",
  ],
  [
    "methods",
    "const o = { m(a = 1) { return this.n + a }, n: 1, ['c' + 1]() { return 5 }, *g() { yield 7 } }; [o.m(), o.c1(), ...o.g(), o.m.name].join()",
  ],
  [
    "methods that say super, getters and classes",
    "const p = { m() { return 1 } }; class A { #a = () => 4; get b() { return this.#a() } }; const o = { __proto__: p, get g() { return 2 }, m() { return super.m() + this.g + new A().b } }; o.m()",
  ],
])("%s does the same", (_, text) => {
  const made = rewritten(text)
  expect(runInNewContext(made)).toStrictEqual(runInNewContext(text))
})

it("puts into parentheses what is called, and nothing else", () => {
  const text = "const a = () => 1, b = () => 2; function c() {} const o = { d() {} }"
  const called = (...parts: ReadonlyArray<string>) =>
    new Set(parts.map((part) => `${text.indexOf(part)}-${text.indexOf(part) + part.length}`))
  expect(compiledAtOnce(text, called("() => 1", "d() {}"), true)).toBe(
    "const a = (() => 1), b = () => 2; function c() {} const o = { d:(function() {}) }",
  )
  expect(compiledAtOnce(text, called("function c() {}"), true)).toBe(
    "var c=(function() {});const a = () => 1, b = () => 2; ; const o = { d() {} }",
  )
})

it("leaves the declarations of a file where they are that others call before it is evaluated", () => {
  expect(rewritten("function f() { function g() {} }", false)).toBe("function f() { var g=(function() {});; }")
})

it("keeps the line by which a shell runs a file first", () => {
  expect(rewritten("#!/usr/bin/env node\nfunction f() {}")).toBe("#!/usr/bin/env node\nvar f=(function() {});;")
})
