/**
 * Loaded into a server that is measured, by `node --import`: how long its event loop lets others wait. A first SIGUSR2 begins, a second
 * one ends, and writes to `EVENT_LOOP_DELAY`.
 */
import { renameSync, writeFileSync } from "node:fs"
import { monitorEventLoopDelay } from "node:perf_hooks"

const file = process.env.EVENT_LOOP_DELAY ?? ""
// Looked at every millisecond, which is in what it says.
const histogram = monitorEventLoopDelay({ resolution: 1 })
/** @param {number} nanoseconds */
const late = (nanoseconds) => Math.max(0, nanoseconds / 1e6 - 1)
let isRunning = false
process.on("SIGUSR2", () => {
  isRunning = !isRunning
  if (isRunning) {
    histogram.reset()
    histogram.enable()
    return
  }
  histogram.disable()
  const said = { p50: late(histogram.percentile(50)), p99: late(histogram.percentile(99)), max: late(histogram.max) }
  writeFileSync(`${file}.part`, JSON.stringify(said))
  renameSync(`${file}.part`, file)
})
