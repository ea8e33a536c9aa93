/**
 * Taking updates back. Pure: from what an update asked for, and what it made of which user, to the change that puts back what
 * was there.
 */
import { DateTime, Result } from "effect"
import type { CustomValue, User } from "./User.ts"
import * as UserPatch from "./UserPatch.ts"

/** An update that was made. */
export interface Made {
  readonly patch: UserPatch.UserPatch
  readonly before: User
  readonly after: User
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

/** The change that makes `before` of `after`; `undefined` where they are the same. */
const inverse = ({ patch, before, after }: Made): UserPatch.UserPatch | undefined => {
  const back = UserPatch.diff(after, before)
  if (back === undefined) return undefined
  // Where more came of it than was asked for, others had changed the user between `before` and the update: theirs stays.
  const data: Record<string, CustomValue> = Object.fromEntries(
    Object.entries(back.data).filter(([key]) => Object.hasOwn(patch.data, key)),
  )
  const groups = back.groups === undefined ? undefined : groupsBack({ patch, before, after })
  return Object.keys(data).length === 0 && groups === undefined ? undefined : new UserPatch.UserPatch({ data, groups })
}

const groupsBack = ({ patch, before, after }: Made): UserPatch.UserPatch["groups"] => {
  const { groups } = patch
  if (groups?._tag !== "EditGroups") return groups && UserPatch.setGroups(before)
  const asked = UserPatch.apply(before, new UserPatch.UserPatch({ groups }), DateTime.makeUnsafe(0))
  const isAllOfIt = Result.isSuccess(asked) && sameGroups(asked.success, after)
  if (isAllOfIt) return UserPatch.setGroups(before)
  const had = new Set(before.accessGroups.map((group) => group.slug))
  const add = groups.remove.filter((slug) => had.has(slug))
  const remove = groups.add.filter((slug) => !had.has(slug))
  return add.length + remove.length === 0 ? undefined : { _tag: "EditGroups", add, remove }
}

const sameGroups = (one: User, other: User): boolean =>
  UserPatch.diff({ ...one, data: {} }, { ...other, data: {} }) === undefined

const isDone = (patch: UserPatch.UserPatch, current: User): boolean => {
  const again = UserPatch.apply(current, patch, DateTime.makeUnsafe(0))
  return Result.isSuccess(again) && UserPatch.diff(current, again.success) === undefined
}
