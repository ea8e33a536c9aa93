/** The examples do what they say, run as they stand; and the pages that show them show what is run. */
import { spawn } from "node:child_process"
import { createHmac } from "node:crypto"
import { once } from "node:events"
import { globSync } from "node:fs"
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises"
import { createServer, type ServerResponse } from "node:http"
import type { AddressInfo } from "node:net"
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

const ended = async (child: ReturnType<typeof begin>) => {
  const [stdout, stderr] = await Promise.all([text(child.stdout), text(child.stderr), once(child, "close")])
  return { stdout, stderr, code: child.exitCode }
}
const run = (path: string, ...args: ReadonlyArray<string>) => ended(begin(path, args, env))

/** Answers as if the first user were updated, whoever was. */
const updated = (response: ServerResponse) =>
  response.writeHead(200, { "content-type": "application/json" }).end(JSON.stringify(users[0]))

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
    ].map((change) => JSON.stringify(change))
    await writeFile(join(folder, "changes.ndjson"), changes.join("\n\n"))
    const { stdout, stderr, code } = await run("examples/bulk.ts", "changes.ndjson")
    expect(stderr).toMatch(/^line 3: .*user cannot be found\n$/)
    expect([stdout, code]).toEqual(["2 updated, 1 failed\n", 1])
    await writeFile(join(folder, "good.ndjson"), changes[2]!)
    expect(await run("examples/bulk.ts", "good.ndjson")).toEqual({
      stdout: "1 updated, 0 failed\n",
      stderr: "",
      code: 0,
    })
  })

  it("counts what was updated where a file of changes cannot be read, or nothing of it sent", async () => {
    const change = JSON.stringify({ id: adaId, data: { company: "Engines" } })
    await writeFile(join(folder, "torn.ndjson"), `${change}\n\nada@example.com\n${change}\n`)
    expect(await run("examples/bulk.ts", "torn.ndjson")).toEqual({
      stdout: "1 updated, 0 failed\n",
      stderr: "Line 3 is no JSON: it and what follows is not sent\n",
      code: 1,
    })
    const none = { stdout: "0 updated, 0 failed\n", code: 1 }
    const absent = await run("examples/bulk.ts", "absent.ndjson")
    expect(absent).toEqual({ ...none, stderr: expect.stringMatching(/^ENOENT.*absent\.ndjson'\n$/) })
    const wrong = { ...env, WEBFLOW_USERS_TOKEN: "wrong" }
    await writeFile(join(folder, "one.ndjson"), change)
    const refused = await ended(begin("examples/bulk.ts", ["one.ndjson"], wrong))
    expect(refused).toEqual({ ...none, stderr: expect.stringMatching(/^[^\n]*authorized[^\n]*\n$/i) })
  })

  it("counts what was updated when it is stopped, after what is under way", async () => {
    const waiting: Array<ServerResponse> = []
    let goesOn = false
    const server = createServer((_, response) => {
      if (goesOn) updated(response)
      else waiting.push(response)
    })
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve))
    try {
      const asked = once(server, "request")
      const lines = Array.from({ length: 1000 }, (_, index) =>
        JSON.stringify({ id: (0x1000 + index).toString(16).padStart(24, "0"), data: { company: "Engines" } }),
      )
      await writeFile(join(folder, "many.ndjson"), lines.join("\n"))
      const baseUrl = `http://127.0.0.1:${(server.address() as AddressInfo).port}/v2`
      const child = begin("examples/bulk.ts", ["many.ndjson"], { ...env, WEBFLOW_USERS_STORE: baseUrl })
      const whole = ended(child)
      await asked
      child.kill("SIGINT")
      await once(child.stderr, "data")
      goesOn = true
      waiting.forEach(updated)
      const { stdout, stderr, code } = await whole
      const [, count] = /^(\d+) updated, 0 failed\n$/.exec(stdout) ?? []
      expect(Number(count)).toBeGreaterThan(0)
      expect(Number(count)).toBeLessThan(lines.length)
      expect([stderr, code]).toEqual([
        "Stopping: what is under way is waited for\nStopped; the file can be run again\n",
        1,
      ])
    } finally {
      server.closeAllConnections()
      server.close()
    }
  })

  it("lets members of a Next.js site change their own profile, and nothing else", async () => {
    vi.stubEnv("WEBFLOW_USERS_STORE", env["WEBFLOW_USERS_STORE"])
    vi.stubEnv("WEBFLOW_USERS_TOKEN", env["WEBFLOW_USERS_TOKEN"])
    vi.stubEnv("SESSION_SECRET", "session secret")
    let { PATCH } = await import("../examples/nextjs-route-handler.ts")
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
    for (const none of ["null", "[]", '["name"]', "7"]) expect(await send(none)).toMatchObject({ status: 400 })
    expect(await send("{}", {})).toMatchObject({ status: 401 })
    const forged = await cookieOf(adaId, "another secret")
    expect(await send("{}", { cookie: forged })).toMatchObject({ status: 401 })
    const nobody = await cookieOf("f".repeat(24), "session secret")
    expect(await send("{}", { cookie: nobody })).toMatchObject({ status: 404, body: { details: [] } })
    vi.stubEnv("WEBFLOW_USERS_TOKEN", "wrong")
    vi.resetModules()
    PATCH = (await import("../examples/nextjs-route-handler.ts")).PATCH
    const said = vi.spyOn(console, "error").mockImplementation(() => undefined)
    expect(await send("{}")).toMatchObject({ status: 502, body: { details: [] } })
    expect(said).toHaveBeenCalledOnce()
    vi.restoreAllMocks()
    vi.unstubAllEnvs()
  })

  const secret = "b7de3a5f6c1e4a7b8c9d0e1f2a3b4c5d6e7f8091a2b3c4d5e6f708192a3b4c5d"
  const body = JSON.stringify({
    triggerType: "user_account_updated",
    payload: { ...users[0], lastUpdated: "2026-01-01T00:00:00.000Z" },
  })
  const other = JSON.stringify({ triggerType: "form_submission", payload: { name: "Contact" } })
  const delivery = (of = body, key = secret) => {
    const timestamp = String(Date.now())
    const signature = createHmac("sha256", key).update(`${timestamp}:${of}`).digest("hex")
    const headers = { "x-webflow-timestamp": timestamp, "x-webflow-signature": signature }
    return { method: "POST", headers, body: of }
  }

  it("receives webhooks, and does what is told once, however often it has to be told", async () => {
    const members = join(folder, "members")
    const file = join(members, "told.ndjson")
    const receiver = begin("examples/webhook-receiver.ts", [], {
      PORT: "0",
      WEBHOOK_SECRET: secret,
      MEMBERS_FILE: file,
    })
    try {
      const wrong = text(receiver.stderr)
      const [first] = (await once(receiver.stdout.setEncoding("utf8"), "data")) as [string]
      const port = /port: (\d+)/.exec(first)?.[1]
      const send = async (request: RequestInit) => (await fetch(`http://127.0.0.1:${port}/hook`, request)).status
      // There is no folder yet.
      expect(await send(delivery())).toBe(500)
      await mkdir(members)
      expect(await send(delivery())).toBe(200)
      expect(await send(delivery())).toBe(200)
      expect(await send(delivery(other))).toBe(200)
      expect(await send(delivery(body, "wrong"))).toBe(401)
      expect(await send({ method: "POST", body })).toBe(401)
      expect(await send(delivery(" ".repeat(1_000_000)))).toBe(200)
      expect(await send(delivery(" ".repeat(1_000_001)))).toBe(413)
      expect(await send(delivery(" ".repeat(10_000_000)))).toBe(413)
      expect(await readFile(file, "utf8")).toBe(`{"id":"${adaId}","name":"Ada"}\n`)
      receiver.kill("SIGTERM")
      expect((await wrong).match(/Error/g)).toEqual(["Error"])
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
    expect(await send(delivery(other))).toBe(200)
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
