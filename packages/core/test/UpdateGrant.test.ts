import { describe, expect, it } from "@effect/vitest"
import { type User, UpdateGrant, UserId, UserPatch } from "@webflow-users/core"
import { DateTime, Result } from "effect"

const user: User = {
  id: UserId.make("6287ec36a841b25637c663df"),
  lastUpdated: "2022-05-20T13:46:12.093Z",
  accessGroups: [
    { slug: "webflowers", type: "admin" },
    { slug: "course", type: "ecommerce" },
  ],
  data: { name: "Arthur", email: "arthur@example.com", plan: "free" },
}
const now = DateTime.makeUnsafe("2024-01-01T00:00:00Z")
const apply = (body: unknown, grant: UpdateGrant.UpdateGrant) =>
  UserPatch.apply(user, UserPatch.UserPatch.from(body), now, { grant })

describe("what of a user may be changed", () => {
  it("is anything unless somebody says otherwise", () => {
    expect(Result.isSuccess(apply({ data: { plan: "gold" }, accessGroups: [] }, {}))).toBe(true)
    expect(UpdateGrant.refusal({}, user, { ...user, accessGroups: [], data: {} })).toBeUndefined()
  })

  it("is named in the refusal, each field and group, and no value", () => {
    const refused = apply(
      { data: { plan: "secret-value" }, accessGroups: ["gold", "silver"] },
      { fields: [], groups: [] },
    )
    const may = "may be neither joined nor left with this token"
    expect(Result.isFailure(refused) && refused.failure).toMatchObject({
      _tag: "ChangeForbidden",
      status: 403,
      code: "forbidden",
      isRetryable: false,
      message: "The token may not make this change",
      details: [
        { param: "data.plan", description: "may not be changed with this token" },
        { param: "accessGroups", description: `webflowers: ${may}` },
        { param: "accessGroups", description: `gold: ${may}` },
        { param: "accessGroups", description: `silver: ${may}` },
      ],
    })
  })

  it("is named in short, however much there is and whatever it is called", () => {
    const data = Object.fromEntries(Array.from({ length: 120 }, (_, index) => [`${"x".repeat(100)}${index}`, index]))
    const refused = apply({ data }, { fields: [] })
    const details = (Result.isFailure(refused) ? refused.failure.details : []) as ReadonlyArray<{
      readonly param: string
    }>
    expect([details.length, Math.max(...details.map(({ param }) => param.length))]).toEqual([50, "data.".length + 65])
  })

  it("is asked after whether it can be: what is wrong with an update is told first", () => {
    const refused = apply({ data: { plan: "gold", name: 5 } }, { fields: [] })
    expect(Result.isFailure(refused) && refused.failure).toMatchObject({ _tag: "InvalidPatch" })
  })

  it("counts a group that changes its type", () => {
    const bought = {
      ...user,
      accessGroups: [{ slug: "webflowers", type: "ecommerce" as const }, user.accessGroups[1]!],
    }
    expect(UpdateGrant.refusal({ groups: [] }, user, bought)?.details).toHaveLength(1)
    expect(UpdateGrant.refusal({ groups: ["webflowers"] }, user, bought)).toBeUndefined()
  })

  it("does not count what a server sets itself", () =>
    expect(
      UpdateGrant.refusal({ fields: [], groups: [] }, user, { ...user, lastUpdated: "2024-01-01T00:00:00Z" }),
    ).toBe(undefined))
})

const unseen = (patch: ConstructorParameters<typeof UserPatch.UserPatch>[0], grant: UpdateGrant.UpdateGrant) =>
  UpdateGrant.refusalUnseen(grant, new UserPatch.UserPatch(patch))?.details.map(
    (detail) => (detail as { readonly param: string }).param,
  )
const set = (...admin: ReadonlyArray<string>) => ({ _tag: "SetGroups" as const, admin, ecommerce: [] })

describe("where the user is not seen before", () => {
  it.each<[string, Parameters<typeof unseen>, ReadonlyArray<string> | undefined]>([
    ["nothing", [{}, { fields: [], groups: [] }], undefined],
    ["a field on the list", [{ data: { name: "x" } }, { fields: ["name"] }], undefined],
    ["a field that may be equal", [{ data: { name: "x", plan: "free" } }, { fields: ["name"] }], ["data.plan"]],
    ["any group, where only fields are listed", [{ groups: set("gold") }, { fields: [] }], undefined],
    [
      "a set of groups on the list, which may take others away",
      [{ groups: set("gold") }, { groups: ["gold"] }],
      ["accessGroups"],
    ],
    [
      "groups to join and leave",
      [{ groups: { _tag: "EditGroups", add: ["gold", "a"], remove: ["b"] } }, { groups: ["gold"] }],
      ["accessGroups", "accessGroups"],
    ],
  ])("what is named counts: %s", (_, [patch, grant], params) => expect(unseen(patch, grant)).toEqual(params))
})
