import { UserPatch } from "@webflow-users/core"
import { UpdateUserBody } from "@webflow-users/core/wire"
import { describe, expect, it } from "vitest"

const decoded = (body: unknown) => UpdateUserBody.decodeBody(body)
/** Every problem, in its order: the parameter and what is wrong with it. */
const problems = (body: unknown) => {
  const { objections } = UpdateUserBody.decodeBody(body)
  return objections.length === 0 ? "accepted" : objections.map(({ param, description }) => [param, description])
}

const color = { id: "1", name: "Red", slug: "red" }
const admins = (...admin: ReadonlyArray<string>) => ({ _tag: "SetGroups", admin, ecommerce: [] })

const asObject = (group: unknown) => (typeof group === "string" ? { slug: group, type: "admin" } : group)

const properties = (count: number) => Object.fromEntries(Array.from({ length: count }, (_, at) => [`name-${at}`, 1]))

describe("decoding a body", () => {
  it("names the problems in the order of the body, whatever their kind", () =>
    expect(
      problems({
        name: "Some One",
        accessGroups: ["ok", 1, "\0"],
        data: { "accept-privacy": 1, password: "hunter2", data: { age: [], name: true } },
        email: "x@example.com",
      }),
    ).toStrictEqual([
      ["name", "is not a property of a user; custom fields belong into data"],
      ["accessGroups[1]", "must be a slug or {slug, type} with type admin or ecommerce"],
      ["accessGroups[2]", "must not contain a NUL character"],
      ["data.accept-privacy", "must be true or false"],
      ["data.password", "cannot be updated"],
      ["data.age", "must be a string, true or false, a number, null, or an option {id, name, slug}"],
      ["data.name", "must be a string"],
      ["email", "cannot be updated"],
    ]))

  const noCustomValue = "must be a string, true or false, a number, null, or an option {id, name, slug}"
  it.each([
    ["257 letters", "x".repeat(257), "must be at most 256 characters long"],
    ["129 emoji, which JavaScript counts twice", "😀".repeat(129), "must be at most 256 characters long"],
    ["an option whose slug is too long", { ...color, slug: "x".repeat(257) }, "must be at most 256 characters long"],
    ["an option with a NUL character", { ...color, name: "a\0" }, "must not contain a NUL character"],
    ["an option with a lone surrogate", { ...color, id: "\ud800" }, "must be valid Unicode, without lone surrogates"],
    ["an option whose id is a number", { ...color, id: 1 }, noCustomValue],
    ["not a number", Number.NaN, "must be a finite number"],
    ["a list", ["Tea"], noCustomValue],
    ["a function", () => "Tea", noCustomValue],
  ])("refuses %s for a field and says why", (_, value, description) =>
    expect(problems({ data: { drink: value } })).toStrictEqual([["data.drink", description]]),
  )

  it("takes texts of 256 characters, for fields, their names and groups", () => {
    const text = "x".repeat(256)
    expect(decoded({ data: { [text]: text, emoji: "😀".repeat(128) }, accessGroups: [text] })).toMatchObject({
      data: { [text]: text, emoji: "😀".repeat(128) },
      groups: admins(text),
    })
  })

  it.each([
    ["of white space", "\t", "data.\u{FFFD}", "a field needs a name"],
    ["of 257 letters", "x".repeat(257), `data.${"x".repeat(64)}…`, "must be at most 256 characters long"],
    [
      "cut within an emoji",
      `${"x".repeat(63)}😀\0`,
      `data.${"x".repeat(63)}\u{FFFD}…`,
      "must not contain a NUL character",
    ],
    ["with a lone surrogate", "a\ud800b", "data.a\u{FFFD}b", "must be valid Unicode, without lone surrogates"],
    ["that objects have", "constructor", "data.constructor", "is not a name for a field"],
  ])("shows a name %s as an answer can carry it", (_, key, param, description) =>
    expect(problems({ data: { [key]: [] } })).toStrictEqual([[param, description]]),
  )

  it("shows the name of an unknown property the same way", () =>
    expect(problems({ [`\n${"y".repeat(100)}`]: 1 })).toMatchObject([
      [`\u{FFFD}${"y".repeat(63)}…`, expect.any(String)],
    ]))

  it("takes an object below data.data for the nesting, and an option for the value of a field called data", () => {
    expect(decoded({ data: { data: { drink: "Tea" } } }).data).toStrictEqual({ drink: "Tea" })
    expect(decoded({ data: { data: color } }).data).toStrictEqual({ data: color })
    expect(decoded({ data: { data: { data: color, drink: "Tea" } } }).data).toStrictEqual({ data: color, drink: "Tea" })
    expect(decoded({ data: { data: "text" } }).data).toStrictEqual({ data: "text" })
    expect(decoded({ data: { data: null } }).data).toStrictEqual({ data: null })
    expect(problems({ data: { data: ["Tea"] } })).toMatchObject([["data.data", expect.any(String)]])
    expect(problems({ data: { data: { data: { drink: "Tea" } } } })).toMatchObject([["data.data", expect.any(String)]])
  })

  it("takes a field that stands at both levels when it says the same", () => {
    expect(decoded({ data: { color, drink: null, data: { color: { ...color }, drink: null } } }).data).toStrictEqual({
      color,
      drink: null,
    })
    const differs = "is given twice, with different values"
    expect(problems({ data: { drink: null, data: { drink: "" } } })).toStrictEqual([["data.drink", differs]])
    expect(problems({ data: { name: "Any One", data: { name: "Some One" } } })).toStrictEqual([["data.name", differs]])
    expect(problems({ data: { email: "a@example.com", data: { email: "b@example.com" } } })).toStrictEqual([
      ["data.email", "cannot be updated"],
      ["data.email", differs],
    ])
  })

  it("takes 200 fields and 200 groups, and no more", () => {
    const names = Array.from({ length: 201 }, (_, index) => `name-${index}`)
    const fields = (count: number) => Object.fromEntries(names.slice(0, count).map((name) => [name, 1]))
    expect(problems({ data: fields(200), accessGroups: names.slice(1) })).toBe("accepted")
    const tooMany = [["data", "must have at most 200 fields"]]
    expect(problems({ data: fields(201) })).toStrictEqual(tooMany)
    expect(problems({ data: { data: fields(201) } })).toStrictEqual(tooMany)
    expect(problems({ data: { other: 1, data: fields(200) } })).toStrictEqual(tooMany)
    expect(problems({ accessGroups: names })).toStrictEqual([["accessGroups", "must be at most 200"]])
  })

  it("takes 200 properties, and no more", () => {
    expect(problems(properties(200))).toHaveLength(200)
    expect(problems(properties(201))).toStrictEqual([["body", "must have at most 200 properties"]])
  })

  it("says of what may be sent back where it stands and what it is", () => {
    const { objections } = decoded({
      status: "verified",
      since: [1],
      email: "a@example.com",
      password: "hunter2",
      data: { email: "b@example.com", password: "hunter2", name: null, tags: ["a"], age: Number.NaN, " ": 1 },
    })
    expect(objections.map(({ param, unless }) => [param, unless])).toStrictEqual([
      ["status", { in: "user", key: "status", value: "verified" }],
      ["since", { in: "user", key: "since", value: [1] }],
      ["email", { in: "data", key: "email", value: "a@example.com" }],
      ["password", undefined],
      ["data.email", { in: "data", key: "email", value: "b@example.com" }],
      ["data.password", undefined],
      ["data.name", { in: "data", key: "name", value: null }],
      ["data.tags", { in: "data", key: "tags", value: ["a"] }],
      // JSON has no way to say it: another server would be sent null, and clear the field.
      ["data.age", undefined],
      ["data. ", undefined],
    ])
  })

  it("passes over e-mail addresses and passwords where they are to be ignored", () => {
    const body = {
      email: "a@example.com",
      password: "p",
      data: { email: "b@example.com", password: "p", drink: "Tea" },
    }
    expect(UpdateUserBody.decodeBody(body, "ignore")).toStrictEqual({
      data: { drink: "Tea" },
      groups: undefined,
      objections: [],
    })
  })

  it("treats what is undefined as absent, as JSON does", () =>
    expect(
      decoded({ data: { name: undefined, data: { drink: undefined } }, accessGroups: undefined, extra: undefined }),
    ).toStrictEqual({
      data: {},
      groups: undefined,
      objections: [],
    }))

  it("collapses groups by slug and tells bought ones apart", () =>
    expect(
      decoded({
        accessGroups: [
          "b",
          { slug: "a", type: "admin" },
          { slug: "b", type: "admin" },
          { slug: "a", type: "ecommerce" },
        ],
      }).groups,
    ).toStrictEqual({ _tag: "SetGroups", admin: ["b", "a"], ecommerce: ["a"] }))
})

