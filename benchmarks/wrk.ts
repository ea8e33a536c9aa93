/** Load on a server, by Debian's `wrk`: written in C, it leaves the processor to who is measured. */
import { spawnSync, spawn } from "node:child_process"
import { once } from "node:events"
import { mkdtempSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"

export interface Asked {
  readonly url: string
  /** Asked for in turn, instead of the path of `url`. */
  readonly paths?: ReadonlyArray<string>
  readonly method?: string
  readonly headers?: Readonly<Record<string, string>>
  readonly body?: string
  readonly connections: number
  readonly seconds: number
}

export interface Answered {
  readonly requests: number
  readonly perSecond: number
  /** In milliseconds. */
  readonly p50: number
  readonly p99: number
}

const text = (value: string) => `[==[${value}]==]`

/** Requests are written once, and not again for each that is sent. */
const rotating = (paths: ReadonlyArray<string>) => `
local paths = {${paths.map(text).join(",")}}
local requests = {}
local last = 0
init = function(args)
  for i, path in ipairs(paths) do requests[i] = wrk.format(nil, path) end
end
request = function()
  last = last % #requests + 1
  return requests[last]
end`

const script = ({ method = "GET", headers = {}, body, paths }: Asked) => `
wrk.method = ${text(method)}
${Object.entries(headers)
  .map(([name, value]) => `wrk.headers[ ${text(name)} ] = ${text(value)}`)
  .join("\n")}
${body === undefined ? "" : `wrk.body = ${text(body)}`}
${paths === undefined ? "" : rotating(paths)}
done = function(summary, latency)
  local e = summary.errors
  io.write(string.format('\\n{"requests":%d,"micros":%d,"failed":%d,"p50":%.3f,"p99":%.3f}\\n', summary.requests,
    summary.duration, e.connect + e.read + e.write + e.status + e.timeout, latency:percentile(50) / 1000, latency:percentile(99) / 1000))
end
`

/** Asks the same again and again over so many connections; an answer that is no success is an error here. */
export const load = async (asked: Asked): Promise<Answered> => {
  if (spawnSync("wrk", ["--version"]).error !== undefined) {
    throw new Error("This benchmark needs wrk: apt-get install wrk")
  }
  const folder = mkdtempSync(join(tmpdir(), "webflow-users-wrk-"))
  const file = join(folder, "request.lua")
  writeFileSync(file, script(asked))
  const { connections, seconds, url } = asked
  // Slow is not failed: what takes longer than its timeout wrk counts among the errors.
  const child = spawn("wrk", ["-t1", `-c${connections}`, `-d${seconds}s`, "--timeout", "20s", "-s", file, url], {
    stdio: ["ignore", "pipe", "inherit"],
  })
  const [output] = await Promise.all([child.stdout.toArray(), once(child, "close")])
  rmSync(folder, { recursive: true })
  const said = Buffer.concat(output).toString()
  if (child.exitCode !== 0) throw new Error(`wrk ended with ${child.exitCode}: ${said}`)
  const { requests, micros, failed, p50, p99 } = JSON.parse(said.trim().split("\n").at(-1) ?? "") as {
    readonly requests: number
    readonly micros: number
    readonly failed: number
    readonly p50: number
    readonly p99: number
  }
  if (failed > 0) throw new Error(`${failed} of ${requests} requests failed`)
  return { requests, perSecond: (requests / micros) * 1e6, p50, p99 }
}
