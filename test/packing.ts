/** The packages as somebody else gets them: packed as they are published, and installed by npm in an empty folder. */
import { execFile } from "node:child_process"
import { existsSync, globSync, mkdirSync, readFileSync, writeFileSync } from "node:fs"
import { delimiter, join } from "node:path"
import { promisify } from "node:util"
import { root } from "../scripts/checkout.mjs"
import { withoutNpm } from "../scripts/toolchain.mjs"

const execute = promisify(execFile)

export interface Manifest {
  readonly name: string
  readonly version: string
  readonly private?: boolean
  readonly description?: string
  readonly keywords?: ReadonlyArray<string>
  readonly license?: string
  readonly type?: string
  readonly sideEffects?: boolean
  readonly files?: ReadonlyArray<string>
  readonly bin?: Readonly<Record<string, string>>
  readonly exports?: Readonly<Record<string, Conditions>>
  readonly engines?: { readonly node?: string }
  readonly publishConfig?: Readonly<Record<string, unknown>>
  readonly dependencies?: Readonly<Record<string, string>>
  readonly devDependencies?: Readonly<Record<string, string>>
  readonly optionalDependencies?: Readonly<Record<string, string>>
  readonly peerDependencies?: Readonly<Record<string, string>>
}

/** What is taken under which condition: a file, or further conditions. */
export type Conditions = string | { readonly [condition: string]: Conditions }

/** The files that a condition can lead to. */
export const targetsOf = (conditions: Conditions): ReadonlyArray<string> =>
  typeof conditions === "string" ? [conditions] : Object.values(conditions).flatMap(targetsOf)

export const manifestIn = (folder: string): Manifest => JSON.parse(readFileSync(join(folder, "package.json"), "utf8"))

/** A package of this house, by the folder it is made in. */
export interface Package {
  readonly folder: string
  readonly manifest: Manifest
}

export const packages: ReadonlyArray<Package> = globSync("{packages,apps}/*/package.json", { cwd: root })
  .toSorted()
  .map((file) => join(root, file, ".."))
  .map((folder) => ({ folder, manifest: manifestIn(folder) }))

export const published: ReadonlyArray<Package> = packages.filter(({ manifest }) => manifest.private !== true)

/** Runs a program to its end, and gives what it wrote; whatever fails tells what it had to say. */
export const run = async (
  command: string,
  args: ReadonlyArray<string>,
  { cwd, env = {}, node }: { readonly cwd: string; readonly env?: Record<string, string>; readonly node?: string },
): Promise<{ readonly stdout: string; readonly stderr: string }> => {
  const inherited = withoutNpm(process.env)
  const path = [...(node === undefined ? [] : [join(node, "..")]), inherited["PATH"] ?? ""].join(delimiter)
  try {
    return await execute(command, args, { cwd, env: { ...inherited, NODE_ENV: "", PATH: path, ...env } })
  } catch (error) {
    const { stdout, stderr } = error as { readonly stdout?: string; readonly stderr?: string }
    throw new Error(`${command} ${args.join(" ")}: ${String(error)}\n${stdout}${stderr}`, { cause: error })
  }
}

/** Packs a package into a folder, and gives the tarball's path. */
export const pack = async ({ folder }: Package, into: string): Promise<string> => {
  const { stdout } = await run("pnpm", ["pack", "--json", "--pack-destination", into], { cwd: folder })
  const { filename } = JSON.parse(stdout) as { readonly filename: string }
  return filename
}

/** Installs tarballs in a new folder; what they ask of each other is taken from the tarballs too. */
export const install = async (
  folder: string,
  {
    tarballs,
    wanted,
    node,
  }: { readonly tarballs: ReadonlyMap<string, string>; readonly wanted: string; readonly node?: string },
) => {
  mkdirSync(folder, { recursive: true })
  const from = (name: string) => `file:${tarballs.get(name)}`
  const others = [...tarballs.keys()].filter((name) => name !== wanted)
  writeFileSync(
    join(folder, "package.json"),
    JSON.stringify({
      private: true,
      type: "module",
      dependencies: { [wanted]: from(wanted) },
      overrides: Object.fromEntries(others.map((name) => [name, from(name)])),
    }),
  )
  const { stdout, stderr } = await run("npm", ["install", "--no-audit", "--no-fund"], {
    cwd: folder,
    ...(node !== undefined && { node }),
  })
  return stdout + stderr
}

/** What is installed in a folder, at whichever depth. */
export const installed = (folder: string): ReadonlyArray<string> =>
  globSync(["**/node_modules/*/package.json", "**/node_modules/@*/*/package.json"], { cwd: folder })
    .map((file) => file.replace(/^.*node_modules\/((?:@[^/]+\/)?[^/]+)\/package\.json$/, "$1"))
    .toSorted()

/** A Node of this major version: this one, one of the machine's, or one that npm has. */
export const nodeOf = async (major: number, folder: string): Promise<string> => {
  const candidates = (process.env["PATH"] ?? "").split(delimiter).map((place) => join(place, "node"))
  for (const node of [process.execPath, ...candidates.filter((file) => existsSync(file))]) {
    const { stdout } = await run(node, ["--version"], { cwd: root })
    if (stdout.startsWith(`v${major}.`)) return node
  }
  const name = `node-${process.platform}-${process.arch}`
  mkdirSync(folder, { recursive: true })
  writeFileSync(join(folder, "package.json"), '{ "private": true }\n')
  await run("npm", ["install", "--no-audit", "--no-fund", `${name}@${major}`], { cwd: folder })
  return join(folder, "node_modules", name, "bin", "node")
}
