/** Traces, as a collector gets them over HTTP. */
import { once } from "node:events"
import { createServer, type IncomingHttpHeaders, type ServerResponse } from "node:http"
import type { AddressInfo } from "node:net"
import { buffer } from "node:stream/consumers"
import { join } from "node:path"
import { DatabaseSync } from "node:sqlite"
import { parseSiteId, type SiteId, type User, UserId } from "@webflow-users/core"
import { describe, expect, it } from "vitest"
import { inFile, open } from "./proxy.ts"
import * as Spawned from "./spawned.ts"
import * as Upstream from "./upstream.ts"

const siteId = parseSiteId("580e63e98c9a982ac9b8b741") as SiteId
const user: User = {
  id: UserId.make("6287ec36a841b25637c663d0"),
  lastUpdated: "2024-05-20T13:46:12.093Z",
  accessGroups: [],
  data: { name: "Confidential-name", email: "confidential@example.com", drink: "Confidential-drink" },
}
const path = `/v2/sites/${siteId}/users/${user.id}`
const route = "/sites/:site_id/users/:user_id"

const made = inFile({ id: siteId, users: [user] })

type Value = { readonly stringValue?: string; readonly intValue?: number; readonly boolValue?: boolean }
type Attributes = ReadonlyArray<{ readonly key: string; readonly value: Value }>

interface Span {
  readonly traceId: string
  readonly spanId: string
  readonly parentSpanId?: string
  readonly name: string
  readonly kind: number
  readonly attributes: Attributes
  readonly status: { readonly code: number; readonly message?: string }
  readonly startTimeUnixNano: string
  readonly endTimeUnixNano: string
}

interface Payload {
  readonly resourceSpans: ReadonlyArray<{
    readonly resource: { readonly attributes: Attributes }
    readonly scopeSpans: ReadonlyArray<{ readonly spans: ReadonlyArray<Span> }>
  }>
}

interface Post {
  readonly url: string | undefined
  readonly headers: IncomingHttpHeaders
  readonly body: Buffer
}

/** A collector that answers as it is told. */
const collect = async (answer: (response: ServerResponse) => unknown = (response) => response.end("{}")) => {
  const posts: Array<Post> = []
  const server = createServer(async (request, response) => {
    posts.push({ url: request.url, headers: request.headers, body: await buffer(request) })
    answer(response)
  }).listen(0, "127.0.0.1")
  await once(server, "listening")
  const { port } = server.address() as AddressInfo
  const payloads = () => posts.map(({ body }) => JSON.parse(body.toString()) as Payload)
  return {
    address: `http://127.0.0.1:${port}`,
    posts,
    text: () => posts.map(({ body, headers }) => body.toString("latin1") + JSON.stringify(headers)).join("\n"),
    resource: () => flat(payloads()[0]?.resourceSpans[0]?.resource.attributes),
    spans: () =>
      payloads().flatMap(({ resourceSpans }) => resourceSpans.flatMap((each) => each.scopeSpans[0]?.spans ?? [])),
    [Symbol.dispose]: () => {
      server.closeAllConnections()
      server.close()
    },
  }
}

const flat = (attributes: Attributes = []) =>
  Object.fromEntries(attributes.map(({ key, value }) => [key, value.stringValue ?? value.intValue ?? value.boolValue]))

/** What the proxy is told of a collector. Spans are sent when it stops, unless there are many. */
const telling = (address: string) => ({
  OTEL_EXPORTER_OTLP_ENDPOINT: address,
  OTEL_EXPORTER_OTLP_PROTOCOL: "http/json",
  OTEL_BSP_SCHEDULE_DELAY: "600000",
})

const call = async (origin: string, method = "GET", headers: Record<string, string> = {}, body?: string) => {
  const answer = await fetch(`${origin}${path}?key=Confidential-query`, {
    method,
    headers: { authorization: `Bearer ${made.token}`, "content-type": "application/json", ...headers },
    ...(body !== undefined && { body }),
  })
  await answer.text()
  return answer
}

