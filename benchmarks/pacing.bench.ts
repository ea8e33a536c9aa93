/**
 * Many updates of a server that allows 200 in a window: how close to the arithmetic floor, (⌈N ÷ limit⌉ − 1) windows, without
 * being refused and without losing any. Server and contender are processes of their own.
 *
 * Several run side by side, each a window and a part of one after the one before: a contender works a fraction of each window and
 * waits for the rest, and has begun before the next one starts, so that they are hardly in each other's way. How long the first
 * window's burst takes is seen to the end where windows slide, since each request makes room for one a window later.
 */
import { writeFileSync } from "node:fs"
import { join } from "node:path"
import { setTimeout as sleep } from "node:timers/promises"
import type { Report } from "./pacing-server.ts"
import { inRepository, serve } from "./processes.ts"
import { isQuick, report } from "./report.ts"
import { median } from "./rounds.ts"
import { temporaryFolder } from "./temporary-folder.ts"
import { commandOf, type Updates, updatesOf } from "./updates-run.ts"

const [limit, window] = [200, 1_000]
const updates = isQuick ? 1_800 : 3_000
const rounds = isQuick ? 1 : 3
const command = "webflow-users bulk FILE --yes"
const ours = ["@webflow-users/sdk, updateMany", "UpdateUsers over undici"]
const others = isQuick ? ["undici RetryAgent"] : ["undici RetryAgent", "webflow-api 3.1.3", "fetch, told the limit"]
const names = [...ours, ...(isQuick ? [] : ["@webflow-users/sdk, all at once", command]), ...others]
const kinds = ["fixed", "sliding"] as const
/** How many contenders run side by side, each on both kinds of windows. */
const together = 2

interface Trial extends Report, Omit<Updates, "updates"> {
  /** The time over the floor of all that was accepted. */
  readonly overFloor: number
}

const folder = temporaryFolder("pacing")
const table = join(folder, "changes.csv")
const rows = Array.from({ length: updates }, (_, index) => `${index.toString(16).padStart(24, "0")},Some One,gold\n`)
writeFileSync(table, `id,name,plan\n${rows.join("")}`)

const carriedOut = async (origin: string) => {
  const env = {
    WEBFLOW_USERS_STORE: `${origin}/v2`,
    WEBFLOW_USERS_TOKEN: "token",
    WEBFLOW_USERS_UPSTREAM_WINDOW: `${window} millis`,
  }
  const args = ["bulk", "580e63e98c9a982ac9b8b741", table, "--yes", "--concurrency", "50"]
  return { ...(await commandOf(args, { cwd: folder, env })), failed: 0 }
}

const one = async (name: string, kind: string): Promise<Trial> => {
  const server = await serve(process.execPath, [
    inRepository("benchmarks/pacing-server.ts"),
    ...[kind, limit, window].map(String),
  ])
  const { origin } = server
  const [taken] =
    name === command ? [await carriedOut(origin)] : await updatesOf(name, origin, [updates], { limit, window })
  const counted = (await (await fetch(`${origin}/report`)).json()) as Report
  await server.stop()
  if (taken === undefined) throw new Error(`${name} did not come to its end`)
  // What a command asks before it updates counts against the limit too.
  const floor = (Math.ceil(Math.max(updates, counted.accepted) / limit) - 1) * window
  return { ...taken, ...counted, overFloor: taken.milliseconds / floor }
}

const trials = names.flatMap((name) => kinds.map((kind) => ({ name, kind, seen: new Array<Trial>() })))
const side = together * kinds.length
for (let round = 0; round < rounds; round += 1) {
  for (let from = 0; from < trials.length; from += isQuick ? trials.length : side) {
    const group = trials.slice(from, from + (isQuick ? trials.length : side))
    await Promise.all(
      group.map(async ({ name, kind, seen }, place) => {
        await sleep(place * window * (1 + 1 / group.length))
        seen.push(await one(name, kind))
      }),
    )
  }
}

const most = (seen: ReadonlyArray<Trial>, of: (trial: Trial) => number) => Math.max(...seen.map(of))
report(
  [
    {
      title: `${updates.toLocaleString("en")} updates, ${limit} in a window of ${window} ms`,
      columns: [
        "windows",
        "wall ÷ floor",
        `first ${limit}, ms`,
        "429s met",
        "lost",
        "said to fail",
        "CPU ms",
        "peak MB",
      ],
      rows: trials.map(({ name, kind, seen }) => [
        name,
        kind,
        median(seen.map(({ overFloor }) => overFloor)).toFixed(3),
        median(seen.map(({ firstBurst }) => firstBurst)),
        most(seen, ({ refused }) => refused),
        most(seen, ({ users }) => updates - users),
        most(seen, ({ failed }) => failed),
        median(seen.map(({ cpu }) => cpu)),
        most(seen, ({ memory }) => memory),
      ]),
    },
  ],
  trials
    .filter(({ name }) => ours.includes(name))
    .flatMap(({ name, kind, seen }) => [
      {
        what: `wall of ${name} over the floor, ${kind} windows`,
        atMost: 1.02,
        measured: median(seen.map(({ overFloor }) => overFloor)),
      },
      {
        what: `429s met and updates lost by ${name}, ${kind} windows`,
        atMost: 0,
        measured: most(seen, ({ refused, users }) => refused + updates - users),
      },
    ]),
)
