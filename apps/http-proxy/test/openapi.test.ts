/** The document says what is served: each answer it describes is provoked, and bodies are put to its schema and the server. */
import { mkdtemp, rm } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import {
  InternalError,
  parseSiteId,
  type SiteId,
  StoreUnavailable,
  TooManyRequests,
  UpdatePolicy,
  errors,
  type UpdateUserError,
  type User,
  UserId,
} from "@webflow-users/core"
import { UpdateUserCases } from "@webflow-users/core/testing"
import { JsonBody, Routes } from "@webflow-users/core/wire"
import { Ajv2020 } from "ajv/dist/2020.js"
import { Effect, Layer } from "effect"
import fc from "fast-check"
import { afterAll, beforeAll, describe, expect, it } from "vitest"
import { Faults, Wire } from "@webflow-users/server"
import * as Docs from "@webflow-users/server/Docs"
import { start } from "./proxy.ts"

const siteId = parseSiteId("580e63e98c9a982ac9b8b741") as SiteId
/** There are tokens for it, and nothing else of it. */
const otherSiteId = parseSiteId("580e63e98c9a982ac9b8b743") as SiteId
const user: User = {
  id: UserId.make("6287ec36a841b25637c663df"),
  isEmailVerified: true,
  lastUpdated: "2024-05-20T13:46:12.093Z",
  invitedOn: null,
  createdOn: "2024-01-02T03:04:05.000Z",
  status: "verified",
  accessGroups: [
    { slug: "webflowers", type: "admin" },
    { slug: "course", type: "ecommerce" },
  ],
  data: { name: "Ada", email: "ada@example.com", "accept-privacy": true, drink: "Tea" },
}
const unknownId = "6287ec36a841b25637c66300"

// What no request alone brings about: asked for these, the store fails.
const throttled = { userId: "6287ec36a841b25637c66429", offset: 429 }
const broken = { userId: "6287ec36a841b25637c66500", offset: 500 }
const away = { userId: "6287ec36a841b25637c66503", offset: 503 }
const trouble = (asked: { userId?: string; offset?: number }): Effect.Effect<void, UpdateUserError> => {
  const isFor = (marked: typeof broken) => asked.userId === marked.userId || asked.offset === marked.offset
  if (isFor(throttled)) return Effect.fail(new TooManyRequests({ retryAfter: 60 }))
  if (isFor(away)) return Effect.fail(new StoreUnavailable({ cause: "gone" }))
  return isFor(broken) ? Effect.fail(new InternalError()) : Effect.void
}

let folder: string
let proxy: Awaited<ReturnType<typeof start>>
const tokens = { all: "", reading: "", writing: "", otherSite: "", limited: "" }
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "webflow-users-openapi-"))
  const [home, ...sites] = UpdateUserCases.sites
  const first = { ...home, users: [user, ...home.users] }
  proxy = await start(`file:${folder}/users.db`, [first, ...sites], (store) => ({
    ...store,
    update: (site, userId, patch) => Effect.andThen(trouble({ userId }), store.update(site, userId, patch)),
    get: (site, userId) => Effect.andThen(trouble({ userId }), store.get(site, userId)),
    list: (site, page) => Effect.andThen(trouble(page), store.list(site, page)),
    accessGroups: (site, page) => Effect.andThen(trouble(page), store.accessGroups(site, page)),
  }))
  // With a limit that is not reached, and told.
  const rate = 100_000
  tokens.all = await proxy.token(siteId, ["users:read", "users:write"], rate)
  tokens.reading = await proxy.token(siteId, ["users:read"], rate)
  tokens.writing = await proxy.token(siteId, ["users:write"], rate)
  tokens.limited = await proxy.token(siteId, ["users:write"], { rate, fields: [] })
  tokens.otherSite = await proxy.token(otherSiteId, ["users:read", "users:write"], rate)
})
afterAll(async () => {
  await proxy.stop()
  await rm(folder, { recursive: true })
})

