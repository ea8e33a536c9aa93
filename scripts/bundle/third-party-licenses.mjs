/**
 * Puts beside a bundle the licences of those whose code is in it, which is what they ask for: MIT and Apache alike want their
 * text to go where their code goes.
 */
import { existsSync, readdirSync, readFileSync } from "node:fs"
import { join } from "node:path"

/**
 * The folder of the package that a module is of, when it is not one of the house's.
 *
 * @param {string} id
 */
const packageOf = (id) => {
  const [, folder] = /^(.*\/node_modules\/(?:@[^/]+\/)?[^/]+)\//.exec(id.replaceAll("\\", "/")) ?? []
  return folder
}

/**
 * @param {string} folder
 * @param {ReadonlyArray<string>} modules those of the package; a bundle that somebody made may have a list of its own
 */
const section = (folder, modules) => {
  const { name, version, license } = JSON.parse(readFileSync(join(folder, "package.json"), "utf8"))
  const own = readdirSync(folder).filter((file) => /^(licen[cs]e|notice|copying)(\.(md|txt))?$/i.test(file))
  const lists = modules.map((id) => `${id.replace(/\?.*$/, "")}.LICENSE.txt`).filter((file) => existsSync(file))
  const files = [...own.toSorted().map((file) => join(folder, file)), ...lists.toSorted()]
  return [`${name} ${version} (${license})`, ...files.map((file) => readFileSync(file, "utf8").trim())].join("\n\n")
}

/**
 * @param {string} [fileName]
 * @returns {import("rolldown").Plugin}
 */
export const thirdPartyLicenses = (fileName = "THIRD-PARTY-LICENSES.txt") => ({
  name: "third-party-licenses",
  generateBundle(_, bundle) {
    const modules = Object.values(bundle).flatMap((made) => (made.type === "chunk" ? made.moduleIds : []))
    const folders = Map.groupBy(modules, packageOf)
    const sections = [...folders].flatMap(([folder, ids]) => (folder === undefined ? [] : [section(folder, ids)]))
    const source = `${sections.toSorted().join(`\n\n${"-".repeat(80)}\n\n`)}\n`
    if (sections.length > 0) this.emitFile({ type: "asset", fileName, source })
  },
})
