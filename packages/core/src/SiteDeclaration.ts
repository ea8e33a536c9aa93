/**
 * What a site's owner says the site has: its access groups, and its users' custom fields with their types and limits.
 * Where groups or fields are declared, an update that names others, or gives a field a value of another type, is
 * refused; where they are not, anything is accepted [ours]. Pure: `UserPatch.apply` asks, for every store alike.
 */
import { Equal, Predicate, Result } from "effect"
import type { Field, OptionDeclaration, SiteDeclaration } from "./SiteDeclarationSchema.ts"
import { type CustomValue, isEmailAddress } from "./User.ts"
import { isBuiltInField, maxStringLength } from "./wire/UpdateUserBody.ts"

export type { Field, GroupDeclaration, SiteDeclaration } from "./SiteDeclarationSchema.ts"

/** Of a site that declares nothing. */
export const undeclared: SiteDeclaration = {}

/**
 * What becomes of a value that an update gives a field: the value to keep, or what is wrong with it. What is stored
 * already may be sent back, and where the field is not declared taken away, whatever has been declared since.
 */
export const readField = (
  { fields }: SiteDeclaration,
  key: string,
  value: CustomValue,
  stored: unknown,
): Result.Result<CustomValue, string> => {
  if (fields === undefined || isBuiltInField(key) || Equal.equals(stored, value)) return Result.succeed(value)
  const declared = fields.find((one) => one.slug === key)
  if (declared === undefined) {
    // The words are recorded from Webflow, of the fields of items.
    return value === null && stored !== undefined ? Result.succeed(null) : Result.fail("Field not described in schema")
  }
  if (value !== null) return readValue(declared, value)
  return declared.isRequired === true ? Result.fail("is required and cannot be cleared") : Result.succeed(null)
}

const readValue = (declared: Field, value: NonNullable<CustomValue>): Result.Result<CustomValue, string> => {
  if (declared.type === "Option") return readOption(declared, value)
  const problem = valueProblem(declared, value)
  return problem === undefined ? Result.succeed(value) : Result.fail(problem)
}

type Declared<Type extends Field["type"]> = Extract<Field, { readonly type: Type }>

const valueProblem = (
  declared: Exclude<Field, Declared<"Option">>,
  value: NonNullable<CustomValue>,
): string | undefined => {
  switch (declared.type) {
    case "PlainText":
      return Predicate.isString(value) ? lengthProblem(declared, value.length) : "must be text"
    case "Email":
      return Predicate.isString(value) && isEmailAddress(value) ? undefined : "must be an e-mail address"
    case "Link":
      return isAddress(value, linkProtocols) ? undefined : "must be a link, such as https://example.com/page"
    case "File":
      return isAddress(value, fileProtocols) ? undefined : "must be the https address of a file"
    case "Number":
      return Predicate.isNumber(value) ? rangeProblem(declared, value) : "must be a number"
    case "Switch":
      return Predicate.isBoolean(value) ? undefined : "must be true or false"
  }
}

const lengthProblem = ({ minLength = 0, maxLength = maxStringLength }: Declared<"PlainText">, length: number) => {
  if (length < minLength) return `must be at least ${minLength} characters long`
  return length > maxLength ? `must be at most ${maxLength} characters long` : undefined
}

const rangeProblem = ({ minimum = -Infinity, maximum = Infinity, isInteger }: Declared<"Number">, value: number) => {
  if (isInteger === true && !Number.isInteger(value)) return "must be a whole number"
  if (value < minimum) return `must be at least ${minimum}`
  return value > maximum ? `must be at most ${maximum}` : undefined
}

/** Nothing that a page would run when somebody follows the link. */
const linkProtocols = ["https:", "http:", "mailto:", "tel:"]
const fileProtocols = ["https:", "http:"]

const isAddress = (value: unknown, protocols: ReadonlyArray<string>): boolean => {
  const url = Predicate.isString(value) ? URL.parse(value) : null
  return url !== null && protocols.includes(url.protocol)
}

/** Documentation says that values are text, recorded ones are whole options: either is taken, the option is kept [ours]. */
const readOption = ({ options }: Declared<"Option">, value: CustomValue): Result.Result<CustomValue, string> => {
  const found = options.map(optionValue).find((one) => value === one.slug || Equal.equals(value, one))
  return found === undefined
    ? Result.fail(`must be one of ${inWords(options.map((one) => one.slug))}`)
    : Result.succeed(found)
}

const optionValue = ({ slug, name, id = slug }: OptionDeclaration) => ({ id, name, slug })

/** Why a user cannot join a group, if so. */
export const groupProblem = ({ accessGroups }: SiteDeclaration, slug: string): string | undefined => {
  if (accessGroups === undefined || accessGroups.some((group) => group.slug === slug)) return undefined
  if (accessGroups.length === 0) return "the site has no access groups"
  return `no such access group; the site has ${inWords(accessGroups.map((group) => group.slug))}`
}

/** The most names that an answer lists. */
const mostListed = 20

const inWords = (names: ReadonlyArray<string>): string =>
  names.slice(0, mostListed).join(", ") + (names.length > mostListed ? ` and ${names.length - mostListed} more` : "")

/** What a new declaration changes, by slugs. */
export interface Changes {
  readonly added: ReadonlyArray<string>
  readonly changed: ReadonlyArray<string>
  readonly removed: ReadonlyArray<string>
}

/** What differs between the declaration that was and the one that is. */
export const changesBetween = (before: SiteDeclaration, after: SiteDeclaration) => ({
  accessGroups: changesOf(before.accessGroups, after.accessGroups),
  fields: changesOf<Field>(before.fields, after.fields),
})

const changesOf = <A extends { readonly slug: string }>(
  before: ReadonlyArray<A> = [],
  after: ReadonlyArray<A> = [],
): Changes => {
  const was = new Map(before.map((one) => [one.slug, one]))
  const is = new Map(after.map((one) => [one.slug, one]))
  return {
    added: [...is.keys()].filter((name) => !was.has(name)),
    changed: [...is].filter(([name, one]) => was.has(name) && !Equal.equals(was.get(name), one)).map(([name]) => name),
    removed: [...was.keys()].filter((name) => !is.has(name)),
  }
}
