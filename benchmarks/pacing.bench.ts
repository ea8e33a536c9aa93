/**
 * Many updates of a server that allows so many in a window: how close to the arithmetic floor, (⌈N ÷ limit⌉ − 1) windows,
 * without being refused and without losing any. Server and load are processes of their own.
 *
 * Both kinds of server run side by side, half a window apart: a contender works a fraction of each window and waits for the
 * rest, so that the two are not in each other's way.
 */
import { type ChildProcess, spawn } from "node:child_process"
import { once } from "node:events"
import { text } from "node:stream/consumers"
import { setTimeout as sleep } from "node:timers/promises"
import { fileURLToPath } from "node:url"
import { contenders, type Outcome } from "./pacing-load.ts"
import type { Report } from "./pacing-server.ts"

const limit = 200
const rounds = 2
/** Measured in the first round only, so that the whole run stays below three minutes. */
const isYardstick = (name: string) => name.startsWith("fetch")
/** Nobody takes as long as this, unless something is wrong. */
const patience = 60_000

const start = (file: string, ...args: ReadonlyArray<string>) =>
  spawn(process.execPath, [fileURLToPath(new URL(file, import.meta.url)), ...args], {
    stdio: ["pipe", "pipe", "inherit"],
    timeout: patience,
  })

const listening = async (child: ChildProcess): Promise<string> => {
  for await (const chunk of child.stdout ?? []) {
    const origin = /listens on (http:\S+)/.exec(String(chunk))?.[1]
    if (origin !== undefined) return origin
  }
  throw new Error("The server ended")
}

interface Trial {
  readonly name: string
  readonly kind: "fixed" | "sliding" | "random"
  readonly count: number
  readonly window: number
}

interface Result extends Outcome, Report {}

const run = async ({ name, kind, count, window }: Trial): Promise<Result> => {
  const server = start("pacing-server.ts", kind, String(limit), String(window))
  try {
    const origin = await listening(server)
    const load = start("pacing-load.ts", name, origin, String(count), String(limit), String(window))
    const [output] = await Promise.all([text(load.stdout), once(load, "close")])
    if (output === "") throw new Error(`${name} did not come to its end on ${kind} windows`)
    const report = (await (await fetch(`${origin}/report`)).json()) as Report
    return { ...(JSON.parse(output) as Outcome), ...report }
  } finally {
    server.kill()
  }
}

const tell = ({ name, kind, count }: Trial, results: ReadonlyArray<Result>, time: (milliseconds: number) => string) => {
  const each = (of: (result: Result) => string | number) => results.map(of).join(" ").padEnd(13)
  const columns = [
    each(({ milliseconds }) => time(milliseconds)),
    each(({ refused }) => refused),
    each(({ users }) => count - users),
    each(({ failed }) => failed),
    each(({ cpu }) => cpu.toFixed(0)),
  ]
  console.log(`${name.padEnd(22)} ${kind.padEnd(8)} ${columns.join(" ")}`)
}
const head = (time: string) => {
  const columns = [time, "429s met", "lost", "said to fail", "CPU µs/update"].map((word) => word.padEnd(13))
  console.log(`\n${"".padEnd(22)} ${"windows".padEnd(8)} ${columns.join(" ")}`)
}

const names = Object.keys(contenders)
const count = 3_000
const window = 1_000
const floor = (Math.ceil(count / limit) - 1) * window
const trials = names.flatMap((name) => (["fixed", "sliding"] as const).map((kind) => ({ name, kind, count, window })))
const seen = new Map(trials.map((trial) => [trial, [] as Array<Result>]))
for (let round = 0; round < rounds; round += 1) {
  // In turn from either end: a machine that drifts drifts for all.
  for (const name of round % 2 === 0 ? names : names.toReversed()) {
    await Promise.all(
      trials
        .filter((trial) => trial.name === name && (round === 0 || !isYardstick(name)))
        .map(async (trial, index) => {
          await sleep((index * window) / 2)
          seen.get(trial)?.push(await run(trial))
        }),
    )
  }
}
head("wall ÷ floor")
for (const [trial, results] of seen) tell(trial, results, (milliseconds) => (milliseconds / floor).toFixed(3))

// Refusals that no pace can avoid: one in ten at random, and a second's pause after each.
const unlucky = names
  .filter((name) => name.startsWith("webflow"))
  .map((name) => ({ name, kind: "random", count: 400, window: 200 }) as const)
head("seconds")
const results = await Promise.all(unlucky.map(run))
unlucky.forEach((trial, index) => {
  const result = results[index]
  if (result !== undefined) tell(trial, [result], (milliseconds) => (milliseconds / 1000).toFixed(1))
})
