import { JsonBody } from "@webflow-users/core/wire"
import { Result } from "effect"
import { describe, expect, it } from "vitest"

const bytes = (text: string) => new TextEncoder().encode(text)
const parsed = (body: Uint8Array) => Result.getOrThrow(JsonBody.parseJsonBody(body))
const refusal = (body: Uint8Array) => {
  const result = JsonBody.parseJsonBody(body)
  return Result.isFailure(result) ? result.failure : "accepted"
}
const lists = (depth: number) => bytes("[".repeat(depth) + "]".repeat(depth))
const objects = (depth: number) => bytes('{"a":'.repeat(depth) + "0" + "}".repeat(depth))

describe("a request's body", () => {
  it.each([
    ["no bytes", new Uint8Array(), {}],
    ["white space", bytes(" \r\n\t"), {}],
    ["a byte order mark alone", bytes("\u{FEFF}"), {}],
    ["a byte order mark and an object", bytes('\u{FEFF}{"a":1}'), { a: 1 }],
    ["text in any language", bytes('{"name":"名前 😀"}'), { name: "名前 😀" }],
    ["null", bytes("null"), null],
    ["a number", bytes("5"), 5],
  ])("may be %s", (_, body, json) => expect(parsed(body)).toStrictEqual(json))

  it.each([
    ["JSON that ends early", bytes('{"name":"secret'), "The body is not valid JSON"],
    ["two values", bytes('{"name":"secret"} {}'), "The body is not valid JSON"],
    ["a form", bytes("name=secret"), "The body is not valid JSON"],
    ["a stray byte", Uint8Array.of(...bytes('"secret'), 0xff, 0x22), "The body is not valid UTF-8"],
    ["a surrogate in UTF-8", Uint8Array.of(...bytes('"secret'), 0xed, 0xa0, 0x80, 0x22), "The body is not valid UTF-8"],
    ["UTF-16", Uint8Array.of(0xff, 0xfe, 0x7b, 0, 0x7d, 0), "The body is not valid UTF-8"],
    ["33 lists in each other", lists(33), "The body is nested more than 32 levels deep"],
    ["33 objects in each other", objects(33), "The body is nested more than 32 levels deep"],
    [
      "something deep beside something flat",
      bytes(`[{},[${"[".repeat(31)}${"]".repeat(31)}],0]`),
      "The body is nested more than 32 levels deep",
    ],
  ])("must not be %s, and the answer repeats nothing of it", (_, body, message) =>
    expect(refusal(body)).toMatchObject({ _tag: "BadRequest", status: 400, code: "bad_request", message, details: [] }),
  )

  it("may be nested 32 levels deep", () => {
    expect(parsed(lists(32))).toStrictEqual(JSON.parse("[".repeat(32) + "]".repeat(32)))
    expect(refusal(objects(32))).toBe("accepted")
  })

  it("is refused, not walked to its end, when it is nested 100,000 levels deep", () =>
    expect(refusal(lists(100_000))).toMatchObject({ message: "The body is nested more than 32 levels deep" }))
})
