/**
 * What a command costs before it does anything: the time of a process that is asked for it, over one that runs an empty script. And the
 * proxy: the time until its first answer, and its memory when nobody asks, beside a plain `node:http` server.
 *
 * `COLD_CLI` names another built command line to measure beside this one.
 */
import { type ChildProcess, spawn, spawnSync } from "node:child_process"
import { once } from "node:events"
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { createServer, get } from "node:http"
import type { AddressInfo } from "node:net"
import { loadavg, tmpdir } from "node:os"
import { join } from "node:path"
import { fileURLToPath } from "node:url"

const rounds = process.argv.includes("--quick") ? 10 : 25
const siteId = "580e63e98c9a982ac9b8b741"
const userId = "6287ec36a841b25637c663df"
const path = (name: string) => fileURLToPath(new URL(`../${name}`, import.meta.url))
const folder = mkdtempSync(join(tmpdir(), "webflow-users-cold-"))
const inFolder = (name: string, text: string) => {
  writeFileSync(join(folder, name), text)
  return join(folder, name)
}

const [member] = (JSON.parse(readFileSync(path("examples/members.json"), "utf8")) as { users: ReadonlyArray<unknown> })
  .users
const upstream = createServer((_, response) =>
  response.writeHead(200, { "content-type": "application/json" }).end(JSON.stringify(member)),
).listen(0, "127.0.0.1")
await once(upstream, "listening")
const { port } = upstream.address() as AddressInfo

// The environment of a person, with a home of its own: what is compiled is kept there.
const env = { PATH: process.env["PATH"] ?? "", HOME: folder }
const store = `file:${join(folder, "users.db")}`
const commands = (main: string): Readonly<Record<string, ReadonlyArray<string>>> => ({
  "--version": [main, "--version"],
  "--help": [main, "--help"],
  "update, over HTTP": [main, "update", siteId, userId, "--name", "Ada", "--store", `http://127.0.0.1:${port}/v2`],
  "update, in a file": [main, "update", siteId, userId, "--name", "Ada", "--store", store],
})
const named = (what: string, main: string) =>
  Object.entries(commands(main)).map(([name, args]) => [`${what} ${name}`, args] as const)

const cli = path("apps/cli/dist/main.js")
const other = process.env["COLD_CLI"]
const fetching = `await fetch("http://127.0.0.1:${port}/", { method: "PATCH", body: "{}" }).then((answer) => answer.text())`
const requesting =
  'const http = process.getBuiltinModule("node:http"); ' +
  `http.request("http://127.0.0.1:${port}/", { method: "PATCH" }, (answer) => answer.resume()).end("{}")`
const programs: ReadonlyArray<readonly [name: string, args: ReadonlyArray<string>]> = [
  ["an empty script", [inFolder("empty.mjs", "")]],
  ["one that imports node:http", [inFolder("http.mjs", 'import "node:http"')]],
  ["one PATCH over node:http, not imported", [inFolder("request.mjs", requesting)]],
  ["one PATCH over fetch", [inFolder("fetch.mjs", fetching)]],
  ...named("webflow-users", cli),
  ...(other === undefined ? [] : named("COLD_CLI", other)),
]

/** What the processes that have ended have used of the processors so far, in milliseconds; the system counts in tens. */
const usedByChildren = (): number => {
  const fields = readFileSync("/proc/self/stat", "utf8").split(") ")[1]?.split(" ") ?? []
  return (Number(fields[13]) + Number(fields[14])) * 10
}

/** Milliseconds, of the clock and of the processors. */
const run = async (args: ReadonlyArray<string>) => {
  const [begun, used] = [performance.now(), usedByChildren()]
  // Not waited for by standing still: the server that is asked is in this process.
  const child = spawn(process.execPath, args, { env, cwd: folder, stdio: ["ignore", "pipe", "inherit"] })
  child.stdout.resume()
  const [code] = await once(child, "close")
  const wall = performance.now() - begun
  if (code !== 0) throw new Error(`${args.join(" ")} ended with ${code}`)
  return { wall, cpu: usedByChildren() - used }
}

