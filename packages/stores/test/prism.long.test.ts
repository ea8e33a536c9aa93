/**
 * A server that nobody here wrote: Stoplight Prism, which serves Webflow's published documents, checks every request
 * against them and answers with their examples. It keeps nothing, so what becomes of a user is not asked here.
 *
 * The documents lie beside the checkout; where they do not, nothing of this runs.
 */
import { type ChildProcess, spawn } from "node:child_process"
import { once } from "node:events"
import { existsSync, readFileSync } from "node:fs"
import { mkdtemp, rm, writeFile } from "node:fs/promises"
import { createRequire } from "node:module"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { fileURLToPath } from "node:url"
import {
  InternalError,
  InvalidId,
  NotAuthorized,
  SiteNotFound,
  TooManyRequests,
  Transport,
  UpdateUser,
  UserId,
  UserStore,
} from "@webflow-users/core"
import { UpdateUserCases } from "@webflow-users/core/testing"
import * as Upstream from "@webflow-users/core/UserStore/Upstream"
import { Effect, Layer, Redacted } from "effect"
import { afterAll, beforeAll, describe, expect, it } from "vitest"
import { parse } from "yaml"
import * as Undici from "../src/Undici.ts"

const folder = fileURLToPath(new URL("../../../../shared/openapi", import.meta.url))
const prism = createRequire(import.meta.url).resolve("@stoplight/prism-cli/dist/index.js")
const userPath = "/sites/{site_id}/users/{user_id}"

const documents = ["update-user.slug-era", "update-user.object-era", "all-user-paths"] as const

type Document = (typeof documents)[number]

interface Operation {
  readonly responses: Readonly<Record<string, { readonly content: { readonly "application/json": Content } }>>
}
interface Content {
  readonly example?: { readonly code: string; readonly message: string; readonly details: ReadonlyArray<unknown> }
  readonly schema: { readonly example?: unknown }
}

/** The published texts are parts of a document: paths, or what stands below one. */
const pathsOf = (name: Document): Readonly<Record<string, { readonly patch: Operation }>> => {
  const part = parse(readFileSync(join(folder, `${name}.yml`), "utf8"))
  return "patch" in part ? { [userPath]: part } : part
}

const whole = (name: Document) => ({
  openapi: "3.0.3",
  info: { title: name, version: "1" },
  paths: pathsOf(name),
  components: {
    securitySchemes: {
      OAuth2: {
        type: "oauth2",
        flows: {
          authorizationCode: {
            authorizationUrl: "https://webflow.com/oauth/authorize",
            tokenUrl: "https://api.webflow.com/oauth/access_token",
            scopes: { "users:read": "", "users:write": "" },
          },
        },
      },
    },
  },
})

interface Server {
  readonly origin: string
  readonly child: ChildProcess
}

const start = async (file: string): Promise<Server> => {
  const args = ["mock", "--port", "0", "--host", "127.0.0.1", "--multiprocess=false", file]
  const child = spawn(process.execPath, [prism, ...args], { stdio: ["ignore", "pipe", "pipe"] })
  let said = ""
  const origin = await new Promise<string>((resolve, reject) => {
    // It goes on writing a line for every request, and stands still where nobody reads them.
    const read = (chunk: Buffer) => {
      said += chunk.toString()
      const address = /is listening on (http:\S+)/.exec(said)?.[1]
      if (address !== undefined) resolve(address)
    }
    child.stdout.on("data", read)
    child.stderr.on("data", read)
    child.once("close", () => reject(new Error(`Prism ended: ${said}`)))
  })
  return { origin, child }
}

interface Exchange {
  readonly method: string
  readonly body: string | undefined
  readonly status: number
  /** What Prism has against the request. It has something against its answers too: `externalReference` may not be null. */
  readonly objections: ReadonlyArray<string>
}

const objectionsIn = (header: string | undefined): ReadonlyArray<string> =>
  (JSON.parse(header ?? "[]") as ReadonlyArray<{ readonly location: ReadonlyArray<string>; readonly message: string }>)
    .filter(({ location }) => location[0] === "request")
    .map(({ message }) => message)

/** Asks Prism as the stores do. Gives what came of it, and what went over the wire. */
const ask = async <A>(
  { origin }: Server,
  operation: Effect.Effect<A, unknown, UpdateUser.UpdateUser | UserStore.UserStore>,
  { prefer, token = "token" }: { readonly prefer?: string; readonly token?: string } = {},
) => {
  const exchanges: Array<Exchange> = []
  const transport = Layer.effect(
    Transport.Transport,
    Effect.map(Transport.Transport, ({ send }) =>
      Transport.Transport.of({
        send: (request) => {
          const headers = { ...request.headers, ...(prefer !== undefined && { prefer }) }
          return Effect.tap(send({ ...request, headers }), ({ status, header }) =>
            Effect.sync(() => {
              const { method, body } = request
              exchanges.push({ method, body, status, objections: objectionsIn(header("sl-violations")) })
            }),
          )
        },
      }),
    ),
  ).pipe(Layer.provide(Undici.layer(origin)))
  const store = Upstream.layer({ baseUrl: origin, token: Redacted.make(token), retry: false }).pipe(
    Layer.provide(transport),
  )
  const outcome = await operation.pipe(
    Effect.match({ onSuccess: (value) => ({ value }), onFailure: (error) => ({ error }) }),
    Effect.provide(UpdateUser.layer.pipe(Layer.provideMerge(store))),
    Effect.runPromise,
  )
  return { exchanges, value: undefined, error: undefined, ...outcome }
}

