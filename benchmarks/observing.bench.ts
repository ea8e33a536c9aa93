/** What it costs a request to be seen: by nobody, with an id, in the log, in the metrics, in traces. In process, on a store in memory. */
import { spawn } from "node:child_process"
import { once } from "node:events"
import { createServer } from "node:http"
import type { AddressInfo } from "node:net"
import { inRepository } from "./processes.ts"
import { isQuick, report } from "./report.ts"
import { inTurn, median } from "./rounds.ts"

const nobody = "nobody looks"
const everybody = "log and metrics"
const ways = isQuick ? [nobody, everybody] : [nobody, "request ids", "log", "metrics", everybody, "traces"]
const methods = ["GET", "PATCH"]
const [rounds, requests] = isQuick ? [1, 4000] : [3, 40_000]

// Takes all that comes.
const collector = createServer((request, response) => request.resume().on("end", () => response.end())).listen(
  0,
  "127.0.0.1",
)
await once(collector, "listening")
const { port } = collector.address() as AddressInfo

/** Microseconds of CPU a request. */
const measure = async (what: string) => {
  const [method = "", how = ""] = what.split(": ")
  const load = inRepository("benchmarks/observing-load.ts")
  const child = spawn(process.execPath, [load, how, method, `http://127.0.0.1:${port}`, String(requests)], {
    stdio: ["ignore", "pipe", "pipe"],
  })
  // The log is read, as whatever collects it would.
  child.stderr.resume()
  const [output] = await Promise.all([child.stdout.toArray(), once(child, "close")])
  const micros = Number(Buffer.concat(output).toString())
  if (!(micros > 0)) throw new Error(`${what}: it failed`)
  return micros
}

const seen = await inTurn(
  methods.flatMap((method) => ways.map((way) => `${method}: ${way}`)),
  rounds,
  measure,
)
collector.close()

const of = (method: string, way: string) => median(seen.get(`${method}: ${way}`) ?? [])
report(
  methods.map((method) => ({
    title: `A ${method} that is seen by`,
    columns: ["CPU µs", "×"],
    rows: ways.map((way) => [way, of(method, way), of(method, way) / of(method, nobody)] as const),
  })),
  methods.map((method) => ({
    what: `a ${method} in the log and the metrics ÷ one that nobody looks at`,
    atMost: 1.5,
    measured: of(method, everybody) / of(method, nobody),
  })),
)
