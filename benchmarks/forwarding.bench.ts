/**
 * One PATCH passed on to another server: the proxy as it is built, beside what else would stand there. 50 connections of
 * wrk; behind is nginx, which answers the documented example. Each proxy has the first processor for itself, load and
 * server behind have the second, so that the rate is what one core of the proxy can do.
 *
 * The row compared is the proxy that passes callers' tokens on and logs no requests: nobody beside it knows callers or
 * writes a log. What those two cost stands in rows of their own.
 */
import { spawnSync } from "node:child_process"
import { availableParallelism } from "node:os"
import { freePort } from "../test/free-port.ts"
import { path, update, user } from "./forwarding-example.ts"
import { hasNginx, serveNginx } from "./nginx.ts"
import { documentForPrism } from "./prism-document.ts"
import { cpuOf, inRepository, memoryOf, run, type Served, serve } from "./processes.ts"
import { type Goal, isQuick, report } from "./report.ts"
import { inTurn, median } from "./rounds.ts"
import { serveSilent } from "./silent.ts"
import { temporaryFolder } from "./temporary-folder.ts"
import { type Answered, load } from "./wrk.ts"

const connections = 50
const seconds = 1
const rounds = isQuick ? 1 : 9

// What this process starts is where it is: load and server behind. Without `taskset` all are where the system puts them.
const isPinned =
  availableParallelism() >= 2 && spawnSync("taskset", ["--all-tasks", "-pc", "1", String(process.pid)]).status === 0
const alone = isPinned ? ["taskset", "-c", "0"] : []

const [command = process.execPath, ...prefix] = [...alone, process.execPath]
const start = (args: ReadonlyArray<string>, env: NodeJS.ProcessEnv = {}) =>
  serve(command, [...prefix, ...args], { env })

const folder = temporaryFolder("forwarding")
const behind = hasNginx
  ? await serveNginx({ location: `return 200 '${user}';` })
  : await serve(process.execPath, [inRepository("benchmarks/forwarding-server.ts")])

const proxyFile = inRepository("apps/http-proxy/dist/main.js")
const proxy = (args: ReadonlyArray<string>, env: NodeJS.ProcessEnv = {}) =>
  start([proxyFile, "--port", "0", "--store", `${behind.origin}/v2`, ...args], env)

/** A token of our own, in a store of tokens; the server behind gets another one. */
const tokens = { WEBFLOW_USERS_STORE: `file:${folder}/tokens.db` }
const issued = await run(
  [inRepository("apps/cli/dist/main.js"), "token", "create", "--all-sites", "--scope", "users:write", "--json"],
  { env: tokens },
)
const { token } = JSON.parse(issued) as { readonly token: string }

const prism = async () => {
  const program = inRepository("benchmarks/peers/node_modules/@stoplight/prism-cli/dist/index.js")
  const port = await freePort()
  // It writes four lines a request, unless told otherwise, and where it is told so it does not say that it listens.
  const quiet = ["--verboseLevel", "warn", "--errors", "--port", String(port)]
  return serveSilent(command, [...prefix, program, "proxy", ...quiet, documentForPrism(folder), behind.origin], port)
}

const peer = (name: string) => () => start([inRepository(`benchmarks/peers/${name}.mjs`), behind.origin])

const ours = "webflow-users-proxy"
const logging = `${ours}, a line of log a request`
const holding = `${ours}, its own tokens checked`
const rawRequest = "`node:http`, undici `request`, nothing checked"
const rawDispatch = "`node:http`, ajv, undici `dispatch`"
const fastify = "fastify, its ajv, undici `request`"
const stoplight = "Stoplight Prism, proxy"
const nginx = "nginx, nothing checked"
const direct = "no proxy"

type Starts = Readonly<Record<string, () => Promise<Served>>>

const compared: Starts = {
  [ours]: () => proxy(["--auth", "passthrough", "--log-level", "warn"]),
  [rawRequest]: peer("forward-request"),
  [rawDispatch]: peer("forward-dispatch"),
  [fastify]: peer("forward-fastify"),
  [stoplight]: prism,
}
const toldToo: Starts = {
  [logging]: () => proxy(["--auth", "passthrough"]),
  [holding]: () =>
    proxy(["--log-level", "warn"], {
      WEBFLOW_USERS_TOKEN: "upstream",
      WEBFLOW_USERS_TOKEN_STORE: tokens.WEBFLOW_USERS_STORE,
    }),
  ...(hasNginx && {
    [nginx]: () =>
      serveNginx(
        {
          http: `upstream behind { server ${new URL(behind.origin).host}; keepalive 64; keepalive_requests 1000000000; }`,
          location: 'proxy_pass http://behind; proxy_http_version 1.1; proxy_set_header Connection "";',
        },
        alone,
      ),
  }),
}

