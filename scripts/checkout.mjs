/** What lies in the checkout, and what of it is installed and built from. */
import { createHash } from "node:crypto"
import { existsSync, readdirSync, readFileSync, statSync } from "node:fs"
import { dirname, join, relative } from "node:path"
import { fileURLToPath } from "node:url"

export const root = dirname(dirname(fileURLToPath(import.meta.url)))

/** The workspace packages, as pnpm-workspace.yaml names them. */
export const workspaces = () =>
  ["packages", "apps"]
    .flatMap((folder) => readdirSync(join(root, folder)).map((name) => join(root, folder, name)))
    .filter((folder) => existsSync(join(folder, "package.json")))
    .toSorted()

/**
 * @param {string} folder
 * @param {{ recursive?: boolean }} [options]
 */
const filesIn = (folder, { recursive = false } = {}) =>
  existsSync(folder)
    ? readdirSync(folder, { recursive })
        .map((name) => join(folder, String(name)))
        .filter((file) => statSync(file).isFile())
        .toSorted()
    : []

export const installInputs = () =>
  ["package.json", "pnpm-lock.yaml", "pnpm-workspace.yaml", ".npmrc"]
    .map((name) => join(root, name))
    .concat(workspaces().map((folder) => join(folder, "package.json")))
    .filter((file) => existsSync(file))

export const buildInputs = () => [
  ...installInputs(),
  join(root, "turbo.json"),
  join(root, "tsconfig.base.json"),
  ...filesIn(join(root, "scripts", "bundle"), { recursive: true }),
  ...workspaces().flatMap((folder) => filesIn(folder).concat(filesIn(join(folder, "src"), { recursive: true }))),
]

/**
 * One hash over names and contents, not times: a fresh clone, a copy and a branch switched to and back are all told right.
 *
 * @param {string} base
 * @param {ReadonlyArray<string>} files
 */
export const fingerprint = (base, files) => {
  const hash = createHash("sha256").update(`${process.platform}-${process.arch}`)
  for (const file of files) {
    const content = readFileSync(file)
    hash.update(`\0${relative(base, file)}\0${content.length}\0`).update(content)
  }
  return hash.digest("hex")
}
