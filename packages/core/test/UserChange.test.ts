/** A change among many: what it says, whom it is about, and what the texts of a table stand for. */
import {
  type SiteDeclaration,
  UpdatePolicy,
  UserChange,
  type User,
  type UserData,
  UserId,
  UserPatch,
} from "@webflow-users/core"
import { DateTime, Result } from "effect"
import fc from "fast-check"
import { describe, expect, it } from "vitest"
import { userAndBody } from "./arbitraries.ts"

const id = "6287ec36a841b25637c663df"
const email = "ada@example.com"
const now = DateTime.makeUnsafe("2024-06-01T12:00:00.000Z")

const userWith = (data: UserData = {}): User => ({
  id: UserId.make(id),
  accessGroups: [{ slug: "gold", type: "admin" }],
  data: { name: "Ada", email, ...data },
})

/** Whatever was read, or the problems as `param: description`. */
const read = (result: ReturnType<typeof UserChange.fromJson>) =>
  Result.match(result, {
    onSuccess: (change): unknown => change,
    onFailure: (details) => details.map(({ param, description }) => `${param}: ${description}`),
  })
const fromLine = (line: string) => read(UserChange.fromJson(JSON.parse(line)))
const paramsOf = (line: object) => {
  const result = UserChange.fromJson(line)
  return Result.isFailure(result) ? result.failure.map(({ param }) => param) : "accepted"
}

describe("a change", () => {
  it("is read as it is written down", () => {
    const whole = { id, email, data: { drink: "Tea" }, addGroups: ["gold"], removeGroups: ["silver"] }
    expect(read(UserChange.fromJson(whole))).toStrictEqual(whole)
    const set = { email, accessGroups: ["gold", { slug: "course", type: "ecommerce" }] }
    expect(read(UserChange.fromJson(set))).toStrictEqual(set)
    expect(read(UserChange.fromJson({ id: id.toUpperCase() }))).toStrictEqual({ id: id.toUpperCase() })
  })

  it("may have the reason beside it for which it failed, which is no part of it", () => {
    expect(read(UserChange.fromJson({ id, error: "the site has no such user" }))).toStrictEqual({ id })
    expect(read(UserChange.fromJson({ id, error: null }))).toStrictEqual({ id })
  })

  it("is an object", () => {
    for (const line of ["null", "[]", '"id"', "12", "[1]"]) {
      expect(fromLine(line)).toEqual(["change: must be a JSON object"])
    }
  })

  it("has no other properties, and each of them is named", () => {
    const has = "is not part of a change: it has id, email, data, accessGroups, addGroups, removeGroups"
    expect(fromLine(`{"id":"${id}","name":"Ada","__proto__":{},"constructor":1,"toString":null,"Error":1}`)).toEqual([
      `name: ${has}`,
      `__proto__: ${has}`,
      `constructor: ${has}`,
      `toString: ${has}`,
      `Error: ${has}`,
    ])
    expect(fromLine(`{"id":"${id}","${"x".repeat(100)}\\n":1}`)).toEqual([`${"x".repeat(64)}…: ${has}`])
  })

  it("names its user by texts, and its groups in lists of texts", () => {
    expect(fromLine('{"id":7,"email":null,"addGroups":"gold","removeGroups":["a",1]}')).toEqual([
      "id: must be text",
      "email: must be text",
      "addGroups: must be a list of slugs",
      "removeGroups: must be a list of slugs",
    ])
  })

  it("says which user", () => {
    expect(fromLine('{"data":{}}')).toEqual(["id: nothing says which user: an id or an e-mail address has to"])
    expect(paramsOf({ id: "12" })).toEqual(["id"])
    expect(paramsOf({ id: "" })).toEqual(["id"])
    expect(paramsOf({ email: "ada at example.com" })).toEqual(["email"])
    expect(paramsOf({ id: "12", email: "" })).toEqual(["id", "email"])
    expect(UserChange.who({ id: id.toUpperCase(), email })).toEqual({ id })
    expect(UserChange.who({ email })).toEqual({ email })
  })

  it("says what the groups are, or which are joined or left", () => {
    expect(paramsOf({ id, accessGroups: [], addGroups: ["gold"] })).toEqual(["accessGroups"])
    expect(paramsOf({ id, accessGroups: [], removeGroups: ["gold"] })).toEqual(["accessGroups"])
    expect(paramsOf({ id, accessGroups: [], addGroups: [], removeGroups: [] })).toBe("accepted")
    expect(fromLine(`{"id":"${id}","addGroups":["a","b"],"removeGroups":["c","b"]}`)).toEqual([
      "removeGroups: b is to be added, too",
    ])
  })

  it("names groups by slugs of at most 256 characters", () => {
    const [longest, longer] = ["x".repeat(256), "x".repeat(257)]
    expect(paramsOf({ id, addGroups: [longest], removeGroups: [] })).toBe("accepted")
    expect(paramsOf({ id, addGroups: [longer, " "], removeGroups: ["\u{D800}"] })).toEqual([
      "addGroups",
      "addGroups",
      "removeGroups",
    ])
  })
})

