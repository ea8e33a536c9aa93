/**
 * What a site's owner says the site has: its access groups, and its users' custom fields with their types and limits.
 * Where groups or fields are declared, an update that names others, or gives a field a value of another type, is
 * refused; where they are not, anything is accepted [ours]. Pure: `UserPatch.apply` asks, for every store alike.
 */
import { Equal, Predicate, Result, Schema, SchemaIssue } from "effect"
import { type Detail, InvalidPatch } from "./UpdateUserError.ts"
import { type CustomValue, isEmailAddress } from "./User.ts"
import { fieldNameProblem, isBuiltInField, maxFields, maxStringLength, slugProblem } from "./wire/UpdateUserBody.ts"

/** Text that may be a slug, or a name for people: see `problem`. */
const textWithout = (problem: (text: string) => string | undefined) =>
  Schema.String.check(Schema.makeFilter((text) => problem(text)))

const label = textWithout(slugProblem)
const fieldSlug = textWithout((name) =>
  isBuiltInField(name) ? "is a field every user has, and cannot be declared" : fieldNameProblem(name),
)
const textLength = Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: maxStringLength }))

/** What to say of a property that something does not have. */
const only = (what: string, ...names: ReadonlyArray<string>) => ({
  messageUnexpectedKey: `is unknown: ${what} has ${names.join(", ")}`,
})

const everyField = {
  /** What the field is called in `data`: its slug at creation. */
  slug: fieldSlug,
  /** What people call it. */
  name: Schema.optionalKey(Schema.String),
  /** Whether it cannot be cleared. */
  isRequired: Schema.optionalKey(Schema.Boolean),
}
const field = <const Type extends string, Limits extends Schema.Struct.Fields>(type: Type, limits: Limits) =>
  Schema.Struct({ ...everyField, type: Schema.tag(type), ...limits }).annotate(
    only(`a field of type ${type}`, "type", ...Object.keys({ ...everyField, ...limits })),
  )

/** An option of an option field. Its id is its slug where the declaration has none [ours]. */
const OptionDeclaration = Schema.Struct({ slug: label, name: label, id: Schema.optionalKey(label) }).annotate(
  only("an option", "slug", "name", "id"),
)

/** A custom field: the types that Webflow's users had, by the names its API gives to types of fields. */
export const Field = Schema.Union([
  field("PlainText", { minLength: Schema.optionalKey(textLength), maxLength: Schema.optionalKey(textLength) }),
  field("Email", {}),
  field("Link", {}),
  field("Number", {
    minimum: Schema.optionalKey(Schema.Finite),
    maximum: Schema.optionalKey(Schema.Finite),
    isInteger: Schema.optionalKey(Schema.Boolean),
  }),
  field("Option", { options: Schema.NonEmptyArray(OptionDeclaration) }),
  field("Switch", {}),
  field("File", {}),
]).annotate({ message: "must have a type: PlainText, Email, Link, Number, Option, Switch or File" })
export type Field = typeof Field.Type

/** An access group as it is declared. */
export const GroupDeclaration = Schema.Struct({ slug: label, name: label }).annotate(
  only("an access group", "slug", "name"),
)
export type GroupDeclaration = typeof GroupDeclaration.Type

/** The most access groups that a site can declare [ours]. */
const maxDeclaredGroups = 1000

/** A declaration. What is absent is not declared; an empty list says that there are none. */
export const SiteDeclaration = Schema.Struct({
  accessGroups: Schema.optionalKey(Schema.Array(GroupDeclaration).check(Schema.isMaxLength(maxDeclaredGroups))),
  fields: Schema.optionalKey(Schema.Array(Field).check(Schema.isMaxLength(maxFields))),
}).annotate(only("a declaration", "accessGroups", "fields"))
export type SiteDeclaration = typeof SiteDeclaration.Type

/** Of a site that declares nothing. */
export const undeclared: SiteDeclaration = {}

const decodeUnknown = Schema.decodeUnknownResult(SiteDeclaration, { errors: "all", onExcessProperty: "error" })
const toIssues = SchemaIssue.makeFormatterStandardSchemaV1({
  leafHook: (issue) => {
    return issue._tag === "MissingKey" ? "is missing" : SchemaIssue.defaultLeafHook(issue)
  },
})

/** Reads a declaration, naming everything that is wrong with it. */
export const decode = (json: unknown): Result.Result<SiteDeclaration, InvalidPatch> =>
  Result.flatMap(
    Result.mapError(decodeUnknown(json), (error) => refusal(toIssues(error.issue).issues.map(detailOf))),
    (declaration) => {
      const problems = contradictions(declaration)
      return problems.length > 0 ? Result.fail(refusal(problems)) : Result.succeed(declaration)
    },
  )

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

const optionValue = ({ slug, name, id = slug }: typeof OptionDeclaration.Type) => ({ id, name, slug })

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

const refusal = (details: ReadonlyArray<Detail>) =>
  new InvalidPatch({ message: "Validation Error: the declaration of the site cannot be used", details })

const detailOf = ({ path = [], message }: Issue): Detail => ({
  param: path.map((part) => String(Predicate.isObject(part) ? part.key : part)).join(".") || "declaration",
  description: message,
})

type Issue = ReturnType<typeof toIssues>["issues"][number]

/** What a schema cannot say: names that stand twice, and limits that leave nothing. */
const contradictions = ({ accessGroups = [], fields = [] }: SiteDeclaration): ReadonlyArray<Detail> => [
  ...twice("accessGroups", accessGroups),
  ...twice("fields", fields),
  ...fields.flatMap((one, index) => {
    const param = `fields.${index}`
    if (one.type === "Option") return twice(`${param}.options`, one.options)
    const [least, most] =
      one.type === "PlainText"
        ? [one.minLength, one.maxLength]
        : one.type === "Number"
          ? [one.minimum, one.maximum]
          : []
    return least !== undefined && most !== undefined && least > most
      ? [{ param, description: `${least} is more than ${most}: no value would do` }]
      : []
  }),
]

const twice = (param: string, entries: ReadonlyArray<{ readonly slug: string }>): ReadonlyArray<Detail> => {
  const slugs = entries.map((one) => one.slug)
  return slugs.flatMap((name, index) =>
    slugs.indexOf(name) === index ? [] : [{ param: `${param}.${index}.slug`, description: "stands twice" }],
  )
}