const update = (request: UpdateUser.UpdateUserRequest) => UpdateUser.UpdateUser.use((operation) => operation(request))
const userId = UserId.make("6287ec36a841b25637c663df")
const rename = update({ siteId: UpdateUserCases.siteId, userId, patch: { data: { name: "Some One" } } })

/** What each documented error has to be read as. */
const classes = { 400: InvalidId, 401: NotAuthorized, 404: SiteNotFound, 429: TooManyRequests, 500: InternalError }

describe.skipIf(!existsSync(folder)).each(documents)("Prism, serving %s", (name) => {
  let temporary: string
  let server: Server
  let responses: Operation["responses"]
  beforeAll(async () => {
    temporary = await mkdtemp(join(tmpdir(), "webflow-users-prism-"))
    const file = join(temporary, "openapi.json")
    await writeFile(file, JSON.stringify(whole(name)))
    responses = pathsOf(name)[userPath]?.patch.responses ?? {}
    server = await start(file)
  })
  afterAll(async () => {
    server.child.kill()
    await once(server.child, "close")
    await rm(temporary, { recursive: true })
  })

  const example = () => responses["200"]?.content["application/json"].schema.example

  it.each(UpdateUserCases.all)("$name", async (one) => {
    const { exchanges, error, value } = await ask(server, update({ ...one, patch: JSON.parse(one.body) }))
    const sent = exchanges.find(({ method }) => method === "PATCH")
    if (sent === undefined) {
      // Refused on our side. Two of the documents have no reading that would tell first whether the user is there.
      const tag = exchanges[0]?.status === 405 ? "InvalidPatch" : "tag" in one.expected && one.expected.tag
      expect(error).toMatchObject({ _tag: tag })
      return
    }
    const objections = name === "update-user.slug-era" ? slugEraObjections(sent.body) : []
    expect(sent.objections.toSorted()).toEqual(objections.toSorted())
    if (objections.length === 0) expect(value).toEqual(example())
    // The document's one example of a 400.
    else expect(error).toBeInstanceOf(InvalidId)
  })

  it.each(Object.entries(classes))("reads the example of a %s", async (status, ofClass) => {
    const { error } = await ask(server, rename, { prefer: `code=${status}` })
    const { code, message, details } = responses[status]?.content["application/json"].example ?? {}
    expect(message).toBeTypeOf("string")
    expect(error).toBeInstanceOf(ofClass)
    expect(error).toMatchObject({ status: Number(status), code, message, details })
  })

  it("has an example for every documented status but 403, for which Prism finds none and answers null", async () => {
    expect(Object.keys(responses)).toEqual(["200", ...Object.keys(classes), "403"].toSorted())
    const { error } = await ask(server, rename, { prefer: "code=403" })
    expect(error).toMatchObject({ _tag: "UpstreamInvalidResponse", status: 403, excerpt: "null" })
  })

  it("tells of a missing token", async () => {
    const { error, exchanges } = await ask(server, rename, { token: "" })
    expect(error).toBeInstanceOf(NotAuthorized)
    expect(exchanges).toMatchObject([{ status: 401, objections: ["Invalid security scheme used"] }])
  })

  if (name !== "all-user-paths") return
  it("reads users and groups", async () => {
    const { siteId } = UpdateUserCases
    const reading = UserStore.UserStore.use((store) =>
      Effect.all({
        user: store.get(siteId, userId),
        page: store.list(siteId, { offset: 0, limit: 100, sort: "-CreatedOn" }),
        found: store.findByEmail(siteId, "Marvin@Paranoid-Android.com"),
        groups: store.accessGroups(siteId, { offset: 0, limit: 10, sort: "CreatedOn" }),
      }),
    )
    const { exchanges, error, value } = await ask(server, reading)
    expect(error).toBeUndefined()
    expect(exchanges.flatMap(({ objections }) => objections)).toEqual([])
    expect(value?.user).toEqual(example())
    expect(value?.page.users).toHaveLength(5)
    expect(value?.page.users).toContainEqual(value?.found)
    expect(value?.groups.accessGroups.map(({ slug }) => slug)).toEqual(["hitchhikers-guide-research-team", "admin"])
  })
})

/**
 * What the slug era's document has against an update in our one form, which is the object era's: groups are slugs there,
 * and custom fields are texts, although recorded users have other values. The other documents take all that is sent.
 */
const slugEraObjections = (body: string | undefined): ReadonlyArray<string> => {
  const { data = {}, accessGroups = [] } = JSON.parse(body ?? "{}") as {
    readonly data?: Readonly<Record<string, unknown>>
    readonly accessGroups?: ReadonlyArray<unknown>
  }
  const wrong = Object.entries(data).flatMap(([key, value]) => {
    const type = key === "accept-privacy" || key === "accept-communications" ? "boolean" : "string"
    return typeof value === type ? [] : [`Request body property data.${key} must be ${type}`]
  })
  return [...wrong, ...accessGroups.map((_, index) => `Request body property accessGroups.${index} must be string`)]
}