const applied = (to: User, change: UserChange.UserChange, policy?: UpdatePolicy.UpdatePolicy) =>
  UserPatch.apply(to, UserPatch.UserPatch.from(UserChange.patchOf(change, policy)), now, policy && { policy })
const refusal = (to: User, change: UserChange.UserChange, policy?: UpdatePolicy.UpdatePolicy) => {
  const result = applied(to, change, policy)
  return Result.isFailure(result) ? result.failure.details : "accepted"
}

describe("what a change does", () => {
  it("is what the body of a request would, whatever that says", () =>
    fc.assert(
      fc.property(userAndBody, ([user, { data, accessGroups }]) => {
        const body = { ...(data !== undefined && { data }), ...(accessGroups !== undefined && { accessGroups }) }
        const change = Result.getOrThrow(UserChange.fromJson({ id: user.id, ...body }))
        const patch = UserChange.patchOf(change)
        expect(patch).toStrictEqual(UserPatch.UserPatch.from(body))
      }),
    ))

  it("is to join and to leave groups", () => {
    const change = { id, addGroups: ["silver"], removeGroups: ["gold"] }
    expect(UserChange.patchOf(change).groups).toEqual({ _tag: "EditGroups", add: ["silver"], remove: ["gold"] })
    expect(UserChange.patchOf({ id, removeGroups: ["gold"] }).groups).toMatchObject({ add: [], remove: ["gold"] })
    expect(UserChange.patchOf({ id, addGroups: [], removeGroups: [] }).groups).toBeUndefined()
    expect(Result.getOrThrow(applied(userWith(), change)).accessGroups).toEqual([{ slug: "silver", type: "admin" }])
  })

  it("needs the address to be the user's, where it says both, also where addresses are ignored", () => {
    const policy = { ...UpdatePolicy.standard, emailAndPassword: "ignore" } as const
    for (const rules of [undefined, policy]) {
      expect(refusal(userWith(), { id, email }, rules)).toBe("accepted")
      expect(refusal(userWith(), { id, email: "other@example.com", data: { name: "x" } }, rules)).toEqual([
        { param: "email", description: "is not the address of the user with this id, and cannot be updated" },
      ])
      const both = { id, email: "other@example.com", data: { name: null } }
      expect(refusal(userWith(), both, rules)).toMatchObject([{ param: "data.name" }, { param: "email" }])
      expect(refusal(userWith({ email: null }), { id, email }, rules)).toMatchObject([{ param: "email" }])
      expect(refusal(userWith(), { email: "other@example.com" }, rules)).toBe("accepted")
    }
  })

  it("is held to what a field may be", () => {
    const fields = {
      ["__proto__"]: "x",
      constructor: "x",
      toString: "x",
      long: "x".repeat(257),
      longest: "x".repeat(256),
      name: null,
      "accept-privacy": "maybe",
      password: "p",
    }
    expect(refusal(userWith(), Result.getOrThrow(UserChange.fromJson({ id, data: fields })))).toMatchObject([
      { param: "data.__proto__", description: "is not a name for a field" },
      { param: "data.constructor", description: "is not a name for a field" },
      { param: "data.long", description: "must be at most 256 characters long" },
      { param: "data.name", description: "cannot be cleared" },
      { param: "data.accept-privacy", description: "must be true or false" },
      { param: "data.password", description: "cannot be updated" },
    ])
  })

  it("is told in its own words where it cannot be done", () => {
    const details = [
      { param: "accessGroups", description: "gold: no such access group" },
      { param: "accessGroups", description: "silver: it is of type ecommerce" },
      { param: "accessGroups", description: "a user can be in at most 200" },
      { param: "data.accessGroups", description: "is wrong" },
    ]
    const paramsFor = (change: UserChange.UserChange) =>
      UserChange.problemsOf(change, details).map(({ param }) => param)
    expect(UserChange.problemsOf({ id, addGroups: ["gold"], removeGroups: ["silver"] }, details)).toEqual([
      { ...details[0], param: "addGroups" },
      { ...details[1], param: "removeGroups" },
      { ...details[2], param: "addGroups" },
      details[3],
    ])
    // Of groups whose names begin alike, and of one with a name too long to be shown.
    expect(paramsFor({ id, addGroups: ["gold"], removeGroups: ["go"] })[0]).toBe("addGroups")
    const long = "x".repeat(100)
    const [problem] = UserChange.problemsOf({ id, addGroups: ["gold"], removeGroups: [long] }, [
      { param: "accessGroups", description: `${"x".repeat(64)}…: it is of type ecommerce` },
    ])
    expect(problem?.param).toBe("removeGroups")
    expect(paramsFor({ id, removeGroups: ["silver"] }).slice(0, 3)).toEqual(Array(3).fill("removeGroups"))
    expect(paramsFor({ id, addGroups: ["silver"] }).slice(0, 3)).toEqual(Array(3).fill("addGroups"))
    expect(paramsFor({ id, accessGroups: [] }).slice(0, 3)).toEqual(Array(3).fill("accessGroups"))
  })
})

