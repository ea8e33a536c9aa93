/**
 * Finds many users where every request counts: a page of the list brings a hundred of them, so the list is read where that
 * takes fewer requests than to ask for each, and no farther than it has to be. Keeps the users that it has read.
 */
import { Effect, Semaphore } from "effect"
import { UserNotFound } from "../../UpdateUserError.ts"
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
    const left = { ...wanted }

    const readPage = Effect.map(reading.next, (page) => {
      EmailIndex.remember(ids, page)
      for (const user of page) users.set(user.id, user)
    })
    /** Whether reading on takes fewer requests. How many pages there are, the first one says. */
    const isListCheaper = () => left.emails > 0 || (left.ids > 1 && (reading.pagesLeft() ?? 0) < left.ids)

    const known = (id: UserId | undefined) => (id === undefined ? undefined : users.get(id))
    /** Reads on until the user has come, or for as long as that may help. One after the other: what one reads may do for the next. */
    const read = (kind: keyof Wanted, find: () => User | undefined, mayRead: () => boolean) =>
      Effect.gen(function* () {
        for (;;) {
          const user = find()
          if (user !== undefined || reading.isWhole() || !mayRead()) return user
          yield* readPage
        }
      }).pipe(Effect.ensuring(Effect.sync(() => (left[kind] -= 1))), turn.withPermit)
    const ask = (id: UserId) => Effect.tap(get(siteId, id), (user) => Effect.sync(() => users.set(id, user)))

    return {
      byEmail: (email) =>
        Effect.flatMap(
          read(
            "emails",
            () => known(ids.get(emailKey(email))),
            () => true,
          ),
          (user) => (user === undefined ? Effect.fail(new UserNotFound()) : Effect.succeed(user)),
        ),
      byId: (id) => {
        const user = users.get(id)
        if (user !== undefined) {
          left.ids -= 1
          return Effect.succeed(user)
        }
        return Effect.flatMap(
          // Where the list is not to be had, each can still be asked for.
          Effect.catchTag(
            read("ids", () => users.get(id), isListCheaper),
            ["MissingScopes", "RouteNotFound", "MethodNotAllowed"],
            () => Effect.succeed(undefined),
          ),
          // Who is not on the list may be new: that server is asked.
          (found) => (found === undefined ? ask(id) : Effect.succeed(found)),
        )
      },
    }
  }
