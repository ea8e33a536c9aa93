/**
 * What makes bundles for Node start sooner; docs/performance.md says by how much. Each part fails the build when what it is about
 * is no longer there.
 */
import { createRequire } from "node:module"

const require = createRequire(import.meta.url)

/**
 * To import one of Node's modules is to look at each of its exports, and some load a good deal when they are looked at: those of
 * `node:http` the client of web sockets, which takes longer than Node's whole start. Asked for without an import, they stay as they
 * are, and what is used of them is looked at by the chunk that uses it.
 *
 * @returns {import("rolldown").Plugin}
 */
export const builtinsAsTheyAre = () => ({
  name: "builtins-as-they-are",
  resolveId(source, _, { kind }) {
    // Who requires it gets it as it is already.
    if (kind === "require-call") return null
    const isOne = /^(\0late:\w+:)?node:(http|fs)$/.test(source)
    return isOne ? { id: source.startsWith("\0") ? source : `\0${source}`, moduleSideEffects: false } : null
  },
  load(id) {
    const [, late, name] = /^\0(?:late:(\w+):)?(node:.*)$/.exec(id) ?? []
    if (name === undefined) return null
    const builtin = `process.getBuiltinModule(${JSON.stringify(name)})`
    if (late !== undefined) return `export const ${late} = /*#__PURE__*/ (() => ${builtin}.${late})()`
    const exported = Object.entries(Object.getOwnPropertyDescriptors(require(name))).map(([key, { get }]) =>
      get === undefined
        ? `export const ${key} = /*#__PURE__*/ (() => builtin.${key})()`
        : `export { ${key} } from ${JSON.stringify(`\0late:${key}:${name}`)}`,
    )
    return [`const builtin = ${builtin}`, "export default builtin", ...exported].join("\n")
  },
})

/**
 * A text in one of Effect's files, and what is to stand in its place.
 *
 * @typedef {readonly [from: string | RegExp, to: string | ((found: string, ...parts: Array<string>) => string)]} Change
 */

/** Which of Effect's files it is, if it is one. @param {string} id */
const effectsFile = (id) => /\/effect\/dist\/([\w/]+\.js)$/.exec(id.replaceAll("\\", "/"))?.[1] ?? ""

/**
 * Changes files of Effect, one change after the other. Where there is nothing to change the build fails.
 *
 * @param {string} name
 * @param {Readonly<Record<string, ReadonlyArray<Change>>>} files
 */
export const changed = (name, files) => ({
  name,
  /** @param {string} code @param {string} id */
  transform(code, id) {
    const file = effectsFile(id)
    return files[file]?.reduce((text, [from, to]) => {
      // What is put in may have a $, which in a text would stand for something else.
      const made = text.replace(from, typeof to === "string" ? () => to : to)
      if (made === text) throw new Error(`What ${name} changes in effect/${file} is no longer there`)
      return made
    }, code)
  },
})

const widths = "export const displayWidth = text => {"

/**
 * Effect's command line measures texts by what the eye takes for a character, and loads what the language knows of that: half as
 * long as Node's start. ASCII needs none of it.
 *
 * @returns {import("rolldown").Plugin}
 */
export const asciiWithoutSegmenter = () =>
  changed("ascii-without-segmenter", {
    "cli/CliOutput.js": [
      [
        /const graphemeSegmenter = (\/\*#__PURE__\*\/\s*new Intl\.Segmenter\([^)]*\));?/,
        (_, made) => `let made; const graphemeSegmenter = { segment: (text) => (made ??= ${made}).segment(text) };`,
      ],
      // To make an expression is to look up which characters its classes have.
      [
        /(const zeroWidthCodePoints = .*\nconst emojiPresentation = .*\n)([\s\S]*const graphemeWidth = grapheme => \{\n)/,
        (_, classes, user) => `${user}${classes}`,
      ],
      [widths, `${widths} if (/^[\\x20-\\x7e]*$/.test(text)) return text.length;`],
    ],
  })

/**
 * Effect tries out what a stack trace says of the functions that it calls, and to make one is to count all lines of the bundle. Here
 * stands what it finds in Node, which is what runs it.
 *
 * @returns {import("rolldown").Plugin}
 */
export const withoutProbes = () =>
  changed("without-probes", {
    "Utils.js": [
      [
        /(?<=internalCall = .*)pickInternalCall\(\)/,
        '({ ["~effect/Utils/internal"]: body => { return body(); } })["~effect/Utils/internal"]',
      ],
    ],
    "internal/effect.js": [[/(?<=const continuationMarksStack = )[^]*?\n\}\)\(\)/, "true"]],
  })

