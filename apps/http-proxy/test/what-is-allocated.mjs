/** Loaded before a server: tells, when it is asked to, what the server has allocated since it was asked last. */
import { GCProfiler } from "node:v8"

const profiler = new GCProfiler()
/** @type {NodeJS.MemoryUsage | undefined} */
let before

process.on("message", () => {
  const { heapUsed, external } = process.memoryUsage()
  const collections = before === undefined ? 0 : profiler.stop()?.statistics.length
  process.send?.({
    heap: heapUsed - (before?.heapUsed ?? 0),
    external: external - (before?.external ?? 0),
    collections,
    resources: process.getActiveResourcesInfo().toSorted(),
  })
  // Room for what comes next, so that V8 has no reason to collect anything; optimised code stays.
  globalThis.gc?.({ type: "minor" })
  profiler.start()
  before = process.memoryUsage()
})
