/**
 * The contract as an OpenAPI 3.1 document, made of what a server really uses: the routes, the schemas, the limits, the
 * errors. It is made when it is asked for, and stands apart from the other wire modules: who only serves loads nothing
 * of it.
 */
import { Result, type Schema } from "effect"
import { standard } from "../UpdatePolicy.ts"
import * as E from "../UpdateUserError.ts"
import { encodeError } from "./Envelope.ts"
import { maxBodyBytes } from "./JsonBody.ts"
import { decodeListQuery } from "./ListQuery.ts"
import { exampleGroup, exampleHistory, examplePage, exampleUser, objectEra, slugEra } from "./OpenApiExamples.ts"
import { limits, pick } from "./OpenApiHeaders.ts"
import { type JsonObject, makeSchemas, refTo, type Settings } from "./OpenApiSchemas.ts"
import { webhooks } from "./OpenApiWebhooks.ts"
import { prefixes, type RouteName, routes } from "./Routes.ts"
import { type DataNesting, encodeUser } from "./UserJson.ts"

export { schemaOf } from "./OpenApiSchemas.ts"

/** An OpenAPI 3.1 document. */
export interface Document extends JsonObject {
  readonly openapi: string
  readonly info: JsonObject
  readonly paths: Readonly<Record<string, JsonObject>>
  readonly components: JsonObject
}

/**
 * Describes what a server of the given version serves, with the settings it has; those that are not given are what this
 * project chose. Its addresses are relative to where the document is found.
 */
export const make = (options: { readonly version: string } & Partial<Settings>): Document => {
  const { nesting = "flat", emailAndPassword = standard.emailAndPassword } = options
  const { named, parameters } = makeSchemas({ nesting, emailAndPassword })
  const paths: Record<string, Record<string, JsonObject>> = {}
  for (const name of Object.keys(routes) as ReadonlyArray<RouteName>) {
    const { method, path } = routes[name]
    const template = path.replaceAll(/:(\w+)/g, "{$1}")
    paths[template] = { ...paths[template], [method.toLowerCase()]: operation(name, parameters, nesting) }
  }
  return {
    openapi: "3.1.0",
    info: {
      title: "webflow-users",
      version: options.version,
      summary: "Webflow's Update User, still answering",
      description,
      license: { name: "MIT", identifier: "MIT" },
    },
    servers: prefixes.map((prefix) => ({
      url: `.${prefix}`,
      ...(prefix === "" && { description: "As SDK 2.x calls; with Accept-Version: 1.0.0 it is v1" }),
    })),
    tags: [{ name: "User Accounts" }, { name: "Access Groups" }],
    paths,
    webhooks: webhooks(nesting === "flat" ? "User" : "FlatUser"),
    components: {
      schemas: named,
      // What comes before any operation is found.
      responses: {
        RouteNotFound: failure([[new E.RouteNotFound(), "No operation has this path"]]),
        MethodNotAllowed: failure([
          [new E.MethodNotAllowed({ allow: ["GET", "PATCH"] }), "The path has other methods"],
        ]),
      },
      securitySchemes: {
        bearer: {
          type: "http",
          scheme: "bearer",
          description: tokens,
        },
      },
    },
  }
}

const description = `Webflow removed this call with User Accounts on 2026-01-29. This server answers it as Webflow did, on a \
store that its owner keeps. The operations are found under ${prefixes.map((prefix) => `\`${prefix || "/"}\``).join(", ")}. \
Each of them needs a token, which \`webflow-users token create\` issues. \
Without a prefix, \`Accept-Version: 1.0.0\` asks for v1, which is not described here.

Every failure is answered in one envelope, \`{code, message, externalReference, details}\`: also a path that does not exist \
(404), a method that a path does not have (405, with \`Allow\`), what is no request at all (400, 408, 431), and any request \
while the server has more to do than it takes at once (503, with \`Retry-After\`).`

