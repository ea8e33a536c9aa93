/**
 * Taking updates back: from what an update asked for, and what it made of which user, to the change that puts back what was
 * there.
 */
import { DateTime, Effect, Result } from "effect"
import type { Planned } from "./PlanUpdates.ts"
import * as UpdatePolicy from "./UpdatePolicy.ts"
import { type Detail, InvalidPatch, type UpdateUserError, UserNotFound } from "./UpdateUserError.ts"
import type { CustomValue, User } from "./User.ts"
import * as UserPatch from "./UserPatch.ts"
import { acceptSiteId, finder, UserStore } from "./UserStore.ts"
import { isConsent } from "./wire/UpdateUserBody.ts"

/** An update that was made. */
export interface Made {
  readonly patch: UserPatch.UserPatch
  readonly before: User
  readonly after: User
}

/** Two updates of one user as one, the earlier of them first. */
export const combine = (first: Made, second: Made): Made => ({
  patch: new UserPatch.UserPatch({
    data: { ...first.patch.data, ...second.patch.data },
    groups: combinedGroups(first.patch.groups, second.patch.groups),
  }),
  before: first.before,
  after: second.after,
})

const combinedGroups = (first: UserPatch.UserPatch["groups"], second: UserPatch.UserPatch["groups"]) => {
  if (first?._tag !== "EditGroups" || second?._tag !== "EditGroups")
    return second?._tag === "SetGroups" ? second : (first ?? second)
  // Of one that is joined and left, the last word counts.
  return {
    _tag: "EditGroups" as const,
    add: [...first.add.filter((slug) => !second.remove.includes(slug)), ...second.add],
    remove: [...first.remove.filter((slug) => !second.add.includes(slug)), ...second.remove],
  }
}

/** What is to be done about one. */
export type Undo =
  | { readonly _tag: "PutBack"; readonly patch: UserPatch.UserPatch }
  /** The user is as it was before. */
  | { readonly _tag: "AsBefore" }
  /** Somebody else has changed the user since: whatever was put back could be theirs. */
  | { readonly _tag: "ChangedSince" }

/** How to take an update back from a user as it is now. */
export const undo = (made: Made, current: User): Undo => {
  const patch = inverse(made)
  if (patch === undefined || isDone(patch, current)) return { _tag: "AsBefore" }
  return UserPatch.diff(made.after, current) === undefined ? { _tag: "PutBack", patch } : { _tag: "ChangedSince" }
}

/** Why a user is left alone. */
const changedSince = { param: "user", description: "was changed by somebody else since, and is left alone" }

/**
 * Why an undo that was planned is not to be made of the user as it is now, if so: who was changed since the plan is left alone,
 * too. What was put back already may be put back once more.
 */
export const objection = (
  planned: { readonly patch: UserPatch.UserPatch; readonly before: User },
  current: User,
): InvalidPatch | undefined =>
  UserPatch.diff(planned.before, current) === undefined || isDone(planned.patch, current)
    ? undefined
    : new InvalidPatch({ details: [changedSince] })

/** Looks at updates before they are taken back, so many in all: of whom, and whether it can be done. Changes nothing. */
export const planner = Effect.fnUntraced(function* (site: string, updates: number) {
  const siteId = yield* acceptSiteId(site)
  const { declaration: declarationOf } = yield* UserStore
  const rules = { policy: yield* UpdatePolicy.Current, declaration: yield* declarationOf(siteId) }
  const now = yield* DateTime.now
  const { byId } = yield* finder(siteId, { ids: updates, emails: 0 })

  const judge = (made: Made, user: User): Planned => {
    const back = undo(made, user)
    if (back._tag === "AsBefore") return { _tag: "Unchanged", user, earlier: undefined }
    if (back._tag === "ChangedSince") return refuse(changedSince.description)
    const applied = UserPatch.apply(user, UserPatch.UserPatch.from(back.patch), now, rules)
    return Result.isFailure(applied)
      ? { _tag: "Invalid", problems: applied.failure.details as ReadonlyArray<Detail> }
      : { _tag: "Change", user, after: applied.success, patch: back.patch, earlier: undefined }
  }
  return (made: Made): Effect.Effect<Planned, UpdateUserError> =>
    Effect.matchEffect(byId(made.after.id), {
      onSuccess: (user) => Effect.succeed(judge(made, user)),
      onFailure: (error) =>
        error instanceof UserNotFound ? Effect.succeed(refuse("is no longer on the site")) : Effect.fail(error),
    })
})

const refuse = (description: string): Planned => ({ _tag: "Invalid", problems: [{ param: "user", description }] })

/** The change that makes `before` of `after`; `undefined` where they are the same. */
const inverse = ({ patch, before, after }: Made): UserPatch.UserPatch | undefined => {
  const back = UserPatch.diff(after, before)
  if (back === undefined) return undefined
  // Where more came of it than was asked for, others had changed the user between `before` and the update: theirs stays.
  const data = Object.fromEntries(
    Object.entries(back.data)
      .filter(([key]) => Object.hasOwn(patch.data, key))
      .map(([key, value]) => [key, value ?? nothingIn(key)]),
  )
  const groups = back.groups === undefined ? undefined : groupsBack({ patch, before, after })
  return Object.keys(data).length === 0 && groups === undefined ? undefined : new UserPatch.UserPatch({ data, groups })
}

/** What comes nearest to having nothing in a field: a name and what the user accepts cannot be cleared [ours]. */
const nothingIn = (key: string): CustomValue => (key === "name" ? "" : isConsent(key) ? false : null)

const groupsBack = ({ patch, before, after }: Made): UserPatch.UserPatch["groups"] => {
  const { groups } = patch
  if (groups?._tag !== "EditGroups") return groups && groupsOf(before, after)
  const asked = UserPatch.apply(before, new UserPatch.UserPatch({ groups }), DateTime.makeUnsafe(0))
  const isAllOfIt = Result.isSuccess(asked) && sameGroups(asked.success, after)
  const bought = new Set(UserPatch.setGroups(before).ecommerce)
  if (isAllOfIt || groups.remove.some((slug) => bought.has(slug))) return groupsOf(before, after)
  const had = new Set(before.accessGroups.map((group) => group.slug))
  const add = groups.remove.filter((slug) => had.has(slug))
  const remove = groups.add.filter((slug) => !had.has(slug))
  return add.length + remove.length === 0 ? undefined : { _tag: "EditGroups", add, remove }
}

/**
 * The groups of before. Those bought meanwhile stay, whatever the policy; one that was bought and is no longer there no update
 * can give back: since it is named, the change is refused.
 */
const groupsOf = (before: User, after: User): UserPatch.SetGroups => {
  const { admin, ecommerce } = UserPatch.setGroups(before)
  return { _tag: "SetGroups", admin, ecommerce: [...new Set([...ecommerce, ...UserPatch.setGroups(after).ecommerce])] }
}

const sameGroups = (one: User, other: User): boolean =>
  UserPatch.diff({ ...one, data: {} }, { ...other, data: {} }) === undefined

const isDone = (patch: UserPatch.UserPatch, current: User): boolean => {
  const again = UserPatch.apply(current, patch, DateTime.makeUnsafe(0))
  return Result.isSuccess(again) && UserPatch.diff(current, again.success) === undefined
}
