/**
 * The API reference in `docs/api`: a page for each entry of the packages that others import, of what it exports, as it
 * is written in the source, with its doc comments. `node scripts/reference.mjs [folder]` writes it.
 *
 * Read by TypeScript 6, whose compiler is a library; the one that everything else here is checked with is a program.
 */
import { mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { dirname, join, relative } from "node:path"
import { argv } from "node:process"
import { fileURLToPath } from "node:url"
import ts from "typescript-6"
import { declarationText, factsText, namingOf } from "./reference-declaration.mjs"
import { isFailure } from "./reference-failure.mjs"
import { facts, groupsOf, guards, placesOf } from "./reference-groups.mjs"
import { findingOf, linked, seeAlso } from "./reference-links.mjs"
import { descriptionsOf } from "./reference-shape.mjs"

const root = dirname(dirname(fileURLToPath(import.meta.url)))
const packages = ["sdk", "core"]
const condition = "@webflow-users/source"

const made = "<!-- Made of the doc comments by `npm run docs`. -->"
const marks = `What each package exports, as its source says it. Facts of Webflow's wire are marked with where they come from: \`[doc]\` its
documentation or specification, \`[seen]\` a recorded payload or what an official SDK was measured to send, \`[ours]\` no source at all.`

/** @typedef {import("./reference-links.mjs").Finding} Finding */
/** @typedef {{ readonly name: string, readonly page: string, readonly file: string }} Entry */
/** @typedef {import("./reference-groups.mjs").Exported} Exported */

/** What a package's manifest says that can be imported. @returns {ReadonlyArray<Entry>} */
const entries = () =>
  packages.flatMap((folder) => {
    const manifest = JSON.parse(readFileSync(join(root, "packages", folder, "package.json"), "utf8"))
    return Object.entries(manifest.exports ?? {}).flatMap(([path, target]) => {
      // An entry's form for Node exports the same.
      const source = sourceOf(target)
      if (source === undefined) return []
      const name = path === "." ? manifest.name : `${manifest.name}/${path.slice(2)}`
      const page = `${folder}/${path === "." ? "index" : path.slice(2)}.md`
      return [{ name, page, file: join(root, "packages", folder, source) }]
    })
  })

/** The source of an entry, whatever the conditions it stands under. @param {unknown} target @returns {string | undefined} */
const sourceOf = (target) => {
  if (typeof target === "string") return /(?<!\.d)\.ts$/.test(target) ? target : undefined
  if (typeof target !== "object" || target === null) return undefined
  const { [condition]: own, default: standard, ...others } = /** @type {Record<string, unknown>} */ (target)
  return [own, standard, ...Object.values(others)].map(sourceOf).find((found) => found !== undefined)
}

/** @param {ReadonlyArray<Entry>} all */
const programOf = (all) => {
  const config = ts.readConfigFile(join(root, "tsconfig.base.json"), ts.sys.readFile).config
  const more = { noEmit: true, composite: false, rewriteRelativeImportExtensions: false, lib: ["ES2024", "DOM"] }
  const { options } = ts.convertCompilerOptionsFromJson({ ...config.compilerOptions, ...more }, root)
  return ts.createProgram(
    all.map(({ file }) => file),
    options,
  )
}

/**
 * @param {ts.TypeChecker} checker
 * @param {ts.Symbol} module
 * @param {boolean} [isTypesOnly] whether the module is given away for its types
 * @returns {ReadonlyArray<Exported>}
 */
const exportsOf = (checker, module, isTypesOnly = false) =>
  checker
    .getExportsOfModule(module)
    .map((exported) => {
      const symbol = exported.flags & ts.SymbolFlags.Alias ? checker.getAliasedSymbol(exported) : exported
      const isTypeOnly = isTypesOnly || exported.declarations?.some(ts.isTypeOnlyExportDeclaration) === true
      const members = symbol.flags & ts.SymbolFlags.ValueModule ? exportsOf(checker, symbol, isTypeOnly) : []
      return { name: exported.getName(), symbol, isTypeOnly, members }
    })
    .filter(({ symbol }) => !isTypesOnly || (symbol.flags & ts.SymbolFlags.Type) !== 0)
    .toSorted((a, b) => rank(a) - rank(b) || (a.name < b.name ? -1 : 1))

/** What is called comes before what it is given and gives; modules of their own come last. @param {Exported} exported */
const rank = ({ name, members }) => (members.length > 0 ? 2 : /^[a-z]/.test(name) ? 0 : 1)

/** @param {ReadonlyArray<ts.SymbolDisplayPart> | undefined} parts */
const textOf = (parts) => ts.displayPartsToString(/** @type {Array<ts.SymbolDisplayPart>} */ (parts ?? [])).trim()

/** A module says what it is for in the first comment of its file. @param {ts.Symbol} symbol */
const headOf = (symbol) => {
  const file = symbol.declarations?.find(ts.isSourceFile)
  // Code of an `@example` is compiled by a test; here it is an excerpt.
  const comment = (/^\s*\/\*\*([\s\S]*?)\*\//.exec(file?.text ?? "")?.[1] ?? "").replaceAll(
    "```ts\n",
    "```typescript\n",
  )
  return comment
    .replaceAll(/^\s*\* ?/gm, "")
    .replaceAll(/^@packageDocumentation.*$/gm, "")
    .trim()
}

/** @param {ts.TypeChecker} checker @param {Exported} exported */
const commentOf = (checker, { symbol }) =>
  symbol.flags & ts.SymbolFlags.ValueModule ? headOf(symbol) : textOf(symbol.getDocumentationComment(checker))

/** @param {ts.TypeChecker} checker @param {ts.Symbol} symbol */
const tagsOf = (checker, symbol) =>
  symbol.getJsDocTags(checker).map(({ name, text }) => {
    const said = textOf(text)
    if (name === "example") return said.startsWith("```") ? said : `\`\`\`ts\n${said}\n\`\`\``
    if (name === "param") return `- ${said.replace(/^(\S+)\s*-?\s*/, "`$1`: ")}`
    return `**${name}** ${said}`
  })

/** @param {string} comment */
const firstSentence = (comment) =>
  (/^[\s\S]*?[.:](?=\s|$)/.exec(comment)?.[0] ?? comment)
    .replaceAll(/\s+/g, " ")
    .replace(/:$/, ".")
    .replaceAll("|", "\\|")

/**
 * @param {import("./reference-declaration.mjs").Context} context
 * @param {Entry} entry
 * @param {ts.Symbol} module
 * @param {Finding} find
 */
const pageOf = async (context, entry, module, find) => {
  const { checker } = context
  /** @type {(exported: Exported, within: string) => Promise<ReadonlyArray<string>>} */
  const section = async (exported, within) => {
    const heading = `${within === "" ? "##" : "###"} ${within}${exported.name}`
    const comment = linked(commentOf(checker, exported), find, within)
    if (exported.members.length > 0) {
      const members = await Promise.all(exported.members.map((member) => section(member, `${exported.name}.`)))
      return [heading, comment, ...members.flat()]
    }
    const code = await declarationText(context, exported.symbol, exported.isTypeOnly)
    const tags = tagsOf(checker, exported.symbol).map((tag) => linked(tag, find, within))
    return [
      heading,
      comment,
      `\`\`\`typescript\n${code}\n\`\`\``,
      seeAlso(code, exported.symbol, find, within),
      ...tags,
    ]
  }
  /** @param {ReadonlyArray<Exported>} some */
  const factsSection = async (some) => {
    const symbol = some.map((exported) => exported.symbol).find(isFailure)
    if (symbol === undefined) return []
    const code = await factsText(context, symbol)
    const what = "What each error of the list has; there is no class to import that is called so."
    return [`## ${facts}`, what, `\`\`\`typescript\n${code}\n\`\`\``]
  }
  /** @param {Exported} exported */
  const guarded = (exported) => {
    const link = find(exported.name.slice(2))
    const to =
      link === undefined
        ? linked(firstSentence(commentOf(checker, exported)), find)
        : `[${exported.name.slice(2)}](${link})`
    return `| \`${exported.name}\` | ${to} |`
  }
  const groups = groupsOf(checker, exportsOf(checker, module))
  const contents = groups.map(([title, some]) => {
    if (title === guards) return `[${guards}](#${guards.toLowerCase()}): whether what was caught is a certain error.`
    const rows = some.map(
      (exported) =>
        `| [${exported.name}](${find(exported.members.length > 0 ? `${exported.name}.` : exported.name)}) | ${linked(firstSentence(commentOf(checker, exported)), find)} |`,
    )
    const shared =
      title === "Errors" && find(facts)?.startsWith("#")
        ? [`| [${facts}](${find(facts)}) | What each error of the list has. |`]
        : []
    return [`| ${title} | |`, "|---|---|", ...shared, ...rows].join("\n")
  })
  const sections = groups.map(async ([title, some]) => {
    if (title === guards) {
      const what =
        "Each takes anything that was caught, and says whether it is this error: `(value: unknown) => value is …`."
      return [`## ${guards}`, what, ["| guard | holds for |", "|---|---|", ...some.map(guarded)].join("\n")]
    }
    const each = await Promise.all(some.map((exported) => section(exported, "")))
    return [...(title === "Errors" ? await factsSection(some) : []), ...each.flat()]
  })
  return [`# ${entry.name}`, made, linked(headOf(module), find), ...contents, ...(await Promise.all(sections)).flat()]
    .filter((part) => part !== "")
    .join("\n\n")
}

/**
 * All pages by their paths below the folder, and the exports that say nothing of themselves.
 *
 * @returns {Promise<{ readonly pages: ReadonlyMap<string, string>, readonly undocumented: ReadonlyArray<string> }>}
 */
export const reference = async () => {
  const all = entries()
  const program = programOf(all)
  const checker = program.getTypeChecker()
  /** @type {Map<string, string>} */
  const pages = new Map()
  /** @type {Set<string>} */
  const undocumented = new Set()
  const index = ["# API reference", made, marks]
  /** @type {Array<string>} */
  const rows = []
  const modules = all.map((entry) => {
    const file = program.getSourceFile(entry.file)
    const module = file === undefined ? undefined : checker.getSymbolAtLocation(file)
    if (module === undefined) throw new Error(`${relative(root, entry.file)} is no module`)
    return { entry, module }
  })
  const places = new Map(
    modules.map(({ entry, module }) => [entry.page, placesOf(checker, entry.name, exportsOf(checker, module))]),
  )
  const symbols = modules
    .flatMap(({ module }) => exportsOf(checker, module))
    .flatMap(({ symbol, members }) => [symbol, ...members.map((member) => member.symbol)])
  const descriptions = await descriptionsOf([...new Set(symbols)])
  const context = { checker, naming: namingOf(checker, symbols), exported: new Set(symbols), descriptions }
  for (const { entry, module } of modules) {
    /** @type {(exported: Exported, within: string) => void} */
    const look = (exported, within) => {
      if (commentOf(checker, exported) === "") {
        const place = exported.symbol.declarations?.[0]?.getSourceFile().fileName ?? ""
        undocumented.add(`${relative(root, place)}: ${within}${exported.name}`)
      }
      for (const member of exported.members) look(member, `${exported.name}.`)
    }
    if (headOf(module) === "") undocumented.add(`${relative(root, entry.file)}: the module`)
    for (const exported of exportsOf(checker, module)) look(exported, "")
    pages.set(entry.page, `${await pageOf(context, entry, module, findingOf(places, entry.page))}\n`)
    rows.push(`| [\`${entry.name}\`](${entry.page}) | ${linked(firstSentence(headOf(module)), () => undefined)} |`)
  }
  pages.set("README.md", `${[...index, ["| import | |", "|---|---|", ...rows].join("\n")].join("\n\n")}\n`)
  return { pages, undocumented: [...undocumented].toSorted() }
}

/** Writes all pages anew. @param {string} folder */
const write = async (folder) => {
  const { pages } = await reference()
  rmSync(folder, { recursive: true, force: true })
  for (const [page, text] of pages) {
    mkdirSync(dirname(join(folder, page)), { recursive: true })
    writeFileSync(join(folder, page), text)
  }
}

if (argv[1] === fileURLToPath(import.meta.url)) await write(argv[2] ?? join(root, "docs/api"))
