import { execFile } from "node:child_process"
import { once } from "node:events"
import { readFileSync } from "node:fs"
import { Agent, get } from "node:http"
import { connect } from "node:net"
import { dirname, join } from "node:path"
import { fileURLToPath } from "node:url"
import { promisify } from "node:util"
import { parseSiteId } from "@webflow-users/core"
import { UpdateUserCases, UserStoreSuite } from "@webflow-users/core/testing"
import { Envelope } from "@webflow-users/core/wire"
import { createClient } from "@webflow-users/sdk"
import { sample, startServer, type TestServer } from "@webflow-users/sdk/testing"
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest"
import { Webflow, WebflowClient } from "webflow-api-3.1.3"

const root = fileURLToPath(new URL("../../..", import.meta.url))
const { siteId, userIds } = sample
const otherSite = "580e63e98c9a982ac9b8b742"

const request = (
  server: TestServer,
  { method = "GET", token = server.token, site = siteId, user = userIds.ada, prefix = "/v2", ...init }: Ask = {},
) =>
  fetch(`${server.origin}${prefix}/sites/${site}/users/${user}`, {
    method,
    ...(init.body !== undefined && { body: init.body }),
    headers: { authorization: `Bearer ${token}`, "content-type": "application/json", ...init.headers },
  })
interface Ask {
  readonly method?: string
  readonly token?: string
  readonly site?: string
  readonly user?: string
  readonly prefix?: string
  readonly body?: string
  readonly headers?: Readonly<Record<string, string>>
}
const rename = (name: string): Ask => ({ method: "PATCH", body: JSON.stringify({ data: { name } }) })