interface Answer {
  readonly description: string
  readonly headers?: Readonly<Record<string, unknown>>
  readonly content: {
    readonly "application/json": {
      readonly schema: object
      readonly example?: unknown
      readonly examples?: Readonly<Record<string, { readonly value: unknown }>>
    }
  }
}

interface FaultOperation extends Operation {
  readonly requestBody?: { readonly content: Answer["content"] }
}

interface Operation {
  readonly operationId: string
  readonly responses: Readonly<Record<string, Answer>>
}

const document = Docs.make({ version: "0.0.0", nesting: "flat", emailAndPassword: "refuse", withFaults: false })
const paths = document.paths as unknown as Readonly<Record<string, Readonly<Record<string, Operation>>>>
const components = document.components as unknown as { readonly responses: Readonly<Record<string, Answer>> }
const operations = Object.entries(Routes.routes).map(([name, { method, path, scope }]) => {
  const operation = paths[path.replaceAll(/:(\w+)/g, "{$1}")]?.[method.toLowerCase()]
  if (operation === undefined) throw new Error(`${name} is not described`)
  return { ...operation, name: name as Routes.RouteName, method, scope }
})

// Keywords and formats that only describe are let be.
const ajv = new Ajv2020({ strict: false, validateFormats: false, allErrors: true })
ajv.addSchema(document, "openapi")
/** Finds what a schema of the document has against a value. */
const checker = (schema: object) => {
  // References within the document start at its root, wherever the schema stands.
  const isValid = ajv.compile(JSON.parse(JSON.stringify(schema).replaceAll('"#/', '"openapi#/')) as object)
  return (value: unknown): ReadonlyArray<unknown> => (isValid(value) ? [] : (isValid.errors ?? []))
}
const problems = (schema: object, value: unknown) => checker(schema)(value)

interface Ask {
  readonly userId?: string
  readonly query?: string
  readonly token?: string
  readonly body?: string
  readonly method?: string
  readonly path?: string
}

const send = async (route: Routes.RouteName, ask: Ask) => {
  const { method } = Routes.routes[route]
  const path = `/v2${Routes.pathOf(route, { siteId, userId: ask.userId ?? user.id })}?${ask.query ?? ""}`
  const response = await fetch(`${proxy.origin}${ask.path ?? path}`, {
    method: ask.method ?? method,
    headers: { authorization: `Bearer ${ask.token ?? tokens.all}`, "content-type": "application/json" },
    ...(method === "PATCH" && { body: ask.body ?? "{}" }),
  })
  return { status: response.status, headers: response.headers, body: (await response.json()) as unknown }
}

/** How to bring about each answer, by the name of its example. */
const provoke: Readonly<Record<string, (route: Routes.RouteName) => Ask>> = {
  InvalidId: (route) => ({ path: `/v2${Routes.pathOf(route, { siteId: "x", userId: user.id })}` }),
  InvalidPatch: () => ({ body: '{"data":{"name":1}}', query: "limit=0" }),
  BadRequest: () => ({ body: "{" }),
  BodyTooLarge: () => ({ body: `"${"x".repeat(JsonBody.maxBodyBytes)}"` }),
  NotAuthorized: () => ({ token: "nobody's" }),
  MissingScopes: (route) => ({
    token: Routes.routes[route].scope === "users:read" ? tokens.writing : tokens.reading,
  }),
  SiteForbidden: () => ({ token: tokens.otherSite }),
  SiteNotFound: (route) => ({
    path: `/v2${Routes.pathOf(route, { siteId: otherSiteId, userId: user.id })}`,
    token: tokens.otherSite,
  }),
  ChangeForbidden: () => ({ token: tokens.limited, body: '{"data":{"name":"Changed"}}' }),
  UserNotFound: () => ({ userId: unknownId }),
  TooManyRequests: () => ({ userId: throttled.userId, query: `offset=${throttled.offset}` }),
  InternalError: () => ({ userId: broken.userId, query: `offset=${broken.offset}` }),
  StoreUnavailable: () => ({ userId: away.userId, query: `offset=${away.offset}` }),
  RouteNotFound: () => ({ path: "/v2/sites" }),
  MethodNotAllowed: (route) => ({ method: "PUT", path: `/v2${Routes.pathOf(route, { siteId, userId: user.id })}` }),
}

