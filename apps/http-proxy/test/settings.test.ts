/** The decisions that are ours, made otherwise: each setting on the built proxy, as whoever deploys it sets it. */
import { mkdtemp, rm } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { parseSiteId, type SiteId, type User, UserId } from "@webflow-users/core"
import { afterAll, describe, expect, it } from "vitest"
import { open } from "./proxy.ts"
import * as Spawned from "./spawned.ts"

const siteId = parseSiteId("580e63e98c9a982ac9b8b741") as SiteId
const user: User = {
  id: UserId.make("6287ec36a841b25637c663df"),
  lastUpdated: "2022-05-20T13:46:12.093Z",
  accessGroups: [
    { slug: "webflowers", type: "admin" },
    { slug: "course", type: "ecommerce" },
  ],
  data: { name: "Arthur Dent", email: "arthur@example.com" },
}

const folder = await mkdtemp(join(tmpdir(), "webflow-users-settings-"))
afterAll(() => rm(folder, { recursive: true }))
let stores = 0

interface Answer {
  readonly code: string
  readonly details: ReadonlyArray<{ readonly param: string }>
  readonly data: unknown
  readonly accessGroups: unknown
  readonly users: readonly [{ readonly data: unknown }]
}

/** A proxy that was told so, with the user on the site: what it answers to an update, and what is then stored. */
const started = async (told: Spawned.Told) => {
  const address = `file:${folder}/${(stores += 1)}.db`
  await using store = open(address)
  await store.add({ id: siteId, users: [user] })
  const token = await store.token(siteId)
  const proxy = await Spawned.start(address, told)
  const ask = async (path: string, body?: unknown, headers: Record<string, string> = {}) => {
    const response = await fetch(`${proxy.origin}${path}`, {
      method: body === undefined ? "GET" : "PATCH",
      headers: { authorization: `Bearer ${token}`, "content-type": "application/json", ...headers },
      ...(body !== undefined && { body: JSON.stringify(body) }),
    })
    return { status: response.status, json: (await response.json()) as Answer }
  }
  return { ask, [Symbol.asyncDispose]: proxy[Symbol.asyncDispose] }
}

const path = `/v2/sites/${siteId}/users/${user.id}`

describe("data in responses", () => {
  const flat = { name: "Arthur Dent", email: "arthur@example.com" }

  it("is flat where nobody says otherwise", async () => {
    await using proxy = await started({})
    expect((await proxy.ask(path)).json.data).toEqual(flat)
    expect((await proxy.ask(path, {})).json.data).toEqual(flat)
  })

  it.each<[string, Spawned.Told]>([
    ["a flag", { args: ["--data-nesting", "documented"] }],
    ["a variable", { env: { WEBFLOW_USERS_DATA_NESTING: "documented" } }],
  ])("is data.data in every answer where %s says documented, but for v1", async (_, told) => {
    await using proxy = await started(told)
    const list = `/beta/sites/${siteId}/users`
    expect((await proxy.ask(path)).json.data).toEqual({ data: flat })
    expect((await proxy.ask(path, { data: { data: { name: "Ford" } } })).json.data).toEqual({
      data: { ...flat, name: "Ford" },
    })
    expect((await proxy.ask(list)).json.users[0].data).toEqual({ data: { ...flat, name: "Ford" } })
    const v1 = await proxy.ask(path.slice("/v2".length), undefined, { "accept-version": "1.0.0" })
    expect(v1.json.data).toEqual({ ...flat, name: "Ford" })
  })
})

describe("an e-mail address and a password in an update", () => {
  const body = { password: "hunter2", data: { email: "other@example.com", password: "hunter2", name: "Ford" } }

  it("are refused where nobody says otherwise, and nothing is changed", async () => {
    await using proxy = await started({})
    const { status, json } = await proxy.ask(path, body)
    expect([status, json.code]).toEqual([400, "validation_error"])
    expect(json.details.map(({ param }) => param)).toEqual(["password", "data.email", "data.password"])
    expect((await proxy.ask(path)).json).toEqual(user)
  })

  it("are passed over where ignored, and the rest is done", async () => {
    await using proxy = await started({ args: ["--email-and-password", "ignore"] })
    const { status, json } = await proxy.ask(path, body)
    expect([status, json.data]).toEqual([200, { name: "Ford", email: "arthur@example.com" }])
  })
})

describe("groups of type ecommerce", () => {
  it("survive a new set of groups where nobody says otherwise", async () => {
    await using proxy = await started({})
    expect((await proxy.ask(path, { accessGroups: [] })).json.accessGroups).toEqual([
      { slug: "course", type: "ecommerce" },
    ])
  })

  it("are replaced with the others where asked to, and are never made", async () => {
    await using proxy = await started({ env: { WEBFLOW_USERS_ECOMMERCE_GROUPS: "replace" } })
    const gold = { slug: "gold", type: "ecommerce" }
    expect((await proxy.ask(path, { accessGroups: [gold] })).status).toBe(400)
    expect((await proxy.ask(path, { accessGroups: [] })).json.accessGroups).toEqual([])
  })
})

it.each<[string, Spawned.Told]>([
  ["--data-nesting", { args: ["--data-nesting", "twice"] }],
  ["WEBFLOW_USERS_DATA_NESTING", { env: { WEBFLOW_USERS_DATA_NESTING: "twice" } }],
  ["WEBFLOW_USERS_EMAIL_AND_PASSWORD", { env: { WEBFLOW_USERS_EMAIL_AND_PASSWORD: "twice" } }],
  ["WEBFLOW_USERS_ECOMMERCE_GROUPS", { env: { WEBFLOW_USERS_ECOMMERCE_GROUPS: "twice" } }],
  ["--failed-authentications", { args: ["--failed-authentications", "0"] }],
  ["WEBFLOW_USERS_FAILED_AUTHENTICATIONS", { env: { WEBFLOW_USERS_FAILED_AUTHENTICATIONS: "1.5" } }],
])("does not start with a value of %s that is none, and says which there are", async (_, told) => {
  const { code, stderr } = await Spawned.run({ ...told, env: { WEBFLOW_USERS_STORE: "memory:", ...told.env } })
  expect(code).toBe(2)
  expect(stderr).toMatch(/flat.*documented|refuse.*ignore|keep.*replace|1 to 100000, or off/s)
})
