/**
 * Keeps a long run small. Node takes up to 128 MB for what is young, and lets what is old grow to several times what is needed,
 * where the machine has that much; a run of a million rows needs a tenth of it. V8 reads both settings while it runs
 * (docs/decisions/0030): to start Node with them is not a command's to decide.
 */
import { PerformanceObserver } from "node:perf_hooks"
import { getHeapSpaceStatistics, setFlagsFromString } from "node:v8"
import { Effect } from "effect"

/** Both halves of the space for what is young: with less, what lives as long as a request would count as old. */
const enoughForYoung = 8 * 1024 * 1024
/** By how much more than is alive there may be, before what is not is looked for. */
const growth = 40

const isEnough = () =>
  getHeapSpaceStatistics().some((space) => space.space_name === "new_space" && space.space_size >= enoughForYoung)

/** From here to the end of the process. */
export const keep: Effect.Effect<void> = Effect.sync(() => {
  setFlagsFromString(`--heap-growing-percent=${growth}`)
  const observer = new PerformanceObserver(() => {
    if (!isEnough()) return
    setFlagsFromString("--semi-space-growth-factor=1")
    observer.disconnect()
  })
  observer.observe({ entryTypes: ["gc"] })
})
