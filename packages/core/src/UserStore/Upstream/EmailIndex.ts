/**
 * Finds users by e-mail address where a server only lists them: the list is read page by page, as far as it has to be and
 * once, and what was read is remembered for as long as the store is open.
 */
import { Effect, Semaphore } from "effect"
import { type UpdateUserError, UserNotFound } from "../../UpdateUserError.ts"
import type { SiteId, User, UserId, UserPage } from "../../User.ts"
import { emailKey } from "../../UserOrder.ts"
import type { PageRequest } from "../../UserStore.ts"
import { maxLimit } from "../../wire/ListQuery.ts"

/** What was read of a site's list. */
interface Read {
  readonly ids: Map<string, UserId>
  readonly turn: Semaphore.Semaphore
  offset: number
  /** The first user of the list. */
  first: UserId | undefined
  /** How many users the server said that there are, when it was asked last. */
  total: number | undefined
  /** Whether the list changed while it was read: somebody may have moved from a page not read yet to one that was. */
  hasChanged: boolean
  isSecondTime: boolean
  isWhole: boolean
}

interface Source {
  readonly list: (siteId: SiteId, page: PageRequest) => Effect.Effect<UserPage, UpdateUserError>
  readonly get: (siteId: SiteId, userId: UserId) => Effect.Effect<User, UpdateUserError>
}

/** `reader` tells who asks: what one may read is not another's to know. */
export const make = ({ list, get }: Source) => {
  const reads = new Map<string, Read>()
  const readOf = (key: string): Read => {
    const known = reads.get(key)
    if (known !== undefined) return known
    const read: Read = {
      ids: new Map(),
      turn: Semaphore.makeUnsafe(1),
      offset: 0,
      first: undefined,
      total: undefined,
      hasChanged: false,
      isSecondTime: false,
      isWhole: false,
    }
    reads.set(key, read)
    return read
  }

  return Effect.fnUntraced(function* (reader: string, siteId: SiteId, email: string) {
    const wanted = emailKey(email)
    const read = readOf(`${siteId} ${reader}`)
    /** Reads on until the user has come or the list is at its end. */
    const readOn = Effect.gen(function* () {
      for (;;) {
        // Another may have come this far while this one waited for its turn.
        const id = read.ids.get(wanted)
        if (id !== undefined) return yield* get(siteId, id)
        if (read.isWhole) return yield* new UserNotFound()
        const { users, total } = yield* list(siteId, { offset: read.offset, limit: maxLimit })
        for (const user of users) {
          const key = emailKey(user.data.email)
          // Of two with the same address, the first one in the list.
          if (key !== "" && !read.ids.has(key)) read.ids.set(key, user.id)
        }
        // A server that always gives the same page has no other.
        const isRepeated = read.offset > 0 && users[0]?.id === read.first
        if (read.offset === 0) read.first = users[0]?.id
        read.hasChanged ||= read.total !== undefined && read.total !== total
        read.total = total
        // A server may give less than it was asked for, and may not know how many there are.
        read.offset += users.length
        read.isWhole =
          users.length === 0 || isRepeated || read.offset === total || (read.offset > total && users.length < maxLimit)
        if (read.isWhole && read.hasChanged && !read.isSecondTime) {
          // Once more, from the start, so that whoever was there all the time is found.
          Object.assign(read, { offset: 0, total: undefined, hasChanged: false, isSecondTime: true, isWhole: false })
        }
        const found = users.find((user) => user.id === read.ids.get(wanted))
        if (found !== undefined) return found
      }
    })
    const id = read.ids.get(wanted)
    return yield* id === undefined ? read.turn.withPermit(readOn) : get(siteId, id)
  })
}