describe("a server for tests", () => {
  let server: TestServer
  beforeAll(async () => {
    server = await startServer({
      tokens: {
        "may-read": { scopes: ["users:read"] },
        "for-another-site": { siteId: otherSite },
        "twice-a-minute": { rateLimit: 2 },
        "may-write-the-name": { fields: ["name"], groups: [] },
      },
    })
  })
  beforeEach(() => server.reset())
  afterAll(() => server.close())
  const statusOf = async (ask: Ask) => (await request(server, ask)).status
  const statuses = () => server.requests.map(({ status }) => status)

  it("has users at once, and shows what becomes of them", async () => {
    expect((await server.users()).map(({ id }) => id)).toEqual([userIds.ada, userIds.bruno, userIds.chiyo])
    const answer = await request(server, rename("Ada Lovelace"))
    expect(answer.status).toBe(200)
    expect(await answer.json()).toEqual(await server.user(userIds.ada))
    expect(await server.user("ADA@example.com")).toMatchObject({ id: userIds.ada, data: { name: "Ada Lovelace" } })
    await expect(server.user("000000000000000000000000")).rejects.toMatchObject({ _tag: "UserNotFound" })
    await expect(server.users(otherSite)).rejects.toMatchObject({ _tag: "SiteNotFound" })
  })

  it("answers in every version", async () => {
    expect(await (await request(server, { prefix: "/beta" })).json()).toHaveProperty("id", userIds.ada)
    const v1 = await request(server, { prefix: "", headers: { "accept-version": "1.0.0" } })
    expect(await v1.json()).toHaveProperty("_id", userIds.ada)
    const described = await fetch(`${server.origin}/openapi.json`)
    expect(await described.json()).toHaveProperty("openapi", "3.1.0")
    expect((await fetch(`${server.origin}/ready`)).status).toBe(200)
  })

  it("answers this SDK", async () => {
    await using client = createClient({ baseUrl: server.baseUrl, token: server.token })
    const user = await client.users.update(siteId, userIds.chiyo, { accessGroups: ["platinum"] })
    expect(user.accessGroups).toEqual([{ slug: "platinum", type: "admin" }])
    expect((await client.accessGroups.list(siteId)).accessGroups.map(({ slug }) => slug)).toEqual([
      "platinum",
      "webflowers",
    ])
    await expect(client.users.get(siteId, "6287ec36a841b25637c66fff")).rejects.toHaveProperty("code", "user_not_found")
  })

  it("answers the official SDK, its errors too", async () => {
    const url = server.baseUrl
    const environment = { base: url, dataApi: url, contentDeliveryApi: url, production: url, cdn: url }
    const { users } = new WebflowClient({ accessToken: server.token, environment })
    await users.update(siteId, userIds.bruno, { data: { name: "Bruno C." } })
    expect((await users.get(siteId, userIds.bruno)).id).toBe(userIds.bruno)
    expect((await server.user(userIds.bruno)).data.name).toBe("Bruno C.")
    await expect(users.update(siteId, "6287ec36a841b25637c66fff", {})).rejects.toBeInstanceOf(Webflow.NotFoundError)
  })

  it("is nobody's without a token, and for each token as much as it may", async () => {
    expect(await statusOf({ token: "somebody-else" })).toBe(401)
    expect(await statusOf({ token: "may-read" })).toBe(200)
    expect(await statusOf({ ...rename("x"), token: "may-read" })).toBe(403)
    expect(await statusOf({ token: "for-another-site" })).toBe(403)
    expect(await statusOf({ ...rename("x"), token: "may-write-the-name" })).toBe(200)
    const groups = { method: "PATCH", body: '{"accessGroups":["gold"]}', token: "may-write-the-name" }
    expect(await statusOf(groups)).toBe(403)
  })

  it("lets as many wrong tokens be presented as a test likes", async () => {
    for (let at = 0; at < 40; at += 1) {
      expect((await request(server, { token: `wrong-${at}` })).status).toBe(401)
    }
  })

  it("tells a limited token what it may still ask, refuses what is too much, and forgets it", async () => {
    const ask = async () => {
      const { status, headers } = await request(server, { token: "twice-a-minute" })
      return [status, headers.get("x-ratelimit-limit"), headers.has("retry-after")]
    }
    // A minute may turn between two of them; of five it cannot let all pass.
    const answers = await Promise.all([ask(), ask(), ask(), ask(), ask()])
    expect(answers.filter(([status]) => status === 429).length).toBeGreaterThan(0)
    expect(new Set(answers.map(([, limit]) => limit))).toEqual(new Set(["2"]))
    expect(answers.every(([status, , wait]) => (status === 429) === wait)).toBe(true)
    await server.reset()
    expect((await request(server, { token: "twice-a-minute" })).status).toBe(200)
  })

  it("lets pages of any origin call", async () => {
    const answer = await request(server, { headers: { origin: "http://localhost:3000" } })
    expect(answer.headers.get("access-control-allow-origin")).toBe("*")
  })

  describe("its faults", () => {
    it("are answered as often as they say, and then no more", async () => {
      server.faults.set({ status: 429, retryAfter: 0, times: 2 })
      expect(server.faults.left()).toEqual({ status: 429, retryAfter: 0, times: 2 })
      await using client = createClient({ baseUrl: server.baseUrl, token: server.token })
      await client.users.update(siteId, userIds.ada, { data: { name: "Patience" } })
      expect(statuses()).toEqual([429, 429, 200])
      expect(server.faults.left()).toBeUndefined()
    })

    it("change nothing", async () => {
      server.faults.set({ status: 500 })
      const before = await server.users()
      expect((await request(server, rename("Nobody"))).status).toBe(500)
      expect(await server.users()).toEqual(before)
    })

    it("of a site go before those of all, and are taken away each by itself", async () => {
      server.faults.set({ code: "user_not_found", times: 9 })
      server.faults.set({ status: 500 }, siteId)
      expect((await request(server)).status).toBe(500)
      expect((await request(server)).status).toBe(404)
      server.faults.set({ status: 500, times: 9 }, siteId)
      server.faults.clear(siteId)
      expect([server.faults.left(siteId), server.faults.left()?.times]).toEqual([undefined, 8])
      server.faults.clear()
      expect((await request(server)).status).toBe(200)
    })

    it("reset connections", async () => {
      server.faults.set({ reset: true })
      await expect(request(server)).rejects.toMatchObject({ cause: { code: "ECONNRESET" } })
      expect(statuses()).toEqual(["reset"])
    })

    it("can be asked for over HTTP, as of the proxy", async () => {
      expect(
        (await request(server, { headers: { "webflow-users-fault": "status=404; code=resource_not_found" } })).status,
      ).toBe(404)
      const rule = await fetch(`${server.origin}/faults/sites/${siteId}`, {
        method: "PUT",
        headers: { authorization: `Bearer ${server.token}`, "content-type": "application/json" },
        body: '{"status":500,"times":3}',
      })
      expect([rule.status, server.faults.left(siteId)]).toEqual([200, { status: 500, times: 3 }])
    })

    it.each([
      [{ status: 418 }, undefined, "status must be one of 400, 401, 403, 404, 429, 500"],
      [{ status: 500, retryAfter: 1 }, undefined, "retryAfter belongs to status 429 only"],
      [{ times: 2 }, undefined, "needs a status, a code, a delay, or reset"],
      [{ status: 500 }, "nowhere", "a site's id is 24 hexadecimal characters"],
    ])("are refused where there is no such: %j for %s", (fault, site, why) => {
      expect(() => server.faults.set(fault, site)).toThrow(why)
    })
  })

  describe("what it was asked", () => {
    it("is method, path, headers, body and status, and not the token", async () => {
      await request(server, { ...rename("Ada"), headers: { "x-request-id": "mine" } })
      const [one] = server.requests
      expect(one).toMatchObject({
        method: "PATCH",
        path: `/v2/sites/${siteId}/users/${userIds.ada}`,
        headers: { authorization: "Bearer ***", "content-type": "application/json", "x-request-id": "mine" },
        body: { data: { name: "Ada" } },
        status: 200,
      })
      await request(server, { headers: { authorization: server.token } })
      await request(server, { headers: { authorization: `Basic ${server.token}` } })
      expect(statuses()).toEqual([200, 401, 401])
      expect(JSON.stringify(server.requests)).not.toContain(server.token)
    })

    it("hides what else could say who asks", async () => {
      await request(server, { headers: { cookie: "session=secret", "proxy-authorization": "Basic secret" } })
      expect(server.requests[0]?.headers).toMatchObject({ cookie: "***", "proxy-authorization": "***" })
      expect(JSON.stringify(server.requests)).not.toContain("secret")
    })

    it("is what browsers and load balancers ask, too", async () => {
      await fetch(`${server.origin}/health`)
      const headers = { origin: "http://localhost:3000", "access-control-request-method": "PATCH" }
      await request(server, { method: "OPTIONS", headers })
      expect(server.requests.map(({ method, status }) => [method, status])).toEqual([
        ["GET", 200],
        ["OPTIONS", 204],
      ])
    })

    it("has of a body that is none its text, and of no body and of one that was not read nothing", async () => {
      await request(server, { method: "PATCH", body: "{half" })
      await request(server)
      await request(server, { ...rename("Ada"), token: "somebody-else" })
      expect(server.requests.map(({ body, status }) => [body, status])).toEqual([
        ["{half", 400],
        [undefined, 200],
        [undefined, 401],
      ])
    })

    it("is there before it is answered, and ends with the server at once", async () => {
      const own = await startServer({ faults: { delay: 60_000 } })
      const asked = request(own).catch((error: unknown) => error)
      await expect.poll(() => own.requests.length).toBe(1)
      expect(own.requests[0]?.status).toBeUndefined()
      await own.close()
      expect(await asked).toBeInstanceOf(TypeError)
    })
  })

  it.each([
    ["", ""],
    ["Expect: 100-continue\r\n", "HTTP/1.1 100 Continue\r\n\r\n"],
  ])("refuses who may not ask before their body has come, as the proxy does: %j", async (header, before) => {
    const socket = connect(Number(new URL(server.origin).port), "127.0.0.1")
    socket.write(
      `PATCH /v2/sites/${siteId}/users/${userIds.ada} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer wrong\r\n` +
        `Content-Type: application/json\r\nContent-Length: 100\r\n${header}\r\n{`,
    )
    const first = async (said = ""): Promise<string> => {
      const [chunk] = (await once(socket, "data")) as [Buffer]
      return said + chunk === before ? first(before) : said + chunk
    }
    expect(await first()).toContain(`${before}HTTP/1.1 401 Unauthorized\r\n`)
    expect(server.requests.map(({ method, body, status }) => [method, body, status])).toEqual([
      ["PATCH", undefined, 401],
    ])
    socket.destroy()
  })

  it("does not list what it was asked before it went back to the start", async () => {
    server.faults.set({ delay: 60_000 })
    const asked = request(server, rename("Before")).catch((error: unknown) => error)
    await expect.poll(() => server.requests.length).toBe(1)
    await server.reset()
    await request(server)
    expect(server.requests.map(({ method }) => method)).toEqual(["GET"])
    await server.close()
    expect(await asked).toBeInstanceOf(TypeError)
    server = await startServer({ tokens: {} })
  })

  it("goes back to the start: users, faults, requests", async () => {
    const [before, { requests }] = [await server.users(), server]
    server.faults.set({ status: 500, times: 9 })
    server.faults.clear()
    await request(server, rename("Other"))
    server.faults.set({ status: 500, times: 9 })
    expect(requests).toHaveLength(1)
    await server.reset()
    expect([await server.users(), requests, server.faults.left()]).toEqual([before, [], undefined])
    expect((await (await request(server)).json()).data.name).toBe("Ada Okafor")
  })
})