const declaration: SiteDeclaration.SiteDeclaration = {
  fields: [
    { slug: "age", type: "Number" },
    { slug: "member", type: "Switch" },
    { slug: "motto", type: "PlainText" },
    { slug: "toString", type: "Number" },
    {
      slug: "drink",
      type: "Option",
      options: [
        { slug: "tea", name: "Tea" },
        { slug: "coffee", name: "tea" },
        { slug: "milk-1", name: "Milk" },
        { slug: "milk-2", name: "Milk" },
        { slug: "juice", name: "Orange juice", id: "7" },
      ],
    },
  ],
}

/** What the text of a cell stands for in a field, of a user who has there what is stored. */
const typed = (key: string, text: string, stored?: UserData[string], rules: SiteDeclaration.SiteDeclaration = {}) => {
  const user = userWith(stored === undefined ? {} : Object.fromEntries([[key, stored]]))
  const { data } = UserChange.withTypes({ id, data: { [key]: text } }, user, rules)
  return (data as UserPatch.UserPatch["data"])[key]
}
const numbers: ReadonlyArray<readonly [text: string, value: number | string]> = [
  ["12", 12],
  ["1e3", 1000],
  ["1E-2", 0.01],
  ["0012", 12],
  [" 12 ", 12],
  ["-1.5", -1.5],
  ["9007199254740991", Number.MAX_SAFE_INTEGER],
  ["12,5", "12,5"],
  ["12 000", "12 000"],
  ["0x10", "0x10"],
  ["1.", "1."],
  [".5", ".5"],
  ["+5", "+5"],
  ["12px", "12px"],
  ["x12", "x12"],
  ["NaN", "NaN"],
  ["Infinity", "Infinity"],
  ["9007199254740993", "9007199254740993"],
  ["true", "true"],
]

