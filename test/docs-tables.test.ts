/** Tables of the documentation say what the programs and the list of errors say. */
import { execFileSync } from "node:child_process"
import { join } from "node:path"
import * as Core from "@webflow-users/core"
import { Routes } from "@webflow-users/core/wire"
import { expect, it } from "vitest"
import { readPage, root } from "./markdown.ts"

/** The rows of the table with these columns, each cell without its code marks. */
const rowsOf = (page: string, head: string): ReadonlyArray<ReadonlyArray<string>> => {
  const table = readPage(page).split(`${head}\n`)[1]?.split("\n\n")[0] ?? ""
  return table
    .split("\n")
    .slice(1)
    .map((row) =>
      row
        .slice(2, -2)
        .split(" | ")
        .map((cell) => cell.replaceAll("`", "")),
    )
}

const cli = (...args: ReadonlyArray<string>): string =>
  execFileSync(process.execPath, [join(root, "apps/cli/dist/main.js"), ...args], { encoding: "utf8" })

it("docs/sdk.md has every class of the list of errors, with its status, its code, and whether to try again", () => {
  const theirs = "the server's"
  const facts = (status: number) => {
    const given = { status, code: theirs, cause: new Error("cause") }
    const errors = Object.values(Core).flatMap((value) => {
      if (typeof value !== "function" || !(value.prototype instanceof Error)) return []
      const error: unknown = new (value as unknown as new (fields: object) => unknown)(given)
      return Core.isUpdateUserError(error) ? [error] : []
    })
    return new Map(errors.map((error) => [error._tag, error]))
  }
  const passing = facts(599)
  const lasting = facts(400)
  const expected = [...passing].map(([tag, { status, code, isRetryable }]) => {
    const same = lasting.get(tag)?.isRetryable === isRetryable
    return [tag, status === 599 ? theirs : String(status), code, same ? (isRetryable ? "yes" : "no") : "by its status"]
  })
  const rows = rowsOf("docs/sdk.md", "| class | `status` | `code` | retryable | when |").map((row) => row.slice(0, 4))
  expect(expected.length).toBeGreaterThan(20)
  expect(rows.toSorted()).toEqual(expected.toSorted())
})

it("docs/cli.md has every command, in the words of the program", () => {
  // A shell's completions are the one place where the program lists all of them.
  const completions = cli("--completions", "fish")
  const listed = (condition: string) => {
    const line = new RegExp(`-n '${condition}' -f -a '(\\w[\\w-]*)' -d '((?:[^'\\\\]|\\\\.)*)'$`, "gm")
    return [...completions.matchAll(line)].map(([, name = "", what = ""]) => [name, what.replaceAll("\\", "")] as const)
  }
  const commands = listed("__fish_use_subcommand").flatMap(([name, what]) => {
    const of = `__fish_seen_subcommand_from ${name}; and not __fish_seen_subcommand_from [^']+`
    const below = listed(of).map(([sub, does]) => [`${name} ${sub}`, does])
    // Those of a group of commands stand in its place; `runs` is one by itself, too.
    return below.length === 0 || name === "runs" ? [[name, what], ...below] : below
  })
  expect(commands.length).toBeGreaterThan(20)
  expect(rowsOf("docs/cli.md", "| command | |")).toEqual(commands)
})

it("docs/cli.md has every exit code, in the words of --help", () => {
  const said = cli("--help").split("Exit codes: ")[1]?.split(".")[0] ?? ""
  const codes = said.split(",").map((code) => /^\s*(\d+) (.+)$/.exec(code)?.slice(1))
  expect(codes.length).toBeGreaterThan(5)
  expect(rowsOf("docs/cli.md", "| exit code | |")).toEqual(codes)
})

it("docs/http-proxy.md has every path of the contract", () => {
  const page = readPage("docs/http-proxy.md")
  const missing = Object.values(Routes.routes).filter(({ method, path }) => !page.includes(`\`${method} ${path}\``))
  expect(missing).toEqual([])
})