it("begins with the faults that it is given, and goes back to them", async () => {
  await using server = await startServer({ faults: { [siteId]: { status: 500 }, [otherSite]: { status: 404 } } })
  expect((await request(server)).status).toBe(500)
  expect((await request(server)).status).toBe(200)
  await server.reset()
  expect((await request(server)).status).toBe(500)
  expect(server.faults.left(otherSite)).toMatchObject({ status: 404 })
})

it("takes a token, its rate and decisions of the test's", async () => {
  await using server = await startServer({
    token: "mine",
    rateLimit: 60,
    policy: { emailAndPassword: "ignore" },
    seed: { [otherSite]: { users: [{ id: userIds.ada, data: { email: "ada@example.com" } }] } },
  })
  const body = '{"data":{"email":"other@example.com","name":"Ada"}}'
  const answer = await request(server, { method: "PATCH", token: "mine", site: otherSite, body })
  expect([answer.status, answer.headers.get("x-ratelimit-limit")]).toEqual([200, "60"])
  expect((await server.user(userIds.ada)).data).toEqual({ email: "ada@example.com", name: "Ada" })
  expect((await request(server, { token: "test-token" })).status).toBe(401)
})

it("refuses what a site's declaration does not have", async () => {
  const declaration = { accessGroups: [{ slug: "gold", name: "Gold" }] }
  await using server = await startServer({ seed: { [siteId]: { ...sample.seed[siteId], declaration } } })
  const patch = (slug: string) => request(server, { method: "PATCH", body: JSON.stringify({ accessGroups: [slug] }) })
  expect([(await patch("gold")).status, (await patch("silver")).status]).toEqual([200, 400])
})

