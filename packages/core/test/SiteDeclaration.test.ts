import { type CustomValue, SiteDeclaration, SiteDeclarationSchema } from "@webflow-users/core"
import { Result } from "effect"
import { describe, expect, it } from "vitest"

/** What is wrong with a declaration: parameters with their descriptions. */
const problems = (json: unknown) => {
  const read = SiteDeclarationSchema.decode(json)
  if (Result.isSuccess(read)) return "accepted"
  return read.failure.details.map((detail) => Object.values(detail as { param: string; description: string }))
}

const complete = {
  accessGroups: [{ slug: "platinum", name: "Platinum" }],
  fields: [
    { slug: "motto", name: "Motto", type: "PlainText", minLength: 0, maxLength: 256, isRequired: true },
    { slug: "contact", type: "Email" },
    { slug: "website", type: "Link" },
    { slug: "age", type: "Number", minimum: -1.5, maximum: 150, isInteger: false },
    { slug: "color", type: "Option", options: [{ slug: "red", name: "Red", id: "64a" }] },
    { slug: "vip", type: "Switch" },
    { slug: "avatar", type: "File" },
  ],
}

const manyGroups = Array.from({ length: 1001 }, (_, index) => ({ slug: `g${index}`, name: "G" }))

const withField = (field: unknown) => ({ fields: [field] })

describe("reading a declaration", () => {
  it("takes every type with its limits, one half without the other, and nothing at all", () => {
    expect(SiteDeclarationSchema.decode(complete)).toStrictEqual(Result.succeed(complete))
    expect(problems({ accessGroups: [] })).toBe("accepted")
    expect(problems({ fields: [] })).toBe("accepted")
    expect(problems({ fields: [{ slug: "a", type: "PlainText", minLength: 3, maxLength: 3 }] })).toBe("accepted")
    expect(problems({})).toBe("accepted")
  })

  it.each([
    ["that is no object", [], "declaration"],
    ["with a property nobody knows", { groups: [] }, "groups"],
    ["with groups that are slugs", { accessGroups: ["platinum"] }, "accessGroups.0"],
    ["with a group without a name", { accessGroups: [{ slug: "platinum" }] }, "accessGroups.0.name"],
    ["with a group without a slug", { accessGroups: [{ slug: " ", name: "x" }] }, "accessGroups.0.slug"],
    ["with a field of another type", withField({ slug: "a", type: "Color" }), "fields.0"],
    ["with a field without a type", withField({ slug: "a" }), "fields.0"],
    ["with a field that every user has", withField({ slug: "name", type: "PlainText" }), "fields.0.slug"],
    ["with a field that no user may have", withField({ slug: "__proto__", type: "Switch" }), "fields.0.slug"],
    ["with a limit of another type", withField({ slug: "a", type: "Switch", maxLength: 1 }), "fields.0.maxLength"],
    [
      "with a text longer than texts are",
      withField({ slug: "a", type: "PlainText", maxLength: 257 }),
      "fields.0.maxLength",
    ],
    [
      "with an option field without options",
      withField({ slug: "a", type: "Option", options: [] }),
      "fields.0.options.0",
    ],
    ["with a number that is text", withField({ slug: "a", type: "Number", minimum: "1" }), "fields.0.minimum"],
    ["with limits that leave nothing", withField({ slug: "a", type: "Number", minimum: 2, maximum: 1 }), "fields.0"],
    [
      "with lengths that leave nothing",
      withField({ slug: "a", type: "PlainText", minLength: 2, maxLength: 1 }),
      "fields.0",
    ],
    ["with too many groups", { accessGroups: manyGroups }, "accessGroups"],
    [
      "with a group twice",
      { accessGroups: [...complete.accessGroups, ...complete.accessGroups] },
      "accessGroups.1.slug",
    ],
    ["with a field twice", { fields: [...complete.fields, { slug: "age", type: "Switch" }] }, "fields.7.slug"],
    [
      "with an option twice",
      withField({
        slug: "a",
        type: "Option",
        options: [
          { slug: "x", name: "X" },
          { slug: "x", name: "Y" },
        ],
      }),
      "fields.0.options.1.slug",
    ],
  ])("refuses one %s, and says where", (_, json, param) =>
    expect(problems(json)).toStrictEqual([[param, expect.stringMatching(/\S/)]]),
  )

  it("names everything that is wrong at once", () =>
    expect(
      problems({ accessGroups: [{ slug: "a" }, 5], fields: [{ slug: "", type: "Switch" }], extra: 1 }),
    ).toHaveLength(4))
})

