/**
 * 100,000 updates: in a store of one's own, where each is an event and on the disk before it counts, beside the same by hand;
 * over HTTP without a limit, beside undici; and 3,000 at a server that allows 200 in a window. Every contender and every
 * server is a process of its own.
 *
 * `STORE=postgres://… npm run bench bulk` measures that store alone, and leaves its users there.
 */
import { type ChildProcess, spawn } from "node:child_process"
import { randomBytes } from "node:crypto"
import { once } from "node:events"
import { copyFileSync, mkdtempSync, rmSync, writeFileSync } from "node:fs"
import { DatabaseSync } from "node:sqlite"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { text } from "node:stream/consumers"
import { setTimeout as sleep } from "node:timers/promises"
import { fileURLToPath } from "node:url"
import { type Outcome, onAnyStore, onSqlite, overHttp, throttled, userIdOf } from "./bulk-load.ts"
import type { Taken } from "./bulk-meter.ts"
import type { Report } from "./pacing-server.ts"

const count = 100_000
/** A call by fetch takes many times as long as one by undici. */
const countOf = (name: string) => (name.includes("fetch") ? count / 10 : count)
/** For how long each may begin updates, in seconds, so that the whole run stays below four minutes on a slow disk too. */
const mostTime = { ownStore: 6, overHttp: 25, commandLine: 25 } as const
/** When there is no time left for one more round. */
const lastRound = 170_000
/** Nobody takes as long as this, unless something is wrong. */
const patience = 120_000

const began = performance.now()
const siteId = "580e63e98c9a982ac9b8b741"
const folder = mkdtempSync(join(tmpdir(), "webflow-users-bulk-"))
const path = (name: string) => fileURLToPath(new URL(`../${name}`, import.meta.url))

interface Means {
  readonly env?: NodeJS.ProcessEnv
  readonly timeout?: number
}

const start = (args: ReadonlyArray<string>, { env, timeout }: Means = {}) =>
  spawn(process.execPath, args, {
    stdio: ["pipe", "pipe", "inherit"],
    cwd: folder,
    env: { ...process.env, ...env },
    timeout,
  })

/** The last line that a process prints. */
const said = async <A>(name: string, child: ChildProcess & { readonly stdout: NodeJS.ReadableStream }) => {
  const [output] = await Promise.all([text(child.stdout), once(child, "close")])
  if (child.exitCode !== 0) throw new Error(`${name} did not come to its end: ${output}`)
  return JSON.parse(output.trim().split("\n").at(-1) ?? "") as A
}

interface Trial {
  readonly store: string
  readonly site?: string
  readonly updates?: number
  readonly seconds?: number
}

const run = ({ store, site = siteId, updates = count, seconds = patience / 1000 }: Trial, name: string) => {
  const args = [path("benchmarks/bulk-load.ts"), name, site, String(updates), String(seconds)]
  return said<Outcome>(name, start(args, { env: { STORE: store }, timeout: patience }))
}

/** Starts a server. Gives its origin, and how to end it. */
const serve = async (file: string, ...args: ReadonlyArray<string>) => {
  const server = start([path(`benchmarks/${file}`), ...args])
  const [line] = (await once(server.stdout, "data")) as [Buffer]
  const origin = /listens on (http:\S+)/.exec(String(line))?.[1]
  if (origin === undefined) throw new Error(`The server said ${String(line)}`)
  return { origin, [Symbol.dispose]: () => void server.kill() }
}

/** Each of them up to so often, in turn from either end: a machine that drifts drifts for all. */
const measure = async (names: ReadonlyArray<string>, rounds: number, one: (name: string) => Promise<Outcome>) => {
  const seen = new Map(names.map((name) => [name, new Array<Outcome>()]))
  for (let round = 0; round === 0 || (round < rounds && performance.now() - began < lastRound); round += 1) {
    for (const name of round % 2 === 0 ? names : names.toReversed()) seen.get(name)?.push(await one(name))
  }
  return seen
}

const rateOf = ({ updates, milliseconds }: Outcome) => (updates / milliseconds) * 1000

/** The best of each; of its memory, the most. Those that are named are what the others are measured by. */
const tell = (title: string, seen: ReadonlyMap<string, ReadonlyArray<Outcome>>, yardsticks: ReadonlyArray<string>) => {
  const best = (name: string) => Math.max(...(seen.get(name) ?? []).map(rateOf))
  const heads = ["updates", "a second", ...yardsticks.map((name) => `÷ ${name}`), "CPU µs each", "peak MB"]
  console.log(`\n| ${[title, ...heads].join(" | ")} |\n|---|${heads.map(() => "--:|").join("")}`)
  for (const [name, outcomes] of seen) {
    const numbers = [
      Math.max(...outcomes.map(({ updates }) => updates)),
      best(name).toFixed(0),
      ...yardsticks.map((yardstick) => (best(name) / best(yardstick)).toFixed(2)),
      Math.min(...outcomes.map(({ cpu, updates }) => (cpu / updates) * 1000)).toFixed(0),
      Math.max(...outcomes.map(({ memory }) => memory)).toFixed(0),
    ]
    console.log(`| ${[name, ...numbers].join(" | ")} |`)
  }
}

