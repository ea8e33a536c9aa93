/**
 * What a command costs before it does anything: the time of a process that is asked for it, over one that runs an empty script. And the
 * proxy: the time until its first answer, and its memory when nobody asks, beside a plain `node:http` server.
 *
 * `COLD_CLI` names another built command line to measure beside this one.
 */
import { spawn } from "node:child_process"
import { once } from "node:events"
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { createServer, get } from "node:http"
import type { AddressInfo } from "node:net"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { setTimeout as pass } from "node:timers/promises"
import { inRepository, memoryOf, run, serve } from "./processes.ts"
import { isQuick, report } from "./report.ts"
import { inTurn, median } from "./rounds.ts"

const rounds = isQuick ? 6 : 25
const served = isQuick ? 2 : 8
const siteId = "580e63e98c9a982ac9b8b741"
const userId = "6287ec36a841b25637c663df"
const folder = mkdtempSync(join(tmpdir(), "webflow-users-cold-"))
const inFolder = (name: string, text: string) => {
  writeFileSync(join(folder, name), text)
  return join(folder, name)
}

const members = inRepository("examples/members.json")
const [member] = (JSON.parse(readFileSync(members, "utf8")) as { users: ReadonlyArray<unknown> }).users
const upstream = createServer((_, response) =>
  response.writeHead(200, { "content-type": "application/json" }).end(JSON.stringify(member)),
).listen(0, "127.0.0.1")
await once(upstream, "listening")
const { port } = upstream.address() as AddressInfo

// The environment of a person, with a home of its own: what is compiled is kept there.
const env = { PATH: process.env["PATH"] ?? "", HOME: folder }
const store = `file:${join(folder, "users.db")}`
const update = ["update", siteId, userId, "--name", "Ada", "--store"]
const commands = {
  "--version": ["--version"],
  "--help": ["--help"],
  "update, over HTTP": [...update, `http://127.0.0.1:${port}/v2`],
  "update, in a file": [...update, store],
} satisfies Readonly<Record<string, ReadonlyArray<string>>>
const named = (what: string, main: string) =>
  Object.entries(commands).map(([name, args]) => [`${what} ${name}`, [main, ...args]] as const)

const cli = inRepository("apps/cli/dist/main.js")
const other = process.env["COLD_CLI"]
const fetching = `await fetch("http://127.0.0.1:${port}/", { method: "PATCH", body: "{}" }).then((answer) => answer.text())`
const requesting =
  'const http = process.getBuiltinModule("node:http"); ' +
  `http.request("http://127.0.0.1:${port}/", { method: "PATCH" }, (answer) => answer.resume()).end("{}")`
const empty = "an empty script"
const programs = new Map<string, ReadonlyArray<string>>([
  [empty, [inFolder("empty.mjs", "")]],
  ["one PATCH over node:http, not imported", [inFolder("request.mjs", requesting)]],
  ["one PATCH over fetch", [inFolder("fetch.mjs", fetching)]],
  ...named("webflow-users", cli),
  ...(other === undefined ? [] : named("COLD_CLI", other)),
])

/** What the processes that have ended have used of the processors so far, in milliseconds; the system counts in tens. */
const usedByChildren = (): number => {
  const fields = readFileSync("/proc/self/stat", "utf8").split(") ")[1]?.split(" ") ?? []
  return (Number(fields[13]) + Number(fields[14])) * 10
}

/** Milliseconds, of the clock and of the processors. */
const timed = async (name: string) => {
  const args = programs.get(name) ?? []
  const [begun, used] = [performance.now(), usedByChildren()]
  // Not waited for by standing still: the server that is asked is in this process.
  const child = spawn(process.execPath, args, { env, cwd: folder, stdio: ["ignore", "pipe", "inherit"] })
  child.stdout.resume()
  const [code] = await once(child, "close")
  const clock = performance.now() - begun
  if (code !== 0) throw new Error(`${args.join(" ")} ended with ${code}`)
  return { clock, cpu: usedByChildren() - used }
}

