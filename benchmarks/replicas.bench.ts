/**
 * One proxy that passes updates on, and two: whether what a request costs stays the same where several share a machine,
 * and the server behind. Two replicas know nothing of each other, so the rate is what the processors leave them: load and
 * server behind take theirs, which is why two processors cannot show twice the rate. How much they could show follows
 * from what a request costs in each process, measured with one proxy, and that is what two are held to.
 *
 * Callers' tokens are passed on, 25 connections a wrk, and as many wrks for one proxy as for two.
 */
import { readFileSync } from "node:fs"
import { availableParallelism } from "node:os"
import { path, update, user } from "./forwarding-example.ts"
import { hasNginx, serveNginx } from "./nginx.ts"
import { cpuOf, inRepository, serve, type Served } from "./processes.ts"
import { isQuick, report } from "./report.ts"
import { inTurn } from "./rounds.ts"
import { load } from "./wrk.ts"

const seconds = isQuick ? 1 : 3
const rounds = isQuick ? 2 : 6
const processors = availableParallelism()

const behind = hasNginx
  ? await serveNginx({ location: `return 200 '${user}';` })
  : await serve(process.execPath, [inRepository("benchmarks/forwarding-server.ts")])

const start = () =>
  serve(process.execPath, [
    inRepository("apps/http-proxy/dist/main.js"),
    "--port",
    "0",
    "--store",
    `${behind.origin}/v2`,
    "--auth",
    "passthrough",
    "--log-level",
    "warn",
  ])
const first = await start()
const second = await start()

/** Microseconds that the server behind has used, and the programs that were started here and have ended: wrk, that is. */
const usedBeside = () => {
  const fields = readFileSync("/proc/self/stat", "utf8").split(") ")[1]?.split(" ") ?? []
  return cpuOf(behind.pid) + (Number(fields[13]) + Number(fields[14])) * 10_000
}

const ask = async (targets: readonly [Served, Served], duration: number) => {
  const proxies = new Set(targets)
  const used = () => [...proxies].reduce((sum, { pid }) => sum + cpuOf(pid), 0)
  const before = { proxies: used(), beside: usedBeside() }
  const answered = await Promise.all(
    targets.map(({ origin }) =>
      load({
        url: origin + path,
        method: "PATCH",
        headers: { authorization: "Bearer token", "content-type": "application/json" },
        body: update,
        connections: 25,
        seconds: duration,
      }),
    ),
  )
  const requests = answered.reduce((sum, one) => sum + one.requests, 0)
  return {
    rate: answered.reduce((sum, one) => sum + one.perSecond, 0),
    cpu: (used() - before.proxies) / requests,
    beside: (usedBeside() - before.beside) / requests,
    p99: Math.max(...answered.map(({ p99 }) => p99)),
  }
}

/** One of them is each in its turn: both have then done as much, and are compiled as well. */
const contenders: Readonly<Record<string, (round: number) => readonly [Served, Served]>> = {
  "one proxy": (round) => (round % 2 === 0 ? [first, first] : [second, second]),
  "two proxies": () => [first, second],
}

try {
  await ask([first, second], isQuick ? 3 : 10)
  const seen = await inTurn(Object.keys(contenders), rounds, (name, round) =>
    ask(contenders[name]?.(round) ?? [first, second], seconds),
  )
  const best = (name: string) => {
    const all = seen.get(name) ?? []
    const least = (of: (one: (typeof all)[number]) => number) => Math.min(...all.map(of))
    return {
      cpu: least(({ cpu }) => cpu),
      beside: least(({ beside }) => beside),
      rate: Math.max(...all.map(({ rate }) => rate)),
      p99: least(({ p99 }) => p99),
    }
  }
  const [one, two] = [best("one proxy"), best("two proxies")]
  // A process works on one processor at a time; all of them together on all there are.
  const allowed = (proxies: number) => Math.min(proxies / one.cpu, processors / (one.cpu + one.beside)) * 1e6
  const possible = allowed(2) / allowed(1)
  const rows = (
    [
      ["one proxy", one, 1],
      ["two proxies", two, possible],
    ] as const
  ).map(([name, { cpu, beside, rate, p99 }, ratio]) => [name, cpu, beside, rate, rate / one.rate, ratio, p99] as const)
  report(
    [
      {
        title: `A PATCH passed on, 50 connections, ${processors} processors for all`,
        columns: ["CPU µs", "load and server, µs", "a second", "of one", "possible here", "p99 ms"],
        rows,
      },
    ],
    [
      { what: "CPU a request, two proxies, of one", atMost: 1.15, measured: two.cpu / one.cpu },
      {
        what: "requests/s, two proxies, of one and of what is possible here",
        atLeast: 0.85,
        measured: two.rate / one.rate / possible,
      },
    ],
  )
} finally {
  for (const { stop } of [first, second, behind]) await stop()
}