describe("encoding a body", () => {
  it("writes the object era's form, read-only properties included, and nothing for nothing", () => {
    const patch = UserPatch.UserPatch.from({ status: "verified", data: { drink: null, email: "a@example.com" } })
    const groups = { _tag: "SetGroups" as const, admin: ["a"], ecommerce: ["b"] }
    expect(UpdateUserBody.encodeBody(patch, groups)).toStrictEqual({
      status: "verified",
      data: { drink: null, email: "a@example.com" },
      accessGroups: [
        { slug: "a", type: "admin" },
        { slug: "b", type: "ecommerce" },
      ],
    })
    expect(UpdateUserBody.encodeBody(new UserPatch.UserPatch({}), undefined)).toStrictEqual({})
    expect(
      UpdateUserBody.encodeBody(new UserPatch.UserPatch({}), { ...groups, admin: [], ecommerce: [] }),
    ).toStrictEqual({
      accessGroups: [],
    })
  })

  it.each([
    {
      era: "slug",
      body: {
        data: { name: "Some One", "accept-privacy": false, "accept-communications": false },
        accessGroups: ["webflowers", "platinum", "free-tier"],
      },
    },
    {
      era: "object",
      body: {
        id: "6287ec36a841b25637c663df",
        isEmailVerified: true,
        lastUpdated: "2022-05-20T13:46:12.093Z",
        invitedOn: "2022-05-20T13:46:12.093Z",
        createdOn: "2022-05-20T13:46:12.093Z",
        lastLogin: "2022-05-20T13:46:12.093Z",
        status: "verified",
        accessGroups: [{ slug: "webflowers", type: "admin" }],
        data: {
          name: "Arthur Dent",
          email: "arthur.dent@mostlyharmless.com",
          "accept-privacy": true,
          "accept-communications": true,
          favoriteDrink: "Tea",
          currentPlanet: "Somewhere in the vicinity of Betelgeuse",
        },
      },
    },
  ])("gives the documented request of the $era era back, in the object era's form", ({ body }) => {
    const parts = decoded(body)
    const sent = UpdateUserBody.encodeBody(new UserPatch.UserPatch(parts), parts.groups)
    expect(sent).toStrictEqual({ ...body, accessGroups: body.accessGroups.map(asObject) })
    expect(decoded(sent)).toStrictEqual(parts)
  })
})

describe("the slug of a group", () => {
  it("must be there and be a text that can be kept", () => {
    expect(UpdateUserBody.slugProblem("free-tier")).toBeUndefined()
    expect(UpdateUserBody.slugProblem(" ")).toBe("must not be empty")
    expect(UpdateUserBody.slugProblem("x".repeat(257))).toBe("must be at most 256 characters long")
  })
})
