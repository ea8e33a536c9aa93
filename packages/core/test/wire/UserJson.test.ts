import { describe, expect, it } from "@effect/vitest"
import { type User, UserId } from "@webflow-users/core"
import { UserJson } from "@webflow-users/core/wire"
import fc from "fast-check"
import { user } from "../arbitraries.ts"

/** The documented response, as it was recorded too. */
const arthur: User = {
  id: UserId.make("6287ec36a841b25637c663df"),
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
}
/** The same, as the specification nests it. */
const documented = { ...arthur, data: { data: arthur.data } }
/** A user who never came back, as List Users gave it: some properties are not there at all. */
const zaphod: User = {
  id: UserId.make("6287ec36a841b25637c663d0"),
  isEmailVerified: false,
  lastUpdated: "2022-05-20T13:46:12.093Z",
  createdOn: "2022-05-20T13:46:12.093Z",
  status: "unverified",
  accessGroups: [{ slug: "vogon-construction-crew", type: "admin" }],
  data: {
    "accept-privacy": false,
    "accept-communications": false,
    email: "zaphod.beeblebrox@heart-of-gold.com",
    name: "Zaphod Beeblebrox",
  },
}
const page = { count: 2, limit: 5, offset: 0, total: 201 }

describe("writing a user", () => {
  it("is flat unless asked otherwise", () => {
    expect(UserJson.encodeUser(arthur)).toStrictEqual(arthur)
    expect(UserJson.encodeUser(arthur, "flat")).toStrictEqual(arthur)
    expect(UserJson.encodeUser(arthur, "documented")).toStrictEqual(documented)
  })
})

describe("what was written", () => {
  it("is read as it was, for every user and either nesting", () =>
    fc.assert(
      fc.property(user, fc.constantFrom(...UserJson.dataNestings), (one, nesting) => {
        const json: unknown = JSON.parse(JSON.stringify(UserJson.encodeUser(one, nesting)))
        expect(UserJson.readUser(json)).toStrictEqual(one)
      }),
    ))

  it("gives recorded payloads back as they came, at first and ever after", () => {
    for (const json of [arthur, zaphod]) {
      const text = JSON.stringify(json)
      const read = UserJson.readUser(JSON.parse(text))
      expect(read === undefined ? read : UserJson.encodeUser(read)).toStrictEqual(JSON.parse(text))
    }
    const json = { users: [arthur, zaphod], ...page }
    expect(UserJson.readUserPage(structuredClone(json))).toStrictEqual(json)
  })
})