/** Whether an answer is the described one. */
const expectDescribed = (got: Awaited<ReturnType<typeof send>>, described: Answer) => {
  expect(problems(described.content["application/json"].schema, got.body)).toEqual([])
  expect(got.headers.get("content-type")).toMatch(/^application\/json(;|$)/)
  const names = Object.keys(described.headers ?? {})
  expect(names.filter((name) => !got.headers.has(name))).toEqual([])
  const limits = [...got.headers.keys()].filter((name) => name.startsWith("x-ratelimit"))
  expect(limits).toHaveLength(names.filter((name) => name.startsWith("X-RateLimit")).length)
}

describe("settings", () => {
  it("are told: faults, where callers may ask for them", async () => {
    expect(Object.keys(document.paths)).not.toContain("/faults/sites/{site_id}")
    const other = await start("memory:", { id: siteId, users: [user] }, undefined, Faults.layer)
    const told = (await (await fetch(`${other.origin}/openapi.json`)).json()) as typeof document
    const described = told.paths["/faults/sites/{site_id}"] as unknown as Readonly<Record<string, FaultOperation>>
    const token = await other.token()
    const ask = async (method: string, body?: string) => {
      const response = await fetch(`${other.origin}/faults/sites/${siteId}`, {
        method,
        headers: { authorization: `Bearer ${token}`, "content-type": "application/json" },
        ...(body !== undefined && { body }),
      })
      return { status: response.status, body: (await response.json()) as unknown }
    }
    const rule = described["put"]?.requestBody?.content["application/json"] ?? { schema: {}, example: undefined }
    expect(problems(rule.schema, rule.example)).toEqual([])
    expect(problems(rule.schema, { status: 418 })).not.toEqual([])
    for (const [method, body] of [["put", JSON.stringify(rule.example)], ["get"], ["delete"]] as const) {
      const got = await ask(method.toUpperCase(), body)
      expect(got.status).toBe(200)
      expect(problems(described[method]!.responses["200"]!.content["application/json"].schema, got.body)).toEqual([])
    }
    expect((await ask("PUT", '{"status":418}')).status).toBe(400)
    await other.stop()
  })

  it("are told: data as documented, and e-mail addresses and passwords ignored", async () => {
    const settings = Layer.merge(
      Layer.succeed(Wire.DataNesting, "documented"),
      Layer.succeed(UpdatePolicy.Current, { ...UpdatePolicy.standard, emailAndPassword: "ignore" }),
    )
    const other = await start("memory:", { id: siteId, users: [user] }, undefined, settings)
    const told = (await (await fetch(`${other.origin}/openapi.json`)).json()) as typeof document
    expect(told).toEqual(
      Docs.make({ version: "0.0.0", nesting: "documented", emailAndPassword: "ignore", withFaults: false }),
    )
    const validator = new Ajv2020({ strict: false, validateFormats: false }).addSchema(told, "openapi")
    const fits = (name: string, value: unknown) => validator.validate(`openapi#/components/schemas/${name}`, value)

    const sent = { email: 1, data: { name: "Bea", email: "other@example.com", password: "p" } }
    const response = await fetch(`${other.origin}/v2${Routes.pathOf("updateUser", { siteId, userId: user.id })}`, {
      method: "PATCH",
      headers: { authorization: `Bearer ${await other.token()}`, "content-type": "application/json" },
      body: JSON.stringify(sent),
    })
    expect(response.status).toBe(200)
    expect([fits("User", await response.json()), fits("User", user), fits("UserUpdate", sent)]).toEqual([
      true,
      false,
      true,
    ])
    expect(problems({ $ref: "#/components/schemas/UserUpdate" }, sent)).not.toEqual([])
    await other.stop()
  })
})

