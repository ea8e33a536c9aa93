import { describe, expect, it } from "@effect/vitest"
import { type User, UserId } from "@webflow-users/core"
import { UserJson } from "@webflow-users/core/wire"
import { Effect } from "effect"
import fc from "fast-check"
import { user } from "../arbitraries.ts"

const fails = <A, E, R>(effect: Effect.Effect<A, E, R>) => Effect.isFailure(effect)

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
      fc.asyncProperty(user, fc.constantFrom(...UserJson.dataNestings), async (one, nesting) => {
        const json: unknown = JSON.parse(JSON.stringify(UserJson.encodeUser(one, nesting)))
        expect(await Effect.runPromise(UserJson.decodeUser(json))).toStrictEqual(one)
      }),
    ))

  it.effect("gives recorded payloads back as they came, at first and ever after", () =>
    Effect.gen(function* () {
      for (const json of [arthur, zaphod]) {
        const text = JSON.stringify(json)
        const read = yield* UserJson.decodeUser(JSON.parse(text))
        expect(UserJson.encodeUser(read)).toStrictEqual(JSON.parse(text))
      }
      const json = { users: [arthur, zaphod], ...page }
      expect(yield* UserJson.decodeUserPage(structuredClone(json))).toStrictEqual(json)
    }),
  )
})

describe("reading a user", () => {
  it.effect("takes the recorded and the documented nesting for the same", () =>
    Effect.gen(function* () {
      for (const json of [arthur, documented, zaphod]) {
        expect(yield* UserJson.decodeUser(json)).toStrictEqual(json === zaphod ? zaphod : arthur)
      }
      for (const nesting of ["flat", "documented"] as const) {
        expect(yield* UserJson.decodeUser(UserJson.encodeUser(zaphod, nesting))).toStrictEqual(zaphod)
      }
    }),
  )

  it.effect("keeps what nobody documented, at both levels and beside the nesting", () =>
    Effect.gen(function* () {
      const odd = {
        ...documented,
        tomorrow: { is: ["new"] },
        data: { besides: 1, data: { ...arthur.data, more: null } },
      }
      expect(yield* UserJson.decodeUser(odd)).toStrictEqual({
        ...arthur,
        tomorrow: { is: ["new"] },
        data: { ...arthur.data, besides: 1, more: null },
      })
    }),
  )

  it.effect("takes an option, or anything but an object, below data.data for a field called data", () =>
    Effect.gen(function* () {
      for (const value of [{ id: "1", name: "Red", slug: "red" }, "text", null, ["a"], 5]) {
        const { data } = yield* UserJson.decodeUser({ ...arthur, data: { name: "Arthur Dent", data: value } })
        expect(data).toStrictEqual({ name: "Arthur Dent", data: value })
      }
    }),
  )

  it.effect("takes v1's names for what they are called now, unless that is there too", () =>
    Effect.gen(function* () {
      const { id, isEmailVerified, lastUpdated, ...rest } = arthur
      const v1 = { ...rest, _id: id, emailVerified: isEmailVerified, updatedOn: lastUpdated }
      expect(yield* UserJson.decodeUser(v1)).toStrictEqual(arthur)
      const both = { ...arthur, _id: "another", emailVerified: "kept" }
      expect(yield* UserJson.decodeUser(both)).toStrictEqual(both)
    }),
  )

  it.effect("does without whatever is absent or null", () =>
    Effect.gen(function* () {
      const { id } = arthur
      const nobody = { id, accessGroups: [], data: {} }
      expect(yield* UserJson.decodeUser({ id })).toStrictEqual(nobody)
      expect(yield* UserJson.decodeUser({ id, accessGroups: null, data: null })).toStrictEqual(nobody)
      const nulls = {
        isEmailVerified: null,
        lastUpdated: null,
        invitedOn: null,
        createdOn: null,
        lastLogin: null,
        status: null,
      }
      const empty = { name: null, email: null, "accept-privacy": null, "accept-communications": null }
      expect(yield* UserJson.decodeUser({ id, ...nulls, data: empty })).toStrictEqual({
        ...nobody,
        ...nulls,
        data: empty,
      })
    }),
  )

  it.effect.each([
    ["nothing", undefined],
    ["a text", "user"],
    ["a list", [arthur]],
    ["a user without an id", { ...arthur, id: undefined }],
    ["an id that is none", { ...arthur, id: "42" }],
    ["a status nobody knows", { ...arthur, status: "banned" }],
    ["groups that are slugs", { ...arthur, accessGroups: ["webflowers"] }],
    ["data that is a list", { ...arthur, data: [] }],
    ["a name that is a number", { ...arthur, data: { name: 5 } }],
  ])("refuses %s", ([_, json]) => Effect.map(fails(UserJson.decodeUser(json)), (failed) => expect(failed).toBe(true)))
})

describe("reading a page", () => {
  it.effect("of users reads each, whatever its nesting", () =>
    Effect.gen(function* () {
      const users = [documented, zaphod]
      expect(yield* UserJson.decodeUserPage({ users, ...page })).toStrictEqual({ users: [arthur, zaphod], ...page })
      expect(yield* UserJson.decodeUserPage({ users: [], ...page })).toStrictEqual({ users: [], ...page })
    }),
  )

  it.effect("of access groups reads the documented example", () =>
    Effect.gen(function* () {
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
      expect(yield* UserJson.decodeAccessGroupPage(json)).toStrictEqual(json)
    }),
  )

  it.effect("refuses what is none", () =>
    Effect.gen(function* () {
      for (const json of [
        undefined,
        [],
        { ...page },
        { users: {}, ...page },
        { users: [{}], ...page },
        { users: [arthur] },
      ]) {
        expect([json, yield* fails(UserJson.decodeUserPage(json))]).toStrictEqual([json, true])
      }
      expect(yield* fails(UserJson.decodeAccessGroupPage({ accessGroups: [{}], ...page }))).toBe(true)
    }),
  )
})