const tokens =
  "A token that `webflow-users token create` issued: for one site or all, with users:read, users:write or both, and if so " +
  "for some fields and groups only, at a rate, until a moment"

interface Described {
  readonly tag: string
  readonly summary: string
  readonly description: string
  readonly query: ReadonlyArray<"offset" | "limit" | "userSort" | "groupSort">
  /** The schema of what is answered, and an example. */
  readonly answer: string
  readonly example: (nesting: DataNesting) => unknown
  /** What fails beside what can fail for each of them. */
  readonly failures: () => ReadonlyArray<Failure>
}

type Failure = readonly [error: E.UpdateUserError, when: string]

const operations: Record<RouteName, Described> = {
  updateUser: {
    tag: "User Accounts",
    summary: "Update User",
    description:
      "Changes what the body names and leaves the rest. E-mail address and password cannot be updated. Both eras of the " +
      "request are read, mixed too: groups as slugs or as {slug, type}, data flat or within data.",
    query: [],
    answer: "User",
    example: (nesting) => encodeUser(exampleUser, nesting),
    failures: () => [
      [
        new E.InvalidPatch({ details: [{ param: "data.name", description: "must be a string" }] }),
        "The body asks for what cannot be",
      ],
      [new E.BadRequest({ message: "The body is not valid JSON" }), "The body cannot be read"],
      [
        new E.BodyTooLarge({ message: `Request body too large: at most ${maxBodyBytes} bytes are read` }),
        `The body is larger than ${maxBodyBytes} bytes`,
      ],
      [
        new E.ChangeForbidden({ details: [{ param: "data.name", description: "may not be changed with this token" }] }),
        "The update would change a field or a group that is not on the token's list",
      ],
      [new E.UserNotFound(), "The site has no such user"],
    ],
  },
  getUser: {
    tag: "User Accounts",
    summary: "Get User",
    description: "One user.",
    query: [],
    answer: "User",
    example: (nesting) => encodeUser(exampleUser, nesting),
    failures: () => [[new E.UserNotFound(), "The site has no such user"]],
  },
  userHistory: {
    tag: "User Accounts",
    summary: "Get User History",
    description:
      "What happened to a user, the latest first: who changed what, when, and from where. Webflow had no such operation.",
    query: ["offset", "limit"],
    answer: "HistoryPage",
    example: () => ({ history: [exampleHistory], ...examplePage }),
    failures: () => [[new E.UserNotFound(), "The site has no such user"], invalidQuery()],
  },
  listUsers: {
    tag: "User Accounts",
    summary: "List Users",
    description: "A part of the site's users.",
    query: ["offset", "limit", "userSort"],
    answer: "UserPage",
    example: (nesting) => ({ users: [encodeUser(exampleUser, nesting)], ...examplePage }),
    failures: () => [invalidQuery()],
  },
  listAccessGroups: {
    tag: "Access Groups",
    summary: "List Access Groups",
    description: "A part of the site's access groups.",
    query: ["offset", "limit", "groupSort"],
    answer: "AccessGroupPage",
    example: () => ({ accessGroups: [exampleGroup], ...examplePage }),
    failures: () => [invalidQuery()],
  },
}

