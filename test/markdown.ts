/** What tests of the documentation read in it: blocks of code, links, headings. */
import { globSync, readFileSync } from "node:fs"
import { join } from "node:path"
import { fileURLToPath } from "node:url"

export const root = fileURLToPath(new URL("..", import.meta.url))

/** Every page, below the root. */
export const pages: ReadonlyArray<string> = globSync(["*.md", "docs/**/*.md", "{packages,apps}/*/*.md"], {
  cwd: root,
  exclude: (path) => path.endsWith("node_modules"),
})
  .map((path) => path.replaceAll("\\", "/"))
  .toSorted()

export const readPage = (page: string): string => readFileSync(join(root, page), "utf8")

export interface Block {
  /** What stands behind the fence: a language, and words about the block. */
  readonly info: ReadonlyArray<string>
  readonly body: string
  /** The line of the page that the body begins on, from 0. */
  readonly line: number
}

export const blocksOf = (markdown: string): ReadonlyArray<Block> =>
  [...markdown.matchAll(/^```([^\n]*)\n([\s\S]*?)^```$/gm)].map(({ 1: info = "", 2: body = "", index }) => ({
    info: info.split(" "),
    body,
    line: markdown.slice(0, index).split("\n").length,
  }))

/** The page without its code. */
const prose = (markdown: string) =>
  markdown.replaceAll(/^```[\s\S]*?^```$/gm, "").replaceAll(/`[^`\n]*`/g, (code) => code.replaceAll(/[[\]()]/g, ""))

/** Where the links of a page go: not what is elsewhere on the network. */
export const linksOf = (markdown: string): ReadonlyArray<string> =>
  [...prose(markdown).matchAll(/\]\(([^()\s]+)\)/g)]
    .map(([, target = ""]) => target)
    .filter((target) => !/^[a-z]+:/.test(target))

/** The anchors of a page's headings. */
export const anchorsOf = (markdown: string): ReadonlyArray<string> => {
  const seen = new Map<string, number>()
  return [...prose(markdown).matchAll(/^#+ (.+)$/gm)].map(([, heading = ""]) => {
    const slug = heading
      .toLowerCase()
      .replaceAll(/[^\p{L}\p{N}\s_-]/gu, "")
      .replaceAll(" ", "-")
    const before = seen.get(slug) ?? 0
    seen.set(slug, before + 1)
    return before === 0 ? slug : `${slug}-${before}`
  })
}