describe("the value of a declared field", () => {
  const declaration = Result.getOrThrow(SiteDeclarationSchema.decode(complete))
  const limited = Result.getOrThrow(
    SiteDeclarationSchema.decode({
      fields: [
        { slug: "motto", type: "PlainText", minLength: 2, maxLength: 4 },
        { slug: "age", type: "Number", minimum: 18, maximum: 99, isInteger: true },
        { slug: "size", type: "Option", options: [{ slug: "m", name: "Medium" }] },
      ],
    }),
  )
  const read = (key: string, value: CustomValue, stored?: unknown, site = declaration) =>
    Result.match(SiteDeclaration.readField(site, key, value, stored), {
      onSuccess: (kept) => ({ kept }),
      onFailure: (problem) => problem,
    })
  const within = (key: string, value: CustomValue) => read(key, value, undefined, limited)
  const red = { id: "64a", name: "Red", slug: "red" }

  it.each<[string, CustomValue]>([
    ["motto", ""],
    ["motto", "x".repeat(256)],
    ["contact", "ada@example.com"],
    ["website", "https://example.com/?q=1#top"],
    ["website", "mailto:ada@example.com"],
    ["website", "tel:+431234"],
    ["age", -1.5],
    ["age", 150],
    ["vip", false],
    ["avatar", "http://example.com/ada.png"],
    ["color", red],
    ["contact", null],
    ["vip", null],
    // These are no custom fields, and their own rules hold them.
    ["name", "anything"],
    ["accept-privacy", true],
  ])("%s takes %j", (key, value) => expect(read(key, value)).toStrictEqual({ kept: value }))

  it.each<[string, CustomValue, string]>([
    ["motto", 5, "must be text"],
    ["motto", null, "is required and cannot be cleared"],
    ["contact", "nobody", "must be an e-mail address"],
    ["contact", true, "must be an e-mail address"],
    ["website", "example.com", "must be a link, such as https://example.com/page"],
    ["website", "javascript:alert(1)", "must be a link, such as https://example.com/page"],
    ["website", 5, "must be a link, such as https://example.com/page"],
    ["age", "42", "must be a number"],
    ["vip", "true", "must be true or false"],
    ["vip", 1, "must be true or false"],
    ["avatar", "mailto:ada@example.com", "must be the https address of a file"],
    ["color", "green", "must be one of red"],
    ["color", { ...red, name: "Rot" }, "must be one of red"],
    ["color", "64a", "must be one of red"],
    ["shoe", 42, "Field not described in schema"],
    ["shoe", null, "Field not described in schema"],
  ])("%s does not take %j", (key, value, problem) => expect(read(key, value)).toBe(problem))

  it("keeps within its limits, and says them", () => {
    expect([within("motto", "ab"), within("motto", "abcd")]).toStrictEqual([{ kept: "ab" }, { kept: "abcd" }])
    expect(within("motto", "a")).toBe("must be at least 2 characters long")
    expect(within("motto", "abcde")).toBe("must be at most 4 characters long")
    expect([within("age", 18), within("age", 99)]).toStrictEqual([{ kept: 18 }, { kept: 99 }])
    expect(within("age", 17)).toBe("must be at least 18")
    expect(within("age", 100)).toBe("must be at most 99")
    expect(within("age", 18.5)).toBe("must be a whole number")
  })

  it("is the whole option, whichever way it was named", () => {
    expect(read("color", "red")).toStrictEqual({ kept: red })
    expect(read("size", "m", undefined, limited)).toStrictEqual({ kept: { id: "m", name: "Medium", slug: "m" } })
  })

  it("may be what it is already, and may go where it is not declared", () => {
    expect(read("age", "forty", "forty")).toStrictEqual({ kept: "forty" })
    expect(read("shoe", 42, 42)).toStrictEqual({ kept: 42 })
    expect(read("shoe", null, 42)).toStrictEqual({ kept: null })
    expect(read("shoe", 43, 42)).toBe("Field not described in schema")
    expect(read("motto", null, "text")).toBe("is required and cannot be cleared")
  })

  it("is anything where no fields are declared", () =>
    expect(read("shoe", 42, undefined, { accessGroups: [] })).toStrictEqual({ kept: 42 }))
})

const groups = (count: number) => Array.from({ length: count }, (_, index) => ({ slug: `g${index}`, name: "G" }))

describe("a declared access group", () => {
  it("can be joined; others cannot, and the answer says which there are", () => {
    expect(SiteDeclaration.groupProblem({ accessGroups: groups(2) }, "g1")).toBeUndefined()
    expect(SiteDeclaration.groupProblem({ accessGroups: groups(2) }, "x")).toBe(
      "no such access group; the site has g0, g1",
    )
    expect(SiteDeclaration.groupProblem({ accessGroups: groups(22) }, "x")).toMatch(/ g18, g19 and 2 more$/)
    expect(SiteDeclaration.groupProblem({ accessGroups: [] }, "x")).toBe("the site has no access groups")
    expect(SiteDeclaration.groupProblem({ fields: [] }, "x")).toBeUndefined()
  })
})

describe("what a new declaration changes", () => {
  it("is told by slugs", () => {
    const { accessGroups, fields } = Result.getOrThrow(SiteDeclarationSchema.decode(complete))
    const none = { added: [], changed: [], removed: [] }
    const before = { accessGroups: accessGroups ?? [], fields: fields ?? [] }
    expect(SiteDeclaration.changesBetween(before, structuredClone(before))).toStrictEqual({
      accessGroups: none,
      fields: none,
    })
    const [motto, contact, website] = before.fields as [
      SiteDeclaration.Field,
      SiteDeclaration.Field,
      SiteDeclaration.Field,
    ]
    const after = {
      accessGroups: [{ slug: "platinum", name: "Pt" }],
      fields: [motto, website, { slug: "shoe", type: "Number" as const }, { slug: "age", type: "Switch" as const }],
    }
    expect(
      SiteDeclaration.changesBetween({ ...before, fields: [motto, contact, website, ...after.fields.slice(3)] }, after),
    ).toStrictEqual({
      accessGroups: { ...none, changed: ["platinum"] },
      fields: { added: ["shoe"], changed: [], removed: ["contact"] },
    })
    expect(SiteDeclaration.changesBetween({}, after).accessGroups).toStrictEqual({ ...none, added: ["platinum"] })
    expect(SiteDeclaration.changesBetween(before, {}).fields.removed).toHaveLength(7)
  })
})
