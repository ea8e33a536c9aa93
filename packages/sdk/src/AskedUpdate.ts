/** One of many changes, as it was given, made into what core's `UpdateUsers` takes, and what is told of it when it is refused. */
import {
  InvalidPatch,
  isDetail,
  type UpdatePolicy,
  type UpdateUserError,
  type UpdateUsers,
  UserChange as Change,
} from "@webflow-users/core"
import { Predicate, Result } from "effect"
import { onWire } from "./consents.ts"
import type { UserChange } from "./fields.ts"

/** `index` is its place among those given, from 0; `change` is what was given there. */
export interface AskedUpdate extends UpdateUsers.Update {
  readonly index: number
  readonly change: UserChange
}

/** A change that cannot be read is refused when its turn comes, and stops no other. */
export const asked = (given: unknown, index: number, policy: UpdatePolicy.UpdatePolicy): AskedUpdate => {
  const change = given as UserChange
  const read = Change.fromJson(onWire(given))
  if (Result.isFailure(read)) {
    return { index, change, user: "", patch: {}, refusal: new InvalidPatch({ details: read.failure }) }
  }
  const who = Change.who(read.success)
  return { index, change, user: "id" in who ? who.id : who.email, patch: Change.patchOf(read.success, policy) }
}

/** What was found wrong with the user's groups is told of those that the change adds, or takes away. */
export const inWordsOf = (change: UserChange, error: UpdateUserError): UpdateUserError => {
  const { details } = error
  if (error._tag !== "InvalidPatch" || !Predicate.isObject(change) || !details.every(isDetail)) return error
  return Object.assign(error, { details: Change.problemsOf(change, details) })
}
