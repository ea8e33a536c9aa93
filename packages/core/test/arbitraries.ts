/** Users and request bodies of both eras, as fast-check makes them up. */
import { type CustomValue, type User, UserId } from "@webflow-users/core"
import fc from "fast-check"

// A small stock of names, so that what is there and what is asked for often meet.
const slug: fc.Arbitrary<string> = fc.constantFrom("webflowers", "platinum", "free-tier", "course", "größe m")
export const slugs = fc.array(slug, { maxLength: 5 })

// Among them what objects have anyway, and the name of the wrapping that the documentation shows.
const fieldKey = fc.oneof(
  fc.constantFrom("drink", "team", "toString", "valueOf", "hasOwnProperty", "data", "id", "0"),
  fc.stringMatching(/^[a-z][a-z-]{0,8}$/).filter((key) => !["name", "slug", "email", "password"].includes(key)),
)

const text = fc
  .string({ unit: "grapheme", maxLength: 40 })
  .filter((candidate) => candidate.length <= 256 && !candidate.includes("\0") && candidate.isWellFormed())

// JSON has a minus zero and stores keep none.
const number = fc.double({ noNaN: true, noDefaultInfinity: true }).map((value) => value + 0)

const customValue: fc.Arbitrary<CustomValue> = fc.oneof(
  text,
  fc.boolean(),
  number,
  fc.record({ id: text, name: text, slug: text }, { noNullPrototype: true }),
  fc.constant(null),
)

const customFields = fc.dictionary(fieldKey, customValue, { maxKeys: 6, noNullPrototype: true })

const anyOf: fc.RecordConstraints<never> = { requiredKeys: [], noNullPrototype: true }

const timestamp = fc
  .date({ min: new Date("2015-01-01"), max: new Date("2035-01-01"), noInvalidDate: true })
  .map((date) => date.toISOString())

/** A clock's reading, in milliseconds: before, in and after the time users are from. */
export const clock = fc.integer({ min: Date.parse("2010-01-01"), max: Date.parse("2040-01-01") })

const ownFields = fc.record(
  { name: fc.option(text), email: fc.option(fc.emailAddress()), "accept-privacy": fc.boolean() },
  anyOf,
)

const memberships = fc.uniqueArray(
  fc.record({ slug, type: fc.constantFrom("admin", "ecommerce") }, { noNullPrototype: true }),
  {
    maxLength: 5,
    selector: (group) => group.slug + group.type,
  },
)

const profile = fc.record(
  {
    isEmailVerified: fc.option(fc.boolean()),
    lastUpdated: fc.option(timestamp),
    invitedOn: fc.option(timestamp),
    createdOn: fc.option(timestamp),
    status: fc.option(fc.constantFrom("invited", "verified", "unverified")),
    undocumented: fc.constantFrom(null, "kept", [1, { deep: [] }]),
  },
  anyOf,
)

export const user: fc.Arbitrary<User> = fc
  .tuple(fc.stringMatching(/^[0-9a-f]{24}$/), profile, memberships, ownFields, customFields)
  .map(([id, optional, accessGroups, own, custom]) => ({
    ...optional,
    id: UserId.make(id),
    accessGroups,
    data: { ...custom, ...own },
  }))

const changedFields = fc
  .tuple(
    fc.record({ name: text, "accept-privacy": fc.boolean(), "accept-communications": fc.boolean() }, anyOf),
    customFields,
  )
  .map(([own, custom]) => ({ ...custom, ...own }))

/** `data` as either era sends it: flat, nested, or some of it here and some there. */
const data = fc.tuple(changedFields, fc.constantFrom("flat", "nested", "mixed")).map(([fields, era]) => {
  if (era === "flat") return fields
  const { name, ...rest } = fields
  return era === "mixed" && name !== undefined ? { name, data: rest } : { data: fields }
})

const readOnly = ["id", "isEmailVerified", "invitedOn", "createdOn", "lastLogin", "status"] as const

/**
 * A body that a user's store accepts, as JSON. It may send read-only properties back, but for `lastUpdated`: that one
 * is stale as soon as the body has been applied.
 */
export const bodyFor = (of: User): fc.Arbitrary<Record<string, unknown>> => {
  const bought = of.accessGroups.filter((group) => group.type === "ecommerce")
  const group = fc.oneof(
    slug,
    slug.map((one) => ({ slug: one, type: "admin" })),
    ...(bought.length > 0 ? [fc.constantFrom(...bought)] : []),
  )
  return fc
    .tuple(
      fc.record({ data, accessGroups: fc.array(group, { maxLength: 5 }) }, anyOf),
      fc.subarray([...readOnly]),
      fc.boolean(),
    )
    .map(([body, echoed, withEmail]) => ({
      ...Object.fromEntries(echoed.filter((key) => of[key] !== undefined).map((key) => [key, of[key]])),
      ...body,
      ...(withEmail && { data: { ...body.data, email: of.data.email ?? null } }),
    }))
}

/** A user, and a body that can be applied to it. */
export const userAndBody = user.chain((one) => fc.tuple(fc.constant(one), bodyFor(one)))
