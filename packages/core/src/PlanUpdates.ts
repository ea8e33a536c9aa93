/**
 * Looks at changes to many users before any is made: whom they are about, what they would change, and what is wrong with
 * them. Changes nothing.
 */
import { DateTime, Effect, Result } from "effect"
import * as SeenUsers from "./SeenUsers.ts"
import * as UpdatePolicy from "./UpdatePolicy.ts"
import { type Detail, type UpdateUserError, UserNotFound } from "./UpdateUserError.ts"
import type { User } from "./User.ts"
import { patchOf, problemsOf, type UserChange, who, withTypes } from "./UserChange.ts"
import { emailKey } from "./UserOrder.ts"
import * as UserPatch from "./UserPatch.ts"
import { acceptSiteId, finder, UserStore, type Wanted } from "./UserStore.ts"

/** What is to become of a change. */
export type Planned =
  | {
      readonly _tag: "Change"
      readonly user: User
      /** The user as the change would make it of what is there now. */
      readonly after: User
      readonly patch: UserPatch.UserPatch
      readonly earlier: number | undefined
      /** Whether the same user is changed by an earlier one, too. */
      readonly isAgain?: true
    }
  /** The user is so already. */
  | { readonly _tag: "Unchanged"; readonly user: User; readonly earlier: number | undefined }
  | { readonly _tag: "Invalid"; readonly problems: ReadonlyArray<Detail> }

/** Says of the changes of one file what each would do. It reads, and changes nothing. */
export interface Planner {
  /** The user that a change is about, if there is one. */
  readonly find: (change: UserChange) => Effect.Effect<User | undefined, UpdateUserError>
  /**
   * Judges the change of that user, which stands at a place in its file: a whole number from 1. Changes are judged in their
   * order; of one whose user came before, `earlier` is that place.
   */
  readonly judge: (change: UserChange, user: User | undefined, place: number) => Planned
}

/** A planner for the changes of one file. `areTexts` where they come from a table, which has no types. */
export const make = Effect.fnUntraced(function* (
  site: string,
  wanted: Wanted,
  { areTexts }: { readonly areTexts: boolean },
): Effect.fn.Return<Planner, UpdateUserError, UserStore> {
  const siteId = yield* acceptSiteId(site)
  const { declaration: declarationOf } = yield* UserStore
  const declaration = yield* declarationOf(siteId)
  const policy = yield* UpdatePolicy.Current
  const now = yield* DateTime.now
  const { byId, byEmail } = yield* finder(siteId, wanted)
  const seen = SeenUsers.make()
  const changed = SeenUsers.make()

  return {
    find: (change) => {
      const named = who(change)
      return ("id" in named ? byId(named.id) : byEmail(named.email)).pipe(
        Effect.catchIf(
          (error) => error instanceof UserNotFound,
          () => Effect.succeed(undefined),
        ),
      )
    },
    judge: (asked, user, place) => {
      if (user === undefined) {
        const param = "id" in who(asked) ? "id" : "email"
        return { _tag: "Invalid", problems: [{ param, description: "the site has no such user" }] }
      }
      const change = withStoredEmail(areTexts ? withTypes(asked, user, declaration) : asked, user)
      const patch = UserPatch.UserPatch.from(patchOf(change, policy))
      const applied = UserPatch.apply(user, patch, now, { policy, declaration })
      if (Result.isFailure(applied))
        return { _tag: "Invalid", problems: problemsOf(asked, applied.failure.details as ReadonlyArray<Detail>) }
      const earlier = seen.firstOf(user.id, place)
      // What an earlier change will have made of the user by then, nobody has looked at.
      if (UserPatch.diff(user, applied.success) === undefined && !changed.has(user.id)) {
        return { _tag: "Unchanged", user, earlier }
      }
      const isAgain = changed.firstOf(user.id, place) !== undefined
      return { _tag: "Change", user, after: applied.success, patch, earlier, ...(isAgain && { isAgain }) }
    },
  }
})

/** Beside an id, an address has to be the user's, in whatever letter case. */
const withStoredEmail = (change: UserChange, { data }: User): UserChange =>
  change.email !== undefined && data.email != null && emailKey(change.email) === emailKey(data.email)
    ? { ...change, email: data.email }
    : change
