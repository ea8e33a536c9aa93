/**
 * What a process of `bulk.bench.ts` took. Imported before a program (`node --import`), it prints that when the program ends,
 * counted from the start of the process.
 */
import { readFileSync } from "node:fs"

export interface Taken {
  readonly milliseconds: number
  /** CPU of all its threads, in milliseconds. */
  readonly cpu: number
  /** The most memory it has had, in MB. */
  readonly memory: number
}

/** The most as Linux counts it for this program: what `getrusage` says begins with what the parent process had. */
const mostMemory = () => Number(/VmHWM:\s+(\d+) kB/.exec(readFileSync("/proc/self/status", "utf8"))?.[1]) / 1024

/** Begins to count. Gives how to end. */
export const begin = () => {
  const before = process.cpuUsage()
  const start = performance.now()
  return (): Taken => {
    const milliseconds = performance.now() - start
    const { user, system } = process.cpuUsage(before)
    return { milliseconds, cpu: (user + system) / 1000, memory: mostMemory() }
  }
}

if (!import.meta.main && process.execArgv.includes("--import")) {
  process.on("exit", () => {
    const { user, system } = process.cpuUsage()
    const taken = { milliseconds: performance.now(), cpu: (user + system) / 1000, memory: mostMemory() }
    process.stdout.write(`\n${JSON.stringify(taken satisfies Taken)}\n`)
  })
}
