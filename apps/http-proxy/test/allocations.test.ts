/**
 * What one PATCH allocates, and what it leaves behind: counts that are the same on every machine, where times are not. Measured in
 * the server's process, with a young generation so large that V8 collects nothing meanwhile.
 */
import { spawn } from "node:child_process"
import { once } from "node:events"
import { fileURLToPath } from "node:url"
import { parseSiteId, type SiteId, type User, UserId } from "@webflow-users/core"
import { expect, it, onTestFinished } from "vitest"
import { inFile } from "./proxy.ts"
import { dial, request } from "./raw.ts"
import * as Upstream from "./upstream.ts"

/**
 * Bytes of the JavaScript heap for one PATCH, as measured last, in Node 24: they differ by 0.3 % from run to run, and one more reading of
 * a user by its schema is 5 %. What is more by 3 % fails. What is less is good news, and belongs here.
 */
const measured = { forwarded: 50_800, "in a file": 38_800, "in memory": 34_100 }

const siteId = parseSiteId("580e63e98c9a982ac9b8b741") as SiteId
const user: User = {
  id: UserId.make("6287ec36a841b25637c663df"),
  accessGroups: [{ slug: "webflowers", type: "admin" }],
  data: { name: "Ada", email: "ada@example.com" },
}
const own = inFile({ id: siteId, users: [user] })

const path = (name: string) => fileURLToPath(new URL(name, import.meta.url))
// Marking begins with what a start leaves in the old generation, and would end in the midst of what is counted.
const large = ["--min-semi-space-size=128", "--max-semi-space-size=128", "--no-incremental-marking"]

interface Counted {
  readonly heap: number
  /** Of buffers, outside the heap. */
  readonly external: number
  readonly collections: number
  /** What Node's event loop waits for. */
  readonly resources: ReadonlyArray<string>
}

/** Starts a server that can be asked what it has allocated. */
const start = async (
  program: string,
  env: Readonly<Record<string, string>> = {},
  flags: ReadonlyArray<string> = large,
) => {
  const child = spawn(process.execPath, [...flags, "--expose-gc", "--import", path("what-is-allocated.mjs"), program], {
    env: { PORT: "0", WEBFLOW_USERS_LOG_LEVEL: "warn", ...env },
    stdio: ["ignore", "pipe", "inherit", "ipc"],
  })
  onTestFinished(async () => {
    child.kill("SIGKILL")
    await once(child, "close")
  })
  let said = ""
  child.stdout?.setEncoding("utf8")
  for await (const text of child.stdout?.iterator({ destroyOnReturn: false }) ?? []) {
    said += String(text)
    const [, token = own.token, origin] = /(?:(wfu_\S+) )?listens on (http:\S+?),/.exec(said) ?? []
    if (origin === undefined) continue
    const counted = async (): Promise<Counted> => {
      child.send("")
      const [counts] = await once(child, "message")
      return counts as Counted
    }
    const { stdout } = child
    return { origin, token, counted, stdout }
  }
  throw new Error(`It ended: ${said}`)
}

/** Updates the user so often, one after the other over a connection. */
const updates = async (origin: string, token: string) => {
  const connection = await dial(origin)
  onTestFinished(() => connection[Symbol.dispose]())
  const head = [`Authorization: Bearer ${token}`, "Content-Type: application/json"]
  let count = 0
  return async (many: number) => {
    for (let one = 0; one < many; one += 1) {
      count += 1
      const body = JSON.stringify({ data: { name: `Ada, for the ${String(count).padStart(6, "0")}th time` } })
      connection.send(request(`PATCH /v2/sites/${siteId}/users/${user.id}`, head, body))
      expect((await connection.next())?.status).toBe(200)
    }
  }
}

/** What is interpreted at first allocates more than what V8 has optimised since. */
const warmUp = 2500
const window = 250

