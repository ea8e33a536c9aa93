/** The JSON schemas of the OpenAPI document: made of the schemas that the server really uses, and of its limits. */
import { JsonSchema, Predicate, Schema, SchemaRepresentation } from "effect"
import { HistoryPage } from "../UserHistory.ts"
import type * as Errors from "../UpdateUserError.ts"
import type { UpdatePolicy } from "../UpdatePolicy.ts"
import {
  AccessGroupPage,
  AccessGroupSort,
  CustomValue,
  Membership,
  SiteId,
  UserId,
  UserPage,
  UserSort,
} from "../UserSchema.ts"
import { documentedCodes } from "./Envelope.ts"
import { defaultLimit, maxLimit } from "./ListQuery.ts"
import { maxFields, maxGroups, maxStringLength } from "./UpdateUserBody.ts"
import type { DataNesting } from "./UserJson.ts"

const Detail = Schema.Struct({ param: Schema.String, description: Schema.String }).annotate({
  component: "Detail",
}) satisfies Schema.Schema<Errors.Detail>

export interface JsonObject {
  readonly [key: string]: Schema.Json
}

/** The settings of a server that change what it reads or answers. */
export interface Settings {
  readonly nesting: DataNesting
  readonly emailAndPassword: UpdatePolicy["emailAndPassword"]
}

export const refTo = (name: string): JsonObject => ({ $ref: `#/components/schemas/${name}` })

/** The named schemas of the document, and those of the parameters. */
export const makeSchemas = ({ nesting, emailAndPassword }: Settings) => {
  const parts = [CustomValue, SiteId, UserId, UserSort, AccessGroupSort] as const
  const { schemas, definitions } = compile([...parts, UserPage, AccessGroupPage, HistoryPage, Detail])
  const [customValue = {}, siteId = {}, userId = {}, userSort = {}, groupSort = {}] = schemas
  const { User = {}, UserData = {}, Membership: membership = {} } = definitions
  const neither = emailAndPassword === "ignore" ? { email: ignored, password: ignored } : {}
  const fields = fieldsToSet(UserData, neither)
  return {
    named: {
      ...definitions,
      User: nesting === "flat" ? User : withNestedData(User),
      // Webhooks never nest.
      ...(nesting !== "flat" && { FlatUser: User }),
      FieldValue: limited(customValue) as JsonObject,
      Fields: fields,
      UserUpdate: userUpdate(User, fields, membership, neither),
      Error: envelope,
    },
    parameters: {
      // Written in either letter case, kept and served in lower case.
      site_id: { ...siteId, pattern: "^[0-9a-fA-F]{24}$" },
      user_id: { ...userId, pattern: "^[0-9a-fA-F]{24}$" },
      offset: { type: "integer", minimum: 0, default: 0 },
      limit: { type: "integer", minimum: 1, maximum: maxLimit, default: defaultLimit },
      userSort: { ...userSort, default: "CreatedOn" },
      groupSort,
    },
  }
}

/** A schema that names no other, as it stands in the document. */
export const schemaOf = (schema: Schema.Top): JsonObject => compile([schema]).schemas[0] ?? {}

const compile = (schemas: readonly [Schema.Top, ...ReadonlyArray<Schema.Top>]) => {
  const [first, ...rest] = schemas.map((schema) => schema.ast) as [Schema.Top["ast"], ...Array<Schema.Top["ast"]>]
  const representations = SchemaRepresentation.toRepresentations([first, ...rest], { referencePolicy })
  const compiled = SchemaRepresentation.toJsonSchemaMultiDocument(representations)
  return tidy(JsonSchema.toMultiDocumentOpenApi3_1(compiled)) as {
    readonly schemas: ReadonlyArray<JsonObject>
    readonly definitions: Readonly<Record<string, JsonObject>>
  }
}

/** Schemas say with `component` that they have a name: `identifier` would show in messages to people too. */
const referencePolicy: SchemaRepresentation.ReferencePolicy = ({ ast }) => {
  const name = ast.annotations?.["component"]
  return Predicate.isString(name) ? name : undefined
}

