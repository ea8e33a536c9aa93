/**
 * A declaration as a schema: for who reads one, from a file or a store. What it means to an update stands in
 * `SiteDeclaration.ts`, and needs none of this.
 */
import { Predicate, Result, Schema, SchemaIssue } from "effect"
import { type Detail, InvalidPatch } from "./UpdateUserError.ts"
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
export const OptionDeclaration = Schema.Struct({ slug: label, name: label, id: Schema.optionalKey(label) }).annotate(
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
export type OptionDeclaration = typeof OptionDeclaration.Type
export type GroupDeclaration = typeof GroupDeclaration.Type

/** The most access groups that a site can declare [ours]. */
const maxDeclaredGroups = 1000

/** A declaration. What is absent is not declared; an empty list says that there are none. */
export const SiteDeclaration = Schema.Struct({
  accessGroups: Schema.optionalKey(Schema.Array(GroupDeclaration).check(Schema.isMaxLength(maxDeclaredGroups))),
  fields: Schema.optionalKey(Schema.Array(Field).check(Schema.isMaxLength(maxFields))),
}).annotate(only("a declaration", "accessGroups", "fields"))
export type SiteDeclaration = typeof SiteDeclaration.Type

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
