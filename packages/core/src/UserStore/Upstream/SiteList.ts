/** Reading the whole list of a server's users, page by page, though it may change meanwhile. */
import { Effect } from "effect"
import type { UpdateUserError } from "../../UpdateUserError.ts"
import type { User, UserId, UserPage } from "../../User.ts"
import type { PageRequest } from "../../UserStore.ts"
import { maxLimit } from "../../wire/ListQuery.ts"

export interface SiteList<R> {
  /** Reads the next page. Users may come twice. */
  readonly next: Effect.Effect<ReadonlyArray<User>, UpdateUserError, R>
  /** Whether everybody has come. */
  readonly isWhole: () => boolean
  /** How many pages are left, by what the server says; nothing before it has said so. */
  readonly pagesLeft: () => number | undefined
}

export const make = <R>(page: (page: PageRequest) => Effect.Effect<UserPage, UpdateUserError, R>): SiteList<R> => {
  let offset = 0
  /** The first user of the list. */
  let first: UserId | undefined
  /** How many users the server said that there are, when it was asked last. */
  let total: number | undefined
  /** How many users a page brings: servers may have a limit of their own. */
  let pageSize: number = maxLimit
  /** Whether the list changed while it was read: somebody may have moved from a page not read yet to one that was. */
  let hasChanged = false
  let isSecondTime = false
  let isWhole = false

  const take = (read: UserPage): ReadonlyArray<User> => {
    const { users } = read
    // A server that always gives the same page has no other.
    const isRepeated = offset > 0 && users[0]?.id === first
    if (offset === 0) first = users[0]?.id
    hasChanged ||= total !== undefined && read.total !== total
    total = read.total
    // A server may give less than it was asked for, and may not know how many there are.
    offset += users.length
    pageSize = users.length
    isWhole = users.length === 0 || isRepeated || offset === total || (offset > total && users.length < maxLimit)
    if (isWhole && hasChanged && !isSecondTime) {
      // Once more, from the start, so that whoever was there all the time is found.
      isSecondTime = true
      offset = 0
      total = undefined
      isWhole = false
    }
    return users
  }

  return {
    next: Effect.map(
      Effect.suspend(() => page({ offset, limit: maxLimit })),
      take,
    ),
    isWhole: () => isWhole,
    // One that says there are no more, and gives more, may have as many again.
    pagesLeft: () =>
      total === undefined ? undefined : Math.ceil((total > offset ? total - offset : offset) / pageSize),
  }
}
