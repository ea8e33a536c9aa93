/** The query of a list: `offset`, `limit` and `sort`. */
import { Result, Schema } from "effect"
import { type Detail, InvalidPatch } from "../UpdateUserError.ts"
import { UserSort } from "../User.ts"

export interface ListQuery {
  readonly offset: number
  readonly limit: number
  readonly sort: UserSort | undefined
}

export const defaultLimit = 10
export const maxLimit = 100

const isUserSort = Schema.is(UserSort)

/** Reads a query, naming every parameter that is out of range. Parameters it does not know are left alone. */
export const decodeListQuery = (query: URLSearchParams): Result.Result<ListQuery, InvalidPatch> => {
  const problems: Array<Detail> = []
  const integer = (param: string, fallback: number, least: number, most: number): number => {
    const text = query.get(param)
    if (text === null || text === "") return fallback
    const value = /^\d{1,15}$/.test(text) ? Number(text) : Number.NaN
    if (value >= least && value <= most) return value
    const range = most === Number.MAX_SAFE_INTEGER ? `of at least ${least}` : `from ${least} to ${most}`
    problems.push({ param, description: `must be a whole number ${range}` })
    return fallback
  }
  const offset = integer("offset", 0, 0, Number.MAX_SAFE_INTEGER)
  const limit = integer("limit", defaultLimit, 1, maxLimit)
  // The specification allows the parameter with an empty value.
  const sort = query.get("sort") || undefined
  if (sort !== undefined && !isUserSort(sort)) {
    problems.push({ param: "sort", description: `must be one of ${UserSort.literals.join(", ")}` })
  }
  return problems.length > 0
    ? Result.fail(new InvalidPatch({ details: problems }))
    : Result.succeed({ offset, limit, sort: sort as UserSort | undefined })
}
