/** What a client holds, and when: a store that could not be opened, lists that are read late, patches that are used again. */
import { execFile } from "node:child_process"
import { mkdir, mkdtemp, readdir, rm } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { setImmediate } from "node:timers/promises"
import { fileURLToPath } from "node:url"
import { inspect, promisify } from "node:util"
import { createClient } from "@webflow-users/sdk"
import { expect, it } from "vitest"
import { fail, json, reasonOf, serve, siteId, user, userId } from "./serve.ts"

it("opens a store that could not be opened before, once it can be", async () => {
  const folder = await mkdtemp(join(tmpdir(), "webflow-users-lifetime-"))
  await using client = createClient({ store: `file:${folder}/later/users.db` })
  expect(await reasonOf(client.users.list(siteId))).toMatchObject({
    _tag: "UnusableAddress",
    code: "unusable_address",
    isRetryable: false,
  })
  await mkdir(join(folder, "later"))
  expect(await reasonOf(client.users.list(siteId))).toMatchObject({ _tag: "SiteNotFound" })
  await client.close()
  await rm(folder, { recursive: true })
})

it("what is iterated late has begun at the call, in large parts, and fails where it is iterated", async () => {
  await using server = await serve((response, { url }) =>
    url.includes("limit=100") ? fail(response, 401, "not_authorized") : fail(response, 400, "bad_request"),
  )
  await using client = createClient({ baseUrl: server.baseUrl, token: "t", retry: false })
  const unhandled: Array<unknown> = []
  const hear = (reason: unknown) => void unhandled.push(reason)
  process.on("unhandledRejection", hear)
  try {
    for (const late of [client.users.list(siteId).items(), client.users.list(siteId)[Symbol.asyncIterator]()]) {
      // Until the answer has long been there.
      await reasonOf(client.users.get(siteId, userId))
      await setImmediate()
      expect(await reasonOf((late as AsyncIterator<unknown>).next())).toMatchObject({ _tag: "NotAuthorized" })
    }
  } finally {
    process.off("unhandledRejection", hear)
  }
  expect(unhandled).toEqual([])
})

it("sends a patch as it is at the call", async () => {
  await using server = await serve((response) => json(response, 200, user))
  await using client = createClient({ baseUrl: server.baseUrl, token: "t" })
  const patch = { data: { name: "" }, accessGroups: [""] }
  const calls = ["one", "two", "three"].map((name) => {
    patch.data.name = name
    patch.accessGroups[0] = name
    return client.users.update(siteId, userId, patch)
  })
  await Promise.all(calls)
  const sent = server.requests.map(
    ({ body }) => JSON.parse(body) as { data: { name: string }; accessGroups: [{ slug: string }] },
  )
  expect(sent.map(({ data }) => data.name)).toEqual(["one", "two", "three"])
  expect(sent.map(({ accessGroups: [group] }) => group.slug)).toEqual(["one", "two", "three"])
})

it("a list that is iterated beyond the client's end ends with that", async () => {
  await using server = await serve((response) =>
    json(response, 200, { users: [user], count: 1, limit: 1, offset: 0, total: 3 }),
  )
  const client = createClient({ baseUrl: server.baseUrl, token: "t" })
  const pages = client.users.list(siteId, { limit: 1 })[Symbol.asyncIterator]()
  expect(await pages.next()).toMatchObject({ done: false })
  await client.close()
  expect(await reasonOf(pages.next())).toMatchObject({ _tag: "ClientClosed" })
  expect(server.requests).toHaveLength(1)
})

const answering = async () => {
  await setImmediate()
  return Response.json(user)
}

const clientOf = () => createClient({ baseUrl: "http://127.0.0.1/v2", token: "t", fetch: answering })

it("what a close has waited for has been told when it is done", async () => {
  const calls: ReadonlyArray<(client: ReturnType<typeof clientOf>) => Promise<unknown>> = [
    ({ users }) => users.update(siteId, userId, { data: { name: "New" } }),
    ({ users }) => users.get(siteId, userId).withResponse(),
    ({ users }) => users.updateMany(siteId, [{ id: userId, data: { name: "New" } }]),
  ]
  for (const call of calls) {
    const client = clientOf()
    let told: unknown
    // However many functions are between who called and who hears.
    let answer = call(client)
    for (let between = 0; between < 20; between += 1) answer = answer.then((same) => same)
    const telling = answer.then((result) => (told = result))
    await client.close()
    expect(told).toBeDefined()
    await telling
  }
})

