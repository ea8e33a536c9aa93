import { AccessGroupSort, UserSort } from "@webflow-users/core"
import { ListQuery } from "@webflow-users/core/wire"
import { Result } from "effect"
import { describe, expect, it } from "vitest"

const decoded = (query: string) =>
  Result.getOrThrow(ListQuery.decodeListQuery(new URLSearchParams(query), UserSort.literals))
const problems = (query: string, allowed: ReadonlyArray<string> = UserSort.literals) => {
  const result = ListQuery.decodeListQuery(new URLSearchParams(query), allowed)
  return Result.isFailure(result) ? { tag: result.failure._tag, details: result.failure.details } : "accepted"
}
const sorts = ["CreatedOn", "Email", "Status", "LastLogin", "UpdatedOn"].flatMap((key) => [key, `-${key}`])

describe("the query of a list", () => {
  it.each([
    ["", { offset: 0, limit: 10, sort: undefined }],
    ["offset=&limit=&sort=", { offset: 0, limit: 10, sort: undefined }],
    ["offset=0&limit=1", { offset: 0, limit: 1, sort: undefined }],
    ["limit=100&offset=20000&page=2", { offset: 20_000, limit: 100, sort: undefined }],
    ["offset=999999999999999", { offset: 999_999_999_999_999, limit: 10, sort: undefined }],
    ["limit=007", { offset: 0, limit: 7, sort: undefined }],
  ])("%j is read", (query, expected) => expect(decoded(query)).toStrictEqual(expected))

  it.each(sorts)("may be sorted by %s", (sort) => expect(decoded(`sort=${sort}`).sort).toBe(sort))

  it("of access groups may be sorted by when they were made, and by nothing else", () => {
    for (const sort of ["", "CreatedOn", "-CreatedOn"]) {
      expect(problems(`sort=${sort}`, AccessGroupSort.literals)).toBe("accepted")
    }
    for (const sort of ["Email", "-Email", "Slug", "createdOn", "--CreatedOn"]) {
      expect(problems(`sort=${sort}`, AccessGroupSort.literals)).toStrictEqual({
        tag: "InvalidPatch",
        details: [{ param: "sort", description: "must be one of CreatedOn, -CreatedOn" }],
      })
    }
  })

  it.each(["0", "101", "-1", "1.5", "1e1", "+5", " 5", "0x10", "ten", "Infinity", "1".repeat(16), "５"])(
    "refuses %j for a limit",
    (limit) =>
      expect(problems(`limit=${encodeURIComponent(limit)}`)).toStrictEqual({
        tag: "InvalidPatch",
        details: [{ param: "limit", description: "must be a whole number from 1 to 100" }],
      }),
  )

  it.each([Number.NaN, 0.5, -1, Number.POSITIVE_INFINITY, 2 ** 53])(
    "refuses the number %d, from whoever asks in code",
    (value) => {
      const result = ListQuery.checkListQuery({ offset: value, limit: value }, UserSort.literals)
      expect(Result.isFailure(result) && result.failure.details).toMatchObject([
        { param: "offset" },
        { param: "limit" },
      ])
    },
  )

  it("names every parameter that is wrong, and repeats none", () =>
    expect(problems("sort=email&limit=secret&offset=-1")).toStrictEqual({
      tag: "InvalidPatch",
      details: [
        { param: "offset", description: "must be a whole number of at least 0" },
        { param: "limit", description: "must be a whole number from 1 to 100" },
        { param: "sort", description: `must be one of ${sorts.join(", ")}` },
      ],
    }))
})
