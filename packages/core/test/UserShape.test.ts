/** What a client tells a user by is what the schemas say a user is. */
import { describe, expect, it } from "@effect/vitest"
import * as Core from "@webflow-users/core"
import { Schema } from "effect"
import fc from "fast-check"
import * as UserShape from "../src/UserShape.ts"
import { user } from "./arbitraries.ts"

const json = fc.constantFrom<unknown>(null, "text", 7, 0.5, true, [], {}, [{}])
const anything = fc.oneof(json, fc.constantFrom<unknown>(undefined, Number.NaN, new Date(0)))

/** The same value with one thing in it made something else, or taken away. */
const spoiled = (value: unknown, other: fc.Arbitrary<unknown>): fc.Arbitrary<unknown> => {
  if (typeof value !== "object" || value === null || Object.keys(value).length === 0) return other
  return fc.oneof(
    other,
    fc.constantFrom(...Object.keys(value)).chain((key) => {
      const { [key]: part, ...rest } = value as Record<string, unknown>
      const without = Array.isArray(value) ? value.filter((_, index) => String(index) !== key) : rest
      const withPart = (changed: unknown) =>
        Array.isArray(value)
          ? value.map((one: unknown, index) => (String(index) === key ? changed : one))
          : { ...value, [key]: changed }
      return fc.oneof(fc.constant<unknown>(without), spoiled(part, other).map(withPart))
    }),
  )
}

/** With all that a user can have, so that each can be spoiled. */
const whole = user.map((one) => ({
  lastLogin: null,
  ...one,
  data: { "accept-communications": null, ...one.data },
}))

const page = fc.record({
  count: fc.nat(),
  limit: fc.nat(),
  offset: fc.nat(),
  total: fc.nat(),
})
const text = fc.string()
const group = fc.record({ id: text, name: text, shortId: text, slug: text, createdOn: text, more: fc.jsonValue() })

describe.each([
  ["a user", UserShape.isUser, Schema.is(Core.User), whole, json],
  [
    "a page of users",
    UserShape.isUserPage,
    Schema.is(Core.UserPage),
    fc.tuple(page, fc.array(whole, { maxLength: 3 })).map(([part, users]) => ({ ...part, users })),
    json,
  ],
  [
    "a page of access groups",
    UserShape.isAccessGroupPage,
    Schema.is(Core.AccessGroupPage),
    fc.tuple(page, fc.array(group, { maxLength: 3 })).map(([part, accessGroups]) => ({ ...part, accessGroups })),
    json,
  ],
  ["a value of JSON", UserShape.isJson, Schema.is(Schema.Json), fc.jsonValue(), anything],
] as const)("%s", (_, isShaped, isBySchema, arbitrary: fc.Arbitrary<unknown>, other) => {
  it("is one here as well as there", () =>
    fc.assert(
      fc.property(arbitrary, (value) => {
        expect([isShaped(value), isBySchema(value)]).toEqual([true, true])
      }),
    ))

  it("and is none here where it is none there", () => {
    const verdicts = new Set<boolean>()
    fc.assert(
      fc.property(
        arbitrary.chain((value) => spoiled(value, other)),
        (value) => {
          const verdict = isBySchema(value)
          verdicts.add(verdict)
          expect(isShaped(value)).toBe(verdict)
        },
      ),
      { numRuns: 2_000 },
    )
    expect(verdicts).toEqual(new Set([true, false]))
  })
})

it("a value that holds itself is none of JSON, nor is one of a class", () => {
  const holding: { self?: unknown } = {}
  holding.self = holding
  expect([holding, new Date(), new Map(), Array.from("a", () => undefined)].filter(UserShape.isJson)).toEqual([])
})
