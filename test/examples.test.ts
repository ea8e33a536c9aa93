/** The examples do what they say, run as they stand; and the pages that show them show what is run. */
import { spawn } from "node:child_process"
import { createHmac } from "node:crypto"
import { once } from "node:events"
import { globSync } from "node:fs"
import { mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { text } from "node:stream/consumers"
import { fileURLToPath } from "node:url"
import { describe, expect, it, vi } from "@effect/vitest"
import { parseSiteId, type SiteId, type User, UserId } from "@webflow-users/core"
import { UserStoreSuite } from "@webflow-users/core/testing"
import { WebflowUsers } from "@webflow-users/sdk/effect"
import { Effect } from "effect"
import { afterAll, beforeAll } from "vitest"
import { open } from "../apps/http-proxy/test/proxy.ts"
import * as Spawned from "../apps/http-proxy/test/spawned.ts"
import worker from "../examples/cloudflare-worker.ts"
import * as OwnStore from "../examples/own-store.ts"
import { cookieOf } from "../examples/session.ts"
// Its tests are registered here.
import "../examples/effect-testing.ts"

const root = fileURLToPath(new URL("..", import.meta.url))
const siteId = parseSiteId("580e63e98c9a982ac9b8b741") as SiteId
const adaId = "6287ec36a841b25637c663df"
const users = [
  { id: adaId, data: { name: "Ada", email: "ada@example.com" }, accessGroups: [{ slug: "webflowers", type: "admin" }] },
  { id: "6287ec36a841b25637c663e0", data: { name: "Bo", email: "bo@example.com" }, accessGroups: [] },
  { id: "6287ec36a841b25637c663e1", data: { name: "Cy", email: "cy@example.com" }, accessGroups: [] },
].map((user) => ({ ...user, id: UserId.make(user.id), createdOn: "2024-01-01T00:00:00.000Z" }) as User)

let folder: string
let proxy: Awaited<ReturnType<typeof Spawned.start>>
let env: Record<string, string>

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "webflow-users-examples-"))
  const address = `file:${folder}/users.db`
  await using store = open(address)
  await store.add({ id: siteId, users })
  const token = await store.token(siteId)
  proxy = await Spawned.start(address)
  env = { WEBFLOW_USERS_STORE: `${proxy.origin}/v2`, WEBFLOW_USERS_TOKEN: token }
})
afterAll(async () => {
  await proxy[Symbol.asyncDispose]()
  await rm(folder, { recursive: true })
})

const begin = (path: string, args: ReadonlyArray<string>, more: Record<string, string>) =>
  spawn(process.execPath, ["--disable-warning=ExperimentalWarning", join(root, path), ...args], {
    cwd: folder,
    env: more,
    stdio: ["ignore", "pipe", "pipe"],
  })

const run = async (path: string, ...args: ReadonlyArray<string>) => {
  const child = begin(path, args, env)
  const [stdout, stderr] = await Promise.all([text(child.stdout), text(child.stderr), once(child, "close")])
  return { stdout, stderr, code: child.exitCode }
}