/** What one update allocates, once two windows after each other are alike. */
const settled = async ({ origin, token, counted }: Awaited<ReturnType<typeof start>>) => {
  const update = await updates(origin, token)
  let asked = warmUp
  await update(warmUp)
  const before = await counted()
  let last = Number.NaN
  for (let turn = 0; turn < 12; turn += 1) {
    await update(window)
    asked += window
    const { heap, external, collections, resources } = await counted()
    expect(collections).toBe(0)
    const each = heap / window
    if (Math.abs(each - last) < 0.01 * each) {
      return {
        asked,
        heap: Math.min(each, last),
        external: external / window,
        resources,
        resourcesBefore: before.resources,
      }
    }
    last = each
  }
  throw new Error(`One window is not like another: ${last} bytes at the end`)
}

const check = (
  what: keyof typeof measured,
  { heap, external, resources, resourcesBefore }: Awaited<ReturnType<typeof settled>>,
) => {
  expect(heap, `A PATCH ${what} allocates ${heap.toFixed(0)} bytes`).toBeLessThan(measured[what] * 1.03)
  // A buffer that is not of Node's pool costs more than its bytes.
  expect(external, `A PATCH ${what} takes ${external.toFixed(0)} bytes outside the heap`).toBeLessThan(1024)
  // Were it one of ten requests that leaves a timer, a socket or a file behind.
  const kept = resources.length - resourcesBefore.length
  expect(kept, `It waits for ${resources.join()}`).toBeLessThan(window / 10)
}

it(
  "a PATCH that is forwarded allocates no more than it did, and asks the other server once",
  { timeout: 60_000 },
  async () => {
    const upstream = await Upstream.start()
    onTestFinished(() => upstream.stop())
    upstream.json(200, user)
    const server = await start(path("../dist/main.js"), {
      WEBFLOW_USERS_STORE: upstream.address,
      WEBFLOW_USERS_TOKEN: "held",
      WEBFLOW_USERS_TOKEN_STORE: own.store,
    })
    const counts = await settled(server)
    check("forwarded", counts)
    expect([upstream.asked.length, new Set(upstream.asked.map(({ method }) => method))]).toStrictEqual([
      counts.asked,
      new Set(["PATCH"]),
    ])
  },
)

it("requests that were under way together are not kept until a large collection", { timeout: 60_000 }, async () => {
  const upstream = await Upstream.start()
  onTestFinished(() => upstream.stop())
  upstream.json(200, user)
  const env = {
    WEBFLOW_USERS_STORE: upstream.address,
    WEBFLOW_USERS_TOKEN: "held",
    WEBFLOW_USERS_TOKEN_STORE: own.store,
  }
  const collecting = ["--trace-gc", "--trace-gc-nvp", "--min-semi-space-size=16", "--max-semi-space-size=16"]
  const { origin, token, stdout } = await start(path("../dist/main.js"), env, collecting)
  const lanes = await Promise.all(Array.from({ length: 50 }, () => updates(origin, token)))
  const ask = (each: number) => Promise.all(lanes.map((update) => update(each)))
  // What is made once for all requests grows old in the first of them.
  await ask(60)
  let told = ""
  stdout?.on("data", (text: string) => (told += text))
  await ask(60)
  const promoted = [...told.matchAll(/gc=s .* promoted=(\d+)/g)].map(([, bytes]) => Number(bytes))
  expect(promoted.length).toBeGreaterThan(3)
  // What V8 learns of the code is some 1,500 bytes a request so early. Kept in sets, each left 15,000.
  const each = promoted.reduce((sum, bytes) => sum + bytes, 0) / (50 * 60)
  expect(each, `Each leaves ${each.toFixed(0)} bytes`).toBeLessThan(4_000)
})

it("a PATCH of a user in a file allocates no more than it did", { timeout: 60_000 }, async () => {
  check("in a file", await settled(await start(path("../dist/main.js"), { WEBFLOW_USERS_STORE: own.store })))
})

it("a PATCH of a user in memory allocates no more than it did", { timeout: 60_000 }, async () => {
  check("in memory", await settled(await start(path("memory-server.ts"))))
})
