/**
 * What a benchmark tells: tables and how they compare with what was wanted. They are printed, and written as Markdown and as
 * JSON into `reports/bench`, under the benchmark's name.
 */
import { mkdirSync, writeFileSync } from "node:fs"
import { cpus, loadavg } from "node:os"
import { basename, join } from "node:path"
import { fileURLToPath } from "node:url"

/** `npm run bench -- --quick`: all benchmarks together in less than three minutes, for daily use; fewer rounds, smaller stores. */
export const isQuick = process.argv.includes("--quick")

export type Cell = number | string | undefined

export interface Table {
  readonly title: string
  /** The columns after the first, each with its unit. */
  readonly columns: ReadonlyArray<string>
  /** Who was measured, and a cell for each column. */
  readonly rows: ReadonlyArray<readonly [who: string, ...cells: ReadonlyArray<Cell>]>
}

/** A figure that is wanted: a ratio, a count or an amount of memory wherever it can be, since what a clock says differs between machines. */
export type Goal = { readonly what: string; readonly measured: number } & (
  | { readonly atLeast: number }
  | { readonly atMost: number }
)

const folder = fileURLToPath(new URL("../reports/bench", import.meta.url))
const [program = ""] = process.argv.slice(1)
const name = basename(program, ".bench.ts")

// Three digits are more than two shared cores can tell.
const digits = new Intl.NumberFormat("en", { maximumSignificantDigits: 3 })
const cellOf = (cell: Cell) => (typeof cell === "number" ? digits.format(cell) : (cell ?? "–"))

const markdown = ({ title, columns, rows }: Table): string => {
  const lines = rows.map(([who, ...cells]) => `| ${[who, ...cells.map(cellOf)].join(" | ")} |`)
  return [`| ${[title, ...columns].join(" | ")} |`, `|---|${columns.map(() => "--:|").join("")}`, ...lines].join("\n")
}

const wanted = (goal: Goal) => ("atLeast" in goal ? `≥ ${goal.atLeast}` : `≤ ${goal.atMost}`)
const isMet = (goal: Goal) => ("atLeast" in goal ? goal.measured >= goal.atLeast : goal.measured <= goal.atMost)

/** Tells all that was measured, once, at the end. */
export const report = (tables: ReadonlyArray<Table>, goals: ReadonlyArray<Goal> = []): void => {
  const load = loadavg()[0] ?? 0
  const seconds = performance.now() / 1000
  const compared: Table = {
    title: "Wanted",
    columns: ["at", "measured", ""],
    rows: goals.map((goal) => [goal.what, wanted(goal), goal.measured, isMet(goal) ? "met" : "missed"]),
  }
  const machine = `Node ${process.versions.node}, ${cpus().length} processors, load ${load.toFixed(1)} at the end of ${seconds.toFixed(0)} s${isQuick ? ", --quick" : ""}`
  const text = [...tables, ...(goals.length > 0 ? [compared] : [])].map(markdown).join("\n\n")
  console.log(`\n${text}\n\n${machine}`)
  mkdirSync(folder, { recursive: true })
  writeFileSync(join(folder, `${name}.md`), `## ${name}\n\n${text}\n\n${machine}\n`)
  const facts = {
    name,
    at: new Date().toISOString(),
    node: process.versions.node,
    processor: cpus()[0]?.model,
    processors: cpus().length,
    load,
    seconds,
    isQuick,
    tables,
    goals: goals.map((goal) => ({ ...goal, isMet: isMet(goal) })),
  }
  writeFileSync(join(folder, `${name}.json`), `${JSON.stringify(facts, undefined, 2)}\n`)
}
