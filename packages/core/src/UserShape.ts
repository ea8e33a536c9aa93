/**
 * Whether a value of JSON is a user, or one of its parts: what the schemas of `UserSchema.ts` say, for who cannot afford
 * schemas. They say the types, and the types say which property has to be looked at here: one that is missing or looked at
 * for something else does not compile, and a test holds both to the same verdict, but for what is kept of a server's users on
 * purpose.
 */
import { Predicate, type Schema } from "effect"
import {
  type AccessGroup,
  type AccessGroupPage,
  accessGroupTypes,
  type BuiltInData,
  type Membership,
  objectId,
  type OptionValue,
  type Page,
  type Profile,
  type User,
  type UserId,
  type UserPage,
  userStatuses,
} from "./User.ts"
import { isPlain, maxDepth } from "./wire/JsonBody.ts"

type Guard<A> = (value: unknown) => value is A

/** How each property is told, of an object that has to have it, or may. */
type Guards<A> = {
  readonly must: { readonly [K in keyof A as {} extends Pick<A, K> ? never : K]: Guard<A[K]> }
  readonly may: { readonly [K in keyof A as {} extends Pick<A, K> ? K : never]-?: Guard<A[K]> }
}

/** Properties that nobody documented may stand beside the others. */
const shaped = <A extends object>({ must, may }: Guards<A>): Guard<A> => {
  const needed = namedGuards(must)
  const allowed = namedGuards(may)
  return (value): value is A => {
    if (!Predicate.isObject(value)) return false
    for (const { key, is } of needed) if (!Object.hasOwn(value, key) || !is(value[key])) return false
    for (const { key, is } of allowed) if (Object.hasOwn(value, key) && !is(value[key])) return false
    return true
  }
}

const namedGuards = (guards: Readonly<Record<string, (value: unknown) => boolean>>) =>
  Object.entries(guards).map(([key, is]) => ({ key, is }))

const nullOr =
  <A>(is: Guard<A>): Guard<A | null> =>
  (value): value is A | null =>
    value === null || is(value)

const listOf =
  <A>(is: Guard<A>): Guard<ReadonlyArray<A>> =>
  (value): value is ReadonlyArray<A> =>
    Array.isArray(value) && value.every(is)

const oneOf =
  <const A extends string>(values: ReadonlyArray<A>): Guard<A> =>
  (value): value is A =>
    values.some((one) => one === value)

const isInt: Guard<number> = (value): value is number => Number.isSafeInteger(value)
const isId: Guard<UserId> = (value): value is UserId => Predicate.isString(value) && objectId.test(value)

/** Whether a value is that of an option field. */
export const isOptionValue: Guard<OptionValue> = shaped<OptionValue>({
  must: { id: Predicate.isString, name: Predicate.isString, slug: Predicate.isString },
  may: {},
})

/** Whether a value is the membership of a group. */
export const isMembership: Guard<Membership> = shaped<Membership>({
  must: { slug: Predicate.isString, type: oneOf(accessGroupTypes) },
  may: {},
})

/** Beside these, `data` has fields of any value. */
const isData = shaped<BuiltInData>({
  must: {},
  may: {
    name: nullOr(Predicate.isString),
    email: nullOr(Predicate.isString),
    "accept-privacy": nullOr(Predicate.isBoolean),
    "accept-communications": nullOr(Predicate.isBoolean),
  },
}) as Guard<User["data"]>

/** Whether a value of JSON is a user, with nothing in it that the contract does not know: for who keeps users. */
export const isUser = shaped<Profile & { readonly id: UserId }>({
  must: { id: isId, accessGroups: listOf(isMembership), data: isData },
  may: {
    isEmailVerified: nullOr(Predicate.isBoolean),
    lastUpdated: nullOr(Predicate.isString),
    invitedOn: nullOr(Predicate.isString),
    createdOn: nullOr(Predicate.isString),
    lastLogin: nullOr(Predicate.isString),
    status: nullOr(oneOf(userStatuses)),
  },
}) as Guard<User>

/** How a user came into a group may be said in a word that is new. */
const isReadableMembership = shaped<Pick<Membership, "slug">>({ must: { slug: Predicate.isString }, may: {} })

/**
 * Whether what a server calls a user can be read as one: it has an id, groups that have slugs, and fields. Whatever else it says
 * is kept as it came, since an update that was made must not fail by how its answer puts it: a status that nobody knows, a name
 * that is a number. So from a server that leaves the contract, a documented property may hold what its type does not say.
 */
export const isReadableUser = shaped<Record<"id" | "accessGroups" | "data", unknown>>({
  must: { id: isId, accessGroups: listOf(isReadableMembership), data: Predicate.isObject },
  may: {},
}) as Guard<unknown> as Guard<User>

const page = { count: isInt, limit: isInt, offset: isInt, total: isInt } satisfies Guards<Page>["must"]

/** Whether a value of JSON can be read as a part of a list of users. */
export const isUserPage: Guard<UserPage> = shaped<UserPage>({
  must: { ...page, users: listOf(isReadableUser) },
  may: {},
})

/** Whether a value of JSON is a part of a list of access groups. */
export const isAccessGroupPage: Guard<AccessGroupPage> = shaped<AccessGroupPage>({
  must: {
    ...page,
    accessGroups: listOf(
      shaped<AccessGroup>({
        must: {
          id: Predicate.isString,
          name: Predicate.isString,
          shortId: Predicate.isString,
          slug: Predicate.isString,
          createdOn: Predicate.isString,
        },
        may: {},
      }),
    ),
  },
  may: {},
})

/** Whether a value is one that JSON has, and no deeper than a request may be. */
export const isJson: Guard<Schema.Json> = (value): value is Schema.Json => isJsonWithin(value, maxDepth)

const isJsonWithin = (value: unknown, depth: number): boolean => {
  if (value === null || Predicate.isString(value) || Predicate.isBoolean(value)) return true
  if (Predicate.isNumber(value)) return Number.isFinite(value)
  if (depth === 0 || !Predicate.isObjectKeyword(value)) return false
  // Not `every` of the list itself, which passes over what is not there.
  const parts = Array.isArray(value) ? [...value] : isPlain(value) ? Object.values(value) : [undefined]
  return parts.every((part) => isJsonWithin(part, depth - 1))
}
