/**
 * A durable PATCH over HTTP: our proxy on a SQLite file, beside servers written by hand on the same tables, beside what keeps nothing,
 * in one run. `synchronous=FULL` everywhere, and each update leaves the row of its event, with the user before and after it.
 */
import { copyFileSync, readFileSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { pathToFileURL } from "node:url"
import { documentForPrism } from "./prism-document.ts"
import { cpuOf, inRepository, memoryOf, run, serve } from "./processes.ts"
import { isQuick, report } from "./report.ts"
import { inTurn, median } from "./rounds.ts"
import { temporaryFolder } from "./temporary-folder.ts"
import { load } from "./wrk.ts"

const rounds = isQuick ? 1 : 5
const seconds = isQuick ? 1 : 3
const siteId = "580e63e98c9a982ac9b8b741"
const ids = Array.from({ length: 1_000 }, (_, index) => `6287ec36a841b25637${(0x100000 + index).toString(16)}`)

const folder = temporaryFolder("bench")
const seed = join(folder, "seed.db")
const cli = (...args: ReadonlyArray<string>) => run([inRepository("apps/cli/dist/main.js"), ...args, "--json"])

const members = ids.map((id, index) => ({
  id,
  isEmailVerified: true,
  lastUpdated: "2022-05-20T13:46:12.093Z",
  createdOn: "2022-05-20T13:46:12.093Z",
  status: "verified",
  accessGroups: [{ slug: "webflowers", type: "admin" }],
  data: { name: `Member ${index}`, email: `member${index}@example.com`, "accept-privacy": true },
}))
const membersFile = join(folder, "members.json")
writeFileSync(membersFile, JSON.stringify(members))
await cli("import", membersFile, "--site", siteId, "--store", `file:${seed}`)
const created = await cli("token", "create", "--site", siteId, "--scope", "users:write", "--store", `file:${seed}`)
const { token } = JSON.parse(created) as { readonly token: string }

const copyOf = (name: string) => {
  const file = join(folder, `${name}.db`)
  copyFileSync(seed, file)
  return file
}
const peer = (name: string) => inRepository(`benchmarks/peers/${name}`)
const byHand = (driver: "node:sqlite" | "better-sqlite3", commits: "each" | "group" | "worker") => [
  peer("durable-server.mjs"),
  driver,
  commits,
  copyOf(`${driver}-${commits}`.replace(":", "-")),
]

const each = "by hand, node:sqlite, a transaction each"
const eachBetter = "by hand, better-sqlite3, a transaction each"
const group = "by hand, node:sqlite, group commit"
const groupBetter = "by hand, better-sqlite3, group commit"
const worker = "by hand, node:sqlite, group commit in a thread"
const plain = "plain node:http, keeps nothing"
const prism = "Prism mock, keeps nothing"
const ours = "webflow-users-proxy, file:"
const proxy = inRepository("apps/http-proxy/dist/main.js")
// Nobody else writes a line for each request either.
const quiet = ["--log-level", "warn", "--port", "0"]

const commands: Readonly<Record<string, ReadonlyArray<string>>> = {
  [each]: byHand("node:sqlite", "each"),
  [eachBetter]: byHand("better-sqlite3", "each"),
  [group]: byHand("node:sqlite", "group"),
  [groupBetter]: byHand("better-sqlite3", "group"),
  [worker]: byHand("node:sqlite", "worker"),
  [plain]: [peer("plain-http.mjs")],
  [prism]: [peer("prism-mock.mjs"), documentForPrism(folder)],
  [ours]: [proxy, "--store", `file:${copyOf("ours")}`, ...quiet],
}
// The two drivers do the same work, and a thread is a question that was answered (docs/decisions/0028): daily use is told by one of them.
const onceInAWhile = new Set([eachBetter, groupBetter, worker])
const names = Object.keys(commands).filter((name) => !isQuick || !onceInAWhile.has(name))

const watching = pathToFileURL(inRepository("benchmarks/event-loop-delay.mjs")).href
const start = async (name: string, index: number) => {
  const delayFile = join(folder, `${index}.delay`)
  const env = { EVENT_LOOP_DELAY: delayFile }
  return { ...(await serve(process.execPath, ["--import", watching, ...(commands[name] ?? [])], { env })), delayFile }
}
type Server = Awaited<ReturnType<typeof start>>
const servers = new Map<string, Server>()
const serverOf = (name: string): Server => {
  const server = servers.get(name)
  if (server === undefined) throw new Error(`${name} was not started`)
  return server
}

const ask = async (name: string, connections: number, users = ids, duration = seconds) => {
  const { origin, pid } = serverOf(name)
  const before = cpuOf(pid)
  const answered = await load({
    url: origin,
    paths: users.map((id) => `/v2/sites/${siteId}/users/${id}`),
    method: "PATCH",
    headers: { authorization: `Bearer ${token}`, "content-type": "application/json" },
    body: JSON.stringify({ data: { name: "Some One", "accept-privacy": false } }),
    connections,
    seconds: duration,
  })
  return { ...answered, cpu: (cpuOf(pid) - before) / answered.requests }
}

/** A round for itself: to look every millisecond has its price. */
const delayOf = async (name: string) => {
  const { pid, delayFile } = serverOf(name)
  process.kill(pid, "SIGUSR2")
  await ask(name, 16)
  process.kill(pid, "SIGUSR2")
  for (;;) {
    try {
      return JSON.parse(readFileSync(delayFile, "utf8")) as {
        readonly p50: number
        readonly p99: number
        readonly max: number
      }
    } catch {
      await new Promise((resolve) => setImmediate(resolve))
    }
  }
}

type Asked = Awaited<ReturnType<typeof ask>>
/** The best of the rounds: whatever else a machine does takes away, and never gives. */
const best = (all: ReadonlyArray<Asked> = []) => ({
  perSecond: Math.max(...all.map(({ perSecond }) => perSecond)),
  cpu: Math.min(...all.map(({ cpu }) => cpu)),
  p50: median(all.map(({ p50 }) => p50)),
  p99: median(all.map(({ p99 }) => p99)),
})

try {
  await Promise.all(names.map(async (name, index) => servers.set(name, await start(name, index))))
  // Code is compiled, and memory taken, before anybody is measured.
  if (isQuick) await Promise.all(names.map((name) => ask(name, 16, ids, 2)))
  else for (const name of names) await ask(name, 16, ids, 2)
  const many = await inTurn(names, rounds, (name) => ask(name, 16))
  const lonely = await inTurn(isQuick ? [each, ours] : [each, eachBetter, ours], rounds, (name) => ask(name, 1))
  const hot = await inTurn(isQuick ? [] : [group, ours], rounds, (name) => ask(name, 16, ids.slice(0, 1)))
  const delays = new Map<string, Awaited<ReturnType<typeof delayOf>>>()
  for (const name of isQuick ? [ours] : [plain, each, group, worker, ours]) delays.set(name, await delayOf(name))

  const at16 = (name: string) => best(many.get(name))
  const alone = (name: string) => best(lonely.get(name))
  const rate = (...contenders: ReadonlyArray<string>) => Math.max(...contenders.map((name) => at16(name).perSecond))
  // The better driver is the yardstick.
  const lone = Math.max(alone(each).perSecond, alone(eachBetter).perSecond)
  const handRate = rate(each, eachBetter)
  const groupRate = rate(group, groupBetter)
  const hotHand = best(hot.get(group)).perSecond
  report(
    [
      {
        title: "16 connections, 1,000 users",
        columns: [
          "requests/s",
          "÷ a transaction each",
          "÷ group commit by hand",
          "CPU µs",
          "÷ plain node:http",
          "p50 ms",
          "p99 ms",
          "MB",
        ],
        rows: names.map((name) => {
          const { perSecond, cpu, p50, p99 } = at16(name)
          const share = cpu / at16(plain).cpu
          return [
            name,
            perSecond,
            perSecond / handRate,
            perSecond / groupRate,
            cpu,
            share,
            p50,
            p99,
            memoryOf(serverOf(name).pid),
          ]
        }),
      },
      {
        title: "One caller, 1,000 users",
        columns: ["requests/s", "÷ a transaction each", "CPU µs", "p50 ms", "p99 ms"],
        rows: [...lonely].map(([name, all]) => {
          const { perSecond, cpu, p50, p99 } = best(all)
          return [name, perSecond, perSecond / lone, cpu, p50, p99]
        }),
      },
      {
        title: "16 connections, all on one user",
        columns: ["requests/s", "÷ group commit by hand", "CPU µs", "p50 ms", "p99 ms"],
        rows: [...hot].map(([name, all]) => {
          const { perSecond, cpu, p50, p99 } = best(all)
          return [name, perSecond, perSecond / hotHand, cpu, p50, p99]
        }),
      },
      {
        title: "How late the event loop is, 16 connections",
        columns: ["p50 ms", "p99 ms", "most ms"],
        rows: [...delays].map(([name, { p50, p99, max }]) => [name, p50, p99, max]),
      },
    ],
    [
      { what: "times as fast as a transaction each, by hand", atLeast: 5, measured: rate(ours) / handRate },
      { what: "times as fast as group commit by hand", atLeast: 0.7, measured: rate(ours) / groupRate },
      { what: "times as fast as Prism's mock", atLeast: 4, measured: rate(ours) / rate(prism) },
      {
        what: "CPU a request, times a plain node:http server's",
        atMost: 3,
        measured: at16(ours).cpu / at16(plain).cpu,
      },
      { what: "a lone caller, times a plain transaction by hand", atLeast: 1, measured: alone(ours).perSecond / lone },
    ],
  )
} finally {
  await Promise.all([...servers.values()].map(({ stop }) => stop()))
}