describe("reading a user", () => {
  it("takes the recorded and the documented nesting for the same", () => {
    for (const json of [arthur, documented, zaphod]) {
      expect(UserJson.readUser(json)).toStrictEqual(json === zaphod ? zaphod : arthur)
    }
    for (const nesting of ["flat", "documented"] as const) {
      expect(UserJson.readUser(UserJson.encodeUser(zaphod, nesting))).toStrictEqual(zaphod)
    }
  })

  it("keeps what nobody documented, at both levels and beside the nesting", () => {
    const odd = {
      ...documented,
      tomorrow: { is: ["new"] },
      data: { besides: 1, data: { ...arthur.data, more: null } },
    }
    expect(UserJson.readUser(odd)).toStrictEqual({
      ...arthur,
      tomorrow: { is: ["new"] },
      data: { ...arthur.data, besides: 1, more: null },
    })
  })

  it("takes an option, or anything but an object, below data.data for a field called data", () => {
    for (const value of [{ id: "1", name: "Red", slug: "red" }, "text", null, ["a"], 5]) {
      const read = UserJson.readUser({ ...arthur, data: { name: "Arthur Dent", data: value } })
      expect(read?.data).toStrictEqual({ name: "Arthur Dent", data: value })
    }
  })

  it("takes v1's names for what they are called now, unless that is there too", () => {
    const { id, isEmailVerified, lastUpdated, ...rest } = arthur
    const v1 = { ...rest, _id: id, emailVerified: isEmailVerified, updatedOn: lastUpdated }
    expect(UserJson.readUser(v1)).toStrictEqual(arthur)
    const both = { ...arthur, _id: "another", emailVerified: "kept" }
    expect(UserJson.readUser(both)).toStrictEqual(both)
  })

  it("does without whatever is absent or null", () => {
    const { id } = arthur
    const nobody = { id, accessGroups: [], data: {} }
    expect(UserJson.readUser({ id })).toStrictEqual(nobody)
    expect(UserJson.readUser({ id, accessGroups: null, data: null })).toStrictEqual(nobody)
    const nulls = {
      isEmailVerified: null,
      lastUpdated: null,
      invitedOn: null,
      createdOn: null,
      lastLogin: null,
      status: null,
    }
    const empty = { name: null, email: null, "accept-privacy": null, "accept-communications": null }
    expect(UserJson.readUser({ id, ...nulls, data: empty })).toStrictEqual({
      ...nobody,
      ...nulls,
      data: empty,
    })
  })

  it("keeps what a server says beyond the contract, since the update was made", () => {
    for (const odd of [
      { ...arthur, status: "blocked" },
      { ...arthur, isEmailVerified: "yes", lastUpdated: 1_653_054_372 },
      { ...arthur, data: { name: 5, email: false, "accept-privacy": "true" } },
      { ...arthur, accessGroups: [{ slug: "webflowers", type: "invited" }] },
    ]) {
      expect(UserJson.readUser(odd)).toStrictEqual(odd)
    }
  })

  it("takes a membership without a type for one that an update gives", () => {
    const accessGroups = [
      { slug: "webflowers" },
      { slug: "course", type: "ecommerce", more: 1 },
      { slug: "a", type: null },
    ]
    expect(UserJson.readUser({ ...arthur, accessGroups })?.accessGroups).toStrictEqual([
      { slug: "webflowers", type: "admin" },
      { slug: "course", type: "ecommerce", more: 1 },
      { slug: "a", type: "admin" },
    ])
  })

  it.each([
    ["nothing", undefined],
    ["a text", "user"],
    ["a list", [arthur]],
    ["a user without an id", { ...arthur, id: undefined }],
    ["an id that is none", { ...arthur, id: "42" }],
    ["groups that are slugs", { ...arthur, accessGroups: ["webflowers"] }],
    ["groups that are no list", { ...arthur, accessGroups: { slug: "webflowers" } }],
    ["a group without a slug", { ...arthur, accessGroups: [{ type: "admin" }] }],
    ["data that is a list", { ...arthur, data: [] }],
  ])("refuses %s", (_, json) => expect(UserJson.readUser(json)).toBeUndefined())
})

describe("reading a page", () => {
  it("of users reads each, whatever its nesting", () => {
    const users = [documented, zaphod]
    expect(UserJson.readUserPage({ users, ...page })).toStrictEqual({ users: [arthur, zaphod], ...page })
    expect(UserJson.readUserPage({ users: [], ...page })).toStrictEqual({ users: [], ...page })
  })

  it("of access groups reads the documented example", () => {
    const json = {
      accessGroups: [
        {
          id: "62be58d404be8a6cc900c081",
          name: "Research Team",
          shortId: "rt",
          slug: "hitchhikers-guide-research-team",
          createdOn: "2022-08-01T19:41:48.349Z",
        },
      ],
      ...page,
    }
    expect(UserJson.readAccessGroupPage(json)).toStrictEqual(json)
  })

  it("fills in which part it is, where it does not say", () => {
    const users = [arthur, zaphod]
    const whole = { count: 2, limit: 2, offset: 0, total: 2 }
    expect(UserJson.readUserPage({ users })).toStrictEqual({ users, ...whole })
    expect(UserJson.readUserPage({ users }, { offset: 20, limit: 10 })).toStrictEqual({
      users,
      count: 2,
      limit: 10,
      offset: 20,
      total: 22,
    })
    // Who reads on finds out whether there are more.
    expect(UserJson.readUserPage({ users }, { offset: 20, limit: 2 })).toMatchObject({
      limit: 2,
      offset: 20,
      total: 23,
    })
    expect(UserJson.readUserPage({ users, ...page, count: "2", limit: null })).toStrictEqual({
      users,
      ...page,
      limit: 2,
    })
    expect(UserJson.readAccessGroupPage({ accessGroups: [] }, { offset: 5 })).toStrictEqual({
      accessGroups: [],
      count: 0,
      limit: 0,
      offset: 5,
      total: 5,
    })
  })

  it("refuses what is none", () => {
    for (const json of [undefined, [], { ...page }, { users: {}, ...page }, { users: [{}], ...page }]) {
      expect([json, UserJson.readUserPage(json)]).toStrictEqual([json, undefined])
    }
    expect(UserJson.readAccessGroupPage({ accessGroups: [{}], ...page })).toBeUndefined()
  })
})