it("closes a store that was not open yet when who asked for it gave up", async () => {
  const folder = await mkdtemp(join(tmpdir(), "webflow-users-lifetime-"))
  const file = join(folder, "users.db")
  const client = createClient({ store: `file:${file}` })
  const controller = new AbortController()
  const asked = reasonOf(client.users.get(siteId, userId, { signal: controller.signal }))
  controller.abort()
  expect(await asked).toMatchObject({ name: "AbortError" })
  await client.close()
  const other = createClient({ store: `file:${file}` })
  await other.importUsers(siteId, [user])
  await other.close()
  // Who closes a database last takes its log away.
  expect(await readdir(folder)).toEqual(["users.db"])
  await rm(folder, { recursive: true })
})

it("a decision that is undefined is not decided otherwise", async () => {
  await using client = createClient({ store: "memory:", policy: { ecommerceGroups: undefined } as object })
  const bought = { slug: "course", type: "ecommerce" }
  await client.importUsers(siteId, [{ id: userId, accessGroups: [bought], data: { email: "ada@example.com" } }])
  expect((await client.users.update(siteId, userId, { accessGroups: [] })).accessGroups).toEqual([bought])
})

it("errors are printed as errors, with name and stack, and without the answer", async () => {
  await using server = await serve((response) => fail(response, 404, "user_not_found", { "x-secret": "hidden" }))
  await using client = createClient({ baseUrl: server.baseUrl, token: "top-secret" })
  const printed = inspect(await reasonOf(client.users.get(siteId, userId)), { showHidden: true, depth: 10 })
  expect(printed).toMatch(/^UserNotFound: user_not_found\n +at /)
  expect(printed).toContain("status: 404")
  expect(printed).not.toContain("top-secret")
  expect(inspect(await reasonOf(client.users.get(siteId, userId)))).not.toContain("hidden")
})

it("an error that was found out here has no answer that it was read from", async () => {
  await using server = await serve((response) => json(response, 200, user))
  await using client = createClient({ baseUrl: server.baseUrl, token: "t" })
  const error = await reasonOf(client.users.update(siteId, userId, { accessGroups: "x" as never }))
  expect(error).toMatchObject({ _tag: "InvalidPatch" })
  expect(server.requests.map(({ method }) => method)).toEqual(["GET"])
  expect((error as { response?: unknown }).response).toBeUndefined()
})

it("a fetch that is written wrongly is no lost connection, and is not tried again", async () => {
  let calls = 0
  const fetch = () => {
    calls += 1
    throw new ReferenceError("oops is not defined")
  }
  await using client = createClient({ baseUrl: "https://users.example.com/v2", token: "t", fetch })
  expect(await reasonOf(client.users.get(siteId, userId))).toBeInstanceOf(ReferenceError)
  expect(calls).toBe(1)
})

it("reads an answer that has no stream", async () => {
  const answer = { status: 200, headers: new Headers(), text: async () => JSON.stringify(user) } as Response
  await using client = createClient({
    baseUrl: "https://users.example.com/v2",
    token: "t",
    fetch: () => Promise.resolve(answer),
  })
  expect(await client.users.get(siteId, userId)).toEqual(user)
})

it.each(["expect", "Keep-Alive", "upgrade", "TE", "trailer"])(
  "refuses to send %s along, which is the connection's",
  async (name) => {
    await using client = createClient({ store: "memory:" })
    await expect(client.users.get(siteId, userId, { headers: { [name]: "x" } })).rejects.toThrow(`headers.${name} is`)
  },
)

it("an error's stack leads to who awaits the call", async () => {
  await using client = createClient({ baseUrl: "http://127.0.0.1:9/v2", token: "t", retry: false })
  const saveProfile = async () => {
    await client.users.update(siteId, userId, {})
  }
  const { stack } = (await reasonOf(saveProfile())) as Error
  expect(stack).toMatch(/^Unreachable: The server could not be reached\n(.*\n)* +at (async )?saveProfile \(/)
})

it("an aborted call that waited for its turn keeps no program from its end", async () => {
  await using server = await serve((response) =>
    fail(response, 429, "too_many_requests", { "retry-after": "600", "x-ratelimit-limit": "60" }),
  )
  const program = `
    import { createClient } from "@webflow-users/sdk"
    const { users } = createClient({ baseUrl: "${server.baseUrl}", token: "t" })
    const signal = AbortSignal.timeout(300)
    console.log(await users.get("${siteId}", "${userId}", { signal }).catch(({ name }) => name))
  `
  // Without close. It would be there for two minutes, the longest pause.
  const { stdout } = await promisify(execFile)(process.execPath, ["--input-type=module", "--eval", program], {
    cwd: fileURLToPath(new URL("..", import.meta.url)),
    timeout: 60_000,
  })
  expect(stdout).toBe("TimeoutError\n")
})