/** The same schemas without what says nothing: an `allOf` that allows anything, and the bounds of JavaScript's integers. */
const tidy = (schemas: unknown): unknown =>
  JSON.parse(JSON.stringify(schemas), (_, value: Schema.Json) => {
    if (value === Number.MIN_SAFE_INTEGER || value === Number.MAX_SAFE_INTEGER) return undefined
    if (!isObject(value) || JSON.stringify(value["allOf"]) !== anyProperties) return value
    const { allOf: _anything, ...rest } = value
    return { ...rest, additionalProperties: true }
  })

const anyProperties = JSON.stringify([{ type: "object", additionalProperties: {} }])

/** As the specification has it. */
const withNestedData = (user: JsonObject): JsonObject => {
  const { data = {}, ...properties } = propertiesOf(user)
  return { ...user, properties: { ...properties, data: { type: "object", properties: { data }, required: ["data"] } } }
}

const ignored: JsonObject = { description: "Ignored: an update cannot change it" }

/** The fields an update may name. E-mail addresses are not set, only sent back: their schema is the stored ones'. */
const fieldsToSet = (data: JsonObject, neither: JsonObject): JsonObject => {
  const { email = {}, ...fields } = propertiesOf(data)
  const refusesPassword = neither["password"] === undefined && { not: { const: "password" } }
  return {
    type: "object",
    description: "The fields to set, by their slugs; null clears a custom field",
    properties: { ...(limited(fields) as JsonObject), email: { ...email, readOnly: true }, ...neither },
    additionalProperties: refTo("FieldValue"),
    propertyNames: { ...text, pattern: notBlank, ...refusesPassword },
  }
}

/** The body of an update, of both eras; what no schema can say is in the description. */
const userUpdate = (user: JsonObject, fields: JsonObject, membership: JsonObject, neither: JsonObject): JsonObject => ({
  type: "object",
  description:
    "Every property is optional, and so is the body: what is absent stays. What the user has already may be sent back " +
    `as it is, whatever it is. A user can have at most ${maxFields} fields, and text has no NUL character. A site may ` +
    "declare its groups and fields, and has then no others.",
  properties: {
    accessGroups: {
      type: "array",
      maxItems: maxGroups,
      description: `The complete new set of groups of type ${adminType}, as slugs or {slug, type}; an empty list clears it`,
      items: { anyOf: [slug, { ...membership, properties: { ...propertiesOf(membership), slug } }] },
    },
    data: {
      ...fields,
      description: "The fields to set, here or within data once more",
      properties: { ...propertiesOf(fields), data: { anyOf: [refTo("Fields"), refTo("FieldValue")] } },
    },
    ...Object.fromEntries(Object.entries(propertiesOf(user)).filter(([, property]) => property["readOnly"] === true)),
    ...neither,
  },
  additionalProperties: false,
})

const adminType: Membership["type"] = "admin"
const notBlank = "\\S"
const text = { type: "string", maxLength: maxStringLength }
const slug = { ...text, pattern: notBlank }

/** What may be set is narrower than what may be stored: text has a length, and an option has nothing beside its parts. */
const limited = (schema: Schema.Json): Schema.Json =>
  JSON.parse(JSON.stringify(schema), (_, value: Schema.Json) => {
    if (!isObject(value)) return value
    if (value["type"] === "string") return { ...value, ...text }
    return value["type"] === "object" ? { ...value, additionalProperties: false } : value
  }) as Schema.Json

const envelope: JsonObject = {
  type: "object",
  description: "The body of every answer that tells a failure",
  properties: {
    code: { type: "string", enum: documentedCodes, description: "What failed, for programs" },
    message: { type: "string", description: "What failed, for people" },
    externalReference: { type: "null" },
    details: {
      type: "array",
      items: refTo("Detail"),
      description: "Every problem that was found, each with its place",
    },
  },
  required: ["code", "message", "externalReference", "details"],
  additionalProperties: false,
}

const isObject = (value: unknown): value is JsonObject => Predicate.isObject(value)

const propertiesOf = (schema: JsonObject) => (schema["properties"] ?? {}) as Readonly<Record<string, JsonObject>>
