/** The body of an update, as 3.1 would have written it. */
import { Predicate } from "effect"

/**
 * What a request says, where that is other than what JavaScript holds: a `Date` is its text, as is all that knows how JSON writes
 * it, and `data` that is `null` says nothing. Whether an update can be so is the operation's to say.
 */
export const updateBody = (request: object): object => {
  if (!Predicate.hasProperty(request, "data")) return request
  const { data, ...rest } = request
  return data === null ? rest : { ...rest, data: fieldsOf(data) }
}

const fieldsOf = (data: unknown): unknown =>
  Predicate.isObject(data)
    ? Object.fromEntries(
        Object.entries(data).map(([key, value]) => [key, inJson(key === "data" ? fieldsOf(value) : value)]),
      )
    : data

/** A `Date` that is none is `null` in JSON, which would clear the field: it stays what it is, and is refused. */
const inJson = (value: unknown): unknown =>
  Predicate.hasProperty(value, "toJSON") && Predicate.isFunction(value.toJSON) ? (value.toJSON() ?? value) : value
