/**
 * Every npm script of the root comes through here, so that a machine with any Node from 20 on and npm can do all of
 * it: `node scripts/front-door.mjs <command> [arguments for the tool behind it]`.
 */
import { readFileSync, readdirSync, rmSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { ensureBuilt, ensureInstalled, ensurePeers } from "./build.mjs"
import { root } from "./checkout.mjs"
import { StepFailed, dieOf, passSignalsOn, run, say } from "./processes.mjs"
import { pack, publish, version } from "./release.mjs"
import { start } from "./start.mjs"

/**
 * @param {string} name
 * @param {NodeJS.ProcessEnv} more
 * @param {ReadonlyArray<string>} args
 */
const vitest = async (name, more, args) => {
  const { env } = await ensureBuilt()
  const report = ["--reporter=default", "--reporter=json", `--outputFile.json=reports/${name}.json`]
  await run(`npm run ${name.replace("-", ":")}`, "vitest", ["run", ...report, ...args], { env: { ...env, ...more } })
}

/**
 * Runs all of them, whichever fail.
 *
 * @param {ReadonlyArray<readonly [name: string, command: string, args: ReadonlyArray<string>]>} steps
 * @param {string} hint
 */
const runAll = async (steps, hint) => {
  const { env } = await ensureInstalled()
  /** @type {Array<string>} */
  const failed = []
  for (const [name, command, args] of steps) {
    say(`${name} …`)
    await run(name, command, args, { env }).catch((error) => {
      if (!(error instanceof StepFailed) || error.exit.signal !== null) throw error
      failed.push(name)
    })
  }
  if (failed.length > 0) throw new Error(`Failed: ${failed.join(", ")}. ${hint}`)
}

const effectRules = ["--severity", "error,warning", "--lspconfig", '{"name":"@effect/language-service"}']
const check = () =>
  runAll(
    [
      ["Types", "tsc", ["-b"]],
      ["Effect diagnostics", "effect-tsgo", ["diagnostics", "--project", "tsconfig.json", "--strict", ...effectRules]],
      ["Lint", "oxlint", ["--deny-warnings"]],
      ["Format", "oxfmt", ["--check"]],
    ],
    "`npm run fix` mends what a tool can mend.",
  )

const fix = () =>
  runAll(
    [
      ["Lint", "oxlint", ["--fix"]],
      ["Format", "oxfmt", ["--write"]],
    ],
    "What is left takes a human.",
  )

/** @param {ReadonlyArray<string>} args parts of file names, none means all; and options, for every benchmark */
const bench = async (args) => {
  const [names, options] = [args.filter((arg) => !arg.startsWith("-")), args.filter((arg) => arg.startsWith("-"))]
  const all = readdirSync(join(root, "benchmarks")).filter((file) => file.endsWith(".bench.ts"))
  const picked = all.filter((file) => names.length === 0 || names.some((name) => file.includes(name)))
  if (picked.length === 0) throw new Error(`No benchmark is called so. There are: ${all.join(", ") || "none"}`)
  const { env } = await ensureBuilt()
  await ensurePeers()
  const folder = join(root, "reports", "bench")
  rmSync(folder, { recursive: true, force: true })
  for (const file of picked.toSorted()) {
    say(`benchmarks/${file}`)
    await run(file, "node", [join("benchmarks", file), ...options], { env })
  }
  const told = readdirSync(folder).filter((file) => file.endsWith(".md"))
  writeFileSync(`${folder}.md`, told.map((file) => readFileSync(join(folder, file), "utf8")).join("\n"))
  say("All of it: reports/bench.md, and as JSON in reports/bench")
}

/** The API reference in docs/api, anew. */
const docs = async () => {
  const { env } = await ensureInstalled()
  await run("docs", "node", [join("scripts", "reference.mjs")], { env })
}

/** @type {Record<string, (args: ReadonlyArray<string>) => Promise<unknown>>} */
const commands = {
  start,
  test: (args) => vitest("test", {}, args),
  "test:long": (args) => vitest("test-long", { TEST_LONG: "1" }, args),
  check,
  build: (args) => ensureBuilt({ force: true, args }),
  fix,
  docs,
  bench,
  pack,
  "release:version": version,
  "release:publish": publish,
}

passSignalsOn()
const [name = "", ...args] = process.argv.slice(2)
try {
  const command = Object.hasOwn(commands, name) ? commands[name] : undefined
  if (command === undefined) throw new Error(`Usage: npm run <${Object.keys(commands).join("|")}>`)
  await command(args)
} catch (error) {
  if (!(error instanceof Error)) throw error
  process.exitCode = 1
  if (error instanceof StepFailed) {
    process.stderr.write(error.output)
    if (error.exit.signal !== null) dieOf(error.exit.signal)
    process.exitCode = error.exit.code || 1
  }
  say(error.message)
}
