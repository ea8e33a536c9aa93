/**
 * Ten minutes of mixed load on the built proxy: what memory it has, minute by minute. `SOAK_MINUTES` says otherwise. Of a
 * leak, the later minutes would have more than the earlier ones; the first is V8's and SQLite's own warming up.
 */
import { spawn } from "node:child_process"
import { once } from "node:events"
import { mkdtempSync, readFileSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { fileURLToPath } from "node:url"
import autocannon from "autocannon"

const minutes = Number(process.env["SOAK_MINUTES"] ?? 10)
const siteId = "580e63e98c9a982ac9b8b741"
const userId = "6287ec36a841b25637c663df"
const perSecond = 600

const path = (name: string) => fileURLToPath(new URL(`../${name}`, import.meta.url))
const folder = mkdtempSync(join(tmpdir(), "webflow-users-soak-"))
const store = `file:${join(folder, "users.db")}`
const cli = async (...args: ReadonlyArray<string>) => {
  const command = [path("apps/cli/dist/main.js"), ...args, "--store", store, "--json"]
  const child = spawn(process.execPath, command, { stdio: ["ignore", "pipe", "inherit"] })
  const [output] = await Promise.all([child.stdout.toArray(), once(child, "close")])
  return JSON.parse(Buffer.concat(output).toString()) as Record<string, string>
}

await cli("import", path("examples/members.json"), "--site", siteId)
const { token } = await cli("token", "create", "--site", siteId, "--scope", "users:read", "--scope", "users:write")
const proxy = spawn(process.execPath, [path("apps/http-proxy/dist/main.js"), "--store", store, "--port", "0"], {
  stdio: ["ignore", "pipe", "ignore"],
})
const url = await new Promise<string>((resolve) => {
  // Read on to the end: a pipe that is full would stop who logs into it.
  proxy.stdout.on("data", (chunk) => {
    const origin = /listens on (http:\S+?)[,\s]/.exec(String(chunk))?.[1]
    if (origin !== undefined) resolve(origin)
  })
})

/** In MB. */
const memory = () => Number(/VmRSS:\s+(\d+) kB/.exec(readFileSync(`/proc/${proxy.pid}/status`, "utf8"))?.[1]) / 1024

const samples: Array<{ readonly minute: number; readonly megabytes: number }> = []
const start = performance.now()
const sampling = setInterval(
  () => samples.push({ minute: (performance.now() - start) / 60_000, megabytes: memory() }),
  2_000,
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
  url,
  connections: 32,
  duration: minutes * 60,
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
proxy.kill("SIGTERM")
const [code] = (await once(proxy, "close")) as [number | null]
rmSync(folder, { recursive: true })

console.log(
  `${done} done and ${non2xx} refused in ${duration.toFixed(0)} s, ${errors} errors; the proxy ended with ${code}`,
)
for (let minute = 0; minute < minutes; minute += 1) {
  const within = samples.filter((sample) => Math.floor(sample.minute) === minute).map(({ megabytes }) => megabytes)
  const mean = within.reduce((sum, each) => sum + each, 0) / within.length
  console.log(`minute ${minute + 1}: ${mean.toFixed(1)} MB on average, ${Math.max(...within).toFixed(1)} at the most`)
}