describe("a text of a table", () => {
  it("is the number it looks like where the field is declared or stored as one, and otherwise itself", () => {
    for (const [text, value] of numbers) {
      expect([text, typed("age", text, undefined, declaration)]).toStrictEqual([text, value])
      expect([text, typed("age", text, "old", declaration)]).toStrictEqual([text, value])
      expect([text, typed("size", text, 7)]).toStrictEqual([text, value])
      if (text !== "true") {
        expect(typed("size", text)).toBe(text)
        expect(typed("size", text, "7")).toBe(text)
        expect(typed("size", text, true)).toBe(text)
      }
      expect(typed("motto", text, 7, declaration)).toBe(text)
    }
    // No store keeps a minus zero.
    expect(typed("size", "-0", 7)).toBe(0)
  })

  it("is true or false where the field is declared or stored as that, in the ways an import knows", () => {
    for (const [text, value] of [
      ["true", true],
      ["TRUE", true],
      [" yes ", true],
      ["No", false],
      ["false", false],
      ["1", "1"],
      ["", ""],
      ["maybe", "maybe"],
    ] as const) {
      expect([text, typed("member", text, undefined, declaration)]).toStrictEqual([text, value])
      expect([text, typed("member", text, "yes", declaration)]).toStrictEqual([text, value])
      expect([text, typed("optIn", text, false)]).toStrictEqual([text, value])
      expect([text, typed("accept-privacy", text)]).toStrictEqual([text, value])
      expect([text, typed("accept-communications", text, "yes", declaration)]).toStrictEqual([text, value])
    }
  })

  it("is true or false where nothing tells, exactly so written, as in an import", () => {
    for (const stored of [undefined, null]) {
      expect(typed("optIn", "true", stored)).toBe(true)
      expect(typed("optIn", "false", stored)).toBe(false)
      for (const text of ["TRUE", "yes", " true", "1"]) expect(typed("optIn", text, stored)).toBe(text)
    }
    for (const stored of ["no", 1, { id: "1", name: "x", slug: "x" }, ["a"]]) {
      expect(typed("optIn", "true", stored)).toBe("true")
    }
    expect(typed("motto", "true", undefined, declaration)).toBe("true")
    // A field that is not declared beside those that are.
    expect(typed("other", "true", undefined, declaration)).toBe(true)
    expect(typed("name", "true")).toBe("true")
    expect(typed("name", "12", 7, declaration)).toBe("12")
  })

  it("is the option with that slug, or else that name, where the field has one", () => {
    const stored = { id: "1", name: "Tea", slug: "green" }
    expect(typed("drink", "green", stored)).toStrictEqual(stored)
    expect(typed("drink", " Tea ", stored)).toStrictEqual(stored)
    expect(typed("drink", "tea", stored)).toBe("tea")
    expect(typed("drink", "Coffee", stored)).toBe("Coffee")

    expect(typed("drink", "tea", undefined, declaration)).toBe("tea")
    expect(typed("drink", "Tea", undefined, declaration)).toBe("tea")
    expect(typed("drink", " Orange juice ", undefined, declaration)).toBe("juice")
    // Which one is meant, the name does not say.
    expect(typed("drink", "Milk", undefined, declaration)).toBe("Milk")
    expect(typed("drink", "Water", undefined, declaration)).toBe("Water")
    // What is stored stays what it is, also where it has been declared otherwise since; a slug goes before a name.
    expect(typed("drink", "Tea", stored, declaration)).toStrictEqual(stored)
    expect(typed("drink", "tea", { id: "1", name: "Old", slug: "tea" }, declaration)).toMatchObject({ name: "Old" })
    expect(typed("drink", "tea", { id: "1", name: "tea", slug: "old" }, declaration)).toBe("tea")
  })

  it("is typed by what the user has, not by what every object has", () => {
    for (const key of ["toString", "constructor", "__proto__", "hasOwnProperty"]) {
      expect(typed(key, "true")).toBe(true)
      expect(typed(key, "12")).toBe("12")
    }
    expect(typed("toString", "12", undefined, declaration)).toBe(12)
    const { data } = UserChange.withTypes(
      { id, data: Object.fromEntries([["__proto__", "12"]]) },
      userWith(Object.fromEntries([["__proto__", 7]]) as UserData),
      {},
    )
    expect(Object.entries(data ?? {})).toEqual([["__proto__", 12]])
  })

  it("is nothing else than what is no text", () => {
    const change = { id, data: { age: null, member: 1, motto: "x" }, addGroups: ["gold"] }
    expect(UserChange.withTypes(change, userWith(), declaration)).toStrictEqual(change)
    expect(UserChange.withTypes({ id }, userWith(), declaration)).toStrictEqual({ id })
  })
})
