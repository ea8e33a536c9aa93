/**
 * Has a built program compiled, at once with its file, what it calls when it starts. V8 leaves a function uncompiled until it is
 * called, and Node's compile cache keeps what was compiled with the file: without this, everything that a start calls is compiled
 * anew by each start.
 */
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { basename, join } from "node:path"
import { fileURLToPath } from "node:url"
import { compiledAtOnce } from "./compiled-at-once.mjs"

/**
 * Where the functions stand that were called, by their file.
 *
 * @param {string} coverage the folder that `NODE_V8_COVERAGE` named
 */
const calledIn = (coverage) => {
  /** @type {Map<string, Set<string>>} */
  const files = new Map()
  for (const report of readdirSync(coverage)) {
    for (const { url, functions } of JSON.parse(readFileSync(join(coverage, report), "utf8")).result) {
      if (!url.startsWith("file:")) continue
      const path = fileURLToPath(url)
      const called = files.get(path) ?? files.set(path, new Set()).get(path)
      for (const { ranges } of functions) {
        const [{ count, startOffset, endOffset }] = ranges
        if (count > 0) called?.add(`${startOffset}-${endOffset}`)
      }
    }
  }
  return files
}

/**
 * Whether a file, by way of what it imports, imports itself: then others may call what it declares before it is evaluated.
 *
 * @param {import("rolldown").OutputBundle} bundle
 * @param {string} file
 */
const isInCircle = (bundle, file) => {
  const seen = new Set([file])
  for (const name of seen) {
    const made = bundle[name]
    // As it is now: plugins before may have taken imports out.
    for (const [, imported = ""] of made?.type === "chunk"
      ? made.code.matchAll(/\b(?:from|import)\s*["'`]\.\/([\w.-]+)["'`]/g)
      : []) {
      if (imported === file) return true
      seen.add(imported)
    }
  }
  return false
}

/**
 * @param {(main: string, environment: Readonly<Record<string, string>>) => Promise<void>} start starts the program as it is going
 *   to be started, with this in its environment, and waits until it has ended by itself
 * @returns {import("rolldown").Plugin}
 */
export const calledAtStart = (start) => ({
  name: "called-at-start",
  async writeBundle({ dir = "dist" }, bundle) {
    const coverage = mkdtempSync(join(tmpdir(), "webflow-users-starts-"))
    try {
      await start(join(dir, "main.js"), { NODE_V8_COVERAGE: coverage, NODE_DISABLE_COMPILE_CACHE: "1" })
      const files = calledIn(coverage)
      if (files.size === 0) throw new Error("The built program has called nothing when it was started")
      for (const [path, called] of files)
        writeFileSync(path, compiledAtOnce(readFileSync(path, "utf8"), called, !isInCircle(bundle, basename(path))))
    } finally {
      rmSync(coverage, { recursive: true })
    }
  },
})
