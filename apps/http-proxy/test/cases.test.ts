import { spawn } from "node:child_process"
import { once } from "node:events"
import { mkdtemp, rm } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { text } from "node:stream/consumers"
import { fileURLToPath } from "node:url"
import { parseSiteId, type User } from "@webflow-users/core"
import { UpdateUserCases } from "@webflow-users/core/testing"
import { Envelope } from "@webflow-users/core/wire"
import { createClient } from "@webflow-users/sdk"
import { afterAll, beforeAll, describe, expect, it } from "vitest"
import { open, start } from "./proxy.ts"
import * as Spawned from "./spawned.ts"

const { all, siteId, sites, users } = UpdateUserCases
const cli = fileURLToPath(new URL("../../cli/dist/main.js", import.meta.url))

type Proxy = Pick<Awaited<ReturnType<typeof start>>, "origin">
type Update = (proxy: Proxy, token: string, one: UpdateUserCases.UpdateUserCase) => Promise<UpdateUserCases.Outcome>

/** Plain HTTP, as curl sends it. */
const overHttp =
  (prefix: string): Update =>
  async (proxy, token, one) => {
    const response = await fetch(`${proxy.origin}${prefix}/sites/${one.siteId}/users/${one.userId}`, {
      method: "PATCH",
      headers: { authorization: `Bearer ${token}`, "content-type": "application/json" },
      body: one.body,
    })
    const body = await response.json()
    if (response.status === 200) return { user: body as User }
    return UpdateUserCases.failed(Envelope.decodeError({ status: response.status, retryAfter: undefined, body }))
  }

const v1Names = new Map([
  ["id", "_id"],
  ["isEmailVerified", "emailVerified"],
  ["lastUpdated", "updatedOn"],
])
const today = new Map([...v1Names].map(([name, v1Name]) => [v1Name, name]))
const renamed = (json: object, names: ReadonlyMap<string, string>) =>
  Object.fromEntries(Object.entries(json).map(([key, value]) => [names.get(key) ?? key, value]))

/**
 * The same in v1's words. A body without `data` would be the bare map there, which is another request: it gets an empty one.
 */
const inV1 = (body: string): string => {
  const json: unknown = JSON.parse(body)
  const isUser = typeof json === "object" && json !== null && !Array.isArray(json)
  // A text that JavaScript would write otherwise goes as it is.
  if (!isUser || JSON.stringify(json) !== body) return body
  return JSON.stringify(renamed("data" in json ? json : { ...json, data: {} }, v1Names))
}

const overV1: Update = async (proxy, token, one) => {
  const response = await fetch(`${proxy.origin}/sites/${one.siteId}/users/${one.userId}`, {
    method: "PATCH",
    headers: { authorization: `Bearer ${token}`, "content-type": "application/json", "accept-version": "1.0.0" },
    body: inV1(one.body),
  })
  const body = await response.json()
  if (response.status === 200) return { user: renamed(body, today) as User }
  const problems: ReadonlyArray<{ readonly slug: string }> = body.problem_data ?? []
  return { tag: v1Tags[body.err] ?? body.err, params: problems.map(({ slug }) => today.get(slug) ?? slug) }
}
const v1Tags: Readonly<Record<string, string>> = {
  "ValidationError: Validation Failure": "InvalidPatch",
  "ValidationError: Provided ID is invalid": "InvalidId",
  "NotFound: The user cannot be found": "UserNotFound",
  "NotFound: The site cannot be found": "SiteNotFound",
}

const bySdk: Update = async (proxy, token, one) => {
  await using client = createClient({ baseUrl: `${proxy.origin}/v2`, token })
  return await client.users.update(one.siteId, one.userId, JSON.parse(one.body)).then(
    (user) => ({ user }),
    (error) => UpdateUserCases.failed(error),
  )
}

/** The command line as a process of its own, with the proxy for its store. */
const byCli: Update = async (proxy, token, one) => {
  const child = spawn(process.execPath, [cli, "update", one.siteId, one.userId, "--data", one.body, "--json"], {
    env: { WEBFLOW_USERS_STORE: `${proxy.origin}/v2`, WEBFLOW_USERS_TOKEN: token },
    stdio: ["ignore", "pipe", "pipe"],
  })
  const [stdout, stderr] = await Promise.all([text(child.stdout), text(child.stderr), once(child, "close")])
  if (child.exitCode === 0) return { user: JSON.parse(stdout) as User }
  const { error } = JSON.parse(stderr)
  return UpdateUserCases.failed({ _tag: error.tag, details: error.details })
}

