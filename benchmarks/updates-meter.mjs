/**
 * What it takes a program to make updates. Imported before a program (`node --import`), it prints that when the program ends,
 * counted from the start of the process.
 */
import { readFileSync } from "node:fs"

/**
 * The most memory it has had, in MB, without the pages of files, such as Node's own: how many of those count differs by 40 MB with
 * what the system has at hand. As Linux counts it for this program: what `getrusage` says begins with the parent's.
 */
const mostMemory = () => {
  const status = readFileSync("/proc/self/status", "utf8")
  const [most = 0, files = 0] = ["VmHWM", "RssFile"].map((name) =>
    Number(new RegExp(`${name}:\\s+(\\d+) kB`).exec(status)?.[1]),
  )
  return (most - files) / 1024
}

/** Begins to count. Gives how to end, with the time and the CPU of all threads in milliseconds. */
export const begin = () => {
  const before = process.cpuUsage()
  const start = performance.now()
  return () => {
    const milliseconds = performance.now() - start
    const { user, system } = process.cpuUsage(before)
    return { milliseconds, cpu: (user + system) / 1000, memory: mostMemory() }
  }
}

/**
 * Users, one after the other, and from the first one again when all have come.
 *
 * @param {number} index
 */
export const userAt = (index, users = 20_000) => (index % users).toString(16).padStart(24, "0")

export const siteId = "580e63e98c9a982ac9b8b741"
export const token = "a-token-as-long-as-they-are"
export const patch = { data: { name: "Some One", plan: "gold" } }

/** How many are under way, for everybody. */
export const atOnce = 50

/**
 * Makes so many, each as soon as there is room. Gives how many failed.
 *
 * @param {number} count
 * @param {(user: string) => Promise<unknown>} update
 */
export const limited = async (count, update) => {
  let [begun, failed] = [0, 0]
  const worker = async () => {
    while (begun < count) await update(userAt(begun++)).then(undefined, () => (failed += 1))
  }
  await Promise.all(Array.from({ length: atOnce }, worker))
  return failed
}

/**
 * Makes so many updates, and gives how many failed.
 *
 * @typedef {(count: number) => Promise<number>} Run
 */

/**
 * What to update, and what its server allows in how many milliseconds, for whoever has to be told; 0 where it has no limit.
 *
 * @typedef {{ readonly origin: string; readonly limit: number; readonly window: number }} Job
 */

/** @typedef {Readonly<Record<string, (job: Job) => Run | Promise<Run>>>} Contenders */

/**
 * Runs the contender that the command line names, as often as it says, and prints what each run took.
 *
 * @param {Contenders} contenders
 */
export const main = async (contenders) => {
  const [name = "", origin = "", limit, window, ...counts] = process.argv.slice(2)
  const run = await contenders[name]?.({ origin, limit: Number(limit), window: Number(window) })
  if (run === undefined) throw new Error(`There is no ${name}`)
  for (const count of counts.map(Number)) {
    const end = begin()
    const failed = await run(count)
    console.log(JSON.stringify({ ...end(), updates: count, failed }))
  }
  // Some keep their connections open.
  process.exit(0)
}

if (process.execArgv.includes("--import")) {
  process.on("exit", () => {
    const { user, system } = process.cpuUsage()
    const taken = { milliseconds: performance.now(), cpu: (user + system) / 1000, memory: mostMemory() }
    process.stdout.write(`\n${JSON.stringify(taken)}\n`)
  })
}