it("runs beside others, each with users, requests and faults of its own", async () => {
  const servers = await Promise.all([startServer(), startServer(), startServer()])
  const [first, second, third] = servers
  first.faults.set({ status: 500 })
  const answers = await Promise.all(servers.map((server, at) => request(server, rename(`Server ${at}`))))
  expect(answers.map(({ status }) => status)).toEqual([500, 200, 200])
  const names = await Promise.all(servers.map(async (server) => (await server.user(userIds.ada)).data.name))
  expect(names).toEqual(["Ada Okafor", "Server 1", "Server 2"])
  await third.reset()
  expect([second.requests.length, third.requests.length]).toEqual([1, 0])
  expect(new Set(servers.map(({ baseUrl }) => baseUrl)).size).toBe(3)
  await Promise.all(servers.map((server) => server.close()))
})

it("does nothing of what waits when it is closed, and tells no status of it", async () => {
  const server = await startServer({ faults: { delay: 60_000, times: 100 } })
  const asked = Array.from({ length: 30 }, () => request(server, rename("Too late")).catch(() => "closed"))
  await expect.poll(() => server.requests.length).toBe(30)
  await server.close()
  expect(new Set(await Promise.all(asked))).toEqual(new Set(["closed"]))
  expect(new Set(server.requests.map(({ status }) => status))).toEqual(new Set([undefined]))
  expect((await server.user(userIds.ada)).data.name).toBe("Ada Okafor")
})