const plainServer = `import { createServer } from "node:http"
createServer((_, response) => response.end("{}")).listen(0, "127.0.0.1", function () {
  console.log("listens on http://127.0.0.1:" + this.address().port)
})
process.on("SIGTERM", () => process.exit(0))`
const plain = "a plain node:http server"
const proxy = "webflow-users-proxy"
const servers = new Map<string, ReadonlyArray<string>>([
  [plain, [inFolder("server.mjs", plainServer)]],
  [proxy, [inRepository("apps/http-proxy/dist/main.js"), "--store", store, "--port", "0"]],
])

/** Until the first answer, in milliseconds, and the memory when nobody has asked for a second since. */
const answered = async (name: string) => {
  const begun = performance.now()
  const { origin, pid, stop } = await serve(process.execPath, servers.get(name) ?? [], { env, cwd: folder })
  // Whatever it answers: nobody is let in without a token.
  await new Promise<void>((resolve, reject) => {
    get(`${origin}/v2/sites/${siteId}/users/${userId}`, (answer) => answer.resume().on("end", resolve)).on(
      "error",
      reject,
    )
  })
  const first = performance.now() - begun
  await pass(1000)
  const [memory, own] = [memoryOf(pid), memoryOf(pid, "RssAnon")]
  await stop()
  return { first, memory, own }
}

const least = (values: ReadonlyArray<number>): number => Math.min(...values)
const mean = (values: ReadonlyArray<number>): number => values.reduce((sum, value) => sum + value, 0) / values.length

try {
  await run([cli, "import", members, "--site", siteId, "--store", store], { env, cwd: folder })
  // The first turn fills caches.
  await inTurn([...programs.keys()], 1, timed)
  const timings = await inTurn([...programs.keys()], rounds, timed)
  const figures = (name: string) => {
    const seen = timings.get(name) ?? []
    const [clocks, cpus] = [seen.map(({ clock }) => clock), seen.map(({ cpu }) => cpu)]
    return { clock: median(clocks), least: least(clocks), cpu: mean(cpus) }
  }
  const floor = figures(empty)
  const over = (name: string) => {
    const { clock, least: shortest, cpu } = figures(name)
    return [clock, clock / floor.clock, shortest, shortest / floor.least, cpu, cpu / floor.cpu] as const
  }

  await inTurn([...servers.keys()], 1, answered)
  const answers = await inTurn([...servers.keys()], served, answered)
  const of = (name: string, key: "first" | "memory" | "own") =>
    median((answers.get(name) ?? []).map((answer) => answer[key]))

  const wanted = { "--version": 1.8, "--help": 2, "update, over HTTP": 2.3, "update, in a file": 3 } satisfies Record<
    keyof typeof commands,
    number
  >
  report(
    [
      {
        title: "A process that runs",
        columns: ["median ms", "over empty", "least ms", "over empty", "CPU ms", "over empty"],
        rows: [...programs.keys()].map((name) => [name, ...over(name)] as const),
      },
      {
        title: "A server",
        columns: ["first answer, ms", "idle memory, MB", "of that not Node's files, MB"],
        rows: [...servers.keys()].map(
          (name) => [name, of(name, "first"), of(name, "memory"), of(name, "own")] as const,
        ),
      },
    ],
    [
      ...Object.entries(wanted).map(([name, atMost]) => ({
        what: `${name}, over an empty script`,
        atMost,
        measured: figures(`webflow-users ${name}`).clock / floor.clock,
      })),
      // 250 ms, where a plain server takes 75.
      {
        what: "the proxy's first answer, over a plain server's",
        atMost: 3.3,
        measured: of(proxy, "first") / of(plain, "first"),
      },
      { what: "MB of memory of a proxy that nobody asks", atMost: 90, measured: of(proxy, "memory") },
    ],
  )
} finally {
  upstream.close()
  rmSync(folder, { recursive: true })
}
