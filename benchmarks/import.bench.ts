/** What it costs a program to import a client: the time of a process that does, over one that imports nothing. */
import { spawnSync } from "node:child_process"
import { mkdtempSync, rmSync, writeFileSync } from "node:fs"
import { createRequire } from "node:module"
import { tmpdir } from "node:os"
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

const folder = mkdtempSync(join(tmpdir(), "webflow-users-import-"))
const programs = Object.entries(modules).map(([name, module], index) => {
  const file = join(folder, `${index}.mjs`)
  writeFileSync(file, module === undefined ? "" : `import ${JSON.stringify(module)}\n`)
  return { name, file, times: [] as Array<number> }
})

try {
  // In turns, so that what else the machine does meets all alike; the first turn only fills caches.
  for (let round = 0; round <= rounds; round++) {
    for (const { file, times } of programs) {
      const begun = performance.now()
      const { status, stderr } = spawnSync(process.execPath, [file], { encoding: "utf8" })
      if (status !== 0) throw new Error(stderr)
      if (round > 0) times.push(performance.now() - begun)
    }
  }
} finally {
  rmSync(folder, { recursive: true })
}

const median = (times: ReadonlyArray<number>) => times.toSorted((a, b) => a - b)[times.length >> 1] ?? 0
const [nothing] = programs
for (const { name, times } of programs) {
  const over = median(times) - median(nothing?.times ?? [])
  console.log(
    `${name.padEnd(34)} ${median(times).toFixed(0).padStart(6)} ms ${over.toFixed(0).padStart(6)} ms over nothing`,
  )
}
