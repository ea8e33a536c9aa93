/**
 * Many updates of 20,000 users. Over HTTP without a limit, 50 at a time: what undici makes of it by hand, beside the SDK, core's
 * engine and the whole of a command, with its reading, planning and journal. Then the same from ten thousand to a million,
 * for the memory it takes. Then, where there is time, in a file of one's own, beside the same by hand.
 */
import { mkdtempSync, rmSync } from "node:fs"
import { open } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { ownFile } from "./bulk-own-file.ts"
import { inRepository, serve } from "./processes.ts"
import { type Goal, isQuick, report, type Table } from "./report.ts"
import { inTurn } from "./rounds.ts"
import { bestOf, commandOf, ratio, type Updates, updatesOf } from "./updates-run.ts"

const folder = mkdtempSync(join(tmpdir(), "webflow-users-bulk-"))
const siteId = "580e63e98c9a982ac9b8b741"
const count = isQuick ? 6_000 : 100_000
const [raw, command] = ["undici Pool.request", "webflow-users bulk FILE --yes"]
const [updateMany, engine] = ["@webflow-users/sdk, updateMany", "UpdateUsers over undici"]
const [retryAgent, official] = ["undici RetryAgent", "webflow-api 3.1.3"]

const server = await serve(process.execPath, [inRepository("benchmarks/bulk-server.ts")])
const received = async () => Number(await (await fetch(`${server.origin}/count`)).text())

/** A table of so many changes, written as it is made. */
const tableOf = async (rows: number): Promise<string> => {
  const path = join(folder, `${rows}.csv`)
  await using file = await open(path, "w")
  await file.write("id,name,plan\n")
  for (let from = 0; from < rows; from += 10_000) {
    const lines = Array.from({ length: Math.min(10_000, rows - from) }, (_, index) => {
      return `${((from + index) % 20_000).toString(16).padStart(24, "0")},Some One,gold\n`
    })
    await file.write(lines.join(""))
  }
  return path
}

/** A command prints what it took from the start of its process. */
const carriedOut = async (rows: number): Promise<Updates> => {
  const env = { WEBFLOW_USERS_STORE: `${server.origin}/v2`, WEBFLOW_USERS_TOKEN: "token" }
  const args = ["bulk", siteId, await tableOf(rows), "--yes"]
  return { ...(await commandOf(args, { cwd: folder, env })), updates: rows, failed: 0 }
}

const one = async (name: string, updates = count, node: ReadonlyArray<string> = []): Promise<Updates> => {
  const before = await received()
  // What is compiled while it is measured is no part of what an update costs, where that is not all that is measured.
  const warm = Math.min(updates / 2, 4_000)
  const taken =
    name === command
      ? [await carriedOut(updates)]
      : await updatesOf(name, server.origin, [warm, updates], undefined, node)
  const made = (await received()) - before
  const asked = taken.reduce((sum, each) => sum + each.updates, 0)
  const last = taken.at(-1)
  if (last === undefined || last.failed > 0 || made !== asked) throw new Error(`${name}: ${asked} updates were ${made}`)
  return last
}

const rateOf = ({ updates, milliseconds }: Updates) => updates / milliseconds
const cpuOf = ({ updates, cpu }: Updates) => cpu / updates

const overHttp = async (): Promise<[Table, ReadonlyArray<Goal>]> => {
  // It has to be ten times as patient with the official client.
  const countOf = (name: string) => (name === official ? count / 10 : count)
  const names = [raw, retryAgent, official, updateMany, engine, command]
  const seen = await inTurn(names, isQuick ? 1 : 2, (name) => one(name, countOf(name)))
  const of = (name: string) => seen.get(name) ?? []
  const table: Table = {
    title: `${count.toLocaleString("en")} updates over HTTP, no limit`,
    columns: ["updates a second", "÷ raw", "CPU µs each", "÷ raw", "peak MB"],
    rows: names.map((name) => {
      const { rate, micros, memory } = bestOf(of(name))
      return [name, rate, ratio(of(name), of(raw), rateOf), micros, ratio(of(name), of(raw), cpuOf), memory]
    }),
  }
  const goals = [updateMany, engine].flatMap((name): ReadonlyArray<Goal> => [
    { what: `rate of ${name}, over raw undici's`, atLeast: 0.75, measured: ratio(of(name), of(raw), rateOf) },
    { what: `rate of ${name}, over RetryAgent's`, atLeast: 1, measured: ratio(of(name), of(retryAgent), rateOf) },
  ])
  const peak = { what: "peak MB of the command", atMost: 150, measured: bestOf(of(command)).memory }
  return [table, [...goals, peak]]
}

/**
 * A quarter of a gigabyte of room for what is young is how Node is by default; who wants less says so, as the command does. With so little,
 * V8 takes in every other run the headers of answers for something old as soon as they are read, unless it is told not to.
 */
const small = ["--max-semi-space-size=4", "--no-allocation-site-pretenuring"]

const flatness = async (): Promise<[Table, ReadonlyArray<Goal>]> => {
  const sizes = isQuick ? [2_000, 12_000] : [10_000, 100_000, 1_000_000]
  const who = { [engine]: small, [command]: [] } as const
  const peaks = new Map<string, ReadonlyArray<Updates>>()
  for (const [name, node] of Object.entries(who)) {
    const taken: Array<Updates> = []
    for (const size of sizes) taken.push(await one(name, size, node))
    peaks.set(name, taken)
  }
  const [first = 0, last = 0] = [sizes.at(-2), sizes.at(-1)]
  const of = (name: string) => peaks.get(name) ?? []
  const labelOf = (name: string) => (name === engine ? `${name}, node ${small.join(" ")}` : name)
  return [
    {
      title: "Peak MB, of so many updates",
      columns: [...sizes.map((size) => size.toLocaleString("en")), "updates a second"],
      rows: [...peaks].map(([name, taken]) => {
        return [labelOf(name), ...taken.map(({ memory }) => memory), bestOf(taken.slice(-1)).rate]
      }),
    },
    Object.keys(who).flatMap((name): ReadonlyArray<Goal> => {
      const [before, after] = of(name).slice(-2)
      return [
        {
          what: `peak MB of ${labelOf(name)}, ${last.toLocaleString("en")} updates`,
          atMost: 150,
          measured: after?.memory ?? Number.NaN,
        },
        {
          what: `the same over ${first.toLocaleString("en")}`,
          atMost: 1.25,
          measured: (after?.memory ?? Number.NaN) / (before?.memory ?? Number.NaN),
        },
      ]
    }),
  ]
}

try {
  const measured = [await overHttp(), await flatness()]
  await server.stop()
  const tables = isQuick ? [] : [await ownFile(folder)]
  report(
    [...measured.map(([table]) => table), ...tables],
    measured.flatMap(([, goals]) => goals),
  )
} finally {
  rmSync(folder, { recursive: true, force: true })
}