it("closes while connections are kept alive, and a second time", async () => {
  const server = await startServer()
  const agent = new Agent({ keepAlive: true })
  const kept = await new Promise<{ readonly closed: Promise<void> }>((resolve, reject) => {
    get(`${server.origin}/health`, { agent }, (response) => {
      const closed = new Promise<void>((done) => response.socket.once("close", () => done()))
      response.resume().once("end", () => resolve({ closed }))
    }).once("error", reject)
  })
  await Promise.all([server.close(), server.close()])
  await kept.closed
  await server.close()
  await expect(fetch(`${server.origin}/health`)).rejects.toMatchObject({ cause: { code: "ECONNREFUSED" } })
  agent.destroy()
})

describe("the table of cases", () => {
  let server: TestServer
  beforeAll(async () => {
    const sites = UpdateUserCases.sites.map(({ id, ...site }) => [id, site] as const)
    server = await startServer({ seed: Object.fromEntries(sites) })
  })
  afterAll(() => server.close())

  it.each(UpdateUserCases.all.map((one, index) => ({ ...one, index })))("$name", async ({ index, ...one }) => {
    const before = UpdateUserCases.users[index]!
    const site = parseSiteId(one.siteId) ?? one.siteId
    const response = await request(server, { method: "PATCH", site, user: one.userId, body: one.body })
    const { status } = response
    const body = await response.json()
    const outcome =
      status === 200
        ? { user: body }
        : UpdateUserCases.failed(Envelope.decodeError({ status, retryAfter: undefined, body }))
    const after = await server.user(before.id, one.home)
    const { actual, expected } = UpdateUserCases.judge(one, { outcome, before, after })
    expect(actual).toEqual(expected)
  })
})

it("serves a script that is no test, which ends when it is closed, and says nothing by itself", async () => {
  const script = `
    import { sample, startServer } from "@webflow-users/sdk/testing"
    const server = await startServer({ faults: { status: 500 } })
    const headers = { authorization: "Bearer " + server.token }
    const ask = () => fetch(server.baseUrl + "/sites/" + sample.siteId + "/users", { headers })
    const answers = [await ask(), await ask()]
    for (const end of [server.reset, server.close]) {
      for (let at = 0; at < 40; at += 1) await fetch(server.baseUrl + "/sites/" + sample.siteId + "/users")
      await end()
    }
    process.stdout.write(answers.map(({ status }) => status).join())
  `
  const args = ["--input-type=module", "--eval", script]
  const { stdout, stderr } = await promisify(execFile)(process.execPath, args, { cwd: root, env: {} })
  expect({ stdout, stderr }).toEqual({ stdout: "500,200", stderr: "" })
})

/** Runs a program on the built package, without a server that it closes. */
const runScript = async (script: string, ...flags: ReadonlyArray<string>) => {
  const args = [...flags, "--input-type=module", "--eval", script]
  return (await promisify(execFile)(process.execPath, args, { cwd: root, env: {} })).stdout
}

it("lets a program end that forgets it, with connections that it was asked over", { timeout: 20_000 }, async () => {
  const said = await runScript(`
    import { connect } from "node:net"
    import { once } from "node:events"
    import { startServer } from "@webflow-users/sdk/testing"
    const server = await startServer()
    const socket = connect(Number(new URL(server.origin).port), "127.0.0.1")
    socket.write("GET /health HTTP/1.1\\r\\nHost: x\\r\\n\\r\\n")
    const [answer] = await once(socket, "data")
    // Kept alive by the caller's side no longer.
    socket.unref()
    process.stdout.write(String(answer).split("\\r\\n")[0])
  `)
  expect(said).toBe("HTTP/1.1 200 OK")
})

