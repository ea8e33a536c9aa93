/** What the document says of Update User, held against Webflow's last published specification of it, in both eras. */
import { existsSync, readFileSync } from "node:fs"
import { fileURLToPath } from "node:url"
import * as OpenApi from "@webflow-users/core/wire/OpenApi"
import { describe, expect, it } from "vitest"
import { parse } from "yaml"

const eras = ["slug", "object"] as const
const fileOf = (era: string) =>
  fileURLToPath(new URL(`../../shared/openapi/update-user.${era}-era.yml`, import.meta.url))

interface Schema {
  readonly $ref?: string
  readonly type?: string
  readonly enum?: ReadonlyArray<string>
  readonly properties?: Readonly<Record<string, Schema>>
  readonly additionalProperties?: Schema | boolean
  readonly items?: Schema | ReadonlyArray<Schema>
  readonly anyOf?: ReadonlyArray<Schema>
  readonly oneOf?: ReadonlyArray<Schema | { readonly content: Content }>
}

interface Content {
  readonly "application/json": { readonly schema: Schema }
}

interface Operation {
  readonly operationId: string
  readonly security: ReadonlyArray<Readonly<Record<string, ReadonlyArray<string>>>>
  readonly parameters: ReadonlyArray<{
    readonly name: string
    readonly in: string
    readonly required?: boolean
    readonly schema: Schema
  }>
  readonly requestBody: { readonly required?: boolean; readonly content: Content }
  readonly responses: Readonly<
    Record<
      string,
      { readonly headers?: Readonly<Record<string, { readonly schema: Schema }>>; readonly content: Content }
    >
  >
}

const document = OpenApi.make({ version: "0.0.0" })
const components = document.components["schemas"] as Readonly<Record<string, Schema>>

/** What a schema allows, a line for each property and type. */
const linesOf = (path: string, schema: Schema | { readonly content: Content }): ReadonlyArray<string> => {
  if ("content" in schema) return linesOf(path, schema.content["application/json"].schema)
  if (schema.$ref !== undefined)
    return linesOf(path, components[schema.$ref.replace("#/components/schemas/", "")] ?? {})
  const branches = schema.anyOf ?? schema.oneOf
  if (branches !== undefined) return branches.flatMap((branch) => linesOf(path, branch))
  const items = schema.items === undefined ? [] : [schema.items].flat()
  const rest = schema.additionalProperties
  const type = schema.type ?? (schema.properties === undefined ? "anything" : "object")
  return [
    `${path}: ${schema.enum === undefined ? type : schema.enum.toSorted().join("|")}`,
    ...Object.entries(schema.properties ?? {}).flatMap(([key, property]) => linesOf(`${path}.${key}`, property)),
    ...items.flatMap((item) => linesOf(`${path}[]`, item)),
    ...(typeof rest === "object" ? linesOf(`${path}.*`, rest) : []),
    // Said or not, an object may have more properties unless it says otherwise.
    ...(rest === false ? [`${path}: nothing else`] : []),
  ]
}

/** What an operation says, a line for each fact. */
const factsOf = (operation: Operation): ReadonlySet<string> =>
  new Set([
    `operation: ${operation.operationId}`,
    ...operation.security.flatMap((one) => Object.entries(one).map(([name, scopes]) => `security: ${name} ${scopes}`)),
    ...operation.parameters.flatMap((one) => [
      `parameter ${one.name}: in ${one.in}, ${one.required === true ? "required" : "optional"}`,
      ...linesOf(`parameter ${one.name}`, one.schema),
    ]),
    `request: ${operation.requestBody.required === true ? "required" : "optional"}`,
    ...linesOf("request", operation.requestBody.content["application/json"].schema),
    ...Object.entries(operation.responses).flatMap(([status, { headers = {}, content }]) => [
      ...Object.entries(headers).flatMap(([name, { schema }]) => linesOf(`${status} header ${name}`, schema)),
      ...linesOf(status, content["application/json"].schema),
    ]),
  ])

interface Difference {
  readonly name: string
  readonly why: string
  /** The lines that are only theirs (-) and only ours (+). */
  readonly lines: RegExp
  /** The eras in which it shows; both unless said. */
  readonly in?: ReadonlyArray<(typeof eras)[number]>
}

