/** Where each name of the API reference has its entry, and how a page gets there. */
import { dirname, relative } from "node:path"
import ts from "typescript-6"

/** @typedef {ReadonlyMap<string, ReadonlyMap<string, string>>} Places by page, then by name: the anchor */
/** @typedef {(name: string, within?: string) => string | undefined} Finding of what a name means on a page, in a module of it */

/**
 * The anchors that are made of headings: of those that differ in their letters' case only, a later one has a number.
 *
 * @param {ReadonlyArray<string>} headings
 */
export const anchorsOf = (headings) => {
  /** @type {Map<string, number>} */
  const seen = new Map()
  return headings.map((heading) => {
    const slug = heading
      .toLowerCase()
      .replaceAll(/[^\w -]/g, "")
      .replaceAll(" ", "-")
    const before = seen.get(slug) ?? 0
    seen.set(slug, before + 1)
    return before === 0 ? slug : `${slug}-${before}`
  })
}

/**
 * A name means the entry on the page itself, if there is one, then that on the main page of the package, then core's.
 *
 * @param {Places} places
 * @param {string} page
 * @returns {Finding}
 */
export const findingOf = (places, page) => {
  const others = [`${page.split("/")[0]}/index.md`, "core/index.md"]
  return (name, within = "") => {
    for (const named of [`${within}${name}`, name, `${name}.${name}`]) {
      for (const other of [page, ...others]) {
        const anchor = places.get(other)?.get(named)
        if (anchor !== undefined) return `${other === page ? "" : relative(dirname(page), other)}#${anchor}`
      }
    }
    return undefined
  }
}

/**
 * The types that a declaration names, as links.
 *
 * @param {string} code
 * @param {ts.Symbol} symbol what it declares
 * @param {Finding} find
 * @param {string} within
 */
export const seeAlso = (code, symbol, find, within) => {
  const own = (symbol.declarations ?? []).flatMap((node) =>
    ts.isClassDeclaration(node) || ts.isInterfaceDeclaration(node) || ts.isTypeAliasDeclaration(node)
      ? (node.typeParameters ?? []).map((parameter) => parameter.name.text)
      : [],
  )
  const bare = code.replaceAll(/\/\*[\s\S]*?\*\/|\/\/.*$|"(?:[^"\\\n]|\\.)*"|`[^`]*`/gm, "")
  const declared = [...bare.matchAll(/\b(?:class|interface|type) (\w+)/g)].map(([, name = ""]) => name)
  const names = [...bare.matchAll(/(?<![\w.])[A-Z]\w*(?:\.[A-Z]\w*)?/g)].map(([name]) => name)
  const links = [...new Set(names)]
    .filter((name) => name !== symbol.name && !own.includes(name) && !declared.includes(name))
    .flatMap((name) => {
      const link = find(name, within)
      return link === undefined ? [] : [`[${name}](${link})`]
    })
  return links.length === 0 ? "" : `See ${links.toSorted().join(", ")}.`
}

/**
 * Text of a doc comment, whose `{@link name}` leads to the entry, where there is one.
 *
 * @param {string} text
 * @param {Finding} find
 * @param {string} [within]
 */
export const linked = (text, find, within) =>
  text.replaceAll(/\{@link(?:code|plain)?\s+([^}|\s]+)\s*\|?\s*([^}]*)\}/g, (_, name, label) => {
    const link = find(name, within) ?? find(`${name}.`)
    return link === undefined ? `\`${label || name}\`` : `[\`${label || name}\`](${link})`
  })
