/** The metrics, read as Prometheus reads them, by a parser that is not ours. */
import { once } from "node:events"
import { readFile } from "node:fs/promises"
import { type AddressInfo, createServer } from "node:net"
import { join } from "node:path"
import { DatabaseSync } from "node:sqlite"
import { parseSiteId, type SiteId, type User, UserId } from "@webflow-users/core"
import parsePrometheus from "parse-prometheus-text-format"
import { describe, expect, it } from "vitest"
import { inFile } from "./proxy.ts"
import { dial, request } from "./raw.ts"
import * as Spawned from "./spawned.ts"
import * as Upstream from "./upstream.ts"

const siteId = parseSiteId("580e63e98c9a982ac9b8b741") as SiteId
const user: User = {
  id: UserId.make("6287ec36a841b25637c663d0"),
  lastUpdated: "2024-05-20T13:46:12.093Z",
  accessGroups: [],
  data: { name: "Ada", email: "ada@example.com" },
}
const path = `/v2/sites/${siteId}/users/${user.id}`
const route = "/sites/:site_id/users/:user_id"

const made = inFile({ id: siteId, users: [user] })

const told = { args: ["--metrics-port", "0"] }

interface Series {
  readonly labels?: Readonly<Record<string, string>>
  readonly value?: string
}

