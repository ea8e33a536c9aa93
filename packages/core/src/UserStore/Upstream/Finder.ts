/**
 * Finds many users where every request counts: a page of the list brings a hundred of them, so the list is read where that
 * takes fewer requests than to ask for each, and no farther than it has to be. Keeps the users that it has read.
 */
import { Effect, Semaphore } from "effect"
import { type UpdateUserError, UserNotFound } from "../../UpdateUserError.ts"
import type { SiteId, User, UserId } from "../../User.ts"
import { emailKey } from "../../UserOrder.ts"
import type { Finder, Wanted } from "../../UserStore.ts"
import * as EmailIndex from "./EmailIndex.ts"
import * as SiteList from "./SiteList.ts"

export const make =
  ({ list, get }: EmailIndex.Source) =>
  (siteId: SiteId, wanted: Wanted): Finder => {
    const users = new Map<UserId, User>()
    const ids = new Map<string, UserId>()
    const reading = SiteList.make((page) => list(siteId, page))
    const turn = Semaphore.makeUnsafe(1)
    let left = wanted.ids

    const readPage = Effect.map(reading.next, (page) => {
      EmailIndex.remember(ids, page)
      for (const user of page) users.set(user.id, user)
    })
    /** Whether reading on takes fewer requests. How many pages there are, the first one says. */
    const isListCheaper = () => wanted.emails > 0 || (left > 1 && (reading.pagesLeft() ?? 0) < left)

    const known = (id: UserId | undefined) => (id === undefined ? undefined : users.get(id))
    const readUntil = (
      find: () => User | undefined,
      otherwise: Effect.Effect<User, UpdateUserError>,
      mayRead: () => boolean,
    ) =>
      turn.withPermit(
        Effect.gen(function* () {
          for (;;) {
            const user = find()
            if (user !== undefined) return user
            if (reading.isWhole() || !mayRead()) return yield* otherwise
            yield* readPage
          }
        }),
      )

    return {
      byEmail: (email) =>
        readUntil(
          () => known(ids.get(emailKey(email))),
          Effect.fail(new UserNotFound()),
          () => true,
        ),
      byId: (id) =>
        // Who is not on the list may be new: that server is asked.
        Effect.ensuring(
          readUntil(() => users.get(id), get(siteId, id), isListCheaper),
          Effect.sync(() => (left -= 1)),
        ),
    }
  }