describe("a trace", () => {
  it("tells of a request, the operation and the store, one within the other, and of nothing that was asked", async () => {
    using collector = await collect()
    await using proxy = await Spawned.start(made.store, { env: telling(collector.address) })
    const answer = await call(
      proxy.origin,
      "PATCH",
      {},
      '{"data":{"name":"Confidential-new","drink":"Confidential-new"}}',
    )
    expect(answer.status).toBe(200)
    expect((await proxy.end("SIGTERM")).code).toBe(0)

    expect(collector.posts.map(({ url }) => url)).toEqual(["/v1/traces"])
    expect(collector.resource()).toMatchObject({
      "service.name": "webflow-users-proxy",
      "service.version": expect.stringMatching(/^\d/),
    })
    const spans = collector.spans()
    const root = spans.find(({ parentSpanId }) => parentSpanId === undefined)
    expect(root).toMatchObject({ name: `PATCH ${route}`, kind: 2, traceId: expect.stringMatching(/^[0-9a-f]{32}$/) })
    expect(flat(root?.attributes)).toEqual({
      "http.request.method": "PATCH",
      "http.route": route,
      "http.response.status_code": 200,
      "webflow_users.request_id": answer.headers.get("x-request-id"),
    })
    const update = spans.find(({ name }) => name === "UpdateUser")
    const inStore = spans.find(({ name }) => name === "UserStore.update")
    expect(update?.parentSpanId).toBe(root?.spanId)
    expect(inStore?.parentSpanId).toBe(update?.spanId)
    expect(spans.filter(({ name }) => name === "sql.transaction")).toHaveLength(1)
    expect(new Set(spans.map(({ traceId }) => traceId)).size).toBe(1)
    expect(spans.every((span) => BigInt(span.endTimeUnixNano) >= BigInt(span.startTimeUnixNano))).toBe(true)
    expect(collector.text()).not.toMatch(/confidential/i)
    for (const secret of [made.token, made.token.split("_")[2] ?? "", user.id])
      expect(collector.text()).not.toContain(secret)
  })

  it("goes on with the caller's, and stands in the log", async () => {
    using collector = await collect()
    await using proxy = await Spawned.start(made.store, {
      env: { ...telling(collector.address), WEBFLOW_USERS_LOG_LEVEL: "info" },
    })
    const traceId = "0af7651916cd43dd8448eb211c80319c"
    await call(proxy.origin, "GET", { traceparent: `00-${traceId}-b7ad6b7169203331-01` })
    const { stderr } = await proxy.end("SIGTERM")
    const span = collector.spans().find(({ kind }) => kind === 2)
    expect([span?.traceId, span?.parentSpanId]).toEqual([traceId, "b7ad6b7169203331"])
    expect(Spawned.linesOf(stderr)).toMatchObject([{ trace_id: traceId, status: 200 }])
  })

  it("of a failure says what it is called, and not its words", async () => {
    const broken = `file:${made.folder}/broken.db`
    await using before = open(broken)
    await before.add({ id: siteId, users: [user] })
    const bearer = await before.token(siteId)
    using collector = await collect()
    await using proxy = await Spawned.start(broken, { env: telling(collector.address) })
    using database = new DatabaseSync(join(made.folder, "broken.db"))
    database.exec("ALTER TABLE user_events RENAME TO Confidential_table")
    const headers = { authorization: `Bearer ${bearer}` }
    expect((await call(proxy.origin, "PATCH", headers, "{}")).status).toBe(503)
    await proxy.end("SIGTERM")
    const statuses = collector.spans().map(({ name, status }) => [name, status.code, status.message])
    expect(statuses).toContainEqual(["UserStore.update", 2, "StoreUnavailable"])
    expect(statuses).toContainEqual([`PATCH ${route}`, 2, "503"])
    expect(collector.text()).not.toMatch(/confidential|no such table/i)
  })

  it("goes on at the server behind, whose requests are in it", async () => {
    using collector = await collect()
    const server = await Upstream.start()
    server.json(200, user)
    await using proxy = await Spawned.start(server.address, {
      args: ["--auth", "passthrough"],
      env: telling(collector.address),
    })
    expect((await call(proxy.origin, "GET", { "x-request-id": "mine" })).status).toBe(200)
    await proxy.end("SIGTERM")
    const root = collector.spans().find(({ kind }) => kind === 2)
    const sent = Object.fromEntries(server.asked[0]?.headers ?? [])
    expect(sent["traceparent"]).toBe(`00-${root?.traceId}-${root?.spanId}-01`)
    expect(sent["x-request-id"]).toBe("mine")
    const attempt = collector.spans().find(({ name }) => name === "Upstream GET")
    expect([attempt?.kind, attempt?.traceId]).toEqual([3, root?.traceId])
    expect(flat(attempt?.attributes)).toEqual({ "http.request.method": "GET", "http.response.status_code": 200 })
    await server.stop()
  })
})