const folder = await mkdtemp(join(tmpdir(), "webflow-users-proxy-"))
afterAll(() => rm(folder, { recursive: true }))

const runtimes: Record<string, Update> = {
  "HTTP, /v2": overHttp("/v2"),
  "HTTP, /beta": overHttp("/beta"),
  "HTTP, no prefix": overHttp(""),
  "HTTP, v1": overV1,
  "the SDK over HTTP": bySdk,
  "the CLI over HTTP": byCli,
}
const stores = { memory: () => "memory:", SQLite: (name: string) => `file:${folder}/${name.replaceAll(/\W/g, "")}.db` }

for (const [storeName, store] of Object.entries(stores)) {
  describe.each(Object.entries(runtimes))(`the proxy on ${storeName}, by %s`, (name, update) => {
    let proxy: Awaited<ReturnType<typeof start>>
    const tokens = new Map<string, string>()
    beforeAll(async () => {
      proxy = await start(store(name), [...sites])
      for (const site of [...sites.map(({ id }) => id), UpdateUserCases.unknownSiteId])
        tokens.set(site, await proxy.token(site))
    })
    afterAll(() => proxy.stop())

    it.each(all.map((one, index) => ({ ...one, index })))("$name", async ({ index, ...one }) => {
      const before = users[index]!
      // Whoever asks for a site has to hold a token for it; an id that is none is told to any caller.
      const token = tokens.get(parseSiteId(one.siteId) ?? siteId)!
      const outcome = await update(proxy, token, one)
      const response = await fetch(`${proxy.origin}/v2/sites/${one.home}/users/${before.id}`, {
        headers: { authorization: `Bearer ${tokens.get(one.home)}` },
      })
      const after = (await response.json()) as User
      const { actual, expected } = UpdateUserCases.judge(one, { outcome, before, after })
      expect(actual).toEqual(expected)
    })
  })
}

/** The same table, by a proxy in front of another: every answer has come a second way. */
const inFront: Record<string, (address: string, bearer: string) => ReturnType<typeof Spawned.start>> = {
  "that passes tokens on": (address) => Spawned.start(address, { args: ["--auth", "passthrough"] }),
  "with tokens of its own": (address, bearer) =>
    Spawned.start(address, {
      env: { WEBFLOW_USERS_TOKEN: bearer, WEBFLOW_USERS_TOKEN_STORE: `file:${folder}/tokens.db` },
    }),
}
const siteIds = [...sites.map(({ id }) => id), UpdateUserCases.unknownSiteId]

describe.each(Object.entries(inFront))("a proxy in front of another, %s", (name, forwarding) => {
  describe.each([
    ["HTTP, /v2", overHttp("/v2")],
    ["HTTP, v1", overV1],
  ])("by %s", (_, update) => {
    let behind: Awaited<ReturnType<typeof start>>
    // A token is for one site, and so is a proxy that holds it.
    const proxies = new Map<string, Awaited<ReturnType<typeof Spawned.start>>>()
    const tokens = new Map<string, string>()
    beforeAll(async () => {
      behind = await start("memory:", [...sites])
      await using own = open(`file:${folder}/tokens.db`)
      for (const site of siteIds) {
        const bearer = await behind.token(site)
        proxies.set(site, await forwarding(`${behind.origin}/v2`, bearer))
        tokens.set(site, name === "with tokens of its own" ? await own.token(site) : bearer)
      }
    })
    afterAll(async () => {
      for (const proxy of proxies.values()) await proxy.end("SIGTERM")
      await behind.stop()
    })

    it.each(all.map((one, index) => ({ ...one, index })))("$name", async ({ index, ...one }) => {
      const before = users[index]!
      const site = parseSiteId(one.siteId) ?? siteId
      const outcome = await update(proxies.get(site)!, tokens.get(site)!, one)
      const response = await fetch(`${proxies.get(one.home)?.origin}/v2/sites/${one.home}/users/${before.id}`, {
        headers: { authorization: `Bearer ${tokens.get(one.home)}` },
      })
      const after = (await response.json()) as User
      const { actual, expected } = UpdateUserCases.judge(one, { outcome, before, after })
      expect(actual).toEqual(expected)
    })
  })
})