const intended: ReadonlyArray<Difference> = [
  {
    name: "a bearer token",
    why: "tokens are issued by the owner of the store; scopes are the same",
    lines: /^- security: OAuth2 users:write$|^\+ security: bearer users:write$/,
  },
  {
    name: "data is flat",
    why: "every recorded response has it flat; data.data and the key additionalProperties are the generator's",
    lines:
      /^- 200\.data\.data(: object|\.[\w-]+: (string|boolean))$|^\+ 200\.data\.(name|email|accept-\w+): (string|boolean)$/,
  },
  {
    name: "what a user lacks may be null",
    why: "recorded responses have null there",
    lines: /^\+ 200\.(isEmailVerified|lastUpdated|invitedOn|createdOn|lastLogin|status|data\.[\w-]+): null$/,
  },
  {
    name: "no external reference",
    why: "recorded envelopes, and the specification's own examples, have null",
    lines: /^- \d+\.externalReference: string$|^\+ \d+\.externalReference: null$/,
  },
  {
    name: "details with param and description",
    why: "the form that really occurs; the documented ones are read, and not sent",
    lines: /^- \d+\.details\[\]: string$|^\+ \d+\.details\[\]\.(param|description): string$/,
  },
  {
    name: "an envelope has four properties",
    why: "this server adds none",
    lines: /^\+ \d+: nothing else$/,
  },
  {
    name: "413 for a body that is too large",
    why: "no source says what Webflow did; ours is a limit of 1 MiB",
    lines: /^\+ 413(\.(code|message|details)|\.details\[\])?: [\w|]+$/,
  },
  {
    name: "503 while the store is away",
    why: "Webflow had no store that its callers knew of",
    lines: /^\+ 503(\.(code|message|details)|\.details\[\])?: [\w|]+$|^\+ 503 header Retry-After: integer$/,
  },
  {
    name: "headers of a limit",
    why: "whole numbers; documented in words for every response, and Retry-After beside them",
    lines:
      /^[-+] 429 header X-RateLimit-\w+: (number|integer)$|^\+ ((200|400|403|404|413|500|503) header X-RateLimit-\w+|429 header Retry-After): integer$/,
  },
  {
    name: "WWW-Authenticate on 401",
    why: "HTTP asks for it",
    lines: /^\+ 401 header WWW-Authenticate: string$/,
  },
  {
    name: "a request has no unknown properties",
    why: "they are refused by name, so that a misspelt one is not lost",
    lines: /^\+ request: nothing else$/,
  },
  {
    name: "custom values of every type",
    why: "documentation says string; recorded payloads have them all, and null clears",
    lines: /^\+ request\.data(\.data)?\.\*(: (boolean|number|null|object|nothing else)|\.(id|name|slug): string)$/,
  },
  {
    name: "a field called data",
    why: "it is a custom field, unless an object of fields is in it",
    lines: /^\+ request\.data\.data(: (string|boolean|number|null|nothing else)|\.(id|slug): string)$/,
  },
  {
    name: "null is sent back where there is nothing",
    why: "SDK 3.2 sends the whole user; null is no way to clear these",
    lines:
      /^\+ request\.(isEmailVerified|lastUpdated|invitedOn|createdOn|lastLogin|status|data\.(data\.)?(name|email|accept-\w+)): null$/,
  },
  {
    name: "the object era's request",
    why: "both eras are read, always",
    in: ["slug"],
    lines:
      /^\+ request\.(accessGroups\[\](: object|\.slug: string|\.type: [\w|]+)|data\.email: string|data\.data(: object|\.(name|email|accept-\w+): (string|boolean)|\.\*: string)|\w+: (string|boolean|invited\|unverified\|verified))$/,
  },
  {
    name: "the slug era's request",
    why: "both eras are read, always",
    in: ["object"],
    lines: /^\+ request\.(accessGroups\[\]: string|data\.(name|email|accept-\w+): (string|boolean)|data\.\*: string)$/,
  },
  {
    name: "additionalProperties is no field",
    why: "the generator wrote a keyword down as a property",
    in: ["object"],
    lines: /^- request\.data\.data\.additionalProperties: string$|^\+ request\.data\.data\.\*: string$/,
  },
]

const read = (era: string) => (parse(readFileSync(fileOf(era), "utf8")) as { readonly patch: Operation }).patch
const ours = factsOf(document.paths["/sites/{site_id}/users/{user_id}"]?.["patch"] as unknown as Operation)

/** The lines that are only theirs, and those that are only ours. */
const found = (era: string): ReadonlyArray<string> => {
  const theirs = factsOf(read(era))
  return [
    ...[...theirs].filter((line) => !ours.has(line)).map((line) => `- ${line}`),
    ...[...ours].filter((line) => !theirs.has(line)).map((line) => `+ ${line}`),
  ]
}

describe.runIf(eras.every((era) => existsSync(fileOf(era))))("Update User, as described", () => {
  it.each(eras)("differs from the %s era in nothing but what is intended", (era) => {
    expect(read(era).operationId).toBe("update-user")
    const apply = intended.filter((one) => (one.in ?? eras).includes(era))
    const named = found(era).map((line) => ({
      line,
      names: apply.filter(({ lines }) => lines.test(line)).map(({ name }) => name),
    }))
    expect(named.filter(({ names }) => names.length !== 1)).toEqual([])
  })

  it.each(intended)("differs in: $name", ({ lines, in: shownIn = eras }) => {
    expect(shownIn.filter((era) => !found(era).some((line) => lines.test(line)))).toEqual([])
  })

  it("knows all of their codes", () => {
    const theirs = [...factsOf(read("object"))].filter((line) => /^\d+\.code: /.test(line))
    expect(theirs.map((line) => line.split("|").length)).toEqual([29, 29, 29, 29, 29, 29])
    expect(theirs.filter((line) => !ours.has(line))).toEqual([])
  })
})
