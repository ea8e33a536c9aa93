import { ImportFile, UserId } from "@webflow-users/core"
import { afterAll, describe, expect, it, vi } from "vitest"

const email = "arthur.dent@mostlyharmless.com"
/** What one row of a table is read as: the user, or the reason why not. */
const read = (cells: Readonly<Record<string, string>>) => {
  const { candidates, problems } = ImportFile.fromRows([{ place: "line 2", cells }])
  return candidates[0] ?? problems[0]?.reason
}
/** What the row is read as when it has an e-mail address too. */
const withEmail = (cells: Readonly<Record<string, string>>) => read({ Email: email, ...cells })
const user = (rest: object, data: object = {}) => ({
  place: "line 2",
  id: undefined,
  user: { accessGroups: [], ...rest, data: { ...data, email } },
})
const readJson = (entry: unknown) => {
  const { candidates = [], problems = [] } = ImportFile.fromJson([entry]) ?? {}
  return candidates[0] ?? problems[0]?.reason
}

// A machine that is not on UTC.
vi.stubEnv("TZ", "America/New_York")
afterAll(() => vi.unstubAllEnvs())

describe("a table of users", () => {
  it("is read as the Designer exports it", () =>
    expect(
      read({
        ID: "6287EC36A841B25637C663DF",
        Email: ` ${email} `,
        Name: " Arthur Dent ",
        "Accept Privacy": "true",
        "Accept Communications": "No",
        "Access Groups": "webflowers; Free Tier,webflowers;",
        Status: "Verified",
        "Email Verified": "YES",
        "Created On": "2022-05-20T13:46:12.093Z",
        "Invited On": "2022-05-20",
        "Last Login": "Fri, 20 May 2022 15:46:12 +0200",
        "Last Updated": "2022-05-20T13:46:12+00:00",
        "Favourite drink": "Tea",
      }),
    ).toStrictEqual({
      place: "line 2",
      id: UserId.make("6287ec36a841b25637c663df"),
      user: {
        isEmailVerified: true,
        status: "verified",
        createdOn: "2022-05-20T13:46:12.093Z",
        invitedOn: "2022-05-20T00:00:00.000Z",
        lastLogin: "2022-05-20T13:46:12.000Z",
        lastUpdated: "2022-05-20T13:46:12.000Z",
        accessGroups: [
          { slug: "webflowers", type: "admin" },
          { slug: "free-tier", type: "admin" },
        ],
        data: {
          "favourite-drink": "Tea",
          name: "Arthur Dent",
          "accept-privacy": true,
          "accept-communications": false,
          email,
        },
      },
    }))

  it.each(["email", "Email", "E-mail", "EMAIL_ADDRESS", "Email Address", "e mail"])(
    "has the e-mail address below %j",
    (heading) => expect(read({ [heading]: email })).toStrictEqual(user({})),
  )

  const id = UserId.make("6287ec36a841b25637c663df")
  const noon = "2022-05-20T12:00:00.000Z"
  const group = { slug: "gold", type: "admin" }
  it.each([
    [["id", "userId", "User ID", "_id"], id, { ...user({}), id }],
    [["name", "Full Name", "FULLNAME", "full-name"], "Some One", user({}, { name: "Some One" })],
    [["accept-privacy", "Accept Privacy Policy", "acceptPrivacy"], "yes", user({}, { "accept-privacy": true })],
    [["accept-communications", "Accept Communications"], "yes", user({}, { "accept-communications": true })],
    [["accessGroups", "Access Group", "access_groups"], "Gold", user({ accessGroups: [group] })],
    [["isEmailVerified", "Email Verified", "is-email-verified"], "FALSE", user({ isEmailVerified: false })],
    [["status", "Status"], "INVITED", user({ status: "invited" })],
    [["createdOn", "Created", "Created On"], noon, user({ createdOn: noon })],
    [["invitedOn", "Invited On"], noon, user({ invitedOn: noon })],
    [["lastLogin", "last-login"], noon, user({ lastLogin: noon })],
    [["lastUpdated", "Updated On", "LAST UPDATED"], noon, user({ lastUpdated: noon })],
  ])("has a known column below each of %j", (known, value, expected) => {
    for (const heading of known) expect([heading, withEmail({ [heading]: value })]).toStrictEqual([heading, expected])
  })

  it.each([
    ["Favourite drink", "favourite-drink"],
    ["  A & B -- C  ", "a-b-c"],
    ["Café Größe", "cafe-große"],
    ["お名前", "お名前"],
    ["Ｔｅａｍ №5", "team-no5"],
    ["__proto__", "proto"],
    ["Data", "data"],
  ])("takes %j for the custom field %s", (heading, slug) =>
    expect(withEmail({ [heading]: "x" })).toStrictEqual(user({}, { [slug]: "x" })),
  )

  it.each([
    ["2022-05-20", "2022-05-20T00:00:00.000Z"],
    ["2022-05-20 13:46", "2022-05-20T13:46:00.000Z"],
    ["2022-05-20t13:46:12.5", "2022-05-20T13:46:12.500Z"],
    ["2022-05-20T13:46:12+0200", "2022-05-20T11:46:12.000Z"],
    ["2022-05-20T13:46-01:30", "2022-05-20T15:16:00.000Z"],
    ["2022-05-20 13:46:12 Z", "2022-05-20T13:46:12.000Z"],
    ["Fri May 20 2022 13:46:12 GMT-0100 (Azores)", "2022-05-20T14:46:12.000Z"],
    ["Fri, 20 May 2022 13:46:12 UTC", "2022-05-20T13:46:12.000Z"],
  ])("reads the moment %j the same on every machine", (text, moment) =>
    expect(withEmail({ "Created On": text })).toStrictEqual(user({ createdOn: moment })),
  )

  it.each(["05/06/2022", "2022", "5", "Plan 5", "May 20, 2022 1:46 PM", "2022-13-01", "2022-05-20T25:00", "20 May"])(
    "does not guess which moment %j is",
    (text) => expect(withEmail({ "Created On": text })).toBe("createdOn must be a date, such as 2024-01-31T12:00:00Z"),
  )

  it.each([
    [["Email", "Name", "E-mail"], "E-mail"],
    [["Drink", "team", "drink "], "drink "],
    [["Email", "Data", "Full Name", "Tea & Cake", "Tea-Cake"], "Tea-Cake"],
    [["Drink", "Team", "drink", "team"], "drink"],
    [["Email", "Name", "data", "Constructor"], undefined],
    [[], undefined],
  ])("finds in %j the heading that means what one before it does", (names, twin) =>
    expect(ImportFile.twinHeading(names)).toBe(twin),
  )

  it("keeps custom values as the texts they are, but for true and false", () =>
    expect(
      withEmail({ a: "true", b: "false", c: "TRUE", d: "42", e: " spaced ", f: "two\nlines", g: "", h: " " }),
    ).toStrictEqual(user({}, { a: true, b: false, c: "TRUE", d: "42", e: " spaced ", f: "two\nlines" })))

  it("takes empty cells for absent", () =>
    expect(
      withEmail({ ID: "", Name: " ", "Accept Privacy": "", "Access Groups": " ; ,", Status: "", "Created On": "" }),
    ).toStrictEqual(user({})))

  it.each([
    [{}, "email is missing"],
    [{ Email: "  " }, "email is missing"],
    ...[
      "secret",
      "@secret",
      "secret@",
      "a secret@x",
      "a@b@secret",
      "secret\u0007@x",
      "\ud800@secret",
      `${"x".repeat(253)}@s`,
    ].map((address): [Record<string, string>, string] => [{ Email: address }, "email must be an e-mail address"]),
    [{ Email: email, ID: "secret" }, "id must be 24 hexadecimal characters"],
    [{ Email: email, Name: "secret".repeat(50) }, "data.name must be at most 256 characters long"],
    [{ Email: email, "Accept Privacy": "secret" }, "accept-privacy must be true or false"],
    [{ Email: email, "Accept Communications": "1" }, "accept-communications must be true or false"],
    [{ Email: email, "Email Verified": "secret" }, "isEmailVerified must be true or false"],
    [{ Email: email, Status: "secret" }, "status must be invited, verified or unverified"],
    [{ Email: email, "Created On": "secret" }, "createdOn must be a date, such as 2024-01-31T12:00:00Z"],
    [{ Email: email, "Access Groups": "x".repeat(257) }, "accessGroups[0] must be at most 256 characters long"],
    [{ Email: email, Drink: "secret\0" }, "data.drink must not contain a NUL character"],
    [{ Email: email, Password: "secret" }, "data.password cannot be updated"],
    [{ Email: email, Constructor: "secret" }, "data.constructor is not a name for a field"],
    [{ Email: email, "***": "secret" }, "data. a field needs a name"],
  ])("refuses %j and says why, without the value", (cells, reason) => expect(read(cells)).toBe(reason))

  it("takes an e-mail address of 254 characters", () =>
    expect(read({ Email: `${"x".repeat(252)}@s` })).toMatchObject({
      user: { data: { email: `${"x".repeat(252)}@s` } },
    }))

  it("gives every reason against a row", () =>
    expect(read({ ID: "x", Status: "x", "Accept Privacy": "x", Drink: "\0" })).toBe(
      "email is missing; accept-privacy must be true or false; data.drink must not contain a NUL character; " +
        "id must be 24 hexadecimal characters; status must be invited, verified or unverified",
    ))

  it("keeps good and bad rows in their order, with their places", () => {
    const rows = ["a@x", "", "b@x", "c"].map((text, index) => ({ place: `line ${index + 2}`, cells: { Email: text } }))
    const { candidates, problems } = ImportFile.fromRows(rows)
    expect(candidates.map((candidate) => candidate.place)).toStrictEqual(["line 2", "line 4"])
    expect(problems).toStrictEqual([
      { place: "line 3", reason: "email is missing" },
      { place: "line 5", reason: "email must be an e-mail address" },
    ])
    expect(ImportFile.fromRows([])).toStrictEqual({ candidates: [], problems: [] })
  })
})

