/** What is given, as it is now. */
import { JsonBody } from "@webflow-users/core/wire"
import { Predicate } from "effect"

/** A copy as deep as an update goes: a user's fields, nested as in the object era, and what an option consists of. */
const depth = 4

/** A copy of an update, or of a change to one user among many. Of what is none, that itself: it is refused as such. */
export const copied = <Update>(update: Update): Update => copyOf(update, depth) as Update

const copyOf = (value: unknown, levels: number): unknown => {
  if (levels === 0) return value
  if (Array.isArray(value)) return value.map((one: unknown) => copyOf(one, levels - 1))
  if (!Predicate.isObject(value) || !JsonBody.isPlain(value)) return value
  // Not made of its entries, which takes several times as long. What is assigned to is the copy's own, by whatever name.
  const copy: Record<string, unknown> = { ...value }
  for (const key of Object.keys(copy)) copy[key] = copyOf(copy[key], levels - 1)
  return copy
}