const operation = (
  name: RouteName,
  parameters: Readonly<Record<string, JsonObject>>,
  nesting: DataNesting,
): JsonObject => {
  const { method, path, scope } = routes[name]
  const { tag, summary, description: text, query, answer, example, failures } = operations[name]
  const ids = [...path.matchAll(/:(\w+)/g)].map(([, id = ""]) => id)
  return {
    // Webflow called them so: `updateUser` is `update-user`.
    operationId: name.replaceAll(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`),
    tags: [tag],
    summary,
    description: `${text}\n\nNeeds the scope \`${scope}\`.`,
    security: [{ bearer: [scope] }],
    parameters: [
      ...ids.map((id) => ({ in: "path", name: id, required: true, schema: parameters[id], ...about[id] })),
      ...query.map((key) => ({
        in: "query",
        name: key,
        schema: parameters[key],
        allowEmptyValue: true,
        ...about[key],
      })),
    ] as ReadonlyArray<JsonObject>,
    ...(method === "PATCH" && { requestBody }),
    responses: {
      "200": {
        description: "Request was successful",
        headers: pick(limits),
        content: { "application/json": { schema: refTo(answer), example: example(nesting) as Schema.Json } },
      },
      ...byStatus([...ofEach(scope), ...failures()]),
    },
  }
}

const about: Readonly<Record<string, JsonObject>> = {
  site_id: { description: "The site's id, 24 hexadecimal digits", example: "580e63e98c9a982ac9b8b741" },
  user_id: { description: "The user's id, 24 hexadecimal digits", example: "6287ec36a841b25637c663df" },
  offset: { description: "How many entries to skip" },
  limit: { description: "How many entries to give at most" },
  userSort: { name: "sort", description: "The order to give them in; a leading - reverses it" },
  groupSort: { name: "sort", description: "The order to give them in, by slug unless said; a leading - reverses it" },
}

/** What can fail in every operation. */
const ofEach = (scope: string): ReadonlyArray<Failure> => [
  [
    new E.InvalidId({ details: [{ param: "site_id", description: "must be 24 hexadecimal characters" }] }),
    "An id in the path is not 24 hexadecimal digits",
  ],
  [new E.NotAuthorized(), "There is no token, or it was never issued, has been revoked or replaced, or has expired"],
  [E.MissingScopes.of([scope]), "The token lacks the scope"],
  [new E.SiteForbidden(), "The token is for another site"],
  [new E.SiteNotFound(), "There is no such site"],
  [
    new E.TooManyRequests({ retryAfter: 60 }),
    "The token has asked more in this minute than it may, or too many from the caller's address were not good",
  ],
  [new E.InternalError(), "The server failed; trying again can help"],
  [
    new E.StoreUnavailable({ cause: undefined }),
    "The server's store is away, or its disk full; trying again helps when it is back",
  ],
]

const invalidQuery = (): Failure => [
  Result.getOrThrow(Result.flip(decodeListQuery(new URLSearchParams("limit=0"), []))),
  "A parameter is out of range",
]

const byStatus = (failures: ReadonlyArray<Failure>): Record<string, JsonObject> => {
  const statuses = Map.groupBy(failures, ([error]) => encodeError(error).status)
  return Object.fromEntries(
    [...statuses].map(([status, those]) => [String(status), failure(those, status === 401 ? [] : limits)]),
  )
}

/** The answer of one status: its codes are those of the errors that have it, and they are its examples. */
const failure = (failures: ReadonlyArray<Failure>, more: ReadonlyArray<string> = []): JsonObject => {
  const answers = failures.map(([error, summary]) => ({ name: error._tag, summary, ...encodeError(error) }))
  const codes = [...new Set(answers.map(({ body }) => body.code))]
  const headers = [...answers.flatMap((answer) => Object.keys(answer.headers)), ...more]
  return {
    description: answers.map(({ summary }) => `${summary}.`).join(" "),
    ...(headers.length > 0 && { headers: pick(headers) }),
    content: {
      "application/json": {
        schema: { ...refTo("Error"), properties: { code: { enum: codes } } },
        examples: Object.fromEntries(
          answers.map(({ name, summary, body }) => [name, { summary, value: body as unknown as JsonObject }]),
        ),
      },
    },
  }
}

const requestBody = {
  required: false,
  description: `JSON of at most ${maxBodyBytes} bytes, or nothing: then the user is only touched`,
  content: {
    "application/json": {
      schema: refTo("UserUpdate"),
      examples: {
        slugEra: { summary: "As from March 2024: slugs", value: slugEra as JsonObject },
        objectEra: { summary: "As from July 2025: objects, and data within data", value: objectEra as JsonObject },
      },
    },
  },
}
