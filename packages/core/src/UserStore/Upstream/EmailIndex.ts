/**
 * Finds users by e-mail address where a server only lists them: the list is read page by page, as far as it has to be and
 * once, and what was read is remembered for as long as the store is open.
 */
import { Effect, Semaphore } from "effect"
import { type UpdateUserError, UserNotFound } from "../../UpdateUserError.ts"
import type { SiteId, User, UserId, UserPage } from "../../User.ts"
import { emailKey } from "../../UserOrder.ts"
import type { PageRequest } from "../../UserStore.ts"
import * as SiteList from "./SiteList.ts"

/** What was read of a site's list. */
interface Read {
  readonly ids: Map<string, UserId>
  readonly turn: Semaphore.Semaphore
  readonly list: SiteList.SiteList<never>
}

export interface Source {
  readonly list: (siteId: SiteId, page: PageRequest) => Effect.Effect<UserPage, UpdateUserError>
  readonly get: (siteId: SiteId, userId: UserId) => Effect.Effect<User, UpdateUserError>
}

/** `reader` tells who asks: what one may read is not another's to know. */
export const make = ({ list, get }: Source) => {
  const reads = new Map<string, Read>()
  const readOf = (siteId: SiteId, reader: string): Read => {
    const key = `${siteId} ${reader}`
    const known = reads.get(key)
    if (known !== undefined) return known
    const read: Read = {
      ids: new Map(),
      turn: Semaphore.makeUnsafe(1),
      list: SiteList.make((page) => list(siteId, page)),
    }
    reads.set(key, read)
    return read
  }

  return Effect.fnUntraced(function* (reader: string, siteId: SiteId, email: string) {
    const wanted = emailKey(email)
    const read = readOf(siteId, reader)
    /** Reads on until the user has come or the list is at its end. */
    const readOn = Effect.gen(function* () {
      for (;;) {
        // Another may have come this far while this one waited for its turn.
        const id = read.ids.get(wanted)
        if (id !== undefined) return yield* get(siteId, id)
        if (read.list.isWhole()) return yield* new UserNotFound()
        const users = yield* read.list.next
        remember(read.ids, users)
        const found = users.find((user) => user.id === read.ids.get(wanted))
        if (found !== undefined) return found
      }
    })
    const id = read.ids.get(wanted)
    return yield* id === undefined ? read.turn.withPermit(readOn) : get(siteId, id)
  })
}

/** Notes whose the addresses are: of two users with the same one, the first in the list. */
export const remember = (ids: Map<string, UserId>, users: ReadonlyArray<User>): void => {
  for (const user of users) {
    const key = emailKey(user.data.email)
    if (key !== "" && !ids.has(key)) ids.set(key, user.id)
  }
}
