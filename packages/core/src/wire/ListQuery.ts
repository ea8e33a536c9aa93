/** The query of a list: `offset`, `limit` and `sort`. */
import { Result, Schema } from "effect"
import { type Detail, InvalidPatch } from "../UpdateUserError.ts"
import { UserSort } from "../User.ts"

export interface ListQuery {
  readonly offset: number
  readonly limit: number
  readonly sort?: UserSort | undefined
}

/** How many entries are given to who does not say how many, and how many at most. */
export const defaultLimit = 10
export const maxLimit = 100

const isUserSort = Schema.is(UserSort)

/** Reads a query, naming every parameter that is out of range. Parameters it does not know are left alone. */
export const decodeListQuery = (query: URLSearchParams): Result.Result<ListQuery, InvalidPatch> => {
  // The specification allows a parameter with an empty value.
  const integer = (param: string, fallback: number): number => {
    const text = query.get(param) || String(fallback)
    return /^\d{1,15}$/.test(text) ? Number(text) : Number.NaN
  }
  const sort = query.get("sort") || undefined
  return checkListQuery({
    offset: integer("offset", 0),
    limit: integer("limit", defaultLimit),
    // Checked below, like the numbers.
    sort: sort as UserSort | undefined,
  })
}

/** Whether a part of a list can be asked for. */
export const checkListQuery = <Q extends ListQuery>(query: Q): Result.Result<Q, InvalidPatch> => {
  const { offset, limit, sort } = query
  const problems: Array<Detail> = []
  const refuse = (param: string, description: string) => problems.push({ param, description })
  if (!Number.isSafeInteger(offset) || offset < 0) refuse("offset", "must be a whole number of at least 0")
  if (!Number.isSafeInteger(limit) || limit < 1 || limit > maxLimit) {
    refuse("limit", `must be a whole number from 1 to ${maxLimit}`)
  }
  if (sort !== undefined && !isUserSort(sort)) refuse("sort", `must be one of ${UserSort.literals.join(", ")}`)
  return problems.length > 0 ? Result.fail(new InvalidPatch({ details: problems })) : Result.succeed(query)
}