interface Contender extends Served {
  readonly idle: number
}
const contenders = new Map<string, Contender>()

const ask = ({ origin }: Pick<Served, "origin">, duration: number) =>
  load({
    url: origin + path,
    method: "PATCH",
    headers: { authorization: `Bearer ${token}`, "content-type": "application/json" },
    body: update,
    connections,
    seconds: duration,
  })

interface Seen extends Answered {
  /** Microseconds a request. */
  readonly cpu: number | undefined
}

const measure = async (name: string): Promise<Seen> => {
  const contender = contenders.get(name)
  if (contender === undefined) return { ...(await ask(behind, seconds)), cpu: undefined }
  const before = cpuOf(contender.pid)
  const answered = await ask(contender, seconds)
  return { ...answered, cpu: (cpuOf(contender.pid) - before) / answered.requests }
}

try {
  for (const [name, begin] of Object.entries({ ...compared, ...(!isQuick && toldToo) })) {
    const served = await begin()
    contenders.set(name, { ...served, idle: memoryOf(served.pid) })
  }
  // What is measured later is compiled here, of each by itself: together they would take the time for it from each other.
  for (const name of contenders.keys()) await ask(contenders.get(name) ?? behind, isQuick ? 1 : 10)
  const seen = await inTurn([...contenders.keys(), ...(isQuick ? [] : [direct])], rounds, measure)

  // Of what is done, a busy machine only takes away, and the best round tells most. How long the slowest wait is different in
  // each round, for everybody: the least would be luck. So the middle is told, and compared is what was measured in one round.
  const best = (name: string) => {
    const all = seen.get(name) ?? []
    return {
      cpu: Math.min(...all.map(({ cpu = Number.NaN }) => cpu)),
      rate: Math.max(...all.map(({ perSecond }) => perSecond)),
      p50: median(all.map(({ p50 }) => p50)),
      p99: median(all.map(({ p99 }) => p99)),
    }
  }
  const slowest = (name: string) => {
    const others = seen.get(rawRequest) ?? []
    return median((seen.get(name) ?? []).map(({ p99 }, round) => p99 / (others[round]?.p99 ?? Number.NaN)))
  }
  const [mine, request, dispatch] = [best(ours), best(rawRequest), best(rawDispatch)]
  const rows = [...seen.keys()].map((name) => {
    const { cpu, rate, p50, p99 } = best(name)
    const ofRequest = slowest(name)
    const contender = contenders.get(name)
    const [usage, memory] =
      contender === undefined
        ? [[], []]
        : [
            [cpu, cpu / dispatch.cpu],
            [contender.idle, memoryOf(contender.pid)],
          ]
    const [micros, ofDispatch] = usage
    const [idle, after] = memory
    return [name, micros, ofDispatch, rate, rate / request.rate, p50, p99, ofRequest, idle, after] as const
  })
  const goals: ReadonlyArray<Goal> = [
    { what: "requests/s, of undici `request` with nothing checked", atLeast: 0.8, measured: mine.rate / request.rate },
    { what: "CPU a request, of ajv and undici `dispatch`", atMost: 1.25, measured: mine.cpu / dispatch.cpu },
    { what: "requests/s, of fastify's", atLeast: 1, measured: mine.rate / best(fastify).rate },
    { what: "requests/s, of Prism's", atLeast: 15, measured: mine.rate / best(stoplight).rate },
    { what: "p99, of undici `request` with nothing checked", atMost: 1.3, measured: slowest(ours) },
  ]
  report(
    [
      {
        title: `A PATCH passed on, ${connections} connections${isPinned ? ", a core for each proxy" : ""}`,
        columns: [
          "CPU µs",
          "of dispatch",
          "a second",
          "of request",
          "p50 ms",
          "p99 ms",
          "of request's",
          "MB idle",
          "MB after",
        ],
        rows,
      },
    ],
    goals,
  )
} finally {
  for (const { stop } of contenders.values()) await stop()
  await behind.stop()
}