describe("an example", () => {
  it("updates by promise, and tells a user that is not there from a wrong request", async () => {
    expect(await run("examples/promise.ts")).toEqual({
      stdout: "updated Ada Lovelace webflowers,platinum\n",
      stderr: "",
      code: 0,
    })
    expect(await run("examples/promise.ts", "ffffffffffffffffffffffff")).toMatchObject({
      stdout: "There is no such user\n",
    })
  })

  it("updates by Effect, one and many", async () => {
    const { stdout, stderr, code } = await run("examples/effect.ts")
    expect([stderr, code]).toEqual(["", 0])
    expect(stdout.split("\n")).toEqual([
      `${adaId} is Ada Lovelace`,
      "There is no such user",
      "2 welcomed, 0 failed",
      "",
    ])
  })

  it("updates many of a file, and goes on past what fails", async () => {
    const changes = [
      { email: "bo@example.com", addGroups: ["gold"] },
      { email: "nobody@example.com", data: { company: "None" } },
      { id: adaId, data: { company: "Engines" } },
    ]
    await writeFile(join(folder, "changes.ndjson"), changes.map((change) => `${JSON.stringify(change)}\n`).join(""))
    const { stdout, stderr, code } = await run("examples/bulk.ts", "changes.ndjson")
    expect(stderr).toMatch(/^line 2: .*user cannot be found\n$/)
    expect([stdout, code]).toEqual(["2 updated, 1 failed\n", 0])
  })

  it("lets members of a Next.js site change their own profile, and nothing else", async () => {
    vi.stubEnv("WEBFLOW_USERS_STORE", env["WEBFLOW_USERS_STORE"])
    vi.stubEnv("WEBFLOW_USERS_TOKEN", env["WEBFLOW_USERS_TOKEN"])
    vi.stubEnv("SESSION_SECRET", "session secret")
    const { PATCH } = await import("../examples/nextjs-route-handler.ts")
    const cookie = `theme=dark; ${await cookieOf(adaId, "session secret")}`
    const send = async (body: string, headers: Record<string, string> = { cookie }) => {
      const response = await PATCH(new Request("http://site/api/profile", { method: "PATCH", body, headers }))
      return { status: response.status, body: await response.json() }
    }
    expect(await send('{"name":"Ada","company":"Engines"}')).toEqual({
      status: 200,
      body: { name: "Ada", company: "Engines" },
    })
    expect(await send('{"name":7}')).toMatchObject({ status: 400, body: { details: [{ param: "data.name" }] } })
    expect(await send('{"plan":"gold"}')).toMatchObject({ status: 400 })
    expect(await send('{"data":{"plan":"gold"},"accessGroups":["gold"]}')).toMatchObject({ status: 400 })
    expect(await send("no JSON")).toMatchObject({ status: 400 })
    expect(await send("null")).toMatchObject({ status: 400 })
    expect(await send("{}", {})).toMatchObject({ status: 401 })
    const forged = await cookieOf(adaId, "another secret")
    expect(await send("{}", { cookie: forged })).toMatchObject({ status: 401 })
    const nobody = await cookieOf("f".repeat(24), "session secret")
    vi.spyOn(console, "error").mockImplementation(() => undefined)
    expect(await send("{}", { cookie: nobody })).toMatchObject({ status: 502, body: { details: [] } })
    vi.restoreAllMocks()
    vi.unstubAllEnvs()
  })

  const secret = "b7de3a5f6c1e4a7b8c9d0e1f2a3b4c5d6e7f8091a2b3c4d5e6f708192a3b4c5d"
  const body = JSON.stringify({
    triggerType: "user_account_updated",
    payload: { ...users[0], lastUpdated: "2026-01-01T00:00:00.000Z" },
  })
  const delivery = (of = body, key = secret) => {
    const timestamp = String(Date.now())
    const signature = createHmac("sha256", key).update(`${timestamp}:${of}`).digest("hex")
    const headers = { "x-webflow-timestamp": timestamp, "x-webflow-signature": signature }
    return { method: "POST", headers, body: of }
  }

  it("receives webhooks, and what is told twice once", async () => {
    const receiver = begin("examples/webhook-receiver.ts", [], { PORT: "0", WEBHOOK_SECRET: secret })
    try {
      let said = ""
      const [first] = (await once(receiver.stdout.setEncoding("utf8"), "data")) as [string]
      receiver.stdout.on("data", (more: string) => (said += more))
      const port = /port: (\d+)/.exec(first)?.[1]
      const send = async (request: RequestInit) => (await fetch(`http://127.0.0.1:${port}/hook`, request)).status
      expect(await send(delivery())).toBe(200)
      expect(await send(delivery())).toBe(200)
      expect(await send(delivery(body, "wrong"))).toBe(401)
      expect(await send({ method: "POST", body })).toBe(401)
      receiver.kill("SIGTERM")
      await once(receiver, "close")
      expect(said).toBe(`${adaId} is Ada\n`)
    } finally {
      receiver.kill("SIGKILL")
    }
  })

  it("receives webhooks on a worker", async () => {
    const said = vi.spyOn(console, "log").mockImplementation(() => undefined)
    const bindings = { WEBHOOK_SECRET: secret }
    const send = async (request: RequestInit) =>
      (await worker.fetch(new Request("https://worker.example/", request), bindings)).status
    expect(await send(delivery())).toBe(200)
    expect(await send(delivery(body, "wrong"))).toBe(401)
    expect(said.mock.calls).toEqual([[`${adaId} is Ada`]])
    vi.restoreAllMocks()
  })
})

describe("the example of a store of one's own", () => {
  it.effect.each(UserStoreSuite.all)("$name", ({ run: check }) => Effect.provide(check, OwnStore.layer))

  it.effect("serves the client", () =>
    Effect.gen(function* () {
      const client = yield* WebflowUsers
      expect((yield* Effect.flip(client.update(siteId, adaId, {})))._tag).toBe("SiteNotFound")
    }).pipe(Effect.provide(OwnStore.client)),
  )
})

it.each([
  ["effect.md", ["effect.ts", "effect-testing.ts"]],
  ["webhooks.md", ["webhook-receiver.ts", "cloudflare-worker.ts"]],
])("docs/%s shows the examples that are run", async (page, names) => {
  const shown = [...(await readFile(join(root, "docs", page), "utf8")).matchAll(/```ts\n([\s\S]*?)```/g)]
  const files = await Promise.all(names.map((name) => readFile(join(root, "examples", name), "utf8")))
  expect(shown.map(([, block]) => block)).toEqual(files)
})

it("every example is run by a test", async () => {
  const tests = await Promise.all(
    globSync("{packages,apps}/*/test/**/*.test.ts", { cwd: root })
      .map((path) => join(root, path))
      .concat(fileURLToPath(import.meta.url))
      .map((path) => readFile(path, "utf8")),
  )
  const names = (await readdir(join(root, "examples"))).filter((name) => name.endsWith(".ts"))
  expect(names.length).toBeGreaterThan(7)
  expect(names.filter((name) => !tests.some((test) => test.includes(`examples/${name}`)))).toEqual([])
})
