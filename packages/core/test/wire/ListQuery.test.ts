import { ListQuery } from "@webflow-users/core/wire"
import { Result } from "effect"
import { describe, expect, it } from "vitest"

const decoded = (query: string) => Result.getOrThrow(ListQuery.decodeListQuery(new URLSearchParams(query)))
const problems = (query: string) => {
  const result = ListQuery.decodeListQuery(new URLSearchParams(query))
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
      const result = ListQuery.checkListQuery({ offset: value, limit: value })
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