const names = Array.from({ length: 201 }, (_, index) => `name-${index}`)

describe("a dump of List Users", () => {
  const one = { id: "6287ec36a841b25637c663df", data: { email: "a@x" } }
  const two = { data: { email: "b@x" } }
  const three = { id: "6287ec36a841b25637c663d0", data: {} }

  it.each([
    ["one page", { users: [one, two, three], count: 3, limit: 10, offset: 0, total: 3 }],
    ["an array of pages", [{ users: [one] }, { users: [] }, { users: [two, three] }]],
    ["an array of users", [one, two, three]],
    ["pages and users mixed", [{ users: [one, two] }, three]],
  ])("may be %s", (_, json) =>
    expect(ImportFile.fromJson(json)).toStrictEqual({
      candidates: [
        { place: "user 1", id: one.id, user: { accessGroups: [], data: { email: "a@x" } } },
        { place: "user 2", id: undefined, user: { accessGroups: [], data: { email: "b@x" } } },
        { place: "user 3", id: three.id, user: { accessGroups: [], data: {} } },
      ],
      problems: [],
    }),
  )

  it.each([null, undefined, "users", 5, true, {}, { users: {} }, { data: [] }])("is not %j", (json) =>
    expect(ImportFile.fromJson(json)).toBeUndefined(),
  )

  it("may hold nobody", () => {
    for (const json of [[], { users: [] }, [{ users: [] }]]) {
      expect(ImportFile.fromJson(json)).toStrictEqual({ candidates: [], problems: [] })
    }
  })

  it("keeps everything a user has: either nesting, bought groups, odd times, what nobody documented", () => {
    const rest = {
      isEmailVerified: null,
      lastUpdated: "2022-05-20T13:46:12Z",
      status: "invited",
      accessGroups: [{ slug: "course", type: "ecommerce" }],
      tomorrow: { is: ["new"] },
    }
    const data = { email, name: null, color: { id: "1", name: "Red", slug: "red" }, long: "x".repeat(300) }
    const expected = { place: "user 1", id: undefined, user: { ...rest, data } }
    expect(readJson({ ...rest, data })).toStrictEqual(expected)
    expect(readJson({ ...rest, data: { data } })).toStrictEqual(expected)
  })

  it("reads ids in either letter case, and null for none", () => {
    expect(readJson({ ...one, id: one.id.toUpperCase() })).toMatchObject({ id: one.id })
    expect(readJson({ ...two, id: null })).toMatchObject({ id: undefined })
  })

  it.each([
    [5, "must be an object"],
    [["secret"], "must be an object"],
    [{ ...one, id: "secret" }, "id must be 24 hexadecimal characters"],
    [JSON.parse('{"data":{"email":"a@x","__proto__":{"secret":1}}}'), "data.__proto__ is not a name for a field"],
    [{ ...one, id: 5 }, "id must be 24 hexadecimal characters"],
    [{ id: one.id, data: { email: "secret" } }, "email must be an e-mail address"],
    [{ data: { name: "secret" } }, "has neither an id nor an e-mail address, which belongs into data.email"],
    [{}, "has neither an id nor an e-mail address, which belongs into data.email"],
    [{ ...one, status: "secret" }, 'Expected "invited" | "verified" | "unverified" at ["status"]'],
    [{ ...one, data: "secret" }, 'Expected object at ["data"]'],
    [{ ...one, data: { " ": "secret" } }, "data.  a field needs a name"],
    [{ ...one, data: Object.fromEntries(names.map((name) => [name, "secret"])) }, "data has more than 200"],
    [{ ...one, accessGroups: names.map((slug) => ({ slug, type: "admin" })) }, "accessGroups has more than 200"],
    [{ ...one, accessGroups: [{ slug: "", type: "ecommerce" }] }, "accessGroups. must not be empty"],
    [{ ...one, data: { email: ["secret"] } }, 'Expected string | null at ["data"]["email"]'],
    [{ ...one, accessGroups: ["secret"] }, 'Expected object at ["accessGroups"][0]'],
  ])("has no place for %j, and says why without the value", (entry, reason) => expect(readJson(entry)).toBe(reason))
})

describe("a dump of v1", () => {
  it("keeps its ids and its other properties under their present names", () => {
    const dump = [
      { _id: "6287ec36a841b25637c663df", emailVerified: true, updatedOn: "2022-05-20T13:46:12.093Z", data: {} },
    ]
    expect(ImportFile.fromJson(dump)).toStrictEqual({
      problems: [],
      candidates: [
        {
          place: "user 1",
          id: "6287ec36a841b25637c663df",
          user: { isEmailVerified: true, lastUpdated: "2022-05-20T13:46:12.093Z", accessGroups: [], data: {} },
        },
      ],
    })
  })

  it("does not put an old name over a present one", () => {
    const both = [{ id: "6287ec36a841b25637c663df", _id: "6287ec36a841b25637c66300", data: {} }]
    expect(ImportFile.fromJson(both)?.candidates).toMatchObject([{ id: "6287ec36a841b25637c663df" }])
  })
})
