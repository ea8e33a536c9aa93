/** Links of the documentation lead somewhere, and its TypeScript compiles. */
import { spawnSync } from "node:child_process"
import { existsSync } from "node:fs"
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises"
import { dirname, join } from "node:path"
import { expect, it } from "vitest"
import { anchorsOf, blocksOf, linksOf, pages, readPage, root } from "./markdown.ts"

const leadsNowhere = ({ target, anchor }: { target: string; anchor: string | undefined }) =>
  !existsSync(join(root, target)) || (anchor !== undefined && !anchorsOf(readPage(target)).includes(anchor))

it("every link leads to a file, and to a heading of it where it names one", () => {
  const links = pages.flatMap((page) =>
    linksOf(readPage(page)).map((link) => {
      const [path = "", anchor] = link.split("#")
      return { page, link, target: path === "" ? page : join(dirname(page), path), anchor }
    }),
  )
  expect(links.length).toBeGreaterThan(50)
  expect(links.filter(leadsNowhere).map(({ page, link }) => `${page}: ${link}`)).toEqual([])
})

it("no link leads whoever uses a package into its sources", () => {
  const links = pages.flatMap((page) => linksOf(readPage(page)).map((link) => `${page}: ${link}`))
  expect(links.length).toBeGreaterThan(50)
  expect(links.filter((link) => /(packages|apps)\/[^/]+\/src\//.test(link))).toEqual([])
})

/**
 * A page's blocks in one module each, on the lines that they have in the page. One that is marked `continuing` goes on
 * where the one before it ended.
 */
const modulesOf = (page: string): ReadonlyArray<string> => {
  const modules: Array<string> = []
  for (const { info, body, line } of blocksOf(readPage(page))) {
    if (info[0] !== "ts") continue
    const before = info.includes("continuing") ? (modules.pop() ?? "") : ""
    modules.push(`${before}${"\n".repeat(line - before.split("\n").length + 1)}${body}`)
  }
  return modules
}

it("every block of TypeScript compiles against the packages as they are", async () => {
  // Below the root, where the packages are found.
  const cache = join(root, "node_modules", ".cache")
  await mkdir(cache, { recursive: true })
  const folder = await mkdtemp(join(cache, "docs-"))
  try {
    const modules = pages.flatMap((page) => modulesOf(page).map((text, index) => ({ page, text, index })))
    expect(modules.length).toBeGreaterThan(3)
    for (const { page, text, index } of modules) {
      const file = join(folder, `${page}.${index}.ts`)
      await mkdir(dirname(file), { recursive: true })
      await writeFile(file, `${text}\nexport {}\n`)
    }
    const compilerOptions = {
      rootDir: root,
      noEmit: true,
      composite: false,
      declaration: false,
      declarationMap: false,
      rewriteRelativeImportExtensions: false,
      // The types that an install brings, not the sources.
      customConditions: [],
      noUnusedLocals: false,
      lib: ["ES2024", "DOM"],
      types: ["node"],
    }
    await writeFile(join(folder, "package.json"), JSON.stringify({ type: "module" }))
    const config = { extends: join(root, "tsconfig.base.json"), compilerOptions, include: ["**/*.ts"] }
    await writeFile(join(folder, "tsconfig.json"), JSON.stringify(config))
    const tsc = join(root, "node_modules", "typescript", "bin", "tsc")
    const { stdout, status } = spawnSync(process.execPath, [tsc, "-p", folder, "--pretty", "false"], {
      cwd: folder,
      encoding: "utf8",
    })
    expect({ errors: stdout.split("\n").filter((line) => line !== ""), status }).toEqual({ errors: [], status: 0 })
  } finally {
    await rm(folder, { recursive: true })
  }
})
