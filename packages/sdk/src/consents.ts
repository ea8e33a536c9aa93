/** The two consents by the names that JavaScript would give them, written as the wire has them. */
import { UpdateUserBody } from "@webflow-users/core/wire"
import { Predicate } from "effect"

/** What each is called on the wire. */
export const wireNames = { acceptPrivacy: "accept-privacy", acceptCommunications: "accept-communications" } as const

/**
 * An update, or a change, with the wire's names. One that is given twice with different values stands twice then too, beside
 * `data.data` and within it, so that core refuses it as it does any other.
 */
export const onWire = <Update>(update: Update): Update => {
  const data = Predicate.isObject(update) ? (update as Readonly<Record<string, unknown>>)["data"] : undefined
  return Predicate.isObject(data) && isNamed(data) ? { ...update, data: renamed(data) } : update
}

const isNamed = (data: Readonly<Record<string, unknown>>): boolean => {
  const nested = UpdateUserBody.nestedData(data)
  return Object.keys(wireNames).some((name) => Object.hasOwn(data, name) || (nested && Object.hasOwn(nested, name)))
}

const renamed = (data: Readonly<Record<string, unknown>>): Readonly<Record<string, unknown>> => {
  const outer = { ...data }
  const nested = { ...UpdateUserBody.nestedData(data) }
  for (const [name, wireName] of Object.entries(wireNames)) {
    const given = [outer[wireName], outer[name], nested[wireName], nested[name]].filter((value) => value !== undefined)
    delete outer[name]
    delete nested[name]
    if (given.length > 0) outer[wireName] = given[0]
    const other = given.find((value) => value !== given[0])
    if (other !== undefined) nested[wireName] = other
  }
  return Object.keys(nested).length > 0 ? { ...outer, data: nested } : withoutEmpty(outer)
}

/** An object of fields that had nothing but consents. */
const withoutEmpty = ({ data, ...fields }: Readonly<Record<string, unknown>>): Readonly<Record<string, unknown>> =>
  data === undefined || UpdateUserBody.nestedData({ data }) !== undefined ? fields : { ...fields, data }