const shell = "if (Option.isNone(shell)) return;"

/**
 * How each shell completes a command is loaded when it is asked for.
 *
 * @returns {import("rolldown").Plugin}
 */
export const completionsLate = () =>
  changed("completions-late", {
    "cli/GlobalFlag.js": [
      ['import * as Completions_ from "./Completions.js";', ""],
      [shell, `${shell} const Completions_ = yield* Effect.promise(() => import("./Completions.js"));`],
    ],
  })

/**
 * Effect's command line can ask for every flag. Where the program does not offer that, the questions, and the streams and files that
 * they may need, are not to be loaded for it.
 *
 * @returns {import("rolldown").Plugin}
 */
export const withoutWizard = () =>
  changed("without-wizard", { "cli/Command.js": [["if (flag === GlobalFlag.Wizard) {", "if (false) {"]] })

/**
 * A chunk that needs nothing of another imports it still, for what that might do; nothing that is bundled does anything when it is
 * loaded. Without it, the other one is loaded by who needs something of it.
 *
 * @returns {import("rolldown").Plugin}
 */
export const withoutBareImports = () => ({
  name: "without-bare-imports",
  generateBundle(_, bundle) {
    for (const made of Object.values(bundle)) {
      if (made.type === "chunk") made.code = made.code.replaceAll(/\bimport\s*["'`]\.\/[\w.-]+["'`];?/g, "")
    }
  },
})

/**
 * What is bundled with others but loaded when it is asked for gets a file of its own that does nothing but export it from where it
 * is. To look for a file takes as long as to read a large one, so that it is asked for right there.
 *
 * @returns {import("rolldown").Plugin}
 */
export const withoutFacades = () => ({
  name: "without-facades",
  generateBundle(_, bundle) {
    const chunks = Object.values(bundle).filter((made) => made.type === "chunk")
    for (const { fileName, code } of chunks) {
      const [, exported, source] = /^export\{([^}]*)\}from"(\.\/[\w.-]+)";?\s*$/.exec(code) ?? []
      if (exported === undefined) continue
      const names = exported.split(",").map((name) => name.split(" as "))
      const made = names.map(([inside, outside = inside]) => `${outside}:m.${inside}`).join()
      for (const chunk of chunks) {
        // By a function: names may have a $, which in a text would stand for something else.
        chunk.code = chunk.code.replaceAll(
          `import(\`./${fileName}\`)`,
          () => `import(\`${source}\`).then(m=>({${made}}))`,
        )
      }
      if (chunks.some((chunk) => chunk.code.includes(fileName)))
        throw new Error(`${fileName} is asked for in another way`)
      delete bundle[fileName]
    }
  },
})

/**
 * Node keeps a file that is ASCII as it is, and makes of any other one a text twice as large. And notes for bundlers have no readers
 * any more.
 *
 * @returns {import("rolldown").Plugin}
 */
export const inAscii = () => ({
  name: "in-ascii",
  generateBundle(_, bundle) {
    for (const made of Object.values(bundle)) {
      if (made.type !== "chunk") continue
      made.code = made.code
        .replaceAll(/\/\*\s*[#@]__PURE__\s*\*\/\s*/g, " ")
        .replaceAll(/[^\0-\x7f]/g, (one) => `\\u${one.charCodeAt(0).toString(16).padStart(4, "0")}`)
    }
  },
})
