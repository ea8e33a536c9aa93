/** What it costs a request to be seen: by nobody, with an id, in the log, in the metrics, in traces. In process, on a store in memory. */
import { spawn } from "node:child_process"
import { once } from "node:events"
import { createServer } from "node:http"
import type { AddressInfo } from "node:net"
import { fileURLToPath } from "node:url"

const ways = ["nobody looks", "request ids", "log", "metrics", "log and metrics", "traces"]
const rounds = 5

// Takes all that comes.
const collector = createServer((request, response) => request.resume().on("end", () => response.end())).listen(
  0,
  "127.0.0.1",
)
await once(collector, "listening")
const { port } = collector.address() as AddressInfo

const measure = async (how: string, method: string) => {
  const load = fileURLToPath(new URL("observing-load.ts", import.meta.url))
  const child = spawn(process.execPath, [load, how, method, `http://127.0.0.1:${port}`], {
    stdio: ["ignore", "pipe", "pipe"],
  })
  // The log is read, as whatever collects it would.
  child.stderr.resume()
  const [output] = await Promise.all([child.stdout.toArray(), once(child, "close")])
  const micros = Number(Buffer.concat(output).toString())
  if (!(micros > 0)) throw new Error(`${how}: it failed`)
  return micros
}

for (const method of ["GET", "PATCH"]) {
  const seen = new Map(ways.map((way) => [way, [] as Array<number>]))
  for (let round = 0; round < rounds; round += 1) {
    for (const way of round % 2 === 0 ? ways : ways.toReversed()) seen.get(way)?.push(await measure(way, method))
  }
  const median = (way: string) => seen.get(way)?.toSorted((a, b) => a - b)[Math.floor(rounds / 2)] ?? Number.NaN
  for (const way of ways) {
    const all = seen
      .get(way)
      ?.map((micros) => micros.toFixed(1))
      .join(" / ")
    const ratio = median(way) / median("nobody looks")
    console.log(`${method.padEnd(6)} ${way.padEnd(16)} ${median(way).toFixed(1)} µs CPU, ${ratio.toFixed(2)} (${all})`)
  }
}
collector.close()
