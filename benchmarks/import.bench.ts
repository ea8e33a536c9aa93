/** What it costs a program to import a client: the time of a process that does, over one that imports nothing. */
import { spawnSync } from "node:child_process"
import { mkdtempSync, rmSync, writeFileSync } from "node:fs"
import { createRequire } from "node:module"
import { availableParallelism, loadavg, tmpdir } from "node:os"
import { join } from "node:path"
import { fileURLToPath } from "node:url"

const rounds = 20
const here = fileURLToPath(new URL(".", import.meta.url))
const modules = {
  nothing: undefined,
  "@webflow-users/sdk": fileURLToPath(import.meta.resolve("@webflow-users/sdk")),
  "@webflow-users/sdk, over fetch": join(here, "../packages/sdk/dist/index.js"),
  "webflow-api 3.1.3": createRequire(import.meta.url).resolve("webflow-api-3.1.3"),
}

// A busy machine lets a program wait, and the clock with it; how long the processor worked for it holds better.
const telling = "const { user, system } = process.cpuUsage(); process.stdout.write(String((user + system) / 1000))"
const folder = mkdtempSync(join(tmpdir(), "webflow-users-import-"))
const programs = Object.entries(modules).map(([name, module], index) => {
  const file = join(folder, `${index}.mjs`)
  writeFileSync(file, `${module === undefined ? "" : `import ${JSON.stringify(module)}`}\n${telling}\n`)
  return { name, file, times: [] as Array<number>, used: [] as Array<number> }
})

try {
  // In turns, so that what else the machine does meets all alike; the first turn only fills caches.
  for (let round = 0; round <= rounds; round++) {
    for (const { file, times, used } of programs) {
      const begun = performance.now()
      const { status, stdout, stderr } = spawnSync(process.execPath, [file], { encoding: "utf8" })
      if (status !== 0) throw new Error(stderr)
      if (round === 0) continue
      times.push(performance.now() - begun)
      used.push(Number(stdout))
    }
  }
} finally {
  rmSync(folder, { recursive: true })
}

const median = (times: ReadonlyArray<number>) => times.toSorted((a, b) => a - b)[times.length >> 1] ?? 0
const [nothing] = programs
const told = (values: ReadonlyArray<number>, least: ReadonlyArray<number> = []) =>
  `${median(values).toFixed(0).padStart(6)} ms ${(median(values) - median(least)).toFixed(0).padStart(6)} ms over nothing`
for (const { name, times, used } of programs) {
  console.log(`${name.padEnd(34)} ${told(times, nothing?.times)}, of CPU ${told(used, nothing?.used)}`)
}
const [load = 0] = loadavg()
console.log(`at a load of ${load.toFixed(1)} on ${availableParallelism()} processors`)
