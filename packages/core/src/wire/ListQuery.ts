/** The query of a list: `offset`, `limit` and `sort`. */
import { Result } from "effect"
import { type Detail, InvalidPatch } from "../UpdateUserError.ts"

/** Which part of a list is asked for, and in which of the orders that the list has. */
export interface ListQuery<Sort extends string> {
  readonly offset: number
  readonly limit: number
  readonly sort?: Sort | undefined
}

/** How many entries are given to who does not say how many. */
export const defaultLimit = 10
/** How many entries are given at most. */
export const maxLimit = 100

/** Reads a query, naming every parameter that is out of range. Parameters it does not know are left alone. */
export const decodeListQuery = <Sort extends string>(
  query: URLSearchParams,
  sorts: ReadonlyArray<Sort>,
): Result.Result<ListQuery<Sort>, InvalidPatch> => {
  // The specification allows a parameter with an empty value.
  const integer = (param: string, fallback: number): number => {
    const text = query.get(param) || String(fallback)
    return /^\d{1,15}$/.test(text) ? Number(text) : Number.NaN
  }
  const sort = query.get("sort") || undefined
  return checkListQuery(
    {
      offset: integer("offset", 0),
      limit: integer("limit", defaultLimit),
      // Checked below, like the numbers.
      sort: sort as Sort | undefined,
    },
    sorts,
  )
}

/** Whether a part of a list that has these orders can be asked for. */
export const checkListQuery = <Q extends ListQuery<string>>(
  query: Q,
  sorts: ReadonlyArray<string>,
): Result.Result<Q, InvalidPatch> => {
  const { offset, limit, sort } = query
  const problems: Array<Detail> = []
  const refuse = (param: string, description: string) => problems.push({ param, description })
  if (!Number.isSafeInteger(offset) || offset < 0) refuse("offset", "must be a whole number of at least 0")
  if (!Number.isSafeInteger(limit) || limit < 1 || limit > maxLimit) {
    refuse("limit", `must be a whole number from 1 to ${maxLimit}`)
  }
  if (sort !== undefined && !sorts.includes(sort)) refuse("sort", `must be one of ${sorts.join(", ")}`)
  return problems.length > 0 ? Result.fail(new InvalidPatch({ details: problems })) : Result.succeed(query)
}
