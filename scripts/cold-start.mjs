/**
 * What makes bundles for Node start sooner. Each part says what it saves (docs/performance.md), and fails the build when what it
 * is about is no longer there.
 */
import { createRequire } from "node:module"

const require = createRequire(import.meta.url)

/**
 * Node gives a module of its own all its exports at once, and with `node:http` those that load a web socket's client when they are
 * looked at: more than Node's whole start. Asked for without an import, they stay unlooked at.
 *
 * @returns {import("rolldown").Plugin}
 */
export const httpWithoutWebSockets = () => ({
  name: "http-without-web-sockets",
  resolveId: (source) => (source === "node:http" ? { id: "\0node:http", moduleSideEffects: false } : null),
  load(id) {
    if (id !== "\0node:http") return null
    const names = Object.entries(Object.getOwnPropertyDescriptors(require("node:http")))
      .filter(([, { get }]) => get === undefined)
      .map(([name]) => name)
    return `const http = process.getBuiltinModule("node:http")\nexport default http\nexport const { ${names.join(", ")} } = http\n`
  },
})

const segmenter = /const graphemeSegmenter = (\/\*#__PURE__\*\/\s*new Intl\.Segmenter\([^)]*\));?/
const widths = "export const displayWidth = text => {"

/**
 * Effect's command line measures texts by what the eye takes for a character, and loads what the language knows of that, which is
 * half of Node's start. ASCII needs none of it.
 *
 * @returns {import("rolldown").Plugin}
 */
export const asciiWithoutSegmenter = () => ({
  name: "ascii-without-segmenter",
  transform(code, id) {
    if (!/\/effect\/dist\/cli\/CliOutput\.js$/.test(id.replaceAll("\\", "/"))) return null
    if (!segmenter.test(code) || !code.includes(widths)) throw new Error("displayWidth of effect/cli has changed")
    return code
      .replace(segmenter, "let madeSegmenter; const graphemeSegmenter = { segment: (text) => (madeSegmenter ??= $1).segment(text) };")
      .replace(widths, `${widths} if (/^[\\x20-\\x7e]*$/.test(text)) return text.length;`)
  },
})