const median = (values: ReadonlyArray<number>): number => values.toSorted((a, b) => a - b)[values.length >> 1] ?? 0
const least = (values: ReadonlyArray<number>): number => Math.min(...values)
const mean = (values: ReadonlyArray<number>): number => values.reduce((sum, value) => sum + value, 0) / values.length

const plainServer = `import { createServer } from "node:http"
createServer((_, response) => response.end("{}")).listen(0, "127.0.0.1", function () {
  console.log("listens on http://127.0.0.1:" + this.address().port)
})
process.on("SIGTERM", () => process.exit(0))`
const servers: ReadonlyArray<readonly [name: string, args: ReadonlyArray<string>]> = [
  ["a plain node:http server", [inFolder("server.mjs", plainServer)]],
  ["webflow-users-proxy", [path("apps/http-proxy/dist/main.js"), "--store", store, "--port", "0"]],
]

const listening = async (child: ChildProcess): Promise<string> => {
  let said = ""
  for await (const chunk of child.stdout ?? []) {
    said += String(chunk)
    const origin = /listens on (http:\S+?)[,\s]/.exec(said)?.[1]
    if (origin !== undefined) return origin
  }
  throw new Error(`the server ended: ${said}`)
}

/** Until the first answer, in milliseconds, and the memory it then has, in MB. */
const serve = async (args: ReadonlyArray<string>) => {
  const begun = performance.now()
  const child = spawn(process.execPath, args, { env, cwd: folder, stdio: ["ignore", "pipe", "ignore"] })
  const origin = await listening(child)
  // Whatever it answers: nobody is let in without a token.
  await new Promise<void>((resolve, reject) => {
    get(`${origin}/v2/sites/${siteId}/users/${userId}`, (answer) => answer.resume().on("end", resolve)).on(
      "error",
      reject,
    )
  })
  const first = performance.now() - begun
  const [, pages = "0"] = readFileSync(`/proc/${child.pid}/statm`, "utf8").split(" ")
  child.kill("SIGTERM")
  await once(child, "close")
  return { first, memory: (Number(pages) * 4096) / 2 ** 20 }
}

const cells = (...[name = "", ...rest]: ReadonlyArray<string>) =>
  console.log(name.padEnd(42) + rest.map((cell) => cell.padStart(10)).join(""))

try {
  spawnSync(process.execPath, [cli, "import", path("examples/members.json"), "--site", siteId, "--store", store], {
    env,
  })
  const seen = new Map(programs.map(([name]) => [name, [] as Array<Awaited<ReturnType<typeof run>>>]))
  // In turns, so that what else the machine does meets all alike; the first two turns only fill caches.
  for (let round = -2; round < rounds; round += 1) {
    for (const [name, args] of programs) {
      const one = await run(args)
      if (round >= 0) seen.get(name)?.push(one)
    }
  }
  const floor = seen.get("an empty script") ?? []
  const over = (of: (values: ReadonlyArray<number>) => number, key: "wall" | "cpu", runs: typeof floor) => {
    const value = of(runs.map((one) => one[key]))
    return [`${value.toFixed(0)} ms`, `x ${(value / of(floor.map((one) => one[key]))).toFixed(2)}`]
  }
  cells(`${rounds} rounds, load ${loadavg()[0]?.toFixed(1)}`, "median", "", "least", "", "CPU", "")
  for (const [name, runs] of seen) {
    cells(name, ...over(median, "wall", runs), ...over(least, "wall", runs), ...over(mean, "cpu", runs))
  }

  const served = new Map(servers.map(([name]) => [name, [] as Array<Awaited<ReturnType<typeof serve>>>]))
  for (let round = -2; round < rounds; round += 1) {
    for (const [name, args] of servers) {
      const one = await serve(args)
      if (round >= 0) served.get(name)?.push(one)
    }
  }
  cells("", "median", "least", "memory")
  for (const [name, runs] of served) {
    const firsts = runs.map(({ first }) => first)
    const memory = median(runs.map((one) => one.memory))
    cells(name, `${median(firsts).toFixed(0)} ms`, `${least(firsts).toFixed(0)} ms`, `${memory.toFixed(0)} MB`)
  }
} finally {
  upstream.close()
  rmSync(folder, { recursive: true })
}