/** The samples of a name, by the values of their labels: for histograms, of which the parser keeps one series. */
const samples = (text: string, name: string) =>
  [...text.matchAll(new RegExp(`^${name}(?:\\{(.*)\\})? (\\S+)$`, "gm"))].map(
    ([, labels = "", value]) =>
      [[...labels.matchAll(/="([^"]*)"/g)].map(([, label]) => label).join(" "), Number(value)] as const,
  )

const read = async (url: string) => {
  const answer = await fetch(url)
  const text = await answer.text()
  const families = parsePrometheus(text) as ReadonlyArray<{
    readonly name: string
    readonly help: string
    readonly type: string
    readonly metrics: ReadonlyArray<Series>
  }>
  const family = (name: string) => families.find((each) => each.name === name)
  return {
    text,
    type: answer.headers.get("content-type"),
    families,
    family,
    /** The values of a counter or gauge, by their labels. */
    values: (name: string) =>
      Object.fromEntries(
        (family(name)?.metrics ?? []).map(({ labels, value }) => [
          Object.values(labels ?? {}).join(" "),
          Number(value),
        ]),
      ),
    /** How often each series of a histogram was observed. */
    counts: (name: string) => Object.fromEntries(samples(text, `${name}_count`)),
  }
}

const call = async (origin: string, method = "GET", target = path, body?: string) => {
  const answer = await fetch(origin + target, {
    method,
    headers: { authorization: `Bearer ${made.token}`, "content-type": "application/json" },
    ...(body !== undefined && { body }),
  })
  await answer.text()
  return answer.status
}

describe("the metrics", () => {
  it("are told nowhere unless that is asked for, and never on the port of the callers", async () => {
    await using silent = await Spawned.start(made.store)
    expect(await call(silent.origin, "GET", "/metrics")).toBe(404)
    expect(silent.metrics()).toBe("")
    await using telling = await Spawned.start(made.store, told)
    expect(await call(telling.origin, "GET", "/metrics")).toBe(404)
    expect(new URL(telling.metrics()).hostname).toBe("127.0.0.1")
  })

  it("count requests by route, method and status, and time them and the store", async () => {
    await using proxy = await Spawned.start(made.store, told)
    for (let round = 0; round < 3; round += 1) expect(await call(proxy.origin)).toBe(200)
    expect(await call(proxy.origin, "PATCH", path, '{"data":{"name":"Ada"}}')).toBe(200)
    expect(await call(proxy.origin, "PATCH", path, '{"data":1}')).toBe(400)
    expect(await call(proxy.origin, "GET", "/sites/x/users/y")).toBe(400)
    expect(await call(proxy.origin, "GET", `/v2/sites/${siteId}/users`)).toBe(200)
    const { type, families, values, counts, family } = await read(proxy.metrics())
    expect(type).toBe("text/plain; version=0.0.4; charset=utf-8")
    expect(values("webflow_users_http_requests_total")).toEqual({
      [`GET ${route} 200`]: 3,
      [`GET ${route} 400`]: 1,
      [`PATCH ${route} 200`]: 1,
      [`PATCH ${route} 400`]: 1,
      "GET /sites/:site_id/users 200": 1,
    })
    expect(counts("webflow_users_http_request_duration_seconds")).toEqual({
      [`GET ${route}`]: 4,
      [`PATCH ${route}`]: 2,
      "GET /sites/:site_id/users": 1,
    })
    // The one that is wrong is refused by the store, which knows the user.
    expect(counts("webflow_users_store_duration_seconds")).toEqual({ get: 3, update: 2, list: 1 })
    expect(values("webflow_users_http_requests_in_flight")).toEqual({ "": 0 })
    expect(Number(values("process_start_time_seconds")[""])).toBeGreaterThan(1e9)
    expect(Number(values("process_resident_memory_bytes")[""])).toBeGreaterThan(1e7)
    expect(Number(values("process_cpu_seconds_total")[""])).toBeGreaterThan(0)
    expect(family("webflow_users_build_info")?.metrics[0]?.labels?.["version"]).toMatch(/^\d+\.\d+\.\d+/)
    // In front of a store of one's own nothing is sent to another server.
    expect(families.map(({ name }) => name).filter((name) => name.includes("upstream"))).toEqual([])
    const unusual = families.filter(
      ({ name, help, type: kind }) => help === "" || (kind === "COUNTER") !== name.endsWith("_total"),
    )
    expect(unusual).toEqual([])
  })

  it("are those that docs/operating.md lists", async () => {
    const server = await Upstream.start()
    server.json(200, user)
    await using proxy = await Spawned.start(server.address, { args: [...told.args, "--auth", "passthrough"] })
    await call(proxy.origin)
    const { families } = await read(proxy.metrics())
    const document = await readFile(new URL("../../../docs/operating.md", import.meta.url), "utf8")
    const listed = [...document.matchAll(/^\| `(\w+_\w+)` \|(.*?)\|/gm)]
      .filter(([, name = ""]) => /^(webflow_users|process|nodejs)_/.test(name))
      .map(([, name, labels = ""]) => [name, [...labels.matchAll(/`(\w+)`/g)].map(([, label]) => label)])
    const found = families.map(({ name, metrics }) => [name, Object.keys(metrics[0]?.labels ?? {})])
    // An outbox is told of where there is one.
    const names = [...found.map(([name]) => name), "webflow_users_webhook_deliveries"]
    expect(listed.map(([name]) => name).toSorted()).toEqual(names.toSorted())
    for (const each of found.filter(([name]) => String(name).endsWith("_total"))) expect(listed).toContainEqual(each)
    await server.stop()
  })

  it("have buckets that add up", async () => {
    await using proxy = await Spawned.start(made.store, told)
    for (let round = 0; round < 20; round += 1) await call(proxy.origin)
    const { text } = await read(proxy.metrics())
    const name = "webflow_users_http_request_duration_seconds"
    const buckets = samples(text, `${name}_bucket`)
    const bounds = buckets.map(([labels]) => Number((labels.split(" ").at(-1) ?? "").replace("+Inf", "Infinity")))
    const counted = buckets.map(([, value]) => value)
    expect(bounds).toEqual(bounds.toSorted((a, b) => a - b))
    expect(counted).toEqual(counted.toSorted((a, b) => a - b))
    expect([bounds.at(0), bounds.at(-1), counted.at(-1)]).toEqual([0.001, Number.POSITIVE_INFINITY, 20])
    const [[, sum] = ["", 0]] = samples(text, `${name}_sum`)
    expect([sum > 0, sum < 60]).toEqual([true, true])
  })

  it("do not grow with what callers make up", async () => {
    await using proxy = await Spawned.start(made.store, told)
    for (let at = 0; at < 30; at += 1) {
      await call(proxy.origin, "GET", `/made-up-${at}`)
      await call(proxy.origin, "GET", `/v2/sites/${at}/users/${at}`)
      await call(proxy.origin, "GET", `/faults/sites/${at}`)
    }
    for (const method of ["PROPFIND", "MKCOL", "LOCK", "PURGE"]) await call(proxy.origin, method, "/")
    for (let at = 0; at < 5; at += 1) {
      using connection = await dial(proxy.origin)
      connection.send(`MADEUP${at} / HTTP/1.1\r\n\r\n`)
      await connection.next()
    }
    using connection = await dial(proxy.origin)
    connection.send(request("CONNECT example.com:443"))
    await connection.next()
    expect((await read(proxy.metrics())).values("webflow_users_http_requests_total")).toEqual({
      "GET other 404": 30,
      [`GET ${route} 400`]: 30,
      "GET /faults/sites/:site_id 400": 30,
      "other other 404": 4,
      "other other 400": 5,
      "other other 405": 1,
    })
  })

  it("count who hung up before another server had answered", async () => {
    const server = await Upstream.start()
    const asked = new Promise<void>((resolve) => server.answers(() => resolve()))
    await using proxy = await Spawned.start(server.address, { args: [...told.args, "--auth", "passthrough"] })
    const connection = await dial(proxy.origin)
    connection.send(request(`GET ${path}`, ["Authorization: Bearer theirs"]))
    await asked
    connection[Symbol.dispose]()
    let counted: Record<string, number> = {}
    while (counted[`GET ${route} 499`] === undefined) {
      counted = (await read(proxy.metrics())).values("webflow_users_http_requests_total")
    }
    const { values } = await read(proxy.metrics())
    expect(counted).toEqual({ [`GET ${route} 499`]: 1 })
    expect(values("webflow_users_upstream_requests_total")).toEqual({ "GET interrupted": 1 })
    expect(values("webflow_users_http_requests_in_flight")).toEqual({ "": 0 })
    await server.stop()
  })

  it("count what is sent to another server, each try, and how long it waited for its turn", async () => {
    const server = await Upstream.start()
    let failures = 2
    server.answers((response) =>
      (failures -= 1) < 0 ? response.end(JSON.stringify(user)) : response.writeHead(failures === 1 ? 503 : 500).end(),
    )
    await using proxy = await Spawned.start(server.address, { args: [...told.args, "--auth", "passthrough"] })
    expect(await call(proxy.origin)).toBe(200)
    server.answers((response) => response.destroy())
    expect(await call(proxy.origin, "PATCH", path, "{}")).toBe(502)
    const { values, counts } = await read(proxy.metrics())
    expect(values("webflow_users_upstream_requests_total")).toEqual({
      "GET 503": 1,
      "GET 500": 1,
      "GET 200": 1,
      "PATCH ConnectionLost": 4,
    })
    expect(counts("webflow_users_upstream_request_duration_seconds")).toEqual({ GET: 3, PATCH: 4 })
    expect(counts("webflow_users_upstream_wait_seconds")).toEqual({ "": 7 })
    expect(counts("webflow_users_store_duration_seconds")).toEqual({ get: 1, update: 1 })
    await server.stop()
  })

  it("count what another server did not answer in time", async () => {
    const server = await Upstream.start()
    server.answers(() => undefined)
    const impatient = ["--upstream-timeout", "300 millis", "--upstream-attempts", "1"]
    await using proxy = await Spawned.start(server.address, {
      args: [...told.args, "--auth", "passthrough", ...impatient],
    })
    expect(await call(proxy.origin)).toBe(504)
    const { values } = await read(proxy.metrics())
    expect(values("webflow_users_upstream_requests_total")).toEqual({ "GET TimedOut": 1 })
    await server.stop()
  })

  it("tell the outbox of webhooks as it is when they are asked for, and not at all where it cannot be read", async () => {
    const file = join(made.folder, "outbox.db")
    await using proxy = await Spawned.start(`file:${file}`, { args: [...told.args, "--webhooks=false"] })
    const deliveries = async () => (await read(proxy.metrics())).values("webflow_users_webhook_deliveries")
    expect(await deliveries()).toEqual({ pending: 0, parked: 0 })
    using outbox = new DatabaseSync(file)
    outbox.exec(`INSERT INTO sites (id, created_on) VALUES ('s', '2026') ON CONFLICT DO NOTHING;
      INSERT INTO webhooks (id, site_id, url, secret, created_on) VALUES ('w', 's', 'https://example.com', 'hush', '2026')`)
    const owe = outbox.prepare(
      "INSERT INTO webhook_deliveries (webhook_id, sequence, user_id, due_at, state) VALUES ('w', ?, 'u', '2026', ?)",
    )
    for (const [sequence, state] of ["pending", "pending", "pending", "parked"].entries()) owe.run(sequence, state)
    expect(await deliveries()).toEqual({ pending: 3, parked: 1 })
    outbox.exec("ALTER TABLE webhook_deliveries RENAME TO gone")
    expect(await deliveries()).toEqual({})
  })

  it("are read by GET and HEAD at one path", async () => {
    await using proxy = await Spawned.start(made.store, told)
    const url = proxy.metrics()
    const head = await fetch(url, { method: "HEAD" })
    expect([head.status, await head.text(), Number(head.headers.get("content-length")) > 100]).toEqual([200, "", true])
    const post = await fetch(url, { method: "POST", body: "x" })
    expect([post.status, post.headers.get("allow")]).toEqual([405, "GET, HEAD"])
    expect((await fetch(new URL("/", url))).status).toBe(404)
  })

  it("are told until the last request is answered", async () => {
    await using proxy = await Spawned.start(made.store, { args: [...told.args, "--faults"] })
    const url = proxy.metrics()
    using connection = await dial(proxy.origin)
    connection.send(request(`GET ${path}`, [`Authorization: Bearer ${made.token}`, "Webflow-Users-Fault: delay=60000"]))
    while ((await read(url)).values("webflow_users_http_requests_in_flight")[""] !== 1);
    const ended = proxy.end("SIGTERM")
    expect((await connection.next())?.status).toBe(200)
    expect((await ended).code).toBe(0)
    await expect(fetch(url)).rejects.toThrow("fetch failed")
  })
})

it("does not start where the port for the metrics is taken, and says which", async () => {
  const taken = createServer().listen(0, "127.0.0.1")
  await once(taken, "listening")
  const { port } = taken.address() as AddressInfo
  const ended = await Spawned.run({
    env: { PORT: "0", WEBFLOW_USERS_STORE: "memory:", WEBFLOW_USERS_METRICS_PORT: String(port) },
  })
  taken.close()
  expect(ended).toMatchObject({ code: 1, stdout: "" })
  expect(ended.stderr).toContain(`Cannot listen on 127.0.0.1:${port}`)
})

it.each(["abc", "70000", "-1"])("does not start with a port for the metrics that is none: %s", async (port) => {
  const ended = await Spawned.run({ env: { WEBFLOW_USERS_STORE: "memory:", WEBFLOW_USERS_METRICS_PORT: port } })
  expect(ended).toMatchObject({ code: 2, stdout: "" })
  expect(ended.stderr).toContain("(--metrics-port or WEBFLOW_USERS_METRICS_PORT)")
})
