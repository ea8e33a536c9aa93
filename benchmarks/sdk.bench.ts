/**
 * One call of the SDK, 50 at a time, beside undici's own `Pool.request`, `fetch`, and the official SDK: CPU of the caller's
 * process for each, and calls a second. Every contender is a process of its own, and so is the server, which has no limit.
 */
import { spawn } from "node:child_process"
import { once } from "node:events"
import { fileURLToPath } from "node:url"

/** Each with how many updates it makes a round: those that take a tenth of a millisecond and more are not given as many. */
const contenders = {
  "undici Pool.request": 40_000,
  "@webflow-users/sdk": 40_000,
  fetch: 4_000,
  "@webflow-users/sdk by fetch": 4_000,
  "webflow-api 3.1.3": 4_000,
}
const turns = 3
const roundsInTurn = 2

interface Round {
  readonly updates: number
  readonly milliseconds: number
  /** In milliseconds, of all threads. */
  readonly cpu: number
}

const path = (name: string) => fileURLToPath(new URL(name, import.meta.url))

const server = spawn(process.execPath, [path("bulk-server.ts")], { stdio: ["pipe", "pipe", "inherit"] })
const [line] = (await once(server.stdout, "data")) as [Buffer]
const origin = /listens on (http:\S+)/.exec(String(line))?.[1] ?? ""

const measure = async (name: string, updates: number): Promise<ReadonlyArray<Round>> => {
  const args = [path("sdk-load.ts"), name, origin, String(updates), String(roundsInTurn)]
  const child = spawn(process.execPath, args, { stdio: ["ignore", "pipe", "inherit"] })
  const [output] = await Promise.all([child.stdout.toArray(), once(child, "close")])
  if (child.exitCode !== 0) throw new Error(`${name} did not come to its end`)
  const lines = Buffer.concat(output).toString().trim().split("\n")
  return lines.map((each) => JSON.parse(each) as Round)
}

const seen = new Map(Object.keys(contenders).map((name) => [name, new Array<Round>()]))
try {
  for (let turn = 0; turn < turns; turn += 1) {
    const order = Object.entries(contenders)
    // From either end, so that a machine that drifts drifts for all.
    for (const [name, updates] of turn % 2 === 0 ? order : order.toReversed()) {
      seen.get(name)?.push(...(await measure(name, updates)))
    }
  }
} finally {
  server.kill()
}

const best = (name: string) => {
  const rounds = seen.get(name) ?? []
  return {
    micros: Math.min(...rounds.map(({ cpu, updates }) => (cpu / updates) * 1000)),
    rate: Math.max(...rounds.map(({ updates, milliseconds }) => (updates / milliseconds) * 1000)),
  }
}
const [undici, official] = [best("undici Pool.request"), best("webflow-api 3.1.3")]
console.log("| 50 at a time | CPU µs a call | ÷ undici | calls a second | × webflow-api |\n|---|--:|--:|--:|--:|")
for (const name of seen.keys()) {
  const { micros, rate } = best(name)
  const numbers = [
    micros.toFixed(0),
    (micros / undici.micros).toFixed(2),
    rate.toFixed(0),
    (rate / official.rate).toFixed(1),
  ]
  console.log(`| ${[name, ...numbers].join(" | ")} |`)
}
