/**
 * Ten minutes of mixed load on the built proxy: what memory it has, tenth by tenth. `SOAK_MINUTES` says otherwise, and `--quick` is
 * eight seconds. Of a leak, the later tenths would have more than the earlier ones; the first is V8's and SQLite's own warming up.
 */
import { join } from "node:path"
import autocannon from "autocannon"
import { inRepository, memoryOf, run, serve } from "./processes.ts"
import { isQuick, report } from "./report.ts"
import { temporaryFolder } from "./temporary-folder.ts"

const seconds = isQuick ? 8 : Number(process.env["SOAK_MINUTES"] ?? 10) * 60
const parts = 10
const siteId = "580e63e98c9a982ac9b8b741"
const userId = "6287ec36a841b25637c663df"
const perSecond = 600

const folder = temporaryFolder("soak")
const store = `file:${join(folder, "users.db")}`
const cli = async (...args: ReadonlyArray<string>) =>
  JSON.parse(await run([inRepository("apps/cli/dist/main.js"), ...args, "--store", store, "--json"])) as Record<
    string,
    string
  >

await cli("import", inRepository("examples/members.json"), "--site", siteId)
const { token } = await cli("token", "create", "--site", siteId, "--scope", "users:read", "--scope", "users:write")
const main = inRepository("apps/http-proxy/dist/main.js")
const proxy = await serve(process.execPath, [main, "--store", store, "--port", "0"])

/** MB that it had, and in which part of the time. */
const samples: Array<{ readonly part: number; readonly megabytes: number }> = []
const start = performance.now()
const sampling = setInterval(
  () =>
    samples.push({
      part: Math.floor(((performance.now() - start) / 1000 / seconds) * parts),
      megabytes: memoryOf(proxy.pid),
    }),
  (seconds * 1000) / parts / 20,
)

const user = `/v2/sites/${siteId}/users/${userId}`
const headers = { authorization: `Bearer ${token}`, "content-type": "application/json" }
const patch = (body: string, more = {}) => ({
  method: "PATCH" as const,
  path: user,
  headers: { ...headers, ...more },
  body,
})
const get = (target: string) => ({ method: "GET" as const, path: target, headers })
const {
  "2xx": done,
  non2xx,
  errors,
  duration,
} = await autocannon({
  url: proxy.origin,
  connections: 32,
  duration: seconds,
  overallRate: perSecond,
  // Connections come and go.
  reconnectRate: 500,
  requests: [
    patch(JSON.stringify({ data: { name: "Some One", drink: "Tea" } })),
    patch(JSON.stringify({ accessGroups: ["webflowers"], data: { data: { name: "Someone Else" } } })),
    get(user),
    get(`/v2/sites/${siteId}/users?limit=100`),
    get(`${user}/history?limit=20`),
    // And who does it wrong.
    patch("{"),
    patch(JSON.stringify({ data: { email: "other@example.com" } })),
    { ...get(user), headers: { authorization: `Bearer wfu_${"0".repeat(24)}_${"0".repeat(64)}` } },
    get("/v2/nowhere"),
  ],
})
clearInterval(sampling)
await proxy.stop()

const memory = Array.from({ length: parts }, (_, at) => {
  const within = samples.filter(({ part }) => part === at).map(({ megabytes }) => megabytes)
  return { mean: within.reduce((sum, each) => sum + each, 0) / within.length, most: Math.max(...within) }
})
report(
  [
    {
      title: `${seconds} s of mixed requests`,
      columns: [""],
      rows: [
        ["done", done],
        ["refused, as they should be", non2xx],
        ["errors", errors],
        ["seconds", duration],
      ],
    },
    {
      title: "Memory, by the tenth of the time",
      columns: ["MB on average", "MB at the most"],
      rows: memory.map(({ mean, most }, at) => [`${at + 1}`, mean, most] as const),
    },
  ],
  [
    { what: "requests that had no answer", atMost: 0, measured: errors },
    // Too short to tell anything: what has just started is still filling its caches.
    ...(isQuick
      ? []
      : [
          {
            what: "memory in the last tenth ÷ in the second",
            atMost: 1.1,
            measured: (memory.at(-1)?.mean ?? Number.NaN) / (memory[1]?.mean ?? Number.NaN),
          },
        ]),
  ],
)