it("keeps nothing of what was there before a reset", { timeout: 60_000 }, async () => {
  const said = await runScript(
    `
    import { sample, startServer } from "@webflow-users/sdk/testing"
    const users = Array.from({ length: 2_000 }, (_, at) => ({ data: { email: at + "@example.com" } }))
    const server = await startServer({ seed: { [sample.siteId]: { users } } })
    const used = async (times) => {
      for (let at = 0; at < times; at += 1) await server.reset()
      await new Promise((resolve) => setImmediate(resolve))
      gc()
      return process.memoryUsage().heapUsed
    }
    const before = await used(5)
    const after = await used(40)
    process.stdout.write(String(after - before < 4_000_000))
    await server.close()
  `,
    "--expose-gc",
  )
  expect(said).toBe("true")
})

/** Runs a file of tests with `node:test` on the built package. */
const nodeTest = async (path: string) => {
  const args = ["--test", "--test-reporter=tap", "--disable-warning=ExperimentalWarning", join(root, path)]
  // A test within vitest would be told of it, and tell vitest's.
  const run = promisify(execFile)(process.execPath, args, { cwd: root, env: { PATH: process.env["PATH"] } })
  const { stdout, stderr } = await run.catch((error: { readonly stdout: string; readonly stderr: string }) => error)
  const named = (word: string) =>
    [...stdout.matchAll(/^ *(not ok|ok) \d+ - (.*)$/gm)].filter(([, is]) => is === word).map(([, , name]) => name)
  return { passed: named("ok"), failed: named("not ok"), stdout, stderr }
}

describe("under node:test", () => {
  it("the example is what the documentation shows", () => {
    const example = readFileSync(join(root, "examples/testing.ts"), "utf8").replace(/^\/\*[\s\S]*?\*\/\n/, "")
    expect(readFileSync(join(root, "docs/testing.md"), "utf8")).toContain(`\`\`\`ts\n${example}\`\`\`\n`)
  })

  it("the example of the documentation passes", async () => {
    const { passed, failed, stderr } = await nodeTest("examples/testing.ts")
    expect({ passed, failed, stderr }).toEqual({
      passed: [
        "makes somebody a member",
        "is patient with a server that has too much to do",
        "says so where there is no such user",
      ],
      failed: [],
      stderr: "",
    })
  })

  it("the suite of stores names what a store does wrong, and nothing else", async () => {
    const { passed, failed, stdout } = await nodeTest("packages/sdk/test/runners/wrong-store.ts")
    expect(failed).toEqual([
      "finds users by e-mail address in any letter case, and whatever space is around it",
      "a store that is wrong in one way",
    ])
    expect(passed).toHaveLength(UserStoreSuite.all.length - 1)
    expect(stdout).toContain("The user cannot be found")
  })
})

it("what is published names no type of a package that is not", () => {
  const seen = new Set<string>()
  const outside = new Set<string>()
  const follow = (path: string): void => {
    if (seen.has(path)) return
    seen.add(path)
    const text = readFileSync(path, "utf8").replaceAll(/\/\*[\s\S]*?\*\//g, "")
    for (const [, name = ""] of text.matchAll(/(?:\bfrom|\bimport\()\s*["']([^"']+)["']/g)) {
      if (name.startsWith(".")) follow(join(dirname(path), name.replace(/(\.ts|\.js)$/, ".d.ts")))
      else outside.add(name.replace(/^((?:@[^/]+\/)?[^/]+).*$/, "$1"))
    }
  }
  follow(join(root, "packages/sdk/dist/testing.d.ts"))
  expect(seen.size).toBeGreaterThan(4)
  expect([...outside].toSorted()).toEqual(["@webflow-users/core", "effect"])
})
