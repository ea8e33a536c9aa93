/** What the checks of `UserStoreSuite` are made of: a site, its users, and how to say what differs. */
import { Effect, Equal } from "effect"
import { NewUsers } from "../NewUsers.ts"
import type { Sites } from "../Sites.ts"
import type { UpdateUserError } from "../UpdateUserError.ts"
import { parseSiteId, type SiteId, type User } from "../User.ts"
import { UserId } from "../UserSchema.ts"
import type { UserEvents } from "../UserEvents.ts"
import { UserPatch } from "../UserPatch.ts"
import { UserStore } from "../UserStore.ts"

/** A named program that fails where a store does not do what it has to. */
export interface Check {
  readonly name: string
  readonly run: Effect.Effect<void, UpdateUserError, UserStore | NewUsers | Sites | UserEvents>
}

export const siteId = parseSiteId("580e63e98c9a982ac9b8b741") as SiteId
export const elsewhere = parseSiteId("580e63e98c9a982ac9b8b742") as SiteId

/** Fixed whole: a store that writes into what it was given fails its own check, and not those that come later. */
export const frozen = <A>(value: A): A => {
  if (typeof value !== "object" || value === null || Object.isFrozen(value)) return value
  for (const part of Object.values(Object.freeze(value))) frozen(part)
  return value
}

export const member = (index: number, rest: Partial<User> = {}): User =>
  frozen({
    id: UserId.make(`6287ec36a841b25637c6${(0x4000 + index).toString(16)}`),
    status: "verified",
    createdOn: `2024-01-0${(index % 9) + 1}T00:00:00.000Z`,
    accessGroups: [{ slug: "webflowers", type: "admin" }],
    data: { name: `Member ${index}`, email: `member${index}@example.com` },
    ...rest,
  })
export const ada = member(1)
export const bob = member(2)

/** Fails, as a defect, with what differs. */
export const same = (what: string, actual: unknown, expected: unknown) =>
  Equal.equals(actual, expected)
    ? Effect.void
    : Effect.die(new Error(`${what}: expected ${JSON.stringify(expected)}, got ${JSON.stringify(actual)}`))

/** The change that a body asks for. */
export const patch = (body: unknown) => frozen(UserPatch.from(frozen(body)))
export const rename = (name: string) => patch({ data: { name } })
/** The store, with these users on the site. */
export const seeded = (...users: ReadonlyArray<User>) =>
  Effect.gen(function* () {
    yield* (yield* NewUsers).add(siteId, () => frozen(users))
    return yield* UserStore
  })
/** How an operation failed. */
export const tagOf = <A, R>(effect: Effect.Effect<A, UpdateUserError, R>) =>
  Effect.match(effect, { onFailure: (error): string => error._tag, onSuccess: () => "no error" })
