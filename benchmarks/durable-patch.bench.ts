/** A durable PATCH over HTTP: the proxy beside the least a plain server can do, on the same kind of file, in one run. */
import { type ChildProcess, spawn } from "node:child_process"
import { once } from "node:events"
import { mkdtempSync, readFileSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { fileURLToPath } from "node:url"
import autocannon from "autocannon"

const siteId = "580e63e98c9a982ac9b8b741"
const userId = "6287ec36a841b25637c663df"
const connections = 16
const seconds = 4
const rounds = 3

const path = (name: string) => fileURLToPath(new URL(`../${name}`, import.meta.url))
const folder = mkdtempSync(join(tmpdir(), "webflow-users-bench-"))
const run = async (...args: ReadonlyArray<string>) => {
  const child = spawn(process.execPath, args, { stdio: ["ignore", "pipe", "inherit"] })
  const [output] = await Promise.all([child.stdout.toArray(), once(child, "close")])
  return Buffer.concat(output).toString()
}
const cli = path("apps/cli/dist/main.js")

const contenders: Record<string, (file: string) => ReadonlyArray<string>> = {
  "plain node:http": (file) => [path("benchmarks/plain-server.ts"), file],
  "webflow-users-proxy": (file) => [path("apps/http-proxy/dist/main.js"), "--store", `file:${file}`, "--port", "0"],
}

const listening = async (child: ChildProcess): Promise<string> => {
  let said = ""
  for await (const chunk of child.stdout ?? []) {
    said += String(chunk)
    const origin = /listens on (http:\S+?)[,\s]/.exec(said)?.[1]
    if (origin !== undefined) return origin
  }
  throw new Error(`the server ended: ${said}`)
}

/** Jiffies of CPU the process has used so far; a hundred to the second. */
const cpuOf = (pid: number) => {
  const fields = readFileSync(`/proc/${pid}/stat`, "utf8").split(") ")[1]?.split(" ") ?? []
  return Number(fields[11]) + Number(fields[12])
}

const measure = async (name: string, round: number) => {
  const file = join(folder, `${name.replaceAll(/\W/g, "")}-${round}.db`)
  await run(cli, "import", path("examples/members.json"), "--site", siteId, "--store", `file:${file}`, "--json")
  const { token } = JSON.parse(
    await run(cli, "token", "create", "--site", siteId, "--scope", "users:write", "--store", `file:${file}`, "--json"),
  ) as { readonly token: string }
  const child = spawn(process.execPath, contenders[name]?.(file) ?? [], { stdio: ["ignore", "pipe", "ignore"] })
  const origin = await listening(child)
  const before = cpuOf(child.pid ?? 0)
  const result = await autocannon({
    url: `${origin}/v2/sites/${siteId}/users/${userId}`,
    method: "PATCH",
    headers: { authorization: `Bearer ${token}`, "content-type": "application/json" },
    body: JSON.stringify({ data: { name: "Some One", "accept-privacy": false } }),
    connections,
    duration: seconds,
  })
  const cpu = ((cpuOf(child.pid ?? 0) - before) * 10_000) / result["2xx"]
  if (result.non2xx + result.errors > 0) throw new Error(`${name}: ${result.non2xx} not 2xx, ${result.errors} errors`)
  child.kill("SIGTERM")
  await once(child, "close")
  return { perSecond: result["2xx"] / result.duration, cpu, p50: result.latency.p50, p99: result.latency.p99 }
}

const names = Object.keys(contenders)
const seen = new Map(names.map((name) => [name, [] as Array<Awaited<ReturnType<typeof measure>>>]))
for (let round = 0; round < rounds; round += 1) {
  for (const name of round % 2 === 0 ? names : names.toReversed()) seen.get(name)?.push(await measure(name, round))
}
for (const [name, results] of seen) {
  const best = results.toSorted((a, b) => b.perSecond - a.perSecond)[0]
  if (best === undefined) continue
  const { perSecond, cpu, p50, p99 } = best
  console.log(
    `${name.padEnd(20)} ${perSecond.toFixed(0)} requests/s, ${cpu.toFixed(0)} µs CPU, p50 ${p50} ms, p99 ${p99} ms`,
  )
}
rmSync(folder, { recursive: true })
