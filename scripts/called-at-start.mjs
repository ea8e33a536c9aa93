/**
 * Has a built program compiled, at once with its file, what it calls when it starts. V8 leaves a function uncompiled until it is
 * called, and Node's compile cache keeps what was compiled with the file: without this, everything that a start calls is compiled
 * anew by each start. A function in parentheses is compiled at once.
 */
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { fileURLToPath } from "node:url"

/**
 * The functions that were called, by their file.
 *
 * @param {string} coverage the folder that `NODE_V8_COVERAGE` named
 */
const calledIn = (coverage) => {
  /** @type {Map<string, Map<string, { startOffset: number, endOffset: number }>>} */
  const files = new Map()
  for (const report of readdirSync(coverage)) {
    for (const { url, functions } of JSON.parse(readFileSync(join(coverage, report), "utf8")).result) {
      if (!url.startsWith("file:")) continue
      const path = fileURLToPath(url)
      const called = files.get(path) ?? files.set(path, new Map()).get(path)
      for (const { ranges } of functions) {
        const [{ count, ...range }] = ranges
        // The first is the file itself.
        if (count > 0 && range.startOffset > 0) called?.set(`${range.startOffset}-${range.endOffset}`, range)
      }
    }
  }
  return files
}

const isFunction = /^(async\s*)?(function\b|(\([^]*?\)|[\w$]+)\s*=>)/
/** What only an expression comes after: methods and declarations cannot stand in parentheses. */
const beforeExpression = /(=>|[=(,:?]|\breturn)\s*$/

/**
 * @param {string} text
 * @param {Iterable<{ startOffset: number, endOffset: number }>} called
 */
const inParentheses = (text, called) => {
  const ends = [...called].flatMap(({ startOffset: start, endOffset: end }) =>
    isFunction.test(text.slice(start, end)) && beforeExpression.test(text.slice(Math.max(0, start - 20), start))
      ? [
          { at: start, mark: "(", size: end - start },
          { at: end, mark: ")", size: end - start },
        ]
      : [],
  )
  // Where one ends and the next begins, the end comes first; of two that begin together, the longer one, and of two ends the shorter.
  ends.sort(
    (a, b) =>
      a.at - b.at ||
      b.mark.charCodeAt(0) - a.mark.charCodeAt(0) ||
      (a.mark === "(" ? b.size - a.size : a.size - b.size),
  )
  let [made, done] = ["", 0]
  for (const { at, mark } of ends) {
    made += text.slice(done, at) + mark
    done = at
  }
  return made + text.slice(done)
}

/**
 * @param {(main: string, environment: Readonly<Record<string, string>>) => Promise<void>} start starts the program as it is going
 *   to be started, with this in its environment, and waits until it has ended by itself
 * @returns {import("rolldown").Plugin}
 */
export const calledAtStart = (start) => ({
  name: "called-at-start",
  async writeBundle({ dir = "dist" }) {
    const coverage = mkdtempSync(join(tmpdir(), "webflow-users-starts-"))
    try {
      await start(join(dir, "main.js"), { NODE_V8_COVERAGE: coverage, NODE_DISABLE_COMPILE_CACHE: "1" })
      const files = calledIn(coverage)
      if (files.size === 0) throw new Error("The built program has called nothing when it was started")
      for (const [path, called] of files)
        writeFileSync(path, inParentheses(readFileSync(path, "utf8"), called.values()))
    } finally {
      rmSync(coverage, { recursive: true })
    }
  },
})