describe("answers", () => {
  it.each(operations)("$operationId: 200", async ({ name, responses }) => {
    const got = await send(name, {})
    expect(got.status).toBe(200)
    expectDescribed(got, responses["200"]!)
    const { schema, example } = responses["200"]!.content["application/json"]
    expect(problems(schema, example)).toEqual([])
    expect(Object.keys(example as object)).toEqual(expect.arrayContaining(Object.keys(got.body as object)))
  })

  const failures = [
    ...operations.flatMap(({ operationId, name, responses }) =>
      Object.entries(responses).map(([status, described]) => ({ operationId, name, status, described })),
    ),
    {
      operationId: "any",
      name: "updateUser" as const,
      status: "404",
      described: components.responses["RouteNotFound"]!,
    },
    {
      operationId: "any",
      name: "getUser" as const,
      status: "405",
      described: components.responses["MethodNotAllowed"]!,
    },
  ].flatMap(({ described, ...rest }) =>
    Object.entries(described.content["application/json"].examples ?? {}).map(([example, { value }]) => ({
      ...rest,
      described,
      example,
      value,
    })),
  )

  it.each(failures)("$operationId: $status $example", async ({ name, status, described, example, value }) => {
    const got = await send(name, provoke[example]!(name))
    expect({ status: String(got.status), body: got.body }).toEqual({ status, body: value })
    expectDescribed(got, described)
  })

  it("describes every error of the list that this server answers", () => {
    const described = new Set(failures.map(({ example }) => example))
    const missing = Object.keys(errors).filter((tag) => !described.has(tag))
    // What other servers answer, and what is answered before any operation is found.
    expect(missing).toEqual([
      "UsersNotEnabled",
      "Overloaded",
      "UnsendableRequest",
      "Unreachable",
      "ConnectionLost",
      "TimedOut",
      "TlsFailed",
      "UpstreamInvalidResponse",
      "UnexpectedResponse",
      "UserAccountsRemoved",
    ])
  })

  it.each(["/health", "/ready"])("is found at /openapi.json without a token, and describes %s", async (state) => {
    const response = await fetch(`${proxy.origin}/openapi.json`)
    expect(response.headers.get("content-type")).toBe("application/json; charset=utf-8")
    expect(await response.json()).toEqual(document)
    const health = paths[state]?.["get"]?.responses["200"]
    const { status, body } = await send("getUser", { path: state })
    expect([status, problems(health!.content["application/json"].schema, body)]).toEqual([200, []])
  })

  it("has the addresses of its operations", async () => {
    const servers = document["servers"] as ReadonlyArray<{ readonly url: string }>
    expect(servers.map(({ url }) => new URL(url, `${proxy.origin}/openapi.json`).pathname)).toEqual([
      "/v2",
      "/beta",
      "/",
    ])
    for (const { url } of servers) {
      const base = new URL(url, `${proxy.origin}/openapi.json`).pathname.replace(/\/$/, "")
      expect(
        await send("getUser", { path: base + Routes.pathOf("getUser", { siteId, userId: user.id }) }),
      ).toMatchObject({
        status: 200,
      })
    }
  })
})

const isAccepted = ({ expected }: UpdateUserCases.UpdateUserCase) => !("tag" in expected)

/** A body without what the user has already: that may come back as it is, whatever it is, and no schema knows of it. */
const withoutEchoes = ({ body, userId }: UpdateUserCases.UpdateUserCase): unknown => {
  const { data, ...properties } = UpdateUserCases.users.find(({ id }) => id === userId.toLowerCase())!
  const stored: Readonly<Record<string, unknown>> = { ...properties, ...data }
  const isEcho = (key: string, value: unknown) =>
    Object.hasOwn(stored, key) && JSON.stringify(stored[key]) === JSON.stringify(value)
  return JSON.parse(body, (key, value: unknown) => (isEcho(key, value) ? undefined : value))
}

