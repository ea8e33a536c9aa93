/** What it costs a program to import a client: the time of a process that does, over one that imports nothing. */
import { spawnSync } from "node:child_process"
import { mkdtempSync, rmSync, writeFileSync } from "node:fs"
import { createRequire } from "node:module"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { fileURLToPath } from "node:url"
import { isQuick, report } from "./report.ts"
import { median } from "./rounds.ts"

const rounds = isQuick ? 5 : 20
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

const of = (name: string) => {
  const { times = [], used = [] } = programs.find((program) => program.name === name) ?? {}
  return { clock: median(times), cpu: median(used) }
}
const nothing = of("nothing")
const rows = programs.map(({ name }) => {
  const { clock, cpu } = of(name)
  return [name, clock, clock - nothing.clock, cpu, cpu - nothing.cpu] as const
})
report(
  [{ title: "A program that imports", columns: ["ms", "over nothing", "CPU ms", "over nothing"], rows }],
  [
    {
      what: "milliseconds of importing the SDK, over nothing",
      atMost: 30,
      measured: of("@webflow-users/sdk").clock - nothing.clock,
    },
  ],
)