describe("which requests are traced", () => {
  const unsampled = { traceparent: "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-00" }
  const low = { traceparent: "00-0af7651916cd43dd8448eb2100000000-b7ad6b7169203331-01" }
  it.each<[string, Record<string, string>, Record<string, string>, number]>([
    ["all that nobody else decides on", {}, {}, 1],
    ["not those whose caller keeps none", {}, unsampled, 0],
    ["all", { OTEL_TRACES_SAMPLER: "always_on" }, unsampled, 1],
    ["none", { OTEL_TRACES_SAMPLER: "always_off" }, low, 0],
    ["none but callers'", { OTEL_TRACES_SAMPLER: "parentbased_always_off" }, low, 1],
    ["a share of none", { OTEL_TRACES_SAMPLER: "traceidratio", OTEL_TRACES_SAMPLER_ARG: "0" }, {}, 0],
    ["a share, by the trace's id", { OTEL_TRACES_SAMPLER: "traceidratio", OTEL_TRACES_SAMPLER_ARG: "0.5" }, low, 1],
    ["no share of none", { OTEL_TRACES_SAMPLER: "parentbased_traceidratio", OTEL_TRACES_SAMPLER_ARG: "0" }, low, 1],
  ])("%s", async (_, env, headers, expected) => {
    using collector = await collect()
    await using proxy = await Spawned.start(made.store, { env: { ...telling(collector.address), ...env } })
    await call(proxy.origin, "GET", headers)
    await proxy.end("SIGTERM")
    expect(collector.spans().filter(({ kind }) => kind === 2)).toHaveLength(expected)
  })

  it.each<[string, Record<string, string>]>([
    ["the variables say no", { OTEL_SDK_DISABLED: "true" }],
    ["there is another way to send them", { OTEL_TRACES_EXPORTER: "none" }],
    ["no collector is named", { OTEL_EXPORTER_OTLP_ENDPOINT: "" }],
  ])("none where %s", async (_, env) => {
    using collector = await collect()
    await using proxy = await Spawned.start(made.store, { env: { ...telling(collector.address), ...env } })
    await call(proxy.origin)
    await proxy.end("SIGTERM")
    expect(collector.posts).toEqual([])
  })
})

describe("the collector", () => {
  it("is told who sends, by the standard variables, in the standard language", async () => {
    using collector = await collect((response) => response.end())
    await using proxy = await Spawned.start(made.store, {
      env: {
        OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: `${collector.address}/otlp`,
        OTEL_EXPORTER_OTLP_HEADERS: "api-key=a%20key, other=2",
        OTEL_SERVICE_NAME: "members",
        OTEL_RESOURCE_ATTRIBUTES: "deployment.environment.name=test,service.version=9",
      },
    })
    await call(proxy.origin)
    await proxy.end("SIGTERM")
    const [post] = collector.posts
    expect([post?.url, post?.headers["content-type"]]).toEqual(["/otlp", "application/x-protobuf"])
    expect([post?.headers["api-key"], post?.headers["other"]]).toEqual(["a key", "2"])
    for (const word of ["members", "deployment.environment.name", "service.version", `GET ${route}`]) {
      expect(post?.body.toString("latin1")).toContain(word)
    }
  })

  it("may fail, hang or be away: requests are answered, the stop does not wait for long, and the log says it", async () => {
    using failing = await collect((response) => response.writeHead(500).end())
    using hanging = await collect(() => undefined)
    for (const address of [failing.address, hanging.address, "http://127.0.0.1:9"]) {
      await using proxy = await Spawned.start(made.store, {
        env: {
          ...telling(address),
          OTEL_EXPORTER_OTLP_HEADERS: "api-key=Confidential",
          OTEL_EXPORTER_OTLP_TIMEOUT: "100",
          OTEL_BSP_MAX_EXPORT_BATCH_SIZE: "5",
        },
      })
      const answers = await Promise.all(Array.from({ length: 50 }, () => call(proxy.origin)))
      expect(answers.every(({ status }) => status === 200)).toBe(true)
      const { code, stderr } = await proxy.end("SIGTERM")
      expect(code).toBe(0)
      expect(stderr).toContain("Traces could not be delivered to the collector")
      expect(stderr).not.toMatch(/confidential/i)
    }
  })

  it.each([
    ["OTEL_EXPORTER_OTLP_ENDPOINT", "127.0.0.1:4318"],
    ["OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "grpc://Confidential@collector"],
    ["OTEL_EXPORTER_OTLP_PROTOCOL", "grpc"],
    ["OTEL_EXPORTER_OTLP_HEADERS", "Confidential"],
    ["OTEL_EXPORTER_OTLP_TIMEOUT", "10 seconds"],
    ["OTEL_RESOURCE_ATTRIBUTES", "Confidential=%"],
    ["OTEL_TRACES_EXPORTER", "zipkin"],
    ["OTEL_TRACES_SAMPLER", "sometimes"],
    ["OTEL_TRACES_SAMPLER_ARG", "2"],
    ["OTEL_BSP_SCHEDULE_DELAY", "0"],
    ["OTEL_SDK_DISABLED", "perhaps"],
  ])(
    "is not sent to where %s is none: the proxy does not start, and says what it has to be",
    async (variable, value) => {
      const env = { ...telling("http://127.0.0.1:9"), WEBFLOW_USERS_STORE: "memory:", PORT: "0", [variable]: value }
      const ended = await Spawned.run({ env })
      expect(ended).toMatchObject({ code: 2, stdout: "" })
      expect(ended.stderr).toMatch(new RegExp(`^${variable} has to be .+\n$`))
      expect(ended.stderr).not.toMatch(/confidential/i)
    },
  )
})