describe("bodies of an update", () => {
  const against = checker({ $ref: "#/components/schemas/UserUpdate" })
  const sendable = UpdateUserCases.all.filter(
    (one) => isAccepted(one) || ("tag" in one.expected && one.expected.tag === "InvalidPatch"),
  )

  it.each(sendable.filter(isAccepted))("fits the schema: $name", (one) => {
    expect(against(withoutEchoes(one))).toEqual([])
  })

  // A schema knows neither the user, nor how often a field is given, nor numbers that JavaScript has not.
  const beyondSchemas = [
    "another e-mail address",
    "read-only properties that differ",
    "a purchase that never was",
    "a cleared name",
    "a cleared consent",
    "a field given twice",
    "a NUL character",
    "a lone surrogate",
    "a number that is not finite",
    "more fields than a user may have",
    "values beyond the declared limits, on a declared site",
    "a number that is not whole, on a declared site",
  ]
  it.each(sendable.filter((one) => !isAccepted(one)))("does not fit, or only the server can tell: $name", (one) => {
    expect(against(JSON.parse(one.body)).length > 0).toBe(!beyondSchemas.includes(one.name))
  })

  // Of each part some that are right and some that are not.
  const text = fc.oneof(fc.string(), fc.constantFrom("webflowers", " ", "", "x".repeat(256), "x".repeat(257)))
  const option = fc.record({ id: text, name: text, slug: text }, { noNullPrototype: true })
  const value = fc.oneof(text, fc.boolean(), fc.integer(), option, fc.jsonValue())
  const names = ["name", "email", "accept-privacy", "password", "drink", "data", " ", "x".repeat(257)]
  const wild = fc.dictionary(fc.constantFrom(...names), value, { maxKeys: 4, noNullPrototype: true })
  const tame = fc.record({ name: text, "accept-privacy": fc.boolean(), drink: value }, { noNullPrototype: true })
  const fields = fc.oneof(tame, wild)
  const group = fc.oneof(text, fc.record({ slug: text, type: fc.constantFrom("admin", "owner") }), value)
  const bodies = fc.oneof(
    fc.record({ data: tame }),
    fc.record({ accessGroups: fc.array(group, { maxLength: 2 }) }),
    fc.record(
      {
        data: fc.oneof(
          fields,
          fields.map((data) => ({ data })),
        ),
        accessGroups: fc.oneof(fc.array(group, { maxLength: 2 }), value),
        status: fc.constantFrom("verified", "invited", 1),
        invitedOn: fc.constantFrom(null, "2024-01-01T00:00:00.000Z", 0),
        nickname: value,
      },
      { requiredKeys: [], noNullPrototype: true },
    ),
    fc.record({ data: value }),
    value,
  )
  // In the words of the server's own refusals.
  const onlyTheServerCanTell = [
    /differs from what is stored|cannot be updated|cannot be cleared|is given twice|only a purchase/,
    /NUL|surrogates|is not a name for a field|at most 256 characters|an option has/,
  ]

  it("the schema refuses what the server refuses, and nothing that it accepts", async () => {
    const seen = { accepted: 0, refused: 0 }
    await fc.assert(
      fc.asyncProperty(bodies, async (made) => {
        const got = await send("updateUser", { body: JSON.stringify(made) })
        const found = against(made)
        if (got.status === 200) {
          seen.accepted += 1
          expect(found).toEqual([])
        } else if (found.length === 0) {
          const { details } = got.body as { readonly details: ReadonlyArray<{ readonly description: string }> }
          const unforeseen = details.filter(
            ({ description }) => !onlyTheServerCanTell.some((one) => one.test(description)),
          )
          expect(unforeseen).toEqual([])
        } else seen.refused += 1
      }),
      { numRuns: 600 },
    )
    expect(Math.min(seen.accepted, seen.refused)).toBeGreaterThan(20)
  })
})
