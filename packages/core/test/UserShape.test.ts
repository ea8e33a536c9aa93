/** What a client tells a user by is what the schemas say a user is, but for what it keeps of a server's on purpose. */
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

const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === "object" && value !== null && !Array.isArray(value)
const without = (value: unknown, keys: ReadonlyArray<string>): unknown =>
  isObject(value) ? Object.fromEntries(Object.entries(value).filter(([key]) => !keys.includes(key))) : value

/** What may be anything in a server's user, and is kept as it came. */
const keptOfUser = ["isEmailVerified", "lastUpdated", "invitedOn", "createdOn", "lastLogin", "status"]
const keptOfData = ["name", "email", "accept-privacy", "accept-communications"]
/** A user without what is kept whatever it is, and with a type of group that is known. */
const strict = (value: unknown): unknown => {
  if (!isObject(value)) return value
  const { accessGroups, data, ...rest } = value
  return {
    ...(without(rest, keptOfUser) as object),
    ...("accessGroups" in value && {
      accessGroups: Array.isArray(accessGroups)
        ? accessGroups.map((one: unknown) => (isObject(one) ? { ...one, type: "admin" } : one))
        : accessGroups,
    }),
    ...("data" in value && { data: without(data, keptOfData) }),
  }
}
const strictPage = (value: unknown): unknown =>
  isObject(value) && Array.isArray(value["users"]) ? { ...value, users: value["users"].map(strict) } : value

describe.each([
  ["a user", UserShape.isUser, Schema.is(Core.User), whole, json],
  [
    "a server's user, but for what is kept",
    UserShape.isReadableUser,
    (value: unknown) => Schema.is(Core.User)(strict(value)),
    whole,
    json,
  ],
  [
    "a page of a server's users, but for what is kept",
    UserShape.isUserPage,
    (value: unknown) => Schema.is(Core.UserPage)(strictPage(value)),
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

it("all that is kept can be anything in a server's user, and is none to be stored", () => {
  const id = "6287ec36a841b25637c663df"
  const of = (rest: object, data: object) => ({ id, accessGroups: [], data, ...rest })
  const odd = [
    ...keptOfUser.map((key) => of({ [key]: ["new"] }, {})),
    ...keptOfData.map((key) => of({}, { [key]: ["new"] })),
    of({ accessGroups: [{ slug: "a", type: "new" }] }, {}),
    of({ accessGroups: [{ slug: "a" }] }, {}),
  ]
  expect(odd.filter((one) => !UserShape.isReadableUser(one))).toEqual([])
  expect(odd.filter(UserShape.isUser)).toEqual([])
})

it("a value that holds itself is none of JSON, nor is one of a class", () => {
  const holding: { self?: unknown } = {}
  holding.self = holding
  expect([holding, new Date(), new Map(), Array.from("a", () => undefined)].filter(UserShape.isJson)).toEqual([])
})