/** That all was done, before anything is said of how fast. */
const check = (file: string, { updates }: Outcome) => {
  const database = new DatabaseSync(file, { readOnly: true })
  const numberOf = (sql: string) => Object.values(database.prepare(sql).get() ?? {})[0]
  const events = numberOf("SELECT count(*) FROM user_events")
  const users = numberOf(`SELECT count(*) FROM users WHERE document ->> '$.data.plan' = 'gold'
    AND document ->> '$.accessGroups[0].slug' = 'free' AND document ->> '$.accessGroups[1].slug' = 'vip'`)
  database.close()
  if (events !== updates || users !== updates) throw new Error(`Of ${updates}, ${users} users and ${events} events`)
}

const ownFile = async () => {
  const seeded = join(folder, "seeded.db")
  await run({ store: `file:${seeded}` }, "seed")
  const onCopy = async (measured: (store: string) => Promise<Outcome>) => {
    const file = join(folder, "users.db")
    for (const end of ["", "-wal", "-shm"]) rmSync(file + end, { force: true })
    copyFileSync(seeded, file)
    const outcome = await measured(`file:${file}`)
    check(file, outcome)
    return outcome
  }
  const names = [...Object.keys(onSqlite), ...Object.keys(onAnyStore)]
  const seen = await measure(names, 2, (name) => onCopy((store) => run({ store, seconds: mostTime.ownStore }, name)))

  // A file is carried out whole: how long it may be is what the others found.
  const fastest = Math.max(...Object.keys(onAnyStore).flatMap((name) => (seen.get(name) ?? []).map(rateOf)))
  const updates = Math.min(count, Math.round(fastest * mostTime.commandLine))
  const ofCommand = await onCopy((store) => carriedOut(store, updates))
  tell("A SQLite file, synchronous=FULL", seen.set("webflow-users bulk FILE --yes", [ofCommand]), Object.keys(onSqlite))
}

/** The whole of a command: reading, planning, the journal. */
const carriedOut = async (store: string, updates: number): Promise<Outcome> => {
  const table = join(folder, "changes.csv")
  const rows = Array.from({ length: updates }, (_, index) => `${userIdOf(index)},gold,vip\n`)
  writeFileSync(table, `id,plan,add-groups\n${rows.join("")}`)
  const meter = ["--import", path("benchmarks/bulk-meter.ts")]
  const command = [path("apps/cli/dist/main.js"), "bulk", siteId, table, "--yes", "--store", store]
  return { ...(await said<Taken>("bulk", start([...meter, ...command], { timeout: patience }))), updates }
}

/** A site of its own for each, so that each finds users that nobody has changed. */
const givenStore = async (store: string) => {
  const one = async (name: string) => {
    const site = randomBytes(12).toString("hex")
    await run({ store, site }, "seed")
    return await run({ store, site, seconds: mostTime.ownStore }, name)
  }
  const names = Object.keys(onAnyStore)
  tell("The store that was given", await measure(names, 2, one), names.slice(0, 1))
}

const otherServer = async () => {
  using server = await serve("bulk-server.ts")
  const { origin } = server
  const received = async () => Number(await (await fetch(`${origin}/count`)).text())
  const one = async (name: string) => {
    const before = await received()
    const result = await run({ store: `${origin}/v2`, updates: countOf(name), seconds: mostTime.overHttp }, name)
    const lost = result.updates - ((await received()) - before)
    if (lost !== 0) throw new Error(`${name} has lost ${lost}`)
    return result
  }
  const names = Object.keys(overHttp)
  // The first one is not to meet a server that has done nothing yet.
  await run({ store: `${origin}/v2`, updates: count / 10 }, names[0] ?? "")
  tell("Over HTTP, no limit, 50 at a time", await measure(names, 2, one), names.slice(0, 1))
}

/** Both kinds of server side by side, half a window apart: what is done in a window takes a fraction of it. */
const withinLimit = async () => {
  const [updates, limit, window] = [3_000, 200, 1_000]
  const floor = (Math.ceil(updates / limit) - 1) * window
  const name = Object.keys(throttled)[0] ?? ""
  const kinds = ["fixed", "sliding"]
  const results = await Promise.all(
    kinds.map(async (kind, index) => {
      await sleep((index * window) / 2)
      using server = await serve("pacing-server.ts", kind, String(limit), String(window))
      const result = await run({ store: `${server.origin}/v2`, updates }, name)
      const report = (await (await fetch(`${server.origin}/report`)).json()) as Report
      return { ...result, ...report }
    }),
  )
  console.log(`\n| ${updates} at ${limit} a window of ${window} ms | wall ÷ floor | 429s met | lost | peak MB |`)
  console.log("|---|--:|--:|--:|--:|")
  for (const [index, { milliseconds, refused, users, memory }] of results.entries()) {
    const numbers = [(milliseconds / floor).toFixed(3), refused, updates - users, memory.toFixed(0)]
    console.log(`| ${name}, ${kinds[index]} windows | ${numbers.join(" | ")} |`)
  }
}

const store = process.env["STORE"]
try {
  if (store === undefined) {
    await ownFile()
    await otherServer()
    await withinLimit()
  } else {
    await givenStore(store)
  }
} finally {
  rmSync(folder, { recursive: true, force: true })
}
console.log(`\nIn ${((performance.now() - began) / 1000).toFixed(0)} s.`)
